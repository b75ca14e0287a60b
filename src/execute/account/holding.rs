//! One market's part of the account: the position, what it is worth where it could be closed, what its orders reserve, and
//! how far its settlement has come.

use serde::{Deserialize, Serialize};

use super::history::{Agreed, History};
use super::position::Position;
use crate::market::{Count, Money, Price};

/// How many changes of a position are kept for comparisons.
const POSITION_HISTORY: usize = 64;

/// What the account has in one market.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::execute) struct Holding {
    pub(super) exchange_index: u8,
    pub(super) position: Position,
    pub(super) history: History<Count>,
    /// What YES paid, once that was booked.
    pub(super) settled: Option<Price>,
    /// The position that is paid for.
    pub(super) settled_position: Count,
    /// Whether the exchange has paid.
    pub(super) paid: bool,
    /// What the exchange owes.
    pub(super) awaiting: Money,
    /// What the market's orders reserve.
    pub(super) reserved: Money,
    /// The last known best prices without our own orders.
    best_bid: Option<Price>,
    best_ask: Option<Price>,
    unrealized: Money,
}

impl Holding {
    /// Nothing held, in a market of that shard.
    pub fn new(exchange_index: u8) -> Self {
        Self {
            exchange_index,
            position: Position::default(),
            history: History::new(Count::ZERO, POSITION_HISTORY),
            settled: None,
            settled_position: Count::ZERO,
            paid: false,
            awaiting: Money::ZERO,
            reserved: Money::ZERO,
            best_bid: None,
            best_ask: None,
            unrealized: Money::ZERO,
        }
    }

    /// The shard whose cash pays for it.
    pub fn exchange_index(&self) -> u8 {
        self.exchange_index
    }

    pub fn position(&self) -> Position {
        self.position
    }

    /// What the exchange owes for it.
    pub fn awaiting(&self) -> Money {
        self.awaiting
    }

    pub fn reserved(&self) -> Money {
        self.reserved
    }

    /// What the position would win or lose at its exit price.
    pub fn unrealized(&self) -> Money {
        self.unrealized
    }

    /// Whether nothing is held and nothing is owed.
    pub fn is_empty(&self) -> bool {
        self.position.contracts.is_zero() && self.awaiting == Money::ZERO
    }

    /// Our position, and whether the one that the exchange shows agrees with it: with what was held since `from_ms`, or,
    /// once settled, with what is paid for or nothing.
    pub fn compare(&self, exchange: Count, from_ms: i64) -> (Count, bool) {
        if self.settled.is_some() {
            // Until the exchange has paid it lists what it pays for, then nothing.
            (self.settled_position, exchange == self.settled_position || exchange.is_zero())
        } else {
            (self.position.contracts, self.history.held(exchange, from_ms) != Agreed::No)
        }
    }

    /// Takes a position for the one that was always held.
    pub(super) fn adopt(&mut self, position: Position) {
        self.position = position;
        self.history = History::new(position.contracts, POSITION_HISTORY);
    }

    /// Notes the best prices without our own orders.
    pub(super) fn quote(&mut self, best_bid: Option<Price>, best_ask: Option<Price>) {
        self.best_bid = best_bid;
        self.best_ask = best_ask;
    }

    /// Marks the position at the last known price at which it could be closed, at cost where none is known. Returns the
    /// change of what is unrealised.
    pub(super) fn mark(&mut self) -> Money {
        let exit = if self.position.contracts < Count::ZERO { self.best_ask } else { self.best_bid };
        let value = exit.map_or(self.position.cost, |price| self.position.value_at(price));
        let before = std::mem::replace(&mut self.unrealized, value - self.position.cost);
        self.unrealized - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_marked_where_it_could_be_closed() {
        let mut holding = Holding::new(0);
        holding.adopt(Position { contracts: Count::from_contracts(-10), cost: Money::from_dollars(6) });
        assert_eq!(holding.mark(), Money::ZERO);
        holding.quote(None, Some(Price::from_cents(50)));
        assert_eq!(holding.mark(), Money::from_dollars(-1));
        holding.quote(None, Some(Price::from_cents(30)));
        assert_eq!(holding.mark(), Money::from_dollars(2));
        assert_eq!(holding.unrealized(), Money::from_dollars(1));
    }

    #[test]
    fn a_settled_position_agrees_until_it_is_paid_and_when_it_is_gone() {
        let mut holding = Holding::new(0);
        let contracts = Count::from_contracts(4);
        (holding.settled, holding.settled_position) = (Some(Price::ONE), contracts);
        assert_eq!(holding.compare(contracts, 0), (contracts, true));
        assert_eq!(holding.compare(Count::ZERO, 0), (contracts, true));
        assert_eq!(holding.compare(Count::from_contracts(3), 0), (contracts, false));
    }
}
