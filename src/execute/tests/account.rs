//! The account: start, reads, comparisons, settlement, the end; one behaviour a test.

use super::harness::{Bench, CLOSE_MS, contracts, listing, market, resting};
use crate::execute::{Difference, ExecuteConfig};
use crate::market::{BookSide, Count, FeeSchedule, FeeTerms, FeeType, GridBands, Money, OrderId, OrderStatus, Price};
use crate::messages::{
    AccountEvent, Action, FeeOverride, Fill, MarketStatus, OrderReport, Owner, Phase, Pricing, QueryKind, QueryRequest,
    Refusal, Source, Unsupported, Verdict,
};

const M: u16 = 0;

fn verdict(bench: &Bench) -> Verdict {
    bench.last(market(M)).verdict
}

#[test]
fn the_loss_stop_trips_is_kept_and_refuses_opening_orders_of_the_next_run() {
    let mut bench = Bench::new(ExecuteConfig::default());
    bench.start(&[(market(M), 100, 90)]);
    // Marked at 40 cents the position has lost fifty dollars.
    bench.intend(market(M), Action::BuyNo, 44, 10);
    assert!(bench.stage.tripped().unwrap().contains("daily loss stop"), "{:?}", bench.stage.tripped());
    let left = *bench.port.persisted.last().unwrap();
    assert!(left.stopped);
    let mut next = Bench::with_day(ExecuteConfig::default(), left);
    next.start(&[]);
    next.intend(market(M), Action::BuyYes, 40, 10);
    assert_eq!(verdict(&next), Verdict::RefusedLossStop);
    assert_eq!(next.stage.tripped(), None);
}

#[test]
fn a_determined_market_pays_once_whichever_tells_first() {
    let mut bench = Bench::new(ExecuteConfig::default());
    bench.start(&[(market(M), 10, 4)]);
    let value = Price::ONE;
    let settlement = AccountEvent::Settlement { market: market(M), value, fee: Money::ZERO };
    bench.status(market(M), Phase::Determined, true, Some(value));
    assert_eq!(bench.stage.ledger().awaiting(), Money::from_dollars(10));
    assert_eq!(bench.stage.ledger().available(), Money::from_dollars(2_000));
    bench.status(market(M), Phase::Determined, true, Some(value));
    for _ in 0..2 {
        bench.account(settlement);
    }
    bench.status(market(M), Phase::Determined, true, Some(value));
    assert_eq!(bench.stage.ledger().available(), Money::from_dollars(2_010));
    assert_eq!(bench.stage.ledger().realized(), Money::from_dollars(6));
    assert_eq!((bench.stage.ledger().awaiting(), bench.stage.ledger().cost()), (Money::ZERO, Money::ZERO));
    // A fill from before the end that comes after it is paid too.
    let late = bench.fill(1, 5, BookSide::Bid, 40, 10);
    bench.account(AccountEvent::Fill(late));
    assert_eq!(bench.stage.ledger().available(), Money::from_dollars(2_016));
    assert_eq!(bench.stage.counters().settlements, 1);
}

#[test]
fn the_baseline_is_read_again_while_fills_come() {
    let mut bench = Bench::new(ExecuteConfig::default());
    bench.account(AccountEvent::Listing(listing(market(M))));
    bench.account(AccountEvent::Stream { up: true });
    let fill = bench.fill(1, 5, BookSide::Bid, 40, 10);
    bench.account(AccountEvent::Fill(fill));
    bench.answer_rebuild(&[]);
    bench.pass_ms(600);
    assert!(!bench.stage.is_synced());
    assert_eq!(bench.stage.counters().baseline_fills, 1);
    for _ in 0..6 {
        bench.pass_ms(500);
        bench.answer_rebuild(&[(market(M), 10, 4)]);
    }
    bench.pass_ms(600);
    assert!(bench.stage.is_synced());
    assert_eq!(bench.stage.ledger().baseline(), Money::from_dollars(2_004));
}

