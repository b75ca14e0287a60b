//! Tests of lists with some unusable elements, and of lists that never end.

use std::collections::BTreeMap;

use super::DirectoryConfig;
use super::testing::{Bench, SECOND_NS, fill_body, fill_frame, market, uuid};
use crate::market::{Count, Money, OrderStatus, Price};
use crate::messages::{AccountEvent, OrderReport, Phase, QueryKind, Unread};

const OURS: &str = "kact-0000000000000001-00000002";
const RESTING: &str = "/portfolio/orders?status=resting&limit=1000";
const POSITIONS: &str = "/portfolio/positions?count_filter=position&limit=1000";
const MARKETS: &str = "/markets?tickers=KXA-1-A,KXA-1-B&limit=1000";
const FAR: &str = "1970-01-02T00:00:00Z";

fn order(number: u32, client: &str, ticker: &str) -> String {
    format!(
        r#"{{"order_id":"{}","client_order_id":"{client}","ticker":"{ticker}","outcome_side":"yes","book_side":"bid","status":"resting","yes_price_dollars":"0.4200","fill_count_fp":"3.00","remaining_count_fp":"7.00","initial_count_fp":"10.00","last_update_time":"1970-01-01T00:00:02Z"}}"#,
        uuid(number)
    )
}

fn list(key: &str, elements: &[String], cursor: &str) -> String {
    format!(r#"{{"{key}":[{}],"cursor":"{cursor}"}}"#, elements.join(","))
}

fn orders(events: &[AccountEvent]) -> Vec<OrderReport> {
    events.iter().filter_map(|event| if let AccountEvent::Order(order) = event { Some(*order) } else { None }).collect()
}

fn unread(events: &[AccountEvent]) -> Vec<(u16, Unread)> {
    let unread = events.iter().filter_map(|event| match event {
        AccountEvent::Unusable { market, what } => Some((market.index, *what)),
        _ => None,
    });
    unread.collect()
}

fn complete(events: &[AccountEvent]) -> bool {
    match events.last() {
        Some(AccountEvent::ReadEnd { complete, .. }) => *complete,
        other => panic!("the end of a read, not {other:?}"),
    }
}

/// A comparison with these resting orders.
fn compare(bench: &mut Bench, elements: &[String]) -> Vec<AccountEvent> {
    bench.body(RESTING, &list("orders", elements, ""));
    bench.query(1, QueryKind::Compare, "");
    bench.answer_all();
    bench.events()
}

fn named(bench: &Bench, words: &str) -> bool {
    bench.stage.problems().iter().any(|problem| problem.contains(words))
}

#[test]
fn orders_of_others_with_new_words_and_gaps_are_named_and_ours_are_told() {
    let mut bench = Bench::running();
    let theirs = order(3, "someone", "KXA-1-A");
    let elements = [
        theirs.replace("\"resting\"", "\"parked\""),
        theirs.replace("\"status\"", "\"self_trade_prevention_type\":\"both\",\"status\""),
        theirs.replace(&format!("\"{}\"", uuid(3)), "7"),
        theirs.replace("\"0.4200\"", "null"),
        order(4, OURS, "KXA-1-A").replace('{', "{\"user_id\":null,\"cancel_order_on_pause\":null,\"new\":{},"),
        theirs.replace("\"bid\"", "\"mid\"").replace("\"yes\"", "\"both\""),
    ];
    let events = compare(&mut bench, &elements);
    let told: Vec<_> = orders(&events).iter().map(|order| order.order.to_string()).collect();
    assert_eq!(told, [uuid(3), uuid(3), uuid(4)], "two need nothing that is strange in them");
    assert!(complete(&events) && unread(&events).is_empty(), "{events:?}");
    assert_eq!(bench.stage.counters().unusable, 3);
    assert!(named(&bench, "order of KXA-1-A (number 3 of its list) cannot be used"), "{:?}", bench.stage.problems());
    assert!(named(&bench, &format!("order {} of KXA-1-A (number 4 of its list)", uuid(3))));
    assert!(named(&bench, "neither `book_side` nor `outcome_side`"));
}

#[test]
fn an_order_of_ours_that_cannot_be_used_concerns_its_market_and_without_one_the_whole_reading() {
    let mut bench = Bench::running();
    let broken = order(4, OURS, "KXA-1-B").replace("\"0.4200\"", "\"4.2000\"");
    let events = compare(&mut bench, &[broken.clone(), order(5, OURS, "KXA-1-A")]);
    assert_eq!((orders(&events).len(), unread(&events), complete(&events)), (1, vec![(1, Unread::Order)], true));
    let events = compare(&mut bench, &[broken.replace("\"KXA-1-B\"", "[]")]);
    assert!(!complete(&events) && unread(&events).is_empty());
    let events = compare(&mut bench, &["null".to_owned(), order(5, OURS, "KXA-1-A")]);
    assert!(!complete(&events), "what is no object might have been anything");
    assert_eq!(orders(&events).len(), 1);
}

#[test]
fn what_a_status_without_a_known_word_means_follows_from_the_rest() {
    let mut bench = Bench::running();
    let strange = order(4, OURS, "KXA-1-A").replace("\"resting\"", "\"parked\"");
    let events = compare(&mut bench, std::slice::from_ref(&strange));
    assert_eq!(orders(&events)[0].status, OrderStatus::Resting, "only resting ones were asked for");
    let mut resolve = |element: &str| {
        bench.body("/portfolio/orders?ticker=KXA-1-A&min_ts=0&limit=1000", &list("orders", &[element.to_owned()], ""));
        bench.body("/portfolio/fills?ticker=KXA-1-A&min_ts=0&limit=1000", &list("fills", &[], ""));
        bench.query(2, QueryKind::Resolve, "KXA-1-A");
        bench.answer_all();
        let events = bench.events();
        (orders(&events).first().map(|order| order.status), complete(&events))
    };
    let ended = strange.replace("\"7.00\"", "\"0.00\"");
    assert_eq!(resolve(&ended), (Some(OrderStatus::Canceled), true));
    assert_eq!(resolve(&ended.replace("\"3.00\"", "\"10.00\"")), (Some(OrderStatus::Executed), true));
    assert_eq!(resolve(&strange), (None, false), "it may rest or not");
    assert!(named(&bench, "`status`: expected"));
}

#[test]
fn a_fill_that_cannot_be_used_is_a_hole_unless_it_was_delivered_before() {
    let mut bench = Bench::running();
    let strange = |number: u32| fill_body(number, "KXA-1-B").replace("\"fee_cost\":\"0.010000\"", "\"fee_cost\":{}");
    let timeless = fill_body(8, "KXA-1-A").replace("created_time", "created");
    bench.frame(&fill_frame(6, "KXA-1-B"));
    bench.events();
    let path = "/portfolio/fills?min_ts=0&limit=1000";
    bench.body(path, &list("fills", &[fill_body(7, "KXA-1-A"), strange(6)], ""));
    bench.query(1, QueryKind::Rebuild, "");
    bench.pass(5 * SECOND_NS);
    let events = bench.events();
    assert!(matches!(events[0], AccountEvent::Fill(_)), "the other fill is delivered: {events:?}");
    assert!(complete(&events) && unread(&events).is_empty(), "{events:?}");

    bench.body(path, &list("fills", &[strange(9), timeless], ""));
    bench.query(2, QueryKind::Rebuild, "");
    bench.answer_all();
    let events = bench.events();
    assert_eq!((unread(&events), complete(&events)), (vec![(1, Unread::Fill), (0, Unread::Fill)], true));
    assert!(named(&bench, &format!("fill {} of KXA-1-B", uuid(9))) && named(&bench, "`created_time` nor `ts`"));
}

#[test]
fn positions_need_their_count_and_cost_and_nothing_else() {
    let mut bench = Bench::running();
    let position = |ticker: &str, rest: &str| format!(r#"{{"ticker":"{ticker}",{rest}}}"#);
    let elements = [
        position("KXA-1-A", r#""position_fp":"3.00","market_exposure_dollars":"1.2600","realized_pnl_dollars":null"#),
        position("KXOTHER-1", r#""position_fp":"0.00","market_exposure_dollars":null"#),
        position("KXA-1-B", r#""position_fp":"2.00","market_exposure_dollars":"?""#),
    ];
    bench.body(POSITIONS, &list("market_positions", &elements, ""));
    let events = compare(&mut bench, &[]);
    let told = events.iter().find_map(|event| match event {
        AccountEvent::Position { position, cost, .. } => Some((*position, *cost)),
        _ => None,
    });
    assert_eq!(told, Some((Count::from_contracts(3), Money::from_micros(1_260_000))));
    assert_eq!((unread(&events), complete(&events)), (vec![(1, Unread::Position)], true));
}

#[test]
fn markets_that_cannot_be_traded_are_named_and_the_others_are() {
    let mut bench = Bench::two_markets();
    let (a, b) = (market("KXA-1-A", "KXA-1", FAR, "active"), market("KXA-1-B", "KXA-1", FAR, "active"));
    for (strange, phase, words) in [
        (b.replace("\"active\"", "\"frozen\""), Some(Phase::Paused), "its status is not known; it counts as paused"),
        (b.replace("price_ranges", "ranges"), None, "market KXA-1-B refused: `price_ranges`"),
        (b.replace("close_time", "closes"), None, "market KXA-1-B refused: `close_time`"),
        (b.replace(":2,", ":-1,"), None, "market of KXA-1-B (number 3 of its list) cannot be used"),
        (b.replace("open_time", "opens").replace("event_ticker", "event"), Some(Phase::Open), ""),
    ] {
        bench = Bench::two_markets();
        bench.body(MARKETS, &list("markets", &[a.clone(), "{}".to_owned(), strange], ""));
        bench.start();
        let phases: Vec<_> =
            bench.port.listings.iter().map(|listing| (listing.ticker.to_string(), listing.phase)).collect();
        let mut expected = vec![("KXA-1-A".to_owned(), Phase::Open)];
        expected.extend(phase.map(|phase| ("KXA-1-B".to_owned(), phase)));
        assert_eq!(phases, expected, "{words}");
        assert!(named(&bench, words), "{words}: {:?}", bench.stage.problems());
        assert!(named(&bench, "market (number 2 of its list) cannot be used: missing field `ticker`"));
    }
    drop(bench);
}

#[test]
fn when_markets_are_chosen_here_those_that_cannot_be_traded_do_not_count() {
    let maker_multipliers_e4 = BTreeMap::new();
    let directory =
        DirectoryConfig { tickers: Vec::new(), series: None, count: Some(1), max_markets: 8, maker_multipliers_e4 };
    let mut bench = Bench::new(directory);
    let (a, b) = (market("KXA-1-A", "KXA-1", FAR, "active"), market("KXA-1-B", "KXA-1", FAR, "active"));
    let path = "/markets?status=open&mve_filter=exclude&limit=1000";
    bench.body(path, &list("markets", &[a.replace("price_ranges", "ranges")], "x"));
    bench.body(&format!("{path}&cursor=x"), &list("markets", &[b], ""));
    bench.start();
    assert_eq!(bench.port.listings.len(), 1);
    assert_eq!(bench.port.listings[0].ticker.as_str(), "KXA-1-B");
    assert!(named(&bench, "market KXA-1-A cannot be traded: `price_ranges`"));
}

#[test]
fn terms_that_are_not_understood_refuse_their_own_markets_alone() {
    let (a, b) = (market("KXA-1-A", "KXA-1", FAR, "active"), market("KXA-1-B", "KXB-1", FAR, "active"));
    for (event, series, words) in [
        (
            r#"{"event_ticker":"KXB-1","series_ticker":"KXB","fee_multiplier_override":"0.5"}"#,
            "1",
            "fee multiplier \"0.5\"",
        ),
        (r#"{"event_ticker":"KXB-1","series_ticker":"KXB","fee_type_override":["flat"]}"#, "1", "fee type"),
        (r#"{"event_ticker":"KXB-1","series_ticker":"KXB","mutually_exclusive":null}"#, "null", "fee multiplier null"),
        (r#"{"event_ticker":"KXB-1","series_ticker":"KXB","title":null,"markets":[{"status":7}]}"#, "1", ""),
        (r#"{"event_ticker":"KXB-1","sub_title":5}"#, "1", ""),
    ] {
        let mut bench = Bench::two_markets();
        bench.body(MARKETS, &list("markets", &[a.clone(), b.clone()], ""));
        let known = r#"{"event_ticker":"KXA-1","series_ticker":"KXA"}"#.to_owned();
        let listed = list("events", &[known, "null".to_owned(), event.to_owned()], "");
        bench.body("/events?tickers=KXA-1,KXB-1&limit=200", &listed);
        let terms = r#"{"series":{"ticker":"KXB","fee_type":"quadratic","fee_multiplier":MULTIPLIER,"tags":"x"}}"#;
        bench.body("/series/KXB", &terms.replace("MULTIPLIER", series));
        bench.start();
        let traded = if words.is_empty() { 2 } else { 1 };
        assert_eq!(bench.port.listings.len(), traded, "{event}: {:?}", bench.stage.problems());
        assert!(named(&bench, words) && named(&bench, "event (number 2 of its list)"), "{:?}", bench.stage.problems());
    }
}

#[test]
fn a_balance_that_cannot_be_used_is_asked_for_by_itself() {
    let mut bench = Bench::running();
    let balances = r#"{"balance_dollars":"100.0000","balance_breakdown":[{"exchange_index":0,"balance":"40.0000"},{"exchange_index":2,"balance":60}]}"#;
    bench.body("/portfolio/balance", balances);
    bench.body("/portfolio/balance?exchange_index=2", r#"{"balance":"new","balance_dollars":"60.0000"}"#);
    let events = compare(&mut bench, &[]);
    for (exchange_index, cash) in [(0, 40), (2, 60)] {
        assert!(
            events.contains(&AccountEvent::Balance { exchange_index, cash: Money::from_dollars(cash) }),
            "{events:?}"
        );
    }
    assert!(complete(&events) && named(&bench, "balance of a shard (number 2 of its list)"));
}

#[test]
fn what_the_start_reads_needs_little_and_a_shard_that_says_nothing_is_paused() {
    let mut bench = Bench::two_markets();
    bench.body(
        "/exchange/status",
        r#"{"exchange_active":true,"exchange_index_statuses":[{"exchange_index":2,"exchange_active":true,"trading_active":true,"description":null},{"exchange_index":1,"exchange_active":true,"trading_active":"partly"},{"exchange_index":"all"}]}"#,
    );
    bench.body("/account/limits", r#"{"read":"many","grants":{},"write":{"refill_rate":100,"bucket_capacity":100}}"#);
    bench.body(
        "/account/endpoint_costs",
        r#"{"default_cost":10,"endpoint_costs":[{"method":"DELETE","path":"/trade-api/v2/portfolio/events/orders/batched","cost":2},{"method":"POST"},7]}"#,
    );
    bench.start();
    let events = bench.events();
    for (exchange_index, active) in [(2, true), (1, false)] {
        assert!(events.contains(&AccountEvent::Trading { exchange_index, active }), "{events:?}");
    }
    assert!(events.contains(&AccountEvent::WriteCosts { create: 10, amend: 10, cancel: 2 }));
    assert_eq!(bench.port.listings.len(), 2);
    assert!(named(&bench, "shard 1 counts as paused") && named(&bench, "cost of a call (number 2"));
}

#[test]
fn a_settlement_with_a_new_word_pays_what_the_market_tells_and_another_is_left_alone() {
    let mut bench = Bench::running();
    let paid = r#"{"ticker":"KXA-1-A","market_result":"void","revenue":null,"settled_time":null,"value":null}"#;
    let unknown = r#"{"ticker":"KXA-1-B","market_result":null,"value":null}"#;
    let elements = [paid.to_owned(), r#"{"market_result":"yes"}"#.to_owned(), unknown.to_owned()];
    bench.body("/portfolio/settlements?min_ts=0&limit=1000", &list("settlements", &elements, ""));
    let told =
        market("KXA-1-A", "KXA-1", FAR, "finalized").replacen('{', r#"{"settlement_value_dollars":"0.5000","#, 1);
    bench.body(MARKETS, &list("markets", &[told], ""));
    bench.query(4, QueryKind::Settlements, "");
    bench.answer_all();
    let events = bench.events();
    let key = bench.stage.key("KXA-1-A").unwrap();
    let expected = AccountEvent::Settlement { market: key, value: Price::from_cents(50), fee: Money::ZERO };
    assert!(events.contains(&expected) && complete(&events), "{events:?}");
    assert!(named(&bench, "settlement of KXA-1-B: expected a value"));
    assert!(named(&bench, "settlement (number 2 of its list)"));
}

#[test]
fn a_cursor_that_comes_again_ends_with_its_name() {
    let mut bench = Bench::running();
    bench.body(&format!("{RESTING}&cursor=again"), &list("orders", &[], "again"));
    bench.body(RESTING, &list("orders", &[order(4, OURS, "KXA-1-A")], "again"));
    bench.query(1, QueryKind::Compare, "");
    bench.answer_all();
    bench.pass(20 * SECOND_NS);
    assert!(!complete(&bench.events()));
    let words = "GET /trade-api/v2/portfolio/orders?status=resting&limit=1000&cursor=again: the list does not end: the same cursor";
    assert!(named(&bench, words), "{:?}", bench.stage.problems());
    assert!(bench.asked.iter().filter(|path| path.ends_with("cursor=again")).count() <= 4);

    let mut bench = Bench::two_markets();
    let (a, b) = (market("KXA-1-A", "KXA-1", FAR, "active"), market("KXA-1-B", "KXA-1", FAR, "active"));
    bench.body(MARKETS, &list("markets", &[a], "x"));
    bench.body(&format!("{MARKETS}&cursor=x"), &list("markets", &[b], "x"));
    bench.start();
    assert_eq!(bench.port.listings.len(), 2, "the markets that were read are traded");
    assert!(named(&bench, "/markets?tickers=KXA-1-A,KXA-1-B&limit=1000&cursor=x: the list does not end"));
}

#[test]
fn a_list_without_end_ends_with_its_name_however_often_it_is_asked_for() {
    let mut bench = Bench::running();
    for page in 0..1_100 {
        let cursor = if page == 0 { String::new() } else { format!("&cursor=p{page}") };
        bench.body(&format!("{RESTING}{cursor}"), &list("orders", &[], &format!("p{}", page + 1)));
    }
    bench.query(1, QueryKind::Compare, "");
    for _ in 0..40 {
        bench.answer();
    }
    bench.query(2, QueryKind::Compare, "");
    assert!(named(&bench, "not at its end after"), "{:?}", bench.stage.problems());
    bench.answer_all();
    assert!(
        named(&bench, "cursor=p1001: the list does not end: 1000 pages have been read"),
        "{:?}",
        bench.stage.problems()
    );
}
