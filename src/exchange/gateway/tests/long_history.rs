//! An account with more orders than are kept in memory: reads show all of them.

use serde_json::Value;

use super::*;
use crate::exchange::engine::{Engine, NewOrder, Reject};
use crate::market::{BookSide, Count, OrderId, OrderStatus, Price, TimeInForce};
use crate::wire::orders::SelfTradePrevention;

/// More than the engine keeps, which in turn is more than reads keep in memory.
const ORDERS_PLACED: usize = 12_000;

fn new_order(account: u32, number: usize) -> NewOrder {
    NewOrder {
        account,
        market: 0,
        client_order_id: Some(format!("mine-{number}")),
        side: BookSide::Bid,
        count: Count::from_contracts(1),
        price: Price::from_cents(10),
        time_in_force: TimeInForce::GoodTillCanceled,
        self_trade_prevention: SelfTradePrevention::TakerAtCross,
        expiration_ms: None,
        post_only: false,
        reduce_only: false,
        cancel_on_pause: false,
        subaccount: 0,
        group: None,
    }
}

/// Places the orders, and cancels all but the first.
fn churn(engine: &mut Engine, account: u32, now_ms: i64) -> Vec<OrderId> {
    let place = |number| {
        let order = engine.create_order(&new_order(account, number), now_ms).unwrap().order;
        if number > 0 {
            engine.cancel_order(account, order, now_ms).unwrap();
        }
        order
    };
    (0..ORDERS_PLACED).map(place).collect()
}

/// Every entry of a list, page by page.
fn all(venue: &mut Venue, target: &str, list: &str) -> Vec<Value> {
    let (mut entries, mut cursor) = (Vec::new(), String::new());
    loop {
        let mut page = venue.get(0, &format!("/trade-api/v2{target}limit=1000&cursor={cursor}"));
        entries.append(page[list].as_array_mut().unwrap());
        page["cursor"].as_str().unwrap().clone_into(&mut cursor);
        if cursor.is_empty() {
            return entries;
        }
    }
}

#[test]
fn reads_show_every_order_however_many_have_ended() {
    let mut venue = Venue::immediate();
    let (account, now) = (venue.exchange.clients()[0], venue.now);
    let placed = venue.exchange.command(now, |engine, now_ms| churn(engine, account, now_ms));
    let names: Vec<String> = placed.iter().map(ToString::to_string).collect();

    let listed = all(&mut venue, "/portfolio/orders?", "orders");
    assert!(listed.iter().rev().map(|order| order["order_id"].as_str().unwrap()).eq(&names));
    let resting = all(&mut venue, "/portfolio/orders?status=resting&", "orders");
    assert_eq!(resting.len(), 1);
    assert_eq!(resting[0]["order_id"], names[0]);
    for (number, status) in [(0, "resting"), (1, "canceled"), (7_000, "canceled"), (ORDERS_PLACED - 1, "canceled")] {
        let body = venue.get(0, &format!("/trade-api/v2/portfolio/orders/{}", names[number]));
        assert_eq!(
            (&body["order"]["status"], &body["order"]["client_order_id"]),
            (&status.into(), &format!("mine-{number}").into())
        );
    }
    let (status, _) = venue.refused(0, "DELETE", &format!("{ORDERS}/{}", names[1]), "");
    assert_eq!(status, 404, "an order that has ended cannot be cancelled, remembered or not");
}

#[test]
fn the_engine_keeps_what_is_open_and_the_newest_of_the_rest_and_no_client_order_id_comes_twice() {
    let mut venue = Venue::immediate();
    let (account, now) = (venue.exchange.clients()[0], venue.now);
    let placed = venue.exchange.command(now, |engine, now_ms| churn(engine, account, now_ms));
    let engine = venue.exchange.engine();
    let kept = engine.orders_of(account).count();
    assert_eq!(kept, 10_001);
    assert_eq!(
        engine.orders_of(account).last().map(|order| (order.order, order.status)),
        Some((placed[0], OrderStatus::Resting))
    );
    assert!(engine.order(placed[1]).is_none() && engine.order(placed[ORDERS_PLACED - 1]).is_some());
    for number in [0, 1, ORDERS_PLACED / 2, ORDERS_PLACED - 1] {
        let again =
            venue.exchange.command(now, |engine, now_ms| engine.create_order(&new_order(account, number), now_ms));
        assert_eq!(again.unwrap_err(), Reject::DuplicateClientOrderId, "{number}");
    }
}

#[test]
fn reads_show_every_fill_however_many_there_are() {
    let mut venue = Venue::immediate();
    let (accounts, now) = ([venue.exchange.clients()[0], venue.exchange.clients()[1]], venue.now);
    venue.exchange.command(now, |engine, now_ms| {
        for (number, at_ms) in (0..5_000).zip(now_ms..) {
            // Alternating sides, so that the cash lasts.
            let [maker, taker] = if number % 2 == 0 { accounts } else { [accounts[1], accounts[0]] };
            engine.create_order(&new_order(maker, number), at_ms).unwrap();
            let ask = NewOrder { side: BookSide::Ask, ..new_order(taker, number) };
            engine.create_order(&ask, at_ms).unwrap();
        }
    });
    let fills = all(&mut venue, "/portfolio/fills?", "fills");
    assert_eq!(fills.len(), 5_000);
    let time = |fill: &Value| fill["created_time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(fills.is_sorted_by(|newer, older| time(newer) >= time(older)));
    let since = (START_MS + 2_000) / 1_000;
    let young = all(&mut venue, &format!("/portfolio/fills?min_ts={since}&"), "fills");
    assert_eq!(young.len(), 3_000);
}
