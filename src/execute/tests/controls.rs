//! The controls that remember something, through the stage: each refuses with its own reason, and what it stops stays
//! stopped.

use super::harness::{Bench, contracts, listing, market};
use crate::execute::{ExecuteConfig, RiskLimits};
use crate::market::{BookSide, EventKey, MarketKey, Money, OrderStatus};
use crate::messages::{AccountEvent, Action, DayState, Listing, Phase, QueryKind, Verdict};
use crate::ports::NoAnswer;

fn bench_with(limits: RiskLimits) -> Bench {
    let mut bench = Bench::new(ExecuteConfig { limits, ..ExecuteConfig::default() });
    bench.start(&[]);
    bench
}

fn verdict(bench: &Bench, key: MarketKey) -> Verdict {
    bench.last(key).verdict
}

/// A stage with markets 2 and 3 in one event and 4 in another, which may lose eight dollars each.
fn with_an_event(exclusive: bool) -> Bench {
    let mut bench = bench_with(RiskLimits { event_loss_max: Money::from_dollars(8), ..RiskLimits::default() });
    for (index, event) in [(2, 70), (3, 70), (4, 71)] {
        let listing = Listing { event: EventKey(event), exclusive, exchange_index: 0, ..listing(market(index)) };
        bench.account(AccountEvent::Listing(listing));
        bench.status(market(index), Phase::Open, true, None);
    }
    bench
}

#[test]
fn an_event_may_not_lose_more_than_its_limit_over_all_its_markets() {
    let mut bench = with_an_event(false);
    bench.intend(market(2), Action::BuyYes, 40, 10);
    let create = bench.written().id;
    bench.accept(create, 9, 0, 10);
    // $4 and a fee of 17 cents each: two of them are too much.
    assert_eq!(bench.stage.event_loss(market(3)), Some(Money::from_micros(4_168_100)));
    bench.intend(market(3), Action::BuyYes, 40, 10);
    assert_eq!(verdict(&bench, market(3)), Verdict::RefusedEventLoss);
    assert_eq!(bench.stage.counters().verdict(Verdict::RefusedEventLoss), 1);
    bench.intend(market(4), Action::BuyYes, 40, 10);
    assert_eq!(bench.written().method, "POST");
}

#[test]
fn an_unknown_order_counts_at_its_worst_until_the_exchange_tells() {
    let mut bench = with_an_event(false);
    bench.intend(market(2), Action::BuyYes, 40, 10);
    let create = bench.written().id;
    bench.stage.on_no_answer(create, NoAnswer::Cut, bench.now, &mut bench.port);
    bench.intend(market(3), Action::BuyYes, 40, 10);
    assert_eq!(verdict(&bench, market(3)), Verdict::RefusedEventLoss);
    let query = bench.take_query(QueryKind::Resolve).unwrap();
    bench.begin(query);
    bench.end(query, true, bench.now.session_ms + 60_000);
    assert_eq!(bench.stage.event_loss(market(3)), Some(Money::ZERO));
    bench.intend(market(3), Action::BuyYes, 40, 10);
    assert_eq!(bench.written().method, "POST");
}

#[test]
fn of_exclusive_markets_one_can_win_only_so_what_is_sold_in_two_is_not_lost_twice() {
    for (exclusive, expected) in [(true, Verdict::Placed), (false, Verdict::RefusedEventLoss)] {
        let mut bench = with_an_event(exclusive);
        // Ten NO at 56 cents: lost if that market resolves YES.
        bench.intend(market(2), Action::BuyNo, 44, 10);
        let create = bench.written().id;
        bench.accept(create, 9, 0, 10);
        let fill = crate::messages::Fill { market: market(2), ..bench.fill(1, 9, BookSide::Ask, 44, 10) };
        bench.account(AccountEvent::Fill(fill));
        bench.intend(market(3), Action::BuyNo, 44, 10);
        if let Some(create) = bench.port.written.pop() {
            bench.accept(create.id, 10, 0, 10);
        }
        assert_eq!(verdict(&bench, market(3)), expected, "exclusive: {exclusive}");
    }
}

