//! What `decide` has to be told of our own orders: fills and settlements, one by one. Owns those that it was not told yet,
//! and fills whose order may turn out to be ours. Nothing is dropped: while the ring is full they wait here.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::market::{BookSide, MarketKey, OrderId};
use crate::messages::{AccountNote, Fill, OwnFill, OwnSettlement};

/// How many may wait before memory is taken.
const ROOM: usize = 1_024;

/// What is still to be told.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::execute) struct Notes {
    waiting: VecDeque<AccountNote>,
    /// Fills of orders whose owner is not known yet.
    early: VecDeque<OwnFill>,
}

impl Notes {
    pub fn new() -> Self {
        Self { waiting: VecDeque::with_capacity(ROOM), early: VecDeque::with_capacity(ROOM) }
    }

    /// The oldest that was not told.
    pub fn first(&self) -> Option<AccountNote> {
        self.waiting.front().copied()
    }

    /// The oldest was told.
    pub fn told(&mut self) {
        self.waiting.pop_front();
    }

    /// A fill of an order of this run.
    pub fn fill(&mut self, fill: OwnFill) {
        self.waiting.push_back(AccountNote::Fill(fill));
        if planted!(FillToldTwice) && fill.time_ms % 8 == 0 {
            self.waiting.push_back(AccountNote::Fill(fill));
        }
    }

    /// A fill of an order that may be ours.
    pub fn early_fill(&mut self, fill: OwnFill) {
        self.early.push_back(fill);
    }

    /// An order turned out to be ours: what filled of it before is told now.
    pub fn is_ours(&mut self, order: OrderId) {
        if planted!(EarlyFillNotTold) {
            return self.is_not_ours(order);
        }
        for at in 0..self.early.len() {
            if self.early[at].order == order {
                let fill = self.early[at];
                self.fill(fill);
            }
        }
        self.is_not_ours(order);
    }

    /// An order is not followed as ours, or not any more.
    pub fn is_not_ours(&mut self, order: OrderId) {
        self.early.retain(|fill| fill.order != order);
    }

    /// No order of ours is being placed on that side of a market: what is there is not ours.
    pub fn none_placed(&mut self, market: MarketKey, side: BookSide) {
        self.early.retain(|fill| (fill.market, fill.side) != (market, side));
    }

    /// A position was settled.
    pub fn settlement(&mut self, settlement: OwnSettlement) {
        if !settlement.contracts.is_zero() {
            self.waiting.push_back(AccountNote::Settlement(settlement));
        }
    }
}

impl From<&Fill> for OwnFill {
    fn from(fill: &Fill) -> Self {
        Self {
            trade: fill.trade,
            order: fill.order,
            count: fill.count,
            fee: fill.fee,
            time_ms: fill.time_ms,
            market: fill.market,
            price: fill.price,
            side: fill.side,
            liquidity: fill.liquidity,
        }
    }
}
