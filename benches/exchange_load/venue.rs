//! The exchange under test, a client's signed headers, and the processor time of the exchange's thread.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use kalshi_actor::exchange::gateway::{GatewaySettings, Tier};
use kalshi_actor::exchange::participants::World;
use kalshi_actor::exchange::{Exchange, RunningExchange};
use kalshi_actor::market::Money;
use kalshi_actor::wire::sign::Credentials;

/// The unit in which the kernel reports processor time (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// A running exchange with one account.
pub struct Venue {
    exchange: RunningExchange,
    pub addr: SocketAddr,
    /// The key that clients sign with.
    pub key: ClientKey,
}

pub struct ClientKey(Credentials);

impl ClientKey {
    /// The three authentication headers of a call made now.
    pub fn headers(&self, method: &str, path: &str) -> [(&'static str, String); 3] {
        self.0.headers(wall_ms(), method, path).expect("an Ed25519 key signs anything")
    }
}

pub fn wall_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

impl Venue {
    /// Starts the exchange with tier `unlimited`, without order latency, and with session time equal to wall time.
    pub fn start(world: impl FnOnce(i64) -> World) -> Self {
        let now_ms = wall_ms();
        let exchange = Exchange::builder()
            .settings(GatewaySettings { tier: Tier::Unlimited, order_latency_ms: 0, ..GatewaySettings::default() })
            .world(world(now_ms))
            .cash(Money::from_dollars(10_000_000))
            .shards(0..4)
            .start_ms(now_ms)
            .start()
            .expect("the world of the bench is possible, and loopback has a free port");
        let key = exchange.accounts[0].credentials().expect("a key just made is readable");
        Self { addr: exchange.addr, exchange, key: ClientKey(key) }
    }

    /// Connects with `TCP_NODELAY`.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).expect("the exchange listens");
        stream.set_nodelay(true).expect("a TCP option");
        stream
    }

    /// Stops the exchange and returns it in its final state.
    pub fn stop(self) -> Exchange {
        self.exchange.stop().expect("the exchange's thread did not panic")
    }
}

/// The processor time, user and system, that the exchange's thread has used so far.
pub fn exchange_cpu() -> Duration {
    let mut tasks = std::fs::read_dir("/proc/self/task").expect("Linux lists a process's threads");
    let stat = tasks
        .find_map(|task| {
            let task = task.ok()?.path();
            let name = std::fs::read_to_string(task.join("comm")).ok()?;
            if name.trim_end() == "exchange" { std::fs::read_to_string(task.join("stat")).ok() } else { None }
        })
        .expect("the exchange's thread runs under its name");
    // The fields follow the name in parentheses; utime and stime are fields 14 and 15 of proc_pid_stat(5).
    let (_, fields) = stat.rsplit_once(')').expect("the name is in parentheses");
    let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u32>().expect("a number"));
    TICK * ticks.sum::<u32>()
}
