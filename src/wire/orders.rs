//! Bodies that write orders (V2, under `/portfolio/events/orders`), in both directions. The structs here are for the
//! exchange's side and for tests; the client's hot path uses the writers of [`body`] and the parsers of [`answer`],
//! which allocate nothing.

pub mod answer;
pub mod body;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Dollars4;
use super::error::ErrorBody;
use crate::market::{BookSide, Count, Price, TimeInForce};

/// The path of creates and of cancel-all.
pub const ORDERS_PATH: &str = "/trade-api/v2/portfolio/events/orders";
/// The path of batched creates and batched cancels.
pub const BATCHED_PATH: &str = "/trade-api/v2/portfolio/events/orders/batched";

/// What happens when an order would trade with another of the same account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelfTradePrevention {
    /// The incoming order is cancelled at the cross.
    TakerAtCross,
    /// The resting order is cancelled and matching goes on.
    Maker,
}

/// `POST /portfolio/events/orders`.
#[cfg_attr(not(feature = "internals"), allow(dead_code, reason = "what tests read the hot path's bodies with"))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateOrder<'a> {
    /// The market.
    #[serde(borrow)]
    pub ticker: Cow<'a, str>,
    /// Used once, ever.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<Cow<'a, str>>,
    /// Bid or ask on the YES book.
    pub side: BookSide,
    /// Contracts.
    pub count: Count,
    /// The limit, as a YES price.
    pub price: Price,
    /// How long it may wait.
    pub time_in_force: TimeInForce,
    /// What happens at a cross with ourselves.
    pub self_trade_prevention_type: SelfTradePrevention,
    /// When it ends, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<i64>,
    /// Refuse it rather than let it take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_only: Option<bool>,
    /// Cancel it when trading pauses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_order_on_pause: Option<bool>,
    /// Cap it by the position; only with immediate-or-cancel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduce_only: Option<bool>,
    /// The subaccount, 0 to 63.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subaccount: Option<u32>,
    /// The order group.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub order_group_id: Option<Cow<'a, str>>,
    /// The shard; absent or -1 routes by ticker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_index: Option<i32>,
}

/// The answer to a create (201).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreatedOrder {
    /// The exchange's id.
    pub order_id: String,
    /// The id we gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
    /// Filled at once.
    pub fill_count: Count,
    /// Left in the book; zero after immediate-or-cancel.
    pub remaining_count: Count,
    /// Average YES price of the fills, when there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_fill_price: Option<Dollars4>,
    /// Average fee per contract, when there were fills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_fee_paid: Option<Dollars4>,
    /// The matching engine's time.
    pub ts_ms: i64,
}

/// `POST /portfolio/events/orders/{order_id}/amend`. `count` is the new total: filled plus wanted resting.
#[cfg_attr(not(feature = "internals"), allow(dead_code, reason = "what tests read the hot path's bodies with"))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AmendOrder<'a> {
    /// The market.
    #[serde(borrow)]
    pub ticker: Cow<'a, str>,
    /// The order's side.
    pub side: BookSide,
    /// The new limit.
    pub price: Price,
    /// The new total.
    pub count: Count,
    /// The order's id of ours, to be checked.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<Cow<'a, str>>,
    /// A new id of ours.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub updated_client_order_id: Option<Cow<'a, str>>,
    /// Absent keeps, 0 removes, else the new end in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<i64>,
    /// The shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_index: Option<i32>,
}

/// The answer to an amend (200).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AmendedOrder {
    /// The exchange's id; an amend keeps it.
    pub order_id: String,
    /// The id of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
    /// Left in the book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_count: Option<Count>,
    /// Filled by the amend itself, when the new price crossed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill_count: Option<Count>,
    /// Average price of those fills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_fill_price: Option<Dollars4>,
    /// Average fee of those fills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_fee_paid: Option<Dollars4>,
    /// The matching engine's time.
    pub ts_ms: i64,
}

/// The answer to a decrease (200).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecreasedOrder {
    /// The exchange's id.
    pub order_id: String,
    /// The id of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
    /// Left in the book.
    pub remaining_count: Count,
    /// The matching engine's time.
    pub ts_ms: i64,
}

/// The answer to `DELETE /portfolio/events/orders/{order_id}` (200).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanceledOrder {
    /// The exchange's id.
    pub order_id: String,
    /// The id of ours; may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
    /// Contracts cancelled.
    pub reduced_by: Count,
    /// The matching engine's time.
    pub ts_ms: i64,
}

/// `DELETE /portfolio/events/orders/batched`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CancelBatch<'a> {
    /// What to cancel.
    #[serde(borrow)]
    pub orders: Vec<CancelBatchItem<'a>>,
}

/// One order of a batched cancel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CancelBatchItem<'a> {
    /// The exchange's id.
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    /// The market, which tells the shard.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub market_ticker: Option<Cow<'a, str>>,
    /// The shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_index: Option<i32>,
    /// The subaccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subaccount: Option<u32>,
}

/// The answer to a batched cancel (200): items in the order of the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanceledBatch {
    /// One for each item of the request.
    pub orders: Vec<CanceledBatchItem>,
}

/// One answer of a batched cancel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanceledBatchItem {
    /// The exchange's id.
    pub order_id: String,
    /// The id of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
    /// Contracts cancelled; zero on an error.
    pub reduced_by: Count,
    /// The matching engine's time; absent on an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts_ms: Option<i64>,
    /// Why it was not cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
}
