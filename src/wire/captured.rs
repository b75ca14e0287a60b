//! Captured REST bodies against the structs that read them. The folder is named by `KALSHI_REAL_DATA`, default
//! `../shared/data/real`; without it the test skips.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::account::{FillsPage, OrderBody, OrdersPage, PositionsPage, SettlementsPage};
use super::error::ErrorBody;
use super::markets::{
    AccountLimits, Balance, EndpointCosts, ExchangeStatus, MarketBody, MarketsPage, OrderBookBody, TradesPage,
};
use super::orders::answer::parse_created;
use super::orders::{CanceledOrder, CreateOrder, CreatedOrder, ORDERS_PATH};

fn read<T: DeserializeOwned>(name: &str, body: &[u8]) {
    if let Err(error) = serde_json::from_slice::<T>(body) {
        panic!("{name}: {error}");
    }
}

#[test]
fn captured_rest_bodies_are_read() {
    let root = std::env::var_os("KALSHI_REAL_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/real"), PathBuf::from);
    let folder = root.join("rest_ws_demo_2026-06");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no {}", folder.display());
        return;
    };
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
        (_, ["portfolio", "orders", ..]) if name == "portfolio__orders_list" => read::<OrdersPage>(name, body),
        (_, ["portfolio", "orders", ..]) => read::<OrderBody>(name, body),
        ("GET", ["portfolio", "balance"]) => read::<Balance>(name, body),
        ("GET", ["portfolio", "fills"]) => read::<FillsPage>(name, body),
        ("GET", ["portfolio", "positions"]) => read::<PositionsPage>(name, body),
        ("GET", ["portfolio", "settlements"]) => read::<SettlementsPage>(name, body),
        ("GET", ["exchange", "status"]) => read::<ExchangeStatus>(name, body),
        ("GET", ["account", "limits"]) => read::<AccountLimits>(name, body),
        ("GET", ["account", "endpoint_costs"]) => read::<EndpointCosts>(name, body),
        ("GET", ["markets"]) => read::<MarketsPage>(name, body),
        ("GET", ["markets", "trades"]) => read::<TradesPage>(name, body),
        ("GET", ["markets", _]) => read::<MarketBody>(name, body),
        ("GET", ["markets", _, "orderbook"]) => read::<OrderBookBody>(name, body),
        _ => assert_eq!(name, "series__fee_changes", "a body that nobody here reads"),
    }
}