#[test]
fn a_stream_gap_stops_trading_until_a_rebuild_asked_after_it() {
    let mut bench = resting();
    bench.account(AccountEvent::Stream { up: false });
    assert_eq!(bench.written().method, "DELETE");
    assert!(bench.last(market(M)).blocked);
    bench.pass_ms(10);
    bench.account(AccountEvent::Stream { up: true });
    assert!(!bench.stage.is_synced());
    let query = bench.take_query(QueryKind::Rebuild).unwrap();
    bench.begin(query);
    // A fill that the stream would have brought.
    let fill = Fill { source: Source::Read, ..bench.fill(1, 9, BookSide::Bid, 40, 4) };
    bench.account(AccountEvent::Fill(fill));
    bench.end(query, true, bench.now.session_ms);
    assert!(bench.stage.is_synced());
    assert_eq!(bench.last(market(M)).position, contracts(4));
}

#[test]
fn orders_of_earlier_runs_are_cancelled_and_foreign_ones_left_alone() {
    let mut bench = Bench::ready();
    let earlier = crate::market::ClientOrderId { nonce: 1, counter: 3 };
    let report = OrderReport { owner: Owner::Ours(earlier), ..bench.report(5, 0, OrderStatus::Resting, 0, 4) };
    bench.account(AccountEvent::Order(report));
    let foreign = OrderReport { owner: Owner::Foreign, ..bench.report(6, 0, OrderStatus::Resting, 0, 4) };
    bench.account(AccountEvent::Order(foreign));
    let written = bench.written();
    assert_eq!(written.body["orders"].as_array().unwrap().len(), 1);
    assert_eq!(written.body["orders"][0]["order_id"], OrderId::from_bits(5).to_string());
    bench.accept_cancel(written.id, 5, 4);
    // The foreign order still reserves.
    assert!(bench.stage.ledger().reserved() > Money::ZERO);
    let ended = OrderReport { owner: Owner::Foreign, ..bench.report(6, 0, OrderStatus::Canceled, 0, 0) };
    bench.account(AccountEvent::Order(ended));
    assert_eq!(bench.stage.ledger().reserved(), Money::ZERO);
    // A stale read does not bring it back.
    bench.account(AccountEvent::Order(OrderReport { source: Source::Read, ..foreign }));
    assert_eq!(bench.stage.ledger().reserved(), Money::ZERO);
}

/// Answers the next account-wide read with balances that differ from the ledger's by `cents` on shard 0.
fn answer_account(bench: &mut Bench, off_cents: i64, position: i64) {
    let kinds = [QueryKind::Compare, QueryKind::Rebuild];
    for _ in 0..400 {
        answer_settlements(bench);
        if let Some(query) = kinds.iter().find_map(|&kind| bench.take_query(kind)) {
            bench.begin(query);
            for exchange_index in 0..2 {
                let cash = bench.stage.ledger().shard(exchange_index).unwrap().cash();
                let off = if exchange_index == 0 { Money::from_cents(off_cents) } else { Money::ZERO };
                bench.account(AccountEvent::Balance { exchange_index, cash: cash + off });
            }
            bench.position(market(M), position, 0);
            return bench.end(query, true, bench.now.session_ms);
        }
        bench.pass_ms(100);
    }
    panic!("nothing was asked");
}

/// Answers a question for settlements, if there is one: there are none.
fn answer_settlements(bench: &mut Bench) {
    if let Some(query) = bench.take_query(QueryKind::Settlements) {
        bench.begin(query);
        bench.end(query, true, bench.now.session_ms);
    }
}

#[test]
fn a_difference_in_two_reads_trips_and_is_named() {
    let mut bench = Bench::ready();
    answer_account(&mut bench, 1, 0);
    bench.pass_ms(600);
    assert_eq!(bench.stage.tripped(), None);
    answer_account(&mut bench, 1, 3);
    bench.pass_ms(600);
    let reason = bench.stage.tripped().unwrap();
    assert!(reason.contains("cash of shard 0: the ledger has 1000.000000, the exchange 1000.010000"), "{reason}");
    assert!(reason.contains("position in KX-0: the ledger has 0.00 contracts, the exchange 3.00"), "{reason}");
}

