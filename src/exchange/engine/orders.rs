//! Orders in a slab, linked into lists by slot numbers instead of pointers.

use std::ops::{Index, IndexMut};

use super::OrderRecord;
use crate::market::{Count, Money};

/// An order's index in the slab.
pub(super) type Slot = u32;
/// Marks the absence of an order.
pub(super) const NO_ORDER: Slot = u32::MAX;

/// An order, with its links in the queue of its price and in the lists of its holding and its group.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) record: OrderRecord,
    /// The holding (account, subaccount, market) that it trades for.
    pub(super) holding: u32,
    /// Its number among all orders, in the order of placement.
    pub(super) number: u64,
    /// The grid slot of its price.
    pub(super) level: u32,
    pub(super) post_only: bool,
    /// Rounding losses not yet refunded (section 5 of the fee rules), over its fills as maker and as taker.
    pub(super) rounding: Money,
    /// In a recorded market, the number of recorded contracts ahead of it at its price.
    pub(super) ahead: Count,
    /// What it adds to the `needs` of its holding: its collateral if all of it opened.
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

/// One of the lists that an order is in.
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
        let slot = Slot::try_from(self.orders.len()).expect("there are fewer than 2^32 orders");
        self.orders.push(order);
        slot
    }

    /// Frees the slot for another order. The caller must have taken the order out of its lists and of the index.
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

    /// The orders of a list, from the first.
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
