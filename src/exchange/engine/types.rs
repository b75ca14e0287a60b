//! What goes into the engine and what comes out of it.

use thiserror::Error;

use crate::market::{
    BookSide, Count, FeeSchedule, GridBands, Liquidity, Money, OrderId, OrderStatus, Outcome, Price, TimeInForce,
    TradeId,
};
use crate::wire::orders::SelfTradePrevention;

/// An account of the engine.
pub type AccountId = u32;
/// A market of the engine: its position in the order of listing.
pub type MarketIndex = u32;

/// A market to list.
#[derive(Clone, Debug, PartialEq)]
pub struct MarketSpec {
    /// Its name.
    pub ticker: String,
    /// Its event.
    pub event_ticker: String,
    /// Its series.
    pub series_ticker: String,
    /// In words.
    pub title: String,
    /// Its shard.
    pub exchange_index: u8,
    /// The name of its tick structure.
    pub structure: String,
    /// Its tick bands.
    pub bands: GridBands,
    /// Its fees.
    pub fees: FeeSchedule,
    /// When it opens.
    pub open_ms: i64,
    /// When it closes.
    pub close_ms: i64,
    /// From determination to payment.
    pub settlement_timer_ms: i64,
    /// Whether its book is recorded: orders are matched by the rules of recorded markets, and the book is fed by steps.
    pub recorded: bool,
}

/// An account to open.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountSpec {
    /// Cash on each shard.
    pub cash: Vec<(u8, Money)>,
    /// Direct members' balances move in steps of $0.0001, others' in cents.
    pub direct_member: bool,
    /// Whether checks of cash are skipped, for participants that only make the market live.
    pub unlimited: bool,
}

/// An order to place.
#[derive(Clone, Debug, PartialEq)]
pub struct NewOrder {
    /// Who.
    pub account: AccountId,
    /// Where.
    pub market: MarketIndex,
    /// The client's id, used once, ever.
    pub client_order_id: Option<String>,
    /// Bid or ask.
    pub side: BookSide,
    /// Contracts.
    pub count: Count,
    /// YES price.
    pub price: Price,
    /// How long it may wait.
    pub time_in_force: TimeInForce,
    /// What happens at a cross with the same account.
    pub self_trade_prevention: SelfTradePrevention,
    /// When it ends.
    pub expiration_ms: Option<i64>,
    /// Refuse rather than take.
    pub post_only: bool,
    /// Cap by the position.
    pub reduce_only: bool,
    /// Cancel when trading pauses.
    pub cancel_on_pause: bool,
    /// 0 to 63.
    pub subaccount: u32,
}

/// What an amend asks for: the whole new order, as the exchange's amend body does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmendSpec {
    /// The order's market, to be checked.
    pub market: MarketIndex,
    /// The order's side, to be checked.
    pub side: BookSide,
    /// The new YES price.
    pub price: Price,
    /// The new total: already filled plus wanted in the book.
    pub total_count: Count,
    /// What becomes of its expiration.
    pub expiration: AmendExpiration,
}

/// What an amend does to an order's expiration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmendExpiration {
    /// Leaves it.
    Keep,
    /// Takes it away.
    Remove,
    /// Sets it, in session milliseconds.
    At(i64),
}

/// How a decrease says what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decrease {
    /// Takes that many contracts away.
    By(Count),
    /// Leaves that many contracts.
    To(Count),
}

/// Why a market could not be listed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ListError {
    /// The name is taken.
    #[error("market `{0}` is listed already")]
    DuplicateTicker(String),
    /// It would close before it opens.
    #[error("market `{ticker}` closes at {close_ms} ms, expected a time after its opening at {open_ms} ms")]
    ClosesBeforeOpening {
        /// The market.
        ticker: String,
        /// Its opening.
        open_ms: i64,
        /// Its close.
        close_ms: i64,
    },
}

/// What a create or amend did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The order.
    pub order: OrderId,
    /// Filled by this command.
    pub filled: Count,
    /// In the book now.
    pub remaining: Count,
    /// Sum of YES price times count over those fills.
    pub filled_value: Money,
    /// Fees booked for those fills.
    pub fees: Money,
}

/// Why the engine refused a command. Each has its HTTP status and code in the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reject {
    /// Off the grid, $0 or $1.
    InvalidPrice,
    /// Zero, negative or absurd.
    InvalidSize,
    /// Post-only, and it would cross.
    PostOnlyCross,
    /// Fill-or-kill, and it can't fill.
    FillOrKill,
    /// Not enough cash.
    InsufficientBalance,
    /// The client order id was used before.
    DuplicateClientOrderId,
    /// No such open order of this account on this shard.
    OrderNotFound,
    /// No such market on this shard.
    MarketNotFound,
    /// The market is not open.
    MarketInactive,
    /// Trading is paused.
    TradingPaused,
    /// The exchange is paused.
    ExchangePaused,
    /// An amend or decrease that changes nothing.
    NoChange,
    /// An amend below what has filled.
    InvalidAmendCount,
    /// An amend that names another side.
    SideMismatch,
    /// An amend that names another market.
    TickerMismatch,
    /// Reduce-only without immediate-or-cancel.
    ReduceOnlyNeedsIoc,
    /// An expiration that has passed.
    ExpirationInPast,
    /// An expiration on immediate-or-cancel.
    ExpirationWithIoc,
}

/// Why an order changed last, in the exchange's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpdateReason {
    /// Placed.
    Created,
    /// Decreased, or cancelled by its owner.
    Decrease,
    /// Amended.
    Amend,
    /// Filled.
    Trade,
    /// Collateral ran out.
    MarginCancel,
    /// Self-trade prevention.
    SelfTradeCancel,
    /// It expired.
    ExpiryCancel,
    /// Its market closed.
    CloseCancel,
    /// Its market halted.
    HaltCancel,
    /// Post-only and crossing after an amend.
    PostOnlyCrossCancel,
    /// Reduce-only with nothing to reduce.
    ReduceOnlyCancel,
}