#[test]
fn a_difference_in_one_read_alone_does_not_trip() {
    let mut bench = Bench::ready();
    for off_cents in [1, 0, 1, 0] {
        answer_account(&mut bench, off_cents, 0);
        bench.pass_ms(600);
    }
    assert_eq!(bench.stage.tripped(), None);
    assert_eq!(bench.stage.counters().compares_differed, 2);
}

#[test]
fn the_second_look_reads_fills_also_when_the_first_try_of_it_fails() {
    let mut bench = resting();
    answer_account(&mut bench, -160, 4);
    bench.pass_ms(600);
    answer_settlements(&mut bench);
    bench.pass_ms(900);
    // The stream owes the fill, and the read that would bring it gets no answer.
    assert!(bench.take_query(QueryKind::Rebuild).is_some());
    bench.pass_ms(32_000);
    let of_account = |query: &&QueryRequest| query.kind != QueryKind::Resolve;
    let asked: Vec<_> = bench.port.queries.iter().filter(of_account).map(|query| query.kind).collect();
    assert_eq!(asked, [QueryKind::Rebuild]);
    let fill = bench.fill(1, 9, BookSide::Bid, 40, 4);
    bench.account(AccountEvent::Fill(fill));
    answer_account(&mut bench, 0, 4);
    bench.pass_ms(600);
    assert_eq!((bench.stage.tripped(), bench.stage.counters().compares_differed), (None, 1));
}

#[test]
fn a_fill_on_its_way_is_no_difference() {
    let mut bench = resting();
    let agreed = bench.stage.counters().compares_agreed;
    // The exchange has booked the fill already, the stream brings it 300 ms later.
    answer_account(&mut bench, -160, 4);
    bench.pass_ms(300);
    let fill = bench.fill(1, 9, BookSide::Bid, 40, 4);
    bench.account(AccountEvent::Fill(fill));
    bench.pass_ms(600);
    assert_eq!(bench.stage.counters().compares_differed, 0);
    assert_eq!(bench.stage.counters().compares_agreed, agreed + 1);
}

#[test]
fn a_position_that_the_exchange_tells_otherwise_is_counted_and_read_again() {
    let mut bench = resting();
    let fill = Fill { post_position: Some(contracts(5)), ..bench.fill(1, 9, BookSide::Bid, 40, 4) };
    bench.account(AccountEvent::Fill(fill));
    assert_eq!(bench.stage.counters().position_surprises, 1);
    assert!(bench.take_query(QueryKind::Rebuild).is_some());
}

#[test]
fn stopping_cancels_waits_and_compares_strictly() {
    let mut bench = resting();
    bench.stage.stop(bench.now, &mut bench.port);
    let cancel = bench.written();
    assert!(!bench.stage.is_quiet());
    bench.accept_cancel(cancel.id, 9, 10);
    assert!(bench.stage.is_quiet());
    assert_eq!(bench.stage.agreement(), None);
    answer_account(&mut bench, 0, 0);
    let agreement = bench.stage.agreement().unwrap();
    assert!(agreement.agrees());
    assert_eq!(agreement.exchange_cash, [(0, Money::from_dollars(1_000)), (1, Money::from_dollars(1_000))]);
}

#[test]
fn what_still_differs_at_the_end_is_named() {
    let mut bench = Bench::ready();
    bench.stage.stop(bench.now, &mut bench.port);
    for _ in 0..ExecuteConfig::default().final_attempts {
        assert_eq!(bench.stage.agreement(), None);
        answer_account(&mut bench, 1, 0);
        bench.pass_ms(600);
    }
    let agreement = bench.stage.agreement().unwrap();
    assert!(!agreement.agrees());
    let (ours, exchange) = (Money::from_dollars(1_000), Money::from_micros(1_000_010_000));
    assert_eq!(agreement.differences, [Difference::Cash { exchange_index: 0, ours, exchange }]);
}

