//! The engine's inputs, and its reasons for rejecting them.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::market::{BookSide, Count, FeeTerms, GridBands, Money, OrderGroupId, OrderId, Price, TimeInForce};
use crate::wire::orders::SelfTradePrevention;

/// An account of the engine.
pub type AccountId = u32;
/// A market of the engine: its index in the order of listing.
pub type MarketIndex = u32;

/// A market to list. Times are session milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarketSpec {
    /// Its ticker.
    pub ticker: String,
    /// The ticker of its event.
    pub event_ticker: String,
    /// The ticker of its series.
    pub series_ticker: String,
    /// Its title.
    pub title: String,
    /// The shard that matches its orders.
    pub exchange_index: u8,
    /// The name of its price structure.
    pub structure: String,
    /// Its tick grid.
    pub bands: GridBands,
    /// Its fees, as far as they are known.
    pub fees: FeeTerms,
    /// When it opens.
    pub open_ms: i64,
    /// When it closes.
    pub close_ms: i64,
    /// The time from determination to payment.
    pub settlement_timer_ms: i64,
    /// Whether at most one market of its event resolves to YES.
    pub exclusive: bool,
    /// Whether its book is recorded: it is fed by steps, and orders are matched by the rules for recorded markets.
    pub recorded: bool,
}

/// How cash covers orders. Which of these the real exchange uses is unverified; a client should expect the strict one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Collateral {
    /// The worst case of all resting orders of a subaccount on a shard, taken together, always fits its cash.
    #[default]
    Reserved,
    /// Each order by itself fits the cash. If a fill leaves too little for another order, that order is cancelled.
    PerOrder,
}

/// An account to open.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountSpec {
    /// The cash on each shard.
    pub cash: Vec<(u8, Money)>,
    /// Whether it is a direct member, whose balances move in steps of $0.0001 instead of cents.
    pub direct_member: bool,
    /// Whether its cash is not checked, for participants that only make the market active.
    pub unlimited: bool,
}

/// An order to place.
#[derive(Clone, Debug, PartialEq)]
pub struct NewOrder {
    /// The account that places it.
    pub account: AccountId,
    /// The market it is for.
    pub market: MarketIndex,
    /// The client's id for the order, never used twice.
    pub client_order_id: Option<String>,
    /// The side of the YES book.
    pub side: BookSide,
    /// The number of contracts.
    pub count: Count,
    /// The limit price, as a YES price.
    pub price: Price,
    /// The order's time in force.
    pub time_in_force: TimeInForce,
    /// What happens when it would trade with an order of the same account.
    pub self_trade_prevention: SelfTradePrevention,
    /// When it expires, in session milliseconds.
    pub expiration_ms: Option<i64>,
    /// Whether to reject it rather than let it take liquidity.
    pub post_only: bool,
    /// Whether its count is capped at the position.
    pub reduce_only: bool,
    /// Whether to cancel it if trading pauses.
    pub cancel_on_pause: bool,
    /// The subaccount, 0 to 63.
    pub subaccount: u32,
    /// The order group that it joins, which must be of the same account, subaccount and shard.
    pub group: Option<OrderGroupId>,
}

/// The content of an amend: all terms of the order, as in the exchange's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmendSpec {
    /// The order's market, which is checked.
    pub market: MarketIndex,
    /// The order's side, which is checked.
    pub side: BookSide,
    /// The new YES price.
    pub price: Price,
    /// The new total: what has filled plus what is to rest.
    pub total_count: Count,
    /// What happens to its expiration.
    pub expiration: AmendExpiration,
    /// A new client order id, never used before; `None` keeps the old one.
    pub new_client_order_id: Option<String>,
}

/// What an amend does to an order's expiration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmendExpiration {
    /// Keeps it.
    Keep,
    /// Removes it.
    Remove,
    /// Sets it, in session milliseconds.
    At(i64),
}

/// How a decrease states what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decrease {
    /// Removes this many contracts.
    By(Count),
    /// Leaves this many contracts.
    To(Count),
}

/// What a cancel-all cancels, and for how long. On the exchange it may also take orders that are placed within the next
/// minute; here it is repeated at fixed times until its window ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CancelAll {
    /// Cancels only the orders of one subaccount; `None` means all.
    pub subaccount: Option<u32>,
    /// How long it is repeated, in milliseconds. 0 means not at all.
    pub window_ms: i64,
    /// The time between repetitions, in milliseconds; the last one is at the end of the window.
    pub every_ms: i64,
}

/// Why a market could not be listed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ListError {
    /// The ticker is taken.
    #[error("market `{0}` is listed already")]
    DuplicateTicker(String),
    /// The market would close before it opens.
    #[error("market `{ticker}` closes at {close_ms} ms, expected a time after its opening at {open_ms} ms")]
    ClosesBeforeOpening {
        /// The market's ticker.
        ticker: String,
        /// When it would open, in session milliseconds.
        open_ms: i64,
        /// When it would close, in session milliseconds.
        close_ms: i64,
    },
    /// A time cannot be written in responses.
    #[error("market `{ticker}` opens or closes at {at_ms} ms, expected a time in the years 1 to 9999")]
    UnwritableTime {
        /// The market's ticker.
        ticker: String,
        /// The time, in session milliseconds.
        at_ms: i64,
    },
}

/// The result of a create or an amend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The id of the order.
    pub order: OrderId,
    /// The count filled by this command.
    pub filled: Count,
    /// The count left in the book.
    pub remaining: Count,
    /// The sum of YES price times count over those fills.
    pub filled_value: Money,
    /// The fees booked for those fills.
    pub fees: Money,
}

/// Why the engine rejected a command. The gateway maps each to an HTTP status and code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reject {
    /// The price is off the grid, $0 or $1.
    InvalidPrice,
    /// The count is zero, negative or beyond the limit.
    InvalidSize,
    /// The order is post-only and would cross.
    PostOnlyCross,
    /// The order is fill-or-kill and can't fill completely.
    FillOrKill,
    /// The account does not have enough cash.
    InsufficientBalance,
    /// The client order id was used before.
    DuplicateClientOrderId,
    /// There is no such open order of this account on this shard.
    OrderNotFound,
    /// There is no such market on this shard.
    MarketNotFound,
    /// The account has no balance on this shard.
    UserNotFound,
    /// There is no such order group of this account and subaccount on this shard.
    GroupNotFound,
    /// The order group was triggered and has not been reset.
    GroupTriggered,
    /// The limit of an order group is outside 1 to 1,000,000 contracts.
    InvalidGroupLimit,
    /// The account has the maximum number of order groups.
    TooManyGroups,
    /// The account has the maximum number of subaccounts.
    TooManySubaccounts,
    /// The transfer's amount is not positive, or both subaccounts are the same.
    InvalidTransfer,
    /// The market is not open.
    MarketInactive,
    /// Trading is paused.
    TradingPaused,
    /// The exchange is paused.
    ExchangePaused,
    /// The amend or decrease would change nothing.
    NoChange,
    /// The amend's count is below what has filled.
    InvalidAmendCount,
    /// The amend names the other side.
    SideMismatch,
    /// The amend names another market.
    TickerMismatch,
    /// The order is reduce-only without immediate-or-cancel.
    ReduceOnlyNeedsIoc,
    /// The expiration has passed.
    ExpirationInPast,
    /// The order has an expiration and immediate-or-cancel.
    ExpirationWithIoc,
    /// The expiration cannot be written; it may be in milliseconds instead of seconds.
    ExpirationTooLate,
}
