//! Frames files on the way into the embedded exchange: read, matched with their markets' records, and placed on one
//! session clock.

use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

use crate::clock::{BREAKS_MAX, Break};
use crate::exchange::recorded::{FramesError, MetadataError, SessionMarket, find_metadata, read_frames};
use crate::exchange::recordings::Recording;
use crate::market::{FeeSchedule, Price};

/// What a reader of results in recorded markets has to know.
pub(super) const RECORDED_NOTE: &str = "recorded markets: our orders consume displayed size and queue behind it; they \
                                        have no other effect on prices or on what others did";

/// Why recordings cannot be played.
#[derive(Debug, Error)]
pub enum RecordingsError {
    /// A frames file.
    #[error(transparent)]
    Frames(#[from] FramesError),
    /// A market's record.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A result that is none.
    #[error("result `{0}`: expected yes, no, or what YES pays in dollars, such as 0.25")]
    Result(String),
}

/// What recorded markets settle at, given by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GivenResult(pub Price);

impl FromStr for GivenResult {
    type Err = RecordingsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "yes" => Ok(Self(Price::ONE)),
            "no" => Ok(Self(Price::ZERO)),
            price => Price::parse(price).map(Self).map_err(|_| RecordingsError::Result(price.to_owned())),
        }
    }
}

/// Recorded markets, ready to be played.
#[derive(Debug)]
pub struct Recordings {
    /// The markets.
    pub markets: Vec<Recording>,
    /// The session time of the first frame.
    pub start_ms: i64,
    /// The session time at which the last market has ended and, where its result is known, paid.
    pub end_ms: i64,
    /// The stretches between the first frame and the end in which no market is played.
    pub breaks: Vec<Break>,
    /// What a reader of results has to know.
    pub notes: Vec<String>,
}

impl Recordings {
    /// Reads frames files. A market's record is looked for beside its file; without one its terms are inferred and its
    /// result is unknown unless it is given.
    ///
    /// # Errors
    /// When a file or record cannot be read; the error names it.
    pub fn load(paths: &[PathBuf], given: Option<GivenResult>) -> Result<Self, RecordingsError> {
        let mut markets = Vec::new();
        let mut notes = vec![RECORDED_NOTE.to_owned()];
        let fees = FeeSchedule::QUADRATIC;
        for steps in read_frames(paths)? {
            let record = paths.iter().find_map(|path| find_metadata(path, &steps.ticker));
            let mut terms = match record {
                Some(path) => SessionMarket::read(&path, &steps.ticker, fees)?,
                None => SessionMarket::inferred(&steps, fees),
            };
            terms.spec.recorded = true;
            if let Some(GivenResult(value)) = given {
                terms.result = Some(value);
            }
            if terms.result.is_none() {
                notes.push(format!(
                    "{}: no result known; a position left in it stays open at its exit price",
                    steps.ticker
                ));
            }
            markets.push(Recording { terms, steps });
        }
        let start_ms = markets.iter().filter_map(|market| market.steps.first_ms()).min().unwrap_or(0);
        let end_ms = markets.iter().map(end_ms).max().unwrap_or(0);
        let breaks = breaks(markets.iter().map(played).collect());
        if !breaks.is_empty() {
            let hours = breaks.iter().map(Break::length_ms).sum::<i64>() / 360_000;
            notes.push(format!(
                "{} stretches without a recorded market, {}.{} h in all, passed in a second each",
                breaks.len(),
                hours / 10,
                hours % 10
            ));
        }
        Ok(Self { markets, start_ms, end_ms, breaks, notes })
    }

    /// The markets' names, in the order of their first frames.
    pub fn tickers(&self) -> Vec<String> {
        self.markets.iter().map(|market| market.steps.ticker.clone()).collect()
    }
}

/// When nothing more happens in a market: a second after its last frame, or after it has paid.
fn end_ms(recording: &Recording) -> i64 {
    let last_ms = recording.steps.last_ms().unwrap_or(0);
    let spec = &recording.terms.spec;
    let paid_ms = recording.terms.result.map_or(last_ms, |_| spec.close_ms + spec.settlement_timer_ms);
    last_ms.max(paid_ms) + 1_000
}

/// A stretch without markets is played through unless it is this long.
const BREAK_MS_MIN: i64 = 60_000;
/// What is played at the recording's pace before a market's first frame and after its end.
const MARGIN_MS: i64 = 5_000;

/// From before a market's first frame until after its end.
fn played(recording: &Recording) -> (i64, i64) {
    let first_ms = recording.steps.first_ms().unwrap_or(0);
    (first_ms - MARGIN_MS, end_ms(recording).max(recording.terms.spec.close_ms) + MARGIN_MS)
}

/// The long stretches between what is played; the longest, where a clock has no room for all.
fn breaks(mut played: Vec<(i64, i64)>) -> Vec<Break> {
    played.sort_unstable();
    let mut breaks = Vec::new();
    let mut until_ms = i64::MAX;
    for (first_ms, end_ms) in played {
        if first_ms.saturating_sub(until_ms) >= BREAK_MS_MIN {
            breaks.push(Break { from_ms: until_ms, until_ms: first_ms });
            until_ms = end_ms;
        } else {
            until_ms = if until_ms == i64::MAX { end_ms } else { until_ms.max(end_ms) };
        }
    }
    breaks.sort_unstable_by_key(|long| (std::cmp::Reverse(long.length_ms()), long.from_ms));
    breaks.truncate(BREAKS_MAX);
    breaks.sort_unstable_by_key(|long| long.from_ms);
    breaks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_stretches_in_which_nothing_is_played_are_breaks() {
        let played = vec![(500_000, 600_000), (0, 100_000), (50_000, 90_000), (150_000, 200_000), (659_999, 700_000)];
        assert_eq!(breaks(played), [Break { from_ms: 200_000, until_ms: 500_000 }]);
        assert_eq!(breaks(Vec::new()), []);
    }

    #[test]
    fn a_clock_gets_the_longest_breaks_in_the_order_of_time() {
        let played = (0..40).map(|n| (n * 1_000_000, n * 1_000_000 + 500_000 - n * 1_000)).collect();
        let breaks = breaks(played);
        assert_eq!((breaks.len(), breaks[0].from_ms), (BREAKS_MAX, 7 * 1_000_000 + 500_000 - 7_000));
        assert!(breaks.windows(2).all(|pair| pair[0].until_ms < pair[1].from_ms));
    }
}
