//! What is said of markets: between `reconcile`, `feed`, `decide` and `execute`.

use serde::{Deserialize, Serialize};

use crate::market::{BookLevels, Count, EventKey, FeeSchedule, GridBands, MarketKey, Outcome, Price, Ticker};

/// A market's phase of life, as far as it matters to a trader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Phase {
    /// Listed, not open yet.
    Listed = 0,
    /// Open for trading.
    Open = 1,
    /// Deactivated for now.
    Paused = 2,
    /// Past its close.
    Closed = 3,
    /// Its result is known: positions pay.
    Determined = 4,
}

/// From `reconcile` to `feed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReconcileToFeed {
    /// A market enters the directory, or what is known of it changed: `feed` subscribes to it.
    Listing(Listing),
}

/// A market enters the directory. From `reconcile` to `feed`, which subscribes, and to `execute`; `feed` passes it on
/// to `decide` as [`BookEventKind::Listed`] with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct Listing {
    /// When the market closes, in session milliseconds.
    pub close_time_ms: i64,
    /// The key it has from now on.
    pub market: MarketKey,
    /// The event it belongs to.
    pub event: EventKey,
    /// How long ago it was true at least, in session milliseconds: a life-cycle frame of since then knows better.
    pub age_ms: u32,
    /// The dearest that its fills may be charged by, as far as is settled; [`AccountEvent::Fees`] has it by times.
    ///
    /// [`AccountEvent::Fees`]: super::AccountEvent::Fees
    pub fees: FeeSchedule,
    /// Whether at most one market of that event can resolve to YES.
    pub exclusive: bool,
    /// The shard that matches its orders.
    pub exchange_index: u8,
    /// Its phase when read.
    pub phase: Phase,
    /// Whether it is ours to trade. A market in which the account merely holds something is watched for its value.
    pub traded: bool,
    /// How much of its name is that of its event; 0 where the event is named otherwise.
    pub event_length: u8,
    /// Its name.
    pub ticker: Ticker,
    /// Its tick grid.
    pub bands: GridBands,
}

impl Listing {
    /// The name of its event. None for the rare market whose own name does not begin with it: of such an event no frame is
    /// understood, only what is read.
    #[must_use]
    pub fn event_name(&self) -> Option<&str> {
        self.ticker.as_str().get(..usize::from(self.event_length)).filter(|name| !name.is_empty())
    }
}

/// What a [`BookEvent`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum BookEventKind {
    /// A market was listed: [`FeedToDecide::Listed`].
    Listed = 0,
    /// The whole book: [`FeedToDecide::Snapshot`].
    Snapshot = 1,
    /// One level changed by `change`.
    Delta = 2,
    /// A trade was printed: `change` contracts at `price`; `side` is what the taker bought.
    Trade = 3,
    /// The book cannot be trusted until the next snapshot.
    Stale = 4,
    /// The market left the directory: its key will not be used again.
    Delisted = 5,
    /// Every market that overflow epoch `clock` concerns has been marked stale.
    EpochCleared = 6,
}

/// From `feed` to `decide`, in the order of the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedToDecide {
    /// A change, a trade, or a condition.
    Event(BookEvent),
    /// A whole book, in a buffer that `decide` returns to the pool.
    Snapshot(BookEvent, Box<BookLevels>),
    /// A market enters, or what is known of it changed.
    Listed(BookEvent, Listing),
}

impl FeedToDecide {
    /// Which market, when, and by which frame.
    #[must_use]
    #[inline]
    pub const fn event(&self) -> &BookEvent {
        match self {
            Self::Event(event) | Self::Snapshot(event, _) | Self::Listed(event, _) => event,
        }
    }

    /// As [`event`](Self::event), to change it.
    pub const fn event_mut(&mut self) -> &mut BookEvent {
        match self {
            Self::Event(event) | Self::Snapshot(event, _) | Self::Listed(event, _) => event,
        }
    }

    /// A copy, unless a buffer travels with the message.
    #[must_use]
    #[inline]
    pub const fn copied(&self) -> Option<Self> {
        match self {
            Self::Event(event) => Some(Self::Event(*event)),
            Self::Listed(event, listing) => Some(Self::Listed(*event, *listing)),
            Self::Snapshot(..) => None,
        }
    }

    /// The buffer that travels with the message.
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
    /// Whose book.
    pub market: MarketKey,
    /// What happened.
    pub kind: BookEventKind,
    /// The outcome on which the level is a bid.
    pub side: Outcome,
    /// The level's price, on that outcome's own scale.
    pub price: Price,
    /// The change of the level's size; a trade's size.
    pub change: Count,
    /// The frame's time by the rule of the observation schema, never earlier than the market's last.
    pub time_ms: i64,
    /// The exchange's own time: that of a delta's change or of a trade, or when a snapshot was sent; [`NO_TIME_MS`] when
    /// the frame had none, and for everything else. Unlike `time_ms` it may run backwards.
    pub exchange_ms: i64,
    /// The exchange's clock of the change, 0 when the frame had none; the epoch for [`BookEventKind::EpochCleared`].
    pub clock: u64,
    /// The connection-wide number of the frame that caused this, for logs and replay.
    pub seq: u64,
    /// When the frame had been read from the socket.
    pub read_ns: u64,
    /// When it had been parsed.
    pub parsed_ns: u64,
}

/// [`BookEvent::exchange_ms`] of what has no time of its own.
pub const NO_TIME_MS: i64 = i64::MIN;

impl BookEvent {
    /// The exchange's own time, if it has one.
    #[must_use]
    #[inline]
    pub const fn exchange_time_ms(&self) -> Option<i64> {
        if self.exchange_ms == NO_TIME_MS { None } else { Some(self.exchange_ms) }
    }
}

/// From `decide` to `feed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecideToFeed {
    /// A book is wrong: a snapshot is wanted.
    Resync(ResyncRequest),
}

/// This market's book is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct ResyncRequest {
    /// Whose book.
    pub market: MarketKey,
    /// What is wrong with it.
    pub reason: ResyncReason,
}

/// Why a book is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum ResyncReason {
    /// A delta would have made a level negative.
    NegativeSize = 0,
    /// A level off the market's grid.
    OffGrid = 1,
    /// The best bid stayed at or above the best ask beyond the instant in which it may be.
    Crossed = 2,
    /// The ring to `decide` overflowed.
    Overflow = 3,
    /// A delta came for a book that never had a snapshot.
    NoSnapshot = 4,
    /// A snapshot lists a level twice or without size, or a level grew beyond every limit.
    BadLevel = 5,
}

/// What an event's markets are charged by instead of what their series says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeOverride {
    /// From when on, in the exchange's time.
    pub from_ms: i64,
    /// What it is; none when the override ended.
    pub schedule: Option<FeeSchedule>,
}

/// From `feed` to `execute`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FeedToExecute {
    /// A market's condition.
    Status(MarketStatus),
}

/// A market's condition. Until the newest is delivered the market takes no new risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct MarketStatus {
    /// Which market.
    pub market: MarketKey,
    /// Its phase.
    pub phase: Phase,
    /// Whether its book is right as of the newest frame.
    pub fresh: bool,
    /// What a YES contract pays, once determined.
    pub settlement: Option<Price>,
    /// When it closes, in session milliseconds.
    pub close_time_ms: i64,
    /// What a frame last said that its event overrides; none before one did.
    pub fee_override: Option<FeeOverride>,
    /// The session time of this condition.
    pub time_ms: i64,
    /// Its tick grid.
    pub bands: GridBands,
}
