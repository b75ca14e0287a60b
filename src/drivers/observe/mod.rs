//! Observations of recorded frames, for training or for comparison with a session's journal: one JSON line for each
//! state of a book, with a flat account of $1,000.
//!
//! The frames go through the feed stage, as in a live session, so its rules for sequence, time and staleness apply
//! ([`playing`]); book, points and schema are those of the decide stage. A recording does not say which tick grids
//! markets have, so every market gets the finest one.
//!
//! A state in which the book is crossed or locked gives no line and no point of history, and within its instant no
//! error: the exchange publishes the effects of an order level by level. As in a live session, it becomes an error when
//! the exchange's time has moved on (see [`Crossing`](crate::book::Crossing)). The grace between frames is measured
//! only for frames without a time of their own, by when they were received, since other gaps say more about the
//! recorder than about the exchange.

mod market;
mod playing;

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use self::market::{Change, ObservedMarket, State};
use self::playing::{PlayedFrame, Playing};
use crate::decide::observation::obs52::{LENGTH, observe};
use crate::decide::observation::{ExchangeZone, ObservationInput, OpenOrders, Portfolio};
use crate::exchange::recorded::{Findings, FramesError, Holes, RecordedFrame, read_recording};
use crate::market::{BookLevels, Count, Grid, GridBands, Money, Price};
use crate::messages::{BookEventKind, FeedToDecide};
use crate::wire::frame::{Frame, Message};

/// How to read a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObserveOptions {
    /// The width of a point of the history, in milliseconds.
    pub point_ms: u64,
    /// Whether to accept frames in spite of sequence gaps. Not needed for recordings with gaps throughout, which lack
    /// the frames of other markets: they are recognised.
    pub ignore_seq: bool,
}

/// The contents of a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObserveSummary {
    /// Book states, each of which gave a line.
    pub states: u64,
    /// Markets with a book.
    pub markets: u64,
    /// States in which a book was crossed or locked; none gave a line.
    pub crossed_states: u64,
    /// Instants of a market, by the exchange's time, that had such a state.
    pub crossed_steps: u64,
    /// What was found besides. A market whose book refused a change, or of which a frame is missing, gave no line until
    /// its next snapshot.
    pub findings: Findings,
}

/// Why a recording cannot be observed.
#[derive(Debug, Error)]
pub enum ObserveError {
    /// The recording.
    #[error(transparent)]
    Frames(#[from] FramesError),
    /// A market's first frame has no time, and neither has any after it.
    #[error(
        "frames file {}, line {line}: {market}: no time in this frame or after it (expected ts_ms, sending_ts_ms or recv_ms)",
        path.display()
    )]
    NoTime {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
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

/// Reads a recording and writes a JSON line for each book state.
///
/// # Errors
/// As [`read_recording`], where a frame is missing unless that is ignored, for a market without any time, and when
/// writing fails.
pub fn observe_file(
    path: &Path,
    options: ObserveOptions,
    output: &mut impl Write,
) -> Result<ObserveSummary, ObserveError> {
    let holes = if options.ignore_seq { Holes::Ignored } else { Holes::Refused };
    let mut observer = Observer::new(options);
    let findings = read_recording(&[path.to_owned()], holes, |recorded, levels, ahead| {
        if let Some(ended) = recorded.ended {
            observer.end_stretch(ended);
        }
        let Some(name) = book_market(recorded.frame) else { return Ok(()) };
        let known_ms = recorded.stamped_ms.or_else(|| observer.newest_time(name)).or(recorded.received_ms);
        let time_ms = match known_ms {
            Some(time_ms) => time_ms,
            None => ahead.next_time()?.ok_or_else(|| ObserveError::NoTime {
                path: recorded.path.to_owned(),
                line: recorded.line,
                market: name.to_owned(),
            })?,
        };
        observer.frame(&recorded, name, levels, time_ms, output)
    })?;
    output.flush()?;
    Ok(observer.finish(findings))
}

/// The market whose book a frame changes.
fn book_market<'a>(frame: &Frame<'a>) -> Option<&'a str> {
    match &frame.message {
        Message::Snapshot(snapshot) => Some(snapshot.ticker),
        Message::Delta(delta) => Some(delta.ticker),
        _ => None,
    }
}

struct Observer {
    options: ObserveOptions,
    grid: Arc<Grid>,
    playing: Playing,
    positions: HashMap<String, usize>,
    markets: Vec<ObservedMarket>,
    portfolio: Portfolio,
    zone: ExchangeZone,
    summary: ObserveSummary,
}

