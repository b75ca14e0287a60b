//! Captured REST bodies, parsed by the structs of this module. The environment variable `KALSHI_REAL_DATA` names their folder,
//! by default `../shared/data/real`; without the folder the tests skip.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::account::{Cancelable, Fill, MarketPosition, Order, OrderBody, Settlement};
use super::elements::{Element, Page, read_page};
use super::error::ErrorBody;
use super::events::{Event, SeriesBody};
use super::markets::{
    AccountLimits, Balance, EndpointCost, EndpointCosts, ExchangeStatus, Market, MarketBody, OrderBookBody, TradesPage,
};
use super::order_groups::OrderGroup;
use super::orders::answer::parse_created;
use super::orders::{CanceledOrder, CreateOrder, CreatedOrder, ORDERS_PATH};

fn read<T: DeserializeOwned>(name: &str, body: &[u8]) {
    if let Err(error) = serde_json::from_slice::<T>(body) {
        panic!("{name}: {error}");
    }
}

/// Checks that every element of a captured list is usable.
fn list<T: Element>(name: &str, body: &[u8]) {
    let page: Page<T> = read_page(body).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert!(page.unusable.is_empty(), "{name}: {}", page.unusable[0]);
}

/// The number of usable elements of a list, and of unusable ones.
fn counts<T: Element>(body: &[u8]) -> (usize, usize) {
    let page: Page<T> = read_page(body).unwrap();
    (page.elements.len(), page.unusable.len())
}

/// A folder of real data, if it exists.
fn folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("KALSHI_REAL_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/real"), PathBuf::from);
    let folder = root.join(name);
    let found = folder.is_dir();
    if !found {
        println!("skipped: no {}", folder.display());
    }
    found.then_some(folder)
}

/// Bodies from January 2026, with integer cents beside dollars and without a direction. All of them are parsed as lists, and
/// unusable elements are reported one by one. For cancelling, every order is usable.
#[test]
fn lists_of_an_older_version_are_parsed_element_by_element() {
    let Some(folder) = folder("rest_golden_2026-01") else { return };
    let body = |name: &str| {
        let text = std::fs::read(folder.join(format!("{name}.json"))).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&text).unwrap();
        value["response"].to_string().into_bytes()
    };
    let orders = body("portfolio_orders_response");
    let (cancelable, unusable) = counts::<Cancelable>(&orders);
    assert!(cancelable > 0 && unusable == 0, "{cancelable} and {unusable}");
    assert_eq!(counts::<Order>(&orders), (0, cancelable), "none says its side");
    assert!(counts::<Fill>(&body("portfolio_fills_response")).1 > 0);
    assert!(counts::<MarketPosition>(&body("portfolio_positions_response")).1 > 0);
    assert_eq!(counts::<Settlement>(&body("portfolio_settlements_response")), (1, 0));
    assert_eq!(counts::<OrderGroup>(&body("order_groups_list_response")), (1, 0));
    for (name, (usable, unusable)) in [
        ("markets", counts::<Market>(&body("markets_list_response"))),
        ("events", counts::<Event>(&body("events_list_response"))),
    ] {
        assert!(usable > 0 && unusable == 0, "{name}: {usable} and {unusable}");
    }
    read::<SeriesBody>("series", &body("series_single_response"));
    read::<ExchangeStatus>("status", &body("exchange_status_response"));
}

/// Orders and fills as sent by production in July 2026.
#[test]
fn real_orders_and_fills_are_all_usable() {
    let Some(folder) = folder("orders_prod_crypto15m_2026-07") else { return };
    let body = |name: &str, key: &str| {
        let text = zstd::decode_all(std::fs::File::open(folder.join(name)).unwrap()).unwrap();
        let lines: Vec<_> = std::str::from_utf8(&text).unwrap().lines().collect();
        format!(r#"{{"{key}":[{}],"cursor":""}}"#, lines.join(",")).into_bytes()
    };
    let (orders, fills) = (body("orders.jsonl.zst", "orders"), body("fills.jsonl.zst", "fills"));
    list::<Order>("orders", &orders);
    list::<Cancelable>("orders", &orders);
    list::<Fill>("fills", &fills);
    assert!(read_page::<Order>(&orders).unwrap().elements.len() > 1_000);
}

#[test]
fn captured_rest_bodies_are_read() {
    let Some(folder) = folder("rest_ws_demo_2026-06") else { return };
    let entries = std::fs::read_dir(&folder).unwrap();
    let mut count = 0;
    for entry in entries {
        let path = entry.unwrap().path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".meta.json")) else { continue };
        let meta: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let Some(status) = meta["status"].as_u64() else { continue };
        let body = std::fs::read(folder.join(format!("{name}.json"))).unwrap();
        let target = meta["path"].as_str().unwrap();
        let path = target.split('?').next().unwrap();
        check(name, u16::try_from(status).unwrap(), meta["method"].as_str().unwrap(), path, &body);
        if path == ORDERS_PATH && status == 201 {
            let request = serde_json::to_vec(&meta["request_body"]).unwrap();
            serde_json::from_slice::<CreateOrder<'_>>(&request).unwrap();
        }
        count += 1;
    }
    assert!(count > 50, "{count} bodies");
}

fn check(name: &str, status: u16, method: &str, path: &str, body: &[u8]) {
    if status >= 400 {
        let error = ErrorBody::parse(status, body);
        assert!(!error.message.is_empty() && !error.message.starts_with("HTTP"), "{name}: {error:?}");
        return;
    }
    let parts: Vec<&str> = path.trim_start_matches("/trade-api/v2/").split('/').collect();
    match (method, &parts[..]) {
        ("POST", ["portfolio", "events", "orders"]) => {
            let created: CreatedOrder = serde_json::from_slice(body).unwrap();
            let answer = parse_created(body).unwrap();
            assert_eq!(answer.order.to_string(), created.order_id);
            assert_eq!((answer.filled, answer.remaining), (created.fill_count, created.remaining_count));
            assert_eq!(answer.average_price, created.average_fill_price.map(|price| price.0));
            assert_eq!(answer.average_fee, created.average_fee_paid.map(|fee| fee.0));
            assert_eq!(answer.ts_ms, created.ts_ms);
        }
        ("DELETE", ["portfolio", "events", "orders", _]) => read::<CanceledOrder>(name, body),
        (_, ["portfolio", "orders", ..]) if name == "portfolio__orders_list" => list::<Order>(name, body),
        (_, ["portfolio", "orders", ..]) => read::<OrderBody>(name, body),
        ("GET", ["portfolio", "balance"]) => read::<Balance>(name, body),
        ("GET", ["portfolio", "fills"]) => list::<Fill>(name, body),
        ("GET", ["portfolio", "positions"]) => list::<MarketPosition>(name, body),
        ("GET", ["portfolio", "settlements"]) => list::<Settlement>(name, body),
        ("GET", ["exchange", "status"]) => read::<ExchangeStatus>(name, body),
        ("GET", ["account", "limits"]) => read::<AccountLimits>(name, body),
        ("GET", ["account", "endpoint_costs"]) => {
            read::<EndpointCosts>(name, body);
            list::<EndpointCost>(name, body);
        }
        ("GET", ["markets"]) => list::<Market>(name, body),
        ("GET", ["markets", "trades"]) => read::<TradesPage>(name, body),
        ("GET", ["markets", _]) => read::<MarketBody>(name, body),
        ("GET", ["markets", _, "orderbook"]) => read::<OrderBookBody>(name, body),
        _ => assert_eq!(name, "series__fee_changes", "a body that nothing here parses"),
    }
}
