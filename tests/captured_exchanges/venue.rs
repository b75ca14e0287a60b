//! Our exchange in the role of the recorded one: one client with a key, and one maker for everyone else.

use kalshi_actor::exchange::engine::Engine;
use kalshi_actor::exchange::gateway::{ExchangeNow, GatewaySettings, HttpRequest, Output, SessionId, Tier};
use kalshi_actor::exchange::{AccountPlan, Exchange};
use kalshi_actor::market::{BookSide, Count, Money, OrderId, Price};
use kalshi_actor::wire::WS_PATH;
use kalshi_actor::wire::sign::Credentials;
use serde_json::{Value, json};

/// The path for placing orders.
pub const ORDERS: &str = "/trade-api/v2/portfolio/events/orders";

/// How a request is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signing {
    /// With a timestamp that is this many milliseconds off.
    At(i64),
    /// With a signature over another path.
    Wrong,
    /// With an unknown key id.
    UnknownKey,
    /// With the header for the key, but without a signature.
    Missing,
    /// Without any authentication headers.
    Anonymous,
}

/// The account that acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The recorder's account.
    Recorder,
    /// Everyone else.
    Maker,
}

pub struct Venue {
    pub exchange: Exchange,
    clients: Vec<Credentials>,
    /// The maker's orders by level.
    made: Vec<(BookSide, Price, OrderId)>,
    frames: Vec<(SessionId, Value)>,
    now_ms: i64,
    tickets: u64,
}

impl Venue {
    /// An exchange without markets, on which the recorder has this cash on shard 0.
    pub fn new(tier: Tier, cash: Money, now_ms: i64) -> Self {
        // In the capture an order is shown as resting 359 ms after its cancel, so that exchange's reads lagged by more.
        let settings = GatewaySettings { tier, read_lag_ms: 400, ..GatewaySettings::default() };
        let account = |cash| AccountPlan { cash: Some(vec![(0, cash)]), ..AccountPlan::default() };
        let (exchange, accounts) = Exchange::builder()
            .settings(settings)
            .account_plans(vec![account(cash), account(Money::from_dollars(1_000_000))])
            .start_ms(now_ms)
            .build()
            .unwrap();
        let clients = accounts.iter().map(|account| account.credentials().unwrap()).collect();
        Self { exchange, clients, made: Vec::new(), frames: Vec::new(), now_ms, tickets: 0 }
    }

    fn now(&self) -> ExchangeNow {
        ExchangeNow { session_ms: self.now_ms, wall_ms: self.now_ms }
    }

    /// Advances time to `now_ms`.
    pub fn pass_to(&mut self, now_ms: i64) {
        self.now_ms = self.now_ms.max(now_ms);
        self.exchange.advance(self.now());
    }

    /// Runs `act` on the engine at `now_ms`.
    pub fn act<T>(&mut self, now_ms: i64, act: impl FnOnce(&mut Engine, i64) -> T) -> T {
        self.pass_to(now_ms);
        self.exchange.command(self.now(), act)
    }

    /// Changes the size of a level of the maker.
    pub fn move_level(&mut self, now_ms: i64, ticker: &str, side: BookSide, price: Price, change: Count) {
        if change > Count::ZERO {
            let side_name = if side == BookSide::Bid { "bid" } else { "ask" };
            let body = json!({
                "ticker": ticker, "side": side_name, "count": change, "price": price, "post_only": true,
                "time_in_force": "good_till_canceled", "self_trade_prevention_type": "taker_at_cross",
            });
            let answer = self.make(now_ms, "POST", ORDERS, &body.to_string());
            self.made.push((side, price, OrderId::parse(answer["order_id"].as_str().unwrap()).unwrap()));
            return;
        }
        let mut left = change.abs();
        for (_, _, order) in self.made.clone().into_iter().filter(|(s, p, _)| (*s, *p) == (side, price)) {
            let resting = self.exchange.engine().order(order).unwrap().remaining;
            let part = resting.min(left);
            if part == resting && !part.is_zero() {
                self.make(now_ms, "DELETE", &format!("{ORDERS}/{order}"), "");
            } else if !part.is_zero() {
                let body = json!({ "reduce_by": part }).to_string();
                self.make(now_ms, "POST", &format!("{ORDERS}/{order}/decrease"), &body);
            }
            left -= part;
        }
        assert_eq!(left, Count::ZERO, "the maker has {change} at {price} to take away");
    }

