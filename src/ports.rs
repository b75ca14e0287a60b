//! What stages ask of their driver. A stage is a plain state machine: it takes one input with the time, changes its own
//! state, and calls its port. The live driver puts sockets and rings behind the ports, the simulation virtual ones.
//!
//! Ring pushes can fail with [`Full`]: what a stage does then is part of its contract. `stamp_ns` reads the driver's
//! monotonic clock for latency figures only; no decision may depend on it.

use serde::{Deserialize, Serialize};

use crate::market::{BookLevels, MarketKey};
use crate::messages::{
    AccountEvent, BookEvent, Listing, MarketStatus, OrderIntent, PortfolioUpdate, QueryRequest, ResyncRequest,
};

/// A bounded ring had no room. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A connection of a stage, counted from one for each stage: frames of an earlier one are never applied.
pub type ConnectionId = u32;

/// Why a connection ended or could not be made. The text names the reason and never a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionLost {
    /// What happened.
    pub reason: String,
    /// The HTTP status of a refused handshake.
    pub http_status: Option<u16>,
}

/// A WebSocket of a stage. At most one connection is open at a time.
pub trait SocketPort {
    /// Opens a connection, signed; `on_opened` or `on_closed` follows with the same id.
    fn connect(&mut self, connection: ConnectionId);
    /// Sends a text frame. Lost without notice when the connection is gone: `on_closed` follows.
    fn send(&mut self, connection: ConnectionId, text: &str);
    /// Ends a connection. No input of it follows, `on_closed` included.
    fn close(&mut self, connection: ConnectionId);
}

/// What the feed stage may do.
pub trait FeedPort: SocketPort {
    /// The driver's monotonic clock, for latency figures.
    fn stamp_ns(&mut self) -> u64;
    /// An empty buffer for a snapshot, while the pool has one.
    fn take_levels(&mut self) -> Option<Box<BookLevels>>;
    /// Gives back a buffer that was not sent.
    fn return_levels(&mut self, levels: Box<BookLevels>);
    /// Sends an event to `decide`. Not for snapshots and listings.
    ///
    /// # Errors
    /// [`Full`] when the ring has no room.
    fn book(&mut self, event: &BookEvent) -> Result<(), Full>;
    /// Sends a snapshot to `decide`.
    ///
    /// # Errors
    /// The buffer, when the ring has no room.
    fn snapshot(&mut self, event: &BookEvent, levels: Box<BookLevels>) -> Result<(), Box<BookLevels>>;
    /// Introduces a market to `decide`.
    ///
    /// # Errors
    /// [`Full`] when the ring has no room.
    fn list(&mut self, event: &BookEvent, listing: &Listing) -> Result<(), Full>;
    /// Raises the overflow epoch that `decide` reads before each decision.
    fn raise_overflow(&mut self, epoch: u64);
    /// Sends a market's condition to `execute`.
    ///
    /// # Errors
    /// [`Full`] when the ring has no room.
    fn status(&mut self, status: &MarketStatus) -> Result<(), Full>;
    /// Records a latency figure of a frame's path.
    fn latency(&mut self, span: crate::record::Span, nanos: u64);
}

/// What the decide stage may do. It has no I/O.
pub trait DecidePort {
    /// The driver's monotonic clock, for latency figures.
    fn stamp_ns(&mut self) -> u64;
    /// The newest overflow epoch of `feed`.
    fn overflow_epoch(&mut self) -> u64;
    /// Sends an intent to `execute`.
    ///
    /// # Errors
    /// [`Full`] when the ring has no room: the intent is dropped and counted.
    fn intent(&mut self, intent: &OrderIntent) -> Result<(), Full>;
    /// Asks `feed` for a snapshot.
    ///
    /// # Errors
    /// [`Full`] when the ring has no room: asked again later.
    fn resync(&mut self, request: &ResyncRequest) -> Result<(), Full>;
    /// Returns a snapshot's buffer to the pool.
    fn return_levels(&mut self, levels: Box<BookLevels>);
    /// Hands a decision to the journal. Called for every decision, holds included.
    fn decided(&mut self, record: &crate::messages::DecisionRecord<'_>);
    /// Tells the journal that a decision was due and not taken.
    fn skipped(&mut self, market: MarketKey, time_ms: i64, reason: crate::messages::Skip);
    /// Records a latency figure of a tick's path.
    fn latency(&mut self, span: crate::record::Span, nanos: u64);
}

/// Which request of the execute stage an answer belongs to.
pub type RequestId = u32;

/// An order write on its way to the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRequest<'a> {
    /// Returned with the answer.
    pub id: RequestId,
    /// `POST` or `DELETE`.
    pub method: &'static str,
    /// The path from the root, which is what is signed.
    pub path: &'a str,
    /// The JSON body; empty for none.
    pub body: &'a [u8],
    /// Whether it should use the connection kept for cancelling.
    pub cancels: bool,
}

/// Why a request was not sent. Nothing reached the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSent;

/// Why a sent request has no answer: its outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NoAnswer {
    /// The connection was cut after bytes were written.
    Cut,
    /// What came back was no HTTP answer.
    Garbled,
}

/// What the execute stage may do.
pub trait ExecutePort {
    /// The driver's monotonic clock, for latency figures.
    fn stamp_ns(&mut self) -> u64;
    /// Writes an order request without waiting for the answer. Returns the time of the monotonic clock at which its bytes
    /// had been handed to the kernel.
    ///
    /// # Errors
    /// [`NotSent`] when no connection can take it now.
    fn request(&mut self, request: &OrderRequest<'_>) -> Result<u64, NotSent>;
    /// Does all that [`request`](ExecutePort::request) would except hand over bytes: see `ExecuteStage::rehearse`.
    fn rehearse(&mut self, _request: &OrderRequest<'_>) {}
    /// Says that a request with this path may follow, so that its signature can be made ahead. A hint: nothing but time
    /// is lost where it is ignored.
    fn presign(&mut self, method: &'static str, path: &str);
    /// Gives up waiting: an answer that still comes is not delivered, and its connection is not used again.
    fn abandon(&mut self, request: RequestId);
    /// Sends the portfolio to `decide`.
    ///
    /// # Errors
    /// [`Full`] when the ring has no room: the market stays dirty.
    fn portfolio(&mut self, update: &PortfolioUpdate) -> Result<(), Full>;
    /// Asks `reconcile` to read something.
    ///
    /// # Errors
    /// [`Full`] when the ring has no room: asked again later.
    fn query(&mut self, query: &QueryRequest) -> Result<(), Full>;
    /// Keeps which order groups are ours beyond this run. Called when that changed; must not block.
    fn keep_groups(&mut self, known: &[crate::messages::KnownGroup]);
    /// Keeps the daily loss stop's state beyond this run. Called when it changed; must not block.
    fn persist(&mut self, day: &crate::messages::DayState);
    /// Records a latency figure of an order's path.
    fn latency(&mut self, span: crate::record::Span, nanos: u64);
}

/// What the reconcile stage may do.
pub trait ReconcilePort: SocketPort {
    /// Sends a `GET` through the cold REST helper; `on_answer` or `on_no_answer` follows. `path` has the query string.
    fn get(&mut self, request: RequestId, path: &str);
    /// Sends a fact to `execute`.
    ///
    /// # Errors
    /// [`Full`] when the ring has no room: the stage keeps it and takes no input until there is room.
    fn account(&mut self, event: &AccountEvent) -> Result<(), Full>;
    /// Introduces a market to `feed`.
    ///
    /// # Errors
    /// [`Full`] when the ring has no room.
    fn list(&mut self, listing: &Listing) -> Result<(), Full>;
}
