//! The exchange that is measured, a client's signed headers, and the processor time of the exchange's thread.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use kalshi_actor::exchange::gateway::{GatewaySettings, Tier};
use kalshi_actor::exchange::keys::issue_ed25519;
use kalshi_actor::exchange::participants::World;
use kalshi_actor::exchange::server::{Server, ServerConfig, ServerHandle};
use kalshi_actor::exchange::venue::{ClientAccount, Exchange, ExchangeConfig};
use kalshi_actor::market::Money;
use kalshi_actor::wire::sign::{SignatureText, Signer};

/// The kernel counts processor time in hundredths of a second for everyone (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// A running exchange with one account.
pub struct Venue {
    handle: ServerHandle,
    /// Where it listens.
    pub addr: SocketAddr,
    /// What clients sign with.
    pub key: ClientKey,
}

/// An Ed25519 key of the account.
pub struct ClientKey {
    id: String,
    signer: Signer,
}

impl ClientKey {
    /// The three headers of a call now, as lines.
    pub fn headers(&self, method: &str, path: &str) -> [(&'static str, String); 3] {
        let now_ms = wall_ms();
        let mut signature = SignatureText::new();
        self.signer.sign(now_ms, method, path, &mut signature).expect("an Ed25519 key signs anything");
        [
            ("KALSHI-ACCESS-KEY", self.id.clone()),
            ("KALSHI-ACCESS-TIMESTAMP", now_ms.to_string()),
            ("KALSHI-ACCESS-SIGNATURE", signature.as_str().to_owned()),
        ]
    }
}

pub fn wall_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

impl Venue {
    /// Starts it at tier `unlimited`, without order latency, with session time equal to wall time.
    pub fn start(world: impl FnOnce(i64) -> World) -> Self {
        let key = issue_ed25519().expect("keys can be made");
        let signer = Signer::from_pem(&key.private_key_pem).expect("a key just made is readable");
        let config = ServerConfig::local();
        let session_ms = config.session_ms();
        let cash = (0..4).map(|shard| (shard, Money::from_dollars(10_000_000))).collect();
        let exchange = Exchange::new(
            ExchangeConfig {
                seed: 1,
                settings: GatewaySettings { tier: Tier::Unlimited, order_latency_ms: 0, ..GatewaySettings::default() },
                clients: vec![ClientAccount::with_cash(vec![(key.key_id.clone(), key.verifier.clone())], cash)],
                world: world(session_ms),
                recordings: Vec::new(),
            },
            session_ms,
        )
        .expect("the world of the bench is possible");
        let handle = Server::start(exchange, config).expect("loopback has a free port");
        Self { addr: handle.addr, handle, key: ClientKey { id: key.key_id, signer } }
    }

    /// A connection that sends at once.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).expect("the exchange listens");
        stream.set_nodelay(true).expect("a TCP option");
        stream
    }

    /// Ends the exchange and gives it back in its last state.
    pub fn stop(self) -> Exchange {
        self.handle.stop().expect("the exchange's thread did not panic")
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
    // After the name in parentheses; utime and stime are the fields 14 and 15 of proc_pid_stat(5).
    let (_, fields) = stat.rsplit_once(')').expect("the name is in parentheses");
    let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u32>().expect("a number"));
    TICK * ticks.sum::<u32>()
}
