//! The stages' ports in one thread: bounded queues instead of rings, the virtual network instead of sockets.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::network::{Asker, Network, Packet, Role};
use crate::clock::Now;
use crate::exchange::gateway::{SessionId, Ticket};
use crate::market::{BookLevels, MarketKey, OrderId, TradeId};
use crate::messages::{
    AccountEvent, AccountNote, DayState, DecideToExecute, DecideToFeed, DecisionRecord, ExecuteToReconcile, FeedToDecide,
    FeedToExecute, KnownGroup, ReconcileToFeed, ResyncRequest,
};
use crate::ports::{
    ConnectionId, DecideEffect, DecideMessage, DecidePort, ExecuteEffect, ExecuteMessage, ExecutePort, FeedEffect,
    FeedMessage, FeedPort, Full, NotSent, OrderRequest, ReconcileEffect, ReconcileMessage, ReconcilePort, Refused,
    SocketOutput,
};
use crate::record::Span;

/// How far a signature's time may be from the exchange's, as its settings have it unless they say otherwise.
const CLOCK_TOLERANCE_MS: i64 = 10_000;

/// A bounded queue: a ring without threads.
pub(crate) struct Queue<T> {
    items: VecDeque<T>,
    capacity: usize,
    /// Takes nothing now.
    closed: bool,
    /// What it refused while closed.
    refused: u64,
}

impl<T> Queue<T> {
    fn new(capacity: usize) -> Self {
        Self { items: VecDeque::with_capacity(capacity), capacity, closed: false, refused: 0 }
    }

    fn push(&mut self, item: T) -> Result<(), T> {
        if self.closed || self.items.len() >= self.capacity {
            self.refused += u64::from(self.closed);
            return Err(item);
        }
        self.items.push_back(item);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        self.items.pop_front()
    }
}

/// A fact that was handed to `execute`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handed {
    /// A fill.
    Fill {
        /// The trade.
        trade: TradeId,
        /// The order.
        order: OrderId,
        /// The exchange's time.
        time_ms: i64,
    },
    /// A settled market was paid.
    Payment {
        /// Which.
        market: MarketKey,
    },
}

/// A ring between stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// Book events, `feed` to `decide`.
    Books,
    /// Requests for snapshots, `decide` to `feed`.
    Resyncs,
    /// Conditions of markets, `feed` to `execute`.
    Statuses,
    /// Intents, `decide` to `execute`.
    Intents,
    /// Notes on the account, `execute` to `decide`.
    Portfolios,
    /// Questions, `execute` to `reconcile`.
    Queries,
    /// Facts about the account, `reconcile` to `execute`.
    Facts,
    /// Listings, `reconcile` to `feed`.
    Listings,
}

impl Ring {
    /// Every ring.
    pub const ALL: [Self; 8] = [
        Self::Books,
        Self::Resyncs,
        Self::Statuses,
        Self::Intents,
        Self::Portfolios,
        Self::Queries,
        Self::Facts,
        Self::Listings,
    ];
}

/// An order write as it left the execute stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentRequest {
    /// When, in session milliseconds.
    pub session_ms: i64,
    /// `POST` or `DELETE`.
    pub method: &'static str,
    /// The path.
    pub path: String,
    /// The body.
    pub body: String,
}

/// A frame as it reached the feed stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedFrame {
    /// When, in session milliseconds.
    pub session_ms: i64,
    /// The frame.
    pub text: Arc<[u8]>,
    /// How many decisions had been taken before it came.
    pub decisions_before: usize,
}

