//! Recorded markets to play: frames files are read, combined with the records of their markets, and placed on one session
//! clock.

use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

use super::recorded::{
    FramesError, MetadataError, RecordedMarket, SessionMarket, Strictness, find_metadata, read_frames,
};
use crate::clock::{BREAKS_MAX, Break};
use crate::market::{FeeSchedule, GridBands, Price};
use crate::record::journal::JournalError;

/// What to know when reading results in recorded markets.
pub const RECORDED_NOTE: &str = "recorded markets: our orders consume displayed size and queue behind it; they \
                                        have no other effect on prices or on what others did";

/// Why recordings cannot be played.
#[derive(Debug, Error)]
pub enum RecordingsError {
    /// A frames file is invalid.
    #[error(transparent)]
    Frames(#[from] FramesError),
    /// A market's record is invalid.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// A market closes before its first frame.
    #[error(
        "metadata {}: market {ticker} closes at {close_ms} ms: expected a time after its first frame, {first_ms} ms",
        path.display()
    )]
    ClosedBefore {
        /// The file with the record.
        path: PathBuf,
        /// The ticker of the market.
        ticker: String,
        /// When the market closes, in session milliseconds.
        close_ms: i64,
        /// The time of its first frame, in session milliseconds.
        first_ms: i64,
    },
    /// A journal can't be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// More markets are asked for than were recorded.
    #[error("--markets {asked}: the recordings have {there_are} markets")]
    TooFew {
        /// The number asked for.
        asked: usize,
        /// The number recorded.
        there_are: usize,
    },
    /// A given result is invalid.
    #[error("result `{0}`: expected yes, no, or what YES pays in dollars, such as 0.25")]
    Result(String),
}

/// The payout of YES contracts in recorded markets, given by the user.
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

/// A recorded market and its terms.
#[derive(Debug)]
pub struct Recording {
    /// The terms and the result; a result given by the user is stored here too.
    pub terms: SessionMarket,
    /// The market's steps.
    pub steps: RecordedMarket,
}

/// A market's terms that are known from elsewhere than its frames and its record.
#[derive(Clone, Copy, Debug)]
pub struct KnownTerms {
    /// The market's tick grid.
    pub bands: GridBands,
    /// The market's fees.
    pub fees: FeeSchedule,
    /// Whether at most one market of its event resolves to YES.
    pub exclusive: bool,
    /// The market's shard.
    pub exchange_index: u8,
    /// When the market closes, in session milliseconds.
    pub close_ms: i64,
}

/// Recorded markets, ready to be played.
#[derive(Debug)]
pub struct Recordings {
    /// The markets, in the order of their first frames.
    pub markets: Vec<Recording>,
    /// The time of the first frame, in session milliseconds.
    pub start_ms: i64,
    /// When the last market has ended and, if its result is known, paid, in session milliseconds.
    pub end_ms: i64,
    /// Whether a file was cut, so that its end was not read.
    pub is_cut: bool,
    /// What to know when reading the results.
    pub notes: Vec<String>,
}

impl Recordings {
    /// Reads frames files. A market's record is looked for beside its file, then by its ticker in `known`; without either,
    /// its terms are inferred. Its result may come from its record, from the frames, or from the user.
    ///
    /// # Errors
    /// If a file or record cannot be read; the error names it.
    pub fn load(
        paths: &[PathBuf],
        given: Option<GivenResult>,
        strictness: impl Into<Strictness>,
        known: &HashMap<String, KnownTerms>,
    ) -> Result<Self, RecordingsError> {
        let (read, findings) = read_frames(paths, strictness)?;
        let is_cut = findings.cut > 0;
        let mut notes = vec![RECORDED_NOTE.to_owned(), format!("recording: {findings}")];
        notes.extend(findings.places);
        let mut markets = Vec::with_capacity(read.len());
        for steps in read {
            let mut terms = terms(paths, &steps, known, &mut notes)?;
            terms.spec.recorded = true;
            terms.result = given.map(|GivenResult(value)| value).or(terms.result);
            if terms.result.is_none() {
                notes.push(format!(
                    "{}: no result known; a position left in it stays open at its exit price",
                    steps.ticker
                ));
            }
            markets.push(Recording { terms, steps });
        }
        let breaks = breaks_of(&markets);
        if !breaks.is_empty() {
            let hours = breaks.iter().map(Break::length_ms).sum::<i64>() / 360_000;
            notes.push(format!(
                "{} stretches without a recorded market, {}.{} h in all, passed in a second each",
                breaks.len(),
                hours / 10,
                hours % 10
            ));
        }
        let (start_ms, end_ms) = (start_ms(&markets).unwrap_or(0), end_ms(&markets).unwrap_or(0));
        Ok(Self { markets, start_ms, end_ms, is_cut, notes })
    }

