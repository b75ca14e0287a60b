//! The terms of a recorded market: the market record that was fetched with it.

use std::io::Read;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::TIME_MAX_MS;
use crate::exchange::engine::MarketSpec;
use crate::files;
use crate::market::{FeeTerms, Grid, GridBands, Price};
use crate::wire::WireError;
use crate::wire::markets::{Market, MarketLifeStatus, PriceRange};
use crate::wire::recorded::find_object;

use super::{Entry, RecordedMarket};

/// The largest metadata file that is read, in bytes.
const BYTES_MAX: u64 = 64 << 20;
/// The longest time between result and payment, in seconds: a leap year.
const SETTLEMENT_TIMER_MAX_S: i64 = 366 * 86_400;

/// Why a market's terms could not be read.
#[derive(Debug, Error)]
pub enum MetadataError {
    /// The file can't be read.
    #[error("metadata {}: {source}", path.display())]
    Read {
        /// The metadata file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is not JSON.
    #[error("metadata {}: {source}", path.display())]
    Json {
        /// The metadata file.
        path: PathBuf,
        /// What is wrong, and where.
        source: WireError,
    },
    /// The file is not text, or too long.
    #[error("metadata {}: expected a JSON text of at most {BYTES_MAX} bytes", path.display())]
    NoText {
        /// The metadata file.
        path: PathBuf,
    },
    /// The file does not contain the market.
    #[error("metadata {}: expected a market record of {ticker}, found none", path.display())]
    NoSuchMarket {
        /// The metadata file.
        path: PathBuf,
        /// The ticker of the market.
        ticker: String,
    },
    /// The market's record has an invalid value.
    #[error("metadata {}, line {line}: market {ticker}: {reason}", path.display())]
    Record {
        /// The metadata file.
        path: PathBuf,
        /// The line, from 1: that of the error if it is known, or that of the record.
        line: usize,
        /// The ticker of the market.
        ticker: String,
        /// What is wrong, and what was expected.
        reason: String,
    },
}

/// How long a market stays open after the end of a recording that does not say when it closes, in milliseconds.
pub const OPEN_BEHIND_MS: i64 = 3_600_000;

/// The terms of a recorded market, ready to be listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionMarket {
    /// The terms for the engine.
    pub spec: MarketSpec,
    /// The payout of a YES contract, if it is known.
    pub result: Option<Price>,
}

/// Looks for a market's record beside its frames file: `TICKER.json` or `EVENT.json` in the file's folder, in the `metadata`
/// folder inside it, or in the `metadata` folder beside it.
#[must_use]
pub fn find_metadata(frames: &Path, ticker: &str) -> Option<PathBuf> {
    let folder = frames.parent()?;
    let folders =
        [Some(folder.to_owned()), Some(folder.join("metadata")), folder.parent().map(|up| up.join("metadata"))];
    let names = [format!("{ticker}.json"), format!("{}.json", event_of(ticker))];
    let candidates = folders.into_iter().flatten().flat_map(|folder| names.clone().map(|name| folder.join(name)));
    candidates.into_iter().find(|path| path.is_file())
}

/// The event of a market by its ticker: all but the last part.
fn event_of(ticker: &str) -> &str {
    ticker.rsplit_once('-').map_or(ticker, |(event, _)| event)
}

impl SessionMarket {
    /// Reads the terms from a file: a market, `{"market": ..}`, `{"event": .., "markets": [..]}`, or a recorder's wrapper
    /// around one of these. The record states a fee waiver but no fees; those come from the caller.
    ///
    /// # Errors
    /// If the file can't be read or does not contain the market, or a date, the price ranges, the result or the time to
    /// payment is invalid.
    pub fn read(path: &Path, ticker: &str, fees: impl Into<FeeTerms>) -> Result<Self, MetadataError> {
        let text = read_text(path)?;
        let is_market = |object: &[(&str, &str)]| {
            let has = |key: &str| object.iter().rev().find(|(found, _)| *found == key).map(|(_, value)| *value);
            has("price_ranges").is_some() && has("ticker").is_some_and(|found| found == format!("\"{ticker}\""))
        };
        let found = find_object(&text, is_market);
        let found = found.map_err(|source| MetadataError::Json { path: path.to_owned(), source })?;
        let missing = || MetadataError::NoSuchMarket { path: path.to_owned(), ticker: ticker.to_owned() };
        let record = found.ok_or_else(missing)?;
        let first_line = 1 + text[..record.start].bytes().filter(|byte| *byte == b'\n').count();
        let wrong = |line: usize, reason: String| {
            let line = first_line + line.saturating_sub(1);
            MetadataError::Record { path: path.to_owned(), line, ticker: ticker.to_owned(), reason }
        };
        let json = |error: serde_json::Error| wrong(error.line(), error.to_string());
        // Unlike for readers of the exchange's lists, nothing from which the terms are taken may be missing.
        let _: Terms = serde_json::from_str(&text[record.clone()]).map_err(json)?;
        let market: Market = serde_json::from_str(&text[record]).map_err(json)?;
        check(&market).map_err(|reason| wrong(1, reason))?;
        Self::of(market, fees).map_err(|reason| wrong(1, reason))
    }

