//! Orders: from an intent over the gate and the answers to the end, one behaviour a test.

use super::harness::{Bench, cents, contracts, listing, market, resting};
use crate::execute::{ExecuteConfig, RiskLimits};
use crate::market::{BookSide, Money, OrderId, OrderStatus};
use crate::messages::{AccountEvent, Action, Listing, OrderReport, Phase, Pricing, QueryKind, Source, Verdict};
use crate::ports::NoAnswer;

const M: u16 = 0;

fn verdict(bench: &Bench) -> Verdict {
    bench.last(market(M)).verdict
}

#[test]
fn a_wanted_order_is_placed_post_only_with_everything_explicit() {
    let mut bench = Bench::ready();
    let id = bench.intend(market(1), Action::BuyNo, 44, 10);
    assert!(bench.last(market(1)).busy);
    let written = bench.written();
    assert_eq!((written.method, written.path.as_str()), ("POST", crate::wire::orders::ORDERS_PATH));
    let body = &written.body;
    assert_eq!((body["side"].as_str(), body["post_only"].as_bool()), (Some("ask"), Some(true)));
    assert_eq!((body["exchange_index"].as_i64(), body["cancel_order_on_pause"].as_bool()), (Some(1), Some(true)));
    assert_eq!(body["self_trade_prevention_type"], "taker_at_cross");
    bench.accept(written.id, 9, 0, 10);
    let update = bench.last(market(1));
    assert_eq!((update.verdict, update.last_intent, update.busy), (Verdict::Placed, id, false));
    assert_eq!(update.open_order.unwrap().remaining, contracts(10));
    // Ten at 56 cents, 0.07 x 10 x 0.44 x 0.56 of fee, a balance step.
    assert_eq!(update.reserved, Money::from_micros(5_600_000 + 172_480 + 100));
}

#[test]
fn an_aggressive_sell_is_immediate_and_reduces_only() {
    let mut bench = Bench::new(ExecuteConfig::default());
    bench.start(&[(market(M), 6, 3)]);
    bench.intend_as(market(M), Action::SellYes, Pricing::Aggressive, 40, 10);
    let written = bench.written();
    assert_eq!(written.body["time_in_force"], "immediate_or_cancel");
    assert_eq!((written.body["reduce_only"].as_bool(), written.body["post_only"].as_bool()), (Some(true), Some(false)));
    // No more than is held.
    assert_eq!(written.body["count"], "6.00");
    bench.accept(written.id, 9, 4, 0);
    assert_eq!(verdict(&bench), Verdict::Placed);
    // Two were not filled; the four fills are still on their way.
    assert!(bench.last(market(M)).blocked);
    let fill = bench.fill(1, 9, BookSide::Ask, 40, 4);
    bench.account(AccountEvent::Fill(fill));
    assert!(!bench.last(market(M)).blocked);
    assert_eq!(bench.last(market(M)).position, contracts(2));
    assert_eq!(bench.stage.ledger().available(), Money::from_micros(2_001_600_000));
}

#[test]
fn selling_nothing_is_refused_with_its_own_verdict() {
    let mut bench = Bench::ready();
    bench.intend(market(M), Action::SellNo, 40, 10);
    assert_eq!(verdict(&bench), Verdict::NothingToReduce);
    assert!(bench.port.written.is_empty());
}

#[test]
fn the_same_side_within_a_tick_is_kept_and_lives_on() {
    let mut bench = resting();
    bench.pass_ms(9_000);
    bench.intend(market(M), Action::BuyYes, 41, 10);
    assert_eq!(verdict(&bench), Verdict::Kept);
    let renewal = bench.written();
    let order_id = OrderId::from_bits(9).to_string();
    let body = serde_json::json!({"order_id": order_id, "remaining_count": "10.00", "ts_ms": bench.now.session_ms});
    bench.answer(renewal.id, 200, &body);
    bench.pass_ms(9_000);
    assert!(bench.port.written.is_empty());
    bench.pass_ms(1_001);
    assert_eq!(bench.written().method, "DELETE");
    assert_eq!(bench.stage.counters().expired, 1);
}

