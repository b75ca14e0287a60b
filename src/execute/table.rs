//! The orders that are being followed: ours and the account's others. Owns their slots and the ways to find one; what
//! happens to them is decided elsewhere. Memory is fixed after start.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::cash::Terms;
use super::fee_rounding::FeeAccumulator;
use super::fills::PlainHasher;
use super::lease::Lease;
use super::orders::{Effect, OrderEvent, OrderState, transition};
use crate::market::{BookSide, ClientOrderId, Count, MarketKey, Money, OrderId, Price};

/// Whose order it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whose {
    /// Placed by this run: every fill of it is counted here.
    Ours(ClientOrderId),
    /// Placed by an earlier run: to be cancelled.
    Earlier(ClientOrderId),
    /// Placed by somebody else with this account: it reserves cash, and is left alone.
    Foreign,
}

/// An order as this side knows it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Whose it is.
    pub whose: Whose,
    /// The exchange's id, once known.
    pub id: Option<OrderId>,
    /// Where.
    pub market: MarketKey,
    /// Bid or ask.
    pub side: BookSide,
    /// The limit.
    pub price: Price,
    /// All it may fill, fills so far included.
    pub total: Count,
    /// Limit and total that an amend asked for, until its outcome is known.
    pub amend: Option<(Price, Count)>,
    /// Filled, by the fills that were booked.
    pub filled: Count,
    /// How many fills that were.
    pub fills: u32,
    /// The most the exchange has said it filled; more than `filled` while fills are on their way.
    pub reported: Count,
    /// What it will have filled when every fill has come, once the exchange has told.
    pub final_filled: Option<Count>,
    /// Where it is in its life.
    pub state: OrderState,
    /// Cash it reserves now.
    pub reserved: Money,
    /// It has to go.
    pub want_cancel: bool,
    /// It was placed to reduce the position, and must not exceed it.
    pub reducing: bool,
    /// Whether its acceptance was counted.
    pub acknowledged: bool,
    /// When it was placed, in session milliseconds; zero for orders of others.
    pub placed_ms: i64,
    /// When its last create or amend was written, in session milliseconds.
    pub sent_ms: i64,
    /// Since when its state is unknown.
    pub unsure_ms: i64,
    /// The exchange's time of the newest thing it told about the order.
    pub exchange_ms: i64,
    /// The exchange's time of its last acknowledgement.
    pub acked_ms: Option<i64>,
    /// When it is cancelled unless wanted again, in session milliseconds.
    pub expires_ms: i64,
    /// When the exchange ends it by itself.
    pub lease: Lease,
    /// No cancel is tried before.
    pub retry_at_ns: u64,
    /// How long the next failed cancel will wait.
    pub retry_wait_ns: u64,
    /// Where the prediction of its fees stands.
    pub fees: FeeAccumulator,
    /// The last reading that showed it in the book.
    pub seen_in: u32,
}

impl Order {
    /// A new order of no size, to be filled in.
    #[must_use]
    pub fn new(whose: Whose, market: MarketKey, side: BookSide, price: Price, total: Count, state: OrderState) -> Self {
        Self {
            whose,
            id: None,
            market,
            side,
            price,
            total,
            amend: None,
            filled: Count::ZERO,
            fills: 0,
            reported: Count::ZERO,
            final_filled: None,
            state,
            reserved: Money::ZERO,
            want_cancel: false,
            reducing: false,
            acknowledged: false,
            placed_ms: 0,
            sent_ms: 0,
            unsure_ms: 0,
            exchange_ms: 0,
            acked_ms: None,
            expires_ms: i64::MAX,
            lease: Lease::default(),
            retry_at_ns: 0,
            retry_wait_ns: 0,
            fees: FeeAccumulator::default(),
            seen_in: 0,
        }
    }

    /// Runs the life-cycle table on an event: the one place where an order's state changes. What the exchange told with
    /// the event (how much filled, what an amend asked for) has been noted in the order's fields before. Returns what the
    /// table said of its claim; the reservation follows from the fields.
    pub fn advance(&mut self, event: OrderEvent) -> Effect {
        let transition = transition(self.state, event);
        match transition.effect {
            Effect::Keep | Effect::Return | Effect::Spend | Effect::Leave => (),
            Effect::HoldBoth => debug_assert!(self.amend.is_some(), "an amend's terms are noted before it is sent"),
            Effect::TakeNew => {
                if let Some((price, total)) = self.amend.take() {
                    (self.price, self.total) = (price, total);
                }
            }
            Effect::TakeOld => self.amend = None,
            Effect::ReturnRest => self.final_filled = Some(self.filled),
        }
        self.state = transition.next;
        transition.effect
    }

