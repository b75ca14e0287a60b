//! Bodies about markets: exchange status, markets, order books, trades. Only what a trader reads or the
//! embedded exchange must print; a client must not fail because a field it ignores is gone, so little is required.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Dollars4;
use crate::market::{Band, Count, FeeType, Price};

/// `GET /exchange/status`; 503 and 504 carry it too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExchangeStatus {
    /// Whether the exchange runs at all.
    pub exchange_active: bool,
    /// Whether orders are taken.
    pub trading_active: bool,
    /// Whether transfers between shards work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intra_exchange_transfers_active: Option<bool>,
    /// When it should resume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_estimated_resume_time: Option<Timestamp>,
    /// Each shard's status.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchange_index_statuses: Vec<ShardStatus>,
}

/// One shard's status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardStatus {
    /// The shard.
    pub exchange_index: u8,
    /// What it trades, in words.
    #[serde(default)]
    pub description: String,
    /// Whether it runs.
    pub exchange_active: bool,
    /// Whether it takes orders.
    pub trading_active: bool,
    /// Whether transfers work.
    #[serde(default)]
    pub intra_exchange_transfers_active: bool,
}

/// One band of `price_ranges`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRange {
    /// First price.
    pub start: Price,
    /// Last price.
    pub end: Price,
    /// The tick.
    pub step: Price,
}

impl From<PriceRange> for Band {
    fn from(range: PriceRange) -> Self {
        Self { start: range.start, end: range.end, step: range.step }
    }
}

impl From<Band> for PriceRange {
    fn from(band: Band) -> Self {
        Self { start: band.start, end: band.end, step: band.step }
    }
}

/// A market's status in bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MarketLifeStatus {
    /// Not open yet.
    Initialized,
    /// Deactivated for now.
    Inactive,
    /// Open.
    Active,
    /// Past its close.
    Closed,
    /// Its result is known.
    Determined,
    /// The result is disputed.
    Disputed,
    /// The result was amended.
    Amended,
    /// Paid.
    Finalized,
}

/// `Market` of `GET /markets` and `GET /markets/{ticker}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Market {
    /// The market.
    pub ticker: String,
    /// Its event.
    pub event_ticker: String,
    /// `binary` or `scalar`.
    #[serde(default)]
    pub market_type: String,
    /// Deprecated: the market in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What YES means.
    #[serde(default)]
    pub yes_sub_title: String,
    /// What NO means.
    #[serde(default)]
    pub no_sub_title: String,
    /// When it was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_time: Option<Timestamp>,
    /// When it last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_time: Option<Timestamp>,
    /// When it opens.
    pub open_time: Timestamp,
    /// When it closes.
    pub close_time: Timestamp,
    /// When its result should be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_expiration_time: Option<Timestamp>,
    /// Deprecated form of `latest_expiration_time`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<Timestamp>,
    /// When it pays at the latest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_expiration_time: Option<Timestamp>,
    /// Seconds between determination and payment.
    #[serde(default)]
    pub settlement_timer_seconds: i64,
    /// Where it is in its life.
    pub status: MarketLifeStatus,
    /// Best YES bid, 0 without one.
    #[serde(default)]
    pub yes_bid_dollars: Price,
    /// Its size.
    #[serde(default)]
    pub yes_bid_size_fp: Count,
    /// Best YES ask, 1 without one.
    #[serde(default)]
    pub yes_ask_dollars: Price,
    /// Its size.
    #[serde(default)]
    pub yes_ask_size_fp: Count,
    /// Best NO bid.
    #[serde(default)]
    pub no_bid_dollars: Price,
    /// Best NO ask.
    #[serde(default)]
    pub no_ask_dollars: Price,
    /// Last traded YES price.
    #[serde(default)]
    pub last_price_dollars: Price,
    /// Contracts traded.
    #[serde(default)]
    pub volume_fp: Count,
    /// Contracts traded in 24 hours.
    #[serde(default)]
    pub volume_24h_fp: Count,
    /// `yes`, `no`, `scalar` or empty.
    #[serde(default)]
    pub result: String,
    /// Whether it may close before its close time.
    #[serde(default)]
    pub can_close_early: bool,
    /// Contracts outstanding.
    #[serde(default)]
    pub open_interest_fp: Count,
    /// What a contract pays.
    #[serde(default)]
    pub notional_value_dollars: Price,
    /// Best YES bid a day ago.
    #[serde(default)]
    pub previous_yes_bid_dollars: Price,
    /// Best YES ask a day ago.
    #[serde(default)]
    pub previous_yes_ask_dollars: Price,
    /// Last price a day ago.
    #[serde(default)]
    pub previous_price_dollars: Price,
    /// What YES pays, once determined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement_value_dollars: Option<Price>,
    /// When it paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement_ts: Option<Timestamp>,
    /// `default` or `floor`.
    #[serde(default)]
    pub settlement_bounds_type: String,
    /// What the result was decided by.
    #[serde(default)]
    pub expiration_value: String,
    /// The rules.
    #[serde(default)]
    pub rules_primary: String,
    /// More rules.
    #[serde(default)]
    pub rules_secondary: String,
    /// The name of its tick structure.
    #[serde(default)]
    pub price_level_structure: String,
    /// Its tick bands: the only truth about valid prices.
    pub price_ranges: Vec<PriceRange>,
    /// Its shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_index: Option<u8>,
}

