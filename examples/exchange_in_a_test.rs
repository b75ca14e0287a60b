//! An exchange in a test of your own client: it runs on a thread behind a loopback socket, with its keys in memory, and
//! is returned at the end for assertions. It needs no account, no network and no files.
//!
//! In the tests of your crate: `kalshi-actor = { path = "...", default-features = false, features = ["exchange"] }`,
//! and `serde_json`.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use kalshi_actor::exchange::gateway::GatewaySettings;
use kalshi_actor::exchange::scenario::Scenario;
use kalshi_actor::exchange::{Exchange, RunningExchange};
use kalshi_actor::market::{BookSide, Count, Price};
use serde_json::{Value, json};

/// Takes the place of the client under test: sends one signed request and reads the answer.
fn call(exchange: &RunningExchange, method: &str, path: &str, body: &str) -> Result<Value, Box<dyn Error>> {
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let signed = exchange.accounts[0].credentials()?.headers(now_ms, method, path)?;
    let headers = signed.map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let (host, length) = (exchange.addr, body.len());
    let mut stream = TcpStream::connect(host)?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("an answer without a body")?;
    Ok(serde_json::from_str(body)?)
}

/// An order rests in the public book.
fn an_order_rests_on_the_book() -> Result<(), Box<dyn Error>> {
    // Two markets without other participants, and no delays.
    let exchange = Exchange::builder()
        .scenario_of(Scenario::default(), 2)
        .quiet(true)
        .settings(GatewaySettings { order_latency_ms: 0, read_lag_ms: 0, ..GatewaySettings::default() })
        .start()?;

    let markets = call(&exchange, "GET", "/trade-api/v2/markets", "")?;
    let ticker = markets["markets"][0]["ticker"].as_str().ok_or("a market without a ticker")?.to_owned();
    let order = json!({
        "ticker": ticker, "side": "bid", "price": "0.4000", "count": "3.00",
        "time_in_force": "good_till_canceled", "self_trade_prevention_type": "taker_at_cross",
    });
    let placed = call(&exchange, "POST", "/trade-api/v2/portfolio/events/orders", &order.to_string())?;
    assert_eq!(placed["remaining_count"], "3.00", "{placed}");

    let book = call(&exchange, "GET", &format!("/trade-api/v2/markets/{ticker}/orderbook"), "")?;
    assert_eq!(book["orderbook_fp"]["yes_dollars"], json!([["0.4000", "3.00"]]), "{book}");

    // The exchange itself in its final state.
    let ended = exchange.stop()?;
    let engine = ended.engine();
    let market = engine.market_by_ticker(&ticker).ok_or("the market is there")?;
    assert_eq!(engine.best(market, BookSide::Bid), Some((Price::from_cents(40), Count::from_contracts(3))));
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    an_order_rests_on_the_book()
}

#[test]
fn the_example_does_what_it_says() -> Result<(), Box<dyn Error>> {
    main()
}
