//! Public listings: events, series, market filters, books and trades; and the errors for invalid queries.

use super::*;

const API: &str = "/trade-api/v2";

fn tickers(page: &Value, list: &str, key: &str) -> Vec<String> {
    page[list].as_array().unwrap().iter().map(|entry| entry[key].as_str().unwrap().to_owned()).collect()
}

impl Venue {
    fn ask(&mut self, rest: &str) -> Value {
        let answer = self.anonymous("GET", &format!("{API}{rest}"));
        assert_eq!(answer.status, 200, "{rest}: {}", answer.text);
        answer.json()
    }

    fn bad_request(&mut self, rest: &str) -> Value {
        let answer = self.anonymous("GET", &format!("{API}{rest}"));
        assert_eq!(answer.status, 400, "{rest}: {}", answer.text);
        answer.json()
    }

    fn trade(&mut self, ticker: &str, price: &str) {
        self.create(0, &order(ticker, "bid", "1.00", price));
        self.create(1, &order(ticker, "ask", "1.00", price));
    }
}

#[test]
fn the_schedule_is_open_all_week_since_no_calendar_pauses_this_exchange() {
    let schedule = Venue::immediate().ask("/exchange/schedule");
    let week = &schedule["schedule"]["standard_hours"][0];
    assert_eq!(week["thursday"].to_string(), r#"[{"close_time":"00:00","open_time":"00:00"}]"#);
    assert_eq!(schedule["schedule"]["maintenance_windows"], Value::Array(Vec::new()));
}

#[test]
fn events_are_listed_newest_first_with_their_markets_when_asked_for() {
    let mut venue = Venue::immediate();
    let page = venue.ask("/events?limit=1&with_nested_markets=true");
    assert_eq!(tickers(&page, "events", "event_ticker"), ["KXSIMTAPER-0001"]);
    assert_eq!(page["events"][0]["markets"][0]["ticker"], TAPER);
    let rest = venue.ask(&format!("/events?cursor={}", page["cursor"].as_str().unwrap()));
    assert_eq!(tickers(&rest, "events", "event_ticker"), ["KXSIMCENT-0001"]);
    assert_eq!((&rest["cursor"], rest["events"][0].get("markets")), (&"".into(), None));
    assert_eq!(tickers(&venue.ask("/events?series_ticker=KXSIMCENT"), "events", "event_ticker"), ["KXSIMCENT-0001"]);
    assert_eq!(venue.ask("/events?tickers=KXNONE,KXSIMTAPER-0001")["events"].as_array().unwrap().len(), 1);
    assert_eq!(venue.ask("/events?status=open")["events"].as_array().unwrap().len(), 2);
    assert_eq!(venue.ask("/events?status=settled")["events"].as_array().unwrap().len(), 0);
    let after_all = START_MS / 1_000 + 10_000_000_000;
    assert_eq!(venue.ask(&format!("/events?min_close_ts={after_all}"))["events"].as_array().unwrap().len(), 0);
    assert_eq!(venue.ask("/events?with_milestones=true")["milestones"], Value::Array(Vec::new()));
    assert_eq!(venue.ask("/events/multivariate")["events"], Value::Array(Vec::new()));
    assert_eq!(venue.ask("/events/fee_changes").to_string(), r#"{"cursor":"","event_fee_changes":[]}"#);
}

#[test]
fn one_event_has_its_markets_beside_it_in_it_or_not_at_all() {
    let mut venue = Venue::immediate();
    let beside = venue.ask("/events/KXSIMCENT-0001");
    assert_eq!((&beside["markets"][0]["ticker"], beside["event"].get("markets")), (&CENTS.into(), None));
    let inside = venue.ask("/events/KXSIMCENT-0001?with_nested_markets=true");
    assert_eq!(inside["event"]["markets"][0]["ticker"], CENTS);
    let without = venue.ask("/events/KXSIMCENT-0001?exclude_markets=true");
    assert_eq!(without["markets"], Value::Array(Vec::new()));
    venue.bad_request("/events/KXSIMCENT-0001?exclude_markets=true&with_nested_markets=1");
    let metadata = venue.ask("/events/KXSIMCENT-0001/metadata");
    assert_eq!(metadata["market_details"][0]["market_ticker"], CENTS);
    assert_eq!(venue.anonymous("GET", &format!("{API}/events/KXNONE")).status, 404);
}

#[test]
fn series_are_listed_at_once_and_tell_their_volume_when_asked() {
    let mut venue = Venue::immediate();
    venue.trade(CENTS, "0.40");
    let all = venue.ask("/series?include_volume=true&category=Simulation");
    assert_eq!(tickers(&all, "series", "ticker"), ["KXSIMTAPER", "KXSIMCENT"]);
    assert_eq!(all["series"][1]["volume_fp"], "1.00");
    assert_eq!(venue.ask("/series?category=Sports")["series"], Value::Array(Vec::new()));
    assert!(venue.ask("/series/KXSIMCENT")["series"].get("volume_fp").is_none());
    assert_eq!(venue.ask("/series/fee_changes?show_historical=true").to_string(), r#"{"series_fee_change_arr":[]}"#);
}

#[test]
fn markets_are_filtered_by_one_kind_of_time_that_goes_with_their_status() {
    let mut venue = Venue::immediate();
    let now = venue.now;
    venue.exchange.command(now, |engine, now_ms| {
        let market = engine.market_by_ticker(TAPER).unwrap();
        engine.determine(market, crate::market::Price::ONE, now_ms);
    });
    venue.pass(100_000);
    let now_s = venue.now.session_ms / 1_000;
    let settled = venue.ask(&format!("/markets?status=settled&min_settled_ts={}", now_s - 100));
    assert_eq!(tickers(&settled, "markets", "ticker"), [TAPER]);
    assert_eq!(
        (&settled["markets"][0]["result"], &settled["markets"][0]["status"]),
        (&"yes".into(), &"finalized".into())
    );
    assert!(settled["markets"][0]["settlement_ts"].is_string());
    assert_eq!(venue.ask(&format!("/markets?min_settled_ts={now_s}"))["markets"], Value::Array(Vec::new()));
    let changed = venue.ask(&format!("/markets?min_updated_ts={}&mve_filter=exclude", START_MS / 1_000));
    assert_eq!(tickers(&changed, "markets", "ticker"), [TAPER], "the other has been as it is since before");
    let newer = venue.ask(&format!("/markets?status=open&min_created_ts={}", START_MS / 1_000 + 1));
    assert_eq!(newer["markets"], Value::Array(Vec::new()));
    assert_eq!(venue.ask("/markets?mve_filter=only")["markets"], Value::Array(Vec::new()));
    venue.bad_request("/markets?min_close_ts=1&min_created_ts=1");
    venue.bad_request("/markets?min_settled_ts=1&status=open");
    venue.bad_request("/markets?min_updated_ts=1&event_ticker=KXSIMCENT-0001");
}

#[test]
fn an_invalid_filter_gets_the_captured_error() {
    let mut venue = Venue::immediate();
    let mut refused = |rest: &str| {
        let answer = venue.anonymous("GET", &format!("{API}{rest}"));
        (answer.status, answer.text)
    };
    let bad_request = |details: &str| {
        (400, format!(r#"{{"error":{{"code":"bad_request","message":"bad request","details":"{details}"}}}}"#))
    };
    for word in ["finalized", "active", "all", "determined"] {
        assert_eq!(refused(&format!("/markets?status={word}")), bad_request("invalid status filter"), "{word}");
    }
    assert_eq!(refused("/markets?status=open,closed"), bad_request("only one status filter may be supplied"));
    let bare = (400, r#"{"error":{"code":"bad_request","message":"bad request"}}"#.to_owned());
    assert_eq!(refused("/events?status=all"), bare);
    // What passes validation and is rejected by the handler has the same shape of error.
    for rest in ["/markets?min_close_ts=1&min_created_ts=1", "/markets?min_settled_ts=1&status=open"] {
        let (status, text) = refused(rest);
        assert_eq!(status, 400);
        assert!(text.starts_with(r#"{"error":{"code":"bad_request","message":"bad request","details":""#), "{text}");
    }
}

#[test]
fn several_books_come_in_the_order_of_the_request() {
    let mut venue = Venue::immediate();
    venue.create(0, &order(CENTS, "bid", "1.50", "0.4000"));
    let books = venue.ask(&format!("/markets/orderbooks?tickers={TAPER}&tickers={CENTS}&tickers=KXNONE"));
    assert_eq!(tickers(&books, "orderbooks", "ticker"), [TAPER, CENTS]);
    assert_eq!(
        books["orderbooks"][1]["orderbook_fp"].to_string(),
        r#"{"no_dollars":[],"yes_dollars":[["0.4000","1.50"]]}"#
    );
    assert_eq!(venue.bad_request("/markets/orderbooks")["msg"], "Query argument tickers is required, but not found");
    venue.bad_request(&format!("/markets/orderbooks?{}", "tickers=A&".repeat(101)));
}

#[test]
fn trades_of_all_markets_are_merged_newest_first_and_new_ones_do_not_move_a_page() {
    let mut venue = Venue::immediate();
    let mut expected = Vec::new();
    for step in 0..12 {
        let ticker = if step % 3 == 0 { TAPER } else { CENTS };
        venue.trade(ticker, "0.40");
        // Some are in the same millisecond.
        venue.pass(i64::from(step % 4 == 0));
    }
    let all = venue.ask("/markets/trades");
    expected.extend(tickers(&all, "trades", "trade_id"));
    assert_eq!(expected.len(), 12);
    let times = tickers(&all, "trades", "created_time");
    let times: Vec<jiff::Timestamp> = times.iter().map(|time| time.parse().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = venue.ask(&format!("/markets/trades?limit=5&cursor={cursor}"));
        pages.extend(tickers(&page, "trades", "trade_id"));
        venue.trade(CENTS, "0.40");
        page["cursor"].as_str().unwrap().clone_into(&mut cursor);
        if cursor.is_empty() {
            break;
        }
    }
    assert_eq!(pages, expected);
    assert_eq!(venue.ask("/markets/trades?is_block_trade=true")["trades"], Value::Array(Vec::new()));
    assert_eq!(venue.ask(&format!("/markets/trades?ticker={TAPER}"))["trades"].as_array().unwrap().len(), 4);
    assert_eq!(
        venue.ask(&format!("/markets/trades?max_ts={}", START_MS / 1_000 - 1))["trades"],
        Value::Array(Vec::new())
    );
}

#[test]
fn unknown_pages_and_dead_writes_need_no_signature() {
    let mut venue = Venue::immediate();
    for (method, path) in
        [("GET", "/nowhere"), ("GET", ORDERS), ("PUT", "/trade-api/v2/markets"), ("GET", "/trade-api/v2/")]
    {
        let answer = venue.anonymous(method, path);
        assert_eq!((answer.status, answer.text.as_str()), (404, "404 page not found"), "{method} {path}");
    }
    let answer = venue.anonymous("POST", "/trade-api/v2/portfolio/orders");
    assert_eq!(answer.status, 410);
    assert_eq!(answer.json()["error"]["code"], "deprecated_v1_order_endpoint");
    assert_eq!(answer.json()["error"]["message"], "Please switch to the V2 endpoints");
    let unsigned = venue.anonymous("GET", "/trade-api/v2/portfolio/fills");
    assert_eq!(unsigned.status, 401);
    assert_eq!(
        unsigned.text,
        r#"{"error":{"code":"token_authentication_failure","message":"token authentication failure"}}"#
    );
}

#[test]
fn queue_positions_and_resting_value_are_those_of_the_callers_own_orders() {
    let tier = Tier::Unlimited;
    let settings = GatewaySettings { order_latency_ms: 0, read_lag_ms: 0, tier, ..GatewaySettings::default() };
    let mut venue = Venue::new(GatewaySettings { clearing_member: true, ..settings.clone() });
    venue.create(1, &order(CENTS, "bid", "5.00", "0.4000"));
    venue.create(0, &order(CENTS, "bid", "2.00", "0.4000"));
    venue.create(0, &order(TAPER, "ask", "1.00", "0.7000"));
    let positions = venue.get(0, "/trade-api/v2/portfolio/orders/queue_positions");
    assert_eq!(tickers(&positions, "queue_positions", "market_ticker"), [CENTS, TAPER]);
    assert_eq!(tickers(&positions, "queue_positions", "queue_position_fp"), ["5.00", "0.00"]);
    let of_one = venue.get(0, "/trade-api/v2/portfolio/orders/queue_positions?event_ticker=KXSIMCENT-0001");
    let id = of_one["queue_positions"][0]["order_id"].as_str().unwrap().to_owned();
    let one = venue.get(0, &format!("/trade-api/v2/portfolio/orders/{id}/queue_position"));
    assert_eq!(one["queue_position_fp"], "5.00");
    assert_eq!(
        venue.get(0, "/trade-api/v2/portfolio/orders/queue_positions?subaccount=1")["queue_positions"],
        Value::Array(Vec::new())
    );
    venue.call(0, "DELETE", &format!("{ORDERS}/{id}"), "");
    let rest = venue.get(0, "/trade-api/v2/portfolio/orders/queue_positions");
    assert_eq!(tickers(&rest, "queue_positions", "market_ticker"), [TAPER], "an ended order has left its queue");
    venue.create(0, &order(CENTS, "bid", "2.00", "0.4000"));
    let value = venue.get(0, "/trade-api/v2/portfolio/summary/total_resting_order_value");
    assert_eq!(value["total_resting_order_value"], 110);
    assert_eq!(value["resting_order_value_breakdown"][2]["balance"], "0.3000");
    for path in ["/trade-api/v2/portfolio/orders/x", "/trade-api/v2/portfolio/orders/x/queue_position"] {
        let answer = venue.call(0, "GET", path, "");
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &"invalid_UUID".into()), "{path}");
    }
    let mut other = Venue::new(settings);
    let answer = other.call(0, "GET", "/trade-api/v2/portfolio/summary/total_resting_order_value", "");
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (403, &"permission_denied".into()));
}

#[test]
fn positions_are_paged_by_market_and_settled_ones_by_event() {
    let mut venue = Venue::immediate();
    for ticker in [CENTS, TAPER] {
        venue.trade(ticker, "0.40");
    }
    let path = "/trade-api/v2/portfolio/positions";
    let first = venue.get(0, &format!("{path}?limit=1"));
    assert_eq!(tickers(&first, "market_positions", "ticker"), [CENTS]);
    let cursor = first["cursor"].as_str().unwrap().to_owned();
    let second = venue.get(0, &format!("{path}?limit=1&cursor={cursor}"));
    assert_eq!(
        (tickers(&second, "market_positions", "ticker"), &second["cursor"]),
        (vec![TAPER.to_owned()], &"".into())
    );
    let now = venue.now;
    venue.exchange.command(now, |engine, now_ms| {
        let market = engine.market_by_ticker(CENTS).unwrap();
        engine.determine(market, crate::market::Price::ZERO, now_ms);
    });
    venue.pass(60_001);
    assert_eq!(tickers(&venue.get(0, path), "market_positions", "ticker"), [TAPER]);
    let settled = venue.get(0, &format!("{path}?settlement_status=settled"));
    assert_eq!(tickers(&settled, "market_positions", "ticker"), [CENTS]);
    assert_eq!(settled["market_positions"][0]["realized_pnl_dollars"], "-0.400000");
    assert_eq!(settled["event_positions"][0]["total_cost_dollars"], "0.400000");
    let all = venue.get(0, &format!("{path}?settlement_status=all&limit=1"));
    assert_eq!(tickers(&all, "event_positions", "event_ticker"), ["KXSIMCENT-0001"]);
    let foreign = venue.get(0, &format!("{path}?settlement_status=all&cursor={cursor}"));
    assert_eq!(foreign["market_positions"].as_array().unwrap().len(), 2, "the cursor of another status is garbage");
    let held = venue.get(0, &format!("{path}?settlement_status=all&count_filter=position"));
    assert_eq!(tickers(&held, "market_positions", "ticker"), [TAPER]);
    assert_eq!(venue.call(0, "GET", &format!("{path}?count_filter=luck"), "").status, 400);
    assert_eq!(venue.call(0, "GET", &format!("{path}?exchange_index=-1"), "").status, 400);
}
