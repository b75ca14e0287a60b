//! What a strategy sees, what it is told, and the effect of its answers.

use super::*;
use crate::decide::policy::{OwnOrder, RefusalReason};
use crate::market::{Liquidity, OrderId, TradeId};

fn contracts(contracts: i64) -> Count {
    Count::from_contracts(contracts)
}

#[expect(clippy::unnecessary_wraps, reason = "as the function under test takes it")]
fn quote(cents: u16, count: i64) -> Option<Quote> {
    Some(Quote::resting(Price::from_cents(cents), contracts(count)))
}

/// A ready market whose policy wants these quotes.
fn wanting(bid: Option<Quote>, ask: Option<Quote>) -> Bench {
    let mut bench = Bench::ready(Action::Hold);
    bench.stage.policy.saw.clear();
    bench.stage.policy.answer = Some(Answer::quotes(bid, ask));
    bench
}

fn open(side: BookSide, cents: u16, remaining: i64, acked_ms: i64) -> OpenOrder {
    OpenOrder { remaining: contracts(remaining), acked_ms: Some(acked_ms), price: Price::from_cents(cents), side }
}

#[test]
fn a_decision_sees_the_trades_since_the_last_one() {
    let mut bench = wanting(None, None);
    let trade = |bench: &Bench, time_ms, side, contracts| BookEvent {
        side,
        change: Count::from_contracts(contracts),
        ..bench.event(BookEventKind::Trade, time_ms)
    };
    for (time_ms, side, count) in [(100, Outcome::Yes, 3), (120, Outcome::No, 4)] {
        bench.send(&trade(&bench, time_ms, side, count));
    }
    bench.delta(250);
    bench.delta(500);
    bench.send(&trade(&bench, 600, Outcome::Yes, 5));
    bench.delta(750);
    let seen = |saw: &Saw| saw.trades.iter().map(|trade| (trade.time_ms, trade.taker)).collect::<Vec<_>>();
    let seen: Vec<_> = bench.stage.policy.saw.iter().map(seen).collect();
    assert_eq!(seen, [vec![(100, Outcome::Yes), (120, Outcome::No)], vec![], vec![(600, Outcome::Yes)]]);
    assert_eq!(bench.stage.counters().trades, 3);
}

#[test]
fn trades_wait_for_the_decision_while_a_market_is_busy() {
    let mut bench = wanting(quote(40, 1), None);
    bench.delta(250);
    bench.send(&bench.event(BookEventKind::Trade, 300));
    bench.delta(500);
    assert_eq!(bench.port.skipped, [(500, Skip::Busy)]);
    bench.account(|update| update.last_intent = 1);
    bench.delta(750);
    assert_eq!(bench.stage.policy.saw.last().unwrap().trades.len(), 1);
}

#[test]
fn a_decision_sees_its_order_with_its_age_and_place_its_position_and_its_account() {
    let mut bench = wanting(None, None);
    bench.stage.policy.answer = Some(Answer::leave());
    bench.account(|update| {
        update.open_order = Some(open(BookSide::Bid, 40, 4, 100));
        update.position = contracts(-5);
        update.available = Money::from_dollars(90);
        update.reserved = Money::from_dollars(2);
    });
    let level =
        BookEvent { price: Price::from_cents(40), change: contracts(4), ..bench.event(BookEventKind::Delta, 100) };
    bench.send(&level);
    bench.delta(250);
    let saw = bench.stage.policy.saw.last().unwrap();
    let order = OwnOrder {
        price: Price::from_cents(40),
        remaining: contracts(4),
        acked_ms: Some(100),
        ahead: Some(contracts(10)),
    };
    assert_eq!(saw.orders, OwnOrders { bid: Some(order), ask: None });
    assert_eq!((order.age_ms(250), order.age_ms(50)), (150, 0));
    assert_eq!(saw.touch, Touch { bid: Some(Price::from_cents(40)), ask: Some(Price::from_cents(45)) });
    assert_eq!(saw.position, contracts(-5));
    // Five NO at 57.5 cents.
    assert_eq!(saw.equity, Money::from_cents(9_200) + Money::from_micros(2_875_000));
    assert_eq!(bench.port.decided.last().unwrap().intent, 0, "what is left alone leads to nothing");
}

#[test]
fn the_time_to_the_close_follows_its_listings() {
    let mut bench = wanting(None, None);
    bench.delta(250);
    let mut listing = Listing { close_time_ms: 10_000, ..listed(KEY) };
    bench.stage.on_listing(&listing, bench.now);
    bench.delta(500);
    listing.close_time_ms = 600;
    bench.stage.on_listing(&listing, bench.now);
    bench.delta(750);
    let left: Vec<_> = bench.stage.policy.saw.iter().map(|saw| saw.to_close_ms).collect();
    assert_eq!(left, [i64::MAX - 250, 9_500, 0]);
}

