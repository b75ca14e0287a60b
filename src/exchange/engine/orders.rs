//! Orders in a slab: a slot number is a pointer that the borrow checker does not mind.

use std::ops::{Index, IndexMut};

use super::OrderRecord;
use crate::market::{Count, Money};

/// An order's place in the slab.
pub(super) type Slot = u32;
/// No order.
pub(super) const NO_ORDER: Slot = u32::MAX;

/// An order with its places in the queue of its price and in the lists of its holding and its group.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) record: OrderRecord,
    /// The holding (account, subaccount, market) that it trades for.
    pub(super) holding: u32,
    /// Its number in the order in which all were placed.
    pub(super) number: u64,
    /// The grid slot of its price.
    pub(super) level: u32,
    pub(super) post_only: bool,
    /// Rounding fees not given back yet (section 5 of the fee rules), over fills as maker and as taker.
    pub(super) rounding: Money,
    /// In recorded markets, the recorded contracts that trade before it at its price.
    pub(super) ahead: Count,
    /// What it adds to the needs of its holding: its worst case if all of it opened.
    pub(super) needs: Money,
    pub(super) queue: Links,
    pub(super) own: Links,
    pub(super) side: Links,
    pub(super) group: Links,
}

/// Neighbours in a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Links {
    pub(super) before: Slot,
    pub(super) after: Slot,
}

impl Links {
    pub(super) const NONE: Self = Self { before: NO_ORDER, after: NO_ORDER };
}

/// Both ends of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) first: Slot,
    pub(super) last: Slot,
}

impl Ends {
    pub(super) const EMPTY: Self = Self { first: NO_ORDER, last: NO_ORDER };
}

/// Which of an order's lists.
#[derive(Clone, Copy, Debug)]
pub(super) enum List {
    /// The queue of its price.
    Queue,
    /// The orders of its holding, oldest first.
    Own,
    /// The orders of its holding on its side, oldest first.
    Side,
    /// The orders of its group, oldest first.
    Group,
}

/// The orders.
#[derive(Debug, Default)]
pub(super) struct OrderSlab {
    orders: Vec<Order>,
    free: Vec<Slot>,
}

impl OrderSlab {
    pub(super) fn insert(&mut self, order: Order) -> Slot {
        if let Some(slot) = self.free.pop() {
            self.orders[slot as usize] = order;
            return slot;
        }
        let slot = Slot::try_from(self.orders.len()).expect("memory ends before four billion orders do");
        self.orders.push(order);
        slot
    }

    /// Gives the slot to the next order. The caller has taken the order out of its lists and out of the index.
    pub(super) fn release(&mut self, slot: Slot) {
        self.free.push(slot);
    }

    fn links(&mut self, slot: Slot, list: List) -> &mut Links {
        let order = &mut self[slot];
        match list {
            List::Queue => &mut order.queue,
            List::Own => &mut order.own,
            List::Side => &mut order.side,
            List::Group => &mut order.group,
        }
    }

    pub(super) fn append(&mut self, list: List, ends: &mut Ends, slot: Slot) {
        *self.links(slot, list) = Links { before: ends.last, after: NO_ORDER };
        if ends.last == NO_ORDER {
            ends.first = slot;
        } else {
            self.links(ends.last, list).after = slot;
        }
        ends.last = slot;
    }

    pub(super) fn unlink(&mut self, list: List, ends: &mut Ends, slot: Slot) {
        let Links { before, after } = std::mem::replace(self.links(slot, list), Links::NONE);
        if before == NO_ORDER {
            ends.first = after;
        } else {
            self.links(before, list).after = after;
        }
        if after == NO_ORDER {
            ends.last = before;
        } else {
            self.links(after, list).before = before;
        }
    }

    /// The orders of a list from its first.
    pub(super) fn walk(&self, list: List, ends: Ends) -> impl Iterator<Item = Slot> + '_ {
        let some = |slot| (slot != NO_ORDER).then_some(slot);
        std::iter::successors(some(ends.first), move |&slot| {
            some(match list {
                List::Queue => self[slot].queue.after,
                List::Own => self[slot].own.after,
                List::Side => self[slot].side.after,
                List::Group => self[slot].group.after,
            })
        })
    }
}

impl Index<Slot> for OrderSlab {
    type Output = Order;
    fn index(&self, slot: Slot) -> &Order {
        &self.orders[slot as usize]
    }
}

impl IndexMut<Slot> for OrderSlab {
    fn index_mut(&mut self, slot: Slot) -> &mut Order {
        &mut self.orders[slot as usize]
    }
}
