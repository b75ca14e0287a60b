//! Observations of recorded frames, as training data or to compare with a session's journal: one JSON line for each
//! state of a book, seen with a flat account of $1,000.
//!
//! Uses the decide stage's book, points and schema, and the frame time rule of the observation schema. A recording says
//! nothing of tick grids, so every market gets the finest one.
//!
//! A state in which the book is crossed or locked gives no line, no point of history, and no error within its instant: the
//! exchange publishes what one order did level by level. It is an error when the exchange's time has moved on, as live (see
//! [`Crossing`]). The wait for more of an instant is measured only between frames without a time of their own, by when they
//! were received: what lies between others says more of the recorder than of the exchange.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::book::{Book, BookError, CROSSED_GRACE_MS, Crossing};
use crate::decide::observation::obs52::{self, LENGTH, observe};
use crate::decide::observation::{ExchangeZone, ObservationInput, OpenOrders, PointHistory, Portfolio};
use crate::exchange::recorded::{Findings, FramesError, Holes, RecordedFrame, read_recording};
use crate::market::{BookLevels, Count, Grid, GridBands, Money, Price};
use crate::wire::frame::{Frame, Message};

/// How to read a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObserveOptions {
    /// The width of a point of the history, in milliseconds.
    pub point_ms: u64,
    /// Whether the frames that are there are believed wherever others are missing. Recordings with holes throughout,
    /// which leave out other markets' frames, are known without it.
    pub ignore_seq: bool,
}

/// What a recording held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObserveSummary {
    /// Book states, each of which gave a line.
    pub states: u64,
    /// Markets whose book was seen.
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
        let Some(market) = book_market(recorded.frame) else { return Ok(()) };
        let known_ms = recorded.stamped_ms.or_else(|| observer.last_time(market)).or(recorded.received_ms);
        let time_ms = match known_ms {
            Some(time_ms) => time_ms,
            None => ahead.next_time()?.ok_or_else(|| ObserveError::NoTime {
                path: recorded.path.to_owned(),
                line: recorded.line,
                market: market.to_owned(),
            })?,
        };
        observer.frame(&recorded, market, levels, time_ms, output)
    })?;
    output.flush()?;
    observer.summary.findings.add(findings);
    Ok(observer.summary)
}

/// The market whose book a frame changes.
fn book_market<'a>(frame: &Frame<'a>) -> Option<&'a str> {
    match &frame.message {
        Message::Snapshot(snapshot) => Some(snapshot.ticker),
        Message::Delta(delta) => Some(delta.ticker),
        _ => None,
    }
}

struct ObservedMarket {
    book: Book,
    crossing: Crossing,
    points: PointHistory,
    time_ms: i64,
    /// The part of its subscription in which its snapshot came.
    stretch: u64,
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

    /// Frames are missing behind a part of a subscription: its books are not to be trusted.
    fn end_stretch(&mut self, stretch: u64) {
        for market in self.markets.values_mut().filter(|market| market.stretch == stretch) {
            market.stale_since_ms.get_or_insert(market.time_ms);
        }
    }

    /// Applies a frame that changes a book, and writes the state it leads to.
    fn frame(
        &mut self,
        recorded: &RecordedFrame<'_>,
        name: &str,
        levels: &BookLevels,
        time_ms: i64,
        output: &mut impl Write,
    ) -> Result<(), ObserveError> {
        if !self.markets.contains_key(name) {
            let market = ObservedMarket {
                book: Book::new(Arc::clone(&self.grid)),
                crossing: Crossing::default(),
                points: PointHistory::new(self.options.point_ms, obs52::POINTS),
                time_ms,
                stretch: recorded.stretch,
                stale_since_ms: Some(time_ms),
            };
            self.markets.insert(name.to_owned(), market);
            self.summary.markets += 1;
        }
        let market = self.markets.get_mut(name).expect("inserted above");
        let findings = &mut self.summary.findings;
        if time_ms < market.time_ms {
            findings.earlier(recorded.path, recorded.line, name, market.time_ms - time_ms);
        }
        market.time_ms = market.time_ms.max(time_ms);
        let received_ms = recorded.received_ms.map(|received_ms| u64::try_from(received_ms).unwrap_or(0));
        let exchange_ms = match &recorded.frame.message {
            Message::Snapshot(_) => recorded.frame.envelope.sending_ts_ms,
            Message::Delta(delta) => delta.ts_ms,
            _ => None,
        };
        let applied = match &recorded.frame.message {
            Message::Snapshot(_) => {
                market.crossing.replace(exchange_ms);
                market.snapshot(levels, recorded.stretch)
            }
            Message::Delta(_) if market.stale_since_ms.is_some() || market.stretch != recorded.stretch => {
                findings.unusable += 1;
                return Ok(());
            }
            Message::Delta(delta) => {
                if market.stays_crossed(exchange_ms, received_ms) {
                    Err(market.book.stays_crossed())
                } else {
                    market.book.apply_delta(delta.side, delta.price, delta.change)
                }
            }
            _ => return Ok(()),
        };
        if let Err(error) = applied {
            findings.refused(recorded.path, recorded.line, name, &error);
            market.stale_since_ms = Some(market.time_ms);
            return Ok(());
        }
        let is_crossed = market.book.is_crossed();
        let until_ms = received_ms.map_or(u64::MAX, |received_ms| received_ms.saturating_add(CROSSED_GRACE_MS));
        let is_first = market.crossing.follow(is_crossed, exchange_ms, until_ms);
        if is_crossed {
            self.summary.crossed_states += 1;
            self.summary.crossed_steps += u64::from(is_first);
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
}

impl ObservedMarket {
    /// Whether the book is crossed beyond its instant when the next delta comes.
    fn stays_crossed(&self, exchange_ms: Option<i64>, received_ms: Option<u64>) -> bool {
        let has_waited = exchange_ms.is_none() && self.crossing.deadline() <= received_ms;
        self.crossing.outlasts(exchange_ms) || (self.crossing.is_open() && has_waited)
    }

    fn snapshot(&mut self, levels: &BookLevels, stretch: u64) -> Result<(), BookError> {
        self.stretch = stretch;
        self.book.apply_snapshot(levels)?;
        if let Some(since_ms) = self.stale_since_ms.take() {
            self.points.after_stale_spell(since_ms, self.time_ms);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