#[test]
fn the_same_side_moved_is_amended_and_the_larger_of_old_and_new_is_held() {
    let mut bench = resting();
    let held = bench.stage.ledger().reserved();
    bench.intend(market(M), Action::BuyYes, 30, 10);
    let written = bench.written();
    assert_eq!(written.path, format!("{}/{}/amend", crate::wire::orders::ORDERS_PATH, OrderId::from_bits(9)));
    assert_eq!((written.body["price"].as_str(), written.body["count"].as_str()), (Some("0.3000"), Some("10.00")));
    assert_eq!(bench.stage.ledger().reserved(), held);
    let body = serde_json::json!({"order_id": OrderId::from_bits(9).to_string(), "remaining_count": "10.00",
        "ts_ms": bench.now.session_ms});
    bench.answer(written.id, 200, &body);
    assert_eq!(verdict(&bench), Verdict::Amended);
    assert!(bench.stage.ledger().reserved() < held);
    assert_eq!(bench.last(market(M)).open_order.unwrap().price, cents(30));
}

#[test]
fn an_order_that_comes_to_rest_has_its_amend_signed_ahead() {
    let mut bench = resting();
    let path = format!("{}/{}/amend", crate::wire::orders::ORDERS_PATH, OrderId::from_bits(9));
    assert_eq!(bench.port.presigned, [("POST", path)]);
    bench.port.presigned.clear();
    bench.intend(market(M), Action::BuyNo, 44, 10);
    let cancel = bench.written().id;
    bench.accept_cancel(cancel, 9, 10);
    assert_eq!(bench.port.presigned, []);
}

#[test]
fn an_amend_that_would_change_nothing_came_twice_and_is_unknown_until_a_read_shows_its_terms() {
    // Nor is one refused whose answer was cut short before it said why.
    let no_op = serde_json::json!({"error": {"code": "AMEND_ORDER_NO_OP", "message": "the order would not change"}});
    for told in [no_op, serde_json::json!({"error": {}})] {
        let mut bench = Bench::ready();
        bench.intend(market(M), Action::BuyYes, 40, 10);
        let create = bench.written().id;
        bench.accept(create, 9, 0, 10);
        bench.intend(market(M), Action::BuyYes, 42, 10);
        let amend = bench.written().id;
        bench.answer(amend, 400, &told);
        assert_eq!(verdict(&bench), Verdict::Unknown);
        assert!(bench.last(market(M)).blocked);
        // The larger of both sides stays reserved: ten at 42 cents, the fee there, a balance step.
        assert_eq!(bench.stage.ledger().reserved(), Money::from_micros(4_200_000 + 170_520 + 100));
    }
}

#[test]
fn an_amends_total_counts_what_has_filled() {
    let mut bench = resting();
    let fill = bench.fill(1, 9, BookSide::Bid, 40, 4);
    bench.account(AccountEvent::Fill(fill));
    bench.intend(market(M), Action::BuyYes, 36, 10);
    assert_eq!(bench.written().body["count"], "14.00");
}

#[test]
fn an_order_of_which_a_fill_is_known_and_has_not_come_is_not_amended() {
    let mut bench = resting();
    let report = bench.report(9, 1, OrderStatus::Resting, 6, 4);
    bench.account(AccountEvent::Order(report));
    bench.intend(market(M), Action::BuyYes, 36, 10);
    // Amended to ten more it could cost sixteen contracts, of which the position knows none.
    assert_eq!((verdict(&bench), bench.port.written.len()), (Verdict::RefusedDegraded, 0));
    let fill = bench.fill(1, 9, BookSide::Bid, 40, 6);
    bench.account(AccountEvent::Fill(fill));
    bench.intend(market(M), Action::BuyYes, 36, 10);
    assert_eq!(bench.written().body["count"], "16.00");
}

#[test]
fn the_other_side_cancels_first() {
    let mut bench = resting();
    bench.intend(market(M), Action::BuyNo, 44, 10);
    let written = bench.written();
    assert_eq!(written.method, "DELETE");
    bench.accept_cancel(written.id, 9, 10);
    assert_eq!(verdict(&bench), Verdict::Cancelled);
    assert_eq!(bench.stage.ledger().reserved(), Money::ZERO);
    bench.intend(market(M), Action::BuyNo, 44, 10);
    assert_eq!(bench.written().method, "POST");
}

