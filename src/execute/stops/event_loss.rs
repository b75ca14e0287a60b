//! The worst-case loss of an event: all its markets together, everything open or unknown at its worst. Owns the sums of
//! each event; what a market adds is computed from its position and exposures.
//!
//! A market adds two numbers: what its position and orders lose at most if it resolves NO and if it resolves YES. A loss is
//! money put in and not returned: cost and fees in, a dollar a winning contract out. For NO every open bid is taken as filled
//! and every ask as not, for YES the other way round; contracts that an open order may close bring no gain, and the loss
//! at which it would close them counts.
//!
//! * Where more than one market of the event may resolve YES, the worst of each is added up.
//! * Where at most one may (the event's `mutually_exclusive`), every market resolves NO, or one of them YES and the others
//!   NO: the sum over NO, and on top of it the largest difference between YES and NO of a single market.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::checkpoint::PlainHasher;
use crate::execute::account::exposure::Exposure;
use crate::execute::account::position::Position;
use crate::market::{BookSide, Count, EventKey, Money, Price};

/// What one market's position and orders lose at most, by its result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeLosses {
    /// If it resolves NO; negative for a gain.
    pub no: Money,
    /// If it resolves YES.
    pub yes: Money,
}

impl OutcomeLosses {
    /// Of a position and the orders of its market, whose reservations have been computed.
    #[must_use]
    pub fn of(orders: &[Exposure], position: Position) -> Self {
        let (mut spent, mut pending, mut dearest) = ([Money::ZERO; 2], [Count::ZERO; 2], [Price::ZERO; 2]);
        for order in orders {
            let side = order.side() as usize;
            spent[side] += order.reserved;
            pending[side] += order.pending();
            dearest[side] = dearest[side].max(order.unit_price());
        }
        // A bid loses when the market resolves NO, and closes NO; an ask is the mirror image.
        let side = |bought: BookSide| {
            let (held, side) = (position.closable_by(bought), bought as usize);
            if held.is_zero() {
                return position.cost + spent[side];
            }
            let closing = pending[side].min(held);
            let kept = held - closing;
            let gain = Price::ONE.times(kept) - share(position.cost, kept, held);
            let closed_at_a_loss = share(position.cost, closing, held) - dearest[side].complement().times(closing);
            closed_at_a_loss.max(Money::ZERO) - gain + spent[side]
        };
        Self { no: side(BookSide::Bid), yes: side(BookSide::Ask) }
    }

    fn worst(self) -> Money {
        self.no.max(self.yes)
    }

    fn difference(self) -> i64 {
        (self.yes - self.no).micros()
    }
}

/// What a part of the contracts held cost, rounded up.
fn share(cost: Money, part: Count, held: Count) -> Money {
    let held = i128::from(held.units());
    let share = (i128::from(cost.micros()) * i128::from(part.units()) + held - 1).div_euclid(held);
    Money::from_micros(i64::try_from(share).expect("a share of a cost is no more than the cost"))
}

/// Where a market sits in its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    event: u32,
    leaf: u32,
}

/// One event.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct EventBook {
    key: EventKey,
    exclusive: bool,
    members: u32,
    /// By leaf; a power of two of them.
    losses: Vec<OutcomeLosses>,
    /// The largest difference below each node, never below zero; node 1 is the root, those of the leaves stand last.
    largest: Vec<i64>,
    free: Vec<u32>,
    sum_worst: Money,
    sum_no: Money,
}

/// The events of all listed markets.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EventLosses {
    books: Vec<EventBook>,
    #[serde(with = "crate::checkpoint::sorted")]
    by_key: HashMap<EventKey, u32, PlainHasher>,
    unused: Vec<u32>,
}

impl EventLosses {
    /// A market was listed. It has no losses yet.
    pub fn join(&mut self, key: EventKey, exclusive: bool) -> Seat {
        let event = *self.by_key.entry(key).or_insert_with(|| {
            self.unused.pop().unwrap_or_else(|| {
                self.books.push(EventBook::default());
                u32::try_from(self.books.len() - 1).expect("events are no more than markets")
            })
        });
        let book = &mut self.books[event as usize];
        (book.key, book.exclusive) = (key, exclusive);
        book.members += 1;
        if book.free.is_empty() {
            book.grow();
        }
        Seat { event, leaf: book.free.pop().expect("a grown event has a free seat") }
    }

    /// What is known of a market's event may change with a new listing of it.
    pub fn set_exclusive(&mut self, seat: Seat, exclusive: bool) {
        self.books[seat.event as usize].exclusive = exclusive;
    }

