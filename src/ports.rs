//! The interfaces between the stages and their driver. A stage is a plain state machine: it takes one input and the
//! time, changes its own state, and calls its port. Behind the ports, the live driver has sockets and rings, and the
//! simulation has virtual ones.
//!
//! Each port has a method for messages to other stages, `push`, and one for what the driver is to do or to store,
//! `tell`. Both take values: a port knows where they go and not what they mean. Anything the driver answers at once (a
//! clock, a buffer, the time at which a request was written) has a method of its own.
//!
//! A push can fail with [`Full`], and each stage defines what it does then. `stamp_ns` reads the driver's monotonic
//! clock for latency figures only; no decision may depend on it.

use serde::{Deserialize, Serialize};

use crate::market::{BookLevels, MarketKey};
use crate::messages::{
    AccountEvent, AccountNote, DayState, DecideToExecute, DecideToFeed, DecisionRecord, ExecuteToReconcile,
    FeedToDecide, FeedToExecute, KnownGroup, ReconcileToFeed, Skip,
};
use crate::record::Span;

/// A bounded ring had no room. The message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A ring of the feed stage had no room. The message was not sent, and a snapshot's buffer is handed back.
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

/// The number of a stage's connection, counted from 1 for each stage. Frames of an earlier connection are never applied.
pub type ConnectionId = u32;

/// Why a connection ended or could not be made. The text never contains a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionLost {
    /// The cause, for logs and reports.
    pub reason: String,
    /// The HTTP status with which the handshake was refused, if it was.
    pub http_status: Option<u16>,
}

/// An input from a stage's WebSocket. The reader owns the bytes of a frame and lends them to the stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketInput<B> {
    Opened(ConnectionId),
    /// The connection ended, or could not be made. No further input of it follows.
    Closed(ConnectionId, ConnectionLost),
    /// The exchange pinged; the driver has answered.
    Ping(ConnectionId),
    /// A text frame arrived.
    Frame {
        /// The connection that it arrived on.
        connection: ConnectionId,
        /// When its last byte had been read, on the driver's monotonic clock.
        read_ns: u64,
        /// The text of the frame, as UTF-8.
        bytes: B,
    },
}

impl<B: AsRef<[u8]>> SocketInput<B> {
    /// The same input with its frame borrowed.
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

/// What a stage asks of its WebSocket. At most one connection is open at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum SocketOutput<'a> {
    /// Opens a connection with a signed handshake. [`SocketInput::Opened`] or [`SocketInput::Closed`] follows with the
    /// same number.
    Connect(ConnectionId),
    /// Sends a text frame. It is lost without an error of its own if the connection is gone, for which
    /// [`SocketInput::Closed`] follows.
    Send(ConnectionId, &'a str),
    /// Closes a connection. No further input of it follows, not even [`SocketInput::Closed`].
    Close(ConnectionId),
}

/// A message of the feed stage; the variant names the receiver.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FeedMessage {
    Decide(FeedToDecide),
    Execute(FeedToExecute),
}

/// What the feed stage asks of its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FeedEffect<'a> {
    /// An operation on the public WebSocket.
    Socket(SocketOutput<'a>),
    /// Raises the overflow epoch that `decide` reads before each decision.
    Overflow(u64),
}

