//! What stages ask of their driver. A stage is a plain state machine: it takes one input with the time, changes its own
//! state, and calls its port. The live driver puts sockets and rings behind the ports, the simulation virtual ones.
//!
//! Each port has one method for messages to other stages, `push`, and one for what its driver is to do or to keep, `tell`.
//! Both take values: a port says where they go and does not know what they say. What the driver answers at once (a clock, a
//! buffer, the time at which a request was written) has a method of its own.
//!
//! A push can fail with [`Full`]: what a stage does then is part of its contract. `stamp_ns` reads the driver's monotonic
//! clock for latency figures only; no decision may depend on it.

use serde::{Deserialize, Serialize};

use crate::market::{BookLevels, MarketKey};
use crate::messages::{
    AccountEvent, AccountNote, DayState, DecideToExecute, DecideToFeed, DecisionRecord, ExecuteToReconcile,
    FeedToDecide, FeedToExecute, KnownGroup, ReconcileToFeed, Skip,
};
use crate::record::Span;

/// A bounded ring had no room. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A ring of the feed stage had no room. Nothing was sent; the buffer of a snapshot comes back.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused(pub Option<Box<BookLevels>>);

impl From<Full> for Refused {
    fn from(_: Full) -> Self {
        Self(None)
    }
}

impl From<FeedToDecide> for Refused {
    fn from(message: FeedToDecide) -> Self {
        Self(message.into_levels())
    }
}

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

/// What a stage's WebSocket brings it. The bytes of a frame are owned by whoever read them and lent to the stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketInput<B> {
    /// A connection is open.
    Opened(ConnectionId),
    /// A connection is gone, or could not be made. Nothing of it follows.
    Closed(ConnectionId, ConnectionLost),
    /// The exchange pinged; the driver has answered.
    Ping(ConnectionId),
    /// A text frame.
    Frame {
        /// On which connection.
        connection: ConnectionId,
        /// When the last of its bytes had been read, on the driver's monotonic clock.
        read_ns: u64,
        /// The frame.
        bytes: B,
    },
}

impl<B: AsRef<[u8]>> SocketInput<B> {
    /// The same input, its frame lent.
    #[inline]
    pub fn lent(&self) -> SocketInput<&[u8]> {
        match self {
            Self::Opened(connection) => SocketInput::Opened(*connection),
            Self::Closed(connection, lost) => SocketInput::Closed(*connection, lost.clone()),
            Self::Ping(connection) => SocketInput::Ping(*connection),
            Self::Frame { connection, read_ns, bytes } => {
                SocketInput::Frame { connection: *connection, read_ns: *read_ns, bytes: bytes.as_ref() }
            }
        }
    }
}

/// What a stage wants of its WebSocket. At most one connection is open at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum SocketOutput<'a> {
    /// Opens a connection, signed: [`SocketInput::Opened`] or [`SocketInput::Closed`] follows with the same id.
    Connect(ConnectionId),
    /// Sends a text frame. Lost without notice when the connection is gone: [`SocketInput::Closed`] follows.
    Send(ConnectionId, &'a str),
    /// Ends a connection. No input of it follows, [`SocketInput::Closed`] included.
    Close(ConnectionId),
}

/// A message of the feed stage, by its receiver.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FeedMessage {
    /// To `decide`.
    Decide(FeedToDecide),
    /// To `execute`.
    Execute(FeedToExecute),
}

/// What the feed stage's driver is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FeedEffect<'a> {
    /// Something with the public WebSocket.
    Socket(SocketOutput<'a>),
    /// Raises the overflow epoch that `decide` reads before each decision.
    Overflow(u64),
}

/// What the feed stage may do.
pub trait FeedPort {
    /// Sends a message.
    ///
    /// # Errors
    /// When the ring has no room; with a snapshot's buffer.
    fn push(&mut self, message: FeedMessage) -> Result<(), Refused>;
    /// Has the driver do something.
    fn tell(&mut self, effect: FeedEffect<'_>);
    /// The driver's monotonic clock, for latency figures.
    fn stamp_ns(&mut self) -> u64;
    /// An empty buffer for a snapshot, while the pool has one.
    fn take_levels(&mut self) -> Option<Box<BookLevels>>;
    /// Records a latency figure of a frame's path.
    fn latency(&mut self, span: Span, nanos: u64);
}

/// A message of the decide stage, by its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum DecideMessage {
    /// To `execute`. An intent that finds no room is dropped and counted.
    Execute(DecideToExecute),
    /// To `feed`. Repeated later when it finds no room.
    Feed(DecideToFeed),
}

