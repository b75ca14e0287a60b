//! The effect of one side of a trade on a position and a balance: netting, average cost, and the rounding of fees (protocol
//! section 5, fee rounding page as read on 2026-09-18). The trader's ledger has its own implementation of this, on purpose.

use super::PositionRecord;
use crate::market::{BookSide, Count, Money, Price};

/// The balance step of direct members: $0.0001.
const DIRECT_STEP: Money = Money::from_micros(100);
/// The balance step of everyone else: one cent.
const INDIRECT_STEP: Money = Money::from_micros(10_000);

/// The smallest step of an account's balance.
pub(super) const fn balance_step(direct_member: bool) -> Money {
    if direct_member { DIRECT_STEP } else { INDIRECT_STEP }
}

/// The cost of one contract of the order's own outcome: the YES price for a bid, the NO price for an ask.
pub(in crate::exchange) const fn own_price(side: BookSide, price: Price) -> Price {
    match side {
        BookSide::Bid => price,
        BookSide::Ask => price.complement(),
    }
}

/// How many contracts of the position an order on this side can close: those of the other outcome.
pub(super) fn closable(position: Count, side: BookSide) -> Count {
    Count::from_units((-position.units() * side.sign()).max(0))
}

/// Books a trade on a position, and returns the change of cash before fees. A closed pair pays its dollar at once, so closing
/// yields the complement of the own price, and opening costs the own price.
pub(super) fn net(position: &mut PositionRecord, side: BookSide, price: Price, count: Count, time_ms: i64) -> Money {
    let own = own_price(side, price);
    let held = closable(position.contracts, side);
    let closing = count.min(held);
    let opening = count - closing;
    let proceeds = own.complement().times(closing);
    let outlay = own.times(opening);
    let released = share_of_cost(position.cost, closing, held);
    position.realized += proceeds - released;
    position.cost += outlay - released;
    position.contracts += Count::from_units(count.units() * side.sign());
    position.traded += own.times(count);
    position.volume += count;
    position.updated_ms = time_ms;
    proceeds - outlay
}

/// The share of a position's cost that belongs to `closing` of its `held` contracts, rounded down.
fn share_of_cost(cost: Money, closing: Count, held: Count) -> Money {
    if closing.is_zero() {
        return Money::ZERO;
    }
    let share = i128::from(cost.micros()) * i128::from(closing.units()) / i128::from(held.units());
    Money::from_micros(i64::try_from(share).expect("a share of a cost is at most the cost"))
}

/// Turns a trade fee into the booked fee, such that the balance moves by whole steps: `revenue - fee` is rounded down to a
/// step, the amount lost by rounding is added to the order's accumulator, and whole steps of the accumulator are refunded as
/// far as the fee allows.
pub(super) fn booked_fee(revenue: Money, trade_fee: Money, step: Money, accumulator: &mut Money) -> Money {
    let change = revenue - trade_fee;
    let rounding_fee = change - change.floor_to(step);
    *accumulator += rounding_fee;
    let gross = trade_fee + rounding_fee;
    let rebate = accumulator.floor_to(step).min(gross.floor_to(step));
    *accumulator -= rebate;
    gross - rebate
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    fn trade(position: &mut PositionRecord, side: BookSide, price: &str, count: &str) -> Money {
        net(position, side, Price::parse(price).unwrap(), Count::parse(count).unwrap(), 1)
    }

    #[test]
    fn buying_no_while_long_yes_closes_and_pays_the_pair_at_once() {
        let mut position = PositionRecord::default();
        assert_eq!(trade(&mut position, BookSide::Bid, "0.40", "10"), money("-4"));
        assert_eq!(trade(&mut position, BookSide::Ask, "0.55", "4"), money("2.20"));
        assert_eq!(position.contracts, Count::from_contracts(6));
        assert_eq!((position.cost, position.realized), (money("2.40"), money("0.60")));
    }

    #[test]
    fn a_trade_through_zero_closes_first_and_opens_the_rest() {
        let mut position = PositionRecord::default();
        trade(&mut position, BookSide::Ask, "0.70", "5");
        assert_eq!(position.cost, money("1.50"));
        // Closes five NO at 0.80, and opens three YES at 0.20.
        assert_eq!(trade(&mut position, BookSide::Bid, "0.20", "8"), money("3.40"));
        assert_eq!(position.contracts, Count::from_contracts(3));
        assert_eq!((position.cost, position.realized), (money("0.60"), money("2.50")));
        assert_eq!((position.traded, position.volume), (money("3.10"), Count::from_contracts(13)));
    }

    #[test]
    fn the_fees_of_the_published_examples_are_booked() {
        let mut accumulator = Money::ZERO;
        let fee = booked_fee(money("-0.52"), money("0.017472"), balance_step(true), &mut accumulator);
        assert_eq!((fee, accumulator), (money("0.0175"), money("0.000028")));
        let mut accumulator = Money::ZERO;
        let fee = booked_fee(money("-0.055"), money("0.003639"), balance_step(false), &mut accumulator);
        assert_eq!((fee, accumulator), (money("0.005"), money("0.001361")));
    }

    #[test]
    fn a_full_accumulator_gives_whole_steps_back_but_never_more_than_the_fee() {
        let step = balance_step(true);
        let mut accumulator = money("0.000090");
        // The change of -0.520042 is rounded down by 58 micro-dollars: of the accumulated 148, one step of 100 is refunded.
        let fee = booked_fee(money("-0.50"), money("0.020042"), step, &mut accumulator);
        assert_eq!((fee, accumulator), (money("0.0200"), money("0.000048")));
        // Without a trade fee, and with little rounding, there is no fee from which to refund.
        let mut accumulator = money("0.000450");
        let fee = booked_fee(money("-0.50"), Money::ZERO, step, &mut accumulator);
        assert_eq!((fee, accumulator), (Money::ZERO, money("0.000450")));
    }

    proptest::proptest! {
        #[test]
        fn balances_move_by_whole_steps_and_fees_are_never_negative(
            fills in proptest::collection::vec((1i64..5_000, 1u16..10_000, 0i64..90_000), 1..60), direct: bool,
        ) {
            let step = balance_step(direct);
            let mut accumulator = Money::ZERO;
            for (count, price, trade_fee) in fills {
                let revenue = -Price::from_units(price).unwrap().times(Count::from_units(count));
                let fee = booked_fee(revenue, Money::from_micros(trade_fee), step, &mut accumulator);
                proptest::prop_assert!(fee >= Money::ZERO && accumulator >= Money::ZERO);
                let change = revenue - fee;
                proptest::prop_assert_eq!(change, change.floor_to(step));
            }
        }
    }
}
