//! Observations of recorded frames, as training data or to compare with a session's journal: one JSON line for each
//! state of a book, seen with a flat account of $1,000.
//!
//! Uses the decide stage's book, points and schema, and the frame time rule of the observation schema. A recording says
//! nothing of tick grids, so every market gets the finest one.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::book::{Book, BookError};
use crate::decide::observation::{
    ExchangeZone, LENGTH, ObservationInput, OpenOrders, PointHistory, Portfolio, observe,
};
use crate::exchange::recorded::open_frames;
use crate::market::{BookLevels, Grid, GridBands, Money, Price};
use crate::wire::WireError;
use crate::wire::frame::{self, Frame, Message};
use crate::wire::recorded::unwrap_line;

/// How to read a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObserveOptions {
    /// The width of a point of the history, in milliseconds.
    pub point_ms: u64,
    /// Whether holes in a subscription's running numbers are expected: some recordings leave out other markets' frames.
    pub ignore_seq: bool,
}

/// What a recording held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObserveSummary {
    /// Frames read.
    pub frames: u64,
    /// Book states, each of which gave a line.
    pub states: u64,
    /// Markets whose book was seen.
    pub markets: u64,
    /// Changes that a book refused: negative sizes, crossed books, bad levels. Its market gave no line until the next
    /// snapshot.
    pub book_errors: u64,
    /// Deltas for a book that had no snapshot, or none since it refused a change.
    pub unusable_deltas: u64,
}

/// Why a recording cannot be observed. Lines count from one.
#[derive(Debug, Error)]
pub enum ObserveError {
    /// Reading failed, for instance because a compressed file is cut off.
    #[error("line {line}: cannot be read: {source}")]
    Read {
        /// The line.
        line: usize,
        /// What the reader said.
        source: io::Error,
    },
    /// A line that is no recorded frame.
    #[error("line {line}: {source}")]
    Frame {
        /// The line.
        line: usize,
        /// What is wrong with it.
        source: WireError,
    },
    /// A frame is missing, or stands twice or in the wrong place.
    #[error(
        "line {line}: sid {sid} continues with seq {found}, expected {expected} (recordings with holes need --ignore-seq)"
    )]
    Seq {
        /// The line.
        line: usize,
        /// The subscription.
        sid: u64,
        /// The number that was due.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A market's first frame has no time, and neither has any after it.
    #[error("line {line}: {market}: no time in this frame or after it (expected ts_ms, sending_ts_ms or recv_ms)")]
    NoTime {
        /// The line.
        line: usize,
        /// The market.
        market: String,
    },
    /// Writing failed.
    #[error("cannot write the observations: {0}")]
    Write(#[from] io::Error),
}

/// One line of output.
#[derive(Serialize)]
struct StateLine<'a> {
    ts_ms: i64,
    market: &'a str,
    yes_bid: Option<Price>,
    yes_ask: Option<Price>,
    observation: &'a [f32],
}

/// Reads a frames file, `.zst` or plain; see [`observe_lines`].
///
/// # Errors
/// When the file cannot be opened, and as [`observe_lines`].
pub fn observe_file(
    path: &Path,
    options: ObserveOptions,
    output: &mut impl Write,
) -> Result<ObserveSummary, ObserveError> {
    let reader = open_frames(path).map_err(|source| ObserveError::Read { line: 0, source })?;
    observe_lines(reader.split(b'\n'), options, output)
}

