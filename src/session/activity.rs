//! The trading that a demonstration must show, counted from the exchange's own records of the account.

use std::collections::BTreeMap;

use crate::exchange::engine::{AccountId, Engine, MarketIndex, UpdateReason};
use crate::market::{BookSide, Count, OrderStatus};

/// How often each kind of trading happened, according to the exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Order writes of the trader.
    pub orders: u64,
    pub fills: u64,
    pub bid_fills: u64,
    pub ask_fills: u64,
    /// Fills that left a part of their order open.
    pub partial_fills: u64,
    /// Fills that reduced a position.
    pub closes: u64,
    /// Orders cancelled by their owner.
    pub cancels: u64,
    pub amends: u64,
}

impl Activity {
    /// Counts the account's records in the engine. `orders` and `amends` are the trader's own counts.
    pub fn of(engine: &Engine, account: AccountId, orders: u64, amends: u64) -> Self {
        let mut activity = Self { orders, amends, ..Self::default() };
        let mut positions: BTreeMap<MarketIndex, Count> = BTreeMap::new();
        let mut fills: Vec<_> = engine.fills_of(account).collect();
        // The engine has the newest first.
        fills.reverse();
        let mut filled: BTreeMap<_, Count> = BTreeMap::new();
        for fill in fills {
            activity.fills += 1;
            match fill.side {
                BookSide::Bid => activity.bid_fills += 1,
                BookSide::Ask => activity.ask_fills += 1,
            }
            let so_far = filled.entry(fill.order).or_default();
            *so_far += fill.count;
            let initial = engine.order(fill.order).map_or(Count::ZERO, |order| order.initial);
            activity.partial_fills += u64::from(*so_far < initial);
            let before = positions.insert(fill.market, fill.post_position).unwrap_or_default();
            activity.closes += u64::from(before.units() * fill.side.sign() < 0);
        }
        let cancelled = |status, reason| status == OrderStatus::Canceled && reason == UpdateReason::Decrease;
        activity.cancels =
            engine.orders_of(account).filter(|order| cancelled(order.status, order.reason)).count() as u64;
        activity
    }

    /// What a demonstration of half a minute has to show and this one lacks, as text.
    pub fn missing(&self) -> Vec<String> {
        let needs = [
            ("orders", self.orders, 50),
            ("fills", self.fills, 20),
            ("fills of bids", self.bid_fills, 1),
            ("fills of asks", self.ask_fills, 1),
            ("partial fills", self.partial_fills, 1),
            ("fills that close", self.closes, 1),
            ("cancels", self.cancels, 1),
            ("amends", self.amends, 1),
        ];
        needs
            .into_iter()
            .filter(|(_, found, needed)| found < needed)
            .map(|(what, found, needed)| format!("{what}: {found}, at least {needed} expected"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_what_was_expected() {
        let enough = Activity {
            orders: 50,
            fills: 20,
            bid_fills: 10,
            ask_fills: 10,
            partial_fills: 1,
            closes: 1,
            cancels: 1,
            amends: 1,
        };
        assert!(enough.missing().is_empty());
        let lacking = Activity { orders: 49, amends: 0, ..enough };
        assert_eq!(lacking.missing(), ["orders: 49, at least 50 expected", "amends: 0, at least 1 expected"]);
    }
}
