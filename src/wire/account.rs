//! REST bodies about the account: positions, orders, fills, settlements. The exchange writes them in full; a reader needs
//! little of them, and only that is required.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::elements::{Element, lenient};
use super::orders::SelfTradePrevention;
use crate::market::{BookSide, Count, Money, OrderId, OrderStatus, Outcome, Price, TradeId};

/// `GET /portfolio/positions`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PositionsPage {
    pub market_positions: Vec<MarketPosition>,
    #[serde(default)]
    pub event_positions: Vec<EventPosition>,
    /// Where the next page begins; empty on the last.
    #[serde(default)]
    pub cursor: String,
}

/// A position in one market.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarketPosition {
    pub ticker: String,
    #[serde(default, deserialize_with = "lenient")]
    pub exchange_index: u8,
    /// The total money traded.
    #[serde(default, deserialize_with = "lenient")]
    pub total_traded_dollars: Money,
    /// Signed contracts: positive for YES, negative for NO.
    pub position_fp: Count,
    /// The cost of the position.
    #[serde(default, deserialize_with = "lenient")]
    pub market_exposure_dollars: Option<Money>,
    #[serde(default, deserialize_with = "lenient")]
    pub realized_pnl_dollars: Money,
    #[serde(default, deserialize_with = "lenient")]
    pub fees_paid_dollars: Money,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub last_updated_ts: Option<Timestamp>,
}

impl Element for MarketPosition {
    const LIST: &'static str = "market_positions";
    const WHAT: &'static str = "position";

    fn check(&self) -> Result<(), String> {
        let priced = self.position_fp.is_zero() || self.market_exposure_dollars.is_some();
        priced.then_some(()).ok_or_else(|| "`market_exposure_dollars`: expected what the contracts cost".to_owned())
    }
}

/// A position in one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventPosition {
    pub event_ticker: String,
    /// The total cost.
    pub total_cost_dollars: Money,
    /// The number of contracts that the total cost paid for.
    pub total_cost_shares_fp: Count,
    /// The cost of the open positions.
    pub event_exposure_dollars: Money,
    pub realized_pnl_dollars: Money,
    pub fees_paid_dollars: Money,
}

/// `Order` of `GET /portfolio/orders` and `GET /portfolio/orders/{order_id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub order_id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub user_id: String,
    /// The id that the client gave the order; empty if it gave none.
    #[serde(default, deserialize_with = "lenient")]
    pub client_order_id: String,
    pub ticker: String,
    /// Deprecated.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub side: Option<Outcome>,
    /// Deprecated: `buy` or `sell`.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The outcome that the order profits from.
    #[serde(default, deserialize_with = "lenient")]
    pub outcome_side: Option<Outcome>,
    /// The side of the YES book.
    #[serde(default, deserialize_with = "lenient")]
    pub book_side: Option<BookSide>,
    /// `limit`.
    #[serde(default, deserialize_with = "lenient", rename = "type")]
    pub order_type: String,
    #[serde(default, deserialize_with = "lenient")]
    pub status: Option<OrderStatus>,
    /// The limit price on the YES scale.
    pub yes_price_dollars: Price,
    /// The limit price on the NO scale.
    #[serde(default, deserialize_with = "lenient")]
    pub no_price_dollars: Price,
    pub fill_count_fp: Count,
    /// The open count.
    pub remaining_count_fp: Count,
    /// The count that was asked for.
    #[serde(default, deserialize_with = "lenient")]
    pub initial_count_fp: Count,
    /// The cost of its fills as a taker.
    #[serde(default, deserialize_with = "lenient")]
    pub taker_fill_cost_dollars: Money,
    /// The cost of its fills as a maker.
    #[serde(default, deserialize_with = "lenient")]
    pub maker_fill_cost_dollars: Money,
    #[serde(default, deserialize_with = "lenient")]
    pub taker_fees_dollars: Money,
    #[serde(default, deserialize_with = "lenient")]
    pub maker_fees_dollars: Money,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient")]
    pub created_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient")]
    pub last_update_time: Option<Timestamp>,
    /// What happens when it would trade with an order of the same account.
    #[serde(default, deserialize_with = "lenient")]
    pub self_trade_prevention_type: Option<SelfTradePrevention>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub order_group_id: Option<String>,
    /// Whether a pause cancels it. Sent only if it does, as captured.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "std::ops::Not::not")]
    pub cancel_order_on_pause: bool,
    #[serde(default, deserialize_with = "lenient")]
    pub subaccount_number: Option<u32>,
    #[serde(default, deserialize_with = "lenient")]
    pub exchange_index: u8,
}

impl Order {
    /// The side of the YES book, from either field that tells it. Nothing is derived from the deprecated pair of `side` and
    /// `action`, which means one thing in orders and another in fills, as captured.
    #[must_use]
    pub fn side(&self) -> Option<BookSide> {
        self.book_side.or(self.outcome_side.map(Outcome::book_side))
    }
}

impl Element for Order {
    const LIST: &'static str = "orders";
    const WHAT: &'static str = "order";

    fn check(&self) -> Result<(), String> {
        OrderId::parse(&self.order_id).map_err(|error| format!("`order_id`: {error}"))?;
        self.side().map(|_| ()).ok_or_else(no_side)
    }
}

fn no_side() -> String {
    "neither `book_side` nor `outcome_side` tells its side".to_owned()
}

/// The part of an order that is needed to cancel it. Whatever else its element contains or lacks, an order of this program
/// can be cancelled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Cancelable {
    pub order_id: OrderId,
    #[serde(default, deserialize_with = "lenient")]
    pub ticker: Option<String>,
    /// The id that the client gave the order; empty if it gave none.
    #[serde(default, deserialize_with = "lenient")]
    pub client_order_id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub exchange_index: Option<u8>,
}

