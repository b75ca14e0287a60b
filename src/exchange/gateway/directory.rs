//! What the gateway knows of listings beyond the engine: the mapping between indices and tickers, the identifiers that frames
//! carry, the events and series that markets belong to, and when a listing was created, changed and paid.

use std::collections::BTreeMap;

use crate::exchange::engine::{MarketIndex, MarketSpec};
use crate::market::MarketId;

/// What frames say about a market, and when its listing changed.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) ticker: String,
    pub(super) market_id: String,
    pub(super) exchange_index: u8,
    /// When it was listed, in session milliseconds.
    pub(super) created_ms: i64,
    /// When its terms or its result last changed, in session milliseconds; trades don't count.
    pub(super) updated_ms: i64,
    /// When it paid, in session milliseconds.
    pub(super) settled_ms: Option<i64>,
}

/// An event or a series: its ticker, and its markets, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) ticker: String,
    pub(super) markets: Vec<MarketIndex>,
}

/// Events or series, in the order of their first listing.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    groups: Vec<Group>,
    by_ticker: BTreeMap<String, usize>,
}

impl Groups {
    fn add(&mut self, ticker: &str, market: MarketIndex) {
        let position = *self.by_ticker.entry(ticker.to_owned()).or_insert(self.groups.len());
        if position == self.groups.len() {
            self.groups.push(Group { ticker: ticker.to_owned(), markets: Vec::new() });
        }
        self.groups[position].markets.push(market);
    }

    pub(super) fn find(&self, ticker: &str) -> Option<&Group> {
        self.position(ticker).map(|position| &self.groups[position])
    }

    pub(super) fn position(&self, ticker: &str) -> Option<usize> {
        self.by_ticker.get(ticker).copied()
    }

    /// All of them, oldest first.
    pub(super) fn all(&self) -> &[Group] {
        &self.groups
    }
}

/// The markets, in the order of listing.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    names: Vec<Name>,
    by_ticker: BTreeMap<String, MarketIndex>,
    pub(super) events: Groups,
    pub(super) series: Groups,
}

/// Whether a market or event is a combination of others.
pub(super) fn is_combo(ticker: &str) -> bool {
    ticker.starts_with("KXMVE")
}

impl Directory {
    /// Adds the next market; markets come in the order of their indices. For a market that had opened before it was listed
    /// here, the opening counts as its creation.
    pub(super) fn add(&mut self, index: MarketIndex, spec: &MarketSpec, now_ms: i64) {
        assert_eq!(index as usize, self.names.len(), "the engine announces each market once, in order");
        let created_ms = now_ms.min(spec.open_ms);
        self.names.push(Name {
            ticker: spec.ticker.clone(),
            market_id: MarketId::of_ticker(&spec.ticker).to_string(),
            exchange_index: spec.exchange_index,
            created_ms,
            updated_ms: created_ms,
            settled_ms: None,
        });
        self.by_ticker.insert(spec.ticker.clone(), index);
        self.events.add(&spec.event_ticker, index);
        self.series.add(&spec.series_ticker, index);
    }

    /// Records that a market's terms or result changed.
    pub(super) fn note_change(&mut self, index: MarketIndex, time_ms: i64) {
        let name = &mut self.names[index as usize];
        name.updated_ms = name.updated_ms.max(time_ms);
    }

    /// Records that a market paid.
    pub(super) fn note_settlement(&mut self, index: MarketIndex, time_ms: i64) {
        self.note_change(index, time_ms);
        self.names[index as usize].settled_ms = Some(time_ms);
    }

    pub(super) fn name(&self, index: MarketIndex) -> &Name {
        &self.names[index as usize]
    }

    pub(super) fn find(&self, ticker: &str) -> Option<MarketIndex> {
        self.by_ticker.get(ticker).copied()
    }

    /// Whether a market had paid by a time.
    pub(super) fn is_settled(&self, index: MarketIndex, by_ms: i64) -> bool {
        self.name(index).settled_ms.is_some_and(|settled_ms| settled_ms <= by_ms)
    }

    /// When the terms of any of these markets last changed.
    pub(super) fn changed_ms(&self, markets: &[MarketIndex]) -> i64 {
        markets.iter().map(|market| self.name(*market).updated_ms).max().unwrap_or(i64::MIN)
    }
}

/// The exchange's id of an account's user.
pub(super) fn user_id(account: crate::exchange::engine::AccountId) -> String {
    format!("00000000-0000-4000-8000-{account:012x}")
}
