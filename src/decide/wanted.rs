//! Chooses which of the wanted quotes is honoured. `execute` works on one order per market, so only one of two can be:
//!
//! 1. a quote that cannot be an order is refused, and both are if the bid is at or above the ask;
//! 2. of two that can be orders, the one that reduces the position is honoured;
//! 3. without a position, the one on the side with an open order, so that two quotes do not alternate;
//! 4. otherwise the bid.

use crate::market::{BookSide, Count, Grid};
use crate::messages::{Quote, Skip, Wanted};

use super::policy::{ActionTerms, Touch, reducible};

/// The result of the choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Honoured {
    /// The order to work on, if one is wanted that can be an order.
    pub(super) order: Option<(BookSide, Quote)>,
    /// Why a quote cannot be an order; the bid's reason if both have one.
    pub(super) refused: Option<Skip>,
}

/// Chooses the quote that is honoured. `open` is the side of the market's open order.
pub(super) fn honour(wanted: &Wanted, position: Count, open: Option<BookSide>, touch: Touch, grid: &Grid) -> Honoured {
    if let (Some(bid), Some(ask)) = (wanted.bid, wanted.ask)
        && bid.price >= ask.price
    {
        return Honoured { order: None, refused: Some(Skip::CrossedQuotes) };
    }
    let usable = |side: BookSide| wanted.on(side).map(|quote| usable(side, quote, position, touch, grid));
    let (bid, ask) = (usable(BookSide::Bid), usable(BookSide::Ask));
    let refused = [bid, ask].into_iter().flatten().find_map(Result::err);
    let order = match (bid.and_then(Result::ok), ask.and_then(Result::ok)) {
        (Some(bid), Some(ask)) => {
            let side = match position.cmp(&Count::ZERO) {
                std::cmp::Ordering::Greater => BookSide::Ask,
                std::cmp::Ordering::Less => BookSide::Bid,
                std::cmp::Ordering::Equal => open.unwrap_or(BookSide::Bid),
            };
            Some((side, if side == BookSide::Bid { bid } else { ask }))
        }
        (Some(bid), None) => Some((BookSide::Bid, bid)),
        (None, ask) => ask.map(|ask| (BookSide::Ask, ask)),
    };
    Honoured { order, refused }
}

/// The quote as an order, cut to the position if it is reduce-only.
fn usable(side: BookSide, quote: Quote, position: Count, touch: Touch, grid: &Grid) -> Result<Quote, Skip> {
    if quote.count <= Count::ZERO || quote.count > ActionTerms::CONTRACTS_MAX {
        return Err(Skip::BadCount);
    }
    if !grid.accepts(quote.price) {
        return Err(Skip::OffGrid);
    }
    let count = if quote.reduce_only { quote.count.min(reducible(side, position)) } else { quote.count };
    if count.is_zero() {
        return Err(Skip::NothingToReduce);
    }
    let takes = match side {
        BookSide::Bid => touch.ask.is_some_and(|ask| quote.price >= ask),
        BookSide::Ask => touch.bid.is_some_and(|bid| quote.price <= bid),
    };
    if takes && quote.is_resting() {
        return Err(Skip::WouldTake);
    }
    Ok(Quote { count, ..quote })
}

