//! The account's money on this side: cash by shard, what is promised to open orders, what positions cost, what was
//! realised and paid in fees. Every change goes through here and is followed by the identities of the design:
//!
//! * `available + reserved + awaiting + cost - realised + fees = baseline`
//! * `available + reserved` is the exchange's cash of the shard; money of determined markets that the exchange has not
//!   paid yet is `awaiting`.
//!
//! They are asserted after every event, in production too: a ledger that breaks them is wrong, and trading on it is worse
//! than stopping.

use serde::{Deserialize, Serialize};

use crate::execute::account::history::{Agreed, History};
use crate::execute::account::position::Booking;
use crate::market::Money;

/// How many changes of a shard's cash are kept for comparisons.
const CASH_HISTORY: usize = 512;

/// One shard's cash.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShardCash {
    /// Which shard.
    pub exchange_index: u8,
    /// Free for new orders.
    pub available: Money,
    /// Promised to open orders.
    pub reserved: Money,
    /// Determined, not paid yet.
    pub awaiting: Money,
    history: History<Money>,
}

impl ShardCash {
    /// What the exchange calls the balance.
    #[must_use]
    pub fn cash(&self) -> Money {
        self.available + self.reserved
    }

    /// Whether a balance that was read agrees with what was held here since `from_ms`.
    #[must_use]
    pub fn held(&self, cash: Money, from_ms: i64) -> Agreed {
        self.history.held(cash, from_ms)
    }
}

/// The account's money.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    shards: Vec<ShardCash>,
    baseline: Money,
    available: Money,
    reserved: Money,
    awaiting: Money,
    cost: Money,
    realized: Money,
    fees: Money,
    version: u64,
}

impl Ledger {
    /// An account without money, before anything was read.
    #[must_use]
    pub fn new() -> Self {
        Self { shards: Vec::with_capacity(8), ..Self::default() }
    }

    /// Takes a shard's cash from the exchange as the baseline. Only at start: later readings are compared.
    pub fn adopt_cash(&mut self, exchange_index: u8, cash: Money) {
        let shard = self.shard_mut(exchange_index);
        let change = cash - shard.cash();
        shard.available += change;
        shard.history = History::new(cash, CASH_HISTORY);
        self.available += change;
        self.baseline += change;
        self.changed();
    }

    /// Takes a position's cost from the exchange as the baseline, in place of `before`.
    pub fn adopt_cost(&mut self, before: Money, cost: Money) {
        self.cost += cost - before;
        self.baseline += cost - before;
        self.changed();
    }

    /// Books a fill: cash by the true price, the fee that the exchange charged, cost and realised profit.
    pub fn book_fill(&mut self, exchange_index: u8, booking: Booking, fee: Money, session_ms: i64) {
        self.move_cash(exchange_index, booking.cash - fee, session_ms);
        self.cost += booking.cost;
        self.realized += booking.realized;
        self.fees += fee;
        self.changed();
    }

    /// Books a determined market: the position becomes money that the exchange owes.
    pub fn book_determination(&mut self, exchange_index: u8, booking: Booking) {
        self.shard_mut(exchange_index).awaiting += booking.cash;
        self.awaiting += booking.cash;
        self.cost += booking.cost;
        self.realized += booking.realized;
        self.changed();
    }

    /// The exchange paid what it owed for a market, less what the settlement cost.
    pub fn book_payment(&mut self, exchange_index: u8, paid: Money, fee: Money, session_ms: i64) {
        self.shard_mut(exchange_index).awaiting += -paid;
        self.awaiting += -paid;
        self.move_cash(exchange_index, paid - fee, session_ms);
        self.fees += fee;
        self.changed();
    }

    /// Changes what an order reserves.
    pub fn reserve(&mut self, exchange_index: u8, before: Money, after: Money) {
        if before == after {
            return;
        }
        let shard = self.shard_mut(exchange_index);
        shard.available += before - after;
        shard.reserved += after - before;
        self.available += before - after;
        self.reserved += after - before;
        self.changed();
    }

    fn move_cash(&mut self, exchange_index: u8, change: Money, session_ms: i64) {
        let shard = self.shard_mut(exchange_index);
        shard.available += change;
        let cash = shard.cash();
        shard.history.push(session_ms, cash);
        self.available += change;
    }

    fn changed(&mut self) {
        self.version += 1;
        assert_eq!(
            self.available + self.reserved + self.awaiting + self.cost - self.realized + self.fees,
            self.baseline,
            "ledger identity: available + reserved + awaiting + cost - realised + fees = baseline"
        );
        assert!(self.reserved >= Money::ZERO, "orders never reserve less than nothing");
    }

