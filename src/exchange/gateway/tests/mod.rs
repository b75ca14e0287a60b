//! The gateway on top of a real engine, without sockets: two clients in two quiet markets.

mod bad_input;
mod faults;
mod fees;
mod hostile;
mod listings;
mod long_history;
mod order_groups;
mod orders;
mod reads;
mod remainders;
mod subaccounts;
mod websocket;

use std::collections::VecDeque;

use serde_json::Value;

use super::{ExchangeNow, GatewaySettings, HttpRequest, Output, SessionId, Tier};
use crate::exchange::keys::{IssuedKey, issue_ed25519};
use crate::exchange::participants::{Crowd, MarketPlan, Motion, World, default_world};
use crate::exchange::{AccountPlan, Exchange};
use crate::wire::sign::{SignatureText, Signer};

/// Session and wall time at the start.
pub(super) const START_MS: i64 = 1_790_000_000_000;
/// A market on shard 0 with a grid of cents.
pub(super) const CENTS: &str = "KXSIMCENT-0001-A";
/// A market on shard 2 with a tapered grid.
pub(super) const TAPER: &str = "KXSIMTAPER-0001-A";
pub(super) const ORDERS: &str = "/trade-api/v2/portfolio/events/orders";

/// A client: a key, and how to sign with it.
pub(super) struct Client {
    key_id: String,
    signer: Signer,
}

impl Client {
    pub(super) fn new(key: &IssuedKey) -> Self {
        Self { key_id: key.key_id.clone(), signer: Signer::from_pem(&key.private_key_pem).unwrap() }
    }

    pub(super) fn sign(&self, timestamp_ms: i64, method: &str, path: &str) -> String {
        let mut signature = SignatureText::new();
        self.signer.sign(timestamp_ms, method, path, &mut signature).unwrap();
        signature.as_str().to_owned()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }
}

pub(super) struct Venue {
    pub(super) exchange: Exchange,
    pub(super) clients: Vec<Client>,
    pub(super) now: ExchangeNow,
    tickets: u64,
    frames: VecDeque<(SessionId, Value)>,
}

/// Markets without participants.
pub(super) fn quiet_world() -> World {
    let mut world = default_world(1, 2, START_MS);
    for plan in &mut world.markets {
        *plan = MarketPlan {
            crowd: Crowd::default(),
            motion: Motion::Lasting { volatility: 0.0, drift: 0.0, jumps: 0.0, jump: 0.0 },
            ..plan.clone()
        };
    }
    world
}

impl Venue {
    pub(super) fn new(settings: GatewaySettings) -> Self {
        Self::with_keys(settings, &[issue_ed25519().unwrap(), issue_ed25519().unwrap()])
    }

    /// Settings without latency, lag and limits.
    pub(super) fn immediate() -> Self {
        let tier = Tier::Unlimited;
        Self::new(GatewaySettings { order_latency_ms: 0, read_lag_ms: 0, tier, ..GatewaySettings::default() })
    }

    pub(super) fn with_keys(settings: GatewaySettings, keys: &[IssuedKey; 2]) -> Self {
        let account = |key: &IssuedKey| AccountPlan { keys: vec![key.clone()], ..AccountPlan::default() };
        let exchange = Exchange::builder()
            .settings(settings)
            .account_plans(keys.iter().map(account).collect())
            .world(quiet_world())
            .start_ms(START_MS);
        Self {
            exchange: exchange.build().unwrap().0,
            clients: keys.iter().map(Client::new).collect(),
            now: ExchangeNow { session_ms: START_MS, wall_ms: START_MS },
            tickets: 0,
            frames: VecDeque::new(),
        }
    }

    pub(super) fn pass(&mut self, ms: i64) {
        self.now.session_ms += ms;
        self.now.wall_ms += ms;
        self.exchange.advance(self.now);
    }

    /// Sends a request as given. Returns its ticket.
    pub(super) fn send(&mut self, client: usize, method: &str, target: &str, body: &str) -> u64 {
        let path = target.split('?').next().unwrap();
        let (timestamp, signature) =
            (self.now.wall_ms.to_string(), self.clients[client].sign(self.now.wall_ms, method, path));
        let key_id = self.clients[client].key_id.clone();
        self.send_raw(&HttpRequest {
            method,
            target,
            key_id: Some(&key_id),
            timestamp: Some(&timestamp),
            signature: Some(&signature),
            body: body.as_bytes(),
        })
    }

