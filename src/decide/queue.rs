//! Our order's place in its level's queue, as far as it can be known: a bound on the contracts ahead of it.
//!
//! The exchange fills a level's orders in the order in which they came, and says how many contracts rest at a level, not
//! whose. Whatever is ahead of our order rests at its level, so the level without our own contracts bounds it, in every
//! state of the book since the order rests. What comes later comes behind, so the bound never grows. A trade at the price
//! fills what is ahead first, and lowers the bound unless the level that gave it has that trade in it already. Which order was
//! cancelled is not told: a cancel lowers the bound only where it leaves fewer contracts.
//!
//! A state is one since the order rests when the exchange's time of a frame is past that of the acknowledgement, or when
//! the frame of that very time is the change by which our own contracts came.

use serde::{Deserialize, Serialize};

use super::trades::TradePrint;
use crate::book::Book;
use crate::market::{BookSide, Count, Outcome, Price};
use crate::messages::OpenOrder;

/// A change of one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LevelChange {
    pub(super) outcome: Outcome,
    /// The level's price, on the outcome's own scale.
    pub(super) price: Price,
    pub(super) change: Count,
}

/// The order that is tracked, and the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Followed {
    order: OpenOrder,
    /// When it joined the queue: the first acknowledgement at this price.
    since_ms: Option<i64>,
    ahead: Option<Count>,
    /// The exchange's time of the state that the bound comes from, which includes all trades up to then.
    counted_ms: i64,
}

/// The queue position of a market's order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct QueuePlace {
    followed: Option<Followed>,
    /// The exchange's time of the newest frame of the book, and the level that it changed; `None` for a snapshot.
    newest: Option<(i64, Option<LevelChange>)>,
}

impl QueuePlace {
    /// The bound on the contracts ahead.
    pub(super) fn ahead(&self) -> Option<Count> {
        self.followed.and_then(|followed| followed.ahead)
    }

    /// Takes the latest state of the market's order. Without a fresh book the bound stays as it is.
    pub(super) fn follow(&mut self, order: Option<OpenOrder>, book: Option<&Book>) {
        let Some(order) = order else {
            self.followed = None;
            return;
        };
        self.followed = Some(match self.followed {
            // A new expiration or a smaller count keeps the place in the queue; a new price or a larger count loses it.
            Some(known) if known.order.is_at(&order) && order.remaining <= known.order.remaining => {
                Followed { order, since_ms: known.since_ms.or(order.acked_ms), ..known }
            }
            _ => Followed { order, since_ms: order.acked_ms, ahead: None, counted_ms: i64::MAX },
        });
        if let Some(book) = book {
            self.look(book);
        }
    }

    /// A frame changed the book.
    #[inline]
    pub(super) fn on_book(&mut self, exchange_ms: Option<i64>, change: Option<LevelChange>, book: &Book) {
        if let Some(exchange_ms) = exchange_ms
            && self.newest.is_none_or(|(newest_ms, _)| newest_ms <= exchange_ms)
        {
            self.newest = Some((exchange_ms, change));
        }
        let Some(Followed { order, ahead, .. }) = self.followed else { return };
        let here = change.is_none_or(|change| (change.outcome, change.price) == level_of(&order));
        if here || ahead.is_none() {
            self.look(book);
        }
    }

    /// A trade was printed, at the exchange's time if known.
    #[inline]
    pub(super) fn on_trade(&mut self, trade: &TradePrint, exchange_ms: Option<i64>) {
        let Some(Followed { order, ahead: Some(ahead), counted_ms, .. }) = &mut self.followed else { return };
        let is_new = exchange_ms.is_some_and(|exchange_ms| exchange_ms > *counted_ms);
        if is_new && (trade.resting_side(), trade.price) == (order.side, order.price) {
            *ahead = (*ahead - trade.count).max(Count::ZERO);
        }
    }

    fn look(&mut self, book: &Book) {
        let (Some(followed), Some((newest_ms, change))) = (&mut self.followed, self.newest) else { return };
        let (outcome, price) = level_of(&followed.order);
        let ours = LevelChange { outcome, price, change: followed.order.remaining };
        let rests = followed
            .since_ms
            .is_some_and(|since_ms| newest_ms > since_ms || (newest_ms == since_ms && change == Some(ours)));
        // A known bound comes from a state since the order came to rest, and so does every later state.
        if !rests && followed.ahead.is_none() {
            return;
        }
        let others = (book.size(outcome, price) - followed.order.remaining).max(Count::ZERO);
        if followed.ahead.is_none_or(|ahead| others < ahead) {
            (followed.ahead, followed.counted_ms) = (Some(others), newest_ms);
        }
    }
}

impl OpenOrder {
    fn is_at(&self, other: &Self) -> bool {
        (self.side, self.price) == (other.side, other.price)
    }
}

