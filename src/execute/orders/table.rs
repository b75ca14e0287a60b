//! The orders that are being followed: ours and the account's others. Owns their slots and the ways to find one; what
//! happens to them is decided elsewhere. Memory is fixed after start.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::order::{Order, Whose};
use crate::checkpoint::PlainHasher;
use crate::market::{ClientOrderId, OrderId};

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
    use crate::execute::orders::life::OrderState;
    use crate::market::{BookSide, Count, MarketKey, Price};

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