    fn make(&mut self, now_ms: i64, method: &str, target: &str, body: &str) -> Value {
        let (status, answer) = self.request(now_ms, Who::Maker, method, target, body, Signing::At(0));
        assert!(status < 300, "{status} {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).unwrap()
    }

    /// Sends a request at `now_ms` and returns the status and body of its answer.
    pub fn request(
        &mut self,
        now_ms: i64,
        who: Who,
        method: &str,
        target: &str,
        body: &str,
        signing: Signing,
    ) -> (u16, Vec<u8>) {
        self.pass_to(now_ms);
        let client = &self.clients[who as usize];
        let path = target.split('?').next().unwrap();
        let signed = if signing == Signing::Wrong { "/elsewhere" } else { path };
        let sent_ms = self.now_ms + if let Signing::At(off_ms) = signing { off_ms } else { 0 };
        let [(_, known), (_, timestamp), (_, signature)] = client.headers(sent_ms, method, signed).unwrap();
        let unknown = "00000000-0000-0000-0000-000000000000";
        let key_id = if signing == Signing::UnknownKey { unknown.to_owned() } else { known };
        let anonymous = signing == Signing::Anonymous;
        let request = HttpRequest {
            method,
            target,
            key_id: Some(key_id.as_str()).filter(|_| !anonymous),
            timestamp: Some(timestamp.as_str()).filter(|_| !anonymous),
            signature: Some(signature.as_str()).filter(|_| !anonymous && signing != Signing::Missing),
            body: body.as_bytes(),
        };
        self.tickets += 1;
        let ticket = self.tickets;
        self.exchange.http(ticket, &request, self.now());
        for _ in 0..2 {
            while let Some(output) = self.exchange.poll() {
                match output {
                    Output::Response { ticket: of, response } if of == ticket => {
                        return (response.status, response.body);
                    }
                    Output::Frame { session, text } => {
                        self.frames.push((session, serde_json::from_slice(&text).unwrap()));
                    }
                    _ => {}
                }
            }
            self.pass_to(self.now_ms + 60);
        }
        panic!("{method} {target} is not answered")
    }

    /// Opens a WebSocket at `now_ms` and sends a command.
    pub fn subscribe(&mut self, now_ms: i64, session: SessionId, command: &Value) {
        self.pass_to(now_ms);
        let client = &self.clients[Who::Recorder as usize];
        let [(_, key_id), (_, timestamp), (_, signature)] = client.headers(self.now_ms, "GET", WS_PATH).unwrap();
        let request = HttpRequest {
            method: "GET",
            target: WS_PATH,
            key_id: Some(&key_id),
            timestamp: Some(&timestamp),
            signature: Some(&signature),
            body: b"",
        };
        self.exchange.open(session, &request, self.now()).unwrap();
        self.exchange.text(session, command.to_string().as_bytes(), self.now());
    }

    /// The frames that a session has received since the last call.
    pub fn frames(&mut self, session: SessionId) -> Vec<Value> {
        while let Some(output) = self.exchange.poll() {
            if let Output::Frame { session, text } = output {
                self.frames.push((session, serde_json::from_slice(&text).unwrap()));
            }
        }
        let (own, others) = std::mem::take(&mut self.frames).into_iter().partition(|(to, _)| *to == session);
        self.frames = others;
        own.into_iter().map(|(_, frame)| frame).collect()
    }
}