    /// The terms stated in a market's record. Its series is derived from its ticker.
    ///
    /// # Errors
    /// A message, if an opening or closing time is missing or the price ranges don't form a grid.
    pub fn of(market: Market, fees: impl Into<FeeTerms>) -> Result<Self, String> {
        let bands = market.grid().map_err(|error| format!("price_ranges: {error}"))?;
        let open_time = market.open_time.ok_or("open_time: expected a time")?;
        let close_time = market.close_time.ok_or("close_time: expected a time")?;
        let times_ms = (open_time.as_millisecond(), close_time.as_millisecond());
        Ok(Self { result: result_of(&market), spec: spec_of(market, times_ms, bands, fees.into()) })
    }

    /// The terms as far as frames tell, for a recording without a record: open from the first frame on, on the coarsest of
    /// the usual grids that has all its prices. The market closes when a frame says so, or after an empty book at the end,
    /// which the exchange sends at the close. A recording that just ends does not tell the close, so that is taken to be an
    /// hour later.
    #[must_use]
    pub fn inferred(recorded: &RecordedMarket, fees: impl Into<FeeTerms>) -> Self {
        let (first_ms, last_ms) = (recorded.first_ms().unwrap_or(0), recorded.last_ms().unwrap_or(0));
        let close_ms = match recorded.closes_ms {
            Some(closes_ms) if closes_ms > first_ms => closes_ms,
            _ if recorded.ended => last_ms + 1,
            _ => last_ms + OPEN_BEHIND_MS,
        };
        let (structure, bands) = inferred_grid(recorded);
        let event = event_of(&recorded.ticker);
        let spec = MarketSpec {
            ticker: recorded.ticker.clone(),
            event_ticker: event.to_owned(),
            series_ticker: series_of(event).to_owned(),
            title: String::new(),
            exchange_index: 0,
            structure: structure.to_owned(),
            bands,
            fees: fees.into(),
            open_ms: first_ms,
            close_ms,
            settlement_timer_ms: 0,
            exclusive: false,
            recorded: true,
        };
        Self { spec, result: recorded.result }
    }
}

/// The first grid that has all prices of a recording: cents, cents with finer ends, tenths, or hundredths of a cent.
fn inferred_grid(recorded: &RecordedMarket) -> (&'static str, GridBands) {
    const FINEST: &str = "center_centi_edge_centi_cent";
    let bands = |name| GridBands::named(name).expect("the structure is a published one");
    let usual = ["linear_cent", "tapered_deci_cent", "deci_cent"].map(|name| (name, bands(name)));
    let fits = |(_, bands): &(&str, GridBands)| {
        let grid = Grid::new(*bands);
        prices(recorded).all(|price| grid.slot(price).is_some())
    };
    usual.into_iter().find(fits).unwrap_or((FINEST, bands(FINEST)))
}

fn series_of(ticker: &str) -> &str {
    ticker.split_once('-').map_or(ticker, |(series, _)| series)
}

fn read_text(path: &Path) -> Result<String, MetadataError> {
    let failed = |source| MetadataError::Read { path: path.to_owned(), source };
    let file = files::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    let is_short = bytes.len() as u64 <= BYTES_MAX;
    let text = String::from_utf8(bytes).ok().filter(|_| is_short);
    text.ok_or_else(|| MetadataError::NoText { path: path.to_owned() })
}

