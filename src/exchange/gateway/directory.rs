//! The gateway's names of markets: index to ticker, ticker to index, and the identifiers that frames carry.

use std::collections::BTreeMap;

use crate::exchange::engine::{MarketIndex, MarketSpec};
use crate::market::MarketId;

/// What frames say about a market.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) ticker: String,
    pub(super) market_id: String,
    pub(super) exchange_index: u8,
}

/// The markets in the order of their listing.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    names: Vec<Name>,
    by_ticker: BTreeMap<String, MarketIndex>,
}

impl Directory {
    /// Takes the next market; they come in the order of their indices.
    pub(super) fn add(&mut self, index: MarketIndex, spec: &MarketSpec) {
        assert_eq!(index as usize, self.names.len(), "the engine announces each market once, in order");
        self.names.push(Name {
            ticker: spec.ticker.clone(),
            market_id: MarketId::of_ticker(&spec.ticker).to_string(),
            exchange_index: spec.exchange_index,
        });
        self.by_ticker.insert(spec.ticker.clone(), index);
    }

    pub(super) fn name(&self, index: MarketIndex) -> &Name {
        &self.names[index as usize]
    }

    pub(super) fn find(&self, ticker: &str) -> Option<MarketIndex> {
        self.by_ticker.get(ticker).copied()
    }
}

/// The exchange's name of an account.
pub(super) fn user_id(account: crate::exchange::engine::AccountId) -> String {
    format!("00000000-0000-4000-8000-{account:012x}")
}