/// `GET /markets`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarketsPage {
    /// The markets.
    pub markets: Vec<Market>,
    /// Where the next page begins; empty on the last.
    #[serde(default)]
    pub cursor: String,
}

/// `GET /markets/{ticker}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarketBody {
    /// The market.
    pub market: Market,
}

/// The name of a fee type on the wire.
#[must_use]
pub const fn fee_type_name(fee_type: FeeType) -> &'static str {
    match fee_type {
        FeeType::Quadratic => "quadratic",
        FeeType::QuadraticWithMakerFees => "quadratic_with_maker_fees",
        FeeType::QuadraticWithComboMakerFees => "quadratic_with_combo_maker_fees",
    }
}

/// A level as REST and snapshots print it: price and count.
pub type Level = (Price, Count);

/// `GET /markets/{ticker}/orderbook`: bids only, ascending, best last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderBookBody {
    /// The book.
    pub orderbook_fp: OrderBookSides,
}

/// The two sides of a REST book.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OrderBookSides {
    /// YES bids.
    #[serde(default)]
    pub yes_dollars: Vec<Level>,
    /// NO bids.
    #[serde(default)]
    pub no_dollars: Vec<Level>,
}

/// `GET /markets/orderbooks`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderBooksBody {
    /// A book a market, in the order of the request.
    pub orderbooks: Vec<MarketOrderBook>,
}

/// One market's book of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarketOrderBook {
    /// The market.
    pub ticker: String,
    /// Its book.
    pub orderbook_fp: OrderBookSides,
}

/// `Trade` of `GET /markets/trades`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trade {
    /// The trade.
    pub trade_id: String,
    /// Its market.
    pub ticker: String,
    /// Contracts.
    pub count_fp: Count,
    /// The YES price.
    pub yes_price_dollars: Price,
    /// The NO price.
    pub no_price_dollars: Price,
    /// Deprecated form of `taker_outcome_side`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taker_side: Option<crate::market::Outcome>,
    /// What the taker bought.
    pub taker_outcome_side: crate::market::Outcome,
    /// On which side the taker was.
    pub taker_book_side: crate::market::BookSide,
    /// When.
    pub created_time: Timestamp,
    /// Whether it was a block trade.
    #[serde(default)]
    pub is_block_trade: bool,
}

/// `GET /markets/trades`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TradesPage {
    /// Newest first.
    pub trades: Vec<Trade>,
    /// Where the next page begins.
    #[serde(default)]
    pub cursor: String,
}

/// `GET /account/limits`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountLimits {
    /// The tier.
    pub usage_tier: String,
    /// Reads.
    pub read: BucketLimit,
    /// Writes.
    pub write: BucketLimit,
    /// Where the tier comes from.
    #[serde(default)]
    pub grants: Vec<serde_json::Value>,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketLimit {
    /// Tokens a second.
    pub refill_rate: u32,
    /// Tokens at most.
    pub bucket_capacity: u32,
}

/// `GET /account/endpoint_costs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointCosts {
    /// What a call costs unless listed.
    pub default_cost: u32,
    /// The exceptions.
    pub endpoint_costs: Vec<EndpointCost>,
}

/// One exception.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointCost {
    /// The method.
    pub method: String,
    /// The path, with `:order_id` for a variable part.
    pub path: String,
    /// Tokens.
    pub cost: u32,
}

/// `GET /portfolio/balance`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// Cents, rounded down.
    pub balance: i64,
    /// Dollars over all shards asked for.
    pub balance_dollars: Dollars4,
    /// The positions' value in cents.
    #[serde(default)]
    pub portfolio_value: i64,
    /// Unix seconds.
    #[serde(default)]
    pub updated_ts: i64,
    /// Each shard's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub balance_breakdown: Vec<ShardBalance>,
}

/// One shard's balance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardBalance {
    /// The shard.
    pub exchange_index: u8,
    /// Its cash.
    pub balance: Dollars4,
}