/// The level of the book on which an order is a bid.
fn level_of(order: &OpenOrder) -> (Outcome, Price) {
    match order.side {
        BookSide::Bid => (Outcome::Yes, order.price),
        BookSide::Ask => (Outcome::No, order.price.complement()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::policy::testing::book;

    const BID: Price = Price::from_cents(40);

    fn contracts(contracts: i64) -> Count {
        Count::from_contracts(contracts)
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the function under test takes it")]
    fn bid(remaining: i64, acked_ms: Option<i64>) -> Option<OpenOrder> {
        Some(OpenOrder { remaining: contracts(remaining), acked_ms, price: BID, side: BookSide::Bid })
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the function under test takes it")]
    fn change(cents: u16, change: i64) -> Option<LevelChange> {
        let price = Price::from_cents(cents);
        Some(LevelChange { outcome: Outcome::Yes, price, change: contracts(change) })
    }

    fn trade(cents: u16, count: i64, taker: Outcome) -> TradePrint {
        TradePrint { time_ms: 0, price: Price::from_cents(cents), count: contracts(count), taker }
    }

    fn at(level: i64) -> Book {
        book(&[(40, level), (39, 70)], &[(45, 10)])
    }

    /// A bid for 10 that joined 30 others at time 100.
    fn joined() -> QueuePlace {
        let mut place = QueuePlace::default();
        place.follow(bid(10, Some(100)), Some(&at(30)));
        assert_eq!(place.ahead(), None, "this book may be older than the order");
        place.on_book(Some(100), change(40, 10), &at(40));
        assert_eq!(place.ahead(), Some(contracts(30)));
        place
    }

    #[test]
    fn what_rests_with_an_order_when_it_is_in_the_book_is_ahead_of_it_and_what_comes_later_is_not() {
        let mut place = joined();
        place.on_book(Some(120), change(40, 500), &at(540));
        place.on_book(Some(130), change(39, -70), &at(540));
        assert_eq!(place.ahead(), Some(contracts(30)));
    }

    #[test]
    fn a_book_is_of_the_orders_time_once_a_frame_is_later_or_brings_the_order() {
        for (acked_ms, frame_ms, frame, ahead) in [
            (100, 99, change(40, 10), None),
            (100, 100, change(40, 9), None),
            (100, 100, change(39, 10), None),
            (100, 101, change(39, 10), Some(contracts(30))),
            (100, 101, None, Some(contracts(30))),
        ] {
            let mut place = QueuePlace::default();
            place.follow(bid(10, Some(acked_ms)), Some(&at(30)));
            place.on_book(Some(frame_ms), frame, &at(40));
            assert_eq!(place.ahead(), ahead, "{frame_ms} {frame:?}");
        }
        let mut place = QueuePlace::default();
        place.on_book(Some(100), change(40, 10), &at(40));
        place.follow(bid(10, None), Some(&at(40)));
        assert_eq!(place.ahead(), None);
        place.follow(bid(10, Some(100)), Some(&at(40)));
        assert_eq!(place.ahead(), Some(contracts(30)), "the frame came before the answer");
    }

    #[test]
    fn trades_at_the_price_and_small_levels_lower_the_bound_and_other_trades_do_not() {
        let mut place = joined();
        place.on_trade(&trade(40, 12, Outcome::No), Some(150));
        assert_eq!(place.ahead(), Some(contracts(18)));
        place.on_book(Some(150), change(40, -12), &at(28));
        assert_eq!(place.ahead(), Some(contracts(18)));
        for (other, exchange_ms) in [
            (trade(40, 5, Outcome::Yes), Some(160)),
            (trade(39, 5, Outcome::No), Some(160)),
            (trade(40, 5, Outcome::No), Some(100)),
            (trade(40, 5, Outcome::No), None),
        ] {
            place.on_trade(&other, exchange_ms);
        }
        assert_eq!(place.ahead(), Some(contracts(18)));
        // The book may show a trade before the trade itself is published.
        place.on_book(Some(165), change(40, -3), &at(25));
        place.on_trade(&trade(40, 3, Outcome::No), Some(165));
        assert_eq!(place.ahead(), Some(contracts(15)));
        place.on_book(Some(170), change(40, -12), &at(13));
        assert_eq!(place.ahead(), Some(contracts(3)));
        place.on_trade(&trade(40, 9, Outcome::No), Some(180));
        assert_eq!(place.ahead(), Some(Count::ZERO));
    }

    #[test]
    fn a_new_price_and_more_contracts_lose_the_place_and_a_new_lease_keeps_it() {
        let mut place = joined();
        place.follow(bid(6, Some(300)), Some(&at(36)));
        assert_eq!(place.ahead(), Some(contracts(30)));
        place.on_trade(&trade(40, 10, Outcome::No), Some(200));
        assert_eq!(place.ahead(), Some(contracts(20)));
        place.follow(bid(7, Some(400)), Some(&at(900)));
        assert_eq!(place.ahead(), None);
        place.on_book(Some(401), change(39, 1), &at(900));
        assert_eq!(place.ahead(), Some(contracts(893)));
        place.follow(None, None);
        assert_eq!(place.ahead(), None);
    }

    #[test]
    fn an_ask_stands_among_the_bids_on_no() {
        let ask =
            OpenOrder { remaining: contracts(4), acked_ms: Some(5), price: Price::from_cents(45), side: BookSide::Ask };
        let mut place = QueuePlace::default();
        place.follow(Some(ask), None);
        place.on_book(Some(6), None, &at(30));
        assert_eq!(place.ahead(), Some(contracts(6)));
        place.on_trade(&trade(45, 2, Outcome::Yes), Some(7));
        assert_eq!(place.ahead(), Some(contracts(4)));
    }
}
