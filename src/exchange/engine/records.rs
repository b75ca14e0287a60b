//! The engine's records of orders, fills, trades, positions and payments, including ended ones.

use serde::{Deserialize, Serialize};

use super::{AccountId, MarketIndex};
use crate::market::{BookSide, Count, Liquidity, Money, OrderGroupId, OrderId, OrderStatus, Price, TradeId};
use crate::wire::orders::SelfTradePrevention;

/// Why an order last changed, in the exchange's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UpdateReason {
    /// It was placed.
    Created,
    /// It was decreased, or cancelled by its owner.
    Decrease,
    /// It was amended.
    Amend,
    /// It was filled, completely or in part.
    Trade,
    /// The account ran out of collateral.
    MarginCancel,
    /// Self-trade prevention cancelled it.
    SelfTradeCancel,
    /// It expired.
    ExpiryCancel,
    /// Its market closed.
    CloseCancel,
    /// Its market or the exchange was paused, or its market deactivated.
    HaltCancel,
    /// It is post-only and would have crossed after an amend.
    PostOnlyCrossCancel,
    /// It is reduce-only, and no position was left to reduce.
    ReduceOnlyCancel,
    /// Its order group was triggered or deleted.
    GroupCancel,
}

/// An order as the engine stores it, including ended ones. Times are session milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderRecord {
    /// The id assigned by the engine.
    pub order: OrderId,
    /// The account that placed it.
    pub account: AccountId,
    /// The market it is for.
    pub market: MarketIndex,
    /// The client's id for the order.
    pub client_order_id: Option<String>,
    /// The side of the YES book.
    pub side: BookSide,
    /// The limit price, as a YES price.
    pub price: Price,
    /// The count that was asked for, after amends.
    pub initial: Count,
    /// The count filled so far.
    pub filled: Count,
    /// The open count.
    pub remaining: Count,
    /// Whether it rests, was cancelled or was executed.
    pub status: OrderStatus,
    /// Why it last changed.
    pub reason: UpdateReason,
    /// The cost of its fills as a taker, at the price of its own outcome.
    pub taker_cost: Money,
    /// The cost of its fills as a maker, at the price of its own outcome.
    pub maker_cost: Money,
    /// Its fees as a taker.
    pub taker_fees: Money,
    /// Its fees as a maker.
    pub maker_fees: Money,
    /// When it was placed.
    pub created_ms: i64,
    /// When it last changed.
    pub updated_ms: i64,
    /// When it expires.
    pub expiration_ms: Option<i64>,
    /// Whether a pause cancels it.
    pub cancel_on_pause: bool,
    /// What happens when it would trade with an order of the same account.
    pub self_trade_prevention: SelfTradePrevention,
    /// The subaccount that placed it.
    pub subaccount: u32,
    /// The order group that it was placed in, even if that was deleted.
    pub group: Option<OrderGroupId>,
}

/// One side of a trade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FillRecord {
    /// The id of the trade.
    pub trade: TradeId,
    /// The id of the order that filled.
    pub order: OrderId,
    /// The client's id for the order.
    pub client_order_id: Option<String>,
    /// The account of the order.
    pub account: AccountId,
    /// The market of the trade.
    pub market: MarketIndex,
    /// The order's side of the YES book.
    pub side: BookSide,
    /// The YES price of the trade.
    pub price: Price,
    /// The number of contracts.
    pub count: Count,
    /// The fee booked for the fill.
    pub fee: Money,
    /// Whether the order was maker or taker.
    pub liquidity: Liquidity,
    /// The signed position after the fill.
    pub post_position: Count,
    /// The time of the trade, in session milliseconds.
    pub time_ms: i64,
    /// The subaccount of the order.
    pub subaccount: u32,
}

/// A public trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradeRecord {
    /// The id of the trade.
    pub trade: TradeId,
    /// The YES price.
    pub price: Price,
    /// The number of contracts.
    pub count: Count,
    /// The taker's side of the YES book.
    pub taker: BookSide,
    /// The time of the trade, in session milliseconds.
    pub time_ms: i64,
}

/// A position as the engine stores it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PositionRecord {
    /// Signed contracts: positive for YES, negative for NO.
    pub contracts: Count,
    /// The cost of the contracts, without fees.
    pub cost: Money,
    /// The realised profit, before fees.
    pub realized: Money,
    /// The fees paid.
    pub fees: Money,
    /// The money traded.
    pub traded: Money,
    /// The number of contracts traded.
    pub volume: Count,
    /// When it last changed, in session milliseconds.
    pub updated_ms: i64,
}

/// A market's payment to one subaccount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettlementRecord {
    /// The account that was paid.
    pub account: AccountId,
    /// The subaccount that was paid.
    pub subaccount: u32,
    /// The market that paid.
    pub market: MarketIndex,
    /// The signed contracts held at settlement.
    pub contracts: Count,
    /// The cost of the contracts, without fees.
    pub cost: Money,
    /// The amount paid.
    pub revenue: Money,
    /// The payout of a YES contract.
    pub value: Price,
    /// The fees paid in the market before.
    pub fees: Money,
    /// The time of the payment, in session milliseconds.
    pub time_ms: i64,
}

/// A market's state in its life cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketState {
    /// Listed, not yet open.
    Initialized,
    /// Open for trading.
    Active,
    /// Deactivated by request.
    Inactive,
    /// Past its close.
    Closed,
    /// Its result is known: the payout of a YES contract.
    Determined(Price),
    /// It has paid: the payout of a YES contract.
    Finalized(Price),
}
