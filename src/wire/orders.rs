//! Bodies of order writes (V2, under `/portfolio/events/orders`), in both directions. The structs here are for the exchange's
//! side and for tests; the client's hot path uses the writers of [`body`] and the parsers of [`answer`], which do not allocate.

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

/// What happens when an order would trade with another order of the same account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelfTradePrevention {
    /// The incoming order is cancelled when it would trade.
    TakerAtCross,
    /// The resting order is cancelled, and matching continues.
    Maker,
}

/// `POST /portfolio/events/orders`.
#[cfg_attr(not(feature = "internals"), allow(dead_code, reason = "used by tests to parse the bodies of the hot path"))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreateOrder<'a> {
    #[serde(borrow)]
    pub ticker: Cow<'a, str>,
    /// The client's id for the order, never used twice.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<Cow<'a, str>>,
    /// The side of the YES book.
    pub side: BookSide,
    pub count: Count,
    /// The limit price, as a YES price.
    pub price: Price,
    pub time_in_force: TimeInForce,
    /// What happens when it would trade with an order of the same account.
    pub self_trade_prevention_type: SelfTradePrevention,
    /// When it expires, in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<i64>,
    /// Whether to reject it rather than let it take liquidity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_only: Option<bool>,
    /// Whether to cancel it if trading pauses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_order_on_pause: Option<bool>,
    /// Whether its count is capped at the position; only with immediate-or-cancel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reduce_only: Option<bool>,
    /// 0 to 63.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subaccount: Option<u32>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub order_group_id: Option<Cow<'a, str>>,
    /// The shard; if absent or -1, the ticker determines it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_index: Option<i32>,
}

/// The response to a create (201).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CreatedOrder {
    pub order_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
    /// Filled immediately.
    pub fill_count: Count,
    /// Left in the book; zero after immediate-or-cancel.
    pub remaining_count: Count,
    /// The average YES price of the fills, if there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_fill_price: Option<Dollars4>,
    /// The average fee per contract, if there were fills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_fee_paid: Option<Dollars4>,
    /// The matching engine's time.
    pub ts_ms: i64,
}

/// `POST /portfolio/events/orders/{order_id}/amend`. `count` is the new total: what has filled plus what is to rest.
#[cfg_attr(not(feature = "internals"), allow(dead_code, reason = "used by tests to parse the bodies of the hot path"))]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AmendOrder<'a> {
    #[serde(borrow)]
    pub ticker: Cow<'a, str>,
    pub side: BookSide,
    pub price: Price,
    pub count: Count,
    /// The order's client order id, which the exchange checks.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<Cow<'a, str>>,
    /// A new client order id.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub updated_client_order_id: Option<Cow<'a, str>>,
    /// Keeps the expiration if absent and removes it if 0; otherwise the new one in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_index: Option<i32>,
}

/// The response to an amend (200).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AmendedOrder {
    /// The exchange's id, which an amend keeps.
    pub order_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
    /// Left in the book.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_count: Option<Count>,
    /// Filled by the amend itself, if the new price crossed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill_count: Option<Count>,
    /// The average price of those fills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_fill_price: Option<Dollars4>,
    /// The average fee of those fills, per contract.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_fee_paid: Option<Dollars4>,
    /// The matching engine's time.
    pub ts_ms: i64,
}

/// The response to a decrease (200).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecreasedOrder {
    pub order_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
    /// Left in the book.
    pub remaining_count: Count,
    /// The matching engine's time.
    pub ts_ms: i64,
}

/// The response to `DELETE /portfolio/events/orders/{order_id}` (200).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanceledOrder {
    pub order_id: String,
    /// May be missing.
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
    #[serde(borrow)]
    pub orders: Vec<CancelBatchItem<'a>>,
}

/// One order of a batched cancel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CancelBatchItem<'a> {
    #[serde(borrow)]
    pub order_id: Cow<'a, str>,
    /// The market, which determines the shard.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub market_ticker: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_index: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subaccount: Option<u32>,
}

/// The response to a batched cancel (200): items in the order of the request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanceledBatch {
    /// One for each item of the request.
    pub orders: Vec<CanceledBatchItem>,
}

/// One item of the response to a batched cancel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanceledBatchItem {
    pub order_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
    /// Contracts cancelled; zero after an error.
    pub reduced_by: Count,
    /// The matching engine's time; absent after an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts_ms: Option<i64>,
    /// Why it was not cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorBody>,
}
