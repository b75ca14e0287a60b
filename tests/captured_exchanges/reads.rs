//! Single reads: public trades of June 2026, the limits of a basic account, and answers of January 2026 whose requests
//! are known only by name.

use kalshi_actor::exchange::gateway::Tier;
use kalshi_actor::market::{BookSide, Count, Money, Price};
use serde_json::{Value, json};

use crate::changes::{ADDED_SINCE_JUNE, REMOVED_SINCE_JANUARY, REMOVED_SINCE_JUNE};
use crate::compare::{Depth, Excuses, compare};
use crate::market::{plain_market, text, time_ms};
use crate::venue::{ORDERS, Signing, Venue, Who};
use crate::{captures, read_json};

const API: &str = "/trade-api/v2";
/// Any time would do, since these answers do not depend on it.
const START_MS: i64 = 1_781_000_000_000;

#[test]
fn public_trades_read_like_the_captured_ones() {
    let Some(folder) = captures("rest_ws_demo_2026-06") else { return };
    let facts = read_json(&folder.join("trades__public_recorded.meta.json"));
    let captured = read_json(&folder.join("trades__public_recorded.json"));
    let trades = captured["trades"].as_array().unwrap();
    let ticker = text(&trades[0], "ticker");
    let begin_ms = time_ms(trades.last().unwrap(), "created_time") - 10_000;
    let mut venue = Venue::new(Tier::Unlimited, Money::from_dollars(10_000), begin_ms);
    venue.act(begin_ms, |engine, now_ms| engine.list_market(plain_market(ticker, now_ms), now_ms).unwrap());
    // One more trade before them, since the capture has a next page.
    let older = std::iter::once(trades.last().unwrap());
    for (number, trade) in older.chain(trades.iter().rev()).enumerate() {
        let at_ms = begin_ms + i64::try_from(number).unwrap() * 500;
        let price = Price::parse(text(trade, "yes_price_dollars")).unwrap();
        let count = Count::parse(text(trade, "count_fp")).unwrap();
        let taker = text(trade, "taker_book_side");
        let maker = if taker == "bid" { BookSide::Ask } else { BookSide::Bid };
        venue.move_level(at_ms, ticker, maker, price, count);
        let body = json!({
            "ticker": ticker, "side": taker, "count": count, "price": price,
            "time_in_force": "immediate_or_cancel", "self_trade_prevention_type": "taker_at_cross",
        });
        let (status, _) = venue.request(at_ms + 200, Who::Recorder, "POST", ORDERS, &body.to_string(), Signing::At(0));
        assert_eq!(status, 201);
    }
    let at_ms = time_ms(&facts, "captured_at");
    let (status, ours) =
        venue.request(at_ms, Who::Recorder, text(&facts, "method"), text(&facts, "path"), "", Signing::Anonymous);
    assert_eq!(facts["status"], status);
    let mut excuses = Excuses::new("2026-06-15", REMOVED_SINCE_JUNE, ADDED_SINCE_JUNE, &[]);
    let mut differences = Vec::new();
    let ours: Value = serde_json::from_slice(&ours).unwrap();
    compare("trades", &captured, &ours, Depth::Values, &mut excuses, &mut differences);
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn a_basic_account_has_the_captured_limits_but_for_the_reads_that_wait() {
    let Some(folder) = captures("rest_ws_demo_2026-06") else { return };
    let captured = read_json(&folder.join("account__limits.json"));
    let mut venue = Venue::new(Tier::Basic, Money::from_dollars(1), START_MS);
    let path = format!("{API}/account/limits");
    let (_, ours) = venue.request(START_MS, Who::Recorder, "GET", &path, "", Signing::At(0));
    let ours: Value = serde_json::from_slice(&ours).unwrap();
    for part in ["usage_tier", "write", "grants"] {
        assert_eq!(ours[part], captured[part], "{part}");
    }
    assert_eq!(ours["read"]["refill_rate"], captured["read"]["refill_rate"]);
    // Since 2026-09 (rate limit page) the read bucket of the lower tiers holds three seconds' tokens; in June it held one.
    assert_eq!(captured["read"]["bucket_capacity"], 200);
    assert_eq!(ours["read"]["bucket_capacity"], 600);
}

/// A captured answer of January 2026, and our request for the same.
struct Read {
    file: &'static str,
    path: &'static str,
    status: u16,
}

const fn read(file: &'static str, path: &'static str) -> Read {
    Read { file, path, status: 200 }
}

/// `{market}`, `{event}`, `{series}` and `{order}` stand for ours.
const READS: &[Read] = &[
    read("exchange_schedule", "/exchange/schedule"),
    read("exchange_status", "/exchange/status"),
    read("user_data_timestamp", "/exchange/user_data_timestamp"),
    read("series_single", "/series/{series}"),
    read("series_list", "/series"),
    read("event_single", "/events/{event}"),
    read("events_list", "/events"),
    read("event_metadata", "/events/{event}/metadata"),
    read("order_queue_positions", "/portfolio/orders/queue_positions?market_tickers={market}"),
    read("order_queue_position", "/portfolio/orders/{order}/queue_position"),
    read("portfolio_settlements", "/portfolio/settlements"),
    read("portfolio_positions", "/portfolio/positions?settlement_status=all"),
    read("portfolio_fills", "/portfolio/fills"),
    read("portfolio_orders", "/portfolio/orders"),
    read("portfolio_order_single", "/portfolio/orders/{order}"),
    read("portfolio_balance", "/portfolio/balance"),
    read("trades_list", "/markets/trades"),
    Read { status: 403, ..read("portfolio_total_resting_order_value", "/portfolio/summary/total_resting_order_value") },
];

/// Removes what only the real exchange has, such as settlement sources, and the market objects, which `session` compares.
fn without_the_world(mut body: Value) -> Value {
    let fields = body.as_object_mut().unwrap();
    fields.retain(|key, _| !matches!(key.as_str(), "markets" | "settlement_sources"));
    body
}

#[test]
fn the_answers_of_january_are_in_ours() {
    let Some(folder) = captures("rest_golden_2026-01") else { return };
    let mut venue = Venue::new(Tier::Unlimited, Money::from_dollars(1_000), START_MS);
    for ticker in ["KXDONE-1-A", "KXOPEN-1-A"] {
        venue.act(START_MS, |engine, now_ms| engine.list_market(plain_market(ticker, now_ms), now_ms).unwrap());
        venue.move_level(START_MS + 100, ticker, BookSide::Ask, Price::from_cents(40), Count::from_contracts(1));
        let body = |price: &str| {
            json!({
                "ticker": ticker, "side": "bid", "count": "1.00", "price": price,
                "time_in_force": "good_till_canceled", "self_trade_prevention_type": "taker_at_cross",
            })
        };
        for price in ["0.4000", "0.3000"] {
            let body = body(price).to_string();
            venue.request(START_MS + 300, Who::Recorder, "POST", ORDERS, &body, Signing::At(0));
        }
    }
    venue.act(START_MS + 1_000, |engine, now_ms| {
        let market = engine.market_by_ticker("KXDONE-1-A").unwrap();
        engine.determine(market, Price::ONE, now_ms);
    });
    let resting = venue.exchange.engine().orders_of(venue.exchange.clients()[0]).next().unwrap().order.to_string();
    let names = [("{market}", "KXOPEN-1-A"), ("{event}", "KXOPEN-1"), ("{series}", "KXOPEN"), ("{order}", &resting)];
    let mut excuses = Excuses::new("2026-01-15", REMOVED_SINCE_JANUARY, &[], &[]);
    let mut differences = Vec::new();
    for (number, read) in READS.iter().enumerate() {
        let captured = read_json(&folder.join(format!("{}_response.json", read.file)));
        let path = names.iter().fold(read.path.to_owned(), |path, (name, own)| path.replace(name, own));
        let at_ms = START_MS + 120_000 + i64::try_from(number).unwrap() * 1_000;
        let (status, ours) = venue.request(at_ms, Who::Recorder, "GET", &format!("{API}{path}"), "", Signing::At(0));
        let ours: Value = serde_json::from_slice(&ours).unwrap();
        assert_eq!(status, read.status, "{path}: {ours}");
        let (captured, ours) = (without_the_world(captured["response"].clone()), without_the_world(ours));
        compare(read.file, &captured, &ours, Depth::Contained, &mut excuses, &mut differences);
    }
    assert!(differences.is_empty(), "{differences:#?}");
    let idle = excuses.idle();
    assert!(idle.is_empty(), "no difference needs {idle:?}");
}
