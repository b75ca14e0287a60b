//! A port with bounded rings, and an exchange that answers requests with prepared bodies by path.

use std::collections::{BTreeMap, VecDeque};

use super::{DirectoryConfig, ReconcileConfig, ReconcileStage};
use crate::clock::{Now, SessionClock};
use crate::messages::{AccountEvent, Listing, QueryKind, QueryRequest, ReconcileToFeed};
use crate::ports::{
    ConnectionId, ConnectionLost, Full, ReconcileEffect, ReconcileMessage, ReconcilePort, RequestId, SocketOutput,
};
use crate::wire::command::Command;

pub(super) const SECOND_NS: u64 = 1_000_000_000;

#[derive(Debug, Default)]
pub(super) struct Port {
    pub(super) connected: Vec<ConnectionId>,
    pub(super) closed: Vec<ConnectionId>,
    pub(super) sent: VecDeque<Command>,
    pub(super) requests: VecDeque<(RequestId, String)>,
    pub(super) ring: VecDeque<AccountEvent>,
    pub(super) ring_capacity: usize,
    pub(super) listings: Vec<Listing>,
}

impl ReconcilePort for Port {
    fn push(&mut self, message: ReconcileMessage) -> Result<(), Full> {
        match message {
            ReconcileMessage::Execute(_) if self.ring.len() >= self.ring_capacity => return Err(Full),
            ReconcileMessage::Execute(event) => self.ring.push_back(event),
            ReconcileMessage::Feed(ReconcileToFeed::Listing(listing)) => self.listings.push(listing),
        }
        Ok(())
    }
    fn tell(&mut self, effect: ReconcileEffect<'_>) {
        match effect {
            ReconcileEffect::Socket(SocketOutput::Connect(connection)) => self.connected.push(connection),
            ReconcileEffect::Socket(SocketOutput::Send(_, text)) => {
                self.sent.push_back(serde_json::from_str(text).expect("a command is JSON"));
            }
            ReconcileEffect::Socket(SocketOutput::Close(connection)) => self.closed.push(connection),
            ReconcileEffect::Get(request, path) => {
                assert!(self.requests.is_empty(), "one request at a time");
                self.requests.push_back((request, path.to_owned()));
            }
        }
    }
}

/// A stage, its port, the exchange's bodies by path, and a clock that the test advances.
pub(super) struct Bench {
    pub(super) stage: ReconcileStage,
    pub(super) port: Port,
    pub(super) now: Now,
    pub(super) bodies: BTreeMap<String, (u16, String)>,
    /// The paths requested, in order.
    pub(super) asked: Vec<String>,
}

pub(super) fn market(ticker: &str, event: &str, close: &str, status: &str) -> String {
    format!(
        r#"{{"ticker":"{ticker}","event_ticker":"{event}","open_time":"1970-01-01T00:00:00Z","close_time":"{close}","status":"{status}","exchange_index":2,"price_ranges":[{{"start":"0.0000","end":"1.0000","step":"0.0100"}}]}}"#
    )
}