    pub(super) fn send_raw(&mut self, request: &HttpRequest<'_>) -> u64 {
        self.tickets += 1;
        self.exchange.http(self.tickets, request, self.now);
        self.tickets
    }

    /// The response for a ticket, if it has come. Frames that come first are kept.
    pub(super) fn response(&mut self, wanted: u64) -> Option<Answer> {
        let mut found = None;
        while let Some(output) = self.exchange.poll() {
            match output {
                Output::Response { ticket, response } if ticket == wanted => {
                    let text = String::from_utf8(response.body).unwrap();
                    found = Some(Answer { status: response.status, text });
                }
                Output::Frame { session, text } => {
                    self.frames.push_back((session, serde_json::from_slice(&text).unwrap()));
                }
                _ => {}
            }
        }
        found
    }

    /// Sends an unsigned request.
    pub(super) fn anonymous(&mut self, method: &str, target: &str) -> Answer {
        let request = HttpRequest { method, target, key_id: None, timestamp: None, signature: None, body: b"" };
        let ticket = self.send_raw(&request);
        self.response(ticket).expect("the answer comes at once")
    }

    /// Sends a request that is rejected. Returns the status and the code in the body.
    pub(super) fn refused(&mut self, client: usize, method: &str, target: &str, body: &str) -> (u16, String) {
        let answer = self.call(client, method, target, body);
        let code = answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
        (answer.status, code)
    }

    /// Places an order. Returns its id.
    pub(super) fn placed(&mut self, client: usize, body: &str) -> String {
        let answer = self.create(client, body);
        assert_eq!(answer.status, 201, "{body}: {}", answer.text);
        answer.json()["order_id"].as_str().unwrap().to_owned()
    }

    /// Sends a request that is answered at once.
    pub(super) fn call(&mut self, client: usize, method: &str, target: &str, body: &str) -> Answer {
        let ticket = self.send(client, method, target, body);
        self.response(ticket).expect("the answer comes at once")
    }

    pub(super) fn get(&mut self, client: usize, target: &str) -> Value {
        let answer = self.call(client, "GET", target, "");
        assert_eq!(answer.status, 200, "{target}: {}", answer.text);
        answer.json()
    }

    pub(super) fn create(&mut self, client: usize, body: &str) -> Answer {
        self.call(client, "POST", ORDERS, body)
    }

    pub(super) fn open(&mut self, client: usize, session: SessionId) {
        let timestamp = self.now.wall_ms.to_string();
        let path = crate::wire::WS_PATH;
        let signature = self.clients[client].sign(self.now.wall_ms, "GET", path);
        let key_id = self.clients[client].key_id.clone();
        let request = HttpRequest {
            method: "GET",
            target: path,
            key_id: Some(&key_id),
            timestamp: Some(&timestamp),
            signature: Some(&signature),
            body: b"",
        };
        self.exchange.open(session, &request, self.now).unwrap();
    }

    /// Sends a command, and takes everything that the sessions have received so far.
    pub(super) fn command(&mut self, session: SessionId, text: &str) -> Vec<Value> {
        self.exchange.text(session, text.as_bytes(), self.now);
        self.frames(session)
    }

    /// Takes the frames that a session has received.
    pub(super) fn frames(&mut self, session: SessionId) -> Vec<Value> {
        self.response(0);
        let (taken, kept) = self.frames.drain(..).partition(|(to, _)| *to == session);
        let taken: VecDeque<_> = taken;
        self.frames = kept;
        taken.into_iter().map(|(_, frame)| frame).collect()
    }
}

/// A body with additional fields.
pub(super) fn with(body: &str, extra: &str) -> String {
    format!("{},{extra}}}", &body[..body.len() - 1])
}

/// The body of a create, with the usual values for the other fields.
pub(super) fn order(ticker: &str, side: &str, count: &str, price: &str) -> String {
    format!(
        r#"{{"ticker":"{ticker}","side":"{side}","count":"{count}","price":"{price}","time_in_force":"good_till_canceled","self_trade_prevention_type":"taker_at_cross"}}"#
    )
}
