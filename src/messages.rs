//! What the stages send each other: `Copy`, fixed size, at most 128 bytes. Markets are [`MarketKey`]s; tickers appear
//! only where a market is introduced ([`Listing`]).
//!
//! Messages that describe a market's or the account's condition ([`MarketStatus`], [`PortfolioUpdate`]) carry the whole
//! condition, not a change of it: a receiver that gets only the newest has missed nothing.

use serde::{Deserialize, Serialize};

use crate::market::{
    BookSide, ClientOrderId, Count, FeeSchedule, GridBands, Liquidity, MarketKey, Money, OrderId, OrderStatus, Outcome,
    Price, Ticker, TradeId,
};

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

/// A market enters the directory. From `reconcile` to `feed`, which subscribes, and to `execute`; `feed` passes it on
/// to `decide` as [`BookEventKind::Listed`] with the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct Listing {
    /// When the market closes, in session milliseconds.
    pub close_time_ms: i64,
    /// The key it has from now on.
    pub market: MarketKey,
    /// Its fees.
    pub fees: FeeSchedule,
    /// The shard that matches its orders.
    pub exchange_index: u8,
    /// Its phase when read.
    pub phase: Phase,
    /// Whether it is ours to trade. A market in which the account merely holds something is watched for its value.
    pub traded: bool,
    /// Its name.
    pub ticker: Ticker,
    /// Its tick grid.
    pub bands: GridBands,
}

/// What a [`BookEvent`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum BookEventKind {
    /// A market was listed; its [`Listing`] rides on the side ring.
    Listed = 0,
    /// The whole book; its `BookLevels` ride on the side ring, in the same order as these events.
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

/// From `feed` to `decide`: one change of one market's public state, in the order of the wire.
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
    /// The exchange's clock of the change, 0 when the frame had none; the epoch for [`BookEventKind::EpochCleared`].
    pub clock: u64,
    /// The connection-wide number of the frame that caused this, for logs and replay.
    pub seq: u64,
    /// When the frame had been read from the socket.
    pub read_ns: u64,
    /// When it had been parsed.
    pub parsed_ns: u64,
}

/// From `decide` to `feed`: this market's book is wrong, get a snapshot.
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
    /// The best bid is at or above the best ask.
    Crossed = 2,
    /// The ring to `decide` overflowed.
    Overflow = 3,
    /// A delta came for a book that never had a snapshot.
    NoSnapshot = 4,
    /// A snapshot lists a level twice or without size, or a level grew beyond every limit.
    BadLevel = 5,
}

/// From `feed` to `execute`: a market's condition. Until the newest is delivered the market takes no new risk.
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
    /// The session time of this condition.
    pub time_ms: i64,
    /// Its tick grid.
    pub bands: GridBands,
}

/// The policy's choice. The discriminants are the model's action ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Action {
    /// Nothing.
    Hold = 0,
    /// A bid.
    BuyYes = 1,
    /// An ask that reduces a YES position.
    SellYes = 2,
    /// An ask.
    BuyNo = 3,
    /// A bid that reduces a NO position.
    SellNo = 4,
}

impl Action {
    /// How many actions there are.
    pub const COUNT: usize = 5;
    /// All actions in the order of their ids.
    pub const ALL: [Self; Self::COUNT] = [Self::Hold, Self::BuyYes, Self::SellYes, Self::BuyNo, Self::SellNo];

    /// The side of the single YES book on which the action's order goes; none for a hold.
    #[must_use]
    pub const fn book_side(self) -> Option<BookSide> {
        match self {
            Self::Hold => None,
            Self::BuyYes | Self::SellNo => Some(BookSide::Bid),
            Self::SellYes | Self::BuyNo => Some(BookSide::Ask),
        }
    }

    /// Whether the action may only reduce a position.
    #[must_use]
    pub const fn reduces(self) -> bool {
        matches!(self, Self::SellYes | Self::SellNo)
    }

    /// The word used in files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::BuyYes => "buy_yes",
            Self::SellYes => "sell_yes",
            Self::BuyNo => "buy_no",
            Self::SellNo => "sell_no",
        }
    }
}

