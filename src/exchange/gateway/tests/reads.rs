//! Reads over REST.

use super::*;

#[test]
fn reads_of_accounts_lag_behind_the_engine() {
    let mut venue = Venue::new(GatewaySettings { order_latency_ms: 0, read_lag_ms: 300, ..GatewaySettings::default() });
    let id = venue.create(0, &order(CENTS, "bid", "1.00", "0.4000")).json()["order_id"].as_str().unwrap().to_owned();
    let path = format!("/trade-api/v2/portfolio/orders/{id}");
    venue.pass(299);
    assert_eq!(venue.call(0, "GET", &path, "").status, 404);
    venue.pass(1);
    assert_eq!(venue.get(0, &path)["order"]["status"], "resting");
    venue.call(0, "DELETE", &format!("{ORDERS}/{id}"), "");
    assert_eq!(venue.get(0, &path)["order"]["status"], "resting", "the captured 360 ms");
    venue.pass(300);
    assert_eq!(venue.get(0, &path)["order"]["status"], "canceled");
}

#[test]
fn a_trade_shows_in_fills_positions_and_balance() {
    let mut venue = Venue::immediate();
    venue.create(0, &order(TAPER, "bid", "3.00", "0.4000"));
    venue.create(1, &order(TAPER, "ask", "2.00", "0.4000"));
    let fills = venue.get(0, &format!("/trade-api/v2/portfolio/fills?ticker={TAPER}"));
    let fill = &fills["fills"][0];
    assert_eq!(
        (&fill["count_fp"], &fill["is_taker"], &fill["exchange_index"]),
        (&"2.00".into(), &false.into(), &2.into())
    );
    assert!(fill.get("client_order_id").is_none());
    assert_eq!(fill["fill_id"], fill["trade_id"]);
    let positions = venue.get(1, "/trade-api/v2/portfolio/positions");
    assert_eq!(positions["market_positions"][0]["position_fp"], "-2.00");
    assert_eq!(positions["event_positions"][0]["total_cost_shares_fp"], "2.00");
    let balance = venue.get(0, "/trade-api/v2/portfolio/balance?exchange_index=2");
    assert_eq!((&balance["balance_dollars"], &balance["portfolio_value"]), (&"999.2000".into(), &80.into()));
    let breakdown: Vec<&Value> =
        balance["balance_breakdown"].as_array().unwrap().iter().map(|shard| &shard["balance"]).collect();
    assert_eq!(breakdown, ["1000.0000", "0.0000", "999.2000", "0.0000"], "every shard, whichever was asked for");
    assert_eq!(venue.get(0, "/trade-api/v2/portfolio/balance?exchange_index=1")["balance"], 0);
    assert_eq!(venue.call(0, "GET", "/trade-api/v2/portfolio/balance?exchange_index=4", "").status, 404);
}

