//! What an order may cost at worst: the reservation formula of the ledger ("option B"). Owns no state.

use crate::execute::account::position::own_price;
use crate::market::{BookSide, Count, FeeSchedule, Money, Price};

/// One form an order may have at the exchange: its limit and what could still fill. During an amend there are two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The limit, as a YES price.
    pub price: Price,
    /// What has not filled.
    pub pending: Count,
}

/// What an order of these terms reserves when `claimed` of it closes a position: own price x count of the opening part,
/// the dearest fee at the limit that is settled from now on, and one balance step for the rounding of fees. A purely closing
/// order reserves nothing: it brings cash.
#[must_use]
pub fn reservation(side: BookSide, terms: Terms, claimed: Count, fees: FeeSchedule, balance_step: Money) -> Money {
    let opening = terms.pending - claimed.min(terms.pending);
    if opening <= Count::ZERO {
        return Money::ZERO;
    }
    own_price(side, terms.price).times(opening) + fees.worst_fee(opening, terms.price) + balance_step
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Money = Money::from_micros(100);

    fn reserve(side: BookSide, price: u16, pending: i64, claimed: i64) -> Money {
        let terms = Terms { price: Price::from_cents(price), pending: Count::from_contracts(pending) };
        reservation(side, terms, Count::from_contracts(claimed), FeeSchedule::QUADRATIC, STEP)
    }

    #[test]
    fn a_bid_reserves_its_price_the_taker_fee_and_a_balance_step() {
        // 10 x 0.40 + 0.07 x 10 x 0.4 x 0.6 + 0.0001
        assert_eq!(reserve(BookSide::Bid, 40, 10, 0), Money::from_micros(4_000_000 + 168_000 + 100));
    }

    #[test]
    fn an_ask_reserves_the_complement() {
        assert_eq!(reserve(BookSide::Ask, 40, 10, 0), Money::from_micros(6_000_000 + 168_000 + 100));
    }

    #[test]
    fn only_the_part_that_closes_nothing_reserves() {
        assert_eq!(reserve(BookSide::Ask, 40, 10, 10), Money::ZERO);
        assert_eq!(reserve(BookSide::Ask, 40, 10, 12), Money::ZERO);
        assert_eq!(reserve(BookSide::Ask, 40, 10, 7), reserve(BookSide::Ask, 40, 3, 0));
    }
}
