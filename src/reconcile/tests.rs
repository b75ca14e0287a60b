//! Tests of the stage, with frames and bodies as bytes and a port with bounded rings.

use std::collections::BTreeMap;

use super::DirectoryConfig;
use super::testing::{Bench, SECOND_NS, fill_body, fill_frame, market, order_frame, uuid};
use crate::market::{Count, FeeSchedule, FeeTerms, FeeType, Money, Price};
use crate::messages::{AccountEvent, Fill, Owner, Phase, QueryKind, Refusal, Source, Unsupported};
use crate::ports::ConnectionLost;

fn fills(events: &[AccountEvent]) -> Vec<Fill> {
    events.iter().filter_map(|event| if let AccountEvent::Fill(fill) = event { Some(*fill) } else { None }).collect()
}

fn end(events: &[AccountEvent]) -> Option<(u32, bool)> {
    match events.last()? {
        AccountEvent::ReadEnd { query, complete, .. } => Some((*query, *complete)),
        _ => None,
    }
}

#[test]
fn the_start_reads_the_exchange_and_lists_the_markets_in_the_order_asked_for() {
    let mut bench = Bench::two_markets();
    bench.start();
    assert_eq!(
        bench.asked,
        [
            "/exchange/status",
            "/account/endpoint_costs",
            "/series/fee_changes",
            "/events/fee_changes?limit=1000",
            "/markets?tickers=KXA-1-A,KXA-1-B&limit=1000",
            "/events/KXA-1",
            "/series/KXA",
        ]
    );
    let events = bench.events();
    assert_eq!(events[0], AccountEvent::Stream { up: true });
    assert!(events.contains(&AccountEvent::Trading { exchange_index: 2, active: true }));
    assert!(events.contains(&AccountEvent::WriteCosts { create: 10, amend: 10, cancel: 2 }));
    let names: Vec<_> = bench.port.listings.iter().map(|listing| listing.ticker.to_string()).collect();
    assert_eq!(names, ["KXA-1-A", "KXA-1-B"]);
    let listing = bench.port.listings[0];
    assert!(listing.traded && listing.phase == Phase::Open && listing.exchange_index == 2);
    let schedule = FeeSchedule::of(FeeType::Quadratic, 5_000);
    assert_eq!(listing.fees, schedule);
    assert!(events.contains(&AccountEvent::Listing(listing)));
    assert!(events.contains(&AccountEvent::Fees { market: listing.market, fees: schedule.into() }));
    assert!(bench.stage.problems().is_empty());
}