    /// Whether this run placed it.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        matches!(self.whose, Whose::Ours(_))
    }

    /// Whether somebody else placed it.
    #[must_use]
    pub const fn is_foreign(&self) -> bool {
        matches!(self.whose, Whose::Foreign)
    }

    /// What may still fill under the older and, during an amend, the newer terms.
    #[must_use]
    pub fn terms(&self) -> [Terms; 2] {
        if planted!(UnknownNotCounted) && self.state.is_unknown() {
            return [Terms { price: self.price, pending: Count::ZERO }; 2];
        }
        let pending = |total: Count| (self.final_filled.unwrap_or(total) - self.filled).max(Count::ZERO);
        let old = Terms { price: self.price, pending: pending(self.total) };
        let new = self.amend.map_or(old, |(price, total)| Terms { price, pending: pending(total) });
        [old, new]
    }

    /// The most that may still fill.
    #[must_use]
    pub fn pending_max(&self) -> Count {
        let [old, new] = self.terms();
        old.pending.max(new.pending)
    }

    /// The most it may fill in all.
    #[must_use]
    pub fn most(&self) -> Count {
        self.amend.map_or(self.total, |(_, total)| self.total.max(total))
    }

    /// Whether it ended, by what the exchange told, with something unfilled.
    #[must_use]
    pub fn was_cut_short(&self) -> bool {
        self.acknowledged && self.final_filled.is_some_and(|filled| filled < self.total)
    }

    /// Whether fills that the exchange has spoken of have not come, or it has not said how it ended.
    #[must_use]
    pub fn awaits_fills(&self) -> bool {
        self.reported > self.filled || (self.state == OrderState::Ended && !self.is_complete())
    }

    /// Whether nothing of it is open: it ended and every fill was booked.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state == OrderState::Ended && self.final_filled.is_some_and(|filled| self.filled >= filled)
    }
}

/// A slot of the table, safe against reuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRef {
    index: u32,
    generation: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Slot {
    generation: u32,
    order: Option<Order>,
    next_in_market: Option<u32>,
}

/// The table of orders.
#[derive(Debug, Serialize, Deserialize)]
pub struct OrderTable {
    slots: Vec<Slot>,
    free: Vec<u32>,
    #[serde(with = "crate::checkpoint::sorted")]
    by_id: HashMap<OrderId, u32, PlainHasher>,
    #[serde(with = "crate::checkpoint::sorted")]
    by_client: HashMap<ClientOrderId, u32, PlainHasher>,
    first_in_market: Vec<Option<u32>>,
    /// Ids of orders that ended lately: a stale read must not bring them back.
    gone: VecDeque<OrderId>,
    bound: usize,
    ours_open: usize,
}

impl OrderTable {
    /// Room for `orders_max` orders in `markets_max` markets.
    #[must_use]
    pub fn new(orders_max: usize, markets_max: usize) -> Self {
        Self {
            slots: Vec::with_capacity(orders_max),
            free: Vec::with_capacity(orders_max),
            by_id: HashMap::with_capacity_and_hasher(orders_max * 2, PlainHasher::default()),
            by_client: HashMap::with_capacity_and_hasher(orders_max * 2, PlainHasher::default()),
            first_in_market: vec![None; markets_max],
            gone: VecDeque::with_capacity(orders_max),
            bound: orders_max,
            ours_open: 0,
        }
    }

    /// Adds an order, unless the table is full.
    pub fn insert(&mut self, order: Order) -> Option<OrderRef> {
        let index = if let Some(index) = self.free.pop() {
            index
        } else if self.slots.len() < self.bound {
            self.slots.push(Slot { generation: 0, order: None, next_in_market: None });
            u32::try_from(self.slots.len() - 1).expect("the table's bound fits u32")
        } else {
            return None;
        };
        if let Some(id) = order.id {
            self.by_id.insert(id, index);
        }
        if let Whose::Ours(client) | Whose::Earlier(client) = order.whose {
            self.by_client.insert(client, index);
        }
        self.ours_open += usize::from(!order.is_foreign());
        let slot = &mut self.slots[index as usize];
        slot.next_in_market = self.first_in_market[order.market.position()].replace(index);
        slot.order = Some(order);
        Some(OrderRef { index, generation: slot.generation })
    }

    /// Takes an order out. Its exchange id is remembered as gone.
    pub fn remove(&mut self, at: OrderRef) -> Option<Order> {
        self.get(at)?;
        let slot = &mut self.slots[at.index as usize];
        let order = slot.order.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        let next = slot.next_in_market.take();
        self.unlink(order.market.position(), at.index, next);
        if let Some(id) = order.id {
            self.by_id.remove(&id);
            if self.gone.len() == self.bound {
                self.gone.pop_front();
            }
            self.gone.push_back(id);
        }
        if let Whose::Ours(client) | Whose::Earlier(client) = order.whose {
            self.by_client.remove(&client);
        }
        self.ours_open -= usize::from(!order.is_foreign());
        self.free.push(at.index);
        Some(order)
    }

    fn unlink(&mut self, market: usize, index: u32, next: Option<u32>) {
        if self.first_in_market[market] == Some(index) {
            self.first_in_market[market] = next;
            return;
        }
        let mut at = self.first_in_market[market];
        while let Some(position) = at {
            let slot = &mut self.slots[position as usize];
            if slot.next_in_market == Some(index) {
                slot.next_in_market = next;
                return;
            }
            at = slot.next_in_market;
        }
    }

