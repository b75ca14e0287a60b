//! A port with bounded rings that a test drains as slowly as it likes, and the exchange's frames as bytes.

use std::collections::VecDeque;

use super::{FeedConfig, FeedStage};
use crate::clock::{Now, SessionClock};
use crate::market::{BookLevels, EventKey, FeeSchedule, GridBands, MarketKey, Ticker};
use crate::messages::{BookEvent, BookEventKind, FeedToDecide, FeedToExecute, Listing, MarketStatus, Phase};
use crate::ports::{ConnectionId, ConnectionLost, FeedEffect, FeedMessage, FeedPort, Full, Refused, SocketOutput};
use crate::record::Span;
use crate::wire::command::Command;

/// An event as `decide` would have taken it from its ring.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) event: BookEvent,
    pub(super) listing: Option<Listing>,
}

#[derive(Debug)]
pub(super) struct Port {
    pub(super) connected: Vec<ConnectionId>,
    pub(super) closed: Vec<ConnectionId>,
    pub(super) sent: VecDeque<(ConnectionId, Command)>,
    pub(super) ring: VecDeque<FeedToDecide>,
    pub(super) ring_capacity: usize,
    #[expect(clippy::vec_box, reason = "the pool's buffers are boxes")]
    pub(super) pool: Vec<Box<BookLevels>>,
    pub(super) statuses: VecDeque<MarketStatus>,
    pub(super) status_capacity: usize,
    pub(super) epoch: u64,
    pub(super) parsed: usize,
}

impl Port {
    pub(super) fn new(ring_capacity: usize, buffers: usize) -> Self {
        Self {
            connected: Vec::new(),
            closed: Vec::new(),
            sent: VecDeque::new(),
            ring: VecDeque::new(),
            ring_capacity,
            pool: (0..buffers).map(|_| Box::default()).collect(),
            statuses: VecDeque::new(),
            status_capacity: usize::MAX,
            epoch: 0,
            parsed: 0,
        }
    }

    /// Takes the oldest event as `decide` would, and returns a snapshot's buffer to the pool.
    pub(super) fn take(&mut self) -> Option<Taken> {
        let message = self.ring.pop_front()?;
        let event = *message.event();
        let listing = if let FeedToDecide::Listed(_, listing) = message { Some(listing) } else { None };
        self.pool.extend(message.into_levels());
        Some(Taken { event, listing })
    }

    pub(super) fn take_all(&mut self) -> Vec<Taken> {
        std::iter::from_fn(|| self.take()).collect()
    }

    /// Takes all waiting events and returns their kinds.
    pub(super) fn kinds(&mut self) -> Vec<BookEventKind> {
        self.take_all().into_iter().map(|taken| taken.event.kind).collect()
    }

    pub(super) fn commands(&mut self) -> Vec<Command> {
        self.sent.drain(..).map(|(_, command)| command).collect()
    }
}

impl FeedPort for Port {
    fn push(&mut self, message: FeedMessage) -> Result<(), Refused> {
        match message {
            FeedMessage::Decide(message) if self.ring.len() >= self.ring_capacity => return Err(message.into()),
            FeedMessage::Execute(_) if self.statuses.len() >= self.status_capacity => return Err(Full.into()),
            FeedMessage::Decide(message) => self.ring.push_back(message),
            FeedMessage::Execute(FeedToExecute::Status(status)) => self.statuses.push_back(status),
        }
        Ok(())
    }
    fn tell(&mut self, effect: FeedEffect<'_>) {
        match effect {
            FeedEffect::Socket(SocketOutput::Connect(connection)) => self.connected.push(connection),
            FeedEffect::Socket(SocketOutput::Send(connection, text)) => {
                self.sent.push_back((connection, serde_json::from_str(text).expect("a command is JSON")));
            }
            FeedEffect::Socket(SocketOutput::Close(connection)) => self.closed.push(connection),
            FeedEffect::Overflow(epoch) => {
                assert!(epoch > self.epoch, "epochs only grow");
                self.epoch = epoch;
            }
        }
    }
    fn stamp_ns(&mut self) -> u64 {
        0
    }
    fn take_levels(&mut self) -> Option<Box<BookLevels>> {
        self.pool.pop()
    }
    fn latency(&mut self, span: Span, _: u64) {
        match span {
            Span::Receive => {}
            Span::Parse => self.parsed += 1,
            other => panic!("the feed measures nothing of {other:?}"),
        }
    }
}

