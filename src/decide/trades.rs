//! The trades printed in one market since the last decision on it: sums over all of them, and the newest individually.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::market::{BookSide, Count, Outcome, Price};
use crate::messages::BookEvent;

/// How many trades are kept individually.
pub const TRADES_KEPT: usize = 32;

/// A public trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradePrint {
    /// The frame's time in session milliseconds.
    pub time_ms: i64,
    /// The YES price.
    pub price: Price,
    /// The number of contracts traded.
    pub count: Count,
    /// The outcome that the taker bought.
    pub taker: Outcome,
}

impl TradePrint {
    /// The trade of an event; the event must be a trade.
    pub(super) fn of(event: &BookEvent) -> Self {
        Self { time_ms: event.time_ms, price: event.price, count: event.change, taker: event.side }
    }

    /// The side of the YES book whose resting orders the trade filled.
    pub(super) fn resting_side(&self) -> BookSide {
        match self.taker {
            Outcome::Yes => BookSide::Ask,
            Outcome::No => BookSide::Bid,
        }
    }
}

/// The trades since the last decision. Memory is allocated only once; beyond [`TRADES_KEPT`] trades, the oldest are
/// only in the sums.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trades {
    recent: VecDeque<TradePrint>,
    printed: u64,
    bought: Count,
    sold: Count,
}

impl Trades {
    pub(super) fn new() -> Self {
        Self { recent: VecDeque::with_capacity(TRADES_KEPT), printed: 0, bought: Count::ZERO, sold: Count::ZERO }
    }

    #[inline]
    pub(super) fn push(&mut self, trade: TradePrint) {
        if self.recent.len() == TRADES_KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(trade);
        self.printed += 1;
        let sum = if trade.taker == Outcome::Yes { &mut self.bought } else { &mut self.sold };
        *sum = (*sum + trade.count).min(Count::LIMIT);
    }

    /// Clears everything after a decision.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.printed > 0 {
            self.recent.clear();
            (self.printed, self.bought, self.sold) = (0, Count::ZERO, Count::ZERO);
        }
    }

    /// The newest trades, at most [`TRADES_KEPT`], oldest first.
    pub fn recent(&self) -> impl DoubleEndedIterator<Item = &TradePrint> + ExactSizeIterator {
        self.recent.iter()
    }

    /// The newest trade.
    #[must_use]
    pub fn last(&self) -> Option<&TradePrint> {
        self.recent.back()
    }

    /// The number of trades.
    #[must_use]
    pub const fn printed(&self) -> u64 {
        self.printed
    }

    /// Contracts in trades in which the taker bought YES.
    #[must_use]
    pub const fn bought(&self) -> Count {
        self.bought
    }

    /// Contracts in trades in which the taker bought NO.
    #[must_use]
    pub const fn sold(&self) -> Count {
        self.sold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_all_are_in_the_sums() {
        let mut trades = Trades::new();
        for time_ms in 0..40 {
            let taker = if time_ms % 4 == 0 { Outcome::No } else { Outcome::Yes };
            trades.push(TradePrint { time_ms, price: Price::from_cents(40), count: Count::from_contracts(2), taker });
        }
        let times: Vec<_> = trades.recent().map(|trade| trade.time_ms).collect();
        assert_eq!(times, (8..40).collect::<Vec<_>>());
        assert_eq!((trades.printed(), trades.last().unwrap().time_ms), (40, 39));
        assert_eq!((trades.bought(), trades.sold()), (Count::from_contracts(60), Count::from_contracts(20)));
        trades.clear();
        assert_eq!((trades.recent().len(), trades.printed()), (0, 0));
        assert_eq!((trades.bought(), trades.sold()), (Count::ZERO, Count::ZERO));
    }
}