    /// A market left the directory.
    pub fn leave(&mut self, seat: Seat) {
        self.update(seat, OutcomeLosses::default());
        let book = &mut self.books[seat.event as usize];
        book.members -= 1;
        book.free.push(seat.leaf);
        if book.members == 0 {
            self.by_key.remove(&book.key);
            self.unused.push(seat.event);
        }
    }

    /// A market's position or orders changed.
    pub fn update(&mut self, seat: Seat, losses: OutcomeLosses) {
        let book = &mut self.books[seat.event as usize];
        let before = std::mem::replace(&mut book.losses[seat.leaf as usize], losses);
        if before == losses {
            return;
        }
        book.sum_worst += losses.worst() - before.worst();
        book.sum_no += losses.no - before.no;
        book.set(seat.leaf as usize, losses.difference().max(0));
    }

    /// The worst-case loss of a market's event as it is.
    #[must_use]
    pub fn worst(&self, seat: Seat) -> Money {
        let book = &self.books[seat.event as usize];
        if book.exclusive { book.sum_no + Money::from_micros(book.largest[1]) } else { book.sum_worst }
    }

    /// The worst-case loss if the market's were these.
    #[must_use]
    pub fn worst_with(&self, seat: Seat, losses: OutcomeLosses) -> Money {
        let book = &self.books[seat.event as usize];
        let before = book.losses[seat.leaf as usize];
        if book.exclusive {
            let largest = book.largest_without(seat.leaf as usize).max(losses.difference());
            book.sum_no - before.no + losses.no + Money::from_micros(largest)
        } else {
            book.sum_worst - before.worst() + losses.worst()
        }
    }
}

impl EventBook {
    /// Twice the seats, two at first.
    fn grow(&mut self) {
        let before = self.losses.len();
        let seats = (before * 2).max(2);
        self.losses.resize(seats, OutcomeLosses::default());
        self.free
            .extend((before..seats).rev().map(|seat| u32::try_from(seat).expect("markets are numbered in 16 bits")));
        self.largest = vec![0; seats * 2];
        for leaf in 0..before {
            self.set(leaf, self.losses[leaf].difference().max(0));
        }
    }

    fn set(&mut self, leaf: usize, difference: i64) {
        let mut node = self.losses.len() + leaf;
        self.largest[node] = difference;
        while node > 1 {
            node /= 2;
            self.largest[node] = self.largest[2 * node].max(self.largest[2 * node + 1]);
        }
    }