/// The fields that a record must have, in the types they must have.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only whether it can be read matters")]
struct Terms {
    open_time: Timestamp,
    close_time: Timestamp,
    price_ranges: Vec<PriceRange>,
    #[serde(default)]
    settlement_timer_seconds: i64,
    #[serde(default)]
    settlement_value_dollars: Option<Price>,
    #[serde(default)]
    result: String,
    status: MarketLifeStatus,
}

/// Checks that a record's values are possible for a market.
fn check(market: &Market) -> Result<(), String> {
    let open_time = market.open_time.ok_or("open_time: expected a time")?;
    let close_time = market.close_time.ok_or("close_time: expected a time")?;
    let (open_ms, close_ms) = (open_time.as_millisecond(), close_time.as_millisecond());
    for (key, time, time_ms) in [("open_time", open_time, open_ms), ("close_time", close_time, close_ms)] {
        if !(1..=TIME_MAX_MS).contains(&time_ms) {
            return Err(format!("{key} is {time}: expected a date from 1970 to the year 9999"));
        }
    }
    if close_ms <= open_ms {
        return Err(format!("close_time is {close_time}: expected one after open_time, {open_time}"));
    }
    let timer_s = market.settlement_timer_seconds;
    if !(0..=SETTLEMENT_TIMER_MAX_S).contains(&timer_s) {
        return Err(format!("settlement_timer_seconds is {timer_s}: expected 0 to {SETTLEMENT_TIMER_MAX_S}"));
    }
    match market.result.as_str() {
        "" | "yes" | "no" | "scalar" => Ok(()),
        result => Err(format!("result is `{result}`: expected yes, no, scalar or nothing")),
    }
}

fn result_of(market: &Market) -> Option<Price> {
    match (market.settlement_value_dollars, market.result.as_str()) {
        (Some(value), _)
            if matches!(market.status, Some(MarketLifeStatus::Determined | MarketLifeStatus::Finalized)) =>
        {
            Some(value)
        }
        (_, "yes") => Some(Price::ONE),
        (_, "no") => Some(Price::ZERO),
        _ => None,
    }
}

fn spec_of(market: Market, (open_ms, close_ms): (i64, i64), bands: GridBands, fees: FeeTerms) -> MarketSpec {
    MarketSpec {
        series_ticker: series_of(market.event()).to_owned(),
        event_ticker: market.event().to_owned(),
        ticker: market.ticker,
        title: market.yes_sub_title,
        exchange_index: market.exchange_index.unwrap_or(0),
        structure: market.price_level_structure,
        bands,
        fees: fees.waived_until(market.fee_waiver_expiration_time.map(Timestamp::as_millisecond)),
        open_ms,
        close_ms,
        settlement_timer_ms: market.settlement_timer_seconds.saturating_mul(1_000),
        exclusive: false,
        recorded: true,
    }
}