    /// The exchange told an order's id. An id that another order has is refused.
    pub fn link(&mut self, at: OrderRef, id: OrderId) -> bool {
        if self.by_id.contains_key(&id) || self.get(at).is_none_or(|order| order.id.is_some()) {
            return false;
        }
        self.by_id.insert(id, at.index);
        if let Some(order) = self.get_mut(at) {
            order.id = Some(id);
        }
        true
    }

    /// The order of a slot, unless it was reused.
    #[must_use]
    pub fn get(&self, at: OrderRef) -> Option<&Order> {
        let slot = self.slots.get(at.index as usize)?;
        if slot.generation == at.generation { slot.order.as_ref() } else { None }
    }

    /// The order of a slot, to be changed.
    pub fn get_mut(&mut self, at: OrderRef) -> Option<&mut Order> {
        let slot = self.slots.get_mut(at.index as usize)?;
        if slot.generation == at.generation { slot.order.as_mut() } else { None }
    }

    /// The order with an exchange id.
    #[must_use]
    pub fn by_id(&self, id: OrderId) -> Option<OrderRef> {
        self.by_id.get(&id).map(|&index| self.reference(index))
    }

    /// The order with a client order id.
    #[must_use]
    pub fn by_client(&self, client: ClientOrderId) -> Option<OrderRef> {
        self.by_client.get(&client).map(|&index| self.reference(index))
    }

    /// Whether an order of this id ended lately.
    #[must_use]
    pub fn is_gone(&self, id: OrderId) -> bool {
        self.gone.contains(&id)
    }

    /// Orders that are not foreign.
    #[must_use]
    pub fn ours_open(&self) -> usize {
        self.ours_open
    }

    /// The orders of a market.
    pub fn in_market(&self, market: usize) -> impl Iterator<Item = (OrderRef, &Order)> {
        std::iter::successors(self.first_in_market[market], |&index| self.slots[index as usize].next_in_market)
            .filter_map(|index| Some((self.reference(index), self.slots[index as usize].order.as_ref()?)))
    }

    /// All orders, in the order of their slots.
    pub fn iter(&self) -> impl Iterator<Item = (OrderRef, &Order)> {
        self.slots
            .iter()
            .zip(0u32..)
            .filter_map(|(slot, index)| Some((OrderRef { index, generation: slot.generation }, slot.order.as_ref()?)))
    }

    /// Positions that may hold an order: for loops that change the table on the way.
    #[must_use]
    pub fn slots(&self) -> u32 {
        u32::try_from(self.slots.len()).expect("the table's bound fits u32")
    }

    /// The order at a position, if there is one.
    #[must_use]
    pub fn at(&self, index: u32) -> Option<OrderRef> {
        self.slots.get(index as usize)?.order.as_ref()?;
        Some(self.reference(index))
    }

    fn reference(&self, index: u32) -> OrderRef {
        OrderRef { index, generation: self.slots[index as usize].generation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(market: u16, counter: u32) -> Order {
        let whose = Whose::Ours(ClientOrderId { nonce: 1, counter });
        let market = MarketKey { index: market, generation: 0 };
        Order::new(whose, market, BookSide::Bid, Price::from_cents(40), Count::from_contracts(1), OrderState::Creating)
    }

    #[test]
    fn an_order_is_found_by_its_client_id_and_once_linked_by_its_exchange_id() {
        let mut table = OrderTable::new(4, 2);
        let at = table.insert(order(0, 1)).unwrap();
        assert_eq!(table.by_client(ClientOrderId { nonce: 1, counter: 1 }), Some(at));
        assert!(table.link(at, OrderId::from_bits(9)));
        assert_eq!(table.by_id(OrderId::from_bits(9)), Some(at));
        table.remove(at).unwrap();
        assert_eq!(table.by_id(OrderId::from_bits(9)), None);
        assert!(table.is_gone(OrderId::from_bits(9)));
        assert!(table.get(at).is_none());
    }

    #[test]
    fn a_reused_slot_does_not_answer_for_its_former_order() {
        let mut table = OrderTable::new(1, 1);
        let first = table.insert(order(0, 1)).unwrap();
        assert!(table.insert(order(0, 2)).is_none());
        table.remove(first).unwrap();
        let second = table.insert(order(0, 2)).unwrap();
        assert_ne!(first, second);
        assert!(table.get(first).is_none());
    }

    #[test]
    fn orders_of_a_market_are_listed_whichever_leaves_first() {
        for leaves in 0..3 {
            let mut table = OrderTable::new(4, 2);
            let refs: Vec<_> = (1..=3).map(|n| table.insert(order(1, n)).unwrap()).collect();
            table.remove(refs[leaves]).unwrap();
            assert_eq!(table.in_market(1).count(), 2);
            assert_eq!(table.in_market(0).count(), 0);
        }
    }
}