#[test]
fn a_fill_that_never_came_is_named_at_the_end() {
    let mut bench = Bench::ready();
    bench.intend_as(market(M), Action::BuyYes, Pricing::Aggressive, 44, 10);
    let request = bench.written().id;
    bench.accept(request, 9, 10, 0);
    let fill = bench.fill(1, 9, BookSide::Bid, 44, 7);
    bench.account(AccountEvent::Fill(fill));
    bench.stage.stop(bench.now, &mut bench.port);
    bench.pass_ms(4_000);
    for _ in 0..ExecuteConfig::default().final_attempts {
        answer_account(&mut bench, -132, 10);
        bench.pass_ms(600);
    }
    let text: Vec<String> = bench.stage.agreement().unwrap().differences.iter().map(ToString::to_string).collect();
    assert_eq!(text.len(), 3, "{text:?}");
    assert!(text[2].ends_with("in KX-0: fills of 7.00 contracts were booked, the exchange filled 10.00"), "{text:?}");
}

#[test]
fn credentials_that_are_refused_trip_whether_orders_or_reads_are_refused() {
    let unknown = serde_json::json!({"error": {"code": "authentication_error", "details": "NOT_FOUND"}});
    let expired = serde_json::json!({"error": {"code": "header_timestamp_expired"}});
    let refused = |bench: &mut Bench, body: &serde_json::Value| {
        bench.pass_ms(1_100);
        bench.intend(market(M), Action::BuyYes, 40, 5);
        let request = bench.written().id;
        bench.answer(request, 401, body);
    };
    let mut bench = Bench::ready();
    refused(&mut bench, &unknown);
    bench.account(AccountEvent::Refused(Refusal::Key));
    assert_eq!(bench.stage.tripped(), None);
    refused(&mut bench, &unknown);
    assert!(bench.stage.tripped().unwrap().starts_with("credentials refused"), "{:?}", bench.stage.tripped());

    // A clock that is off for a while is borne.
    let mut bench = Bench::ready();
    for _ in 0..20 {
        refused(&mut bench, &expired);
    }
    assert_eq!(bench.stage.tripped(), None);
}

#[test]
fn an_account_that_nets_across_markets_is_refused() {
    let mut bench = Bench::ready();
    bench.account(AccountEvent::Unsupported(Unsupported::Netting));
    assert!(bench.stage.tripped().unwrap().contains("nets positions"));
}

#[test]
fn a_condition_that_overtakes_its_listing_counts_once_the_market_is_listed() {
    let mut bench = Bench::new(ExecuteConfig::default());
    let (early, late) = (market(0), market(1));
    for key in [early, late] {
        bench.status(key, Phase::Open, true, None);
    }
    let newer = crate::market::MarketKey { generation: late.generation + 1, ..late };
    bench.account(AccountEvent::Listing(listing(early)));
    bench.account(AccountEvent::Listing(listing(newer)));
    assert_eq!(bench.stage.is_fresh(early), Some(true));
    assert_eq!(bench.stage.is_fresh(newer), Some(false), "it was another market's condition");
}

#[test]
fn facts_and_intents_of_another_generation_are_ignored() {
    let mut bench = Bench::ready();
    let old = crate::market::MarketKey { index: 0, generation: 0 };
    bench.intend(old, Action::BuyYes, 40, 10);
    let fill = Fill { market: old, ..bench.fill(1, 9, BookSide::Bid, 40, 4) };
    bench.account(AccountEvent::Fill(fill));
    assert_eq!(bench.stage.counters().stale_keys, 2);
    assert_eq!(bench.stage.ledger().available(), Money::from_dollars(2_000));
}