/// How an intent's price was formed, which decides how the order may rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Pricing {
    /// Immediate-or-cancel at the far touch.
    Aggressive = 0,
    /// Post-only at the best price of its own side.
    Passive = 1,
    /// Post-only at the mid, rounded away from the market.
    Mid = 2,
}

/// When the parts of a decision were done, in monotonic nanoseconds. They measure; nothing decides by them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct DecisionStamps {
    /// The oldest frame since the market's last decision had been read.
    pub oldest_read_ns: u64,
    /// The newest frame had been read.
    pub newest_read_ns: u64,
    /// It had been applied to the book.
    pub applied_ns: u64,
    /// The observation was complete.
    pub observed_ns: u64,
    /// The policy had answered.
    pub inferred_ns: u64,
    /// The intent was ready.
    pub decided_ns: u64,
}

/// From `decide` to `execute`: a decision that may become an order. Gets exactly one verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct OrderIntent {
    /// Counts the intents of this run, from one.
    pub id: u64,
    /// Which market.
    pub market: MarketKey,
    /// What the policy chose; never a hold.
    pub action: Action,
    /// How `price` was formed.
    pub pricing: Pricing,
    /// The limit, as a YES price.
    pub price: Price,
    /// The best bid without our own orders, for the price collar; none when that side is empty.
    pub best_bid: Option<Price>,
    /// The best ask without our own orders.
    pub best_ask: Option<Price>,
    /// How many contracts.
    pub count: Count,
    /// The decision's time: that of the frame it was taken on.
    pub time_ms: i64,
    /// The portfolio version it was decided on.
    pub portfolio_version: u64,
    /// When its parts were done.
    pub stamps: DecisionStamps,
}

/// What became of an intent. From [`Verdict::RefusedOrderSize`] on: a refusal by the risk gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Verdict {
    /// No intent yet.
    None = 0,
    /// The resting order is what is wanted: kept, its time to live renewed.
    Kept,
    /// A new order was accepted.
    Placed,
    /// The resting order was amended.
    Amended,
    /// The resting order was cancelled because the other side is wanted.
    Cancelled,
    /// The exchange rejected the write.
    Rejected,
    /// The outcome is not known yet; the market takes no new risk until it is.
    Unknown,
    /// Nothing to reduce, or all of it is already being sold.
    NothingToReduce,
    /// More contracts than an order may have.
    RefusedOrderSize,
    /// The position would exceed its limit.
    RefusedPosition,
    /// More cash at risk than allowed.
    RefusedCashAtRisk,
    /// The account cannot pay for it.
    RefusedBalance,
    /// Too many open orders.
    RefusedOpenOrders,
    /// Too far from the mid.
    RefusedCollar,
    /// The book is stale, crossed or one-sided.
    RefusedBook,
    /// No write tokens left above the reserve for cancelling.
    RefusedRate,
    /// Too close to the close, or past it.
    RefusedCloseTime,
    /// The market is not open.
    RefusedPhase,
    /// The daily loss stop.
    RefusedLossStop,
    /// The market's breaker is open.
    RefusedBreaker,
    /// An order of unknown outcome, a disconnected private stream, a pause: no new risk.
    RefusedDegraded,
    /// The actor is stopping or has tripped.
    RefusedStopping,
    /// Every connection for orders is busy or down.
    RefusedNoConnection,
}

