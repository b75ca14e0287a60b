//! REST answers as a client reads them: every parser gets the whole input, and the reconcile stage's requests are
//! answered with the input's lines. A line that begins with a digit has a status before its body; one that begins with
//! `F` is a frame of the private stream; `Q` starts every query that `execute` can make.

use std::collections::{BTreeMap, VecDeque};

use kalshi_actor::clock::{Now, SessionClock};
use kalshi_actor::market::MarketKey;
use kalshi_actor::messages::{QueryKind, QueryRequest};
use kalshi_actor::ports::{
    ConnectionId, Full, ReconcileEffect, ReconcileMessage, ReconcilePort, RequestId, SocketOutput,
};
use kalshi_actor::reconcile::{DirectoryConfig, ReconcileConfig, ReconcileStage};
use kalshi_actor::wire::elements::{Element, read_page};
use kalshi_actor::wire::error::ErrorBody;
use kalshi_actor::wire::{account, events, markets, order_groups, orders};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub fn run(data: &[u8]) {
    parsers(data);
    let mut reconcile = Reconcile::new();
    for line in data.split(|byte| *byte == b'\n') {
        reconcile.line(line);
    }
    reconcile.end();
}

/// Checks that a value survives being written and parsed again.
fn comes_back<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(data: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(data) {
        let text = serde_json::to_vec(&value).expect("what was read can be written");
        assert_eq!(serde_json::from_slice::<T>(&text).expect("what was written can be read"), value);
    }
}

fn parsers(data: &[u8]) {
    for status in [400, 409, 503] {
        let _ = ErrorBody::parse(status, data);
    }
    if let Ok(created) = orders::answer::parse_created(data) {
        let amended = orders::answer::parse_amended(data).expect("an answer to a create has all that an amend's has");
        assert_eq!((created.order, Some(created.filled)), (amended.order, amended.filled));
    }
    let _ = orders::answer::parse_canceled_batch(data, |_| ());
    comes_back::<markets::MarketsPage>(data);
    comes_back::<markets::OrderBookBody>(data);
    comes_back::<markets::Balance>(data);
    comes_back::<markets::AccountLimits>(data);
    comes_back::<markets::ExchangeStatus>(data);
    comes_back::<markets::TradesPage>(data);
    comes_back::<events::EventBody>(data);
    comes_back::<events::SeriesBody>(data);
    comes_back::<account::OrdersPage>(data);
    comes_back::<account::FillsPage>(data);
    comes_back::<account::PositionsPage>(data);
    comes_back::<account::SettlementsPage>(data);
    each_by_itself::<account::Order>(data);
    each_by_itself::<account::Cancelable>(data);
    each_by_itself::<account::Fill>(data);
    each_by_itself::<account::MarketPosition>(data);
    each_by_itself::<account::Settlement>(data);
    each_by_itself::<markets::Market>(data);
    each_by_itself::<markets::ShardBalance>(data);
    each_by_itself::<events::Event>(data);
    each_by_itself::<order_groups::OrderGroup>(data);
}

/// Checks that every element of a list is either used or described, and that a description is bounded.
fn each_by_itself<T: Element>(data: &[u8]) {
    let Ok(page) = read_page::<T>(data) else { return };
    // A number too large for a float is valid JSON that serde_json refuses.
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(data) else { return };
    if let Some(list) = value[T::LIST].as_array() {
        assert_eq!(page.elements.len() + page.unusable.len(), list.len());
    }
    for unusable in page.unusable {
        assert!(unusable.to_string().chars().count() < 500, "{unusable}");
    }
}

#[derive(Default)]
struct Port {
    connections: Vec<ConnectionId>,
    requests: VecDeque<(RequestId, String)>,
    told: usize,
}

