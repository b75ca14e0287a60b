//! The embedded exchange under load, on its own thread behind real loopback sockets: book events of many markets to
//! several WebSocket subscribers, and signed orders over a few persistent connections. Prints what was delivered and
//! the processor time of the exchange's thread, and asserts that nothing was lost.
//!
//! ```sh
//! cargo bench --bench exchange_load -- --seconds 30 --markets 1000 --subscribers 4 --orders-per-s 2000
//! ```

mod book_events;
mod signed_orders;
mod venue;

use std::time::Duration;

/// What to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How long each part is measured.
    pub duration: Duration,
    /// The number of active markets.
    pub markets: usize,
    /// The number of WebSocket clients that follow all of them.
    pub subscribers: usize,
    /// The target rate of orders per second.
    pub orders_per_s: u32,
}

/// Parses the arguments, ignoring those added by `cargo bench` and criterion's scripts.
fn plan() -> Plan {
    let mut plan = Plan { duration: Duration::from_secs(5), markets: 1_000, subscribers: 4, orders_per_s: 2_000 };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let mut number = || -> u32 {
            let value = arguments.next().unwrap_or_default();
            value.parse().unwrap_or_else(|_| panic!("{name} {value}: expected a whole number"))
        };
        match name.as_str() {
            "--seconds" => plan.duration = Duration::from_secs(number().max(1).into()),
            "--markets" => plan.markets = number() as usize,
            "--subscribers" => plan.subscribers = number() as usize,
            "--orders-per-s" => plan.orders_per_s = number(),
            "--bench" => {}
            other => {
                panic!("{other}: expected --seconds, --markets, --subscribers or --orders-per-s, each with a number")
            }
        }
    }
    plan
}

fn main() {
    let plan = plan();
    book_events::measure(plan);
    signed_orders::measure(plan);
}