/// An order as the engine keeps it, ended ones included.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderRecord {
    /// The engine's id.
    pub order: OrderId,
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub market: MarketIndex,
    /// The client's id.
    pub client_order_id: Option<String>,
    /// Bid or ask.
    pub side: BookSide,
    /// YES price.
    pub price: Price,
    /// Asked for, after amends.
    pub initial: Count,
    /// Filled.
    pub filled: Count,
    /// In the book.
    pub remaining: Count,
    /// Its status.
    pub status: OrderStatus,
    /// Why it changed last.
    pub reason: UpdateReason,
    /// What its fills as a taker cost on its own outcome.
    pub taker_cost: Money,
    /// What its fills as a maker cost.
    pub maker_cost: Money,
    /// Fees as a taker.
    pub taker_fees: Money,
    /// Fees as a maker.
    pub maker_fees: Money,
    /// When it was placed.
    pub created_ms: i64,
    /// When it last changed.
    pub updated_ms: i64,
    /// When it ends.
    pub expiration_ms: Option<i64>,
    /// Cancelled by a pause.
    pub cancel_on_pause: bool,
    /// At a cross with the same account.
    pub self_trade_prevention: SelfTradePrevention,
    /// Its subaccount.
    pub subaccount: u32,
}

/// One side of a trade.
#[derive(Clone, Debug, PartialEq)]
pub struct FillRecord {
    /// The trade.
    pub trade: TradeId,
    /// The order.
    pub order: OrderId,
    /// Its client's id.
    pub client_order_id: Option<String>,
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub market: MarketIndex,
    /// The order's side.
    pub side: BookSide,
    /// YES price of the trade.
    pub price: Price,
    /// Contracts.
    pub count: Count,
    /// The fee booked.
    pub fee: Money,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// The signed position afterwards.
    pub post_position: Count,
    /// When.
    pub time_ms: i64,
    /// The subaccount.
    pub subaccount: u32,
}

/// A public trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeRecord {
    /// The trade.
    pub trade: TradeId,
    /// YES price.
    pub price: Price,
    /// Contracts.
    pub count: Count,
    /// The taker's side.
    pub taker: BookSide,
    /// When.
    pub time_ms: i64,
}

/// A position as the engine keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PositionRecord {
    /// Signed contracts.
    pub contracts: Count,
    /// What they cost.
    pub cost: Money,
    /// Realised profit, before fees.
    pub realized: Money,
    /// Fees paid.
    pub fees: Money,
    /// Money traded.
    pub traded: Money,
    /// Contracts traded.
    pub volume: Count,
    /// When it last changed.
    pub updated_ms: i64,
}

/// A market's payment to one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettlementRecord {
    /// Whose.
    pub account: AccountId,
    /// Where.
    pub market: MarketIndex,
    /// Signed contracts that were held.
    pub contracts: Count,
    /// What they had cost.
    pub cost: Money,
    /// What was paid.
    pub revenue: Money,
    /// What YES paid.
    pub value: Price,
    /// Fees paid in the market before.
    pub fees: Money,
    /// When.
    pub time_ms: i64,
}

/// A market's status in the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketState {
    /// Before its open.
    Initialized,
    /// Open.
    Active,
    /// Deactivated.
    Inactive,
    /// Past its close.
    Closed,
    /// Its result is known.
    Determined(Price),
    /// It paid.
    Finalized(Price),
}

/// What happened, in the order in which it happened. Drained by the gateway.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A level of the published book changed.
    Level {
        /// Where.
        market: MarketIndex,
        /// The outcome on which the level is a bid.
        side: Outcome,
        /// Its price on that outcome's scale.
        price: Price,
        /// By how much.
        change: Count,
        /// The market's clock: grows with every command that changes its book.
        clock: u64,
        /// Whose order caused it, with its client's id; none when a recording did.
        cause: Option<(AccountId, Option<String>)>,
        /// When.
        time_ms: i64,
    },
    /// A trade.
    Trade {
        /// Where.
        market: MarketIndex,
        /// The trade.
        trade: TradeId,
        /// YES price.
        price: Price,
        /// Contracts.
        count: Count,
        /// The taker's side.
        taker: BookSide,
        /// When.
        time_ms: i64,
    },
    /// One side of a trade. Not sent for unlimited accounts.
    Fill(FillRecord),
    /// An order changed. Not sent for unlimited accounts.
    Order(OrderRecord),
    /// A position changed. Not sent for unlimited accounts.
    Position {
        /// Whose.
        account: AccountId,
        /// Where.
        market: MarketIndex,
        /// What it is now.
        position: PositionRecord,
    },
    /// A market was listed.
    Created {
        /// Which.
        market: MarketIndex,
    },
    /// A market was deactivated or activated by hand.
    Activity {
        /// Which.
        market: MarketIndex,
        /// Whether it is active now.
        active: bool,
        /// When.
        time_ms: i64,
    },
    /// A market's close moved.
    CloseMoved {
        /// Which.
        market: MarketIndex,
        /// To when.
        close_ms: i64,
    },
    /// A market's result is known.
    Determined {
        /// Which.
        market: MarketIndex,
        /// What YES pays.
        value: Price,
        /// When.
        time_ms: i64,
    },
    /// A market paid.
    Settled {
        /// Which.
        market: MarketIndex,
        /// When.
        time_ms: i64,
    },
    /// A market's whole book was replaced (recorded markets after a gap): a snapshot is due.
    BookReset {
        /// Which.
        market: MarketIndex,
        /// The market's clock.
        clock: u64,
    },
}
