//! REST bodies about markets: exchange status, markets, order books, trades. They contain only what a trader reads or the
//! embedded exchange must print. A client must not fail because a field that it ignores is gone, so little is required.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Dollars4;
use super::elements::{Element, lenient};
use crate::market::{Band, Count, FeeType, GridBands, GridError, Price};

/// `GET /exchange/status`; also the body of 503 and 504 responses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExchangeStatus {
    /// Whether the exchange is running at all.
    pub exchange_active: bool,
    /// Whether orders are accepted.
    pub trading_active: bool,
    /// Whether transfers between shards are possible.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub intra_exchange_transfers_active: Option<bool>,
    /// When it is expected to resume.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub exchange_estimated_resume_time: Option<Timestamp>,
    /// The status of each shard.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchange_index_statuses: Vec<ShardStatus>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardStatus {
    pub exchange_index: u8,
    /// What it trades, in words.
    #[serde(default, deserialize_with = "lenient")]
    pub description: String,
    /// Whether it is running, if it says so.
    #[serde(default, deserialize_with = "lenient")]
    pub exchange_active: Option<bool>,
    /// Whether it accepts orders, if it says so.
    #[serde(default, deserialize_with = "lenient")]
    pub trading_active: Option<bool>,
    /// Whether transfers to and from it are possible.
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
    pub start: Price,
    pub end: Price,
    /// The tick size.
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

/// A market's status in REST bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MarketLifeStatus {
    /// Not yet open.
    Initialized,
    /// Temporarily deactivated.
    Inactive,
    /// Open for trading.
    Active,
    Closed,
    Determined,
    Disputed,
    Amended,
    /// Paid out.
    Finalized,
}

/// `Market` of `GET /markets` and `GET /markets/{ticker}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Market {
    pub ticker: String,
    #[serde(default, deserialize_with = "lenient")]
    pub event_ticker: String,
    /// `binary` or `scalar`.
    #[serde(default, deserialize_with = "lenient")]
    pub market_type: String,
    /// Deprecated: a description of the market.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What YES stands for.
    #[serde(default, deserialize_with = "lenient")]
    pub yes_sub_title: String,
    /// What NO stands for.
    #[serde(default, deserialize_with = "lenient")]
    pub no_sub_title: String,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub created_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub updated_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient")]
    pub open_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "lenient")]
    pub close_time: Option<Timestamp>,
    /// When its result is expected.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub expected_expiration_time: Option<Timestamp>,
    /// Deprecated form of `latest_expiration_time`.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub expiration_time: Option<Timestamp>,
    /// The latest time at which it pays.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub latest_expiration_time: Option<Timestamp>,
    /// The time between determination and payment.
    #[serde(default, deserialize_with = "lenient")]
    pub settlement_timer_seconds: i64,
    #[serde(default, deserialize_with = "lenient")]
    pub status: Option<MarketLifeStatus>,
    /// The best YES bid, or 0 if there is none.
    #[serde(default, deserialize_with = "lenient")]
    pub yes_bid_dollars: Price,
    #[serde(default, deserialize_with = "lenient")]
    pub yes_bid_size_fp: Count,
    /// The best YES ask, or 1 if there is none.
    #[serde(default, deserialize_with = "lenient")]
    pub yes_ask_dollars: Price,
    #[serde(default, deserialize_with = "lenient")]
    pub yes_ask_size_fp: Count,
    #[serde(default, deserialize_with = "lenient")]
    pub no_bid_dollars: Price,
    #[serde(default, deserialize_with = "lenient")]
    pub no_ask_dollars: Price,
    /// The last traded YES price.
    #[serde(default, deserialize_with = "lenient")]
    pub last_price_dollars: Price,
    /// Contracts traded.
    #[serde(default, deserialize_with = "lenient")]
    pub volume_fp: Count,
    /// Contracts traded in the last 24 hours.
    #[serde(default, deserialize_with = "lenient")]
    pub volume_24h_fp: Count,
    /// `yes`, `no`, `scalar` or empty.
    #[serde(default, deserialize_with = "lenient")]
    pub result: String,
    #[serde(default, deserialize_with = "lenient")]
    pub can_close_early: bool,
    /// Contracts outstanding.
    #[serde(default, deserialize_with = "lenient")]
    pub open_interest_fp: Count,
    /// The payout of a winning contract.
    #[serde(default, deserialize_with = "lenient")]
    pub notional_value_dollars: Price,
    /// The best YES bid a day ago.
    #[serde(default, deserialize_with = "lenient")]
    pub previous_yes_bid_dollars: Price,
    /// The best YES ask a day ago.
    #[serde(default, deserialize_with = "lenient")]
    pub previous_yes_ask_dollars: Price,
    /// The last price a day ago.
    #[serde(default, deserialize_with = "lenient")]
    pub previous_price_dollars: Price,
    /// The payout of a YES contract, once determined.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub settlement_value_dollars: Option<Price>,
    /// When it paid.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub settlement_ts: Option<Timestamp>,
    /// Until then it charges no fees.
    #[serde(default, deserialize_with = "lenient", skip_serializing_if = "Option::is_none")]
    pub fee_waiver_expiration_time: Option<Timestamp>,
    /// `default` or `floor`.
    #[serde(default, deserialize_with = "lenient")]
    pub settlement_bounds_type: String,
    /// The value that decided the result.
    #[serde(default, deserialize_with = "lenient")]
    pub expiration_value: String,
    #[serde(default, deserialize_with = "lenient")]
    pub rules_primary: String,
    #[serde(default, deserialize_with = "lenient")]
    pub rules_secondary: String,
    /// The name of the price structure.
    #[serde(default, deserialize_with = "lenient")]
    pub price_level_structure: String,
    /// The bands of the tick grid: the only authority on valid prices.
    #[serde(default, deserialize_with = "lenient")]
    pub price_ranges: Vec<PriceRange>,
    /// The shard that has its orders and money; so an unreadable one is an error and does not count as absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_index: Option<u8>,
}

