//! Bodies about the account: positions, orders, fills, settlements. The exchange prints them whole; of what it prints a
//! reader needs little, and only that must be there.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::elements::{Element, lenient};
use super::orders::SelfTradePrevention;
use crate::market::{BookSide, Count, Money, OrderId, OrderStatus, Outcome, Price, TradeId};

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
    #[serde(default, deserialize_with = "lenient")]
    pub exchange_index: u8,
    /// Money traded.
    #[serde(default, deserialize_with = "lenient")]
    pub total_traded_dollars: Money,
    /// Signed contracts: + YES, - NO.
    pub position_fp: Count,
    /// What the position cost.
    #[serde(default, deserialize_with = "lenient")]
    pub market_exposure_dollars: Option<Money>,
    /// Realised profit.
    #[serde(default, deserialize_with = "lenient")]
    pub realized_pnl_dollars: Money,
    /// Fees paid.
    #[serde(default, deserialize_with = "lenient")]
    pub fees_paid_dollars: Money,
    /// When it last changed.
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
    #[serde(default, deserialize_with = "lenient")]
    pub user_id: String,
    /// The id the client gave; empty without one.
    #[serde(default, deserialize_with = "lenient")]
    pub client_order_id: String,
    /// The market.
    pub ticker: String,
    /// Deprecated.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub side: Option<Outcome>,
    /// Deprecated: `buy` or `sell`.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The outcome it bets on.
    #[serde(default, deserialize_with = "lenient")]
    pub outcome_side: Option<Outcome>,
    /// Its side of the YES book.
    #[serde(default, deserialize_with = "lenient")]
    pub book_side: Option<BookSide>,
    /// `limit`.
    #[serde(default, deserialize_with = "lenient", rename = "type")]
    pub order_type: String,
    /// Its status.
    #[serde(default, deserialize_with = "lenient")]
    pub status: Option<OrderStatus>,
    /// Its limit on the YES scale.
    pub yes_price_dollars: Price,
    /// Its limit on the NO scale.
    #[serde(default, deserialize_with = "lenient")]
    pub no_price_dollars: Price,
    /// Filled.
    pub fill_count_fp: Count,
    /// In the book.
    pub remaining_count_fp: Count,
    /// Asked for.
    #[serde(default, deserialize_with = "lenient")]
    pub initial_count_fp: Count,
    /// Cost of its fills as a taker.
    #[serde(default, deserialize_with = "lenient")]
    pub taker_fill_cost_dollars: Money,
    /// Cost of its fills as a maker.
    #[serde(default, deserialize_with = "lenient")]
    pub maker_fill_cost_dollars: Money,
    /// Fees as a taker.
    #[serde(default, deserialize_with = "lenient")]
    pub taker_fees_dollars: Money,
    /// Fees as a maker.
    #[serde(default, deserialize_with = "lenient")]
    pub maker_fees_dollars: Money,
    /// When it ends.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<Timestamp>,
    /// When it was placed.
    #[serde(default, deserialize_with = "lenient")]
    pub created_time: Option<Timestamp>,
    /// When it last changed.
    #[serde(default, deserialize_with = "lenient")]
    pub last_update_time: Option<Timestamp>,
    /// What happens at a cross with ourselves.
    #[serde(default, deserialize_with = "lenient")]
    pub self_trade_prevention_type: Option<SelfTradePrevention>,
    /// Its group.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub order_group_id: Option<String>,
    /// Whether a pause cancels it. Sent only when it does, as captured.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "std::ops::Not::not")]
    pub cancel_order_on_pause: bool,
    /// Its subaccount.
    #[serde(default, deserialize_with = "lenient")]
    pub subaccount_number: Option<u32>,
    /// Its shard.
    #[serde(default, deserialize_with = "lenient")]
    pub exchange_index: u8,
}

