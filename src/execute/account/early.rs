//! Fills that still look for their order: owns those of orders whose exchange id is not known yet.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::execute::account::fee_rounding::FeeAccumulator;
use crate::market::{BookSide, Count, MarketKey, OrderId};

/// The fills of one order that came before the exchange told whose order it is.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct EarlyFills {
    /// The order.
    pub order: OrderId,
    /// Its market.
    pub market: MarketKey,
    /// Its side.
    pub side: BookSide,
    /// Filled so far.
    pub filled: Count,
    /// How many fills that were.
    pub fills: u32,
    /// Where the prediction of its fees stands.
    pub fees: FeeAccumulator,
    /// Fills whose fee was not the predicted one.
    pub surprises: u32,
}

/// Fills whose order may be one of ours that is being placed. They are booked already: only their order waits.
#[derive(Debug, Serialize, Deserialize)]
pub struct EarlyTable {
    entries: VecDeque<EarlyFills>,
    bound: usize,
}

impl EarlyTable {
    /// Room for the fills of `bound` orders.
    #[must_use]
    pub fn new(bound: usize) -> Self {
        Self { entries: VecDeque::with_capacity(bound), bound }
    }

    /// The entry of an order, made on its first fill. When there is no room the oldest gives way; returns its order.
    pub fn entry(&mut self, order: OrderId, market: MarketKey, side: BookSide) -> (&mut EarlyFills, Option<OrderId>) {
        let found = self.entries.iter().position(|entry| entry.order == order);
        let mut evicted = None;
        let position = found.unwrap_or_else(|| {
            if self.entries.len() == self.bound {
                evicted = self.entries.pop_front().map(|entry| entry.order);
            }
            let fees = FeeAccumulator::default();
            self.entries.push_back(EarlyFills {
                order,
                market,
                side,
                filled: Count::ZERO,
                fills: 0,
                fees,
                surprises: 0,
            });
            self.entries.len() - 1
        });
        (&mut self.entries[position], evicted)
    }

    /// Takes what was kept for an order.
    pub fn take(&mut self, order: OrderId) -> Option<EarlyFills> {
        let position = self.entries.iter().position(|entry| entry.order == order)?;
        self.entries.remove(position)
    }

    /// Forgets the entries of a market and side: no order of ours is being placed there any more.
    pub fn clear(&mut self, market: MarketKey, side: BookSide) {
        self.entries.retain(|entry| entry.market != market || entry.side != side);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_fills_of_an_order_add_up_until_taken() {
        let mut early = EarlyTable::new(2);
        let market = MarketKey::default();
        for _ in 0..2 {
            early.entry(OrderId::from_bits(1), market, BookSide::Bid).0.filled += Count::from_contracts(1);
        }
        assert_eq!(early.take(OrderId::from_bits(1)).unwrap().filled, Count::from_contracts(2));
        assert!(early.take(OrderId::from_bits(1)).is_none());
    }
}