impl Verdict {
    /// How many verdicts there are.
    pub const COUNT: usize = Self::RefusedNoConnection as usize + 1;
    /// All verdicts, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::None,
        Self::Kept,
        Self::Placed,
        Self::Amended,
        Self::Cancelled,
        Self::Rejected,
        Self::Unknown,
        Self::NothingToReduce,
        Self::RefusedOrderSize,
        Self::RefusedPosition,
        Self::RefusedCashAtRisk,
        Self::RefusedBalance,
        Self::RefusedOpenOrders,
        Self::RefusedCollar,
        Self::RefusedBook,
        Self::RefusedRate,
        Self::RefusedCloseTime,
        Self::RefusedPhase,
        Self::RefusedLossStop,
        Self::RefusedBreaker,
        Self::RefusedDegraded,
        Self::RefusedStopping,
        Self::RefusedNoConnection,
    ];

    /// The word used in files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Kept => "kept",
            Self::Placed => "placed",
            Self::Amended => "amended",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
            Self::NothingToReduce => "nothing_to_reduce",
            Self::RefusedOrderSize => "refused_order_size",
            Self::RefusedPosition => "refused_position",
            Self::RefusedCashAtRisk => "refused_cash_at_risk",
            Self::RefusedBalance => "refused_balance",
            Self::RefusedOpenOrders => "refused_open_orders",
            Self::RefusedCollar => "refused_collar",
            Self::RefusedBook => "refused_book",
            Self::RefusedRate => "refused_rate",
            Self::RefusedCloseTime => "refused_close_time",
            Self::RefusedPhase => "refused_phase",
            Self::RefusedLossStop => "refused_loss_stop",
            Self::RefusedBreaker => "refused_breaker",
            Self::RefusedDegraded => "refused_degraded",
            Self::RefusedStopping => "refused_stopping",
            Self::RefusedNoConnection => "refused_no_connection",
        }
    }
}

/// Our open order in a market, as `decide` needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct OpenOrder {
    /// What has not filled yet.
    pub remaining: Count,
    /// The exchange's time of its last acknowledgement in session milliseconds; none before the first.
    pub acked_ms: Option<i64>,
    /// Its limit, as a YES price.
    pub price: Price,
    /// Its side of the YES book.
    pub side: BookSide,
}

/// From `execute` to `decide`: the account and one market's part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct PortfolioUpdate {
    /// Grows with every change of the ledger.
    pub version: u64,
    /// Cash that no order has claimed, over all shards that are traded.
    pub available: Money,
    /// Cash promised to open orders.
    pub reserved: Money,
    /// Which market.
    pub market: MarketKey,
    /// Whether a write is in flight there: no intent is expected.
    pub busy: bool,
    /// Whether the market may take new risk; without it only reducing intents are useful.
    pub blocked: bool,
    /// What became of the market's last intent.
    pub verdict: Verdict,
    /// Signed contracts held.
    pub position: Count,
    /// What they cost, fees excluded.
    pub cost: Money,
    /// The market's open order.
    pub open_order: Option<OpenOrder>,
    /// The last intent that got its verdict; 0 before the first.
    pub last_intent: u64,
    /// When the frame or answer that caused this had been read; 0 when none did.
    pub cause_read_ns: u64,
}

/// Where an account fact came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Source {
    /// The private WebSocket.
    Stream = 0,
    /// A REST read.
    Read = 1,
}

/// A fill of the account, de-duplicated by (trade, order).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct Fill {
    /// The exchange's id of the trade.
    pub trade: TradeId,
    /// The order that was filled.
    pub order: OrderId,
    /// Contracts.
    pub count: Count,
    /// The fee booked for this fill.
    pub fee: Money,
    /// The signed position after it, when the exchange said.
    pub post_position: Option<Count>,
    /// The exchange's time of the fill in session milliseconds.
    pub time_ms: i64,
    /// When the frame or body had been read.
    pub read_ns: u64,
    /// Which market.
    pub market: MarketKey,
    /// The trade's YES price.
    pub price: Price,
    /// The order's side of the YES book.
    pub side: BookSide,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// Stream or read.
    pub source: Source,
}

/// Who placed an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Owner {
    /// Us, in this run or an earlier one.
    Ours(ClientOrderId),
    /// Somebody else with this account: reported and left alone.
    Foreign,
}

