//! Subaccounts over REST: opened, funded, traded from, and kept separate.

use super::*;

const SUBACCOUNTS: &str = "/trade-api/v2/portfolio/subaccounts";

fn transfer(id: u32, from: u32, to: u32, cents: i64) -> String {
    let id = format!("00000000-0000-4000-8000-{id:012}");
    format!(r#"{{"client_transfer_id":"{id}","from_subaccount":{from},"to_subaccount":{to},"amount_cents":{cents}}}"#)
}

/// A venue in which the first client has $100 in its subaccount 1.
fn funded() -> Venue {
    let mut venue = Venue::immediate();
    let opened = venue.call(0, "POST", SUBACCOUNTS, "");
    assert_eq!((opened.status, opened.text.as_str()), (201, r#"{"subaccount_number":1}"#));
    let moved = venue.call(0, "POST", &format!("{SUBACCOUNTS}/transfer"), &transfer(1, 0, 1, 10_000));
    assert_eq!((moved.status, moved.text.as_str()), (200, "{}"));
    venue
}

#[test]
fn a_transfer_moves_cash_once_and_is_listed() {
    let mut venue = funded();
    let call = format!("{SUBACCOUNTS}/transfer");
    assert_eq!(venue.call(0, "POST", &call, &transfer(1, 0, 1, 10_000)).status, 200, "the same id moves nothing");
    assert_eq!(
        venue.refused(0, "POST", &call, &transfer(2, 0, 1, 1_000_000)),
        (400, "insufficient_balance".to_owned())
    );
    assert_eq!(venue.refused(0, "POST", &call, &transfer(3, 0, 9, 1)), (404, "user_not_found".to_owned()));
    for nonsense in [transfer(4, 0, 1, 0), transfer(5, 1, 1, 1), transfer(6, 0, 1, i64::MIN), transfer(7, 0, 64, 1)] {
        assert_eq!(venue.refused(0, "POST", &call, &nonsense), (400, "invalid_parameters".to_owned()), "{nonsense}");
    }
    let balances = venue.get(0, &format!("{SUBACCOUNTS}/balances"));
    let told: Vec<_> = balances["subaccount_balances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|b| {
            (
                b["subaccount_number"].as_u64().unwrap(),
                b["exchange_index"].as_u64().unwrap(),
                b["balance"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(told, [(0, 0, "900.0000"), (0, 2, "1000.0000"), (1, 0, "100.0000")]);
    let made = venue.get(0, &format!("{SUBACCOUNTS}/transfers"));
    assert_eq!((made["transfers"].as_array().unwrap().len(), &made["cursor"]), (1, &"".into()));
    assert_eq!(
        (&made["transfers"][0]["amount_cents"], &made["transfers"][0]["to_subaccount"]),
        (&10_000.into(), &1.into())
    );
    let balance = venue.get(0, "/trade-api/v2/portfolio/balance?subaccount=1");
    assert_eq!((&balance["balance"], &balance["balance_dollars"]), (&10_000.into(), &"100.0000".into()));
    assert_eq!(venue.get(0, "/trade-api/v2/portfolio/balance")["balance_dollars"], "1900.0000");
    assert_eq!(
        venue.refused(0, "GET", "/trade-api/v2/portfolio/balance?subaccount=2", ""),
        (404, "user_not_found".to_owned())
    );
}

#[test]
fn the_basic_tier_has_no_subaccounts_and_netting_stays_off() {
    let settings = GatewaySettings { order_latency_ms: 0, tier: Tier::Basic, ..GatewaySettings::default() };
    let mut venue = Venue::new(settings);
    assert_eq!(venue.call(0, "POST", SUBACCOUNTS, "").status, 403);
    let netting = |enabled| format!(r#"{{"subaccount_number":0,"enabled":{enabled}}}"#);
    assert_eq!(venue.call(0, "PUT", &format!("{SUBACCOUNTS}/netting"), &netting(false)).status, 200);
    assert_eq!(venue.call(0, "PUT", &format!("{SUBACCOUNTS}/netting"), &netting(true)).status, 400);
    assert_eq!(venue.get(0, &format!("{SUBACCOUNTS}/netting"))["netting_configs"][0]["enabled"], false);
}

#[test]
fn orders_fills_positions_and_payments_are_read_by_subaccount() {
    let mut venue = funded();
    venue.open(0, 7);
    let channels = r#"["fill","user_orders","market_positions"]"#;
    venue.command(7, &format!(r#"{{"id":1,"cmd":"subscribe","params":{{"channels":{channels}}}}}"#));
    let order_id = venue.placed(0, &with(&order(CENTS, "bid", "5.00", "0.4000"), r#""subaccount":1"#));
    venue.placed(1, &order(CENTS, "ask", "2.00", "0.4000"));
    let numbers: Vec<_> = venue
        .frames(7)
        .iter()
        .map(|f| {
            (
                f["type"].as_str().unwrap().to_owned(),
                f["msg"]["subaccount"].as_u64().or(f["msg"]["subaccount_number"].as_u64()),
            )
        })
        .collect();
    let expected = ["user_order", "fill", "market_position", "user_order"].map(|kind| (kind.to_owned(), Some(1)));
    assert_eq!(numbers, expected);
    let mut count = |list: &str, key: &str, query: &str| {
        venue.get(0, &format!("/trade-api/v2/portfolio/{list}{query}"))[key].as_array().unwrap().len()
    };
    for (list, key) in [("orders", "orders"), ("fills", "fills")] {
        assert_eq!(
            [count(list, key, ""), count(list, key, "?subaccount=0"), count(list, key, "?subaccount=1")],
            [1, 0, 1]
        );
    }
    let positions = |query| ("positions", "market_positions", query);
    for ((list, key, query), held) in
        [(positions(""), 0), (positions("?subaccount=1"), 1), (positions("?subaccount=2"), 0)]
    {
        assert_eq!(count(list, key, query), held, "omitted means the primary subaccount");
    }
    assert_eq!(venue.call(0, "DELETE", &format!("{ORDERS}/{order_id}"), "").status, 404, "subaccount 0 is assumed");
    assert_eq!(venue.call(0, "DELETE", ORDERS, "").status, 204, "omitted means all");
    let shown = venue.get(0, &format!("/trade-api/v2/portfolio/orders/{order_id}"));
    assert_eq!((&shown["order"]["status"], &shown["order"]["subaccount_number"]), (&"canceled".into(), &1.into()));
    let now = venue.now;
    venue.exchange.command(now, |engine, now_ms| {
        let market = engine.market_by_ticker(CENTS).unwrap();
        engine.determine(market, crate::market::Price::ONE, now_ms);
    });
    venue.pass(3_600_000);
    let paid = |venue: &mut Venue, query: &str| {
        venue.get(0, &format!("/trade-api/v2/portfolio/settlements{query}"))["settlements"].as_array().unwrap().len()
    };
    assert_eq!((paid(&mut venue, ""), paid(&mut venue, "?subaccount=0"), paid(&mut venue, "?subaccount=1")), (1, 0, 1));
    let balance = venue.get(0, "/trade-api/v2/portfolio/balance?subaccount=1");
    assert_eq!(balance["balance_dollars"], "101.2000", "100 less 0.80, and 2.00 paid");
}

#[test]
fn the_level_that_an_order_makes_names_its_subaccount_to_its_owner() {
    let mut venue = funded();
    for (client, session) in [(0, 7), (1, 8)] {
        venue.open(client, session);
        let books = format!(
            r#"{{"id":1,"cmd":"subscribe","params":{{"channels":["orderbook_delta"],"market_ticker":"{CENTS}"}}}}"#
        );
        venue.command(session, &books);
    }
    venue.placed(0, &with(&order(CENTS, "bid", "5.00", "0.4000"), r#""subaccount":1"#));
    assert_eq!(venue.frames(7)[0]["msg"]["subaccount"], 1);
    assert_eq!(venue.frames(8)[0]["msg"].get("subaccount"), None);
}
