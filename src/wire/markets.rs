//! Bodies about markets: exchange status, markets, order books, trades. Only what a trader reads or the
//! embedded exchange must print; a client must not fail because a field it ignores is gone, so little is required.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Dollars4;
use super::elements::{Element, lenient};
use crate::market::{Band, Count, FeeType, GridBands, GridError, Price};

/// `GET /exchange/status`; 503 and 504 carry it too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExchangeStatus {
    /// Whether the exchange runs at all.
    pub exchange_active: bool,
    /// Whether orders are taken.
    pub trading_active: bool,
    /// Whether transfers between shards work.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub intra_exchange_transfers_active: Option<bool>,
    /// When it should resume.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
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
    #[serde(default, deserialize_with = "lenient")]
    pub description: String,
    /// Whether it runs, if it says.
    #[serde(default, deserialize_with = "lenient")]
    pub exchange_active: Option<bool>,
    /// Whether it takes orders, if it says.
    #[serde(default, deserialize_with = "lenient")]
    pub trading_active: Option<bool>,
    /// Whether transfers work.
    #[serde(default, deserialize_with = "lenient")]
    pub intra_exchange_transfers_active: bool,
}

impl Element for ShardStatus {
    const LIST: &'static str = "exchange_index_statuses";
    const WHAT: &'static str = "status of a shard";
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
    #[serde(default, deserialize_with = "lenient")]
    pub event_ticker: String,
    /// `binary` or `scalar`.
    #[serde(default, deserialize_with = "lenient")]
    pub market_type: String,
    /// Deprecated: the market in words.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What YES means.
    #[serde(default, deserialize_with = "lenient")]
    pub yes_sub_title: String,
    /// What NO means.
    #[serde(default, deserialize_with = "lenient")]
    pub no_sub_title: String,
    /// When it was created.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub created_time: Option<Timestamp>,
    /// When it last changed.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub updated_time: Option<Timestamp>,
    /// When it opens.
    #[serde(default, deserialize_with = "lenient")]
    pub open_time: Option<Timestamp>,
    /// When it closes.
    #[serde(default, deserialize_with = "lenient")]
    pub close_time: Option<Timestamp>,
    /// When its result should be known.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub expected_expiration_time: Option<Timestamp>,
    /// Deprecated form of `latest_expiration_time`.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<Timestamp>,
    /// When it pays at the latest.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub latest_expiration_time: Option<Timestamp>,
    /// Seconds between determination and payment.
    #[serde(default, deserialize_with = "lenient")]
    pub settlement_timer_seconds: i64,
    /// Where it is in its life.
    #[serde(default, deserialize_with = "lenient")]
    pub status: Option<MarketLifeStatus>,
    /// Best YES bid, 0 without one.
    #[serde(default, deserialize_with = "lenient")]
    pub yes_bid_dollars: Price,
    /// Its size.
    #[serde(default, deserialize_with = "lenient")]
    pub yes_bid_size_fp: Count,
    /// Best YES ask, 1 without one.
    #[serde(default, deserialize_with = "lenient")]
    pub yes_ask_dollars: Price,
    /// Its size.
    #[serde(default, deserialize_with = "lenient")]
    pub yes_ask_size_fp: Count,
    /// Best NO bid.
    #[serde(default, deserialize_with = "lenient")]
    pub no_bid_dollars: Price,
    /// Best NO ask.
    #[serde(default, deserialize_with = "lenient")]
    pub no_ask_dollars: Price,
    /// Last traded YES price.
    #[serde(default, deserialize_with = "lenient")]
    pub last_price_dollars: Price,
    /// Contracts traded.
    #[serde(default, deserialize_with = "lenient")]
    pub volume_fp: Count,
    /// Contracts traded in 24 hours.
    #[serde(default, deserialize_with = "lenient")]
    pub volume_24h_fp: Count,
    /// `yes`, `no`, `scalar` or empty.
    #[serde(default, deserialize_with = "lenient")]
    pub result: String,
    /// Whether it may close before its close time.
    #[serde(default, deserialize_with = "lenient")]
    pub can_close_early: bool,
    /// Contracts outstanding.
    #[serde(default, deserialize_with = "lenient")]
    pub open_interest_fp: Count,
    /// What a contract pays.
    #[serde(default, deserialize_with = "lenient")]
    pub notional_value_dollars: Price,
    /// Best YES bid a day ago.
    #[serde(default, deserialize_with = "lenient")]
    pub previous_yes_bid_dollars: Price,
    /// Best YES ask a day ago.
    #[serde(default, deserialize_with = "lenient")]
    pub previous_yes_ask_dollars: Price,
    /// Last price a day ago.
    #[serde(default, deserialize_with = "lenient")]
    pub previous_price_dollars: Price,
    /// What YES pays, once determined.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub settlement_value_dollars: Option<Price>,
    /// When it paid.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub settlement_ts: Option<Timestamp>,
    /// Until when it charges no fees.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub fee_waiver_expiration_time: Option<Timestamp>,
    /// `default` or `floor`.
    #[serde(default, deserialize_with = "lenient")]
    pub settlement_bounds_type: String,
    /// What the result was decided by.
    #[serde(default, deserialize_with = "lenient")]
    pub expiration_value: String,
    /// The rules.
    #[serde(default, deserialize_with = "lenient")]
    pub rules_primary: String,
    /// More rules.
    #[serde(default, deserialize_with = "lenient")]
    pub rules_secondary: String,
    /// The name of its tick structure.
    #[serde(default, deserialize_with = "lenient")]
    pub price_level_structure: String,
    /// Its tick bands: the only truth about valid prices.
    #[serde(default, deserialize_with = "lenient")]
    pub price_ranges: Vec<PriceRange>,
    /// Its shard. Its orders and money are there, so one that cannot be read is not taken for absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_index: Option<u8>,
}