/// A stage, its port, and a clock that the test advances.
pub(super) struct Bench {
    pub(super) stage: FeedStage,
    pub(super) port: Port,
    pub(super) now: Now,
    seq: [u64; 4],
}

/// The sids that the test's exchange assigns.
pub(super) const LIFECYCLE: u64 = 1;
pub(super) const TRADE: u64 = 2;
pub(super) const BOOK: u64 = 3;

pub(super) const SECOND_NS: u64 = 1_000_000_000;
pub(super) const CLOSE_MS: i64 = 10_000_000;

pub(super) fn ticker(index: usize) -> String {
    format!("KXTEST-26NOV21-T{index}")
}

pub(super) fn key(index: u16) -> MarketKey {
    MarketKey { index, generation: 1 }
}

pub(super) fn listing(index: u16) -> Listing {
    Listing {
        close_time_ms: CLOSE_MS,
        age_ms: 0,
        event: EventKey::default(),
        exclusive: false,
        market: key(index),
        fees: FeeSchedule::QUADRATIC,
        event_length: 14,
        exchange_index: 0,
        phase: Phase::Open,
        traded: true,
        ticker: Ticker::new(&ticker(usize::from(index))).unwrap(),
        bands: GridBands::cents(),
    }
}

impl Bench {
    /// A stage with listed markets whose connection is being opened.
    pub(super) fn new(config: FeedConfig, markets: u16, ring_capacity: usize) -> Self {
        let clock = SessionClock::new(0, 0, 1_000);
        let mut bench = Self {
            stage: FeedStage::new(config, clock, 42),
            port: Port::new(ring_capacity, config.snapshots_in_flight),
            now: Now::default(),
            seq: [0; 4],
        };
        for index in 0..markets {
            bench.stage.on_listing(&listing(index), bench.now, &mut bench.port);
        }
        bench.stage.start(bench.now, &mut bench.port);
        bench
    }

    /// A small stage with fresh books and empty rings.
    pub(super) fn fresh(markets: u16) -> Self {
        let mut bench = Self::new(FeedConfig { max_markets: 16, ..FeedConfig::default() }, markets, 1_024);
        bench.open();
        bench.serve();
        bench.port.ring.drain(..).for_each(drop);
        bench.port.statuses.clear();
        assert_eq!(bench.stage.fresh_books(), usize::from(markets));
        bench
    }

    pub(super) fn connection(&self) -> ConnectionId {
        *self.port.connected.last().expect("connected")
    }

    pub(super) fn open(&mut self) {
        self.seq = [0; 4];
        let connection = self.connection();
        self.stage.on_opened(connection, self.now, &mut self.port);
    }

    pub(super) fn frame_of(&mut self, connection: ConnectionId, text: &str) {
        self.stage.on_frame(connection, text.as_bytes(), self.now.mono_ns, self.now, &mut self.port);
    }

    pub(super) fn frame(&mut self, text: &str) {
        self.frame_of(self.connection(), text);
    }

    pub(super) fn close(&mut self) {
        let lost = ConnectionLost { reason: "cut".to_owned(), http_status: None };
        self.stage.on_closed(self.connection(), &lost, self.now, &mut self.port);
    }

    /// Advances the clock and runs the timers that are due.
    pub(super) fn pass(&mut self, ns: u64) {
        let end_ns = self.now.mono_ns + ns;
        while self.stage.deadline_ns() <= end_ns {
            self.at(self.stage.deadline_ns().max(self.now.mono_ns));
            self.stage.on_timer(self.now, &mut self.port);
            if self.stage.deadline_ns() <= self.now.mono_ns {
                break;
            }
        }
        self.at(end_ns);
        self.stage.on_timer(self.now, &mut self.port);
    }

