//! What `decide` is told of our own orders; one behaviour a test.

use super::harness::{Bench, contracts, market};
use crate::market::{BookSide, Money, Price};
use crate::messages::{AccountEvent, Action, OwnFill, Phase, Verdict};

const M: u16 = 0;

/// A market in which ten YES are being bought.
fn placing() -> (Bench, u32) {
    let mut bench = Bench::ready();
    bench.intend(market(M), Action::BuyYes, 40, 10);
    let request = bench.written().id;
    (bench, request)
}

fn resting() -> Bench {
    let (mut bench, request) = placing();
    bench.accept(request, 9, 0, 10);
    bench
}

#[test]
fn a_fill_of_our_order_is_told_once_and_before_the_position_that_has_it() {
    let mut bench = resting();
    bench.port.portfolios.clear();
    let fill = bench.fill(1, 9, BookSide::Bid, 40, 4);
    bench.account(AccountEvent::Fill(fill));
    bench.account(AccountEvent::Fill(fill));
    assert_eq!(bench.port.fills, [OwnFill::from(&fill)]);
    assert_eq!(bench.port.first_after_a_fill().position, contracts(4));
}

#[test]
fn fills_that_came_before_their_order_was_known_are_told_when_it_is() {
    let (mut bench, request) = placing();
    let fills = [bench.fill(1, 9, BookSide::Bid, 40, 4), bench.fill(2, 9, BookSide::Bid, 40, 2)];
    let foreign = bench.fill(3, 77, BookSide::Bid, 40, 1);
    for fill in [fills[0], foreign, fills[1]] {
        bench.account(AccountEvent::Fill(fill));
    }
    assert!(bench.port.fills.is_empty(), "nobody knows whose they are");
    bench.accept(request, 9, 6, 4);
    assert_eq!(bench.port.fills, fills.map(|fill| OwnFill::from(&fill)));
    let late = bench.fill(4, 9, BookSide::Bid, 40, 4);
    bench.account(AccountEvent::Fill(late));
    assert_eq!(bench.port.fills.len(), 3);
}

#[test]
fn fills_of_others_are_not_told() {
    let mut bench = resting();
    let foreign = bench.fill(2, 77, BookSide::Ask, 44, 2);
    bench.account(AccountEvent::Fill(foreign));
    assert!(bench.port.fills.is_empty());
    assert_eq!(bench.last(market(M)).position, contracts(-2));
}

#[test]
fn fills_wait_for_room_in_the_ring_in_their_order() {
    let mut bench = resting();
    bench.port.full = true;
    for trade in 1..=3 {
        let fill = bench.fill(trade, 9, BookSide::Bid, 40, 1);
        bench.account(AccountEvent::Fill(fill));
    }
    bench.pass_ms(5);
    assert!(bench.port.fills.is_empty());
    bench.port.full = false;
    bench.port.portfolios.clear();
    bench.pass_ms(1);
    let trades: Vec<_> = bench.port.fills.iter().map(|fill| fill.trade).collect();
    let expected = [1, 2, 3].map(|trade| bench.fill(trade, 9, BookSide::Bid, 40, 1).trade);
    assert_eq!(trades, expected);
    assert_eq!(bench.port.first_after_a_fill().position, contracts(3));
}

#[test]
fn a_settlement_is_told_with_what_the_position_cost_and_brings() {
    let mut bench = resting();
    let fill = bench.fill(1, 9, BookSide::Bid, 40, 10);
    bench.account(AccountEvent::Fill(fill));
    for _ in 0..2 {
        bench.status(market(M), Phase::Determined, true, Some(Price::ONE));
    }
    let [settlement] = bench.port.settlements[..] else { panic!("{:?}", bench.port.settlements) };
    assert_eq!((settlement.market, settlement.contracts), (market(M), contracts(10)));
    assert_eq!((settlement.cost, settlement.pays), (Money::from_dollars(4), Money::from_dollars(10)));
    assert_eq!(settlement.value, Price::ONE);
    bench.status(market(1), Phase::Determined, true, Some(Price::ONE));
    assert_eq!(bench.port.settlements.len(), 1, "nothing was held there");
}

#[test]
fn where_nothing_is_wanted_what_rests_is_cancelled() {
    let mut bench = resting();
    bench.want_nothing(market(M));
    let cancel = bench.written();
    assert_eq!(cancel.method, "DELETE");
    bench.accept_cancel(cancel.id, 9, 10);
    assert_eq!(bench.last(market(M)).verdict, Verdict::Cancelled);
    bench.want_nothing(market(M));
    assert!(bench.port.written.is_empty());
    assert_eq!(bench.last(market(M)).verdict, Verdict::Kept);
}
