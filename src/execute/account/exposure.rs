//! What a market's open orders reserve together, and how far they could move the position. Owns nothing; computes from
//! the orders and the position.
//!
//! An opposite position covers only so many contracts: each contract of it is claimed by one order. Orders claim in the
//! order of their price per contract, the cheapest first, so that the sum is the largest any order of claiming could
//! give, and the same whatever order the news came in.

use crate::execute::account::cash::{Terms, reservation};
use crate::execute::account::position::{Position, own_price};
use crate::execute::orders::order::Order;
use crate::execute::orders::table::OrderRef;
use crate::market::{BookSide, Count, FeeSchedule, Money, Price};

/// One order's part of a market's exposure.
#[derive(Clone, Copy, Debug)]
pub struct Exposure {
    /// The order, unless it is only being considered.
    pub order: Option<OrderRef>,
    side: BookSide,
    terms: [Terms; 2],
    /// What it reserves.
    pub reserved: Money,
}

impl Exposure {
    /// Of an order that is followed.
    #[must_use]
    pub fn of(at: OrderRef, order: &Order) -> Self {
        Self { order: Some(at), side: order.side, terms: order.terms(), reserved: Money::ZERO }
    }

    /// Of an order that might be placed, or of one under new terms beside its present ones.
    #[must_use]
    pub fn considered(side: BookSide, terms: [Terms; 2]) -> Self {
        Self { order: None, side, terms, reserved: Money::ZERO }
    }

    /// Which side it is on.
    #[must_use]
    pub fn side(&self) -> BookSide {
        self.side
    }

    /// The most that may still fill.
    #[must_use]
    pub fn pending(&self) -> Count {
        self.terms[0].pending.max(self.terms[1].pending)
    }

    /// What a contract of it costs at most, on its own outcome.
    #[must_use]
    pub fn unit_price(&self) -> Price {
        own_price(self.side, self.terms[0].price).max(own_price(self.side, self.terms[1].price))
    }
}

/// Fills in what each order reserves and returns the sum.
pub fn reserve_all(orders: &mut [Exposure], position: Position, fees: FeeSchedule, balance_step: Money) -> Money {
    orders.sort_unstable_by_key(|order| (order.side as u8, order.unit_price(), order.pending()));
    let mut unclaimed = [position.closable_by(BookSide::Bid), position.closable_by(BookSide::Ask)];
    let mut sum = Money::ZERO;
    for order in orders {
        let left = &mut unclaimed[order.side as usize];
        let claimed = order.pending().min(*left);
        *left -= claimed;
        let [old, new] = order.terms;
        let reserve = |terms| reservation(order.side, terms, claimed, fees, balance_step);
        // Only an amend has two terms.
        let present = reserve(old);
        let wanted = if new == old { present } else { reserve(new) };
        order.reserved = if planted!(SmallerAmendSide) { present.min(wanted) } else { present.max(wanted) };
        sum += order.reserved;
    }
    sum
}

/// The furthest position from zero if everything open on `side` filled and nothing on the other.
#[must_use]
pub fn furthest(orders: &[Exposure], position: Position, side: BookSide) -> Count {
    let pending: Count = orders.iter().filter(|order| order.side == side).map(Exposure::pending).sum();
    Count::from_units(position.contracts.units() + side.sign() * pending.units()).abs()
}

/// Contracts that could still be closed on `side`: the opposite position that no open order has claimed.
#[must_use]
pub fn unclaimed(orders: &[Exposure], position: Position, side: BookSide) -> Count {
    let pending: Count = orders.iter().filter(|order| order.side == side).map(Exposure::pending).sum();
    (position.closable_by(side) - pending).max(Count::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Money = Money::from_micros(100);

    fn exposure(side: BookSide, price: u16, pending: i64) -> Exposure {
        let terms = Terms { price: Price::from_cents(price), pending: Count::from_contracts(pending) };
        Exposure::considered(side, [terms, terms])
    }

    fn alone(side: BookSide, price: u16, pending: i64) -> Money {
        reserve_all(&mut [exposure(side, price, pending)], Position::default(), FeeSchedule::QUADRATIC, STEP)
    }

    #[test]
    fn a_contract_held_covers_one_order_only() {
        let position = Position { contracts: Count::from_contracts(-10), cost: Money::from_dollars(5) };
        let mut orders = [exposure(BookSide::Bid, 40, 6), exposure(BookSide::Bid, 50, 6)];
        let sum = reserve_all(&mut orders, position, FeeSchedule::QUADRATIC, STEP);
        // The cheaper one claims six, the dearer the other four and opens two.
        assert_eq!(sum, alone(BookSide::Bid, 50, 2));
        assert_eq!(unclaimed(&orders, position, BookSide::Bid), Count::ZERO);
    }

    #[test]
    fn the_sum_does_not_depend_on_the_order_of_the_orders() {
        let position = Position { contracts: Count::from_contracts(7), cost: Money::from_dollars(3) };
        let orders = [exposure(BookSide::Ask, 40, 6), exposure(BookSide::Ask, 55, 5), exposure(BookSide::Bid, 30, 2)];
        let mut turned = [orders[2], orders[1], orders[0]];
        let mut straight = orders;
        assert_eq!(
            reserve_all(&mut straight, position, FeeSchedule::QUADRATIC, STEP),
            reserve_all(&mut turned, position, FeeSchedule::QUADRATIC, STEP)
        );
    }

    #[test]
    fn during_an_amend_the_larger_of_old_and_new_is_held() {
        let old = Terms { price: Price::from_cents(40), pending: Count::from_contracts(10) };
        let new = Terms { price: Price::from_cents(60), pending: Count::from_contracts(5) };
        let mut orders = [Exposure::considered(BookSide::Bid, [old, new])];
        let sum = reserve_all(&mut orders, Position::default(), FeeSchedule::QUADRATIC, STEP);
        assert_eq!(sum, alone(BookSide::Bid, 40, 10).max(alone(BookSide::Bid, 60, 5)));
    }

    #[test]
    fn the_worst_position_counts_only_one_side() {
        let position = Position { contracts: Count::from_contracts(-3), cost: Money::ZERO };
        let orders = [exposure(BookSide::Ask, 40, 6), exposure(BookSide::Bid, 30, 20)];
        assert_eq!(furthest(&orders, position, BookSide::Ask), Count::from_contracts(9));
        assert_eq!(furthest(&orders, position, BookSide::Bid), Count::from_contracts(17));
    }
}