pub(super) fn uuid(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

pub(super) fn fill_frame(trade: u32, ticker: &str) -> String {
    format!(
        r#"{{"type":"fill","sid":1,"msg":{{"trade_id":"{}","order_id":"{}","client_order_id":"x","market_ticker":"{ticker}","exchange_index":2,"is_taker":true,"side":"yes","yes_price_dollars":"0.4200","count_fp":"3.00","fee_cost":"0.010000","action":"buy","post_position_fp":"3.00","outcome_side":"yes","book_side":"bid","ts":1,"ts_ms":1500}}}}"#,
        uuid(trade),
        uuid(900)
    )
}

pub(super) fn fill_body(trade: u32, ticker: &str) -> String {
    format!(
        r#"{{"fill_id":"f","trade_id":"{}","order_id":"{}","ticker":"{ticker}","outcome_side":"yes","book_side":"bid","count_fp":"3.00","yes_price_dollars":"0.4200","no_price_dollars":"0.5800","is_taker":false,"created_time":"1970-01-01T00:00:01.5Z","fee_cost":"0.010000"}}"#,
        uuid(trade),
        uuid(900)
    )
}

pub(super) fn order_frame(order: u32, ticker: &str, status: &str) -> String {
    format!(
        r#"{{"type":"user_order","sid":2,"msg":{{"order_id":"{}","user_id":"u","ticker":"{ticker}","exchange_index":2,"status":"{status}","outcome_side":"yes","book_side":"bid","yes_price_dollars":"0.3500","fill_count_fp":"0.00","remaining_count_fp":"10.00","initial_count_fp":"10.00","taker_fill_cost_dollars":"0.000000","maker_fill_cost_dollars":"0.000000","taker_fees_dollars":"0.000000","maker_fees_dollars":"0.000000","client_order_id":"kact-0000000000000001-00000001","created_ts_ms":1000}}}}"#,
        uuid(order)
    )
}

impl Bench {
    /// A stage with two traded markets, and an exchange with only a balance.
    pub(super) fn new(directory: DirectoryConfig) -> Self {
        let clock = SessionClock::new(0, 0, 1_000);
        let mut bench = Self {
            stage: ReconcileStage::new(ReconcileConfig::new(directory), clock, 42),
            port: Port { ring_capacity: 1_000, ..Port::default() },
            now: Now::default(),
            bodies: BTreeMap::new(),
            asked: Vec::new(),
        };
        let far = "1970-01-02T00:00:00Z";
        let (a, b) = (market("KXA-1-A", "KXA-1", far, "active"), market("KXA-1-B", "KXA-1", far, "active"));
        bench.body("/exchange/status", r#"{"exchange_active":true,"trading_active":true,"exchange_index_statuses":[{"exchange_index":2,"exchange_active":true,"trading_active":true}]}"#);
        bench.body("/account/limits", r#"{"usage_tier":"basic","read":{"refill_rate":200,"bucket_capacity":200},"write":{"refill_rate":100,"bucket_capacity":100}}"#);
        bench.body("/account/endpoint_costs", r#"{"default_cost":10,"endpoint_costs":[{"method":"DELETE","path":"/trade-api/v2/portfolio/events/orders/batched","cost":2}]}"#);
        bench.body("/portfolio/subaccounts/netting", r#"{"netting_configs":[]}"#);
        bench.body("/markets?tickers=KXA-1-A,KXA-1-B&limit=1000", &format!(r#"{{"markets":[{b},{a}],"cursor":""}}"#));
        bench.body("/events/KXA-1", r#"{"event":{"event_ticker":"KXA-1","series_ticker":"KXA"},"markets":[]}"#);
        bench.body("/series/KXA", r#"{"series":{"ticker":"KXA","fee_type":"quadratic","fee_multiplier":0.5}}"#);
        bench.body("/portfolio/balance", r#"{"balance":10000,"balance_dollars":"100.0000","balance_breakdown":[{"exchange_index":0,"balance":"40.0000"},{"exchange_index":2,"balance":"60.0000"}]}"#);
        bench.body("/portfolio/positions?count_filter=position&limit=1000", r#"{"market_positions":[],"cursor":""}"#);
        bench.body("/portfolio/orders?status=resting&limit=1000", r#"{"orders":[],"cursor":""}"#);
        bench.body("/portfolio/fills?min_ts=0&limit=1000", r#"{"fills":[],"cursor":""}"#);
        bench
    }

    pub(super) fn two_markets() -> Self {
        Self::new(DirectoryConfig {
            tickers: vec!["KXA-1-A".to_owned(), "KXA-1-B".to_owned()],
            series: None,
            count: None,
            max_markets: 8,
            maker_multipliers_e4: BTreeMap::new(),
        })
    }

    /// A stage with two listed markets, the stream up and the rings empty.
    pub(super) fn running() -> Self {
        let mut bench = Self::two_markets();
        bench.start();
        bench.events();
        bench
    }

    pub(super) fn start(&mut self) {
        self.stage.start(self.now, &mut self.port);
        self.open();
        self.answer_all();
    }

    pub(super) fn body(&mut self, path: &str, body: &str) {
        self.bodies.insert(format!("/trade-api/v2{path}"), (200, body.to_owned()));
    }

    pub(super) fn connection(&self) -> ConnectionId {
        *self.port.connected.last().expect("connected")
    }

    /// Opens the connection and acknowledges the private channels.
    pub(super) fn open(&mut self) {
        self.stage.on_opened(self.connection(), self.now, &mut self.port);
        let command = self.port.sent.pop_back().expect("a subscription");
        let channels = command.params.unwrap().channels.unwrap();
        assert_eq!(channels, ["fill", "user_orders", "market_positions"]);
        for (sid, channel) in channels.iter().enumerate() {
            let id = command.id;
            self.frame(&format!(r#"{{"id":{id},"type":"subscribed","msg":{{"channel":"{channel}","sid":{sid}}}}}"#));
        }
    }

    pub(super) fn close(&mut self) {
        let lost = ConnectionLost { reason: "cut".to_owned(), http_status: None };
        self.stage.on_closed(self.connection(), &lost, self.now, &mut self.port);
    }

    pub(super) fn frame(&mut self, text: &str) {
        let connection = self.connection();
        self.stage.on_frame(connection, text.as_bytes(), self.now.mono_ns, self.now, &mut self.port);
    }

    pub(super) fn query(&mut self, query: u32, kind: QueryKind, ticker: &str) {
        let market = self.stage.key(ticker).unwrap_or_default();
        let request = QueryRequest { query, kind, market, since_ms: 0 };
        self.stage.on_query(&request, self.now, &mut self.port);
    }

    /// Answers the request in flight from the bodies, or with a 404 if there is none for its path.
    pub(super) fn answer(&mut self) -> bool {
        let Some((request, path)) = self.port.requests.pop_front() else { return false };
        let (status, body) =
            self.bodies.get(&path).cloned().unwrap_or((404, r#"{"error":{"code":"not_found"}}"#.into()));
        self.asked.push(path.trim_start_matches("/trade-api/v2").to_owned());
        self.stage.on_answer(request, status, body.as_bytes(), self.now.mono_ns, self.now, &mut self.port);
        true
    }

    pub(super) fn answer_all(&mut self) {
        while self.answer() {}
    }

    /// Advances the clock, running the timers that are due and answering requests.
    pub(super) fn pass(&mut self, ns: u64) {
        let end_ns = self.now.mono_ns + ns;
        while self.stage.deadline_ns() <= end_ns {
            self.at(self.stage.deadline_ns().max(self.now.mono_ns + 1));
            self.stage.on_timer(self.now, &mut self.port);
            self.answer_all();
        }
        self.at(end_ns.max(self.now.mono_ns));
    }

    fn at(&mut self, mono_ns: u64) {
        self.now = Now { mono_ns, session_ms: i64::try_from(mono_ns / 1_000_000).unwrap() };
    }

    pub(super) fn events(&mut self) -> Vec<AccountEvent> {
        self.port.ring.drain(..).collect()
    }
}
