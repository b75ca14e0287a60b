//! Bodies about what markets belong to: events and series.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::elements::{Element, lenient};
use super::markets::Market;
use crate::market::Count;

/// `EventData` of `GET /events` and `GET /events/{event_ticker}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The event.
    #[serde(default, deserialize_with = "lenient")]
    pub event_ticker: String,
    /// Its series.
    #[serde(default, deserialize_with = "lenient")]
    pub series_ticker: String,
    /// Its title.
    #[serde(default, deserialize_with = "lenient")]
    pub title: String,
    /// More of its title.
    #[serde(default, deserialize_with = "lenient")]
    pub sub_title: String,
    /// `MECNET`, `DIRECNET` or empty.
    #[serde(default, deserialize_with = "lenient")]
    pub collateral_return_type: String,
    /// Whether only one of its markets can resolve to YES.
    #[serde(default, deserialize_with = "lenient")]
    pub mutually_exclusive: bool,
    /// Deprecated: the series' category.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Overrides the series' fee type. Whatever it is, it is kept: one that is not understood leaves the fees unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_type_override: Option<serde_json::Value>,
    /// Overrides the series' multiplier; likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_multiplier_override: Option<serde_json::Value>,
    /// Its markets, when nested ones were asked for.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Vec::is_empty")]
    pub markets: Vec<Market>,
    /// Where results come from.
    #[serde(default, deserialize_with = "lenient")]
    pub settlement_sources: Option<Vec<serde_json::Value>>,
    /// When its terms last changed.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub last_updated_ts: Option<Timestamp>,
    /// Its shard.
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
    /// The event.
    pub event: Event,
    /// Its markets, when not nested.
    #[serde(default, deserialize_with = "lenient")]
    pub markets: Vec<Market>,
}

/// `GET /events` and `GET /events/multivariate`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventsPage {
    /// The events.
    pub events: Vec<Event>,
    /// Milestones, when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub milestones: Option<Vec<serde_json::Value>>,
    /// Where the next page begins; empty on the last.
    #[serde(default)]
    pub cursor: String,
}

/// `Series` of `GET /series/{ticker}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The series.
    #[serde(default, deserialize_with = "lenient")]
    pub ticker: String,
    /// How often it lists.
    #[serde(default, deserialize_with = "lenient")]
    pub frequency: String,
    /// Its title.
    #[serde(default, deserialize_with = "lenient")]
    pub title: String,
    /// Its category.
    #[serde(default, deserialize_with = "lenient")]
    pub category: String,
    /// All its categories.
    #[serde(default, deserialize_with = "lenient")]
    pub categories: Vec<String>,
    /// Its tags.
    #[serde(default, deserialize_with = "lenient")]
    pub tags: Option<Vec<String>>,
    /// Where results come from.
    #[serde(default, deserialize_with = "lenient")]
    pub settlement_sources: Option<Vec<serde_json::Value>>,
    /// The contract's page.
    #[serde(default, deserialize_with = "lenient")]
    pub contract_url: String,
    /// The contract's terms.
    #[serde(default, deserialize_with = "lenient")]
    pub contract_terms_url: String,
    /// The fee formula, by name; an open set.
    #[serde(default, deserialize_with = "lenient")]
    pub fee_type: String,
    /// The multiplier, exactly as printed.
    #[serde(default)]
    pub fee_multiplier: serde_json::Value,
    /// Who may not trade it.
    #[serde(default, deserialize_with = "lenient")]
    pub additional_prohibitions: Option<Vec<String>>,
    /// Contracts traded in all its events, when asked for.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub volume_fp: Option<Count>,
    /// When its terms last changed.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub last_updated_ts: Option<Timestamp>,
    /// Its shard.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub exchange_index: Option<u8>,
}

/// `GET /series/{ticker}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesBody {
    /// The series.
    pub series: Series,
}

/// `GET /series`: all at once, without pages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesPage {
    /// The series.
    pub series: Vec<Series>,
}
