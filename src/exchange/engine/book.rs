//! One market's resting orders: a queue and a total for each price, in time priority.

use std::sync::Arc;

use super::occupancy::Occupancy;
use super::orders::{Ends, List, OrderSlab, Slot};
use crate::market::{BookSide, Count, Grid, Price};

/// The resting orders of one market, in the YES book.
#[derive(Debug)]
pub(super) struct Book {
    grid: Arc<Grid>,
    sides: [HalfBook; 2],
}

#[derive(Debug)]
struct HalfBook {
    levels: Box<[Level]>,
    occupied: Occupancy,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    queue: Ends,
    total: Count,
}

impl Book {
    pub(super) fn new(grid: Arc<Grid>) -> Self {
        let half = || HalfBook {
            levels: vec![Level { queue: Ends::EMPTY, total: Count::ZERO }; grid.slots()].into_boxed_slice(),
            occupied: Occupancy::new(grid.slots()),
        };
        Self { sides: [half(), half()], grid }
    }

    pub(super) fn grid(&self) -> &Grid {
        &self.grid
    }

    fn half(&self, side: BookSide) -> &HalfBook {
        &self.sides[side as usize]
    }

    /// Adds an order at the end of the queue of its price.
    pub(super) fn push(&mut self, orders: &mut OrderSlab, slot: Slot) {
        let order = &orders[slot];
        let (side, index, count) = (order.record.side, order.level as usize, order.record.remaining);
        let half = &mut self.sides[side as usize];
        let level = &mut half.levels[index];
        orders.append(List::Queue, &mut level.queue, slot);
        level.total += count;
        half.occupied.set(index, true);
    }

    /// Removes an order with its remaining count from its queue.
    pub(super) fn remove(&mut self, orders: &mut OrderSlab, slot: Slot) {
        let order = &orders[slot];
        let (side, index, count) = (order.record.side, order.level as usize, order.record.remaining);
        let half = &mut self.sides[side as usize];
        let level = &mut half.levels[index];
        orders.unlink(List::Queue, &mut level.queue, slot);
        level.total -= count;
        if level.queue.first == super::orders::NO_ORDER {
            debug_assert!(level.total.is_zero(), "a queue without orders has no contracts");
            half.occupied.set(index, false);
        }
    }

    /// Lowers a price's total by the part of an order that is gone while the order keeps its place.
    pub(super) fn reduce(&mut self, side: BookSide, level: u32, count: Count) {
        self.sides[side as usize].levels[level as usize].total -= count;
    }

    /// The grid slot of the best price of a side.
    pub(super) fn best(&self, side: BookSide) -> Option<usize> {
        best_occupied(&self.half(side).occupied, side)
    }

    /// The order that trades first at a price.
    pub(super) fn first_at(&self, side: BookSide, level: usize) -> Slot {
        self.half(side).levels[level].queue.first
    }

    pub(super) fn total_at(&self, side: BookSide, level: usize) -> Count {
        self.half(side).levels[level].total
    }

    pub(super) fn queue_at(&self, side: BookSide, level: usize) -> Ends {
        self.half(side).levels[level].queue
    }

    /// The grid slots of a side that have orders, lowest price first.
    pub(super) fn occupied(&self, side: BookSide) -> impl Iterator<Item = usize> + '_ {
        self.half(side).occupied.iter()
    }

    /// The contracts that an order on side `taker` with its limit at slot `limit` could trade with.
    pub(super) fn volume_within(&self, taker: BookSide, limit: usize) -> Count {
        let side = taker.opposite();
        let within = |&index: &usize| crosses(taker, limit, index);
        self.occupied(side).filter(within).map(|index| self.total_at(side, index)).sum()
    }

    pub(super) fn price(&self, level: usize) -> Price {
        self.grid.price(level)
    }
}

/// The occupied slot with the best price for the resting side.
pub(in crate::exchange) fn best_occupied(occupied: &Occupancy, side: BookSide) -> Option<usize> {
    match side {
        BookSide::Bid => occupied.highest_to(usize::MAX),
        BookSide::Ask => occupied.lowest_from(0),
    }
}

/// Whether an order on side `taker` with its limit at slot `limit` trades with a resting price at slot `resting`.
pub(in crate::exchange) fn crosses(taker: BookSide, limit: usize, resting: usize) -> bool {
    match taker {
        BookSide::Bid => resting <= limit,
        BookSide::Ask => resting >= limit,
    }
}
