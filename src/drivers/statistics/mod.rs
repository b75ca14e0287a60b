//! What markets are like, in numbers: rates, spread, depth, sizes, and how far prices move. The same figures for recorded
//! frames and for a scenario of the embedded exchange, so that one can be tuned to the other.
//!
//! | file | concept |
//! |---|---|
//! | `meter` | one market's frames to figures |
//! | `looks` | what is summed up over the looks at a book |
//! | `generated` | a scenario's frames, in virtual time |
//! | `table` | many markets in one table |
//!
//! A market's book is looked at every [`SAMPLE_MS`]; figures of the book are means or medians over those looks, in which
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
    /// Its ticker.
    pub market: String,
    /// From its first frame to its last.
    pub seconds: f64,
    /// Book deltas a second.
    pub deltas_per_s: f64,
    /// Trades a second.
    pub trades_per_s: f64,
    /// Distinct milliseconds with deltas, a second.
    pub moments_per_s: f64,
    /// The share of deltas that have their millisecond in common with another.
    pub shared_ms: f64,
    /// Mean spread.
    pub spread: f64,
    /// Mean number of price levels a side.
    pub levels: f64,
    /// Median size at the touch of a side.
    pub touch: f64,
    /// Mean size within five cents of the touch, a side.
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
    /// Mean absolute move of the mid after a second.
    pub move_1s: f64,
    /// The same after five seconds.
    pub move_5s: f64,
    /// The same after fifteen.
    pub move_15s: f64,
}

/// The meters of the markets that frames tell of.
#[derive(Debug, Default)]
pub struct Statistics {
    meters: BTreeMap<String, Meter>,
    findings: Findings,
}

impl Statistics {
    /// Takes a frame, and its levels if it is a snapshot. Its own time goes before that of its receipt, and no market's
    /// time runs backwards.
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

    /// The figures of every market that was seen for at least so long, by ticker.
    #[must_use]
    pub fn figures(self, shortest_s: f64) -> Vec<Figures> {
        let figures = self.meters.into_iter().filter_map(|(market, meter)| meter.figures(market));
        figures.filter(|figures| figures.seconds >= shortest_s).collect()
    }
}

/// The figures of the markets of a recording, and what was found in it besides; see [`Statistics`].
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