impl Element for Cancelable {
    const LIST: &'static str = "orders";
    const WHAT: &'static str = "order";
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
    pub order: Order,
}

/// `GET /portfolio/orders/queue_positions`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueuePositionsBody {
    /// One for each resting order.
    pub queue_positions: Vec<OrderQueuePosition>,
}

/// An order's position in the queue of its price level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderQueuePosition {
    pub order_id: String,
    pub market_ticker: String,
    /// The number of contracts that trade before it.
    pub queue_position_fp: Count,
}

/// `GET /portfolio/summary/total_resting_order_value`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RestingOrderValue {
    /// In cents, over all shards.
    pub total_resting_order_value: i64,
    /// By shard.
    pub resting_order_value_breakdown: Vec<super::markets::ShardBalance>,
}

/// `Fill` of `GET /portfolio/fills`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    #[serde(default, deserialize_with = "lenient")]
    pub fill_id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub trade_id: String,
    pub order_id: String,
    #[serde(default, deserialize_with = "lenient")]
    pub ticker: String,
    /// The same as `ticker`, in another field.
    #[serde(default, deserialize_with = "lenient")]
    pub market_ticker: String,
    #[serde(default, deserialize_with = "lenient")]
    pub exchange_index: u8,
    /// Deprecated.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub side: Option<Outcome>,
    /// Deprecated.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The outcome that the order bought.
    #[serde(default, deserialize_with = "lenient")]
    pub outcome_side: Option<Outcome>,
    /// The order's side of the YES book.
    #[serde(default, deserialize_with = "lenient")]
    pub book_side: Option<BookSide>,
    pub count_fp: Count,
    pub yes_price_dollars: Price,
    #[serde(default, deserialize_with = "lenient")]
    pub no_price_dollars: Price,
    pub is_taker: bool,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub created_time: Option<Timestamp>,
    /// The fee booked for the fill.
    pub fee_cost: Money,
    #[serde(default, deserialize_with = "lenient")]
    pub subaccount_number: Option<u32>,
    /// The time in Unix seconds.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub ts: Option<i64>,
}

impl Fill {
    /// The order's side of the YES book, as in [`Order::side`].
    #[must_use]
    pub fn side(&self) -> Option<BookSide> {
        self.book_side.or(self.outcome_side.map(Outcome::book_side))
    }

    /// The trade's id, from either of its two fields (protocol page, 3.4).
    #[must_use]
    pub fn trade(&self) -> Option<TradeId> {
        TradeId::parse(&self.trade_id).or_else(|_| TradeId::parse(&self.fill_id)).ok()
    }

    /// The market, from either of its two fields.
    #[must_use]
    pub fn market(&self) -> &str {
        if self.ticker.is_empty() { &self.market_ticker } else { &self.ticker }
    }

    /// The time in milliseconds since the Unix epoch. Without it, it is impossible to tell whether the fill is booked already.
    #[must_use]
    pub fn time_ms(&self) -> Option<i64> {
        self.created_time.map(Timestamp::as_millisecond).or(self.ts.map(|seconds| seconds.saturating_mul(1_000)))
    }
}

impl Element for Fill {
    const LIST: &'static str = "fills";
    const WHAT: &'static str = "fill";

    fn check(&self) -> Result<(), String> {
        self.trade().ok_or_else(|| "neither `trade_id` nor `fill_id` is an id".to_owned())?;
        OrderId::parse(&self.order_id).map_err(|error| format!("`order_id`: {error}"))?;
        if self.market().is_empty() {
            return Err("neither `ticker` nor `market_ticker` names its market".to_owned());
        }
        self.side().ok_or_else(no_side)?;
        self.time_ms().ok_or_else(|| "neither `created_time` nor `ts` tells its time".to_owned())?;
        Ok(())
    }
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
    pub ticker: String,
    #[serde(default, deserialize_with = "lenient")]
    pub exchange_index: u8,
    #[serde(default, deserialize_with = "lenient")]
    pub event_ticker: String,
    /// `yes`, `no` or `scalar`.
    #[serde(default, deserialize_with = "lenient")]
    pub market_result: String,
    /// The YES contracts held at settlement.
    #[serde(default, deserialize_with = "lenient")]
    pub yes_count_fp: Count,
    #[serde(default, deserialize_with = "lenient")]
    pub yes_total_cost_dollars: Money,
    /// The NO contracts held at settlement.
    #[serde(default, deserialize_with = "lenient")]
    pub no_count_fp: Count,
    #[serde(default, deserialize_with = "lenient")]
    pub no_total_cost_dollars: Money,
    /// The payout in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub revenue: i64,
    #[serde(default, deserialize_with = "lenient")]
    pub settled_time: Option<Timestamp>,
    /// The fees paid in the market.
    #[serde(default, deserialize_with = "lenient")]
    pub fee_cost: Money,
    /// The payout of a YES contract in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub value: Option<i64>,
}

impl Element for Settlement {
    const LIST: &'static str = "settlements";
    const WHAT: &'static str = "settlement";
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

/// Whether a subaccount nets positions across the markets of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NettingConfig {
    /// 0 is the primary subaccount.
    #[serde(default, deserialize_with = "lenient")]
    pub subaccount_number: u32,
    pub enabled: bool,
    #[serde(default, deserialize_with = "lenient")]
    pub exchange_index: u8,
}

impl Element for NettingConfig {
    const LIST: &'static str = "netting_configs";
    const WHAT: &'static str = "netting setting";
}