#[test]
fn of_two_quotes_one_becomes_an_intent_with_its_whole_terms() {
    let immediate = Some(Quote::immediate(Price::from_cents(45), contracts(3)));
    for (bid, ask, position, side, wanted) in [
        (quote(39, 7), quote(46, 8), 0, BookSide::Bid, quote(39, 7)),
        (quote(39, 7), quote(46, 8), 5, BookSide::Ask, quote(46, 8)),
        (immediate, None, 0, BookSide::Bid, immediate),
    ] {
        let mut bench = wanting(bid, ask);
        bench.account(|update| update.position = contracts(position));
        bench.delta(250);
        let [intent] = bench.port.intents[..] else { panic!("one intent") };
        assert_eq!((intent.side, intent.quote), (side, wanted));
        let record = &bench.port.decided[0];
        assert_eq!((record.action, record.wanted), (None, Some(crate::messages::Wanted { bid, ask })));
        assert_eq!((record.price, record.withheld), (wanted.map(|quote| quote.price), None));
    }
}

#[test]
fn without_a_quote_what_rests_is_cancelled_and_without_an_answer_it_is_left_alone() {
    for (answer, order, expected) in [
        (Answer::nothing(), Some(open(BookSide::Ask, 45, 2, 0)), Some((BookSide::Ask, None))),
        (Answer::nothing(), None, None),
        (Answer::leave(), Some(open(BookSide::Ask, 45, 2, 0)), None),
        // A quote that cannot be an order does not cancel an open one.
        (
            Answer::quotes(quote(0, 1).map(|quote| Quote { count: Count::ZERO, ..quote }), None),
            Some(open(BookSide::Ask, 45, 2, 0)),
            None,
        ),
    ] {
        let mut bench = wanting(None, None);
        bench.stage.policy.answer = Some(answer);
        bench.account(|update| {
            update.open_order = order;
            update.blocked = true;
        });
        bench.delta(250);
        assert_eq!(bench.port.intents.first().map(|intent| (intent.side, intent.quote)), expected, "{answer:?}");
    }
}

#[test]
fn what_cannot_be_an_order_is_withheld_and_told_with_its_reason() {
    let off_grid = Some(Quote::resting(Price::from_units(4_001).unwrap(), contracts(1)));
    for (bid, ask, reason) in [
        (off_grid, None, Skip::OffGrid),
        (quote(40, 0), None, Skip::BadCount),
        (quote(45, 1), None, Skip::WouldTake),
        (quote(44, 1), quote(44, 1), Skip::CrossedQuotes),
        (None, quote(45, 1).map(Quote::reducing), Skip::NothingToReduce),
    ] {
        let mut bench = wanting(bid, ask);
        bench.delta(250);
        assert!(bench.port.intents.is_empty(), "{reason:?}");
        assert_eq!((bench.port.decided[0].withheld, bench.stage.counters().skipped(reason)), (Some(reason), 1));
        let told = OwnRefusal { market: KEY, time_ms: 250, reason: RefusalReason::Withheld(reason) };
        assert_eq!(bench.stage.policy.refusals, [told]);
    }
}

#[test]
fn a_verdict_that_refuses_is_told_once_and_others_are_not() {
    for (verdict, told) in [
        (Verdict::Placed, false),
        (Verdict::Kept, false),
        (Verdict::Unknown, false),
        (Verdict::Rejected, true),
        (Verdict::RefusedPosition, true),
        (Verdict::RefusedRestricted, true),
    ] {
        let mut bench = wanting(quote(40, 1), None);
        bench.delta(250);
        bench.now.session_ms = 260;
        for _ in 0..2 {
            bench.account(|update| {
                update.verdict = verdict;
                update.last_intent = 1;
            });
        }
        let refusal = OwnRefusal { market: KEY, time_ms: 260, reason: RefusalReason::Refused(verdict) };
        let expected = if told { vec![refusal] } else { Vec::new() };
        assert_eq!(bench.stage.policy.refusals, expected);
    }
}

#[test]
fn fills_and_settlements_are_told_as_they_come() {
    let mut bench = wanting(None, None);
    let fill = OwnFill {
        trade: TradeId::from_bits(1),
        order: OrderId::from_bits(2),
        count: contracts(3),
        fee: Money::from_cents(4),
        time_ms: 5,
        market: KEY,
        price: Price::from_cents(40),
        side: BookSide::Bid,
        liquidity: Liquidity::Maker,
    };
    let settlement = OwnSettlement {
        contracts: contracts(3),
        cost: Money::from_cents(120),
        pays: Money::from_dollars(3),
        time_ms: 6,
        market: KEY,
        value: Price::ONE,
    };
    bench.stage.on_own_fill(&fill);
    bench.stage.on_own_settlement(&settlement);
    assert_eq!((&bench.stage.policy.fills[..], &bench.stage.policy.settlements[..]), (&[fill][..], &[settlement][..]));
    assert_eq!((bench.stage.counters().own_fills, bench.stage.counters().own_settlements), (1, 1));
}
