//! The stages' ports in one thread: bounded queues instead of rings, the virtual network instead of sockets.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::network::{Asker, Network, Packet, Role};
use crate::clock::Now;
use crate::exchange::gateway::{SessionId, Ticket};
use crate::market::{BookLevels, MarketKey, OrderId, TradeId};
use crate::messages::{
    AccountEvent, BookEvent, DayState, DecisionRecord, KnownGroup, Listing, MarketStatus, OrderIntent, PortfolioUpdate,
    QueryRequest, ResyncRequest, Skip,
};
use crate::ports::{
    ConnectionId, DecidePort, ExecutePort, FeedPort, Full, NotSent, OrderRequest, ReconcilePort, RequestId, SocketPort,
};
use crate::record::Span;

/// How far a signature's time may be from the exchange's, as its settings have it unless they say otherwise.
const CLOCK_TOLERANCE_MS: i64 = 10_000;

/// What rides from `feed` to `decide`.
pub(crate) enum BookItem {
    Event(BookEvent),
    Snapshot(BookEvent, Box<BookLevels>),
    Listing(BookEvent, Box<Listing>),
}

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
    /// Portfolio updates, `execute` to `decide`.
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
    pub(crate) book: Queue<BookItem>,
    #[expect(clippy::vec_box, reason = "a snapshot moves between stages as a pointer, as over the rings")]
    pub(crate) pool: Vec<Box<BookLevels>>,
    pub(crate) overflow_epoch: u64,
    pub(crate) resyncs: Queue<ResyncRequest>,
    pub(crate) statuses: Queue<MarketStatus>,
    pub(crate) intents: Queue<OrderIntent>,
    pub(crate) portfolio: Queue<PortfolioUpdate>,
    pub(crate) queries: Queue<QueryRequest>,
    pub(crate) account: Queue<AccountEvent>,
    pub(crate) listings: Queue<Listing>,
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
            book: Queue::new(ring_capacity),
            pool: (0..snapshot_buffers).map(|_| Box::default()).collect(),
            overflow_epoch: 0,
            resyncs: Queue::new(ring_capacity),
            statuses: Queue::new(ring_capacity),
            intents: Queue::new(ring_capacity),
            portfolio: Queue::new(ring_capacity),
            queries: Queue::new(ring_capacity),
            account: Queue::new(ring_capacity),
            listings: Queue::new(ring_capacity),
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
        self.book.items.clear();
        self.lost.clear();
        self.pool = (0..snapshot_buffers).map(|_| Box::default()).collect();
        self.overflow_epoch = 0;
        self.resyncs.items.clear();
        self.statuses.items.clear();
        self.intents.items.clear();
        self.portfolio.items.clear();
        self.queries.items.clear();
        self.account.items.clear();
        self.listings.items.clear();
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
            Ring::Books => set(&mut self.book, closed),
            Ring::Resyncs => set(&mut self.resyncs, closed),
            Ring::Statuses => set(&mut self.statuses, closed),
            Ring::Intents => set(&mut self.intents, closed),
            Ring::Portfolios => set(&mut self.portfolio, closed),
            Ring::Queries => set(&mut self.queries, closed),
            Ring::Facts => set(&mut self.account, closed),
            Ring::Listings => set(&mut self.listings, closed),
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
    pub(crate) fn next_book_item(&mut self) -> Option<BookItem> {
        let item = self.book.pop()?;
        if let BookItem::Snapshot(event, _) = &item {
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

    fn lose(&mut self, event: &BookEvent) -> Full {
        self.lost.insert(event.market.index);
        Full
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

impl SocketPort for FeedIo<'_> {
    fn connect(&mut self, connection: ConnectionId) {
        self.0.connect(Role::Feed, connection);
    }

    fn send(&mut self, connection: ConnectionId, text: &str) {
        self.0.send_text(Role::Feed, connection, text);
    }

    fn close(&mut self, connection: ConnectionId) {
        self.0.hang_up(Role::Feed, connection);
    }
}

impl FeedPort for FeedIo<'_> {
    fn stamp_ns(&mut self) -> u64 {
        self.0.now_ns
    }

    fn take_levels(&mut self) -> Option<Box<BookLevels>> {
        self.0.pool.pop()
    }

    fn return_levels(&mut self, levels: Box<BookLevels>) {
        self.0.pool.push(levels);
    }

    fn book(&mut self, event: &BookEvent) -> Result<(), Full> {
        self.0.book.push(BookItem::Event(*event)).map_err(|_| self.0.lose(event))
    }

    fn snapshot(&mut self, event: &BookEvent, levels: Box<BookLevels>) -> Result<(), Box<BookLevels>> {
        self.0.book.push(BookItem::Snapshot(*event, levels)).map_err(|item| {
            let BookItem::Snapshot(event, levels) = item else { unreachable!("the queue returns what was pushed") };
            self.0.lose(&event);
            levels
        })
    }

    fn list(&mut self, event: &BookEvent, listing: &Listing) -> Result<(), Full> {
        self.0.book.push(BookItem::Listing(*event, Box::new(*listing))).map_err(|_| Full)
    }

    fn raise_overflow(&mut self, epoch: u64) {
        self.0.overflow_epoch = epoch;
    }

    fn status(&mut self, status: &MarketStatus) -> Result<(), Full> {
        self.0.statuses.push(*status).map_err(|_| Full)
    }

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

impl DecidePort for DecideIo<'_> {
    fn stamp_ns(&mut self) -> u64 {
        self.0.now_ns
    }

    fn overflow_epoch(&mut self) -> u64 {
        self.0.overflow_epoch
    }

    fn intent(&mut self, intent: &OrderIntent) -> Result<(), Full> {
        self.0.note();
        self.0.intents.push(*intent).map_err(|_| Full)
    }

    fn resync(&mut self, request: &ResyncRequest) -> Result<(), Full> {
        self.0.asked.push(*request);
        self.0.resyncs.push(*request).map_err(|_| Full)
    }

    fn return_levels(&mut self, levels: Box<BookLevels>) {
        self.0.pool.push(levels);
    }

    fn decided(&mut self, record: &DecisionRecord<'_>) {
        if self.0.lost.contains(&record.market.index) {
            self.0.blind.push(record.market);
        }
        self.0.decisions.push(record.clone().into_owned());
    }

    fn skipped(&mut self, _market: MarketKey, _time_ms: i64, _reason: Skip) {}

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

impl ExecutePort for ExecuteIo<'_> {
    fn stamp_ns(&mut self) -> u64 {
        self.0.now_ns
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

    fn presign(&mut self, _method: &'static str, _path: &str) {}

    fn abandon(&mut self, request: RequestId) {
        self.0.tickets.retain(|_, asker| *asker != Asker::Execute(request));
    }

    fn portfolio(&mut self, update: &PortfolioUpdate) -> Result<(), Full> {
        self.0.note();
        self.0.portfolio.push(*update).map_err(|_| Full)
    }

    fn query(&mut self, query: &QueryRequest) -> Result<(), Full> {
        self.0.queries.push(*query).map_err(|_| Full)
    }

    fn keep_groups(&mut self, known: &[KnownGroup]) {
        if self.0.note() && self.0.disk_takes_it() {
            self.0.groups = known.to_vec();
        }
    }

    fn persist(&mut self, day: &DayState) {
        if self.0.note() && self.0.disk_takes_it() {
            self.0.day = *day;
        }
    }

    fn latency(&mut self, _span: Span, _nanos: u64) {}
}

impl SocketPort for ReconcileIo<'_> {
    fn connect(&mut self, connection: ConnectionId) {
        self.0.connect(Role::Reconcile, connection);
    }

    fn send(&mut self, connection: ConnectionId, text: &str) {
        self.0.send_text(Role::Reconcile, connection, text);
    }

    fn close(&mut self, connection: ConnectionId) {
        self.0.hang_up(Role::Reconcile, connection);
    }
}

impl ReconcilePort for ReconcileIo<'_> {
    fn get(&mut self, request: RequestId, path: &str) {
        self.0.request(Asker::Reconcile(request), "GET", path, &[]);
    }

    fn account(&mut self, event: &AccountEvent) -> Result<(), Full> {
        self.0.note();
        self.0.account.push(*event).map_err(|_| Full)
    }

    fn list(&mut self, listing: &Listing) -> Result<(), Full> {
        self.0.listings.push(*listing).map_err(|_| Full)
    }
}
