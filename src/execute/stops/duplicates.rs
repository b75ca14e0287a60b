//! Duplicate orders: the same side, price and count in one market again within a short time, which a policy that decides on a
//! new book seldom means and a program that has lost its state always does. Amends are no duplicates: they move an order
//! that is there.

use serde::{Deserialize, Serialize};

use crate::market::{BookSide, Count, Price};

/// How many creates of a market are remembered.
const REMEMBERED: usize = 8;

/// An order that was placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Its side of the YES book.
    pub side: BookSide,
    /// Its limit, as a YES price.
    pub price: Price,
    /// Its size.
    pub count: Count,
}

/// The newest creates of one market with their session times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentOrders {
    placed: [Option<(Placed, i64)>; REMEMBERED],
    next: u8,
}

impl RecentOrders {
    /// Whether the same order was placed less than `window_ms` ago; never for a window of zero.
    #[must_use]
    pub fn has(&self, order: Placed, session_ms: i64, window_ms: i64) -> bool {
        let same = |&(placed, at_ms): &(Placed, i64)| placed == order && session_ms.saturating_sub(at_ms) < window_ms;
        self.placed.iter().flatten().any(same)
    }

    /// Remembers an order that was written; the oldest makes room.
    pub fn push(&mut self, order: Placed, session_ms: i64) {
        if planted!(DuplicateWindowKept) && self.placed.iter().flatten().any(|(placed, _)| *placed == order) {
            return;
        }
        self.placed[usize::from(self.next)] = Some((order, session_ms));
        self.next = (self.next + 1) % u8::try_from(REMEMBERED).expect("few are remembered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(cents: u16) -> Placed {
        Placed { side: BookSide::Bid, price: Price::from_cents(cents), count: Count::from_contracts(10) }
    }

    #[test]
    fn the_same_order_is_a_duplicate_until_the_window_is_over() {
        let mut recent = RecentOrders::default();
        assert!(!recent.has(order(40), 0, 500));
        recent.push(order(40), 1_000);
        assert!(recent.has(order(40), 1_499, 500));
        assert!(!recent.has(order(40), 1_500, 500));
        assert!(!recent.has(order(40), 1_000, 0));
    }

    #[test]
    fn another_side_price_or_count_is_another_order() {
        let mut recent = RecentOrders::default();
        recent.push(order(40), 0);
        assert!(!recent.has(order(41), 0, 500));
        assert!(!recent.has(Placed { side: BookSide::Ask, ..order(40) }, 0, 500));
        assert!(!recent.has(Placed { count: Count::from_contracts(9), ..order(40) }, 0, 500));
    }

    #[test]
    fn orders_that_alternate_are_remembered_apart_and_the_oldest_makes_room() {
        let mut recent = RecentOrders::default();
        for cents in 1..=9 {
            recent.push(order(cents), 0);
        }
        assert!(!recent.has(order(1), 0, 500));
        assert!((2..=9).all(|cents| recent.has(order(cents), 0, 500)));
    }
}