    /// The tickers of the first `count` markets in the order of their first frames, or of all.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn tickers(&self, count: Option<usize>) -> Result<Vec<String>, RecordingsError> {
        let there_are = self.markets.len();
        match count {
            Some(asked) if asked > there_are => Err(RecordingsError::TooFew { asked, there_are }),
            _ => {
                let first = self.markets.iter().take(count.unwrap_or(there_are));
                Ok(first.map(|market| market.steps.ticker.clone()).collect())
            }
        }
    }
}

/// A market's terms: from its record, else those known from elsewhere, else as far as the frames tell.
fn terms(
    paths: &[PathBuf],
    recorded: &RecordedMarket,
    known: &HashMap<String, KnownTerms>,
    notes: &mut Vec<String>,
) -> Result<SessionMarket, RecordingsError> {
    let fees = FeeSchedule::QUADRATIC;
    let ticker = &recorded.ticker;
    let first_ms = recorded.first_ms().unwrap_or(0);
    if let Some(path) = paths.iter().find_map(|path| find_metadata(path, ticker)) {
        let terms = SessionMarket::read(&path, ticker, fees)?;
        if terms.spec.close_ms <= first_ms {
            return Err(RecordingsError::ClosedBefore {
                path,
                ticker: ticker.clone(),
                close_ms: terms.spec.close_ms,
                first_ms,
            });
        }
        return Ok(terms);
    }
    let mut terms = SessionMarket::inferred(recorded, fees);
    if let Some(known) = known.get(ticker) {
        let spec = &mut terms.spec;
        (spec.bands, spec.fees, spec.exclusive) = (known.bands, known.fees.into(), known.exclusive);
        spec.exchange_index = known.exchange_index;
        if recorded.closes_ms.is_none() && known.close_ms > first_ms {
            spec.close_ms = known.close_ms;
        }
    } else if recorded.closes_ms.is_none() && !recorded.ended {
        notes.push(format!("{ticker}: its close is unknown, and taken to be an hour after its last frame"));
    }
    Ok(terms)
}

/// The time of the first frame, if there is one.
pub(super) fn start_ms(markets: &[Recording]) -> Option<i64> {
    markets.iter().filter_map(|market| market.steps.first_ms()).min()
}

/// When nothing happens in any market any more.
fn end_ms(markets: &[Recording]) -> Option<i64> {
    markets.iter().map(market_end_ms).max()
}

/// When nothing happens in a market any more: a second after its last frame or its payment.
fn market_end_ms(recording: &Recording) -> i64 {
    let last_ms = recording.steps.last_ms().unwrap_or(0);
    last_ms.max(paid_ms(recording).unwrap_or(last_ms)).saturating_add(1_000)
}

/// When a market pays, if its result is known.
fn paid_ms(recording: &Recording) -> Option<i64> {
    let spec = &recording.terms.spec;
    recording.terms.result.map(|_| spec.close_ms.saturating_add(spec.settlement_timer_ms))
}

/// The shortest period without markets that is skipped.
const BREAK_MS_MIN: i64 = 60_000;
/// A market is not played in periods of at least this length in which nothing happens.
const QUIET_MS_MIN: i64 = 3_600_000;
/// How much is played at normal speed before a market's first frame and after its end.
const MARGIN_MS: i64 = 5_000;

