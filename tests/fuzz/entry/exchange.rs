//! Requests and WebSocket commands of two clients to one exchange with state, one per line:
//!
//! | line | what it does |
//! |---|---|
//! | `A METHOD TARGET BODY`, `B ...` | a signed request of the first or the second client |
//! | `N METHOD TARGET BODY` | an unsigned request |
//! | `W TEXT`, `V TEXT` | a message of the first or the second client's session |
//! | `T MS` | time passes |
//! | `F FAULT` | a fault, in JSON |
//! | `D TICKER CENTS` | the market is determined |
//!
//! `$O` stands for the id of the last order, `$G` for that of the last order group. For every input, each request has
//! at most one answer, and exactly one without faults; no answer is a 500 unless a fault causes it; frames are JSON;
//! and money and contracts are conserved.

use std::collections::BTreeMap;

use kalshi_actor::exchange::engine::{AccountId, Engine, MarketSpec};
use kalshi_actor::exchange::faults::Fault;
use kalshi_actor::exchange::gateway::{ExchangeNow, GatewaySettings, HttpRequest, Output, Ticket, Tier};
use kalshi_actor::exchange::keys::IssuedKey;
use kalshi_actor::exchange::participants::{Crowd, MarketPlan, Motion, Settlement, World};
use kalshi_actor::exchange::{AccountPlan, Exchange};
use kalshi_actor::market::{Count, FeeSchedule, GridBands, Money, Price};
use kalshi_actor::wire::WS_PATH;
use kalshi_actor::wire::sign::{SignatureText, Signer, generate_ed25519};

const START_MS: i64 = 1_790_000_000_000;
const KEYS: [&str; 2] = ["a", "b"];
const LINES_MAX: usize = 64;

pub fn run(data: &[u8]) {
    let mut venue = Venue::new();
    for line in data.split(|byte| *byte == b'\n').take(LINES_MAX) {
        // The server passes on only text: it refuses a request line or a message that is not UTF-8.
        let Ok(line) = std::str::from_utf8(line) else { continue };
        venue.line(line);
        venue.settle();
        venue.check();
    }
    venue.pass(70_000);
    venue.check();
    assert!(venue.faulty || venue.open.is_empty(), "a request was never answered");
}

struct Venue {
    exchange: Exchange,
    signer: Signer,
    now: ExchangeNow,
    tickets: Ticket,
    open: BTreeMap<Ticket, String>,
    deposited: Money,
    order: String,
    group: String,
    /// Whether a fault was armed, so that answers may be missing.
    faulty: bool,
}

fn market(ticker: &str, exchange_index: u8, structure: &str) -> MarketPlan {
    MarketPlan {
        spec: MarketSpec {
            ticker: ticker.to_owned(),
            event_ticker: ticker.trim_end_matches("-A").to_owned(),
            series_ticker: "KXFUZZ".to_owned(),
            title: "Will the input end well?".to_owned(),
            exchange_index,
            structure: structure.to_owned(),
            bands: GridBands::named(structure).expect("a published structure"),
            fees: FeeSchedule::QUADRATIC.into(),
            open_ms: START_MS - 1_000,
            close_ms: START_MS + 3_600_000,
            settlement_timer_ms: 1_000,
            exclusive: false,
            recorded: false,
        },
        probability: 0.5,
        motion: Motion::Lasting { volatility: 0.0, drift: 0.0, jumps: 0.0, jump: 0.0 },
        crowd: Crowd::default(),
        determination_ms: None,
        settlement: Settlement::Binary,
    }
}

impl Venue {
    fn new() -> Self {
        let pem = generate_ed25519().expect("keys can be made");
        let account = |key_id: &&str| {
            let cash = vec![(0, Money::from_dollars(50)), (2, Money::from_dollars(20))];
            let key = IssuedKey::from_pem((*key_id).to_owned(), pem.clone()).expect("a key just made");
            AccountPlan { cash: Some(cash), keys: vec![key] }
        };
        let markets = vec![market("KXA-1-A", 0, "linear_cent"), market("KXB-1-A", 2, "tapered_deci_cent")];
        let settings = GatewaySettings {
            tier: Tier::Unlimited,
            order_latency_ms: 0,
            read_lag_ms: 20,
            ..GatewaySettings::default()
        };
        let (exchange, _) = Exchange::builder()
            .settings(settings)
            .account_plans(KEYS.iter().map(account).collect())
            .world(World { seed: 1, markets, quiet: true, ..World::default() })
            .start_ms(START_MS)
            .build()
            .expect("the names differ");
        let mut venue = Self {
            exchange,
            signer: Signer::from_pem(&pem).expect("a key just made"),
            now: ExchangeNow { session_ms: START_MS, wall_ms: START_MS },
            tickets: 0,
            open: BTreeMap::new(),
            deposited: Money::from_dollars(2 * (50 + 20)),
            order: "0".to_owned(),
            group: "0".to_owned(),
            faulty: false,
        };
        for (client, key) in (0..).zip(KEYS) {
            let signed = venue.signed("GET", WS_PATH);
            let request = request("GET", WS_PATH, Some((key, &signed)), b"");
            venue.exchange.open(client, &request, venue.now).expect("the handshake is signed");
        }
        venue
    }