/// The driver as the feed stage sees it.
pub trait FeedPort {
    /// Sends a message to another stage.
    ///
    /// # Errors
    /// [`Refused`] when the ring has no room, with the snapshot's buffer if there is one.
    fn push(&mut self, message: FeedMessage) -> Result<(), Refused>;
    fn tell(&mut self, effect: FeedEffect<'_>);
    /// Reads the driver's monotonic clock, for latency figures.
    fn stamp_ns(&mut self) -> u64;
    /// Takes an empty snapshot buffer from the pool; `None` when all are in use.
    fn take_levels(&mut self) -> Option<Box<BookLevels>>;
    /// Records the duration of one span of a frame's path.
    fn latency(&mut self, span: Span, nanos: u64);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum DecideMessage {
    /// An intent that finds no room is dropped and counted.
    Execute(DecideToExecute),
    /// Repeated later when it finds no room.
    Feed(DecideToFeed),
}

/// What the decide stage has written to the journal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum DecideEffect<'a> {
    /// A decision, including a hold.
    Decided(&'a DecisionRecord<'a>),
    /// A decision was due and not taken: the market, the session time in milliseconds, and why.
    Skipped(MarketKey, i64, Skip),
}

/// The driver as the decide stage sees it. The stage has no I/O.
pub trait DecidePort {
    /// Sends a message.
    ///
    /// # Errors
    /// [`Full`] when the ring has no room.
    fn push(&mut self, message: DecideMessage) -> Result<(), Full>;
    fn tell(&mut self, effect: DecideEffect<'_>);
    /// Reads the driver's monotonic clock, for latency figures.
    fn stamp_ns(&mut self) -> u64;
    /// The latest overflow epoch that `feed` has raised.
    fn overflow_epoch(&mut self) -> u64;
    /// Gives a snapshot's buffer back to the pool.
    fn return_levels(&mut self, levels: Box<BookLevels>);
    /// Records the duration of one span of a tick's path.
    fn latency(&mut self, span: Span, nanos: u64);
}

/// The number that ties an answer to its request.
pub type RequestId = u32;

/// An order write to be sent to the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderRequest<'a> {
    /// Comes back with the answer.
    pub id: RequestId,
    /// `POST` or `DELETE`.
    pub method: &'static str,
    /// The path from the root, which is part of what is signed.
    pub path: &'a str,
    /// The JSON body; empty if the request has no body.
    pub body: &'a [u8],
    /// Whether to prefer the connection reserved for cancels.
    pub cancels: bool,
}

/// The request was not sent, and nothing reached the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSent;

/// Why a request that was sent has no answer. Its outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NoAnswer {
    /// The connection was lost after the request had been written, at least in part.
    Cut,
    /// The reply was not a valid HTTP response.
    Garbled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ExecuteMessage {
    /// The market of a portfolio update that finds no room stays dirty.
    Decide(AccountNote),
    /// Asked again later when it finds no room.
    Reconcile(ExecuteToReconcile),
}

/// What the execute stage asks its driver to do or to store. None of it may block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ExecuteEffect<'a> {
    /// A request with this method and path may follow, so its signature can be made in advance. Ignoring this hint only
    /// costs time.
    Presign(&'static str, &'a str),
    /// Stops waiting for an answer. It is not delivered if it still comes, and its connection is not used again.
    Abandon(RequestId),
    /// Our order groups, to be kept across restarts. Sent whenever they change.
    Groups(&'a [KnownGroup]),
    /// The state of the daily loss stop, to be kept across restarts. Sent whenever it changes.
    Day(&'a DayState),
}

/// The driver as the execute stage sees it.
pub trait ExecutePort {
    /// Sends a message.
    ///
    /// # Errors
    /// [`Full`] when the ring has no room.
    fn push(&mut self, message: ExecuteMessage) -> Result<(), Full>;
    fn tell(&mut self, effect: ExecuteEffect<'_>);
    /// Writes an order request without waiting for the answer. Returns the monotonic time at which its bytes had been
    /// handed to the kernel.
    ///
    /// # Errors
    /// [`NotSent`] when no connection is free to take it.
    fn request(&mut self, request: &OrderRequest<'_>) -> Result<u64, NotSent>;
    /// Does everything that [`request`](ExecutePort::request) does except write the bytes: see `ExecuteStage::rehearse`.
    fn rehearse(&mut self, _request: &OrderRequest<'_>) {}
    /// Reads the driver's monotonic clock, for latency figures.
    fn stamp_ns(&mut self) -> u64;
    /// Records the duration of one span of an order's path.
    fn latency(&mut self, span: Span, nanos: u64);
}

/// A message of the reconcile stage. The stage keeps a message that finds no room, and takes no input until it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ReconcileMessage {
    Execute(AccountEvent),
    Feed(ReconcileToFeed),
}

/// What the reconcile stage asks of its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ReconcileEffect<'a> {
    /// An operation on the private WebSocket.
    Socket(SocketOutput<'a>),
    /// Sends a `GET` through the cold REST helper. The path includes the query string. An answer or an error follows
    /// with the same id.
    Get(RequestId, &'a str),
}

/// The driver as the reconcile stage sees it.
pub trait ReconcilePort {
    /// Sends a message.
    ///
    /// # Errors
    /// [`Full`] when the ring has no room.
    fn push(&mut self, message: ReconcileMessage) -> Result<(), Full>;
    fn tell(&mut self, effect: ReconcileEffect<'_>);
}