/// Reads frames, bare or as `{"recv_ms":N,"event":{frame}}`, one a line, and writes a JSON line for each book state.
/// Empty lines are passed over.
///
/// # Errors
/// At the first line that cannot be read or is no frame, at a hole in a subscription's numbers unless they are ignored,
/// for a market without any time, and when writing fails.
pub fn observe_lines<L: AsRef<[u8]>>(
    lines: impl Iterator<Item = io::Result<L>>,
    options: ObserveOptions,
    output: &mut impl Write,
) -> Result<ObserveSummary, ObserveError> {
    let mut lines = Lines::new(lines);
    let mut observer = Observer::new(options);
    let mut levels = BookLevels::default();
    let mut numbers = Numbers::default();
    while let Some((line, bytes)) = lines.next()? {
        let bytes = bytes.as_ref();
        let located = |source| ObserveError::Frame { line, source };
        let (recv_ms, bytes) = unwrap_line(bytes).map_err(located)?;
        let frame = frame::parse(bytes, &mut levels).map_err(located)?;
        observer.summary.frames += 1;
        if !options.ignore_seq {
            numbers.check(&frame, line)?;
        }
        let Some(market) = book_market(&frame) else {
            continue;
        };
        let time_ms = match frame_time(&frame).or_else(|| observer.last_time(market)).or(recv_ms) {
            Some(time_ms) => time_ms,
            None => lines.next_time()?.ok_or_else(|| ObserveError::NoTime { line, market: market.to_owned() })?,
        };
        observer.frame(&frame, market, &levels, time_ms, output)?;
    }
    output.flush()?;
    Ok(observer.summary)
}

/// The market whose book a frame changes.
pub(super) fn book_market<'a>(frame: &Frame<'a>) -> Option<&'a str> {
    match &frame.message {
        Message::Snapshot(snapshot) => Some(snapshot.ticker),
        Message::Delta(delta) => Some(delta.ticker),
        _ => None,
    }
}

/// A frame's own time.
pub(super) fn frame_time(frame: &Frame<'_>) -> Option<i64> {
    let own = match &frame.message {
        Message::Delta(delta) => delta.ts_ms,
        Message::Trade(trade) => trade.ts_ms,
        Message::Fill(fill) => fill.ts_ms,
        _ => None,
    };
    own.or(frame.envelope.sending_ts_ms)
}

/// The lines with their numbers, and a look ahead for the next time.
pub(super) struct Lines<I, L> {
    source: I,
    read: usize,
    ahead: VecDeque<(usize, L)>,
}

impl<I: Iterator<Item = io::Result<L>>, L: AsRef<[u8]>> Lines<I, L> {
    pub(super) fn new(lines: I) -> Self {
        Self { source: lines, read: 0, ahead: VecDeque::new() }
    }

    pub(super) fn next(&mut self) -> Result<Option<(usize, L)>, ObserveError> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.read(),
        }
    }

    fn read(&mut self) -> Result<Option<(usize, L)>, ObserveError> {
        for line in self.source.by_ref() {
            self.read += 1;
            let line = line.map_err(|source| ObserveError::Read { line: self.read, source })?;
            if !line.as_ref().trim_ascii().is_empty() {
                return Ok(Some((self.read, line)));
            }
        }
        Ok(None)
    }

    /// The time of the next frame that has one, without passing over any line.
    pub(super) fn next_time(&mut self) -> Result<Option<i64>, ObserveError> {
        let mut levels = BookLevels::default();
        let mut at = 0;
        loop {
            if at == self.ahead.len() {
                match self.read()? {
                    Some(line) => self.ahead.push_back(line),
                    None => return Ok(None),
                }
            }
            let (line, bytes) = &self.ahead[at];
            let located = |source| ObserveError::Frame { line: *line, source };
            let (recv_ms, bytes) = unwrap_line(bytes.as_ref()).map_err(located)?;
            let frame = frame::parse(bytes, &mut levels).map_err(located)?;
            if let Some(time_ms) = frame_time(&frame).or(recv_ms) {
                return Ok(Some(time_ms));
            }
            at += 1;
        }
    }
}

/// The running number due on each subscription. Answers to commands take numbers too.
#[derive(Default)]
struct Numbers {
    expected: BTreeMap<u64, u64>,
}

