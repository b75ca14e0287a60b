//! Leases: what is sent, what renews them, and what their end does.

use super::harness::{Bench, Written, cents, contracts, market, resting, resting_with};
use crate::execute::{ExecuteConfig, RiskLimits};
use crate::market::{Money, OrderId, OrderStatus};
use crate::messages::{AccountEvent, Action, OrderReport, Phase, QueryKind, Source, Verdict};

/// With the documented defaults: ten seconds of time to live, five between renewals, one for rounding.
const LEASE_S: i64 = 16;

/// A lease as the exchange would tell it, in whole seconds.
fn lease_from(session_ms: i64) -> i64 {
    session_ms / 1_000 + LEASE_S
}

/// An order of a second ago and a decision that wants it every second until it is renewed.
fn renewal(bench: &mut Bench) -> Written {
    for _ in 0..20 {
        bench.pass_ms(1_000);
        bench.intend(market(0), Action::BuyYes, 40, 10);
        assert_eq!(bench.last(market(0)).verdict, Verdict::Kept);
        if !bench.port.written.is_empty() {
            return bench.written();
        }
    }
    panic!("an order that is wanted all the time is never renewed");
}

fn renewed(bench: &mut Bench, request: u32) {
    let order_id = OrderId::from_bits(9).to_string();
    let body = serde_json::json!({"order_id": order_id, "remaining_count": "10.00", "ts_ms": bench.now.session_ms});
    bench.answer(request, 200, &body);
}

fn report(bench: &Bench, status: OrderStatus, remaining: i64, expires_ms: i64) -> AccountEvent {
    AccountEvent::Order(OrderReport { expires_ms: Some(expires_ms), ..bench.report(9, 1, status, 0, remaining) })
}

#[test]
fn resting_orders_are_sent_with_an_end_and_others_without() {
    let mut bench = Bench::ready();
    let sent_ms = bench.now.session_ms;
    bench.intend(market(0), Action::BuyYes, 40, 10);
    assert_eq!(bench.written().body["expiration_time"], lease_from(sent_ms));
    bench.intend_as(market(1), Action::BuyYes, crate::messages::Pricing::Aggressive, 44, 10);
    assert_eq!(bench.written().body.get("expiration_time"), None);
}

#[test]
fn an_amend_that_moves_the_price_renews_the_lease() {
    let mut bench = resting();
    bench.pass_ms(2_000);
    bench.intend(market(0), Action::BuyYes, 38, 10);
    let amend = bench.written();
    assert!(amend.path.ends_with("/amend"));
    assert_eq!(amend.body["expiration_time"], lease_from(bench.now.session_ms));
    assert_eq!(bench.stage.counters().renewals_sent, 0);
}

#[test]
fn a_wanted_order_is_renewed_as_it_is_before_less_than_its_time_to_live_is_left() {
    let mut bench = resting();
    let placed_ms = bench.now.session_ms;
    let request = renewal(&mut bench);
    let left_ms = lease_from(placed_ms) * 1_000 - bench.now.session_ms;
    assert!((9_000..10_000).contains(&left_ms), "{left_ms}");
    assert_eq!((&request.body["price"], &request.body["count"]), (&"0.4000".into(), &"10.00".into()));
    assert_eq!(request.body["expiration_time"], lease_from(bench.now.session_ms));
    assert!(bench.last(market(0)).busy);
    let reserved = bench.stage.ledger().reserved();
    renewed(&mut bench, request.id);
    assert!(!bench.last(market(0)).busy);
    let counters = bench.stage.counters();
    assert_eq!((counters.renewals_sent, counters.renewed, counters.amended), (1, 1, 0));
    assert_eq!(bench.stage.ledger().reserved(), reserved);
    // With a new lease it is left alone again.
    bench.pass_ms(1_000);
    bench.intend(market(0), Action::BuyYes, 40, 10);
    assert!(bench.port.written.is_empty());
}

#[test]
fn an_order_that_nobody_wants_is_cancelled_by_its_time_to_live_and_never_renewed() {
    let mut bench = resting();
    bench.pass_ms(10_001);
    assert_eq!(bench.written().method, "DELETE");
    assert_eq!((bench.stage.counters().expired, bench.stage.counters().renewals_sent), (1, 0));
}

#[test]
fn the_end_of_a_lease_is_an_ordinary_end_with_its_own_count() {
    let mut bench = resting();
    let ends_ms = lease_from(bench.now.session_ms) * 1_000;
    // The stage sleeps through its own time to live: nothing calls its timer.
    bench.now = bench.clock.now(bench.clock.mono_ns(ends_ms + 50));
    let over = OrderReport { time_ms: ends_ms, ..bench.report(9, 1, OrderStatus::Canceled, 0, 0) };
    bench.account(AccountEvent::Order(over));
    let counters = bench.stage.counters();
    assert_eq!((counters.leases_ended, counters.cancelled, counters.unknown), (1, 1, 0));
    assert_eq!(bench.stage.ledger().reserved(), Money::ZERO);
    assert!(!bench.last(market(0)).blocked && bench.last(market(0)).open_order.is_none());
}