/// Everything behind the ports.
pub(crate) struct Wires {
    pub(crate) now_ns: u64,
    pub(crate) session_ms: i64,
    pub(crate) network: Network,
    pub(crate) feed_to_decide: Queue<FeedToDecide>,
    #[expect(clippy::vec_box, reason = "a snapshot moves between stages as a pointer, as over the rings")]
    pub(crate) pool: Vec<Box<BookLevels>>,
    pub(crate) overflow_epoch: u64,
    pub(crate) decide_to_feed: Queue<DecideToFeed>,
    pub(crate) feed_to_execute: Queue<FeedToExecute>,
    pub(crate) decide_to_execute: Queue<DecideToExecute>,
    pub(crate) execute_to_decide: Queue<AccountNote>,
    pub(crate) execute_to_reconcile: Queue<ExecuteToReconcile>,
    pub(crate) reconcile_to_execute: Queue<AccountEvent>,
    pub(crate) reconcile_to_feed: Queue<ReconcileToFeed>,
    pub(crate) decisions: Vec<DecisionRecord<'static>>,
    pub(crate) sent: Vec<SentRequest>,
    pub(crate) frames: Vec<ReceivedFrame>,
    /// Markets of which an event was lost to a full ring and no snapshot was handed over since.
    lost: BTreeSet<u16>,
    /// Decisions that were taken on such a market.
    pub(crate) blind: Vec<MarketKey>,
    /// Snapshots that `decide` asked for since somebody asked, repetitions included.
    pub(crate) asked: Vec<ResyncRequest>,
    /// What was handed to `execute` since somebody asked.
    pub(crate) handed: Vec<Handed>,
    /// What would be on disk of the day's loss.
    pub(crate) day: DayState,
    /// And of the order groups.
    pub(crate) groups: Vec<KnownGroup>,
    pub(crate) sessions: BTreeMap<SessionId, (Role, ConnectionId)>,
    pub(crate) tickets: BTreeMap<Ticket, Asker>,
    /// A ring that was filled by hand, and until when.
    closed: Option<(Ring, u64)>,
    /// What rings that were filled by hand refused.
    pub(crate) refused: u64,
    /// By how much the trader's wall clock is off, and until when.
    pub(crate) clock_jump: Option<(i64, u64)>,
    /// What was signed by a clock that was off by more, and by less, than the exchange tolerates.
    pub(crate) jumped: u64,
    pub(crate) signed_off: u64,
    /// Until when the disk takes nothing.
    pub(crate) disk_full_until_ns: u64,
    /// What the disk did not take.
    pub(crate) not_written: u64,
    next_session: SessionId,
    next_ticket: Ticket,
    /// What a journal of the trader would have, counted: inputs of the stages and what they hand out.
    pub(crate) records: u64,
    /// The trader dies after so many of them: nothing leaves it any more.
    pub(crate) dies_after: u64,
}

impl Wires {
    pub(crate) fn new(ring_capacity: usize, snapshot_buffers: usize, network: Network) -> Self {
        Self {
            now_ns: 0,
            session_ms: 0,
            network,
            feed_to_decide: Queue::new(ring_capacity),
            pool: (0..snapshot_buffers).map(|_| Box::default()).collect(),
            overflow_epoch: 0,
            decide_to_feed: Queue::new(ring_capacity),
            feed_to_execute: Queue::new(ring_capacity),
            decide_to_execute: Queue::new(ring_capacity),
            execute_to_decide: Queue::new(ring_capacity),
            execute_to_reconcile: Queue::new(ring_capacity),
            reconcile_to_execute: Queue::new(ring_capacity),
            reconcile_to_feed: Queue::new(ring_capacity),
            decisions: Vec::new(),
            sent: Vec::new(),
            frames: Vec::new(),
            lost: BTreeSet::new(),
            blind: Vec::new(),
            asked: Vec::new(),
            handed: Vec::new(),
            day: DayState::default(),
            groups: Vec::new(),
            sessions: BTreeMap::new(),
            tickets: BTreeMap::new(),
            closed: None,
            refused: 0,
            clock_jump: None,
            jumped: 0,
            signed_off: 0,
            disk_full_until_ns: 0,
            not_written: 0,
            next_session: 1,
            next_ticket: 1,
            records: 0,
            dies_after: u64::MAX,
        }
    }

    /// The trader is gone: its rings, its requests and what was on its way to it. The exchange sees its connections end.
    pub(crate) fn crash(&mut self, snapshot_buffers: usize) {
        if let Some((ring, _)) = self.closed {
            self.open_ring(ring);
        }
        self.feed_to_decide.items.clear();
        self.lost.clear();
        self.pool = (0..snapshot_buffers).map(|_| Box::default()).collect();
        self.overflow_epoch = 0;
        self.decide_to_feed.items.clear();
        self.feed_to_execute.items.clear();
        self.decide_to_execute.items.clear();
        self.execute_to_decide.items.clear();
        self.execute_to_reconcile.items.clear();
        self.reconcile_to_execute.items.clear();
        self.reconcile_to_feed.items.clear();
        self.handed.clear();
        self.blind.clear();
        self.asked.clear();
        self.tickets.clear();
        self.network.forget_client();
        for (session, _) in std::mem::take(&mut self.sessions) {
            self.send_packet(Packet::HungUp { session });
        }
    }

    /// Time goes on: what lasts for a while may end.
    pub(crate) fn set_time(&mut self, now: Now) {
        self.now_ns = now.mono_ns;
        self.session_ms = now.session_ms;
        if let Some((ring, until_ns)) = self.closed
            && until_ns <= now.mono_ns
        {
            self.open_ring(ring);
        }
        self.clock_jump = self.clock_jump.filter(|(_, until_ns)| *until_ns > now.mono_ns);
    }

    /// Fills a ring until then. One at a time: another one that was filled has room again.
    pub(crate) fn close_ring(&mut self, ring: Ring, until_ns: u64) {
        if let Some((other, _)) = self.closed {
            self.open_ring(other);
        }
        self.set_closed(ring, true);
        self.closed = Some((ring, until_ns));
    }

