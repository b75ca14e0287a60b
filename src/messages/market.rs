//! Messages about markets, between `reconcile`, `feed`, `decide` and `execute`.

use serde::{Deserialize, Serialize};

use crate::market::{BookLevels, Count, EventKey, FeeSchedule, GridBands, MarketKey, Outcome, Price, Ticker};

/// The phase of a market's life cycle, as far as it matters for trading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Phase {
    /// Listed, not yet open.
    Listed = 0,
    /// Open for trading.
    Open = 1,
    /// Temporarily deactivated.
    Paused = 2,
    /// Past its close.
    Closed = 3,
    /// Its result is known, and positions are due to be paid.
    Determined = 4,
}

/// Messages from `reconcile` to `feed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReconcileToFeed {
    /// A market was added to the directory, or its listing changed. `feed` subscribes to it.
    Listing(Listing),
}

/// A market's entry in the directory. `reconcile` sends it to `feed`, which subscribes, and to `execute`; `feed` passes it on
/// to `decide` as [`BookEventKind::Listed`] under the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct Listing {
    /// When the market closes, in session milliseconds.
    pub close_time_ms: i64,
    /// The market's key from now on.
    pub market: MarketKey,
    /// The event that the market belongs to.
    pub event: EventKey,
    /// An upper bound on the age of this information in session milliseconds; life-cycle frames since then are more recent.
    pub age_ms: u32,
    /// The highest known fees of its fills; [`AccountEvent::Fees`] has them by time.
    ///
    /// [`AccountEvent::Fees`]: super::AccountEvent::Fees
    pub fees: FeeSchedule,
    /// Whether at most one market of that event can resolve to YES.
    pub exclusive: bool,
    /// The shard that matches its orders.
    pub exchange_index: u8,
    /// The phase when it was read.
    pub phase: Phase,
    /// Whether this program trades it. A market in which the account merely holds a position is watched for its value.
    pub traded: bool,
    /// The length of the prefix of the ticker that is its event's name; 0 if the event is named differently.
    pub event_length: u8,
    pub ticker: Ticker,
    pub bands: GridBands,
}

impl Listing {
    /// The event's name. `None` for the rare market whose ticker does not begin with it: frames about such an event are not
    /// recognised, only reads.
    #[must_use]
    pub fn event_name(&self) -> Option<&str> {
        self.ticker.as_str().get(..usize::from(self.event_length)).filter(|name| !name.is_empty())
    }
}

/// The kind of a [`BookEvent`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum BookEventKind {
    /// The market was listed: [`FeedToDecide::Listed`].
    Listed = 0,
    /// The book was replaced: [`FeedToDecide::Snapshot`].
    Snapshot = 1,
    /// One level changed by `change`.
    Delta = 2,
    /// A trade was printed: `change` contracts at `price`; `side` is the outcome that the taker bought.
    Trade = 3,
    /// The book cannot be trusted until the next snapshot.
    Stale = 4,
    /// The market left the directory, and its key will not be used again.
    Delisted = 5,
    /// Every market affected by overflow epoch `clock` has been marked stale.
    EpochCleared = 6,
}

/// Messages from `feed` to `decide`, in the order of the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedToDecide {
    /// A delta, a trade, or a change of the book's condition.
    Event(BookEvent),
    /// A whole book, in a buffer that `decide` returns to the pool.
    Snapshot(BookEvent, Box<BookLevels>),
    /// A market was listed, or its listing changed.
    Listed(BookEvent, Listing),
}

impl FeedToDecide {
    /// The market, the times and the frame of the message.
    #[must_use]
    #[inline]
    pub const fn event(&self) -> &BookEvent {
        match self {
            Self::Event(event) | Self::Snapshot(event, _) | Self::Listed(event, _) => event,
        }
    }

    /// Mutable access to [`event`](Self::event).
    pub const fn event_mut(&mut self) -> &mut BookEvent {
        match self {
            Self::Event(event) | Self::Snapshot(event, _) | Self::Listed(event, _) => event,
        }
    }

