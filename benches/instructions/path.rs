//! The three stages of a tick's path on one thread, with ports that keep everything in memory: no socket, no clock, no
//! signature. Each step of a tick can be taken by itself.

use std::collections::VecDeque;

use kalshi_actor::clock::{Now, SessionClock};
use kalshi_actor::decide::{DecideConfig, DecideStage};
use kalshi_actor::execute::{ExecuteConfig, ExecuteStage};
use kalshi_actor::feed::{FeedConfig, FeedStage};
use kalshi_actor::market::{BookLevels, MarketKey, Money};
use kalshi_actor::messages::{
    AccountEvent, BookEvent, DayState, DecisionRecord, KnownGroup, Listing, MarketStatus, OrderIntent, PortfolioUpdate,
    QueryRequest, ResyncRequest, Skip,
};
use kalshi_actor::ports::{
    ConnectionId, DecidePort, ExecutePort, FeedPort, Full, NotSent, OrderRequest, RequestId, SocketPort,
};
use kalshi_actor::record::Span;

use crate::tick::{AlwaysBid, DECIDE_MS, START_MS, answer, delta, listing, replies};

/// How long books and ledger have to become ready.
const OPENING_MS: i64 = 10_000;

/// What `feed` tells `decide`.
enum ToDecide {
    Book(BookEvent),
    Snapshot(BookEvent, Box<BookLevels>),
    Listed(Listing),
}

#[derive(Default)]
struct FeedIo {
    connection: Option<ConnectionId>,
    commands: VecDeque<String>,
    events: VecDeque<ToDecide>,
    statuses: VecDeque<MarketStatus>,
    #[expect(clippy::vec_box, reason = "the stage takes and returns boxes")]
    spare: Vec<Box<BookLevels>>,
}

impl SocketPort for FeedIo {
    fn connect(&mut self, connection: ConnectionId) {
        self.connection = Some(connection);
    }
    fn send(&mut self, _connection: ConnectionId, text: &str) {
        self.commands.push_back(text.to_owned());
    }
    fn close(&mut self, connection: ConnectionId) {
        panic!("the feed ends connection {connection}");
    }
}