/// An order as the exchange has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct OrderReport {
    /// The exchange's id.
    pub order: OrderId,
    /// Who placed it.
    pub owner: Owner,
    /// Filled so far.
    pub filled: Count,
    /// Still in the book.
    pub remaining: Count,
    /// The exchange's time of the last change in session milliseconds.
    pub time_ms: i64,
    /// Which market.
    pub market: MarketKey,
    /// Its limit, as a YES price.
    pub price: Price,
    /// Its side.
    pub side: BookSide,
    /// Its status.
    pub status: OrderStatus,
    /// Stream or read.
    pub source: Source,
}

/// What a REST read was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum QueryKind {
    /// Everything the ledger is built from: exchange status, limits, markets, balances, positions, resting orders, fills.
    Rebuild = 0,
    /// Balances, positions and resting orders, to be compared with the ledger.
    Compare = 1,
    /// Orders and fills of one market since a time, to find out what became of an order.
    Resolve = 2,
    /// Settlements since a time.
    Settlements = 3,
    /// The market that follows this one in its series.
    Successor = 4,
}

/// From `execute` to `reconcile`: read this from the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct QueryRequest {
    /// The asker's number for it, returned in [`AccountEvent::ReadBegin`] and [`AccountEvent::ReadEnd`].
    pub query: u32,
    /// What to read.
    pub kind: QueryKind,
    /// The market it concerns; ignored by kinds that concern the account.
    pub market: MarketKey,
    /// Only what happened at or after this session time, where the kind has a beginning.
    pub since_ms: i64,
}

/// From `reconcile` to `execute`: a fact about the account. A read's facts stand between its `ReadBegin` and `ReadEnd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountEvent {
    /// A market entered the directory.
    Listing(Listing),
    /// A fill.
    Fill(Fill),
    /// An order changed, or was read.
    Order(OrderReport),
    /// A shard's cash: fills, settlements and transfers move it, resting orders don't.
    Balance {
        /// Which shard.
        exchange_index: u8,
        /// Its cash.
        cash: Money,
    },
    /// A position as the exchange has it.
    Position {
        /// Which market.
        market: MarketKey,
        /// Signed contracts.
        position: Count,
        /// What the exchange says they cost.
        cost: Money,
        /// The exchange's realised profit in the market.
        realized: Money,
        /// Fees paid in the market.
        fees: Money,
    },
    /// A market settled.
    Settlement {
        /// Which market.
        market: MarketKey,
        /// What a YES contract paid.
        value: Price,
        /// What the settlement itself cost.
        fee: Money,
        /// When, in session milliseconds.
        time_ms: i64,
    },
    /// The write bucket of the account's tier.
    WriteLimit {
        /// Tokens a second.
        refill: u32,
        /// Tokens at most.
        capacity: u32,
    },
    /// Whether a shard trades.
    Trading {
        /// Which shard.
        exchange_index: u8,
        /// Whether orders are taken.
        active: bool,
    },
    /// Whether the private stream delivers: after a gap a rebuild is due.
    Stream {
        /// Connected and subscribed.
        up: bool,
    },
    /// A read begins.
    ReadBegin {
        /// The asker's number.
        query: u32,
        /// What is read.
        kind: QueryKind,
    },
    /// A read ended.
    ReadEnd {
        /// The asker's number.
        query: u32,
        /// What was read.
        kind: QueryKind,
        /// Whether every page was read; if not, nothing may be concluded from absence.
        complete: bool,
        /// The session time at which the first request of the read was sent: it shows at least what was true then,
        /// less the exchange's read lag.
        as_of_ms: i64,
    },
    /// The account is one that the ledger cannot model.
    Unsupported(Unsupported),
}

/// Why an account is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Unsupported {
    /// Netting across markets is enabled.
    Netting = 0,
}

const _: () = {
    assert!(size_of::<Listing>() <= 128);
    assert!(size_of::<BookEvent>() <= 128);
    assert!(size_of::<ResyncRequest>() <= 128);
    assert!(size_of::<MarketStatus>() <= 128);
    assert!(size_of::<OrderIntent>() <= 128);
    assert!(size_of::<PortfolioUpdate>() <= 128);
    assert!(size_of::<QueryRequest>() <= 128);
    assert!(size_of::<AccountEvent>() <= 128);
};