#[test]
fn message_rates_hold_back_orders_and_never_cancels() {
    let limits = RiskLimits { messages_per_second_max: 2, messages_per_minute_max: 5, ..RiskLimits::default() };
    let mut bench = bench_with(limits);
    for (index, order) in [(0, 9), (1, 10)] {
        bench.intend(market(index), Action::BuyYes, 40, 10);
        let create = bench.written().id;
        bench.accept(create, order, 0, 10);
    }
    bench.intend(market(0), Action::BuyYes, 36, 10);
    assert_eq!(verdict(&bench, market(0)), Verdict::RefusedMessageRate);
    // Both cancels go out, in one request, and count.
    for index in 0..2 {
        bench.status(market(index), Phase::Open, false, None);
    }
    assert_eq!(bench.stage.counters().cancels_sent, 2);
    let cancels: Vec<_> = bench.port.written.drain(..).collect();
    assert!(cancels.iter().all(|written| written.method == "DELETE"));
    for (cancel, order) in cancels.iter().zip([9, 10]) {
        bench.accept_cancel(cancel.id, order, 10);
    }
    bench.pass_ms(1_200);
    for index in 0..2 {
        bench.status(market(index), Phase::Open, true, None);
    }
    bench.intend(market(0), Action::BuyYes, 40, 10);
    let create = bench.written().id;
    bench.accept(create, 11, 0, 10);
    // Five in this minute, cancels included.
    bench.pass_ms(1_200);
    bench.intend(market(1), Action::BuyYes, 40, 10);
    assert_eq!(verdict(&bench, market(1)), Verdict::RefusedMessageRate);
}

#[test]
fn the_same_order_is_not_placed_again_within_the_window() {
    let mut bench = bench_with(RiskLimits { duplicate_window_ms: 500, ..RiskLimits::default() });
    let reject = |bench: &mut Bench| {
        let create = bench.written().id;
        bench.answer(create, 400, &serde_json::json!({"error": {"code": "invalid_order"}}));
    };
    bench.intend(market(0), Action::BuyYes, 40, 10);
    reject(&mut bench);
    bench.pass_ms(499);
    bench.intend(market(0), Action::BuyYes, 40, 10);
    assert_eq!(verdict(&bench, market(0)), Verdict::RefusedDuplicate);
    bench.intend(market(0), Action::BuyYes, 40, 9);
    reject(&mut bench);
    bench.intend(market(1), Action::BuyYes, 40, 10);
    reject(&mut bench);
    bench.pass_ms(1);
    bench.intend(market(0), Action::BuyYes, 40, 10);
    reject(&mut bench);
}

fn execute_once(bench: &mut Bench, n: u128) {
    let action = if n.is_multiple_of(2) { Action::BuyYes } else { Action::BuyNo };
    let (side, price) = if n.is_multiple_of(2) { (BookSide::Bid, 40) } else { (BookSide::Ask, 44) };
    bench.intend(market(0), action, price, 10);
    let create = bench.written().id;
    bench.accept(create, 100 + n, 10, 0);
    for half in 0..2 {
        let fill = bench.fill(1_000 + 2 * n + half, 100 + n, side, price, 5);
        bench.account(AccountEvent::Fill(fill));
    }
}

#[test]
fn a_market_executed_in_too_often_trips_and_the_next_run_opens_nothing_until_a_person_resumes() {
    let limits = RiskLimits { executions_max: 3, executions_window_ms: 60_000, ..RiskLimits::default() };
    let mut bench = bench_with(limits);
    for n in 0..3 {
        execute_once(&mut bench, n);
        bench.pass_ms(10_000);
        assert_eq!(bench.stage.tripped(), None, "{n}");
    }
    // Two fills of one order are one execution; the fourth within a minute is one too many.
    execute_once(&mut bench, 3);
    let reason = bench.stage.tripped().unwrap();
    assert!(reason.contains("repeated automated execution: 4 orders") && reason.contains("KX-0"), "{reason}");
    let left = *bench.port.persisted.last().unwrap();
    assert!(left.sticky.repeated);
    let next = |day: DayState| {
        let mut bench = Bench::with_day(ExecuteConfig { limits, ..ExecuteConfig::default() }, day);
        bench.start(&[]);
        bench.intend(market(0), Action::BuyYes, 40, 10);
        bench
    };
    let stopped = next(left);
    assert_eq!(verdict(&stopped, market(0)), Verdict::RefusedRepeated);
    assert!(stopped.last(market(0)).blocked);
    assert_eq!(next(left.resumed()).written().method, "POST");
}

