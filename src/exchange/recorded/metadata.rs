//! A recorded session's terms: the market record that was fetched with it.

use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use crate::exchange::engine::MarketSpec;
use crate::market::{Band, FeeSchedule, GridBands, GridError, Price};
use crate::wire::markets::{Market, MarketLifeStatus};

use super::{Entry, RecordedMarket};

/// Why a market's terms could not be read.
#[derive(Debug, Error)]
pub enum MetadataError {
    /// The file can't be read.
    #[error("metadata {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no JSON.
    #[error("metadata {}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// It does not have the market.
    #[error("metadata {}: expected a market record of {ticker}, found none", path.display())]
    NoSuchMarket {
        /// The file.
        path: PathBuf,
        /// The market.
        ticker: String,
    },
    /// Its price ranges make no grid.
    #[error("metadata {}: price_ranges of {ticker}: {source}", path.display())]
    Grid {
        /// The file.
        path: PathBuf,
        /// The market.
        ticker: String,
        /// What is wrong.
        source: GridError,
    },
}

/// A recorded market's terms, ready to be listed.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionMarket {
    /// The terms.
    pub spec: MarketSpec,
    /// What YES pays, if it is known.
    pub result: Option<Price>,
}

/// Looks for a market's record beside its frames file: `TICKER.json` or `EVENT.json` in the file's folder, in its
/// `metadata` folder, or in the `metadata` folder next to it.
#[must_use]
pub fn find_metadata(frames: &Path, ticker: &str) -> Option<PathBuf> {
    let folder = frames.parent()?;
    let folders =
        [Some(folder.to_owned()), Some(folder.join("metadata")), folder.parent().map(|up| up.join("metadata"))];
    let names = [format!("{ticker}.json"), format!("{}.json", event_of(ticker))];
    let candidates = folders.into_iter().flatten().flat_map(|folder| names.clone().map(|name| folder.join(name)));
    candidates.into_iter().find(|path| path.is_file())
}

/// The event of a market by its name: all but the last part.
fn event_of(ticker: &str) -> &str {
    ticker.rsplit_once('-').map_or(ticker, |(event, _)| event)
}

impl SessionMarket {
    /// Reads the terms from a file: a market, `{"market": ..}`, `{"event": .., "markets": [..]}`, or a recorder's wrapper
    /// around one of them. The record has no fees; they are the caller's.
    ///
    /// # Errors
    /// When the file can't be read, does not have the market, or its price ranges are none.
    pub fn read(path: &Path, ticker: &str, fees: FeeSchedule) -> Result<Self, MetadataError> {
        let text = std::fs::read(path).map_err(|source| MetadataError::Read { path: path.to_owned(), source })?;
        let json = |source| MetadataError::Json { path: path.to_owned(), source };
        let record: Value = serde_json::from_slice(&text).map_err(json)?;
        let missing = || MetadataError::NoSuchMarket { path: path.to_owned(), ticker: ticker.to_owned() };
        let found = find_market(&record, ticker).ok_or_else(missing)?;
        let market: Market = serde::Deserialize::deserialize(found).map_err(json)?;
        Self::of(market, fees).map_err(|source| MetadataError::Grid {
            path: path.to_owned(),
            ticker: ticker.to_owned(),
            source,
        })
    }

    /// The terms that a market's record states. Its series is taken from its name.
    ///
    /// # Errors
    /// When its price ranges make no grid.
    pub fn of(market: Market, fees: FeeSchedule) -> Result<Self, GridError> {
        let bands: Vec<Band> = market.price_ranges.iter().copied().map(Band::from).collect();
        let bands = GridBands::new(&bands)?;
        Ok(Self { result: result_of(&market), spec: spec_of(market, bands, fees) })
    }

    /// The terms as far as the frames tell them, for a recording without a record: open from the first frame to the last,
    /// on the coarsest even grid that has all its prices.
    #[must_use]
    pub fn inferred(recorded: &RecordedMarket, fees: FeeSchedule) -> Self {
        let (first_ms, last_ms) = (recorded.first_ms().unwrap_or(0), recorded.last_ms().unwrap_or(0));
        let tick =
            [100, 10].into_iter().find(|tick| prices(recorded).all(|price| price.units() % i64::from(*tick) == 0));
        let tick = Price::from_units(tick.unwrap_or(1)).expect("a tick is a cent at most");
        let event = event_of(&recorded.ticker);
        let spec = MarketSpec {
            ticker: recorded.ticker.clone(),
            event_ticker: event.to_owned(),
            series_ticker: series_of(event).to_owned(),
            title: String::new(),
            exchange_index: 0,
            structure: String::new(),
            bands: GridBands::uniform(tick).expect("these ticks divide a dollar"),
            fees,
            open_ms: first_ms,
            close_ms: last_ms + 1,
            settlement_timer_ms: 0,
            exclusive: false,
            recorded: true,
        };
        Self { spec, result: None }
    }
}

fn series_of(ticker: &str) -> &str {
    ticker.split_once('-').map_or(ticker, |(series, _)| series)
}

/// The market of that name, wherever it stands in a record.
fn find_market<'v>(value: &'v Value, ticker: &str) -> Option<&'v Value> {
    match value {
        Value::Object(object) if object.contains_key("price_ranges") => {
            (object.get("ticker").and_then(Value::as_str) == Some(ticker)).then_some(value)
        }
        Value::Object(object) => object.values().find_map(|inner| find_market(inner, ticker)),
        Value::Array(items) => items.iter().find_map(|inner| find_market(inner, ticker)),
        _ => None,
    }
}

fn result_of(market: &Market) -> Option<Price> {
    match (market.settlement_value_dollars, market.result.as_str()) {
        (Some(value), _) if matches!(market.status, MarketLifeStatus::Determined | MarketLifeStatus::Finalized) => {
            Some(value)
        }
        (_, "yes") => Some(Price::ONE),
        (_, "no") => Some(Price::ZERO),
        _ => None,
    }
}

fn spec_of(market: Market, bands: GridBands, fees: FeeSchedule) -> MarketSpec {
    MarketSpec {
        series_ticker: series_of(&market.event_ticker).to_owned(),
        ticker: market.ticker,
        event_ticker: market.event_ticker,
        title: market.yes_sub_title,
        exchange_index: market.exchange_index.unwrap_or(0),
        structure: market.price_level_structure,
        bands,
        fees,
        open_ms: market.open_time.as_millisecond(),
        close_ms: market.close_time.as_millisecond(),
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
        let recorded = RecordedMarket { ticker: "KXA-1-00".to_owned(), steps, ended: false };
        let market = SessionMarket::inferred(&recorded, FeeSchedule::QUADRATIC);
        assert_eq!(market.spec.bands, GridBands::uniform(Price::from_units(10).unwrap()).unwrap());
        assert_eq!((market.spec.open_ms, market.spec.close_ms, market.result), (1_000, 2_001, None));
    }
}
