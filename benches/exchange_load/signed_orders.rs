//! Orders that clients sign with Ed25519 and the exchange verifies, over a few persistent connections: first at the
//! target rate, then as fast as answers come.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use kalshi_actor::exchange::participants::default_world;
use kalshi_actor::wire::orders::ORDERS_PATH;
use serde_json::json;

use crate::Plan;
use crate::venue::{Venue, exchange_cpu};

/// The number of connections, each with a client that waits for an answer before its next order.
const CONNECTIONS: u32 = 4;

/// A market of the exchange.
#[derive(Clone)]
struct Place {
    ticker: String,
    exchange_index: u8,
}

/// The results of a client.
struct Seen {
    placed: u64,
    /// The statuses other than 201.
    refused: Vec<u16>,
    round_trip_us: Histogram<u64>,
}

/// The body of an order. Half of the orders rest far from the touch, the others take a contract from either side.
fn body(place: &Place, client: u32, number: u64) -> String {
    let (side, price, form) = match number % 4 {
        0 | 2 => ("bid", format!("0.0{}00", 1 + number / 4 % 5), "good_till_canceled"),
        1 => ("bid", "0.9900".to_owned(), "immediate_or_cancel"),
        _ => ("ask", "0.0100".to_owned(), "immediate_or_cancel"),
    };
    json!({
        "ticker": place.ticker, "exchange_index": place.exchange_index, "side": side, "price": price, "count": "1.00",
        "time_in_force": form, "self_trade_prevention_type": "maker",
        "client_order_id": format!("load-{client}-{number}"),
    })
    .to_string()
}

/// Reads an answer and returns its status. Bytes of the next answer stay in the buffer.
fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> u16 {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut response = httparse::Response::new(&mut headers);
        if let Ok(httparse::Status::Complete(head)) = response.parse(buffer) {
            let status = response.code.expect("a complete head has a status");
            let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
            let length: usize = length
                .and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok())
                .expect("an answer has a length");
            if buffer.len() >= head + length {
                buffer.drain(..head + length);
                return status;
            }
        }
        let mut piece = [0; 4_096];
        let count = stream.read(&mut piece).expect("the exchange answers");
        assert!(count > 0, "the exchange closed a connection");
        buffer.extend_from_slice(&piece[..count]);
    }
}

/// Sends orders until the time is up: at the given rate, or else each right after the previous answer.
fn trade(venue: &Venue, places: &[Place], client: u32, first: u64, per_s: Option<u32>, until: Instant) -> Seen {
    let mut stream = venue.connect();
    let mut seen =
        Seen { placed: 0, refused: Vec::new(), round_trip_us: Histogram::new(3).expect("three digits are possible") };
    let (begin, mut buffer) = (Instant::now(), Vec::new());
    for sent in 0.. {
        if let Some(per_s) = per_s {
            let turn = begin + Duration::from_secs(1) * u32::try_from(sent).expect("a bench ends before") / per_s;
            std::thread::sleep(turn.saturating_duration_since(Instant::now()));
        }
        if Instant::now() >= until {
            break;
        }
        let number = first + sent;
        let place = &places[usize::try_from(number).expect("64 bits") % places.len()];
        let body = body(place, client, number);
        let headers = venue.key.headers("POST", ORDERS_PATH).map(|(name, value)| format!("{name}: {value}\r\n"));
        let request = format!(
            "POST {ORDERS_PATH} HTTP/1.1\r\nHost: exchange\r\n{}Content-Length: {}\r\n\r\n{body}",
            headers.concat(),
            body.len()
        );
        let written = Instant::now();
        stream.write_all(request.as_bytes()).expect("the exchange reads");
        match answer(&mut stream, &mut buffer) {
            201 => seen.placed += 1,
            status => seen.refused.push(status),
        }
        seen.round_trip_us.saturating_record(u64::try_from(written.elapsed().as_micros()).expect("seconds at most"));
    }
    seen
}

/// Runs all clients for this long and prints a row.
fn round(venue: &Arc<Venue>, places: &[Place], first: u64, per_s: Option<u32>, duration: Duration) {
    let (begin, cpu) = (Instant::now(), exchange_cpu());
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|client| {
            let (venue, places) = (Arc::clone(venue), places.to_vec());
            let (per_s, until) = (per_s.map(|per_s| (per_s / CONNECTIONS).max(1)), begin + duration);
            std::thread::spawn(move || trade(&venue, &places, client, first, per_s, until))
        })
        .collect();
    let seen: Vec<Seen> =
        clients.into_iter().map(|client| client.join().expect("a client trades to its end")).collect();
    let (cpu, seconds) = (exchange_cpu().saturating_sub(cpu), begin.elapsed().as_secs_f64());
    let placed: u64 = seen.iter().map(|seen| seen.placed).sum();
    let refused: Vec<u16> = seen.iter().flat_map(|seen| seen.refused.iter().copied()).collect();
    let mut round_trip_us = seen[0].round_trip_us.clone();
    seen[1..].iter().for_each(|seen| round_trip_us.add(&seen.round_trip_us).expect("they have one shape"));
    let per_order_us = cpu.as_secs_f64() * 1e6 / placed.max(1) as f64;
    let (asked, used) = (per_s.map_or("no".to_owned(), |per_s| per_s.to_string()), 100.0 * cpu.as_secs_f64() / seconds);
    println!(
        "| {asked} | {:.0} | {} | {used:.0}% | {per_order_us:.0} us | {} us | {} us |",
        placed as f64 / seconds,
        refused.len(),
        round_trip_us.value_at_quantile(0.5),
        round_trip_us.value_at_quantile(0.99),
    );
    assert!(refused.is_empty(), "at tier unlimited nothing is refused, but: {:?}", &refused[..refused.len().min(5)]);
}

/// Measures and prints, and fails if an order was refused.
pub fn measure(plan: Plan) {
    let mut places = Vec::new();
    let venue = Arc::new(Venue::start(|now_ms| {
        let world = default_world(1, 8, now_ms);
        let place = |spec: &kalshi_actor::exchange::engine::MarketSpec| Place {
            ticker: spec.ticker.clone(),
            exchange_index: spec.exchange_index,
        };
        places.extend(world.markets.iter().map(|market| place(&market.spec)));
        world
    }));
    println!(
        "\nOrders signed with Ed25519, tier unlimited, {CONNECTIONS} connections, {} lively markets\n",
        places.len()
    );
    println!(
        "| rate asked for | orders/s answered | refused | exchange's core | CPU an order | round trip p50 | p99 |"
    );
    println!("|---|---|---|---|---|---|---|");
    round(&venue, &places, 0, Some(plan.orders_per_s), plan.duration);
    round(&venue, &places, 1 << 32, None, plan.duration);
    let venue = Arc::into_inner(venue).expect("every client has ended");
    let exchange = venue.stop();
    let account = exchange.clients()[0];
    println!(
        "\nOn the exchange: {} orders, {} fills.",
        exchange.engine().orders_of(account).count(),
        exchange.engine().fills_of(account).count()
    );
}