#[test]
fn lists_are_newest_first_and_their_cursors_survive_new_entries() {
    let mut venue = Venue::immediate();
    for cents in 10..15 {
        venue.create(0, &order(CENTS, "bid", "1.00", &format!("0.{cents}")));
    }
    let path = "/trade-api/v2/portfolio/orders?limit=2";
    let first = venue.get(0, path);
    let prices = |page: &Value| -> Vec<String> {
        let orders = page["orders"].as_array().unwrap();
        orders.iter().map(|order| order["yes_price_dollars"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(prices(&first), ["0.1400", "0.1300"]);
    venue.create(0, &order(CENTS, "bid", "1.00", "0.2000"));
    let second = venue.get(0, &format!("{path}&cursor={}", first["cursor"].as_str().unwrap()));
    assert_eq!(prices(&second), ["0.1200", "0.1100"]);
    let third = venue.get(0, &format!("{path}&cursor={}", second["cursor"].as_str().unwrap()));
    assert_eq!((prices(&third), &third["cursor"]), (vec!["0.1000".to_owned()], &"".into()));
    assert_eq!(venue.call(0, "GET", "/trade-api/v2/portfolio/orders?limit=1001", "").status, 400);
}

#[test]
fn markets_are_found_by_their_filters_without_an_account() {
    let mut venue = Venue::immediate();
    let mut ask = |target: &str| venue.anonymous("GET", target);
    let all = ask("/trade-api/v2/markets?status=open&mve_filter=exclude").json();
    assert_eq!(all["markets"].as_array().unwrap().len(), 2);
    let one = ask(&format!("/trade-api/v2/markets?tickers={TAPER}")).json();
    assert_eq!(one["markets"][0]["exchange_index"], 2);
    assert_eq!(one["markets"][0]["price_ranges"].as_array().unwrap().len(), 3);
    assert_eq!(
        (&one["markets"][0]["yes_bid_dollars"], &one["markets"][0]["yes_ask_dollars"]),
        (&"0.0000".into(), &"1.0000".into())
    );
    assert_eq!(ask("/trade-api/v2/markets?series_ticker=KXSIMCENT").json()["markets"][0]["ticker"], CENTS);
    assert_eq!(ask("/trade-api/v2/markets?status=active").status, 400);
    assert_eq!(ask("/trade-api/v2/markets?limit=1001").status, 400);
    assert_eq!(ask("/trade-api/v2/markets?cursor=garbage").status, 200);
    assert_eq!(ask("/trade-api/v2/series/KXSIMCENT").json()["series"]["fee_multiplier"], 1);
    assert_eq!(ask("/trade-api/v2/events/KXSIMCENT-0001").json()["markets"][0]["ticker"], CENTS);
    assert_eq!(ask("/trade-api/v2/exchange/status").json()["exchange_index_statuses"][2]["trading_active"], true);
    assert_eq!(ask("/trade-api/v2/markets/KXNONE").status, 404);
    assert_eq!(ask("/trade-api/v2/portfolio/balance").status, 401);
}

#[test]
fn a_book_reads_as_ascending_bids_of_both_outcomes() {
    let mut venue = Venue::immediate();
    for (side, price) in [("bid", "0.4000"), ("bid", "0.4200"), ("ask", "0.4500")] {
        venue.create(0, &order(CENTS, side, "1.50", price));
    }
    let book = venue.get(0, &format!("/trade-api/v2/markets/{CENTS}/orderbook"));
    assert_eq!(
        book["orderbook_fp"].to_string(),
        r#"{"no_dollars":[["0.5500","1.50"]],"yes_dollars":[["0.4000","1.50"],["0.4200","1.50"]]}"#
    );
    let top = venue.get(0, &format!("/trade-api/v2/markets/{CENTS}/orderbook?depth=1"));
    assert_eq!(top["orderbook_fp"]["yes_dollars"].to_string(), r#"[["0.4200","1.50"]]"#);
    assert_eq!(venue.get(0, &format!("/trade-api/v2/markets/{CENTS}/orderbook?depth=-1")), book);
    assert_eq!(venue.call(0, "GET", &format!("/trade-api/v2/markets/{CENTS}/orderbook?depth=101"), "").status, 400);
}

#[test]
fn limits_and_costs_tell_what_the_buckets_do() {
    let mut venue = Venue::new(GatewaySettings { tier: Tier::Basic, ..GatewaySettings::default() });
    let limits = venue.get(0, "/trade-api/v2/account/limits");
    assert_eq!((&limits["usage_tier"], &limits["write"]["refill_rate"]), (&"basic".into(), &100.into()));
    assert_eq!(venue.get(0, "/trade-api/v2/account/endpoint_costs")["default_cost"], 10);
    assert_eq!(venue.get(0, "/trade-api/v2/portfolio/subaccounts/netting")["netting_configs"][0]["enabled"], false);
    venue.get(0, "/trade-api/v2/portfolio/balance");
    assert_eq!(venue.call(0, "GET", "/trade-api/v2/portfolio/balance", "").status, 429, "one a second, no burst");
}

#[test]
fn a_settlement_is_paid_listed_and_leaves_the_open_positions() {
    let mut venue = Venue::immediate();
    venue.create(0, &order(CENTS, "bid", "3.00", "0.4000"));
    venue.create(1, &order(CENTS, "ask", "3.00", "0.4000"));
    let now = venue.now;
    venue.exchange.command(now, |engine, now_ms| {
        let market = engine.market_by_ticker(CENTS).unwrap();
        engine.determine(market, crate::market::Price::ONE, now_ms);
    });
    venue.pass(60_001);
    let settlements = venue.get(0, "/trade-api/v2/portfolio/settlements");
    let paid = &settlements["settlements"][0];
    assert_eq!(
        (&paid["market_result"], &paid["revenue"], &paid["yes_count_fp"]),
        (&"yes".into(), &300.into(), &"3.00".into())
    );
    assert_eq!(paid["value"], 100);
    assert_eq!(venue.get(0, "/trade-api/v2/portfolio/positions")["market_positions"].as_array().unwrap().len(), 0);
    assert_eq!(venue.get(0, &format!("/trade-api/v2/markets/{CENTS}"))["market"]["status"], "finalized");
    assert_eq!(venue.get(0, "/trade-api/v2/portfolio/balance?exchange_index=0")["balance_dollars"], "1001.8000");
}