/// Whether part of an order would add to the position instead of reducing it.
pub(super) fn opens(side: BookSide, count: Count, position: Count) -> bool {
    count > reducible(side, position)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{GridBands, Price};
    use crate::messages::QuoteLife;

    const NO_TOUCH: Touch = Touch { bid: None, ask: None };

    fn quote(cents: u16, contracts: i64) -> Quote {
        Quote::resting(Price::from_cents(cents), Count::from_contracts(contracts))
    }

    fn honoured(
        bid: Option<Quote>,
        ask: Option<Quote>,
        position: i64,
        open: Option<BookSide>,
        touch: Touch,
    ) -> Honoured {
        let grid = Grid::new(GridBands::cents());
        honour(&Wanted { bid, ask }, Count::from_contracts(position), open, touch, &grid)
    }

    #[test]
    fn of_two_quotes_the_one_that_reduces_is_honoured_then_the_one_with_an_open_order_then_the_bid() {
        use BookSide::{Ask, Bid};
        let (bid, ask) = (quote(40, 5), quote(45, 6));
        for (position, open, side) in [
            (0, None, Bid),
            (0, Some(Bid), Bid),
            (0, Some(Ask), Ask),
            (3, None, Ask),
            (3, Some(Bid), Ask),
            (-3, Some(Ask), Bid),
        ] {
            let expected = Honoured { order: Some((side, if side == Bid { bid } else { ask })), refused: None };
            assert_eq!(honoured(Some(bid), Some(ask), position, open, NO_TOUCH), expected, "{position} {open:?}");
        }
        for open in [None, Some(Bid), Some(Ask)] {
            assert_eq!(honoured(Some(bid), None, 3, open, NO_TOUCH).order, Some((Bid, bid)));
            assert_eq!(honoured(None, Some(ask), -3, open, NO_TOUCH).order, Some((Ask, ask)));
            assert_eq!(honoured(None, None, 3, open, NO_TOUCH), Honoured { order: None, refused: None });
        }
    }

    #[test]
    fn a_quote_that_cannot_be_an_order_is_refused_with_its_reason_and_the_other_is_honoured() {
        let touch = Touch { bid: Some(Price::from_cents(40)), ask: Some(Price::from_cents(45)) };
        let off_grid = Quote { price: Price::from_units(4_005).unwrap(), ..quote(40, 1) };
        let reducing = Quote { reduce_only: true, ..quote(40, 5) };
        for (bid, reason) in [
            (quote(40, 0), Skip::BadCount),
            (quote(40, -1), Skip::BadCount),
            (quote(40, 1_000_001), Skip::BadCount),
            (Quote { count: Count::LIMIT, ..quote(40, 1) }, Skip::BadCount),
            (off_grid, Skip::OffGrid),
            (quote(45, 1), Skip::WouldTake),
            (quote(60, 1), Skip::WouldTake),
            (reducing, Skip::NothingToReduce),
        ] {
            let alone = honoured(Some(bid), None, 3, None, touch);
            assert_eq!(alone, Honoured { order: None, refused: Some(reason) }, "{bid:?}");
            let ask = quote(70, 2);
            let both = honoured(Some(bid), Some(ask), 0, Some(BookSide::Bid), touch);
            assert_eq!(both, Honoured { order: Some((BookSide::Ask, ask)), refused: Some(reason) }, "{bid:?}");
        }
        assert_eq!(honoured(None, Some(quote(40, 1)), 0, None, touch).refused, Some(Skip::WouldTake));
    }

    #[test]
    fn a_bid_at_or_above_the_ask_refuses_both() {
        for (bid, ask) in [(45, 45), (50, 45)] {
            let both = honoured(Some(quote(bid, 1)), Some(quote(ask, 1)), 5, None, NO_TOUCH);
            assert_eq!(both, Honoured { order: None, refused: Some(Skip::CrossedQuotes) });
        }
    }

    #[test]
    fn an_immediate_quote_may_take_and_a_reducing_one_is_cut_to_the_position() {
        let touch = Touch { bid: Some(Price::from_cents(40)), ask: Some(Price::from_cents(45)) };
        let take = Quote { life: QuoteLife::Immediate, ..quote(45, 5) };
        assert_eq!(honoured(Some(take), None, 0, None, touch).order, Some((BookSide::Bid, take)));
        let reducing = Quote { reduce_only: true, ..quote(50, 5) };
        let (side, cut) = honoured(None, Some(reducing), 3, None, touch).order.unwrap();
        assert_eq!((side, cut.count), (BookSide::Ask, Count::from_contracts(3)));
    }

    #[test]
    fn an_order_opens_when_it_is_for_more_than_the_opposite_position() {
        let opens =
            |side, count, position| super::opens(side, Count::from_contracts(count), Count::from_contracts(position));
        assert!(opens(BookSide::Bid, 10, 0));
        assert!(opens(BookSide::Ask, 10, 9));
        assert!(!opens(BookSide::Ask, 10, 10));
        assert!(!opens(BookSide::Bid, 3, -3));
    }
}