    /// The largest difference of the other markets, at least zero.
    fn largest_without(&self, leaf: usize) -> i64 {
        let mut node = self.losses.len() + leaf;
        let mut largest = 0;
        while node > 1 {
            largest = largest.max(self.largest[node ^ 1]);
            node /= 2;
        }
        largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::account::cash::Terms;
    use crate::execute::account::exposure::reserve_all;
    use crate::market::FeeSchedule;

    const FREE: FeeSchedule = FeeSchedule::FREE;

    fn dollars(dollars: i64) -> Money {
        Money::from_dollars(dollars)
    }

    fn held(contracts: i64, cost: i64) -> Position {
        Position { contracts: Count::from_contracts(contracts), cost: dollars(cost) }
    }

    fn losses(position: Position, orders: &[(BookSide, u16, i64)]) -> OutcomeLosses {
        let mut exposures: Vec<_> = orders
            .iter()
            .map(|&(side, cents, count)| {
                let terms = Terms { price: Price::from_cents(cents), pending: Count::from_contracts(count) };
                Exposure::considered(side, [terms, terms])
            })
            .collect();
        reserve_all(&mut exposures, position, FREE, Money::ZERO);
        OutcomeLosses::of(&exposures, position)
    }

    fn both(no: i64, yes: i64) -> OutcomeLosses {
        OutcomeLosses { no: dollars(no), yes: dollars(yes) }
    }

    #[test]
    fn a_position_loses_its_cost_one_way_and_gains_the_other() {
        assert_eq!(losses(held(10, 4), &[]), both(4, -6));
        assert_eq!(losses(held(-10, 7), &[]), both(-3, 7));
        assert_eq!(losses(Position::default(), &[]), both(0, 0));
    }

    #[test]
    fn open_orders_lose_what_they_reserve_where_they_lose() {
        assert_eq!(losses(Position::default(), &[(BookSide::Bid, 40, 10)]), both(4, 0));
        assert_eq!(losses(Position::default(), &[(BookSide::Ask, 40, 10)]), both(0, 6));
        assert_eq!(losses(held(10, 4), &[(BookSide::Bid, 50, 10)]), both(9, -6));
    }

    #[test]
    fn contracts_that_an_open_order_may_close_bring_no_gain() {
        assert_eq!(losses(held(10, 4), &[(BookSide::Ask, 60, 5)]), both(4, -3));
        // Beyond the position the order opens the other way.
        assert_eq!(losses(held(10, 4), &[(BookSide::Ask, 60, 20)]), both(4, 4));
        assert_eq!(losses(held(-10, 7), &[(BookSide::Bid, 20, 10)]), both(0, 7));
    }

    #[test]
    fn an_order_that_would_close_at_a_loss_loses_it() {
        assert_eq!(losses(held(10, 7), &[(BookSide::Ask, 60, 10)]), both(7, 1));
        assert_eq!(losses(held(-10, 7), &[(BookSide::Bid, 50, 20)]), both(7, 7));
        // Five kept gain $3, five sold for $1.50 cost $2.
        let expected = OutcomeLosses { no: dollars(4), yes: Money::from_micros(-2_500_000) };
        assert_eq!(losses(held(10, 4), &[(BookSide::Ask, 30, 5)]), expected);
    }

    #[test]
    fn independent_markets_add_up_at_their_worst() {
        let mut events = EventLosses::default();
        let seats = [0, 1, 2].map(|_| events.join(EventKey(1), false));
        let other = events.join(EventKey(2), false);
        events.update(other, both(100, 0));
        for (seat, losses) in seats.into_iter().zip([both(4, -6), both(-3, 7), both(0, 2)]) {
            events.update(seat, losses);
        }
        assert_eq!(events.worst(seats[0]), dollars(13));
        assert_eq!(events.worst_with(seats[0], both(10, 0)), dollars(19));
        events.leave(seats[1]);
        assert_eq!(events.worst(seats[0]), dollars(6));
        assert_eq!(events.worst(other), dollars(100));
    }

    #[test]
    fn of_exclusive_markets_only_one_can_lose_on_its_no_contracts() {
        let mut events = EventLosses::default();
        let seats = [0, 1].map(|_| events.join(EventKey(1), true));
        // Ten NO at 60 cents in both: one of them pays.
        events.update(seats[0], both(-4, 6));
        assert_eq!(events.worst(seats[0]), dollars(6));
        assert_eq!(events.worst_with(seats[1], both(-4, 6)), dollars(2));
        events.update(seats[1], both(-4, 6));
        assert_eq!(events.worst(seats[0]), dollars(2));
        events.set_exclusive(seats[0], false);
        assert_eq!(events.worst(seats[0]), dollars(12));
    }

    /// Every result the event may have, one by one.
    fn brute(markets: &[OutcomeLosses], exclusive: bool) -> Money {
        if !exclusive {
            return markets.iter().map(|losses| losses.no.max(losses.yes)).sum();
        }
        let none: Money = markets.iter().map(|losses| losses.no).sum();
        let one = |won: usize| {
            let each = markets.iter().enumerate();
            each.map(|(at, losses)| if at == won { losses.yes } else { losses.no }).sum::<Money>()
        };
        (0..markets.len()).map(one).fold(none, Money::max)
    }

    #[test]
    fn the_sums_are_what_every_result_one_by_one_gives() {
        let mut state = 7_u64;
        let mut draw = |below: i64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i64::try_from(state >> 33).unwrap() % below
        };
        for exclusive in [false, true] {
            let mut events = EventLosses::default();
            let mut members: Vec<(Seat, OutcomeLosses)> = Vec::new();
            for _ in 0..2_000 {
                match draw(10) {
                    0 if members.len() < 37 => {
                        members.push((events.join(EventKey(3), exclusive), OutcomeLosses::default()));
                    }
                    1 if members.len() > 1 => {
                        let gone =
                            members.swap_remove(usize::try_from(draw(i64::try_from(members.len()).unwrap())).unwrap());
                        events.leave(gone.0);
                    }
                    _ if !members.is_empty() => {
                        let at = usize::try_from(draw(i64::try_from(members.len()).unwrap())).unwrap();
                        let losses = both(draw(41) - 20, draw(41) - 20);
                        let mut changed: Vec<_> = members.iter().map(|member| member.1).collect();
                        changed[at] = losses;
                        assert_eq!(events.worst_with(members[at].0, losses), brute(&changed, exclusive));
                        members[at].1 = losses;
                        events.update(members[at].0, losses);
                    }
                    _ => (),
                }
                let Some(&(seat, _)) = members.first() else { continue };
                let all: Vec<_> = members.iter().map(|member| member.1).collect();
                assert_eq!(events.worst(seat), brute(&all, exclusive));
            }
        }
    }
}