    fn open_ring(&mut self, ring: Ring) {
        self.refused += self.set_closed(ring, false);
        self.closed = None;
    }

    /// Returns what the ring refused before.
    fn set_closed(&mut self, ring: Ring, closed: bool) -> u64 {
        fn set<T>(queue: &mut Queue<T>, closed: bool) -> u64 {
            queue.closed = closed;
            std::mem::take(&mut queue.refused)
        }
        match ring {
            Ring::Books => set(&mut self.feed_to_decide, closed),
            Ring::Resyncs => set(&mut self.decide_to_feed, closed),
            Ring::Statuses => set(&mut self.feed_to_execute, closed),
            Ring::Intents => set(&mut self.decide_to_execute, closed),
            Ring::Portfolios => set(&mut self.execute_to_decide, closed),
            Ring::Queries => set(&mut self.execute_to_reconcile, closed),
            Ring::Facts => set(&mut self.reconcile_to_execute, closed),
            Ring::Listings => set(&mut self.reconcile_to_feed, closed),
        }
    }

    /// The trader's wall clock, to sign with.
    pub(crate) fn wall_ms(&mut self) -> i64 {
        let by_ms = self.clock_jump.map_or(0, |(by_ms, _)| by_ms);
        let refused = by_ms.abs() > CLOCK_TOLERANCE_MS;
        self.jumped += u64::from(refused);
        self.signed_off += u64::from(by_ms != 0 && !refused);
        self.session_ms + by_ms
    }

    /// The next event for `decide`.
    pub(crate) fn next_for_decide(&mut self) -> Option<FeedToDecide> {
        let item = self.feed_to_decide.pop()?;
        if let FeedToDecide::Snapshot(event, _) = &item {
            self.lost.remove(&event.market.index);
        }
        Some(item)
    }

    /// Remembers what a fact handed to `execute` was.
    pub(crate) fn note_handed(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Fill(fill) => {
                self.handed.push(Handed::Fill { trade: fill.trade, order: fill.order, time_ms: fill.time_ms });
            }
            AccountEvent::Settlement { market, .. } => self.handed.push(Handed::Payment { market: *market }),
            _ => {}
        }
    }

    /// Whether something can be written to the disk now.
    fn disk_takes_it(&mut self) -> bool {
        let full = self.disk_full_until_ns > self.now_ns;
        self.not_written += u64::from(full);
        !full
    }

    /// Whether the trader is dead: its process was killed.
    pub(crate) fn is_dead(&self) -> bool {
        self.records >= self.dies_after
    }

    /// Counts a record, unless the trader is dead: says whether it was alive.
    pub(crate) fn note(&mut self) -> bool {
        let alive = !self.is_dead();
        self.records += u64::from(alive);
        alive
    }

    fn send_packet(&mut self, packet: Packet) {
        self.network.send(self.now_ns, packet);
    }

    fn request(&mut self, asker: Asker, method: &'static str, target: &str, body: &[u8]) {
        if !self.note() {
            return;
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.tickets.insert(ticket, asker);
        let signed_wall_ms = self.wall_ms();
        self.send_packet(Packet::Request {
            ticket,
            method,
            target: target.to_owned(),
            body: body.to_vec(),
            sent_wall_ms: self.session_ms,
            signed_wall_ms,
        });
    }

    fn socket(&mut self, role: Role, output: SocketOutput<'_>) {
        match output {
            SocketOutput::Connect(connection) => self.connect(role, connection),
            SocketOutput::Send(connection, text) => self.send_text(role, connection, text),
            SocketOutput::Close(connection) => self.hang_up(role, connection),
        }
    }

    fn connect(&mut self, role: Role, connection: ConnectionId) {
        if !self.note() {
            return;
        }
        let session = self.next_session;
        self.next_session += 1;
        self.sessions.insert(session, (role, connection));
        self.send_packet(Packet::Open { session });
    }

    fn session_of(&self, role: Role, connection: ConnectionId) -> Option<SessionId> {
        self.sessions.iter().find(|(_, owner)| **owner == (role, connection)).map(|(session, _)| *session)
    }

    fn send_text(&mut self, role: Role, connection: ConnectionId, text: &str) {
        if let Some(session) = self.session_of(role, connection)
            && self.note()
        {
            self.send_packet(Packet::Text { session, text: text.to_owned() });
        }
    }

    fn hang_up(&mut self, role: Role, connection: ConnectionId) {
        if let Some(session) = self.session_of(role, connection)
            && self.note()
        {
            self.sessions.remove(&session);
            self.send_packet(Packet::HungUp { session });
        }
    }
}

/// The feed stage's port.
pub(crate) struct FeedIo<'a>(pub(crate) &'a mut Wires);

