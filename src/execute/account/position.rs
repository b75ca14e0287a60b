//! One market's position: signed contracts, what they cost, and what closing them realised. Owns the netting and
//! average-cost rules of this side; the exchange has its own.

use serde::{Deserialize, Serialize};

use crate::market::{BookSide, Count, Money, Outcome, Price};

/// Signed contracts and their cost. The cost excludes fees and is zero when flat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Positive for YES, negative for NO.
    pub contracts: Count,
    /// What the contracts held cost.
    pub cost: Money,
}

/// What a fill or a settlement did to money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Booking {
    /// How the cash moved, fees excluded.
    pub cash: Money,
    /// The change of the cost of positions.
    pub cost: Money,
    /// Profit realised, gross of fees.
    pub realized: Money,
}

/// What a contract costs on its own outcome, given the side of the YES book and the YES price.
#[must_use]
pub fn own_price(side: BookSide, price: Price) -> Price {
    match side {
        BookSide::Bid => price,
        BookSide::Ask => price.complement(),
    }
}

impl Position {
    /// Contracts that an order on `side` would close.
    #[must_use]
    pub fn closable_by(&self, side: BookSide) -> Count {
        let against = Count::from_units(-side.sign() * self.contracts.units());
        against.max(Count::ZERO)
    }

    /// Books a fill: first it closes what is held the other way, at average cost, then it opens.
    pub fn fill(&mut self, side: BookSide, price: Price, count: Count) -> Booking {
        let closing = count.min(self.closable_by(side));
        let opening = count - closing;
        let spent = own_price(side, price).times(opening);
        // Closing NO by buying YES at p returns $1 a pair: the other outcome sold at 1 - p.
        let sold = if planted!(CloseAtOwnPrice) { side } else { side.opposite() };
        let proceeds = own_price(sold, price).times(closing);
        let released = self.cost_of(closing);
        self.contracts += Count::from_units(side.sign() * count.units());
        self.cost = self.cost - released + spent;
        Booking { cash: proceeds - spent, cost: spent - released, realized: proceeds - released }
    }

    /// What the contracts held would bring if each YES contract paid `value`.
    #[must_use]
    pub fn value_at(&self, value: Price) -> Money {
        own_price(self.outcome().book_side(), value).times(self.contracts.abs())
    }

    /// Closes everything at a settlement value. The cash is what the exchange will pay.
    pub fn settle(&mut self, value: Price) -> Booking {
        let paid = self.value_at(value);
        let released = std::mem::take(self).cost;
        Booking { cash: paid, cost: -released, realized: paid - released }
    }

    /// The outcome held; YES when flat.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        if self.contracts < Count::ZERO { Outcome::No } else { Outcome::Yes }
    }

    /// The share of the cost that belongs to `closing` of the contracts, rounded down so that the last one closed takes
    /// what is left.
    fn cost_of(&self, closing: Count) -> Money {
        if closing.is_zero() {
            return Money::ZERO;
        }
        let share =
            i128::from(self.cost.micros()) * i128::from(closing.units()) / i128::from(self.contracts.abs().units());
        Money::from_micros(i64::try_from(share).expect("a share of a cost is no more than the cost"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cents(cents: u16) -> Price {
        Price::from_cents(cents)
    }

    fn contracts(n: i64) -> Count {
        Count::from_contracts(n)
    }

    #[test]
    fn buying_yes_and_selling_it_realises_the_difference() {
        let mut position = Position::default();
        let bought = position.fill(BookSide::Bid, cents(40), contracts(10));
        assert_eq!(
            (bought.cash, bought.cost, bought.realized),
            (Money::from_cents(-400), Money::from_cents(400), Money::ZERO)
        );
        let sold = position.fill(BookSide::Ask, cents(55), contracts(4));
        assert_eq!(
            sold,
            Booking { cash: Money::from_cents(220), cost: Money::from_cents(-160), realized: Money::from_cents(60) }
        );
        assert_eq!(position, Position { contracts: contracts(6), cost: Money::from_cents(240) });
    }

    #[test]
    fn a_fill_through_zero_closes_first_and_opens_the_rest_on_the_other_outcome() {
        let mut position = Position { contracts: contracts(-5), cost: Money::from_cents(300) };
        let booking = position.fill(BookSide::Bid, cents(30), contracts(8));
        // Five NO contracts return 70 cents each, three YES contracts cost 30.
        assert_eq!(booking.cash, Money::from_cents(350 - 90));
        assert_eq!(booking.realized, Money::from_cents(50));
        assert_eq!(position, Position { contracts: contracts(3), cost: Money::from_cents(90) });
    }

    #[test]
    fn settlement_pays_the_complement_to_no() {
        let mut position = Position { contracts: contracts(-5), cost: Money::from_cents(300) };
        let booking = position.settle(cents(25));
        assert_eq!(
            booking,
            Booking { cash: Money::from_cents(375), cost: Money::from_cents(-300), realized: Money::from_cents(75) }
        );
        assert_eq!(position, Position::default());
    }

    proptest::proptest! {
        #[test]
        fn cash_and_cost_less_realised_balance_after_any_fills(
            fills in proptest::collection::vec((proptest::bool::ANY, 1u16..10_000, 1i64..5_000), 1..60)
        ) {
            let mut position = Position::default();
            let (mut cash, mut realized) = (Money::ZERO, Money::ZERO);
            for (bid, price, units) in fills {
                let side = if bid { BookSide::Bid } else { BookSide::Ask };
                let booking = position.fill(side, Price::from_units(price).unwrap(), Count::from_units(units));
                cash += booking.cash;
                realized += booking.realized;
                proptest::prop_assert_eq!(cash + position.cost - realized, Money::ZERO);
                proptest::prop_assert!(position.cost >= Money::ZERO);
                if position.contracts.is_zero() {
                    proptest::prop_assert_eq!(position.cost, Money::ZERO);
                }
            }
        }
    }
}
