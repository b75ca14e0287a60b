//! From an action to the order that is wanted: its price by the pricing strategy, and its count.
//!
//! Prices are formed from the book without our own open order: a level held only by us is not the best.

use crate::book::Book;
use crate::market::{BookSide, Count, Grid, Price};
use crate::messages::{Action, OpenOrder, Pricing, Skip};

/// The best prices of a book without our own order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Touch {
    pub(super) bid: Option<Price>,
    pub(super) ask: Option<Price>,
}

impl Touch {
    pub(super) fn without_own(book: &Book, own: Option<OpenOrder>) -> Self {
        let mut touch = Self { bid: book.best_bid(), ask: book.best_ask() };
        if let Some(own) = own {
            match own.side {
                BookSide::Bid => touch.bid = book.best_bid_without(own.price, own.remaining),
                BookSide::Ask => touch.ask = book.best_ask_without(own.price, own.remaining),
            }
        }
        touch
    }
}

/// An order that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) side: BookSide,
    pub(super) price: Price,
    pub(super) count: Count,
}

impl Wanted {
    /// The order that an action wants; none for a hold.
    ///
    /// # Errors
    /// [`Skip::NothingToReduce`] for a sell without position, [`Skip::NoPrice`] when the book has no price for it.
    pub(super) fn form(
        action: Action,
        position: Count,
        contracts: Count,
        pricing: Pricing,
        touch: Touch,
        grid: &Grid,
    ) -> Result<Option<Self>, Skip> {
        let Some(side) = action.book_side() else {
            return Ok(None);
        };
        let count = if action.reduces() { reducible(side, position).min(contracts) } else { contracts };
        if count <= Count::ZERO {
            return Err(Skip::NothingToReduce);
        }
        let price = price(pricing, side, touch, grid).ok_or(Skip::NoPrice)?;
        Ok(Some(Self { side, price, count }))
    }

    /// Whether part of the order would add to the position instead of reducing it.
    pub(super) fn opens(&self, position: Count) -> bool {
        self.count > reducible(self.side, position)
    }
}

/// How many contracts an order on that side can close.
fn reducible(side: BookSide, position: Count) -> Count {
    match side {
        BookSide::Bid => (-position).max(Count::ZERO),
        BookSide::Ask => position.max(Count::ZERO),
    }
}

/// The limit by the pricing strategy, as a YES price on the grid.
fn price(pricing: Pricing, side: BookSide, touch: Touch, grid: &Grid) -> Option<Price> {
    let (near, far) = match side {
        BookSide::Bid => (touch.bid, touch.ask),
        BookSide::Ask => (touch.ask, touch.bid),
    };
    let limit = match pricing {
        Pricing::Aggressive => far?,
        Pricing::Passive => near?,
        Pricing::Mid => mid(side, touch.bid?, touch.ask?, grid),
    };
    grid.accepts(limit).then_some(limit)
}

/// The mid, rounded to the grid away from the other side, so that the order can rest.
fn mid(side: BookSide, bid: Price, ask: Price, grid: &Grid) -> Price {
    let sum = bid.index() + ask.index();
    let units = match side {
        BookSide::Bid => sum / 2,
        BookSide::Ask => sum.div_ceil(2),
    };
    let exact = u16::try_from(units).ok().and_then(Price::from_units).expect("a mid lies between two prices");
    match side {
        BookSide::Bid => grid.floor(exact),
        BookSide::Ask => grid.ceil(exact),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::GridBands;

    fn cents(cents: u16) -> Price {
        Price::from_cents(cents)
    }

    fn form(action: Action, position: i64, pricing: Pricing, bid: u16, ask: u16) -> Result<Option<Wanted>, Skip> {
        let touch = Touch { bid: (bid > 0).then(|| cents(bid)), ask: (ask > 0).then(|| cents(ask)) };
        let grid = Grid::new(GridBands::cents());
        let whole = Count::from_contracts;
        Wanted::form(action, whole(position), whole(10), pricing, touch, &grid)
    }

    fn price_of(action: Action, position: i64, pricing: Pricing, bid: u16, ask: u16) -> Price {
        form(action, position, pricing, bid, ask).unwrap().unwrap().price
    }

    #[test]
    fn each_strategy_has_its_price_on_both_sides() {
        use Pricing::{Aggressive, Mid, Passive};
        for (pricing, buy, sell) in [(Aggressive, 45, 40), (Passive, 40, 45), (Mid, 42, 43)] {
            assert_eq!(price_of(Action::BuyYes, 0, pricing, 40, 45), cents(buy), "{pricing:?}");
            assert_eq!(price_of(Action::BuyNo, 0, pricing, 40, 45), cents(sell), "{pricing:?}");
            assert_eq!(price_of(Action::SellYes, 10, pricing, 40, 45), cents(sell), "{pricing:?}");
            assert_eq!(price_of(Action::SellNo, -10, pricing, 40, 45), cents(buy), "{pricing:?}");
        }
    }

    #[test]
    fn the_mid_of_a_one_tick_spread_is_the_own_side() {
        assert_eq!(price_of(Action::BuyYes, 0, Pricing::Mid, 40, 41), cents(40));
        assert_eq!(price_of(Action::BuyNo, 0, Pricing::Mid, 40, 41), cents(41));
    }

    #[test]
    fn without_the_price_a_strategy_needs_there_is_no_order() {
        assert_eq!(form(Action::BuyYes, 0, Pricing::Passive, 0, 45), Err(Skip::NoPrice));
        assert_eq!(form(Action::BuyYes, 0, Pricing::Aggressive, 40, 0), Err(Skip::NoPrice));
        assert_eq!(form(Action::BuyYes, 0, Pricing::Mid, 40, 0), Err(Skip::NoPrice));
        assert_eq!(price_of(Action::BuyYes, 0, Pricing::Passive, 40, 0), cents(40));
    }

    #[test]
    fn a_sell_is_for_what_is_held_at_most() {
        let count =
            |action, position| form(action, position, Pricing::Passive, 40, 45).map(|wanted| wanted.unwrap().count);
        assert_eq!(count(Action::SellYes, 4), Ok(Count::from_contracts(4)));
        assert_eq!(count(Action::SellYes, 40), Ok(Count::from_contracts(10)));
        assert_eq!(count(Action::SellNo, -4), Ok(Count::from_contracts(4)));
        for (action, position) in
            [(Action::SellYes, 0), (Action::SellYes, -4), (Action::SellNo, 0), (Action::SellNo, 4)]
        {
            assert_eq!(count(action, position), Err(Skip::NothingToReduce));
        }
        assert_eq!(form(Action::Hold, 4, Pricing::Passive, 40, 45), Ok(None));
    }

    #[test]
    fn an_order_opens_when_it_is_for_more_than_the_opposite_position() {
        let opens = |action, position| {
            form(action, position, Pricing::Passive, 40, 45).unwrap().unwrap().opens(Count::from_contracts(position))
        };
        assert!(opens(Action::BuyYes, 0));
        assert!(opens(Action::BuyNo, 9));
        assert!(!opens(Action::BuyNo, 10));
        assert!(!opens(Action::SellYes, 3));
    }
}