fn prices(recorded: &RecordedMarket) -> impl Iterator<Item = Price> + '_ {
    recorded.steps.iter().flat_map(|step| &step.entries).flat_map(|entry| match entry {
        Entry::Delta { price, .. } | Entry::Trade { price, .. } => vec![*price],
        Entry::Snapshot(levels) => levels.yes.iter().chain(&levels.no).map(|&(price, _)| price).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::recorded::Step;
    use crate::market::FeeSchedule;
    use crate::market::{Count, Outcome};

    const RECORD: &str = r#"{"status":200,"response":{"event":{"event_ticker":"KXA-1"},"markets":[{"ticker":"KXA-1-00",
        "event_ticker":"KXA-1","open_time":"2026-08-05T03:45:00Z","close_time":"2026-08-05T04:00:00Z",
        "settlement_timer_seconds":1,"status":"finalized","result":"no","settlement_value_dollars":"0.0000",
        "price_level_structure":"linear_cent","price_ranges":[{"start":"0.0000","end":"1.0000","step":"0.0100"}]}]}}"#;

    #[test]
    fn a_record_beside_the_frames_gives_the_terms_and_the_result() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("metadata")).unwrap();
        std::fs::create_dir(directory.path().join("frames")).unwrap();
        let path = directory.path().join("metadata/KXA-1.json");
        std::fs::write(&path, RECORD).unwrap();
        let frames = directory.path().join("frames/KXA-1-00.jsonl");
        assert_eq!(find_metadata(&frames, "KXA-1-00").as_deref(), Some(path.as_path()));
        let market = SessionMarket::read(&path, "KXA-1-00", FeeSchedule::QUADRATIC).unwrap();
        assert_eq!(market.result, Some(Price::ZERO));
        assert_eq!(market.spec.close_ms - market.spec.open_ms, 900_000);
        assert_eq!((market.spec.bands, market.spec.series_ticker.as_str()), (GridBands::cents(), "KXA"));
        let error = SessionMarket::read(&path, "KXB", FeeSchedule::QUADRATIC).unwrap_err().to_string();
        assert!(error.contains("expected a market record of KXB"), "{error}");
    }

    #[test]
    fn terms_are_inferred_from_the_frames_when_there_is_no_record() {
        let delta = |units| Entry::Delta {
            side: Outcome::Yes,
            price: Price::from_units(units).unwrap(),
            change: Count::from_contracts(1),
        };
        let step = |ts_ms, units| Step { ts_ms, complete_ms: ts_ms + 5, entries: vec![delta(units)] };
        let steps = vec![step(1_000, 4_100), step(2_000, 4_110)];
        let recorded = RecordedMarket { ticker: "KXA-1-00".to_owned(), steps, ..RecordedMarket::default() };
        let market = SessionMarket::inferred(&recorded, FeeSchedule::QUADRATIC);
        assert_eq!(market.spec.bands, GridBands::uniform(Price::from_units(10).unwrap()).unwrap());
        assert_eq!((market.spec.open_ms, market.result), (1_000, None));
        for (units, structure) in
            [(4_100, "linear_cent"), (950, "tapered_deci_cent"), (951, "center_centi_edge_centi_cent")]
        {
            let recorded = RecordedMarket { steps: vec![step(1_000, 4_100), step(2_000, units)], ..recorded.clone() };
            let spec = SessionMarket::inferred(&recorded, FeeSchedule::QUADRATIC).spec;
            assert_eq!((spec.structure.as_str(), spec.bands), (structure, GridBands::named(structure).unwrap()));
        }
        let close_ms = |recorded| SessionMarket::inferred(&recorded, FeeSchedule::QUADRATIC).spec.close_ms;
        assert_eq!(close_ms(recorded.clone()), 2_000 + OPEN_BEHIND_MS, "the end of the recording is not the close");
        assert_eq!(close_ms(RecordedMarket { ended: true, ..recorded.clone() }), 2_001);
        assert_eq!(close_ms(RecordedMarket { closes_ms: Some(9_000), ..recorded }), 9_000);
    }

    #[test]
    fn impossible_values_in_a_record_are_rejected_with_their_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("KXA-1.json");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            SessionMarket::read(&path, "KXA-1-00", FeeSchedule::QUADRATIC)
        };
        read(RECORD).unwrap();
        for (good, bad, expected) in [
            ("2026-08-05T04:00:00Z", "yesterday", "line 2: market KXA-1-00: "),
            ("2026-08-05T04:00:00Z", "-009000-01-01T00:00:00Z", "line 1: market KXA-1-00: close_time is -009000"),
            ("2026-08-05T04:00:00Z", "2026-08-05T03:45:00Z", "expected one after open_time"),
            ("\"settlement_timer_seconds\":1", "\"settlement_timer_seconds\":9223372036854775807", "expected 0 to"),
            ("\"settlement_timer_seconds\":1", "\"settlement_timer_seconds\":-1", "expected 0 to"),
            ("\"result\":\"no\"", "\"result\":\"maybe\"", "result is `maybe`: expected yes, no"),
            ("\"0.0000\",", "\"7.0000\",", "line 3: market KXA-1-00: "),
            ("\"step\":\"0.0100\"", "\"step\":\"0.0700\"", "price_ranges: "),
        ] {
            let error = read(&RECORD.replace(good, bad)).unwrap_err().to_string();
            assert!(error.contains("KXA-1.json") && error.contains(expected), "{bad}: {error}");
        }
        for (bad, expected) in [
            ("", "expected a value"),
            ("[1", "`,` or the end of an object or array"),
            (&*format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)), "less nesting"),
            ("[]", "expected a market record of KXA-1-00"),
        ] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.contains(expected), "{bad:.20}: {error}");
        }
    }
}