impl Market {
    /// Its event; where the record does not say, by its name: all but the last part.
    #[must_use]
    pub fn event(&self) -> &str {
        let by_name = || self.ticker.rsplit_once('-').map_or(self.ticker.as_str(), |(event, _)| event);
        if self.event_ticker.is_empty() { by_name() } else { &self.event_ticker }
    }

    /// When it closes, in milliseconds since the Unix epoch, if the record says.
    #[must_use]
    pub fn close_ms(&self) -> Option<i64> {
        self.close_time.map(Timestamp::as_millisecond)
    }

    /// Its tick bands.
    ///
    /// # Errors
    /// When they make no grid; a record without bands that can be read has none.
    pub fn grid(&self) -> Result<GridBands, GridError> {
        let bands: Vec<Band> = self.price_ranges.iter().copied().map(Band::from).collect();
        GridBands::new(&bands)
    }

    /// What keeps it from being traded, whatever its status: terms that its record does not say.
    ///
    /// # Errors
    /// In words.
    pub fn check_terms(&self) -> Result<(), String> {
        self.grid().map_err(|error| format!("`price_ranges`: {error}"))?;
        self.close_time.map(|_| ()).ok_or_else(|| "`close_time`: expected a time".to_owned())
    }
}

impl Element for Market {
    const LIST: &'static str = "markets";
    const WHAT: &'static str = "market";
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
    #[serde(default, deserialize_with = "lenient")]
    pub usage_tier: String,
    /// Reads.
    #[serde(default, deserialize_with = "lenient")]
    pub read: BucketLimit,
    /// Writes.
    pub write: BucketLimit,
    /// Where the tier comes from.
    #[serde(default, deserialize_with = "lenient")]
    pub grants: Vec<serde_json::Value>,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

impl Element for EndpointCost {
    const LIST: &'static str = "endpoint_costs";
    const WHAT: &'static str = "cost of a call";
}

/// `GET /portfolio/balance`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// Cents, rounded down.
    #[serde(default, deserialize_with = "lenient")]
    pub balance: i64,
    /// Dollars over all shards asked for.
    pub balance_dollars: Dollars4,
    /// The positions' value in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub portfolio_value: i64,
    /// Unix seconds.
    #[serde(default, deserialize_with = "lenient")]
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

impl Element for ShardBalance {
    const LIST: &'static str = "balance_breakdown";
    const WHAT: &'static str = "balance of a shard";
}