#[test]
fn absurd_fills_are_counted_and_never_booked() {
    let mut bench = Bench::ready();
    let good = bench.fill(1, 9, BookSide::Bid, 40, 4);
    let absurd = [
        Fill { count: Count::ZERO, ..good },
        Fill { count: contracts(-1), ..good },
        Fill { count: Count::LIMIT, ..good },
        Fill { fee: Money::from_cents(-1), ..good },
        Fill { fee: Money::from_dollars(5), ..good },
    ];
    for fill in absurd {
        bench.account(AccountEvent::Fill(fill));
    }
    assert_eq!(bench.stage.counters().absurd_fills, 5);
    assert_eq!(bench.stage.ledger().available(), Money::from_dollars(2_000));
}

#[test]
fn a_fee_that_the_rules_do_not_predict_is_counted_and_booked_as_told() {
    let mut bench = resting();
    // Makers pay nothing in a plain quadratic series.
    let free = bench.fill(1, 9, BookSide::Bid, 40, 4);
    bench.account(AccountEvent::Fill(free));
    assert_eq!(bench.stage.counters().fee_surprises, 0);
    let dear = Fill { fee: Money::from_cents(1), ..bench.fill(2, 9, BookSide::Bid, 40, 4) };
    bench.account(AccountEvent::Fill(dear));
    assert_eq!((bench.stage.counters().fee_surprises, bench.stage.ledger().fees()), (1, Money::from_cents(1)));
}

#[test]
fn fees_follow_what_was_read_what_a_frame_told_and_the_end_of_a_waiver() {
    let mut bench = resting();
    let now_ms = bench.now.session_ms;
    // Makers pay their own multiplier, and nothing before the waiver ends.
    let schedule = FeeSchedule::of(FeeType::QuadraticWithMakerFees, 5_000);
    let fees = FeeTerms::constant(schedule).waived_until(Some(now_ms + 1_000));
    bench.account(AccountEvent::Fees { market: market(M), fees });
    // 6 contracts at 0.40 with half a taker's fee, which is dearer than a maker's, and a balance step.
    assert_eq!(bench.stage.ledger().reserved(), Money::from_micros(4_000_000 + 84_000 + 100));
    let mut trade = 0;
    let mut fill = |bench: &mut Bench, after_ms: i64, fee: i64| {
        trade += 1;
        let fill = bench.fill(trade, 9, BookSide::Bid, 40, 1);
        let fill = Fill { fee: Money::from_micros(fee), time_ms: now_ms + after_ms, ..fill };
        bench.account(AccountEvent::Fill(fill));
        (bench.stage.counters().fee_surprises, bench.stage.counters().fee_errors)
    };
    assert_eq!(fill(&mut bench, 999, 0), (0, 0));
    // 0.0175 x 0.4 x 0.6 = 0.0042.
    assert_eq!(fill(&mut bench, 1_000, 4_200), (0, 0));
    let status = |from_ms, schedule| MarketStatus {
        fee_override: Some(FeeOverride { from_ms, schedule }),
        market: market(M),
        phase: Phase::Open,
        fresh: true,
        settlement: None,
        close_time_ms: CLOSE_MS,
        time_ms: now_ms,
        bands: GridBands::cents(),
    };
    let double = FeeSchedule::of(FeeType::QuadraticWithComboMakerFees, 10_000);
    bench.stage.on_status(&status(now_ms + 2_000, Some(double)), bench.now, &mut bench.port);
    assert_eq!(fill(&mut bench, 1_999, 4_200), (0, 0));
    assert_eq!(fill(&mut bench, 2_000, 8_400), (0, 0));
    // A list that was read again does not undo what the frame said; its end does.
    bench.account(AccountEvent::Fees { market: market(M), fees });
    assert_eq!(fill(&mut bench, 2_001, 8_400), (0, 0));
    bench.stage.on_status(&status(now_ms + 3_000, None), bench.now, &mut bench.port);
    assert_eq!(fill(&mut bench, 3_000, 4_200), (0, 0));
    // Charged twice over: no rounding explains that.
    assert_eq!(fill(&mut bench, 3_001, 8_400), (1, 1));
}

