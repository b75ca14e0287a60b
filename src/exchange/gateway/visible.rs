//! What reads of accounts can see: orders, fills, positions, settlements and balances as they were some time ago. The
//! exchange's reads lag behind its engine, and a client that trusts them too early must fail here too.
//!
//! Changes wait in a queue until the lag has passed, and are then applied; the engine itself is not queried.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::io;

use super::history::History;
use crate::exchange::engine::{
    AccountId, FillRecord, MarketIndex, OrderRecord, PositionRecord, SettlementRecord, number_of,
};
use crate::market::{Money, OrderId, OrderStatus};

/// A change of an account.
#[derive(Debug)]
pub(super) enum Change {
    /// An order was placed or changed.
    Order(OrderRecord),
    /// An order filled.
    Fill(FillRecord),
    /// The position of a subaccount changed.
    Position(AccountId, u32, MarketIndex, PositionRecord),
    /// A market paid.
    Settlement(SettlementRecord),
    /// A subaccount's cash on a shard changed.
    Cash(AccountId, u32, u8, Money),
}

/// One account as reads see it. Lists are sorted oldest first.
#[derive(Debug, Default)]
pub(super) struct AccountView {
    /// Every order, including ended ones.
    pub orders: History<OrderRecord>,
    /// The positions in `orders` of those that may still change, and of some that ended recently.
    order_positions: BTreeMap<OrderId, usize>,
    pub fills: History<FillRecord>,
    /// Every position by subaccount, including settled ones.
    positions: BTreeMap<u32, BTreeMap<MarketIndex, PositionRecord>>,
    pub settlements: Vec<SettlementRecord>,
    /// The cash by subaccount and shard.
    pub cash: BTreeMap<u32, BTreeMap<u8, Money>>,
}

impl AccountView {
    /// An order by its id.
    pub fn order(&self, order: OrderId) -> io::Result<Option<Cow<'_, OrderRecord>>> {
        let found = self.orders.find(number_of(order.bits()), |record| number_of(record.order.bits()))?;
        Ok(found.filter(|record| record.order == order))
    }

    /// Every position of a subaccount, including settled ones.
    pub fn positions(&self, subaccount: u32) -> impl Iterator<Item = (&MarketIndex, &PositionRecord)> {
        self.positions.get(&subaccount).into_iter().flatten()
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Order(order) => {
                let (id, ended) = (order.order, order.status != OrderStatus::Resting);
                let known = self.order_positions.get(&id).copied();
                let position = if let Some((position, record)) =
                    known.and_then(|position| Some((position, self.orders.get_mut(position)?)))
                {
                    *record = order;
                    position
                } else {
                    let position = self.orders.push(order);
                    self.order_positions.insert(id, position);
                    position
                };
                if ended && let Some(left) = self.orders.end(position) {
                    self.order_positions.remove(&left.order);
                }
            }
            Change::Fill(fill) => {
                let position = self.fills.push(fill);
                self.fills.end(position);
            }
            Change::Position(_, subaccount, market, position) => {
                self.positions.entry(subaccount).or_default().insert(market, position);
            }
            Change::Settlement(settlement) => self.settlements.push(settlement),
            Change::Cash(_, subaccount, shard, cash) => {
                self.cash.entry(subaccount).or_default().insert(shard, cash);
            }
        }
    }
}

impl Change {
    const fn account(&self) -> AccountId {
        match self {
            Self::Order(order) => order.account,
            Self::Fill(fill) => fill.account,
            Self::Position(account, ..) | Self::Cash(account, ..) => *account,
            Self::Settlement(settlement) => settlement.account,
        }
    }
}

/// All accounts as reads see them.
#[derive(Debug)]
pub(super) struct Visible {
    lag_ms: i64,
    waiting: VecDeque<(i64, Change)>,
    accounts: BTreeMap<AccountId, AccountView>,
}

impl Visible {
    /// Changes become visible `lag_ms` milliseconds after they happen.
    #[must_use]
    pub fn new(lag_ms: i64) -> Self {
        Self { lag_ms, waiting: VecDeque::new(), accounts: BTreeMap::new() }
    }

    /// Adds a change that happens now. Times never run backwards.
    pub fn push(&mut self, change: Change, now_ms: i64) {
        if self.lag_ms == 0 {
            self.accounts.entry(change.account()).or_default().apply(change);
        } else {
            self.waiting.push_back((now_ms.saturating_add(self.lag_ms), change));
        }
    }

    /// Adds a fact that is visible at once, such as the initial state of an account.
    pub fn reveal(&mut self, change: Change) {
        self.accounts.entry(change.account()).or_default().apply(change);
    }

    /// Applies the changes that have become visible.
    pub fn advance(&mut self, now_ms: i64) {
        while let Some((_, change)) = self.waiting.pop_front_if(|(visible_ms, _)| *visible_ms <= now_ms) {
            self.accounts.entry(change.account()).or_default().apply(change);
        }
    }

    /// An account as reads see it.
    pub fn account(&mut self, account: AccountId) -> &AccountView {
        self.accounts.entry(account).or_default()
    }

    /// The time up to which reads are complete.
    #[must_use]
    pub fn as_of_ms(&self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(self.lag_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_after_the_lag_and_not_before() {
        let mut visible = Visible::new(300);
        visible.push(Change::Cash(7, 0, 0, Money::from_dollars(5)), 1_000);
        visible.advance(1_299);
        assert!(visible.account(7).cash.is_empty());
        visible.advance(1_300);
        assert_eq!(visible.account(7).cash[&0][&0], Money::from_dollars(5));
    }

    #[test]
    fn without_a_lag_changes_are_seen_at_once() {
        let mut visible = Visible::new(0);
        visible.push(Change::Cash(7, 1, 2, Money::from_dollars(1)), 1_000);
        assert_eq!(visible.account(7).cash[&1][&2], Money::from_dollars(1));
    }
}