#[test]
fn executions_that_are_spread_out_do_not_trip() {
    let mut bench = bench_with(RiskLimits { executions_max: 3, ..RiskLimits::default() });
    for n in 0..12 {
        execute_once(&mut bench, n);
        bench.pass_ms(25_000);
    }
    assert_eq!(bench.stage.tripped(), None);
}

#[test]
fn a_restricted_market_takes_no_order_and_loses_what_an_earlier_run_left_there() {
    let restricted = vec!["KX-0".parse().unwrap(), "OTHER*".parse().unwrap()];
    let mut bench = Bench::new(ExecuteConfig { restricted, ..ExecuteConfig::default() });
    bench.start(&[(market(0), 5, 2)]);
    assert!(bench.stage.counters().intents == 0);
    for action in [Action::BuyYes, Action::SellYes] {
        bench.intend(market(0), action, if action == Action::BuyYes { 40 } else { 44 }, 5);
        assert_eq!(verdict(&bench, market(0)), Verdict::RefusedRestricted);
        assert!(bench.last(market(0)).blocked);
    }
    bench.intend(market(1), Action::BuyYes, 40, 5);
    assert_eq!(bench.written().method, "POST");
    let earlier = crate::market::ClientOrderId { nonce: 1, counter: 1 };
    let report = bench.report(5, 0, OrderStatus::Resting, 0, 4);
    let owner = crate::messages::Owner::Ours(earlier);
    bench.account(AccountEvent::Order(crate::messages::OrderReport { owner, ..report }));
    assert_eq!(bench.written().method, "DELETE");
}

#[test]
fn a_drawdown_trips_is_kept_and_refuses_opening_orders_until_a_person_resumes() {
    let limits = RiskLimits {
        drawdown_max: Money::from_dollars(20),
        daily_loss_max: Money::from_dollars(500),
        ..RiskLimits::default()
    };
    let config = || ExecuteConfig { limits, ..ExecuteConfig::default() };
    let mut day = DayState::default();
    day.sticky.result = Money::from_dollars(5);
    day.sticky.high_water = Money::from_dollars(10);
    let mut bench = Bench::with_day(config(), day);
    // A hundred contracts that cost $55, marked at 40 cents: $15 lost beside the $5 given back before.
    bench.start(&[(market(0), 100, 55)]);
    bench.intend(market(0), Action::BuyNo, 44, 10);
    let reason = bench.stage.tripped().unwrap();
    assert!(reason.contains("drawdown stop") && reason.contains("10.00"), "{reason}");
    let left = *bench.port.persisted.last().unwrap();
    assert!(left.sticky.drawn_down && !left.stopped);
    let mut next = Bench::with_day(config(), left);
    next.start(&[(market(1), 10, 4)]);
    next.intend(market(0), Action::BuyYes, 40, 10);
    assert_eq!(verdict(&next, market(0)), Verdict::RefusedDrawdown);
    // What reduces may go out.
    next.intend(market(1), Action::SellYes, 44, 10);
    assert_eq!(next.written().body["count"], contracts(10).to_string());
    let mut resumed = Bench::with_day(config(), left.resumed());
    resumed.start(&[]);
    resumed.intend(market(0), Action::BuyYes, 40, 10);
    assert_eq!(resumed.written().method, "POST");
}

#[test]
fn a_market_that_leaves_takes_its_losses_out_of_its_event() {
    let mut bench = with_an_event(false);
    bench.intend(market(2), Action::BuyYes, 40, 10);
    let create = bench.written().id;
    bench.accept(create, 9, 0, 10);
    let report = bench.report(9, 1, OrderStatus::Canceled, 0, 0);
    bench.account(AccountEvent::Order(crate::messages::OrderReport { market: market(2), ..report }));
    let next = MarketKey { generation: 2, ..market(2) };
    bench.account(AccountEvent::Listing(Listing { event: EventKey(72), market: next, ..listing(market(2)) }));
    assert_eq!(bench.stage.event_loss(market(2)), None);
    assert_eq!(bench.stage.event_loss(next), Some(Money::ZERO));
    assert_eq!(bench.stage.event_loss(market(3)), Some(Money::ZERO));
}