    fn shard_mut(&mut self, exchange_index: u8) -> &mut ShardCash {
        let position = self.shards.iter().position(|shard| shard.exchange_index == exchange_index);
        let position = position.unwrap_or_else(|| {
            let history = History::new(Money::ZERO, CASH_HISTORY);
            let (available, reserved, awaiting) = (Money::ZERO, Money::ZERO, Money::ZERO);
            self.shards.push(ShardCash { exchange_index, available, reserved, awaiting, history });
            self.shards.len() - 1
        });
        &mut self.shards[position]
    }

    /// Checks that the totals are the sums of their parts.
    ///
    /// # Errors
    /// In words, which one is not.
    pub fn audit(&self) -> Result<(), String> {
        let available: Money = self.shards.iter().map(|shard| shard.available).sum();
        let reserved: Money = self.shards.iter().map(|shard| shard.reserved).sum();
        let awaiting: Money = self.shards.iter().map(|shard| shard.awaiting).sum();
        for (what, sum, kept) in [
            ("available", available, self.available),
            ("reserved", reserved, self.reserved),
            ("awaiting", awaiting, self.awaiting),
        ] {
            if sum != kept {
                return Err(format!("{what}: the shards sum to {sum}, the ledger keeps {kept}"));
            }
        }
        Ok(())
    }

    /// The shards that have been spoken of, in that order.
    #[must_use]
    pub fn shards(&self) -> &[ShardCash] {
        &self.shards
    }

    /// One shard's cash; nothing for a shard that was never spoken of.
    #[must_use]
    pub fn shard(&self, exchange_index: u8) -> Option<&ShardCash> {
        self.shards.iter().find(|shard| shard.exchange_index == exchange_index)
    }

    /// Free cash over all shards.
    #[must_use]
    pub fn available(&self) -> Money {
        self.available
    }

    /// Cash promised to open orders.
    #[must_use]
    pub fn reserved(&self) -> Money {
        self.reserved
    }

    /// Money of determined markets that the exchange has not paid yet.
    #[must_use]
    pub fn awaiting(&self) -> Money {
        self.awaiting
    }

    /// What the positions held cost, fees excluded.
    #[must_use]
    pub fn cost(&self) -> Money {
        self.cost
    }

    /// Profit realised by this run, gross of fees.
    #[must_use]
    pub fn realized(&self) -> Money {
        self.realized
    }

    /// Fees paid in this run.
    #[must_use]
    pub fn fees(&self) -> Money {
        self.fees
    }

    /// Cash and cost at the start.
    #[must_use]
    pub fn baseline(&self) -> Money {
        self.baseline
    }

    /// Grows with every change.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::account::position::Position;
    use crate::market::{BookSide, Count, Price};

    #[test]
    fn a_determined_market_is_awaited_until_the_exchange_pays() {
        let mut ledger = Ledger::new();
        ledger.adopt_cash(2, Money::from_dollars(100));
        let mut position = Position::default();
        let booking = position.fill(BookSide::Bid, Price::from_cents(40), Count::from_contracts(10));
        ledger.book_fill(2, booking, Money::from_micros(168_000), 1);
        assert_eq!(ledger.shard(2).unwrap().cash(), Money::from_micros(95_832_000));
        let booking = position.settle(Price::ONE);
        ledger.book_determination(2, booking);
        assert_eq!(ledger.shard(2).unwrap().cash(), Money::from_micros(95_832_000));
        assert_eq!((ledger.awaiting(), ledger.realized()), (Money::from_dollars(10), Money::from_dollars(6)));
        ledger.book_payment(2, booking.cash, Money::ZERO, 2);
        assert_eq!(ledger.shard(2).unwrap().cash(), Money::from_micros(105_832_000));
        ledger.audit().unwrap();
    }

    #[test]
    fn reserving_moves_money_between_available_and_reserved_of_one_shard() {
        let mut ledger = Ledger::new();
        ledger.adopt_cash(0, Money::from_dollars(10));
        ledger.adopt_cash(1, Money::from_dollars(20));
        ledger.reserve(1, Money::ZERO, Money::from_dollars(5));
        assert_eq!(ledger.shard(1).unwrap().available, Money::from_dollars(15));
        assert_eq!(ledger.shard(0).unwrap().available, Money::from_dollars(10));
        ledger.reserve(1, Money::from_dollars(5), Money::from_dollars(2));
        assert_eq!((ledger.available(), ledger.reserved()), (Money::from_dollars(28), Money::from_dollars(2)));
        ledger.audit().unwrap();
    }
}