/// The decide stage's port.
pub(crate) struct DecideIo<'a>(pub(crate) &'a mut Wires);

/// The execute stage's port.
pub(crate) struct ExecuteIo<'a>(pub(crate) &'a mut Wires);

/// The reconcile stage's port.
pub(crate) struct ReconcileIo<'a>(pub(crate) &'a mut Wires);

impl FeedPort for FeedIo<'_> {
    fn push(&mut self, message: FeedMessage) -> Result<(), Refused> {
        match message {
            FeedMessage::Decide(message) => self.0.feed_to_decide.push(message).map_err(|message| {
                if !matches!(message, FeedToDecide::Listed(..)) {
                    self.0.lost.insert(message.event().market.index);
                }
                message.into()
            }),
            FeedMessage::Execute(message) => self.0.feed_to_execute.push(message).map_err(|_| Full.into()),
        }
    }

    fn tell(&mut self, effect: FeedEffect<'_>) {
        match effect {
            FeedEffect::Socket(output) => self.0.socket(Role::Feed, output),
            FeedEffect::Overflow(epoch) => self.0.overflow_epoch = epoch,
        }
    }

    fn stamp_ns(&mut self) -> u64 {
        self.0.now_ns
    }

    fn take_levels(&mut self) -> Option<Box<BookLevels>> {
        self.0.pool.pop()
    }

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

impl DecidePort for DecideIo<'_> {
    fn push(&mut self, message: DecideMessage) -> Result<(), Full> {
        match message {
            DecideMessage::Execute(message) => {
                self.0.note();
                self.0.decide_to_execute.push(message).map_err(|_| Full)
            }
            DecideMessage::Feed(message) => {
                let DecideToFeed::Resync(request) = message;
                self.0.asked.push(request);
                self.0.decide_to_feed.push(message).map_err(|_| Full)
            }
        }
    }

    fn tell(&mut self, effect: DecideEffect<'_>) {
        let DecideEffect::Decided(record) = effect else { return };
        if self.0.lost.contains(&record.market.index) {
            self.0.blind.push(record.market);
        }
        self.0.decisions.push(record.clone().into_owned());
    }

    fn stamp_ns(&mut self) -> u64 {
        self.0.now_ns
    }

    fn overflow_epoch(&mut self) -> u64 {
        self.0.overflow_epoch
    }

    fn return_levels(&mut self, levels: Box<BookLevels>) {
        self.0.pool.push(levels);
    }

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

impl ExecutePort for ExecuteIo<'_> {
    fn push(&mut self, message: ExecuteMessage) -> Result<(), Full> {
        match message {
            ExecuteMessage::Decide(note) => {
                self.0.note();
                self.0.execute_to_decide.push(note).map_err(|_| Full)
            }
            ExecuteMessage::Reconcile(message) => self.0.execute_to_reconcile.push(message).map_err(|_| Full),
        }
    }

    fn tell(&mut self, effect: ExecuteEffect<'_>) {
        match effect {
            ExecuteEffect::Presign(..) => {}
            ExecuteEffect::Abandon(request) => self.0.tickets.retain(|_, asker| *asker != Asker::Execute(request)),
            ExecuteEffect::Groups(known) => {
                if self.0.note() && self.0.disk_takes_it() {
                    self.0.groups = known.to_vec();
                }
            }
            ExecuteEffect::Day(day) => {
                if self.0.note() && self.0.disk_takes_it() {
                    self.0.day = *day;
                }
            }
        }
    }

    fn request(&mut self, request: &OrderRequest<'_>) -> Result<u64, NotSent> {
        if self.0.is_dead() {
            return Ok(self.0.now_ns);
        }
        self.0.sent.push(SentRequest {
            session_ms: self.0.session_ms,
            method: request.method,
            path: request.path.to_owned(),
            body: String::from_utf8_lossy(request.body).into_owned(),
        });
        self.0.request(Asker::Execute(request.id), request.method, request.path, request.body);
        Ok(self.0.now_ns)
    }

    fn stamp_ns(&mut self) -> u64 {
        self.0.now_ns
    }

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

impl ReconcilePort for ReconcileIo<'_> {
    fn push(&mut self, message: ReconcileMessage) -> Result<(), Full> {
        match message {
            ReconcileMessage::Execute(event) => {
                self.0.note();
                self.0.reconcile_to_execute.push(event).map_err(|_| Full)
            }
            ReconcileMessage::Feed(message) => self.0.reconcile_to_feed.push(message).map_err(|_| Full),
        }
    }

    fn tell(&mut self, effect: ReconcileEffect<'_>) {
        match effect {
            ReconcileEffect::Socket(output) => self.0.socket(Role::Reconcile, output),
            ReconcileEffect::Get(request, path) => self.0.request(Asker::Reconcile(request), "GET", path, &[]),
        }
    }
}