#[test]
fn a_renewal_that_finds_the_order_gone_is_unknown_until_a_read_tells_its_end() {
    let mut bench = resting();
    let request = renewal(&mut bench);
    bench.answer(request.id, 404, &serde_json::json!({"error": {"code": "not_found", "message": "not found"}}));
    assert!(bench.last(market(0)).blocked);
    assert!(bench.stage.ledger().reserved() > Money::ZERO);
    assert_eq!(bench.stage.counters().unknown, 1);
    bench.pass_ms(1_500);
    let query = bench.take_query(QueryKind::Resolve).unwrap();
    bench.begin(query);
    let over = OrderReport { source: Source::Read, ..bench.report(9, 1, OrderStatus::Canceled, 0, 0) };
    bench.account(AccountEvent::Order(over));
    bench.end(query, true, bench.now.session_ms);
    assert_eq!(bench.stage.counters().unknown_resolved, 1);
    assert_eq!(bench.stage.ledger().reserved(), Money::ZERO);
    assert!(!bench.last(market(0)).blocked);
}

#[test]
fn a_renewal_without_an_answer_is_settled_by_a_report_of_the_new_end_and_by_no_other() {
    let mut bench = resting();
    let old_ms = lease_from(bench.now.session_ms) * 1_000;
    let request = renewal(&mut bench);
    let new_ms = request.body["expiration_time"].as_i64().unwrap() * 1_000;
    bench.stage.on_no_answer(request.id, crate::ports::NoAnswer::Cut, bench.now, &mut bench.port);
    bench.pass_ms(20);
    let event = report(&bench, OrderStatus::Resting, 10, old_ms);
    bench.account(event);
    assert_eq!((bench.stage.counters().unknown_resolved, bench.last(market(0)).blocked), (0, true));
    let event = report(&bench, OrderStatus::Resting, 10, new_ms);
    bench.account(event);
    assert_eq!((bench.stage.counters().unknown_resolved, bench.stage.counters().renewed), (1, 1));
    assert!(!bench.last(market(0)).blocked);
    assert_eq!(bench.last(market(0)).open_order.unwrap().remaining, contracts(10));
}

#[test]
fn without_tokens_for_it_a_renewal_waits_and_the_reserve_for_cancels_stays() {
    let mut bench = resting();
    // Twelve tokens at most: a create and one cancel, and one comes back in a second.
    bench.account(AccountEvent::WriteLimit { refill: 1, capacity: 11 });
    for _ in 0..9 {
        bench.pass_ms(1_000);
        bench.intend(market(0), Action::BuyYes, 40, 10);
    }
    assert!(bench.port.written.is_empty(), "{:?}", bench.port.written);
    assert!(bench.stage.counters().renewals_delayed > 0);
    assert_eq!(bench.stage.lease_plan().open_orders_max, 1);
    bench.status(market(0), Phase::Paused, true, None);
    assert_eq!(bench.written().method, "DELETE");
}

#[test]
fn renewals_are_held_to_the_limits_of_messages() {
    let limits = RiskLimits { messages_per_second_max: 1, ..RiskLimits::default() };
    let mut bench = resting_with(ExecuteConfig { limits, ..ExecuteConfig::default() });
    // Less than its time to live is left of the lease, but the message of this second went to another market.
    bench.pass_ms(7_000);
    bench.intend(market(1), Action::BuyYes, 40, 10);
    let create = bench.written().id;
    bench.accept(create, 10, 0, 10);
    bench.intend(market(0), Action::BuyYes, 40, 10);
    assert_eq!(bench.last(market(0)).verdict, Verdict::Kept);
    assert!(bench.port.written.is_empty(), "{:?}", bench.port.written);
    assert_eq!((bench.stage.counters().renewals_sent, bench.stage.counters().renewals_delayed), (0, 1));
    // The next second has room for it, and then for nothing else.
    bench.pass_ms(1_200);
    bench.intend(market(0), Action::BuyYes, 40, 10);
    let request = bench.written();
    assert!(request.path.ends_with("/amend"));
    assert_eq!(request.body["expiration_time"], lease_from(bench.now.session_ms));
    bench.intend(market(1), Action::BuyYes, 36, 10);
    assert_eq!(bench.last(market(1)).verdict, Verdict::RefusedMessageRate);
    assert_eq!((bench.stage.counters().renewals_sent, bench.stage.counters().renewals_delayed), (1, 1));
}

#[test]
fn no_more_orders_are_placed_than_the_write_tokens_can_keep_alive() {
    let mut bench = Bench::ready();
    bench.account(AccountEvent::WriteLimit { refill: 1_000, capacity: 12 });
    assert_eq!(bench.stage.lease_plan().open_orders_max, 1);
    bench.intend(market(0), Action::BuyYes, 40, 10);
    let request = bench.written().id;
    bench.accept(request, 9, 0, 10);
    bench.pass_ms(1_000);
    bench.intend(market(1), Action::BuyYes, 40, 10);
    assert_eq!(bench.last(market(1)).verdict, Verdict::RefusedOpenOrders);
    assert_eq!(bench.last(market(0)).open_order.unwrap().price, cents(40));
}