impl Order {
    /// Its side of the YES book, by either field that tells it. The deprecated pair of `side` and `action` means one thing in
    /// orders and another in fills, as captured: nothing is concluded from it.
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

/// What cancelling an order needs to know of it. Whatever else its element says, or fails to say, an order of ours can be
/// cancelled.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Cancelable {
    /// The exchange's id.
    pub order_id: OrderId,
    /// The market, if it says.
    #[serde(default, deserialize_with = "lenient")]
    pub ticker: Option<String>,
    /// The id the client gave, if it has one.
    #[serde(default, deserialize_with = "lenient")]
    pub client_order_id: String,
    /// The shard, if it says.
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
    #[serde(default, deserialize_with = "lenient")]
    pub fill_id: String,
    /// Its trade.
    #[serde(default, deserialize_with = "lenient")]
    pub trade_id: String,
    /// The order.
    pub order_id: String,
    /// The market.
    #[serde(default, deserialize_with = "lenient")]
    pub ticker: String,
    /// The market again.
    #[serde(default, deserialize_with = "lenient")]
    pub market_ticker: String,
    /// Its shard.
    #[serde(default, deserialize_with = "lenient")]
    pub exchange_index: u8,
    /// Deprecated.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub side: Option<Outcome>,
    /// Deprecated.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The outcome bought.
    #[serde(default, deserialize_with = "lenient")]
    pub outcome_side: Option<Outcome>,
    /// The order's side.
    #[serde(default, deserialize_with = "lenient")]
    pub book_side: Option<BookSide>,
    /// Contracts.
    pub count_fp: Count,
    /// YES price.
    pub yes_price_dollars: Price,
    /// NO price.
    #[serde(default, deserialize_with = "lenient")]
    pub no_price_dollars: Price,
    /// Taker or maker.
    pub is_taker: bool,
    /// When.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub created_time: Option<Timestamp>,
    /// The fee booked for it.
    pub fee_cost: Money,
    /// The subaccount.
    #[serde(default, deserialize_with = "lenient")]
    pub subaccount_number: Option<u32>,
    /// Unix seconds.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub ts: Option<i64>,
}

impl Fill {
    /// The order's side of the YES book, as in [`Order::side`].
    #[must_use]
    pub fn side(&self) -> Option<BookSide> {
        self.book_side.or(self.outcome_side.map(Outcome::book_side))
    }

    /// The id of its trade, under either of its two names (protocol page, 3.4).
    #[must_use]
    pub fn trade(&self) -> Option<TradeId> {
        TradeId::parse(&self.trade_id).or_else(|_| TradeId::parse(&self.fill_id)).ok()
    }

    /// The market, under either of its two names.
    #[must_use]
    pub fn market(&self) -> &str {
        if self.ticker.is_empty() { &self.market_ticker } else { &self.ticker }
    }

    /// When it happened, in milliseconds since the Unix epoch. Without that nobody can say whether it is booked already.
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
    /// The market.
    pub ticker: String,
    /// Its shard.
    #[serde(default, deserialize_with = "lenient")]
    pub exchange_index: u8,
    /// Its event.
    #[serde(default, deserialize_with = "lenient")]
    pub event_ticker: String,
    /// `yes`, `no` or `scalar`.
    #[serde(default, deserialize_with = "lenient")]
    pub market_result: String,
    /// YES contracts that were held.
    #[serde(default, deserialize_with = "lenient")]
    pub yes_count_fp: Count,
    /// What they cost.
    #[serde(default, deserialize_with = "lenient")]
    pub yes_total_cost_dollars: Money,
    /// NO contracts that were held.
    #[serde(default, deserialize_with = "lenient")]
    pub no_count_fp: Count,
    /// What they cost.
    #[serde(default, deserialize_with = "lenient")]
    pub no_total_cost_dollars: Money,
    /// What was paid, in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub revenue: i64,
    /// When.
    #[serde(default, deserialize_with = "lenient")]
    pub settled_time: Option<Timestamp>,
    /// Fees paid in the market.
    #[serde(default, deserialize_with = "lenient")]
    pub fee_cost: Money,
    /// What a YES contract paid, in cents.
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
    /// The subaccount; 0 is the primary one.
    #[serde(default, deserialize_with = "lenient")]
    pub subaccount_number: u32,
    /// Whether it nets.
    pub enabled: bool,
    /// Its shard.
    #[serde(default, deserialize_with = "lenient")]
    pub exchange_index: u8,
}

impl Element for NettingConfig {
    const LIST: &'static str = "netting_configs";
    const WHAT: &'static str = "netting setting";
}