#[test]
fn a_cancel_that_finds_nothing_is_unknown_until_the_exchange_tells_the_end() {
    let mut bench = resting();
    let held = bench.stage.ledger().reserved();
    bench.intend(market(M), Action::BuyNo, 44, 10);
    let written = bench.written();
    let body = serde_json::json!({"orders": [{"order_id": OrderId::from_bits(9).to_string(), "reduced_by": "0.00",
        "error": {"code": "not_found"}}]});
    bench.answer(written.id, 200, &body);
    assert_eq!(verdict(&bench), Verdict::Unknown);
    assert_eq!(bench.stage.ledger().reserved(), held);
    assert!(bench.last(market(M)).blocked);
    assert!(bench.take_query(QueryKind::Resolve).is_some());
    let report = bench.report(9, 1, OrderStatus::Executed, 10, 0);
    bench.account(AccountEvent::Order(report));
    // It filled: what it cost is held until the fills come.
    assert_eq!(bench.stage.ledger().reserved(), held);
    for trade in 1..=2 {
        let fill = bench.fill(trade, 9, BookSide::Bid, 40, 5);
        bench.account(AccountEvent::Fill(fill));
    }
    assert_eq!(bench.stage.ledger().reserved(), Money::ZERO);
    assert_eq!(bench.stage.counters().cancelled, 0);
    assert!(!bench.last(market(M)).blocked);
}

#[test]
fn a_create_that_times_out_is_unknown_and_found_by_its_client_id() {
    let mut bench = Bench::ready();
    bench.intend(market(M), Action::BuyYes, 40, 10);
    let request = bench.written().id;
    bench.pass_ms(3_001);
    assert_eq!(bench.port.abandoned, [request]);
    assert_eq!(verdict(&bench), Verdict::Unknown);
    assert!(bench.stage.ledger().reserved() > Money::ZERO);
    let query = bench.take_query(QueryKind::Resolve).unwrap();
    bench.begin(query);
    let report = OrderReport { source: Source::Read, ..bench.report(9, 1, OrderStatus::Resting, 0, 10) };
    bench.account(AccountEvent::Order(report));
    bench.end(query, true, bench.now.session_ms);
    assert_eq!(bench.stage.counters().unknown_resolved, 1);
    assert_eq!(bench.last(market(M)).open_order.unwrap().remaining, contracts(10));
}

#[test]
fn a_create_was_never_accepted_only_when_a_complete_read_is_newer_than_its_signature() {
    let mut bench = Bench::ready();
    let sent_ms = bench.now.session_ms;
    bench.intend(market(M), Action::BuyYes, 40, 10);
    let request = bench.written().id;
    bench.stage.on_no_answer(request, NoAnswer::Cut, bench.now, &mut bench.port);
    let read = |bench: &mut Bench, complete: bool, as_of_ms: i64| {
        while bench.take_query(QueryKind::Compare).is_some() {}
        bench.port.queries.retain(|query| query.kind == QueryKind::Resolve);
        for _ in 0..200 {
            if bench.port.queries.iter().any(|query| query.kind == QueryKind::Resolve) {
                break;
            }
            bench.pass_ms(100);
        }
        let query = bench.take_query(QueryKind::Resolve).unwrap();
        bench.begin(query);
        bench.end(query, complete, as_of_ms);
    };
    read(&mut bench, true, sent_ms + 10_999);
    read(&mut bench, false, sent_ms + 11_000);
    assert!(bench.stage.ledger().reserved() > Money::ZERO);
    read(&mut bench, true, sent_ms + 11_000);
    assert_eq!(bench.stage.ledger().reserved(), Money::ZERO);
    assert_eq!(bench.stage.counters().unknown_never_applied, 1);
}

