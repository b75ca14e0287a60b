//! Bodies about the account: positions, orders, fills, settlements.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::orders::SelfTradePrevention;
use crate::market::{BookSide, Count, Money, OrderStatus, Outcome, Price};

/// `GET /portfolio/positions`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PositionsPage {
    /// A position a market.
    pub market_positions: Vec<MarketPosition>,
    /// A position an event.
    #[serde(default)]
    pub event_positions: Vec<EventPosition>,
    /// Where the next page begins; empty on the last.
    #[serde(default)]
    pub cursor: String,
}

/// A position in one market.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarketPosition {
    /// The market.
    pub ticker: String,
    /// Its shard.
    #[serde(default)]
    pub exchange_index: u8,
    /// Money traded.
    #[serde(default)]
    pub total_traded_dollars: Money,
    /// Signed contracts: + YES, - NO.
    pub position_fp: Count,
    /// What the position cost.
    pub market_exposure_dollars: Money,
    /// Realised profit.
    pub realized_pnl_dollars: Money,
    /// Fees paid.
    pub fees_paid_dollars: Money,
    /// When it last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_updated_ts: Option<Timestamp>,
}

/// A position in one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventPosition {
    /// The event.
    pub event_ticker: String,
    /// What it cost.
    pub total_cost_dollars: Money,
    /// Contracts it cost that for.
    pub total_cost_shares_fp: Count,
    /// What the positions cost.
    pub event_exposure_dollars: Money,
    /// Realised profit.
    pub realized_pnl_dollars: Money,
    /// Fees paid.
    pub fees_paid_dollars: Money,
}

/// `Order` of `GET /portfolio/orders` and `GET /portfolio/orders/{order_id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The exchange's id.
    pub order_id: String,
    /// The account.
    #[serde(default)]
    pub user_id: String,
    /// The id the client gave; empty without one.
    #[serde(default)]
    pub client_order_id: String,
    /// The market.
    pub ticker: String,
    /// Deprecated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Outcome>,
    /// Deprecated: `buy` or `sell`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The outcome it bets on.
    pub outcome_side: Outcome,
    /// Its side of the YES book.
    pub book_side: BookSide,
    /// `limit`.
    #[serde(default, rename = "type")]
    pub order_type: String,
    /// Its status.
    pub status: OrderStatus,
    /// Its limit on the YES scale.
    pub yes_price_dollars: Price,
    /// Its limit on the NO scale.
    pub no_price_dollars: Price,
    /// Filled.
    pub fill_count_fp: Count,
    /// In the book.
    pub remaining_count_fp: Count,
    /// Asked for.
    pub initial_count_fp: Count,
    /// Cost of its fills as a taker.
    #[serde(default)]
    pub taker_fill_cost_dollars: Money,
    /// Cost of its fills as a maker.
    #[serde(default)]
    pub maker_fill_cost_dollars: Money,
    /// Fees as a taker.
    #[serde(default)]
    pub taker_fees_dollars: Money,
    /// Fees as a maker.
    #[serde(default)]
    pub maker_fees_dollars: Money,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<Timestamp>,
    /// When it was placed.
    #[serde(default)]
    pub created_time: Option<Timestamp>,
    /// When it last changed.
    #[serde(default)]
    pub last_update_time: Option<Timestamp>,
    /// What happens at a cross with ourselves.
    #[serde(default)]
    pub self_trade_prevention_type: Option<SelfTradePrevention>,
    /// Its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_group_id: Option<String>,
    /// Whether a pause cancels it. Sent only when it does, as captured.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancel_order_on_pause: bool,
    /// Its subaccount.
    #[serde(default)]
    pub subaccount_number: Option<u32>,
    /// Its shard.
    #[serde(default)]
    pub exchange_index: u8,
}

/// `GET /portfolio/orders`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrdersPage {
    /// Newest first.
    pub orders: Vec<Order>,
    /// Where the next page begins; empty on the last.
    #[serde(default)]
    pub cursor: String,
}

/// `GET /portfolio/orders/{order_id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderBody {
    /// The order.
    pub order: Order,
}

/// `GET /portfolio/orders/queue_positions`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueuePositionsBody {
    /// A position a resting order.
    pub queue_positions: Vec<OrderQueuePosition>,
}

/// Where an order stands in its queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderQueuePosition {
    /// The order.
    pub order_id: String,
    /// Its market.
    pub market_ticker: String,
    /// Contracts that trade before it.
    pub queue_position_fp: Count,
}

/// `GET /portfolio/summary/total_resting_order_value`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestingOrderValue {
    /// Cents over all shards.
    pub total_resting_order_value: i64,
    /// Each shard's.
    pub resting_order_value_breakdown: Vec<super::markets::ShardBalance>,
}

/// `Fill` of `GET /portfolio/fills`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    /// The fill.
    pub fill_id: String,
    /// Its trade.
    pub trade_id: String,
    /// The order.
    pub order_id: String,
    /// The market.
    pub ticker: String,
    /// The market again.
    #[serde(default)]
    pub market_ticker: String,
    /// Its shard.
    #[serde(default)]
    pub exchange_index: u8,
    /// Deprecated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Outcome>,
    /// Deprecated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The outcome bought.
    pub outcome_side: Outcome,
    /// The order's side.
    pub book_side: BookSide,
    /// Contracts.
    pub count_fp: Count,
    /// YES price.
    pub yes_price_dollars: Price,
    /// NO price.
    pub no_price_dollars: Price,
    /// Taker or maker.
    pub is_taker: bool,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_time: Option<Timestamp>,
    /// The fee booked for it.
    pub fee_cost: Money,
    /// The subaccount.
    #[serde(default)]
    pub subaccount_number: Option<u32>,
    /// Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ts: Option<i64>,
}

/// `GET /portfolio/fills`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FillsPage {
    /// Newest first.
    pub fills: Vec<Fill>,
    /// Where the next page begins; empty on the last.
    #[serde(default)]
    pub cursor: String,
}

/// `Settlement` of `GET /portfolio/settlements`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settlement {
    /// The market.
    pub ticker: String,
    /// Its shard.
    #[serde(default)]
    pub exchange_index: u8,
    /// Its event.
    #[serde(default)]
    pub event_ticker: String,
    /// `yes`, `no` or `scalar`.
    pub market_result: String,
    /// YES contracts that were held.
    pub yes_count_fp: Count,
    /// What they cost.
    pub yes_total_cost_dollars: Money,
    /// NO contracts that were held.
    pub no_count_fp: Count,
    /// What they cost.
    pub no_total_cost_dollars: Money,
    /// What was paid, in cents.
    pub revenue: i64,
    /// When.
    pub settled_time: Timestamp,
    /// Fees paid in the market.
    pub fee_cost: Money,
    /// What a YES contract paid, in cents.
    #[serde(default)]
    pub value: Option<i64>,
}

/// `GET /portfolio/settlements`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SettlementsPage {
    /// Newest first.
    pub settlements: Vec<Settlement>,
    /// Where the next page begins; empty on the last.
    #[serde(default)]
    pub cursor: String,
}

/// `GET /portfolio/subaccounts/netting`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NettingBody {
    /// A setting a subaccount.
    pub netting_configs: Vec<NettingConfig>,
}

/// Whether a subaccount nets positions across the markets of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NettingConfig {
    /// The subaccount; 0 is the primary one.
    pub subaccount_number: u32,
    /// Whether it nets.
    pub enabled: bool,
    /// Its shard.
    #[serde(default)]
    pub exchange_index: u8,
}