    fn at(&mut self, mono_ns: u64) {
        self.now = Now { mono_ns, session_ms: i64::try_from(mono_ns / 1_000_000).unwrap() };
    }

    pub(super) fn next_seq(&mut self, sid: u64) -> u64 {
        let seq = &mut self.seq[usize::try_from(sid).unwrap()];
        *seq += 1;
        *seq
    }

    pub(super) fn snapshot(&mut self, market: &str, levels: &str) {
        let seq = self.next_seq(BOOK);
        self.frame(&format!(
            r#"{{"type":"orderbook_snapshot","sid":{BOOK},"seq":{seq},"msg":{{"market_ticker":"{market}","market_id":"","clock":7{levels}}},"sending_ts_ms":5000}}"#
        ));
    }

    fn snapshots(&mut self, markets: &[String], levels: &str) {
        for market in markets {
            self.snapshot(market, levels);
        }
    }

    pub(super) fn delta_with(&mut self, market: &str, seq: u64, ts_ms: i64) {
        self.frame(&format!(
            r#"{{"type":"orderbook_delta","sid":{BOOK},"seq":{seq},"msg":{{"market_ticker":"{market}","market_id":"m","clock":8,"price_dollars":"0.4200","delta_fp":"-5.00","side":"no","ts":"2026-11-21T00:00:00Z","ts_ms":{ts_ms}}},"sending_ts_ms":6000}}"#
        ));
    }

    pub(super) fn delta(&mut self, market: &str) {
        let seq = self.next_seq(BOOK);
        self.delta_with(market, seq, 6_000);
    }

    pub(super) fn lifecycle(&mut self, market: usize, rest: &str) {
        let (seq, market) = (self.next_seq(LIFECYCLE), ticker(market));
        self.frame(&format!(
            r#"{{"type":"market_lifecycle_v2","sid":{LIFECYCLE},"seq":{seq},"msg":{{"market_ticker":"{market}",{rest}}}}}"#
        ));
    }

    /// Answers every waiting command as the exchange does. Snapshots are empty unless `levels` is given.
    pub(super) fn serve_with(&mut self, levels: &str) {
        while let Some((connection, command)) = self.port.sent.pop_front() {
            if connection != self.connection() {
                continue;
            }
            let params = command.params.expect("every command here has parameters");
            let markets = params.market_tickers.unwrap_or_default();
            let id = command.id;
            match (command.cmd.as_str(), params.action.as_deref()) {
                ("subscribe", _) => {
                    let channel = params.channels.expect("channels")[0].clone();
                    let sid = match channel.as_str() {
                        "orderbook_delta" => {
                            assert_eq!(params.use_yes_price, Some(false), "always sent explicitly");
                            self.seq[3] = 0;
                            BOOK
                        }
                        "trade" => TRADE,
                        _ => LIFECYCLE,
                    };
                    self.frame(&format!(
                        r#"{{"id":{id},"type":"subscribed","msg":{{"channel":"{channel}","sid":{sid}}}}}"#
                    ));
                    if sid == BOOK {
                        self.snapshots(&markets, levels);
                    }
                }
                ("unsubscribe", _) => {
                    let sid = params.sids.expect("sids")[0];
                    let seq = self.next_seq(sid);
                    self.frame(&format!(r#"{{"id":{id},"type":"unsubscribed","sid":{sid},"seq":{seq}}}"#));
                }
                (_, Some("get_snapshot")) => self.snapshots(&markets, levels),
                (_, action) => {
                    let sid = params.sid.expect("sid");
                    let seq = self.next_seq(sid);
                    self.frame(&format!(r#"{{"id":{id},"type":"ok","sid":{sid},"seq":{seq},"msg":{{}}}}"#));
                    if sid == BOOK && action == Some("add_markets") {
                        self.snapshots(&markets, levels);
                    }
                }
            }
        }
    }

    pub(super) fn serve(&mut self) {
        self.serve_with("");
    }
}