impl Market {
    /// The event's ticker, or if the record does not name it, all but the last part of the market's.
    #[must_use]
    pub fn event(&self) -> &str {
        let by_name = || self.ticker.rsplit_once('-').map_or(self.ticker.as_str(), |(event, _)| event);
        if self.event_ticker.is_empty() { by_name() } else { &self.event_ticker }
    }

    /// When the market closes, in milliseconds since the Unix epoch, if the record says so.
    #[must_use]
    pub fn close_ms(&self) -> Option<i64> {
        self.close_time.map(Timestamp::as_millisecond)
    }

    /// The tick grid.
    ///
    /// # Errors
    /// If the bands do not form a grid, which is also the case if the record has no readable bands.
    pub fn grid(&self) -> Result<GridBands, GridError> {
        let bands: Vec<Band> = self.price_ranges.iter().copied().map(Band::from).collect();
        GridBands::new(&bands)
    }

    /// Checks that the record has the terms needed for trading, whatever the market's status.
    ///
    /// # Errors
    /// A message that names the missing term.
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
    pub markets: Vec<Market>,
    /// Where the next page begins; empty on the last.
    #[serde(default)]
    pub cursor: String,
}

/// `GET /markets/{ticker}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarketBody {
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

/// A level in REST bodies and snapshots: price and count.
pub type Level = (Price, Count);

/// `GET /markets/{ticker}/orderbook`: bids only, ascending, so the best is last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderBookBody {
    pub orderbook_fp: OrderBookSides,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OrderBookSides {
    #[serde(default)]
    pub yes_dollars: Vec<Level>,
    #[serde(default)]
    pub no_dollars: Vec<Level>,
}

/// `GET /markets/orderbooks`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderBooksBody {
    /// One book for each market, in the order of the request.
    pub orderbooks: Vec<MarketOrderBook>,
}

/// One of several markets' books.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarketOrderBook {
    pub ticker: String,
    pub orderbook_fp: OrderBookSides,
}

/// `Trade` of `GET /markets/trades`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trade {
    pub trade_id: String,
    pub ticker: String,
    pub count_fp: Count,
    pub yes_price_dollars: Price,
    pub no_price_dollars: Price,
    /// Deprecated form of `taker_outcome_side`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taker_side: Option<crate::market::Outcome>,
    /// The outcome that the taker bought.
    pub taker_outcome_side: crate::market::Outcome,
    /// The taker's side of the YES book.
    pub taker_book_side: crate::market::BookSide,
    pub created_time: Timestamp,
    #[serde(default)]
    pub is_block_trade: bool,
}

/// `GET /markets/trades`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TradesPage {
    /// Newest first.
    pub trades: Vec<Trade>,
    /// Where the next page begins; empty on the last.
    #[serde(default)]
    pub cursor: String,
}

/// `GET /account/limits`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccountLimits {
    #[serde(default, deserialize_with = "lenient")]
    pub usage_tier: String,
    #[serde(default, deserialize_with = "lenient")]
    pub read: BucketLimit,
    pub write: BucketLimit,
    /// Where the tier comes from.
    #[serde(default, deserialize_with = "lenient")]
    pub grants: Vec<serde_json::Value>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketLimit {
    /// Tokens per second.
    pub refill_rate: u32,
    /// The largest number of tokens.
    pub bucket_capacity: u32,
}

/// `GET /account/endpoint_costs`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndpointCosts {
    /// The cost of a call that is not listed, in tokens.
    pub default_cost: u32,
    /// The calls with a cost of their own.
    pub endpoint_costs: Vec<EndpointCost>,
}

/// The cost of one kind of call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointCost {
    pub method: String,
    /// The path, with `:order_id` for a variable part.
    pub path: String,
    /// The cost in tokens.
    pub cost: u32,
}

impl Element for EndpointCost {
    const LIST: &'static str = "endpoint_costs";
    const WHAT: &'static str = "cost of a call";
}

/// `GET /portfolio/balance`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Balance {
    /// In cents, rounded down.
    #[serde(default, deserialize_with = "lenient")]
    pub balance: i64,
    /// In dollars, over all shards asked for.
    pub balance_dollars: Dollars4,
    /// The value of the positions in cents.
    #[serde(default, deserialize_with = "lenient")]
    pub portfolio_value: i64,
    /// In Unix seconds.
    #[serde(default, deserialize_with = "lenient")]
    pub updated_ts: i64,
    /// By shard.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub balance_breakdown: Vec<ShardBalance>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardBalance {
    pub exchange_index: u8,
    pub balance: Dollars4,
}

impl Element for ShardBalance {
    const LIST: &'static str = "balance_breakdown";
    const WHAT: &'static str = "balance of a shard";
}
