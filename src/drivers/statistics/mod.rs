//! What markets are like, in numbers: rates, spread, depth, sizes, and how far prices move. The same figures for recorded
//! frames and for a scenario of the embedded exchange, so that one can be tuned to the other.
//!
//! | file | concept |
//! |---|---|
//! | `meter` | one market's frames to figures |
//! | `generated` | a scenario's frames, in virtual time |
//! | `table` | many markets in one table |
//!
//! A market's book is looked at every [`SAMPLE_MS`]; figures of the book are means or medians over those looks, in which
//! both sides have a price.

mod generated;
mod meter;
mod table;

use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::path::Path;

use serde::Serialize;

pub use generated::{GeneratedError, GeneratedPlan, generated};
use meter::Meter;
pub use meter::SAMPLE_MS;
pub use table::Table;

use super::observe::{Lines, ObserveError, frame_time};
use crate::exchange::recorded::open_frames;
use crate::market::BookLevels;
use crate::wire::WireError;
use crate::wire::frame::{self, Message};
use crate::wire::recorded::unwrap_line;

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
    /// After five.
    pub move_5s: f64,
    /// After fifteen.
    pub move_15s: f64,
}

/// The meters of the markets that frames tell of.
#[derive(Debug, Default)]
pub struct Statistics {
    meters: BTreeMap<String, Meter>,
    levels: BookLevels,
}

impl Statistics {
    /// Takes a frame that was received at a time. Its own time goes first, and no market's time runs backwards.
    ///
    /// # Errors
    /// When it is no frame.
    pub fn frame(&mut self, bytes: &[u8], received_ms: Option<i64>) -> Result<(), WireError> {
        let frame = frame::parse(bytes, &mut self.levels)?;
        let ticker = match &frame.message {
            Message::Snapshot(snapshot) => snapshot.ticker,
            Message::Delta(delta) => delta.ticker,
            Message::Trade(trade) => trade.ticker,
            _ => return Ok(()),
        };
        if !self.meters.contains_key(ticker) {
            self.meters.insert(ticker.to_owned(), Meter::default());
        }
        let meter = self.meters.get_mut(ticker).expect("inserted above");
        meter.frame(&frame.message, &self.levels, frame_time(&frame).or(received_ms));
        Ok(())
    }

    /// The figures of every market that was seen for at least so long, by ticker.
    #[must_use]
    pub fn figures(self, shortest_s: f64) -> Vec<Figures> {
        let figures = self.meters.into_iter().filter_map(|(market, meter)| meter.figures(market));
        figures.filter(|figures| figures.seconds >= shortest_s).collect()
    }
}

/// The figures of the markets of a frames file, plain or `.zst`; see [`Statistics`].
///
/// # Errors
/// When the file can't be read, or at the first line that is no frame.
pub fn of_file(path: &Path, shortest_s: f64) -> Result<Vec<Figures>, ObserveError> {
    let reader = open_frames(path).map_err(|source| ObserveError::Read { line: 0, source })?;
    of_lines(reader.split(b'\n'), shortest_s)
}

fn of_lines<L: AsRef<[u8]>>(
    lines: impl Iterator<Item = io::Result<L>>,
    shortest_s: f64,
) -> Result<Vec<Figures>, ObserveError> {
    let mut lines = Lines::new(lines);
    let mut statistics = Statistics::default();
    while let Some((line, bytes)) = lines.next()? {
        let located = |source| ObserveError::Frame { line, source };
        let (received_ms, bytes) = unwrap_line(bytes.as_ref()).map_err(located)?;
        statistics.frame(bytes, received_ms).map_err(located)?;
    }
    Ok(statistics.figures(shortest_s))
}

#[cfg(test)]
mod tests;