/// The periods in which something happens in a market: its frames, its close, and its payment.
fn played(recording: &Recording) -> Vec<(i64, i64)> {
    let around = |from_ms: i64, until_ms: i64| (from_ms - MARGIN_MS, until_ms.saturating_add(1_000 + MARGIN_MS));
    let mut played = Vec::new();
    let mut times = recording.steps.steps.iter().map(|step| step.ts_ms);
    if let Some(first_ms) = times.next() {
        let (mut from_ms, mut last_ms) = (first_ms, first_ms);
        for time_ms in times {
            if time_ms - last_ms >= QUIET_MS_MIN {
                played.push(around(from_ms, last_ms));
                from_ms = time_ms;
            }
            last_ms = time_ms;
        }
        played.push(around(from_ms, last_ms));
    }
    if let Some(paid_ms) = paid_ms(recording) {
        played.push(around(recording.terms.spec.close_ms, recording.terms.spec.close_ms));
        played.push(around(paid_ms, paid_ms));
    }
    played
}

/// The periods between the first frame and the end in which no market is played.
pub(super) fn breaks_of(markets: &[Recording]) -> Vec<Break> {
    breaks(markets.iter().flat_map(played).collect())
}

/// The long gaps between the played periods; the longest of them if a clock has no room for all.
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
    use crate::exchange::recorded::Step;

    #[test]
    fn only_long_periods_in_which_nothing_is_played_are_breaks() {
        let played = vec![(500_000, 600_000), (0, 100_000), (50_000, 90_000), (150_000, 200_000), (659_999, 700_000)];
        assert_eq!(breaks(played), [Break { from_ms: 200_000, until_ms: 500_000 }]);
        assert_eq!(breaks(Vec::new()), []);
    }

    fn recording(times: &[i64], close_ms: i64, result: Option<Price>) -> Recording {
        let step = |&ts_ms: &i64| Step { ts_ms, complete_ms: ts_ms + 5, entries: Vec::new() };
        let steps = times.iter().map(step).collect();
        let steps = RecordedMarket { ticker: "KXA-1".to_owned(), steps, ..RecordedMarket::default() };
        let mut terms = SessionMarket::inferred(&steps, FeeSchedule::QUADRATIC);
        (terms.spec.close_ms, terms.spec.settlement_timer_ms, terms.result) = (close_ms, 1_000, result);
        Recording { terms, steps }
    }

    #[test]
    fn neither_an_hour_without_a_frame_nor_a_far_close_is_waited_for() {
        let year_ms = 31_536_000_000;
        let market = recording(&[1_000_000, 1_200_000, 9_000_000, 9_100_000], 9_100_000 + year_ms, Some(Price::ONE));
        let close_ms = 9_100_000 + year_ms;
        assert_eq!(market_end_ms(&market), close_ms + 2_000);
        let expected = [
            Break { from_ms: 1_206_000, until_ms: 8_995_000 },
            Break { from_ms: 9_106_000, until_ms: close_ms - 5_000 },
        ];
        assert_eq!(breaks(played(&market)), expected);
        let market = recording(&[1_000_000, 1_200_000], 9_000_000, None);
        assert_eq!(
            (market_end_ms(&market), breaks(played(&market))),
            (1_201_000, Vec::new()),
            "it is over with its frames"
        );
        let market = recording(&[1_000_000], i64::MAX, Some(Price::ONE));
        assert_eq!(market_end_ms(&market), i64::MAX);
    }

    #[test]
    fn a_clock_gets_the_longest_breaks_in_the_order_of_time() {
        let played = (0..40).map(|n| (n * 1_000_000, n * 1_000_000 + 500_000 - n * 1_000)).collect();
        let breaks = breaks(played);
        assert_eq!((breaks.len(), breaks[0].from_ms), (BREAKS_MAX, 7 * 1_000_000 + 500_000 - 7_000));
        assert!(breaks.windows(2).all(|pair| pair[0].until_ms < pair[1].from_ms));
    }
}