#[test]
fn what_no_answer_tells_is_unknown_and_what_a_refusal_tells_is_rejected() {
    let cases: [(u16, &str, Verdict); 10] = [
        (400, r#"{"error":{"code":"insufficient_balance"}}"#, Verdict::Rejected),
        (400, r#"{"code":"bad_request"}"#, Verdict::Rejected),
        (404, r#"{"error":{"code":"market_not_found"}}"#, Verdict::Rejected),
        (409, r#"{"error":{"code":"trading_is_paused"}}"#, Verdict::Rejected),
        (409, r#"{"error":{"code":"order_already_exists"}}"#, Verdict::Unknown),
        (409, r#"{"error":"order already"}"#, Verdict::Unknown),
        (429, r#"{"error":"too many requests"}"#, Verdict::RefusedRate),
        (503, r#"{"error":{"code":"service_unavailable"}}"#, Verdict::Unknown),
        (201, r#"{"no":"order"}"#, Verdict::Unknown),
        (301, "{}", Verdict::Unknown),
    ];
    for (status, body, expected) in cases {
        let mut bench = Bench::ready();
        bench.intend(market(M), Action::BuyYes, 40, 10);
        let request = bench.written().id;
        bench.answer(request, status, &serde_json::from_str(body).unwrap());
        assert_eq!(verdict(&bench), expected, "{status} {body}");
        let reserved = bench.stage.ledger().reserved() > Money::ZERO;
        assert_eq!(reserved, expected == Verdict::Unknown, "{status} {body}");
    }
}

#[test]
fn five_rejects_in_a_row_open_the_breaker_for_a_while() {
    let mut bench = Bench::ready();
    for _ in 0..5 {
        bench.intend(market(M), Action::BuyYes, 40, 10);
        let request = bench.written().id;
        bench.answer(request, 400, &serde_json::json!({"error": {"code": "invalid_price"}}));
    }
    bench.intend(market(M), Action::BuyYes, 40, 10);
    assert_eq!(verdict(&bench), Verdict::RefusedBreaker);
    assert!(bench.last(market(M)).blocked);
    bench.port.portfolios.clear();
    bench.pass_ms(300_000);
    assert!(!bench.last(market(M)).blocked);
}

#[test]
fn a_pause_of_trading_is_waited_for_and_does_not_count_for_the_breaker() {
    let mut bench = Bench::ready();
    for _ in 0..8 {
        bench.intend(market(M), Action::BuyYes, 40, 10);
        let request = bench.written().id;
        bench.answer(request, 409, &serde_json::json!({"error": {"code": "trading_is_paused"}}));
        assert_eq!(verdict(&bench), Verdict::Rejected);
        bench.intend(market(M), Action::BuyYes, 40, 10);
        assert_eq!(verdict(&bench), Verdict::RefusedBreaker, "it is not asked again at once");
        bench.pass_ms(1_000);
    }
    bench.intend(market(M), Action::BuyYes, 40, 10);
    assert_eq!(bench.written().method, "POST");
    assert_eq!(bench.stage.counters().breakers_opened, 0);
}

#[test]
fn too_many_requests_empty_the_bucket_and_do_not_count_for_the_breaker() {
    let mut bench = Bench::ready();
    bench.intend(market(M), Action::BuyYes, 40, 10);
    let request = bench.written().id;
    bench.answer(request, 429, &serde_json::json!({"error": "too many requests"}));
    bench.intend(market(M), Action::BuyYes, 40, 10);
    assert_eq!(verdict(&bench), Verdict::RefusedRate);
    bench.pass_ms(200);
    bench.intend(market(M), Action::BuyYes, 40, 10);
    assert_eq!(bench.written().method, "POST");
}

#[test]
fn a_cancel_refused_for_its_rate_is_tried_again() {
    let mut bench = resting();
    bench.intend(market(M), Action::BuyNo, 44, 10);
    let first = bench.written();
    bench.answer(first.id, 429, &serde_json::json!({"error": "too many requests"}));
    assert_eq!(verdict(&bench), Verdict::RefusedRate);
    bench.pass_ms(300);
    assert_eq!(bench.written().method, "DELETE");
}

#[test]
fn without_a_connection_nothing_is_promised_and_cancels_are_tried_again() {
    let mut bench = Bench::ready();
    bench.port.no_connection = true;
    bench.intend(market(M), Action::BuyYes, 40, 10);
    assert_eq!(verdict(&bench), Verdict::RefusedNoConnection);
    assert_eq!(bench.stage.ledger().reserved(), Money::ZERO);
    let mut bench = resting();
    bench.port.no_connection = true;
    bench.stage.stop(bench.now, &mut bench.port);
    bench.pass_ms(50);
    bench.port.no_connection = false;
    bench.pass_ms(10);
    assert_eq!(bench.written().method, "DELETE");
}

#[test]
fn each_condition_of_the_market_and_the_account_refuses_with_its_reason() {
    type Change = fn(&mut Bench);
    let cases: [(Verdict, Change); 8] = [
        (Verdict::RefusedPhase, |bench| bench.status(market(M), Phase::Paused, true, None)),
        (Verdict::RefusedBook, |bench| bench.status(market(M), Phase::Open, false, None)),
        (Verdict::RefusedDegraded, |bench| bench.account(AccountEvent::Stream { up: false })),
        (Verdict::RefusedDegraded, |bench| {
            bench.account(AccountEvent::Trading { exchange_index: 0, active: false });
        }),
        (Verdict::RefusedStopping, |bench| bench.stage.stop(bench.now, &mut bench.port)),
        (Verdict::RefusedStopping, |bench| bench.stage.trip("a test", bench.now, &mut bench.port)),
        (Verdict::RefusedCloseTime, |bench| bench.pass_ms(3_540_000)),
        (Verdict::RefusedDegraded, |bench| {
            let untraded = Listing { traded: false, ..listing(market(M)) };
            bench.account(AccountEvent::Listing(untraded));
        }),
    ];
    for (expected, change) in cases {
        let mut bench = Bench::ready();
        change(&mut bench);
        bench.intend(market(M), Action::BuyYes, 40, 10);
        assert_eq!(verdict(&bench), expected);
        assert_eq!(bench.stage.counters().verdict(expected), 1);
        assert!(bench.port.written.is_empty());
    }
}

#[test]
fn the_limits_refuse_through_the_stage() {
    let refused = |limits: RiskLimits, action, price, count| {
        let mut bench = Bench::new(ExecuteConfig { limits, ..ExecuteConfig::default() });
        bench.start(&[(market(M), 6, 3)]);
        bench.intend(market(M), action, price, count);
        verdict(&bench)
    };
    let limits = RiskLimits::default();
    assert_eq!(refused(limits, Action::BuyYes, 40, 11), Verdict::RefusedOrderSize);
    assert_eq!(refused(limits, Action::BuyYes, 21, 10), Verdict::RefusedCollar);
    let tight = RiskLimits { position_max: contracts(15), ..limits };
    assert_eq!(refused(tight, Action::BuyYes, 40, 10), Verdict::RefusedPosition);
    assert_eq!(
        refused(RiskLimits { open_orders_max: 0, ..limits }, Action::BuyYes, 40, 10),
        Verdict::RefusedOpenOrders
    );
    let poor = RiskLimits { cash_at_risk_max: Money::from_dollars(7), ..limits };
    assert_eq!(refused(poor, Action::BuyYes, 40, 10), Verdict::RefusedCashAtRisk);
    let rich = RiskLimits {
        order_size_max: contracts(9_000),
        position_max: contracts(9_000),
        cash_at_risk_max: Money::from_dollars(90_000),
        ..limits
    };
    assert_eq!(refused(rich, Action::BuyYes, 40, 3_000), Verdict::RefusedBalance);
}

#[test]
fn losing_freshness_cancels_what_rests() {
    let mut bench = resting();
    bench.status(market(M), Phase::Open, false, None);
    assert_eq!(bench.written().method, "DELETE");
}

#[test]
fn a_resting_sell_goes_when_the_position_falls_below_it() {
    let mut bench = Bench::new(ExecuteConfig::default());
    bench.start(&[(market(M), 10, 4)]);
    bench.intend(market(M), Action::SellYes, 44, 10);
    let request = bench.written().id;
    bench.accept(request, 9, 0, 10);
    // Its own fills shrink both alike.
    let fill = bench.fill(1, 9, BookSide::Ask, 44, 3);
    bench.account(AccountEvent::Fill(fill));
    assert!(bench.port.written.is_empty());
    // Somebody else sells with the same account.
    let foreign = bench.fill(2, 77, BookSide::Ask, 44, 2);
    bench.account(AccountEvent::Fill(foreign));
    assert_eq!(bench.written().method, "DELETE");
    assert_eq!((bench.stage.counters().decreased, bench.stage.counters().foreign_fills), (1, 1));
}

#[test]
fn a_full_ring_delays_the_newest_state_and_loses_nothing() {
    let mut bench = resting();
    bench.port.portfolios.clear();
    bench.port.full = true;
    let fill = bench.fill(1, 9, BookSide::Bid, 40, 4);
    bench.account(AccountEvent::Fill(fill));
    bench.pass_ms(5);
    assert!(bench.port.portfolios.is_empty());
    bench.port.full = false;
    bench.pass_ms(1);
    assert_eq!(bench.last(market(M)).position, contracts(4));
    assert_eq!(bench.port.portfolios.len(), 1);
}

#[test]
fn cancels_of_many_orders_share_a_request_and_the_bucket() {
    let mut bench = Bench::ready();
    for index in 0..2 {
        bench.intend(market(index), Action::BuyYes, 40, 10);
        let request = bench.written().id;
        bench.accept(request, u128::from(index) + 9, 0, 10);
    }
    bench.stage.stop(bench.now, &mut bench.port);
    let written = bench.written();
    assert_eq!(written.body["orders"].as_array().unwrap().len(), 2);
    assert_eq!(bench.stage.counters().cancels_sent, 2);
}