impl Observer {
    fn new(options: ObserveOptions) -> Self {
        let finest = Price::from_units(1).expect("the smallest price is one");
        let bands = GridBands::uniform(finest).expect("$0.0001 divides a dollar");
        let mut portfolio = Portfolio::new(1);
        portfolio.set_cash(Money::from_dollars(1_000), Money::ZERO);
        Self {
            options,
            grid: Grid::new(bands),
            playing: Playing::start(bands),
            positions: HashMap::new(),
            markets: Vec::new(),
            portfolio,
            zone: ExchangeZone::new(),
            summary: ObserveSummary::default(),
        }
    }

    fn newest_time(&self, name: &str) -> Option<i64> {
        self.positions.get(name).map(|&position| self.markets[position].newest_ms)
    }

    /// Frames are missing behind a part of a subscription: its books are not to be trusted.
    fn end_stretch(&mut self, stretch: u64) {
        for position in 0..self.markets.len() {
            if self.markets[position].stretch == Some(stretch) {
                self.distrust(position);
            }
        }
    }

    /// Has the feed stage take a market's book for stale.
    fn distrust(&mut self, position: usize) {
        self.playing.distrust(position);
        while let Some(message) = self.playing.next() {
            let event = message.event();
            if event.kind == BookEventKind::Stale {
                self.markets[event.market.position()].stale_since_ms.get_or_insert(event.time_ms);
            }
        }
    }

    /// Plays a frame that changes a book, and writes the state it leads to.
    fn frame(
        &mut self,
        recorded: &RecordedFrame<'_>,
        name: &str,
        levels: &BookLevels,
        time_ms: i64,
        output: &mut impl Write,
    ) -> Result<(), ObserveError> {
        let position = match self.positions.get(name) {
            Some(position) => *position,
            None => self.list(name, time_ms),
        };
        let market = &mut self.markets[position];
        if time_ms < market.newest_ms {
            let by_ms = market.newest_ms - time_ms;
            self.summary.findings.earlier(recorded.path, recorded.line, name, by_ms);
        }
        market.newest_ms = market.newest_ms.max(time_ms);
        if matches!(recorded.frame.message, Message::Snapshot(_)) {
            market.stretch = Some(recorded.stretch);
        }
        let in_place = market.stretch == Some(recorded.stretch);
        self.playing.frame(&PlayedFrame { recorded, levels, in_place, time_ms });
        while let Some(message) = self.playing.next() {
            let change = match &message {
                FeedToDecide::Snapshot(event, levels) => Change { event, levels: Some(levels) },
                FeedToDecide::Event(event) if event.kind == BookEventKind::Delta => Change { event, levels: None },
                FeedToDecide::Event(_) | FeedToDecide::Listed(..) => continue,
            };
            let received_ms = recorded.received_ms.map(|received_ms| u64::try_from(received_ms).unwrap_or(0));
            match self.markets[position].apply(&change, received_ms) {
                Ok(State::Crossed { is_first }) => {
                    self.summary.crossed_states += 1;
                    self.summary.crossed_steps += u64::from(is_first);
                }
                Ok(State::Shown) => self.write(position, name, output)?,
                Err(error) => {
                    self.summary.findings.refused(recorded.path, recorded.line, name, &error);
                    self.distrust(position);
                }
            }
            self.playing.give_back(message);
        }
        Ok(())
    }

    /// A market is there from its first frame on.
    fn list(&mut self, name: &str, time_ms: i64) -> usize {
        let position = self.markets.len();
        self.playing.list(position, name, time_ms);
        self.markets.push(ObservedMarket::new(Arc::clone(&self.grid), self.options.point_ms, time_ms));
        self.positions.insert(name.to_owned(), position);
        self.summary.markets += 1;
        position
    }

    fn write(&mut self, position: usize, name: &str, output: &mut impl Write) -> Result<(), ObserveError> {
        let market = &self.markets[position];
        self.summary.states += 1;
        let mut features = [0.0; LENGTH];
        let input = ObservationInput {
            time_ms: market.time_ms,
            hour: self.zone.hour(market.time_ms),
            book: &market.book,
            points: &market.points,
            portfolio: &self.portfolio,
            position: Count::ZERO,
            orders: OpenOrders::default(),
            close_time_ms: None,
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

    fn finish(mut self, findings: Findings) -> ObserveSummary {
        self.summary.findings.unusable += self.playing.not_applied();
        self.summary.findings.add(findings);
        self.summary
    }
}

#[cfg(test)]
mod tests;