#[test]
fn what_rests_is_set_aside_for_by_the_dearest_fee_ahead_and_follows_when_it_is_over() {
    let mut bench = resting();
    let reserved = |bench: &Bench| bench.stage.ledger().reserved().micros() - 4_000_100;
    assert_eq!(reserved(&bench), 168_000);
    let now_ms = bench.now.session_ms;
    let double = FeeSchedule { taker_multiplier_e4: 20_000, maker_multiplier_e4: 0 };
    let mut fees = FeeTerms::constant(FeeSchedule::QUADRATIC);
    fees.change_series(now_ms + 1_000, double);
    fees.change_series(now_ms + 2_000, FeeSchedule::FREE);
    bench.account(AccountEvent::Fees { market: market(M), fees });
    assert_eq!(reserved(&bench), 336_000, "before the change");
    bench.pass_ms(1_500);
    assert_eq!(reserved(&bench), 336_000, "while it holds");
    bench.pass_ms(600);
    assert_eq!(reserved(&bench), 0, "when it is over");
    // The same read again changes nothing, and nobody is told.
    bench.port.portfolios.clear();
    bench.account(AccountEvent::Fees { market: market(M), fees });
    assert_eq!(bench.port.portfolios, []);
}

#[test]
fn a_payment_that_the_read_shows_before_it_is_told_is_no_difference() {
    let mut bench = Bench::new(ExecuteConfig::default());
    bench.start(&[(market(M), 10, 4)]);
    bench.status(market(M), Phase::Determined, true, Some(Price::ONE));
    for _ in 0..3 {
        answer_account(&mut bench, 1_000, 0);
        bench.pass_ms(600);
    }
    assert_eq!((bench.stage.tripped(), bench.stage.counters().compares_differed), (None, 0));
    answer_account(&mut bench, 1_001, 0);
    bench.pass_ms(600);
    assert_eq!(bench.stage.counters().compares_differed, 1);
}

#[test]
fn a_payment_is_looked_for_since_its_market_ended_however_many_reads_agree_meanwhile() {
    let mut bench = Bench::new(ExecuteConfig::default());
    bench.start(&[(market(M), 10, 4)]);
    let ended_ms = bench.now.session_ms;
    bench.status(market(M), Phase::Determined, true, Some(Price::ONE));
    let mut looks = 0;
    for _ in 0..5 {
        // The exchange has paid, which agrees, but the payment itself is not told.
        if let Some(look) = bench.take_query(QueryKind::Settlements) {
            bench.begin(look);
            assert!(look.since_ms <= ended_ms, "{} after {ended_ms}", look.since_ms);
            bench.begin(look);
            bench.end(look, true, bench.now.session_ms);
            looks += 1;
        }
        answer_account(&mut bench, 1_000, 0);
        bench.pass_ms(11_000);
    }
    assert!(looks > 1 && bench.stage.counters().compares_agreed > 3, "{looks}");
}

#[test]
fn a_late_fill_that_closes_what_a_market_ended_with_has_been_paid_when_it_filled() {
    let mut bench = Bench::new(ExecuteConfig::default());
    bench.start(&[(market(M), 10, 4)]);
    bench.status(market(M), Phase::Determined, true, Some(Price::ONE));
    assert_eq!(bench.stage.ledger().awaiting(), Money::from_dollars(10));
    // Six of the ten were sold at 98 cents before the end: only four are paid for.
    let sold = bench.fill(1, 5, BookSide::Ask, 98, 6);
    bench.account(AccountEvent::Fill(sold));
    assert_eq!(bench.stage.ledger().awaiting(), Money::from_dollars(4));
    assert_eq!(bench.stage.ledger().available(), Money::from_dollars(2_000) + Money::from_cents(6 * 98));
    let rest = bench.fill(2, 5, BookSide::Ask, 98, 4);
    bench.account(AccountEvent::Fill(rest));
    assert_eq!(bench.stage.ledger().awaiting(), Money::ZERO);
    assert_eq!(bench.stage.ledger().available(), Money::from_dollars(2_000) + Money::from_cents(980));
    assert_eq!(bench.stage.ledger().realized(), Money::from_cents(980 - 400));
}
