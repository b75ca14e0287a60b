//! REST bodies about events and series.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::elements::{Element, lenient};
use super::markets::Market;
use crate::market::Count;

/// `EventData` of `GET /events` and `GET /events/{event_ticker}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    #[serde(default, deserialize_with = "lenient")]
    pub event_ticker: String,
    #[serde(default, deserialize_with = "lenient")]
    pub series_ticker: String,
    #[serde(default, deserialize_with = "lenient")]
    pub title: String,
    #[serde(default, deserialize_with = "lenient")]
    pub sub_title: String,
    /// `MECNET`, `DIRECNET` or empty.
    #[serde(default, deserialize_with = "lenient")]
    pub collateral_return_type: String,
    /// Whether at most one of its markets can resolve to YES.
    #[serde(default, deserialize_with = "lenient")]
    pub mutually_exclusive: bool,
    /// Deprecated: the series' category.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Overrides the series' fee type. Kept whatever it is, since one that is not understood makes the fees unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_type_override: Option<serde_json::Value>,
    /// Overrides the series' multiplier. Kept whatever it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_multiplier_override: Option<serde_json::Value>,
    /// Its markets, if nested ones were asked for.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Vec::is_empty")]
    pub markets: Vec<Market>,
    /// Where its result comes from.
    #[serde(default, deserialize_with = "lenient")]
    pub settlement_sources: Option<Vec<serde_json::Value>>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub last_updated_ts: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub exchange_index: Option<u8>,
}

impl Element for Event {
    const LIST: &'static str = "events";
    const WHAT: &'static str = "event";

    fn check(&self) -> Result<(), String> {
        (!self.event_ticker.is_empty()).then_some(()).ok_or_else(|| "`event_ticker`: expected a name".to_owned())
    }
}

/// `GET /events/{event_ticker}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventBody {
    pub event: Event,
    /// Its markets, if they are not nested.
    #[serde(default, deserialize_with = "lenient")]
    pub markets: Vec<Market>,
}

/// `GET /events` and `GET /events/multivariate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventsPage {
    pub events: Vec<Event>,
    /// The milestones, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milestones: Option<Vec<serde_json::Value>>,
    /// Where the next page begins; empty on the last.
    #[serde(default)]
    pub cursor: String,
}

/// `Series` of `GET /series/{ticker}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    #[serde(default, deserialize_with = "lenient")]
    pub ticker: String,
    /// How often it lists an event.
    #[serde(default, deserialize_with = "lenient")]
    pub frequency: String,
    #[serde(default, deserialize_with = "lenient")]
    pub title: String,
    #[serde(default, deserialize_with = "lenient")]
    pub category: String,
    #[serde(default, deserialize_with = "lenient")]
    pub categories: Vec<String>,
    #[serde(default, deserialize_with = "lenient")]
    pub tags: Option<Vec<String>>,
    /// Where its results come from.
    #[serde(default, deserialize_with = "lenient")]
    pub settlement_sources: Option<Vec<serde_json::Value>>,
    #[serde(default, deserialize_with = "lenient")]
    pub contract_url: String,
    #[serde(default, deserialize_with = "lenient")]
    pub contract_terms_url: String,
    /// The name of the fee formula; new ones may appear.
    #[serde(default, deserialize_with = "lenient")]
    pub fee_type: String,
    /// The takers' fee multiplier, exactly as sent.
    #[serde(default)]
    pub fee_multiplier: serde_json::Value,
    /// Further groups of people that may not trade it.
    #[serde(default, deserialize_with = "lenient")]
    pub additional_prohibitions: Option<Vec<String>>,
    /// Contracts traded in all its events, if asked for.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub volume_fp: Option<Count>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub last_updated_ts: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub exchange_index: Option<u8>,
}

/// `GET /series/{ticker}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesBody {
    pub series: Series,
}

/// `GET /series`: everything at once, without pages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesPage {
    pub series: Vec<Series>,
}