#[test]
fn changes_of_fees_are_known_from_the_start_and_read_again_with_every_comparison() {
    let change = |key: &str, name: &str, fees: &str, at: &str| {
        format!(r#"{{"id":"1","{key}":"{name}",{fees},"scheduled_ts":"1970-01-01T{at}Z"}}"#)
    };
    let half = change("series_ticker", "KXA", r#""fee_type":"quadratic","fee_multiplier":0.25"#, "01:00:00");
    let mut bench = Bench::two_markets();
    bench.body("/series/fee_changes", &format!(r#"{{"series_fee_change_arr":[{half}]}}"#));
    bench.start();
    let told = |event: &AccountEvent| match event {
        AccountEvent::Fees { fees, .. } => Some(*fees),
        _ => None,
    };
    let fees = bench.events().iter().find_map(told).unwrap();
    let taker = |multiplier_e4| FeeSchedule::of(FeeType::Quadratic, multiplier_e4);
    assert_eq!((fees.at(3_599_999), fees.at(3_600_000)), (taker(5_000), taker(2_500)));

    let begins = r#""fee_type_override":"quadratic_with_maker_fees","fee_multiplier_override":2"#;
    let event = change("event_ticker", "KXA-1", begins, "00:30:00");
    let unreadable = r#"{"event_ticker":7}"#;
    bench.body(
        "/events/fee_changes?limit=1000",
        &format!(r#"{{"event_fee_changes":[{unreadable},{event}],"cursor":""}}"#),
    );
    bench.query(5, QueryKind::Compare, "");
    bench.answer_all();
    let changed: Vec<_> = bench.events().iter().filter_map(told).collect();
    assert_eq!(changed.len(), 2, "both markets of the event");
    let fees = changed[0];
    let double = FeeSchedule::of(FeeType::QuadraticWithMakerFees, 20_000);
    assert_eq!((fees.at(1_799_999), fees.at(1_800_000)), (taker(5_000), double));
    assert!(bench.stage.problems()[0].contains("change of an event's fees"), "{:?}", bench.stage.problems());
    // Without a change, nothing is sent again.
    bench.query(6, QueryKind::Compare, "");
    bench.answer_all();
    assert!(bench.events().iter().all(|event| told(event).is_none()));
}

#[test]
fn makers_pay_what_is_configured_where_no_fee_type_tells_it() {
    let mut bench = Bench::new(DirectoryConfig {
        tickers: vec!["KXA-1-A".to_owned(), "KXA-1-B".to_owned()],
        series: None,
        count: None,
        max_markets: 8,
        maker_multipliers_e4: [("KXA".to_owned(), 2_500)].into(),
    });
    let terms = r#"{"series":{"ticker":"KXA","fee_type":"quadratic_with_maker_fees","fee_multiplier":0.5}}"#;
    bench.body("/series/KXA", terms);
    bench.start();
    let fees = FeeSchedule { taker_multiplier_e4: 5_000, maker_multiplier_e4: 2_500 };
    assert_eq!(bench.port.listings[0].fees, fees);
    let told = |event: &AccountEvent| matches!(event, AccountEvent::Fees { fees: told, .. } if told.at(0) == fees);
    assert_eq!(bench.events().iter().filter(|event| told(event)).count(), 2);
}

#[test]
fn a_refused_list_of_fee_changes_is_a_failed_reading_like_any_other() {
    for (status, code, refusal) in
        [(401, "authentication_error", Refusal::Key), (403, "permission_denied", Refusal::Scope)]
    {
        let mut bench = Bench::two_markets();
        let refused = format!(r#"{{"error":{{"code":"{code}","message":"no"}}}}"#);
        bench.bodies.insert("/trade-api/v2/series/fee_changes".to_owned(), (status, refused));
        bench.start();
        assert!(bench.events().contains(&AccountEvent::Refused(refusal)), "{code}");
        assert!(bench.port.listings.is_empty(), "{code}");
        bench.body("/series/fee_changes", r#"{"series_fee_change_arr":[]}"#);
        bench.pass(5 * SECOND_NS);
        assert_eq!(bench.port.listings.len(), 2, "{code}");
    }
}

#[test]
fn a_market_that_will_be_charged_by_a_formula_that_is_not_known_is_paused_until_it_is_over() {
    let mut bench = Bench::two_markets();
    bench.start();
    let change = |at: &str| {
        let fees = r#""fee_type_override":"flat","fee_multiplier_override":1"#;
        let ends = r#""fee_type_override":null,"fee_multiplier_override":null"#;
        format!(
            r#"{{"event_fee_changes":[{{"event_ticker":"KXA-1",{fees},"scheduled_ts":"1970-01-01T00:00:10Z"}},{{"event_ticker":"KXA-1",{ends},"scheduled_ts":"1970-01-01T{at}Z"}}],"cursor":""}}"#
        )
    };
    let phases = |bench: &mut Bench| {
        bench.port.listings.clear();
        bench.query(5, QueryKind::Compare, "");
        bench.pass(11 * SECOND_NS);
        bench.port.listings.iter().map(|listing| listing.phase).collect::<Vec<_>>()
    };
    assert_eq!(phases(&mut bench).last(), Some(&Phase::Open));
    bench.body("/events/fee_changes?limit=1000", &change("00:00:50"));
    assert_eq!(phases(&mut bench).last(), Some(&Phase::Paused));
    let told = || bench.stage.problems().iter().filter(|problem| problem.contains("`flat`")).count();
    assert_eq!(told(), 2, "of each market once: {:?}", bench.stage.problems());
    bench.pass(30 * SECOND_NS);
    assert_eq!(phases(&mut bench).last(), Some(&Phase::Open));
}

#[test]
fn a_waiver_is_read_with_its_market_and_again_with_every_later_reading() {
    let mut bench = Bench::two_markets();
    let list = |bench: &mut Bench, until: &str| {
        let [waived, other] =
            ["KXA-1-A", "KXA-1-B"].map(|name| market(name, "KXA-1", "1970-01-02T00:00:00Z", "active"));
        let waived = waived.replacen('{', &format!(r#"{{"fee_waiver_expiration_time":{until},"#), 1);
        let body = format!(r#"{{"markets":[{waived},{other}],"cursor":""}}"#);
        bench.body("/markets?tickers=KXA-1-A,KXA-1-B&limit=1000", &body);
    };
    let told = |bench: &mut Bench| -> Vec<FeeTerms> {
        let fees = |event| if let AccountEvent::Fees { fees, .. } = event { Some(fees) } else { None };
        bench.events().into_iter().filter_map(fees).collect()
    };
    let charged = FeeSchedule::of(FeeType::Quadratic, 5_000);
    list(&mut bench, r#""1970-01-01T00:01:00Z""#);
    bench.start();
    let fees = told(&mut bench)[0];
    assert_eq!((fees.at(59_999), fees.at(60_000)), (FeeSchedule::FREE, charged));
    // The same again is not new.
    bench.pass(11 * SECOND_NS);
    assert_eq!(told(&mut bench), []);
    list(&mut bench, r#""1970-01-01T02:00:00Z""#);
    bench.pass(11 * SECOND_NS);
    let moved = told(&mut bench);
    assert_eq!(moved.len(), 1, "told once");
    assert_eq!((moved[0].at(7_199_999), moved[0].at(7_200_000)), (FeeSchedule::FREE, charged));
    list(&mut bench, "null");
    bench.pass(11 * SECOND_NS);
    let ended = told(&mut bench);
    assert_eq!(ended.len(), 1, "told once");
    let now_ms = bench.now.session_ms;
    assert_eq!((ended[0].at(0), ended[0].at(now_ms)), (FeeSchedule::FREE, charged), "what was free stays so");
}

#[test]
fn a_rebuild_tells_every_page_between_its_begin_and_end() {
    let mut bench = Bench::running();
    let position = |ticker: &str, count: &str| {
        format!(
            r#"{{"ticker":"{ticker}","position_fp":"{count}","market_exposure_dollars":"1.2600","realized_pnl_dollars":"0.0000","fees_paid_dollars":"0.0100"}}"#
        )
    };
    bench.body(
        "/portfolio/positions?count_filter=position&limit=1000",
        &format!(r#"{{"market_positions":[{}],"cursor":"p2"}}"#, position("KXA-1-A", "3.00")),
    );
    bench.body(
        "/portfolio/positions?count_filter=position&limit=1000&cursor=p2",
        &format!(r#"{{"market_positions":[{}],"cursor":""}}"#, position("KXB-1-Z", "-2.00")),
    );
    bench.body(
        "/markets?tickers=KXB-1-Z&limit=1000",
        &format!(r#"{{"markets":[{}]}}"#, market("KXB-1-Z", "KXB-1", "1970-01-02T00:00:00Z", "active")),
    );
    bench.body("/events/KXB-1", r#"{"event":{"event_ticker":"KXB-1","series_ticker":"KXB"}}"#);
    bench.body("/series/KXB", r#"{"series":{"ticker":"KXB","fee_type":"flat","fee_multiplier":1}}"#);
    bench.query(7, QueryKind::Rebuild, "");
    bench.answer_all();
    let events = bench.events();
    let AccountEvent::Listing(listing) = events[0] else { panic!("{events:?}") };
    assert!(!listing.traded, "a market that is merely held is watched, whatever its fee type");
    assert!(matches!(events[1], AccountEvent::Fees { market, .. } if market == listing.market));
    assert_eq!(events[2], AccountEvent::ReadBegin { query: 7, kind: QueryKind::Rebuild });
    assert!(events.contains(&AccountEvent::WriteLimit { refill: 100, capacity: 100 }));
    assert!(events.contains(&AccountEvent::Balance { exchange_index: 2, cash: Money::from_dollars(60) }));
    let positions: Vec<_> = events
        .iter()
        .filter_map(|event| if let AccountEvent::Position { position, .. } = event { Some(*position) } else { None })
        .collect();
    assert_eq!(positions, [Count::from_contracts(3), Count::from_contracts(-2)]);
    assert_eq!(end(&events), Some((7, true)));
}

#[test]
fn a_fill_during_a_rebuild_is_delivered_before_it_and_the_reading_repeated() {
    let mut bench = Bench::running();
    bench.query(1, QueryKind::Rebuild, "");
    for _ in 0..4 {
        bench.answer();
    }
    bench.frame(&fill_frame(1, "KXA-1-A"));
    bench.answer_all();
    let events = bench.events();
    assert_eq!((fills(&events).len(), events.len()), (1, 1), "no picture of a moving account is told");
    assert_eq!(bench.stage.counters().unquiet_rebuilds, 1);
    bench.pass(2 * SECOND_NS);
    let events = bench.events();
    assert_eq!(events[0], AccountEvent::ReadBegin { query: 1, kind: QueryKind::Rebuild });
    assert_eq!(end(&events), Some((1, true)));
}

#[test]
fn a_fill_that_only_the_rebuild_read_is_delivered_before_it() {
    let mut bench = Bench::running();
    bench.body(
        "/portfolio/fills?min_ts=0&limit=1000",
        &format!(r#"{{"fills":[{},{}],"cursor":""}}"#, fill_body(6, "KXA-1-A"), fill_body(5, "KXA-1-B")),
    );
    bench.query(1, QueryKind::Rebuild, "");
    bench.answer_all();
    bench.pass(2 * SECOND_NS);
    let events = bench.events();
    let told = fills(&events);
    assert_eq!(told.iter().map(|fill| fill.trade.to_string()).collect::<Vec<_>>(), [uuid(5), uuid(6)], "oldest first");
    assert!(told.iter().all(|fill| fill.source == Source::Read && fill.time_ms == 1_500));
    assert!(matches!(events[2], AccountEvent::ReadBegin { .. }));
    bench.frame(&fill_frame(6, "KXA-1-A"));
    assert_eq!((bench.events(), bench.stage.counters().duplicate_fills), (vec![], 3));
}

#[test]
fn a_fill_is_told_once_and_orders_keep_their_owner() {
    let mut bench = Bench::running();
    bench.frame(&fill_frame(1, "KXA-1-B"));
    bench.frame(&fill_frame(1, "KXA-1-B"));
    bench.frame(&order_frame(900, "KXA-1-B", "resting"));
    bench.frame(&order_frame(901, "KXA-1-B", "unknown"));
    let events = bench.events();
    assert_eq!(events.len(), 2);
    let fill = fills(&events)[0];
    assert_eq!(fill.market, bench.stage.key("KXA-1-B").unwrap());
    assert_eq!(
        (fill.price, fill.count, fill.fee),
        (Price::from_cents(42), Count::from_contracts(3), Money::from_cents(1))
    );
    assert_eq!(fill.post_position, Some(Count::from_contracts(3)));
    let AccountEvent::Order(order) = events[1] else { panic!("an order of the list: {:?}", events[1]) };
    assert!(matches!(order.owner, Owner::Ours(id) if id.nonce == 1 && id.counter == 1));
    assert_eq!((order.remaining, order.source), (Count::from_contracts(10), Source::Stream));
}

#[test]
fn a_full_ring_stops_the_input_and_loses_nothing() {
    let mut bench = Bench::running();
    bench.port.ring_capacity = 1;
    assert!(bench.stage.wants_input());
    for trade in 1..=50 {
        bench.frame(&fill_frame(trade, "KXA-1-A"));
    }
    assert!(!bench.stage.wants_input());
    let connection = bench.connection();
    let mut told = Vec::new();
    for _ in 0..50 {
        bench.pass(SECOND_NS);
        told.extend(fills(&bench.events()));
    }
    bench.stage.on_timer(bench.now, &mut bench.port);
    told.extend(fills(&bench.events()));
    let trades: Vec<_> = told.iter().map(|fill| fill.trade.to_string()).collect();
    assert_eq!(trades, (1..=50).map(uuid).collect::<Vec<_>>());
    assert!(bench.stage.wants_input());
    assert_eq!(bench.connection(), connection, "a socket that is left unread on purpose is not silent");
}

#[test]
fn a_fill_of_an_unlisted_market_waits_for_its_listing_and_keeps_its_order() {
    let mut bench = Bench::running();
    bench.frame(&fill_frame(1, "KXB-1-Z"));
    bench.frame(&order_frame(900, "KXB-1-Z", "executed"));
    bench.frame(&fill_frame(2, "KXA-1-A"));
    assert_eq!(fills(&bench.events()).len(), 1);
    assert_eq!(bench.port.requests.len(), 1);
    bench.answer_all();
    assert!(bench.events().is_empty(), "the exchange does not know the market yet");
    bench.body(
        "/markets?tickers=KXB-1-Z&limit=1000",
        &format!(r#"{{"markets":[{}]}}"#, market("KXB-1-Z", "KXB-1", "1970-01-02T00:00:00Z", "active")),
    );
    bench.pass(SECOND_NS);
    let events = bench.events();
    assert!(matches!(events[0], AccountEvent::Listing(listing) if !listing.traded));
    assert!(matches!(events[1], AccountEvent::Fees { .. }));
    assert!(matches!(events[2], AccountEvent::Fill(fill) if fill.market == bench.stage.key("KXB-1-Z").unwrap()));
    assert!(matches!(events[3], AccountEvent::Order(_)));
    assert_eq!(bench.stage.counters().held, 2);
}

#[test]
fn after_a_cut_the_missed_fills_come_before_the_stream_is_up_again() {
    let mut bench = Bench::running();
    bench.frame(&fill_frame(1, "KXA-1-A"));
    bench.events();
    bench.close();
    assert_eq!(bench.events(), [AccountEvent::Stream { up: false }]);
    bench.body(
        "/portfolio/fills?min_ts=0&limit=1000",
        &format!(r#"{{"fills":[{},{}],"cursor":""}}"#, fill_body(2, "KXA-1-A"), fill_body(1, "KXA-1-A")),
    );
    bench.pass(SECOND_NS);
    bench.open();
    assert!(bench.events().is_empty());
    bench.answer_all();
    let events = bench.events();
    assert_eq!(fills(&events)[0].trade.to_string(), uuid(2));
    assert_eq!((events.len(), events[1]), (2, AccountEvent::Stream { up: true }));
}

#[test]
fn an_unreadable_frame_leads_to_a_reading_of_the_fills() {
    let mut bench = Bench::running();
    bench.body("/portfolio/fills?min_ts=0&limit=1000", &format!(r#"{{"fills":[{}]}}"#, fill_body(3, "KXA-1-A")));
    bench.frame("{\"type\":\"fill\"");
    bench.answer_all();
    let events = bench.events();
    assert_eq!((fills(&events).len(), events.len()), (1, 1));
    assert_eq!(bench.stage.counters().malformed, 1);
}

#[test]
fn a_rebuild_outlasts_failures_and_a_comparison_is_given_up() {
    let mut bench = Bench::running();
    let path = "/trade-api/v2/portfolio/balance".to_owned();
    bench.bodies.insert(path.clone(), (429, r#"{"error":"too many requests"}"#.to_owned()));
    bench.query(1, QueryKind::Rebuild, "");
    bench.query(2, QueryKind::Compare, "");
    bench.answer_all();
    bench.pass(15 * SECOND_NS);
    bench.stage.on_ping(bench.connection(), bench.now);
    let events = bench.events();
    assert_eq!(end(&events), Some((2, false)));
    assert_eq!(events.len(), 2);
    assert!(bench.stage.counters().rate_limited > 4);
    bench.bodies.insert(path, (200, r#"{"balance":1,"balance_dollars":"0.0100"}"#.to_owned()));
    bench.body("/portfolio/balance?exchange_index=2", r#"{"balance":1,"balance_dollars":"0.0200"}"#);
    bench.pass(10 * SECOND_NS);
    let events = bench.events();
    assert!(events.contains(&AccountEvent::Balance { exchange_index: 0, cash: Money::from_cents(1) }));
    assert!(events.contains(&AccountEvent::Balance { exchange_index: 2, cash: Money::from_cents(2) }));
    assert_eq!(end(&events), Some((1, true)));
}

#[test]
fn a_newer_question_of_the_same_kind_replaces_the_older() {
    let mut bench = Bench::running();
    bench.query(1, QueryKind::Compare, "");
    bench.answer();
    bench.query(2, QueryKind::Compare, "");
    bench.answer_all();
    let events = bench.events();
    assert_eq!(events[0], AccountEvent::ReadBegin { query: 2, kind: QueryKind::Compare });
    assert_eq!(end(&events), Some((2, true)));
    assert_eq!(bench.asked.iter().filter(|path| path.starts_with("/portfolio/balance")).count(), 2, "read anew");
}

#[test]
fn a_resolve_tells_the_orders_of_a_market_and_fills_not_told_before() {
    let mut bench = Bench::running();
    let order = format!(
        r#"{{"order_id":"{}","client_order_id":"kact-0000000000000001-00000002","ticker":"KXA-1-A","outcome_side":"yes","book_side":"bid","status":"canceled","yes_price_dollars":"0.4200","no_price_dollars":"0.5800","fill_count_fp":"3.00","remaining_count_fp":"7.00","initial_count_fp":"10.00","last_update_time":"1970-01-01T00:00:02Z"}}"#,
        uuid(900)
    );
    bench.body(
        "/portfolio/orders?ticker=KXA-1-A&min_ts=0&limit=1000",
        &format!(r#"{{"orders":[{order}],"cursor":""}}"#),
    );
    bench.body(
        "/portfolio/fills?ticker=KXA-1-A&min_ts=0&limit=1000",
        &format!(r#"{{"fills":[{}]}}"#, fill_body(4, "KXA-1-A")),
    );
    bench.query(3, QueryKind::Resolve, "KXA-1-A");
    bench.answer_all();
    let events = bench.events();
    assert!(matches!(events[1], AccountEvent::Fill(_)));
    let AccountEvent::Order(order) = events[2] else { panic!("{events:?}") };
    assert_eq!((order.filled, order.remaining, order.time_ms), (Count::from_contracts(3), Count::ZERO, 2_000));
    assert_eq!(end(&events), Some((3, true)));
}

#[test]
fn settlements_pay_the_result() {
    let mut bench = Bench::running();
    let settlement = |ticker: &str, result: &str, value: &str| {
        format!(
            r#"{{"ticker":"{ticker}","market_result":"{result}","yes_count_fp":"1.00","yes_total_cost_dollars":"0.4200","no_count_fp":"0.00","no_total_cost_dollars":"0.0000","revenue":100,"settled_time":"1970-01-01T00:00:09Z","fee_cost":"0.0100","value":{value}}}"#
        )
    };
    let list =
        [settlement("KXA-1-B", "scalar", "37"), settlement("KXA-1-A", "yes", "null"), settlement("KXOLD", "no", "0")];
    bench.body(
        "/portfolio/settlements?min_ts=0&limit=1000",
        &format!(r#"{{"settlements":[{}],"cursor":""}}"#, list.join(",")),
    );
    let told = market("KXA-1-B", "KXA-1", "1970-01-01T00:00:09Z", "finalized");
    let told = told.replacen('{', r#"{"settlement_value_dollars":"0.3725","#, 1);
    bench.body("/markets?tickers=KXA-1-B&limit=1000", &format!(r#"{{"markets":[{told}],"cursor":""}}"#));
    bench.query(4, QueryKind::Settlements, "");
    bench.answer_all();
    let values: Vec<_> = bench
        .events()
        .iter()
        .filter_map(
            |event| if let AccountEvent::Settlement { value, fee, .. } = event { Some((*value, *fee)) } else { None },
        )
        .collect();
    // The market gives a scalar result to the last digit, the settlement in whole cents.
    let scalar = Price::from_units(3_725).unwrap();
    assert_eq!(values, [(Price::ONE, Money::ZERO), (scalar, Money::ZERO)]);
}

#[test]
fn credentials_that_are_refused_are_told_with_what_the_exchange_says() {
    let mut bench = Bench::running();
    let path = "/trade-api/v2/portfolio/balance".to_owned();
    for (status, code, refusal) in [
        (401, "authentication_error", Refusal::Key),
        (401, "header_timestamp_expired", Refusal::Unclear),
        (403, "permission_denied", Refusal::Scope),
    ] {
        let body = format!(r#"{{"error":{{"code":"{code}","message":"no"}}}}"#);
        bench.bodies.insert(path.clone(), (status, body));
        bench.query(7, QueryKind::Compare, "KXA-1-A");
        bench.answer_all();
        assert!(bench.events().contains(&AccountEvent::Refused(refusal)), "{code}");
    }
    let lost = ConnectionLost { reason: "unauthorized".to_owned(), http_status: Some(401) };
    bench.stage.on_closed(bench.connection(), &lost, bench.now, &mut bench.port);
    assert!(bench.events().contains(&AccountEvent::Refused(Refusal::Unclear)));
}

#[test]
fn netting_and_markets_that_cannot_be_represented_are_refused_by_name() {
    let mut bench = Bench::two_markets();
    bench.body(
        "/portfolio/subaccounts/netting",
        r#"{"netting_configs":[{"subaccount_number":0,"enabled":true,"exchange_index":0}]}"#,
    );
    bench.body("/series/KXA", r#"{"series":{"ticker":"KXA","fee_type":"flat","fee_multiplier":1}}"#);
    bench.start();
    bench.query(1, QueryKind::Rebuild, "");
    bench.answer_all();
    assert!(bench.events().contains(&AccountEvent::Unsupported(Unsupported::Netting)));
    assert!(bench.port.listings.is_empty());
    assert!(bench.stage.problems().iter().any(|problem| problem.contains("KXA-1-A") && problem.contains("`flat`")));
    assert_eq!(bench.stage.counters().refused_markets, 2);
}

#[test]
fn a_series_is_followed_from_market_to_market() {
    let mut bench = Bench::new(DirectoryConfig {
        tickers: Vec::new(),
        series: Some("KXA".to_owned()),
        count: None,
        max_markets: 4,
        maker_multipliers_e4: BTreeMap::new(),
    });
    let path = "/markets?series_ticker=KXA&status=open&limit=1000";
    let first = market("KXA-1-A", "KXA-1", "1970-01-01T00:00:20Z", "active");
    let third = market("KXA-1-C", "KXA-1", "1970-01-01T01:00:00Z", "active");
    bench.body(path, &format!(r#"{{"markets":[{first}]}}"#));
    bench.start();
    // Each appears once, although they are read again periodically.
    let names = |bench: &Bench| {
        let mut names: Vec<_> = bench.port.listings.iter().map(|listing| listing.ticker.to_string()).collect();
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(names(&bench), ["KXA-1-A"]);
    bench.pass(15 * SECOND_NS);
    bench.stage.on_ping(bench.connection(), bench.now);
    bench.pass(15 * SECOND_NS);
    assert_eq!(names(&bench), ["KXA-1-A"], "nothing has opened yet");
    bench.stage.on_ping(bench.connection(), bench.now);
    let second = market("KXA-1-B", "KXA-1", "1970-01-01T00:30:00Z", "active");
    bench.body(path, &format!(r#"{{"markets":[{third},{second}]}}"#));
    bench.body("/markets?tickers=KXA-1-A,KXA-1-B&limit=1000", &format!(r#"{{"markets":[{first},{second}]}}"#));
    bench.pass(16 * SECOND_NS);
    assert_eq!(names(&bench), ["KXA-1-A", "KXA-1-B"], "the one that closes next");
    bench.events();
    bench.query(9, QueryKind::Successor, "KXA-1-A");
    bench.answer_all();
    assert_eq!(end(&bench.events()), Some((9, true)));
    assert_eq!(names(&bench).len(), 2, "its successor was found before");
    bench.query(10, QueryKind::Successor, "KXA-1-B");
    bench.answer_all();
    assert_eq!(names(&bench), ["KXA-1-A", "KXA-1-B", "KXA-1-C"], "{:?}", bench.asked);
    assert_eq!(end(&bench.events()), Some((10, true)));
}

#[test]
fn silence_and_refused_subscriptions_lead_to_a_new_connection() {
    let mut bench = Bench::running();
    bench.pass(26 * SECOND_NS);
    assert_eq!(bench.stage.counters().silences, 1);
    assert_eq!(bench.events(), [AccountEvent::Stream { up: false }]);
    let connection = bench.connection();
    bench.stage.on_opened(connection, bench.now, &mut bench.port);
    bench.frame(r#"{"type":"error","msg":{"code":9,"msg":"Authentication required"}}"#);
    assert_eq!(bench.port.closed.last(), Some(&connection));
    bench.pass(2 * SECOND_NS);
    assert!(bench.connection() > connection);
    let old = fill_frame(8, "KXA-1-A");
    bench.stage.on_frame(connection, old.as_bytes(), 0, bench.now, &mut bench.port);
    assert!(bench.events().is_empty());
    assert_eq!(bench.stage.counters().frames_of_old_connections, 1);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_stage_panic(
        frame in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80),
        cut in 0usize..300,
        status in proptest::prelude::any::<u16>(),
    ) {
        let mut bench = Bench::running();
        let connection = bench.connection();
        let whole = fill_frame(1, "KXA-1-A").into_bytes();
        for bytes in [&frame[..], &whole[..cut.min(whole.len())]] {
            bench.stage.on_frame(connection, bytes, 0, bench.now, &mut bench.port);
        }
        bench.query(1, QueryKind::Compare, "");
        for _ in 0..3 {
            if let Some((request, _)) = bench.port.requests.pop_front() {
                bench.stage.on_answer(request, status, &frame, 0, bench.now, &mut bench.port);
            }
        }
        bench.pass(SECOND_NS);
    }
}

fn status(active: bool) -> String {
    format!(
        r#"{{"exchange_active":true,"trading_active":{active},"exchange_index_statuses":[{{"exchange_index":2,"exchange_active":true,"trading_active":{active}}}]}}"#
    )
}

#[test]
fn whatever_the_start_read_later_readings_lift() {
    let mut bench = Bench::two_markets();
    let far = "1970-01-02T00:00:00Z";
    let markets = |a: &str, b: &str| format!(r#"{{"markets":[{a},{b}],"cursor":""}}"#);
    let path = "/markets?tickers=KXA-1-A,KXA-1-B&limit=1000";
    bench.body("/exchange/status", &status(false));
    bench.body(
        path,
        &markets(&market("KXA-1-A", "KXA-1", far, "initialized"), &market("KXA-1-B", "KXA-1", far, "inactive")),
    );
    bench.start();
    assert!(bench.events().contains(&AccountEvent::Trading { exchange_index: 2, active: false }));
    assert_eq!(bench.port.listings.drain(..).map(|m| m.phase).collect::<Vec<_>>(), [Phase::Listed, Phase::Paused]);

    bench.body("/exchange/status", &status(true));
    let soon = market("KXA-1-B", "KXA-1", "1970-01-01T00:10:00Z", "active");
    bench.body(path, &markets(&market("KXA-1-A", "KXA-1", far, "active"), &soon));
    bench.pass(6 * SECOND_NS);
    assert_eq!(bench.events(), [AccountEvent::Trading { exchange_index: 2, active: true }]);
    let read: Vec<_> = bench.port.listings.drain(..).map(|m| (m.phase, m.close_time_ms, m.age_ms)).collect();
    assert_eq!(read, [(Phase::Open, 86_400_000, 1_000), (Phase::Open, 600_000, 1_000)], "an earlier close is told");

    // Sent again although nothing changed, since a frame may have been lost in between.
    bench.pass(5 * SECOND_NS);
    assert_eq!((bench.events(), bench.port.listings.len()), (vec![], 2));
}

#[test]
fn a_status_that_cannot_be_read_keeps_no_market_from_being_read() {
    let mut bench = Bench::running();
    bench.port.listings.clear();
    bench.bodies.insert("/trade-api/v2/exchange/status".to_owned(), (500, "{}".to_owned()));
    bench.pass(6 * SECOND_NS);
    assert_eq!((bench.port.listings.len(), bench.stage.counters().failed_requests), (2, 1));
    bench.body("/exchange/status", &status(false));
    bench.pass(5 * SECOND_NS);
    assert_eq!(bench.events(), [AccountEvent::Trading { exchange_index: 2, active: false }]);
}

#[test]
fn a_market_that_comes_later_and_one_whose_fees_come_later_are_traded_then() {
    let mut bench = Bench::two_markets();
    let far = "1970-01-02T00:00:00Z";
    let (a, b) = (market("KXA-1-A", "KXA-1", far, "active"), market("KXA-1-B", "KXA-1", far, "active"));
    bench.body("/markets?tickers=KXA-1-A,KXA-1-B&limit=1000", &format!(r#"{{"markets":[{a}]}}"#));
    let series = bench.bodies.remove("/trade-api/v2/series/KXA").unwrap();
    bench.start();
    assert!(bench.port.listings.is_empty(), "without its fees no market is traded");
    bench.bodies.insert("/trade-api/v2/series/KXA".to_owned(), series);
    bench.pass(6 * SECOND_NS);
    let names = |bench: &mut Bench| bench.port.listings.drain(..).map(|m| m.ticker.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&mut bench), ["KXA-1-A"]);
    bench.body("/markets?tickers=KXA-1-B&limit=1000", &format!(r#"{{"markets":[{b}]}}"#));
    bench.body("/markets?tickers=KXA-1-A&limit=1000", &format!(r#"{{"markets":[{a}]}}"#));
    bench.pass(5 * SECOND_NS);
    assert!(names(&mut bench).contains(&"KXA-1-B".to_owned()));
    assert!(bench.stage.listing(bench.stage.key("KXA-1-B").unwrap()).unwrap().traded);
}
