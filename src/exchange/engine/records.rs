//! What the engine tells of orders, fills, trades, positions and payments, ended ones included.

use serde::{Deserialize, Serialize};

use super::{AccountId, MarketIndex};
use crate::market::{BookSide, Count, Liquidity, Money, OrderGroupId, OrderId, OrderStatus, Price, TradeId};
use crate::wire::orders::SelfTradePrevention;

/// Why an order changed last, in the exchange's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// Its group was triggered or deleted.
    GroupCancel,
}

/// An order as the engine keeps it, ended ones included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// The order group that it was placed in, deleted ones included.
    pub group: Option<OrderGroupId>,
}

/// One side of a trade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// A market's payment to one subaccount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettlementRecord {
    /// Whose.
    pub account: AccountId,
    /// Of which subaccount.
    pub subaccount: u32,
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
