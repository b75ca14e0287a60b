//! Book events that the exchange's participants cause in many markets, delivered to subscribers that each follow all
//! markets and check the sequence number of every frame.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kalshi_actor::exchange::scenario::Scenario;
use kalshi_actor::wire::WS_PATH;
use serde_json::json;
use tungstenite::client::IntoClientRequest;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

use crate::Plan;
use crate::venue::{Venue, exchange_cpu, wall_ms};

/// The scenario; a thousand of its markets generate some 25,000 book events per second.
const WORLD: &str = include_str!("world.toml");
/// The target: events per second from 1,000 markets to each of four subscribers.
const TARGET_PER_S: f64 = 20_000.0;

/// What a subscriber has received so far.
#[derive(Default)]
struct Received {
    snapshots: AtomicU64,
    deltas: AtomicU64,
    /// The longest delivery of a frame since the exchange created it, in milliseconds.
    lag_ms_max: AtomicI64,
}

/// Parses the number with this key in a frame, which the exchange writes without spaces.
fn number(frame: &str, key: &str) -> Option<i64> {
    let (_, rest) = frame.split_once(key)?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}

fn subscribe(venue: &Venue, tickers: &[String]) -> WebSocket<TcpStream> {
    let mut request = format!("ws://{}{WS_PATH}", venue.addr).into_client_request().expect("an address makes a URL");
    for (name, value) in venue.key.headers("GET", WS_PATH) {
        request.headers_mut().insert(name, value.parse().expect("signatures are ASCII"));
    }
    let stream = venue.connect();
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket option");
    let config = WebSocketConfig::default().read_buffer_size(64 * 1024);
    let (mut socket, _) =
        tungstenite::client::client_with_config(request, stream, Some(config)).expect("a signed handshake");
    let params = json!({"channels": ["orderbook_delta"], "market_tickers": tickers});
    socket.send(Message::text(json!({"id": 1, "cmd": "subscribe", "params": params}).to_string())).expect("it is open");
    socket
}

/// Reads until told to stop. The sequence numbers must have no gaps.
fn follow(mut socket: WebSocket<TcpStream>, received: &Received, over: &AtomicBool) {
    let mut seq = 0;
    while !over.load(Ordering::Relaxed) {
        let message = socket.read().expect("the exchange keeps sending");
        let Message::Text(text) = message else { continue };
        let frame = text.as_str();
        if frame.starts_with(r#"{"type":"orderbook_delta""#) {
            received.deltas.fetch_add(1, Ordering::Relaxed);
        } else if frame.starts_with(r#"{"type":"orderbook_snapshot""#) {
            received.snapshots.fetch_add(1, Ordering::Relaxed);
        } else {
            assert!(!frame.contains(r#""type":"error""#), "a subscriber that reads gets no error: {frame}");
            continue;
        }
        seq += 1;
        assert_eq!(number(frame, r#""seq":"#), Some(seq), "a frame is missing: {frame}");
        let sent_ms = number(frame, r#""sending_ts_ms":"#).expect("data frames carry their time");
        received.lag_ms_max.fetch_max(wall_ms() - sent_ms, Ordering::Relaxed);
    }
}

struct Subscriber {
    received: Arc<Received>,
    thread: JoinHandle<()>,
}

/// Measures and prints, and fails if a subscriber lost a frame.
pub fn measure(plan: Plan) {
    let scenario = Scenario::parse("world.toml", WORLD).expect("the bench's scenario is right");
    let mut tickers = Vec::new();
    let venue = Venue::start(|now_ms| {
        let world = scenario.world(1, plan.markets, now_ms);
        tickers.extend(world.markets.iter().map(|market| market.spec.ticker.clone()));
        world
    });
    let over = Arc::new(AtomicBool::new(false));
    let subscribers: Vec<Subscriber> = (0..plan.subscribers)
        .map(|_| {
            let (received, over) = (Arc::<Received>::default(), Arc::clone(&over));
            let (socket, shared) = (subscribe(&venue, &tickers), Arc::clone(&received));
            Subscriber { received, thread: std::thread::spawn(move || follow(socket, &shared, &over)) }
        })
        .collect();
    let snapshots = |each: &Subscriber| each.received.snapshots.load(Ordering::Relaxed);
    while !subscribers.iter().all(|each| snapshots(each) >= tickers.len() as u64) {
        assert!(!subscribers.iter().any(|each| each.thread.is_finished()), "a subscriber failed");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_secs(1));
    for each in &subscribers {
        each.received.lag_ms_max.store(0, Ordering::Relaxed);
    }

    let deltas = || subscribers.iter().map(|each| each.received.deltas.load(Ordering::Relaxed)).collect::<Vec<_>>();
    let (begin, cpu, before) = (Instant::now(), exchange_cpu(), deltas());
    std::thread::sleep(plan.duration);
    let (after, cpu, elapsed) = (deltas(), exchange_cpu().saturating_sub(cpu), begin.elapsed());
    over.store(true, Ordering::Relaxed);
    let lags = subscribers.iter().map(|each| each.received.lag_ms_max.load(Ordering::Relaxed)).collect::<Vec<_>>();
    for each in subscribers {
        each.thread.join().expect("no subscriber lost a frame or got error 25");
    }
    venue.stop();

    let seconds = elapsed.as_secs_f64();
    println!("\nBook events of {} markets to {} subscribers, {seconds:.1} s\n", tickers.len(), plan.subscribers);
    println!("| subscriber | events/s | missing | latest frame |\n|---|---|---|---|");
    let mut least = f64::INFINITY;
    for (number, ((before, after), lag_ms)) in before.iter().zip(&after).zip(lags).enumerate() {
        let per_s = (after - before) as f64 / seconds;
        least = least.min(per_s);
        println!("| {} | {per_s:.0} | 0 | {lag_ms} ms |", number + 1);
    }
    let sent: u64 = after.iter().zip(&before).map(|(after, before)| after - before).sum();
    println!(
        "\nThe exchange's thread used {:.0}% of a core: {:.2} us a delivered event, participants included.",
        100.0 * cpu.as_secs_f64() / seconds,
        cpu.as_secs_f64() * 1e6 / sent.max(1) as f64
    );
    println!("Target 20,000 to each: {}.", if least >= TARGET_PER_S { "met" } else { "missed" });
}