/// What the decide stage tells the journal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum DecideEffect<'a> {
    /// A decision, holds included.
    Decided(&'a DecisionRecord<'a>),
    /// A decision was due and not taken: where, at which time, and why.
    Skipped(MarketKey, i64, Skip),
}

/// What the decide stage may do. It has no I/O.
pub trait DecidePort {
    /// Sends a message.
    ///
    /// # Errors
    /// [`Full`] when the ring has no room.
    fn push(&mut self, message: DecideMessage) -> Result<(), Full>;
    /// Hands something to the journal.
    fn tell(&mut self, effect: DecideEffect<'_>);
    /// The driver's monotonic clock, for latency figures.
    fn stamp_ns(&mut self) -> u64;
    /// The newest overflow epoch of `feed`.
    fn overflow_epoch(&mut self) -> u64;
    /// Returns a snapshot's buffer to the pool.
    fn return_levels(&mut self, levels: Box<BookLevels>);
    /// Records a latency figure of a tick's path.
    fn latency(&mut self, span: Span, nanos: u64);
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

/// A message of the execute stage, by its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ExecuteMessage {
    /// To `decide`. The market of a portfolio that finds no room stays dirty.
    Decide(AccountNote),
    /// To `reconcile`. Asked again later when it finds no room.
    Reconcile(ExecuteToReconcile),
}

/// What the execute stage's driver is to do or to keep. None of it may block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ExecuteEffect<'a> {
    /// A request with this method and path may follow, so that its signature can be made ahead. A hint: nothing but time is
    /// lost where it is ignored.
    Presign(&'static str, &'a str),
    /// Gives up waiting: an answer that still comes is not delivered, and its connection is not used again.
    Abandon(RequestId),
    /// Which order groups are ours, to be kept beyond this run. Told when that changed.
    Groups(&'a [KnownGroup]),
    /// The daily loss stop's state, to be kept beyond this run. Told when it changed.
    Day(&'a DayState),
}

/// What the execute stage may do.
pub trait ExecutePort {
    /// Sends a message.
    ///
    /// # Errors
    /// [`Full`] when the ring has no room.
    fn push(&mut self, message: ExecuteMessage) -> Result<(), Full>;
    /// Has the driver do or keep something.
    fn tell(&mut self, effect: ExecuteEffect<'_>);
    /// Writes an order request without waiting for the answer. Returns the time of the monotonic clock at which its bytes
    /// had been handed to the kernel.
    ///
    /// # Errors
    /// [`NotSent`] when no connection can take it now.
    fn request(&mut self, request: &OrderRequest<'_>) -> Result<u64, NotSent>;
    /// Does all that [`request`](ExecutePort::request) would except hand over bytes: see `ExecuteStage::rehearse`.
    fn rehearse(&mut self, _request: &OrderRequest<'_>) {}
    /// The driver's monotonic clock, for latency figures.
    fn stamp_ns(&mut self) -> u64;
    /// Records a latency figure of an order's path.
    fn latency(&mut self, span: Span, nanos: u64);
}

/// A message of the reconcile stage, by its receiver. The stage keeps what finds no room, and takes no input until there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ReconcileMessage {
    /// To `execute`.
    Execute(AccountEvent),
    /// To `feed`.
    Feed(ReconcileToFeed),
}

/// What the reconcile stage's driver is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ReconcileEffect<'a> {
    /// Something with the private WebSocket.
    Socket(SocketOutput<'a>),
    /// Sends a `GET` through the cold REST helper: an answer or none follows with the same id. The path has the query string.
    Get(RequestId, &'a str),
}

/// What the reconcile stage may do.
pub trait ReconcilePort {
    /// Sends a message.
    ///
    /// # Errors
    /// [`Full`] when the ring has no room.
    fn push(&mut self, message: ReconcileMessage) -> Result<(), Full>;
    /// Has the driver do something.
    fn tell(&mut self, effect: ReconcileEffect<'_>);
}
