//! Statistics of markets: rates, spread, depth, sizes, and how far prices move. The figures are the same for recorded
//! frames and for scenarios of the embedded exchange, so that one can be tuned to the other.
//!
//! | file | concept |
//! |---|---|
//! | `meter` | the figures of one market, from its frames |
//! | `looks` | sums over samples of a book |
//! | `generated` | a scenario's frames, in virtual time |
//! | `table` | a table of many markets |
//!
//! A market's book is sampled every [`SAMPLE_MS`]; figures of the book are means or medians over the samples in which
//! both sides have a price.

mod generated;
mod looks;
mod meter;
mod table;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

pub use generated::{GeneratedError, GeneratedPlan, generated};
pub use looks::SAMPLE_MS;
use meter::{Change, Meter};
pub use table::Table;

use crate::exchange::recorded::{Findings, FramesError, Holes, RecordedFrame, read_recording};
use crate::market::BookLevels;
use crate::wire::frame::Message;

/// The figures of one market. Prices in cents, sizes in contracts, times in seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// The ticker.
    pub market: String,
    /// The time from its first frame to its last.
    pub seconds: f64,
    /// Book deltas per second.
    pub deltas_per_s: f64,
    /// Trades per second.
    pub trades_per_s: f64,
    /// Distinct milliseconds with deltas, per second.
    pub moments_per_s: f64,
    /// The share of deltas that share their millisecond with another.
    pub shared_ms: f64,
    /// Mean spread.
    pub spread: f64,
    /// Mean number of price levels per side.
    pub levels: f64,
    /// Median size at the touch, per side.
    pub touch: f64,
    /// Mean size within five cents of the touch, per side.
    pub depth: f64,
    /// Median size of a delta, without its sign.
    pub delta_size: f64,
    /// Median size of a trade.
    pub trade_size: f64,
    /// Mean size of a trade.
    pub trade_size_mean: f64,
    /// Median time between two changes of the mid.
    pub mid_wait: f64,
    /// Mean time between two changes of the mid.
    pub mid_wait_mean: f64,
    /// Mean absolute move of the mid after one second.
    pub move_1s: f64,
    /// Mean absolute move of the mid after five seconds.
    pub move_5s: f64,
    /// Mean absolute move of the mid after fifteen seconds.
    pub move_15s: f64,
}

/// The meters of all markets in the frames.
#[derive(Debug, Default)]
pub struct Statistics {
    meters: BTreeMap<String, Meter>,
    findings: Findings,
}

impl Statistics {
    /// Adds a frame, with its levels if it is a snapshot. Its own time takes precedence over that of its receipt, and
    /// the time of a market never decreases.
    pub fn frame(&mut self, recorded: &RecordedFrame<'_>, levels: &BookLevels) {
        let &RecordedFrame { path, line, stamped_ms, received_ms, frame, stretch, ended, .. } = recorded;
        if let Some(ended) = ended {
            self.meters.values_mut().for_each(|meter| meter.end_stretch(ended));
        }
        let ticker = match &frame.message {
            Message::Snapshot(snapshot) => snapshot.ticker,
            Message::Delta(delta) => delta.ticker,
            Message::Trade(trade) => trade.ticker,
            _ => return,
        };
        if !self.meters.contains_key(ticker) {
            self.meters.insert(ticker.to_owned(), Meter::default());
        }
        let meter = self.meters.get_mut(ticker).expect("inserted above");
        if let Some(by_ms) = stamped_ms.and_then(|time_ms| meter.is_ahead_by(time_ms)) {
            self.findings.earlier(path, line, ticker, by_ms);
        }
        match meter.frame(&frame.message, levels, stamped_ms.or(received_ms), stretch) {
            Change::Taken => {}
            Change::Unusable => self.findings.unusable += 1,
            Change::Refused(error) => self.findings.refused(path, line, ticker, &error),
        }
    }

    /// The figures of every market that was seen for at least this long, sorted by ticker.
    #[must_use]
    pub fn figures(self, shortest_s: f64) -> Vec<Figures> {
        let figures = self.meters.into_iter().filter_map(|(market, meter)| meter.figures(market));
        figures.filter(|figures| figures.seconds >= shortest_s).collect()
    }
}

/// The figures of the markets of a recording, and the findings about the recording; see [`Statistics`].
///
/// # Errors
/// As [`read_recording`].
pub fn of_file(path: &Path, holes: Holes, shortest_s: f64) -> Result<(Vec<Figures>, Findings), FramesError> {
    let mut statistics = Statistics::default();
    let mut findings = read_recording(&[path.to_owned()], holes, |recorded, levels, _| {
        statistics.frame(&recorded, levels);
        Ok::<(), FramesError>(())
    })?;
    findings.add(std::mem::take(&mut statistics.findings));
    Ok((statistics.figures(shortest_s), findings))
}

#[cfg(test)]
mod tests;
