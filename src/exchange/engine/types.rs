//! What goes into the engine, and why it refuses.

use thiserror::Error;

use crate::market::{BookSide, Count, FeeTerms, GridBands, Money, OrderGroupId, OrderId, Price, TimeInForce};
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
    /// Its fees, as far as they are settled.
    pub fees: FeeTerms,
    /// When it opens.
    pub open_ms: i64,
    /// When it closes.
    pub close_ms: i64,
    /// From determination to payment.
    pub settlement_timer_ms: i64,
    /// Whether at most one market of its event resolves YES.
    pub exclusive: bool,
    /// Whether its book is recorded: orders are matched by the rules of recorded markets, and the book is fed by steps.
    pub recorded: bool,
}

/// How cash covers orders. Which of the two the real exchange has is unverified; a client should expect the strict one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Collateral {
    /// The worst case of all resting orders of a subaccount on a shard together fits its cash, always.
    #[default]
    Reserved,
    /// Each order fits the cash by itself. When a fill leaves too little for another order, that one is cancelled.
    PerOrder,
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
    /// The order group that it joins: one of the same account, subaccount and shard.
    pub group: Option<OrderGroupId>,
}

/// What an amend asks for: the whole new order, as the exchange's amend body does.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// A new client order id, used once, ever; none keeps the old one.
    pub new_client_order_id: Option<String>,
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

/// What a cancel-all takes back, and how long it goes on. On the exchange it may also take orders that are placed within
/// the next minute; here it is repeated at fixed times until its window ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CancelAll {
    /// The orders of one subaccount; none means all of them.
    pub subaccount: Option<u32>,
    /// How long it goes on after the first time. 0 means not at all.
    pub window_ms: i64,
    /// The time from one repetition to the next; the last one is at the end of the window.
    pub every_ms: i64,
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
    /// A time that no body could carry.
    #[error("market `{ticker}` opens or closes at {at_ms} ms, expected a time in the years 1 to 9999")]
    UnwritableTime {
        /// The market.
        ticker: String,
        /// The time.
        at_ms: i64,
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
    /// The account has nothing on this shard.
    UserNotFound,
    /// No such order group of this account and subaccount on this shard.
    GroupNotFound,
    /// The order group was triggered and waits for its reset.
    GroupTriggered,
    /// An order group's limit outside 1 to 1,000,000 contracts.
    InvalidGroupLimit,
    /// The account has as many order groups as it may have.
    TooManyGroups,
    /// The account has as many subaccounts as it may have.
    TooManySubaccounts,
    /// A transfer of nothing, or from a subaccount to itself.
    InvalidTransfer,
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
    /// An expiration that cannot be written: milliseconds where seconds belong, perhaps.
    ExpirationTooLate,
}
