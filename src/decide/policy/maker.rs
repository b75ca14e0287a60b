//! A rule-based maker: one side at a time, chosen by inventory.
//!
//! When flat, it joins the heavier side of the book: it buys YES if there are more displayed bids than asks, and NO if
//! there are fewer. With a position it works the exit. With passive pricing each of these is a post-only order at the
//! best price of its side, so the maker earns the spread when both its entry and its exit fill, and loses when the
//! market moves against it. Its purpose is to exercise the whole system and to be cloned, not to make money.
//!
//! The rule has no memory: the resting order takes its place. An entry is switched to the other side only when the book
//! leans against it by [`LEAN_TO_TURN`], so that a nearly balanced book does not cause a cancel and a create with every
//! decision. A partly filled entry gives a position, and so leads to an exit and the cancel of the rest of the entry.

use super::{ActionTerms, Answer, Choice, Policy, PolicyIdentity, PolicyTerms, View};
use crate::book::Book;
use crate::market::{BookSide, Count, Outcome};
use crate::messages::Action;

/// How far the book must lean against a resting entry before the entry is switched to the other side: one part in this
/// many of the displayed contracts of both sides.
const LEAN_TO_TURN: i64 = 10;

/// Above this spread, in units of $0.0001, no maker is in this market and the touch says nothing about its value: no entry.
const ENTRY_SPREAD_MAX: i64 = 2_000;

/// The rule-based maker.
#[derive(Clone, Debug)]
pub struct MakerPolicy {
    terms: ActionTerms,
}

impl MakerPolicy {
    /// Creates a maker with the standard terms: passive orders for ten contracts, and four decisions per second.
    #[must_use]
    pub fn new() -> Self {
        Self { terms: ActionTerms::standard() }
    }
}

impl Default for MakerPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl Policy for MakerPolicy {
    fn identity(&self) -> PolicyIdentity {
        PolicyIdentity::named("maker")
    }

    fn terms(&self) -> &PolicyTerms {
        &self.terms.policy
    }

    fn decide(&mut self, view: &View<'_>) -> Answer {
        self.terms.answer(Choice::of(choose(view)), view)
    }

    fn rehearse(&mut self, view: &View<'_>) {
        std::hint::black_box(self.decide(view));
    }
}

fn choose(view: &View<'_>) -> Action {
    let (Some(bid), Some(ask)) = (view.book.best_bid(), view.book.best_ask()) else {
        return Action::Hold;
    };
    let spread = ask.units() - bid.units();
    if spread <= 0 {
        return Action::Hold;
    }
    match view.position.cmp(&Count::ZERO) {
        std::cmp::Ordering::Greater => Action::SellYes,
        std::cmp::Ordering::Less => Action::SellNo,
        std::cmp::Ordering::Equal if spread > ENTRY_SPREAD_MAX => Action::Hold,
        std::cmp::Ordering::Equal => enter(view.book, resting_side(view)),
    }
}

fn resting_side(view: &View<'_>) -> Option<BookSide> {
    [BookSide::Bid, BookSide::Ask].into_iter().find(|side| view.orders.on(*side).is_some())
}

/// The side to join: that of the resting order unless the book leans against it, or the heavier one if there is no
/// order. Without an order, a perfectly balanced book gives a hold.
fn enter(book: &Book, resting: Option<BookSide>) -> Action {
    let bids = book.volume(Outcome::Yes).units();
    let asks = book.volume(Outcome::No).units();
    let lean = bids - asks;
    let tolerated = (bids + asks) / LEAN_TO_TURN;
    let side = match resting {
        Some(BookSide::Bid) if lean >= -tolerated => BookSide::Bid,
        Some(BookSide::Ask) if lean <= tolerated => BookSide::Ask,
        _ if lean > 0 => BookSide::Bid,
        _ if lean < 0 => BookSide::Ask,
        _ => return Action::Hold,
    };
    match side {
        BookSide::Bid => Action::BuyYes,
        BookSide::Ask => Action::BuyNo,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decide::policy::testing::{book, decide, open_order};
    use crate::messages::OpenOrder;

    fn act(book: &Book, position: i64, order: Option<OpenOrder>) -> Action {
        decide(&mut MakerPolicy::new(), book, position, order).action.unwrap()
    }

    #[test]
    fn flat_it_joins_the_heavier_side() {
        assert_eq!(act(&book(&[(40, 20)], &[(42, 10)]), 0, None), Action::BuyYes);
        assert_eq!(act(&book(&[(40, 10)], &[(42, 20)]), 0, None), Action::BuyNo);
        assert_eq!(act(&book(&[(40, 10), (39, 11)], &[(42, 20)]), 0, None), Action::BuyYes);
        assert_eq!(act(&book(&[(40, 10)], &[(42, 10)]), 0, None), Action::Hold);
    }

    #[test]
    fn with_a_position_it_works_the_exit_whatever_the_book_leans_to() {
        for (bids, asks) in [(100, 1), (1, 100)] {
            let book = book(&[(40, bids)], &[(42, asks)]);
            assert_eq!(act(&book, 3, Some(open_order(BookSide::Bid, 40))), Action::SellYes);
            assert_eq!(act(&book, -3, None), Action::SellNo);
        }
    }

    #[test]
    fn a_resting_entry_is_turned_around_only_by_a_clear_lean() {
        let bid = Some(open_order(BookSide::Bid, 40));
        let ask = Some(open_order(BookSide::Ask, 42));
        let leans_to_ask = book(&[(40, 45)], &[(42, 55)]);
        assert_eq!(act(&leans_to_ask, 0, None), Action::BuyNo);
        assert_eq!(act(&leans_to_ask, 0, bid), Action::BuyYes);
        assert_eq!(act(&book(&[(40, 44)], &[(42, 56)]), 0, bid), Action::BuyNo);
        assert_eq!(act(&book(&[(40, 55)], &[(42, 45)]), 0, ask), Action::BuyNo);
        assert_eq!(act(&book(&[(40, 56)], &[(42, 44)]), 0, ask), Action::BuyYes);
    }

    #[test]
    fn a_book_without_both_sides_or_without_a_usable_spread_is_held() {
        assert_eq!(act(&book(&[(40, 20)], &[]), 5, None), Action::Hold);
        assert_eq!(act(&book(&[], &[(40, 20)]), 0, None), Action::Hold);
        assert_eq!(act(&book(&[(20, 20)], &[(41, 10)]), 0, None), Action::Hold);
        assert_eq!(act(&book(&[(20, 20)], &[(41, 10)]), 5, None), Action::SellYes);
        assert_eq!(act(&book(&[(20, 20)], &[(40, 10)]), 0, None), Action::BuyYes);
    }

    proptest! {
        #[test]
        fn it_never_adds_to_a_position_and_never_sells_without_one(
            bids in 1i64..1_000, asks in 1i64..1_000, bid in 1u16..98, spread in 1u16..60, position in -20i64..=20,
        ) {
            let ask = (bid + spread).min(99);
            let action = act(&book(&[(bid, bids)], &[(ask, asks)]), position, None);
            match position.signum() {
                1 => prop_assert_eq!(action, Action::SellYes),
                -1 => prop_assert_eq!(action, Action::SellNo),
                _ => prop_assert!(!action.reduces()),
            }
        }
    }
}