    fn signed(&self, method: &str, target: &str) -> [String; 2] {
        let path = target.split('?').next().expect("a split has a first part");
        let mut signature = SignatureText::new();
        self.signer.sign(self.now.wall_ms, method, path, &mut signature).expect("an Ed25519 key signs anything");
        [self.now.wall_ms.to_string(), signature.as_str().to_owned()]
    }

    fn line(&mut self, line: &str) {
        let line = line.replace("$O", &self.order).replace("$G", &self.group);
        let (what, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match what {
            "A" => self.request(Some(KEYS[0]), rest),
            "B" => self.request(Some(KEYS[1]), rest),
            "N" => self.request(None, rest),
            "W" => self.exchange.text(0, rest.as_bytes(), self.now),
            "V" => self.exchange.text(1, rest.as_bytes(), self.now),
            "T" => self.pass(rest.parse().unwrap_or(1)),
            "F" => self.fault(rest),
            "D" => self.determine(rest),
            _ => {}
        }
    }

    fn request(&mut self, key: Option<&str>, rest: &str) {
        let mut parts = rest.splitn(3, ' ');
        let (method, target, body) = (parts.next(), parts.next(), parts.next());
        let (method, target) = (method.unwrap_or("GET"), target.unwrap_or("/"));
        let signed = self.signed(method, target);
        let request = request(method, target, key.map(|key| (key, &signed)), body.unwrap_or("").as_bytes());
        self.tickets += 1;
        self.open.insert(self.tickets, format!("{method} {target}"));
        self.exchange.http(self.tickets, &request, self.now);
    }

    /// Advances time by at most ten seconds.
    fn pass(&mut self, ms: i64) {
        let ms = ms.clamp(0, 70_000);
        self.now.session_ms += ms;
        self.now.wall_ms += ms;
        self.exchange.advance(self.now);
        self.settle();
    }

    fn fault(&mut self, text: &str) {
        if let Ok(fault) = serde_json::from_str::<Fault>(text)
            && fault.check().is_ok()
        {
            self.exchange.arm(fault);
            self.faulty = true;
        }
    }

    fn determine(&mut self, rest: &str) {
        let (ticker, cents) = rest.split_once(' ').unwrap_or((rest, "100"));
        let value = Price::from_cents(cents.parse().unwrap_or(100).min(100));
        if let Some(market) = self.exchange.engine().market_by_ticker(ticker) {
            self.exchange.command(self.now, |engine, now_ms| {
                engine.move_close(market, now_ms, now_ms);
                engine.determine(market, value, now_ms);
            });
        }
    }

    /// Takes the exchange's output and checks it.
    fn settle(&mut self) {
        while let Some(output) = self.exchange.poll() {
            match output {
                Output::Response { ticket, response } => {
                    let asked = self.open.remove(&ticket).expect("an answer to an open request, once");
                    let text = String::from_utf8(response.body).expect("bodies are text");
                    assert!(self.faulty || response.status != 500, "{asked}: {} {text}", response.status);
                    assert!((200..600).contains(&response.status), "{asked}: {}", response.status);
                    let body = serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default();
                    for (id, key) in [(&mut self.order, "order_id"), (&mut self.group, "order_group_id")] {
                        if let Some(found) = body[key].as_str() {
                            found.clone_into(id);
                        }
                    }
                }
                Output::Frame { text, .. } => {
                    let is_json = serde_json::from_slice::<serde_json::Value>(&text).is_ok();
                    assert!(self.faulty || is_json, "a frame that is no JSON: {}", String::from_utf8_lossy(&text));
                }
                Output::CutConnection { ticket } => drop(self.open.remove(&ticket)),
                Output::Ping { .. } | Output::Close { .. } | Output::CutOrderConnections => {}
            }
        }
    }

    /// Checks that money and contracts have only changed hands.
    fn check(&self) {
        let engine = self.exchange.engine();
        let everyone = || self.exchange.clients().iter().copied().chain([Engine::HOUSE]);
        let cash: Money = everyone().flat_map(|account| engine.cash_of(account)).map(|(_, _, cash)| cash).sum();
        let markets = || (0..engine.market_count()).map(|market| engine.market(market));
        let pairs: Money = markets().map(|market| Price::ONE.times(market.open_interest())).sum();
        assert_eq!(cash + pairs + engine.fees_collected(), self.deposited, "money was made or lost");
        for market in 0..engine.market_count() {
            let held = |account: AccountId| {
                let positions = engine.positions_of(account).filter(move |(other, _)| *other == market);
                positions.map(|(_, position)| position.contracts).sum::<Count>()
            };
            assert_eq!(everyone().map(held).sum::<Count>(), Count::ZERO, "contracts were made or lost");
        }
        for &account in self.exchange.clients() {
            for (subaccount, shard, cash) in engine.cash_of(account) {
                let reserved = engine.subaccount_reserved(account, subaccount, shard);
                assert!(Money::ZERO <= reserved && reserved <= cash, "{reserved} reserved of {cash}");
            }
        }
    }
}

fn request<'a>(
    method: &'a str,
    target: &'a str,
    signed: Option<(&'a str, &'a [String; 2])>,
    body: &'a [u8],
) -> HttpRequest<'a> {
    HttpRequest {
        method,
        target,
        key_id: signed.map(|(key, _)| key),
        timestamp: signed.map(|(_, [timestamp, _])| timestamp.as_str()),
        signature: signed.map(|(_, [_, signature])| signature.as_str()),
        body,
    }
}