impl FeedPort for FeedIo {
    fn stamp_ns(&mut self) -> u64 {
        0
    }
    fn take_levels(&mut self) -> Option<Box<BookLevels>> {
        self.spare.pop()
    }
    fn return_levels(&mut self, levels: Box<BookLevels>) {
        self.spare.push(levels);
    }
    fn book(&mut self, event: &BookEvent) -> Result<(), Full> {
        self.events.push_back(ToDecide::Book(*event));
        Ok(())
    }
    fn snapshot(&mut self, event: &BookEvent, levels: Box<BookLevels>) -> Result<(), Box<BookLevels>> {
        self.events.push_back(ToDecide::Snapshot(*event, levels));
        Ok(())
    }
    fn list(&mut self, _event: &BookEvent, listing: &Listing) -> Result<(), Full> {
        self.events.push_back(ToDecide::Listed(*listing));
        Ok(())
    }
    fn raise_overflow(&mut self, epoch: u64) {
        panic!("nothing overflows: {epoch}");
    }
    fn status(&mut self, status: &MarketStatus) -> Result<(), Full> {
        self.statuses.push_back(*status);
        Ok(())
    }
    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

#[derive(Default)]
struct DecideIo {
    intents: VecDeque<OrderIntent>,
    #[expect(clippy::vec_box, reason = "the stage takes and returns boxes")]
    levels: Vec<Box<BookLevels>>,
    skipped: Option<Skip>,
}

impl DecidePort for DecideIo {
    fn stamp_ns(&mut self) -> u64 {
        0
    }
    fn overflow_epoch(&mut self) -> u64 {
        0
    }
    fn intent(&mut self, intent: &OrderIntent) -> Result<(), Full> {
        self.intents.push_back(*intent);
        Ok(())
    }
    fn resync(&mut self, request: &ResyncRequest) -> Result<(), Full> {
        panic!("the book is never wrong: {request:?}")
    }
    fn return_levels(&mut self, levels: Box<BookLevels>) {
        self.levels.push(levels);
    }
    fn decided(&mut self, _record: &DecisionRecord<'_>) {}
    fn skipped(&mut self, _market: MarketKey, _time_ms: i64, reason: Skip) {
        self.skipped = Some(reason);
    }
    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

/// An order write: its number, whether it amends, and its body.
#[derive(Default)]
struct Write {
    request: Option<RequestId>,
    amends: bool,
    body: Vec<u8>,
}

#[derive(Default)]
struct ExecuteIo {
    write: Write,
    portfolios: VecDeque<PortfolioUpdate>,
    queries: VecDeque<QueryRequest>,
}

impl ExecutePort for ExecuteIo {
    fn stamp_ns(&mut self) -> u64 {
        0
    }
    fn request(&mut self, request: &OrderRequest<'_>) -> Result<u64, NotSent> {
        self.write.request = Some(request.id);
        self.write.amends = request.path.ends_with("/amend");
        self.write.body.clear();
        self.write.body.extend_from_slice(request.body);
        Ok(0)
    }
    fn presign(&mut self, _method: &'static str, _path: &str) {}
    fn abandon(&mut self, request: RequestId) {
        panic!("every request is answered: {request}");
    }
    fn portfolio(&mut self, update: &PortfolioUpdate) -> Result<(), Full> {
        self.portfolios.push_back(*update);
        Ok(())
    }
    fn query(&mut self, query: &QueryRequest) -> Result<(), Full> {
        self.queries.push_back(*query);
        Ok(())
    }
    fn keep_groups(&mut self, _known: &[KnownGroup]) {}
    fn persist(&mut self, _day: &DayState) {}
    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

/// The stages with what is between them.
pub struct Path {
    session: SessionClock,
    now: Now,
    connection: ConnectionId,
    feed: FeedStage,
    feed_io: FeedIo,
    decide: DecideStage<AlwaysBid>,
    decide_io: DecideIo,
    execute: ExecuteStage,
    execute_io: ExecuteIo,
    seq: u64,
    ticks: u64,
}

impl Path {
    /// A path whose next tick amends a resting order.
    pub fn new() -> Self {
        let session = SessionClock::new(0, START_MS - OPENING_MS, 1_000);
        let execute = ExecuteConfig {
            read_lag_ms: 0,
            compare_every_ns: 1 << 62,
            write_refill: 1_000,
            ..ExecuteConfig::default()
        };
        let mut path = Self {
            session,
            now: session.now(0),
            connection: 0,
            feed: FeedStage::new(FeedConfig { max_markets: 16, ..FeedConfig::default() }, session, 1),
            feed_io: FeedIo {
                spare: (0..8).map(|_| Box::new(BookLevels::with_capacity(128))).collect(),
                ..FeedIo::default()
            },
            decide: DecideStage::new(AlwaysBid::new(), &DecideConfig { max_markets: 16, clock: session })
                .expect("one schema"),
            decide_io: DecideIo::default(),
            execute: ExecuteStage::new(execute, session, 1, DayState::default()),
            execute_io: ExecuteIo::default(),
            seq: 0,
            ticks: 0,
        };
        path.open();
        path
    }

    fn open(&mut self) {
        let listing = listing();
        self.execute.on_account(&AccountEvent::Listing(listing), self.now, &mut self.execute_io);
        self.execute.on_account(&AccountEvent::Stream { up: true }, self.now, &mut self.execute_io);
        self.feed.on_listing(&listing, self.now, &mut self.feed_io);
        self.feed.start(self.now, &mut self.feed_io);
        self.connection = self.feed_io.connection.expect("the feed connects");
        self.feed.on_opened(self.connection, self.now, &mut self.feed_io);
        while self.now.session_ms < START_MS {
            self.settle();
            self.now = self.session.now(self.now.mono_ns + 100_000_000);
        }
        assert_eq!(self.feed.fresh_books(), 1, "the book is fresh: {:?}", self.feed.last_problem());
        assert!(self.execute.is_synced(), "the ledger knows the account");
        // The first tick creates the order, and the buffers of the path find their size.
        for _ in 0..20 {
            let frame = self.frame();
            self.feed(&frame);
            self.decide();
            self.execute();
            self.settle();
        }
    }

    /// The frame of the next tick, whose time the path is at from now on.
    pub fn frame(&mut self) -> Vec<u8> {
        self.ticks += 1;
        self.seq += 1;
        let time_ms = START_MS + DECIDE_MS * i64::try_from(self.ticks).expect("a small number");
        self.now = self.session.now(self.session.mono_ns(time_ms));
        self.feed_timers();
        delta(self.ticks - 1, self.seq).into_bytes()
    }

    /// The first step of a tick: the frame's bytes.
    #[inline]
    pub fn feed(&mut self, frame: &[u8]) {
        self.feed.on_frame(self.connection, frame, self.now.mono_ns, self.now, &mut self.feed_io);
    }

    /// The second step: book, observation, network, what is wanted.
    #[inline]
    pub fn decide(&mut self) {
        while let Some(event) = self.feed_io.events.pop_front() {
            match event {
                ToDecide::Book(event) => self.decide.on_book(&event, None, self.now, &mut self.decide_io),
                ToDecide::Snapshot(event, levels) => {
                    self.decide.on_book(&event, Some(levels), self.now, &mut self.decide_io);
                }
                ToDecide::Listed(listing) => self.decide.on_listing(&listing, self.now),
            }
        }
        self.decide.on_drained(&mut self.decide_io);
    }

    /// The third step: the risk gate and the order's bytes.
    #[inline]
    pub fn execute(&mut self) {
        while let Some(intent) = self.decide_io.intents.pop_front() {
            self.execute.on_intent(&intent, self.now, &mut self.execute_io);
        }
    }

    /// What follows a tick, which must have amended the resting order.
    pub fn settle_amended(&mut self) {
        let write = &self.execute_io.write;
        let skipped = self.decide_io.skipped;
        assert!(write.request.is_some() && write.amends, "a tick without an amend; skipped: {skipped:?}");
        self.settle();
    }

    /// Whatever follows a tick: the exchange's answers, what the stages tell each other besides, and timers.
    fn settle(&mut self) {
        self.decide();
        self.execute();
        while let Some(command) = self.feed_io.commands.pop_front() {
            for frame in replies(&command, &mut self.seq) {
                self.feed(frame.as_bytes());
            }
        }
        while let Some(status) = self.feed_io.statuses.pop_front() {
            self.execute.on_status(&status, self.now, &mut self.execute_io);
        }
        while let Some(levels) = self.decide_io.levels.pop() {
            self.feed_io.return_levels(levels);
        }
        if let Some(request) = self.execute_io.write.request.take() {
            let (amends, now) = (self.execute_io.write.amends, self.now);
            let answer = answer(amends, &self.execute_io.write.body);
            let status = if amends { 200 } else { 201 };
            self.execute.on_answer(request, status, answer.as_bytes(), now.mono_ns, now, &mut self.execute_io);
        }
        // An account with cash and nothing else.
        while let Some(QueryRequest { query, kind, .. }) = self.execute_io.queries.pop_front() {
            for event in [
                AccountEvent::ReadBegin { query, kind },
                AccountEvent::Balance { exchange_index: 0, cash: Money::from_dollars(1_000) },
                AccountEvent::ReadEnd { query, kind, complete: true, as_of_ms: self.now.session_ms },
            ] {
                self.execute.on_account(&event, self.now, &mut self.execute_io);
            }
        }
        self.feed_timers();
        if self.decide.deadline_ns() <= self.now.mono_ns {
            self.decide.on_timer(self.now, &mut self.decide_io);
        }
        if self.execute.deadline_ns() <= self.now.mono_ns {
            self.execute.on_timer(self.now, &mut self.execute_io);
        }
        while let Some(update) = self.execute_io.portfolios.pop_front() {
            self.decide.on_portfolio(&update, self.now, &mut self.decide_io);
        }
    }

    fn feed_timers(&mut self) {
        if self.feed.deadline_ns() <= self.now.mono_ns {
            self.feed.on_timer(self.now, &mut self.feed_io);
        }
    }
}