    /// A copy of the message, unless it owns a buffer.
    #[must_use]
    #[inline]
    pub const fn copied(&self) -> Option<Self> {
        match self {
            Self::Event(event) => Some(Self::Event(*event)),
            Self::Listed(event, listing) => Some(Self::Listed(*event, *listing)),
            Self::Snapshot(..) => None,
        }
    }

    /// The buffer that the message owns, if any.
    #[must_use]
    #[inline]
    pub fn into_levels(self) -> Option<Box<BookLevels>> {
        match self {
            Self::Snapshot(_, levels) => Some(levels),
            Self::Event(_) | Self::Listed(..) => None,
        }
    }
}

/// One change of one market's public state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct BookEvent {
    pub market: MarketKey,
    pub kind: BookEventKind,
    /// The outcome that the level bids for.
    pub side: Outcome,
    /// The level's price, on that outcome's own scale.
    pub price: Price,
    /// The change of the level's size, or the size of a trade.
    pub change: Count,
    /// The frame's time by the rule of the observation schema; never earlier than the market's last one.
    pub time_ms: i64,
    /// The exchange's own time: that of a delta's change or of a trade, or when a snapshot was sent. [`NO_TIME_MS`] if the
    /// frame had no time, and for all other kinds. Unlike `time_ms` it may run backwards.
    pub exchange_ms: i64,
    /// The exchange's clock of the change, 0 if the frame had none; the epoch for [`BookEventKind::EpochCleared`].
    pub clock: u64,
    /// The connection-wide sequence number of the frame that caused this, for logs and replay.
    pub seq: u64,
    /// When the frame was read from the socket.
    pub read_ns: u64,
    /// When the frame had been parsed.
    pub parsed_ns: u64,
}

/// [`BookEvent::exchange_ms`] for events without an exchange time.
pub const NO_TIME_MS: i64 = i64::MIN;

impl BookEvent {
    /// The exchange's own time, if the event has one.
    #[must_use]
    #[inline]
    pub const fn exchange_time_ms(&self) -> Option<i64> {
        if self.exchange_ms == NO_TIME_MS { None } else { Some(self.exchange_ms) }
    }
}

/// Messages from `decide` to `feed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecideToFeed {
    /// A book is wrong, and a snapshot is needed.
    Resync(ResyncRequest),
}

/// A request for a snapshot, because the market's book is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct ResyncRequest {
    pub market: MarketKey,
    pub reason: ResyncReason,
}

/// Why a book is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum ResyncReason {
    /// A delta would have made a level negative.
    NegativeSize = 0,
    /// A level is off the market's grid.
    OffGrid = 1,
    /// The best bid stayed at or above the best ask beyond the instant in which it may.
    Crossed = 2,
    /// The ring to `decide` overflowed.
    Overflow = 3,
    /// A delta arrived before any snapshot.
    NoSnapshot = 4,
    /// A snapshot lists a level twice or without a size, or a level grew beyond the limit.
    BadLevel = 5,
}

/// The fees of an event's markets, in place of those of their series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeOverride {
    /// When it takes effect, in exchange time.
    pub from_ms: i64,
    /// The fees; `None` ends the override.
    pub schedule: Option<FeeSchedule>,
}

/// Messages from `feed` to `execute`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedToExecute {
    Status(MarketStatus),
}

/// A market's condition. The market accepts no new risk until the newest one has been delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct MarketStatus {
    pub market: MarketKey,
    pub phase: Phase,
    /// Whether its book is correct as of the newest frame.
    pub fresh: bool,
    /// The payout of a YES contract, once determined.
    pub settlement: Option<Price>,
    /// When the market closes, in session milliseconds.
    pub close_time_ms: i64,
    /// The event's latest fee override as told by a frame; `None` before the first.
    pub fee_override: Option<FeeOverride>,
    /// The session time of this condition.
    pub time_ms: i64,
    pub bands: GridBands,
}
