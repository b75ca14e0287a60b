//! The three stages of a tick's path on one thread, with ports that keep everything in memory: no socket, no clock, no
//! signature. Each step of a tick can be executed separately.

use std::collections::VecDeque;

use kalshi_actor::clock::{Now, SessionClock};
use kalshi_actor::decide::{DecideConfig, DecideStage};
use kalshi_actor::execute::{ExecuteConfig, ExecuteStage};
use kalshi_actor::feed::{FeedConfig, FeedStage};
use kalshi_actor::market::{BookLevels, Money};
use kalshi_actor::messages::{
    AccountEvent, AccountNote, DayState, DecideToExecute, ExecuteToReconcile, FeedToDecide, FeedToExecute,
    QueryRequest, Skip,
};
use kalshi_actor::ports::{
    ConnectionId, DecideEffect, DecideMessage, DecidePort, ExecuteEffect, ExecuteMessage, ExecutePort, FeedEffect,
    FeedMessage, FeedPort, Full, NotSent, OrderRequest, Refused, RequestId, SocketOutput,
};
use kalshi_actor::record::Span;

use crate::tick::{AlwaysBid, DECIDE_MS, START_MS, answer, delta, listing, replies};

/// How long books and ledger may take to become ready.
const OPENING_MS: i64 = 10_000;

#[derive(Default)]
struct FeedIo {
    connection: Option<ConnectionId>,
    commands: VecDeque<String>,
    decide: VecDeque<FeedToDecide>,
    execute: VecDeque<FeedToExecute>,
    #[expect(clippy::vec_box, reason = "the stage takes and returns boxes")]
    spare: Vec<Box<BookLevels>>,
}

impl FeedPort for FeedIo {
    fn push(&mut self, message: FeedMessage) -> Result<(), Refused> {
        match message {
            FeedMessage::Decide(message) => self.decide.push_back(message),
            FeedMessage::Execute(message) => self.execute.push_back(message),
        }
        Ok(())
    }
    fn tell(&mut self, effect: FeedEffect<'_>) {
        match effect {
            FeedEffect::Socket(SocketOutput::Connect(connection)) => self.connection = Some(connection),
            FeedEffect::Socket(SocketOutput::Send(_, text)) => self.commands.push_back(text.to_owned()),
            FeedEffect::Socket(SocketOutput::Close(_)) | FeedEffect::Overflow(_) => {
                panic!("nothing goes wrong: {effect:?}");
            }
        }
    }
    fn stamp_ns(&mut self) -> u64 {
        0
    }
    fn take_levels(&mut self) -> Option<Box<BookLevels>> {
        self.spare.pop()
    }
    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

#[derive(Default)]
struct DecideIo {
    execute: VecDeque<DecideToExecute>,
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
    fn push(&mut self, message: DecideMessage) -> Result<(), Full> {
        match message {
            DecideMessage::Execute(message) => self.execute.push_back(message),
            DecideMessage::Feed(message) => panic!("the book is never wrong: {message:?}"),
        }
        Ok(())
    }
    fn tell(&mut self, effect: DecideEffect<'_>) {
        if let DecideEffect::Skipped(_, _, reason) = effect {
            self.skipped = Some(reason);
        }
    }
    fn return_levels(&mut self, levels: Box<BookLevels>) {
        self.levels.push(levels);
    }
    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

/// An order write: its request id, whether it is an amend, and its body.
#[derive(Default)]
struct Write {
    request: Option<RequestId>,
    amends: bool,
    body: Vec<u8>,
}

#[derive(Default)]
struct ExecuteIo {
    write: Write,
    decide: VecDeque<AccountNote>,
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
    fn push(&mut self, message: ExecuteMessage) -> Result<(), Full> {
        match message {
            ExecuteMessage::Decide(note) => self.decide.push_back(note),
            ExecuteMessage::Reconcile(ExecuteToReconcile::Query(query)) => self.queries.push_back(query),
        }
        Ok(())
    }
    fn tell(&mut self, effect: ExecuteEffect<'_>) {
        assert!(!matches!(effect, ExecuteEffect::Abandon(_)), "every request is answered: {effect:?}");
    }
    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

/// The stages, with the queues between them.
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
    /// Creates a path whose next tick amends a resting order.
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
        // The first tick creates the order; the others let the path's buffers grow to their final size.
        for _ in 0..20 {
            let frame = self.frame();
            self.feed(&frame);
            self.decide();
            self.execute();
            self.settle();
        }
    }

    /// Advances time to the next tick and returns its frame.
    pub fn frame(&mut self) -> Vec<u8> {
        self.ticks += 1;
        self.seq += 1;
        let time_ms = START_MS + DECIDE_MS * i64::try_from(self.ticks).expect("a small number");
        self.now = self.session.now(self.session.mono_ns(time_ms));
        self.feed_timers();
        delta(self.ticks - 1, self.seq).into_bytes()
    }

    /// The first step of a tick: the bytes of the frame go through `feed`.
    #[inline]
    pub fn feed(&mut self, frame: &[u8]) {
        self.feed.on_frame(self.connection, frame, self.now.mono_ns, self.now, &mut self.feed_io);
    }

    /// The second step: book, observation, network, wanted quote.
    #[inline]
    pub fn decide(&mut self) {
        while let Some(message) = self.feed_io.decide.pop_front() {
            self.decide.on_feed(message, self.now, &mut self.decide_io);
        }
        self.decide.on_drained(&mut self.decide_io);
    }

    /// The third step: the risk gate and the bytes of the order.
    #[inline]
    pub fn execute(&mut self) {
        while let Some(message) = self.decide_io.execute.pop_front() {
            self.execute.on_decide(&message, self.now, &mut self.execute_io);
        }
    }

    /// Handles what follows a tick, which must have amended the resting order.
    pub fn settle_amended(&mut self) {
        let write = &self.execute_io.write;
        let skipped = self.decide_io.skipped;
        assert!(write.request.is_some() && write.amends, "a tick without an amend; skipped: {skipped:?}");
        self.settle();
    }

    /// Handles what follows a tick: the exchange's answers, other messages between the stages, and timers.
    fn settle(&mut self) {
        self.decide();
        self.execute();
        while let Some(command) = self.feed_io.commands.pop_front() {
            for frame in replies(&command, &mut self.seq) {
                self.feed(frame.as_bytes());
            }
        }
        while let Some(message) = self.feed_io.execute.pop_front() {
            self.execute.on_feed(&message, self.now, &mut self.execute_io);
        }
        while let Some(levels) = self.decide_io.levels.pop() {
            self.feed_io.spare.push(levels);
        }
        if let Some(request) = self.execute_io.write.request.take() {
            let (amends, now) = (self.execute_io.write.amends, self.now);
            let answer = answer(amends, &self.execute_io.write.body);
            let status = if amends { 200 } else { 201 };
            self.execute.on_answer(request, status, answer.as_bytes(), now.mono_ns, now, &mut self.execute_io);
        }
        // An account with only cash.
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
        while let Some(note) = self.execute_io.decide.pop_front() {
            self.decide.on_execute(&note, self.now, &mut self.decide_io);
        }
    }

    fn feed_timers(&mut self) {
        if self.feed.deadline_ns() <= self.now.mono_ns {
            self.feed.on_timer(self.now, &mut self.feed_io);
        }
    }
}