impl ReconcilePort for Port {
    fn push(&mut self, message: ReconcileMessage) -> Result<(), Full> {
        if matches!(message, ReconcileMessage::Feed(_)) {
            return Ok(());
        }
        // Every seventh message finds the ring full.
        self.told += 1;
        if self.told.is_multiple_of(7) { Err(Full) } else { Ok(()) }
    }
    fn tell(&mut self, effect: ReconcileEffect<'_>) {
        match effect {
            ReconcileEffect::Socket(SocketOutput::Connect(connection)) => self.connections.push(connection),
            ReconcileEffect::Socket(SocketOutput::Send(_, text)) => {
                serde_json::from_str::<serde_json::Value>(text).expect("what is sent is JSON");
            }
            ReconcileEffect::Socket(SocketOutput::Close(_)) => {}
            ReconcileEffect::Get(request, path) => {
                assert!(path.starts_with("/trade-api/v2/"), "a path of the exchange: {path}");
                assert!(path.bytes().all(|byte| byte.is_ascii_graphic()), "a path that can be sent: {path:?}");
                self.requests.push_back((request, path.to_owned()));
            }
        }
    }
}

struct Reconcile {
    stage: ReconcileStage,
    port: Port,
    now: Now,
    open: usize,
    queries: u32,
}

impl Reconcile {
    fn new() -> Self {
        let tickers = vec!["KXA-1-A".to_owned(), "KXA-1-B".to_owned()];
        let maker_multipliers_e4 = BTreeMap::from([("KXA".to_owned(), 2_500)]);
        let directory = DirectoryConfig { tickers, series: None, count: None, max_markets: 8, maker_multipliers_e4 };
        let stage = ReconcileStage::new(ReconcileConfig::new(directory), SessionClock::new(0, 0, 1_000), 7);
        let mut this = Self { stage, port: Port::default(), now: Now::default(), open: 0, queries: 0 };
        this.stage.start(this.now, &mut this.port);
        this.follow();
        this
    }

    /// Opens the connections that the stage asks for, and runs the timers that are due.
    fn follow(&mut self) {
        self.now.mono_ns += 1_000_000;
        self.now.session_ms += 1;
        while let Some(&connection) = self.port.connections.get(self.open) {
            self.open += 1;
            self.stage.on_opened(connection, self.now, &mut self.port);
        }
        if self.stage.deadline_ns() <= self.now.mono_ns {
            self.stage.on_timer(self.now, &mut self.port);
        }
    }

    fn line(&mut self, line: &[u8]) {
        match line.split_first() {
            Some((b'F', frame)) => {
                let connection = *self.port.connections.last().expect("the stage connects at its start");
                self.stage.on_frame(connection, frame, self.now.mono_ns, self.now, &mut self.port);
            }
            Some((b'Q', _)) => self.ask(),
            _ => self.answer(line),
        }
        self.follow();
    }

    fn ask(&mut self) {
        let market = self.stage.key("KXA-1-A").unwrap_or(MarketKey { index: 0, generation: 1 });
        for kind in
            [QueryKind::Rebuild, QueryKind::Compare, QueryKind::Resolve, QueryKind::Settlements, QueryKind::Successor]
        {
            self.queries += 1;
            let query = QueryRequest { query: self.queries, kind, market, since_ms: 0 };
            self.stage.on_query(&query, self.now, &mut self.port);
        }
    }

    fn answer(&mut self, line: &[u8]) {
        let digits = line.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
        let status = std::str::from_utf8(&line[..digits]).expect("digits").parse().unwrap_or(200);
        if let Some((request, _)) = self.port.requests.pop_front() {
            let body = &line[digits..];
            self.stage.on_answer(request, status, body, self.now.mono_ns, self.now, &mut self.port);
        }
    }

    /// Checks that, whatever the answers, the stage keeps making requests and stays within its bounds.
    fn end(&mut self) {
        for _ in 0..50 {
            self.now.mono_ns = self.stage.deadline_ns().max(self.now.mono_ns);
            self.follow();
            if let Some((request, _)) = self.port.requests.pop_front() {
                self.stage.on_no_answer(request, "the input is over", self.now, &mut self.port);
            }
        }
        assert!(self.stage.problems().len() <= 64, "the list of problems is bounded");
    }
}