impl Numbers {
    fn check(&mut self, frame: &Frame<'_>, line: usize) -> Result<(), ObserveError> {
        if let Message::Subscribed { sid, .. } = frame.message {
            self.expected.remove(&sid);
        }
        let (Some(sid), Some(found)) = (frame.envelope.sid, frame.envelope.seq) else {
            return Ok(());
        };
        match self.expected.insert(sid, found.saturating_add(1)) {
            Some(expected) if expected != found => Err(ObserveError::Seq { line, sid, expected, found }),
            _ => Ok(()),
        }
    }
}

struct ObservedMarket {
    book: Book,
    points: PointHistory,
    time_ms: i64,
    /// Since when the book is not to be trusted; none while it is.
    stale_since_ms: Option<i64>,
}

struct Observer {
    options: ObserveOptions,
    grid: Arc<Grid>,
    markets: BTreeMap<String, ObservedMarket>,
    portfolio: Portfolio,
    zone: ExchangeZone,
    summary: ObserveSummary,
}

impl Observer {
    fn new(options: ObserveOptions) -> Self {
        let finest = Price::from_units(1).expect("the smallest price is one");
        let mut portfolio = Portfolio::new(1);
        portfolio.set_cash(Money::from_dollars(1_000), Money::ZERO);
        Self {
            options,
            grid: Grid::new(GridBands::uniform(finest).expect("$0.0001 divides a dollar")),
            markets: BTreeMap::new(),
            portfolio,
            zone: ExchangeZone::new(),
            summary: ObserveSummary::default(),
        }
    }

    fn last_time(&self, market: &str) -> Option<i64> {
        self.markets.get(market).map(|market| market.time_ms)
    }

    /// Applies a frame that changes a book, and writes the state it leads to.
    fn frame(
        &mut self,
        frame: &Frame<'_>,
        name: &str,
        levels: &BookLevels,
        time_ms: i64,
        output: &mut impl Write,
    ) -> Result<(), ObserveError> {
        if !self.markets.contains_key(name) {
            let market = ObservedMarket {
                book: Book::new(Arc::clone(&self.grid)),
                points: PointHistory::new(self.options.point_ms),
                time_ms,
                stale_since_ms: Some(time_ms),
            };
            self.markets.insert(name.to_owned(), market);
            self.summary.markets += 1;
        }
        let market = self.markets.get_mut(name).expect("inserted above");
        market.time_ms = market.time_ms.max(time_ms);
        let applied = match &frame.message {
            Message::Snapshot(_) => market.snapshot(levels),
            Message::Delta(_) if market.stale_since_ms.is_some() => {
                self.summary.unusable_deltas += 1;
                return Ok(());
            }
            Message::Delta(delta) => market.book.apply_delta(delta.side, delta.price, delta.change),
            _ => return Ok(()),
        };
        if applied.is_err() {
            self.summary.book_errors += 1;
            market.stale_since_ms = Some(market.time_ms);
            return Ok(());
        }
        market.points.record(&market.book, market.time_ms);
        self.summary.states += 1;
        let mut features = [0.0; LENGTH];
        let input = ObservationInput {
            time_ms: market.time_ms,
            hour: self.zone.hour(market.time_ms),
            book: &market.book,
            points: &market.points,
            portfolio: &self.portfolio,
            orders: OpenOrders::default(),
        };
        observe(&input, &mut features);
        let state = StateLine {
            ts_ms: market.time_ms,
            market: name,
            yes_bid: market.book.best_bid(),
            yes_ask: market.book.best_ask(),
            observation: &features,
        };
        serde_json::to_writer(&mut *output, &state).map_err(io::Error::from)?;
        output.write_all(b"\n")?;
        Ok(())
    }
}

impl ObservedMarket {
    fn snapshot(&mut self, levels: &BookLevels) -> Result<(), BookError> {
        self.book.apply_snapshot(levels)?;
        if let Some(since_ms) = self.stale_since_ms.take() {
            self.points.after_stale_spell(since_ms, self.time_ms);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
