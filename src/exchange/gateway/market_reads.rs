//! Response bodies about the exchange and its markets: status, schedule, markets and their books, directly from the engine.

use super::directory::{Directory, is_combo};
use super::frames::{result_name, rfc3339};
use super::publish::ticker_state;
use super::route::{PageLimit, Query, cursor};
use super::{Gateway, HttpResponse, Refusal};
use crate::exchange::engine::{Engine, MarketIndex, MarketSpec, MarketState};
use crate::market::{BookLevels, Count, Price};
use crate::wire::markets::{
    ExchangeStatus, Market, MarketBody, MarketLifeStatus, MarketOrderBook, MarketsPage, OrderBookBody, OrderBookSides,
    OrderBooksBody, PriceRange, ShardStatus,
};

/// The exchange's shards and their descriptions.
pub(super) const SHARDS: [(u8, &str); 4] =
    [(0, "Default"), (1, "Combos"), (2, "Crypto & Commodities"), (3, "Tennis, Baseball, Basketball")];

/// The largest `depth` of an order book.
const DEPTH_MAX: i64 = 100;
/// The most books in one request.
const BOOKS_MAX: usize = 100;
const DAY_MS: i64 = 86_400_000;

/// A response with a JSON body.
pub(super) fn json(status: u16, body: &impl serde::Serialize) -> HttpResponse {
    HttpResponse { status, body: serde_json::to_vec(body).expect("bodies consist of strings, numbers and lists") }
}

pub(super) type Answer = Result<HttpResponse, Refusal>;

/// The response to an unknown path, for which the exchange's router writes plain text instead of JSON.
pub(super) fn unknown_page() -> HttpResponse {
    HttpResponse { status: 404, body: b"404 page not found".to_vec() }
}

/// `GET /exchange/status`. The top level describes shard 0.
pub(super) fn exchange_status(engine: &Engine) -> HttpResponse {
    let statuses: Vec<ShardStatus> = SHARDS
        .iter()
        .map(|(exchange_index, description)| ShardStatus {
            exchange_index: *exchange_index,
            description: (*description).to_owned(),
            exchange_active: Some(engine.exchange_active(*exchange_index)),
            trading_active: Some(engine.trading_active(*exchange_index)),
            intra_exchange_transfers_active: true,
        })
        .collect();
    json(
        200,
        &ExchangeStatus {
            exchange_active: engine.exchange_active(SHARDS[0].0),
            trading_active: engine.trading_active(SHARDS[0].0),
            intra_exchange_transfers_active: Some(true),
            exchange_estimated_resume_time: None,
            exchange_index_statuses: statuses,
        },
    )
}

/// `GET /exchange/schedule`: always open. On this exchange, pauses come on demand or by scenario, not by the calendar.
pub(super) fn exchange_schedule() -> HttpResponse {
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let mut week = serde_json::Map::new();
    week.insert("start_time".to_owned(), "2020-01-01T00:00:00Z".into());
    week.insert("end_time".to_owned(), "2200-01-01T00:00:00Z".into());
    for day in DAYS {
        week.insert(day.to_owned(), serde_json::json!([{ "open_time": "00:00", "close_time": "00:00" }]));
    }
    json(200, &serde_json::json!({ "schedule": { "standard_hours": [week], "maintenance_windows": [] } }))
}

/// The text of a market's rules.
const fn rules(spec: &MarketSpec) -> &'static str {
    if spec.recorded {
        "A recorded market: YES pays what its recording says, or what its session was told."
    } else {
        "A simulated market: after its close the exchange draws the result by the probability that its participants \
         traded around, and YES pays what was drawn."
    }
}

const fn life_status(state: MarketState) -> MarketLifeStatus {
    match state {
        MarketState::Initialized => MarketLifeStatus::Initialized,
        MarketState::Active => MarketLifeStatus::Active,
        MarketState::Inactive => MarketLifeStatus::Inactive,
        MarketState::Closed => MarketLifeStatus::Closed,
        MarketState::Determined(_) => MarketLifeStatus::Determined,
        MarketState::Finalized(_) => MarketLifeStatus::Finalized,
    }
}

/// The filter words of `GET /markets`, which differ from the values of the field.
const STATUS_WORDS: [&str; 5] = ["unopened", "open", "paused", "closed", "settled"];

/// Whether a filter word includes a market's state.
pub(super) fn has_status(state: MarketState, word: &str) -> bool {
    match word {
        "unopened" => state == MarketState::Initialized,
        "open" => state == MarketState::Active,
        "paused" => state == MarketState::Inactive,
        "closed" => matches!(state, MarketState::Closed | MarketState::Determined(_)),
        _ => matches!(state, MarketState::Finalized(_)),
    }
}

/// The public listings at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listed<'g> {
    pub(super) engine: &'g Engine,
    pub(super) directory: &'g Directory,
    /// Session time in milliseconds.
    pub(super) now_ms: i64,
}

/// A range of times, both ends inclusive.
#[derive(Clone, Copy, Debug)]
struct Span {
    min_ms: Option<i64>,
    max_ms: Option<i64>,
}

impl Span {
    /// Reads `min_<what>_ts` and `max_<what>_ts`, in seconds.
    fn read(query: &Query<'_>, what: &str) -> Result<Self, Refusal> {
        let min = query.integer(&format!("min_{what}_ts"))?;
        let max = query.integer(&format!("max_{what}_ts"))?;
        Ok(Self {
            min_ms: min.map(|seconds| seconds.saturating_mul(1_000)),
            max_ms: max.map(|seconds| seconds.saturating_mul(1_000).saturating_add(999)),
        })
    }

    /// The range without its first moment, for changes that must be later than a time.
    fn after_its_beginning(self) -> Self {
        Self { min_ms: self.min_ms.map(|min_ms| min_ms.saturating_add(1)), ..self }
    }

    fn is_asked(self) -> bool {
        self.min_ms.is_some() || self.max_ms.is_some()
    }

    fn covers(self, time_ms: i64) -> bool {
        self.min_ms.is_none_or(|min_ms| time_ms >= min_ms) && self.max_ms.is_none_or(|max_ms| time_ms <= max_ms)
    }
}

/// The filters of `GET /markets`.
struct MarketFilter<'q> {
    status: Option<&'q str>,
    combos: Option<bool>,
    tickers: Option<Vec<&'q str>>,
    event: Option<&'q str>,
    series: Option<&'q str>,
    created: Span,
    updated: Span,
    close: Span,
    settled: Span,
}

impl<'q> MarketFilter<'q> {
    fn read(query: &'q Query<'_>) -> Result<Self, Refusal> {
        let filter = Self {
            status: query.status(&STATUS_WORDS)?,
            combos: query.one_of("mve_filter", "MveFilter", &["only", "exclude"])?.map(|word| word == "only"),
            tickers: query.list("tickers"),
            event: query.get("event_ticker"),
            series: query.get("series_ticker"),
            created: Span::read(query, "created")?,
            updated: Span::read(query, "updated")?.after_its_beginning(),
            close: Span::read(query, "close")?,
            settled: Span::read(query, "settled")?,
        };
        filter.check_times()?;
        Ok(filter)
    }

    /// Checks that only one kind of time is filtered, and that it goes with the status filter.
    fn check_times(&self) -> Result<(), Refusal> {
        let kinds: [(&str, Span, &[&str]); 4] = [
            ("created", self.created, &["unopened", "open"]),
            ("updated", self.updated, &[]),
            ("close", self.close, &["closed"]),
            ("settled", self.settled, &["settled"]),
        ];
        let asked: Vec<_> = kinds.iter().filter(|(_, span, _)| span.is_asked()).collect();
        if let [(one, ..), (other, ..), ..] = asked[..] {
            return Err(Refusal::bad_query(&format!("{one} and {other} timestamps are mutually exclusive")));
        }
        let Some((kind, _, statuses)) = asked.first() else { return Ok(()) };
        if let Some(status) = self.status.filter(|status| !statuses.contains(status)) {
            return Err(Refusal::bad_query(&format!("{kind} timestamps do not go with status {status}")));
        }
        let narrowed = self.tickers.is_some() || self.event.is_some() || self.combos == Some(true);
        if *kind == "updated" && (narrowed || (self.series.is_some() && self.combos != Some(false))) {
            let expected = "updated timestamps go with mve_filter=exclude, and then with series_ticker, only";
            return Err(Refusal::bad_query(expected));
        }
        Ok(())
    }

    fn covers(&self, listed: Listed<'_>, index: MarketIndex) -> bool {
        let (place, name) = (listed.engine.market(index), listed.directory.name(index));
        let spec = place.spec();
        self.status.is_none_or(|word| has_status(place.state(), word))
            && self.combos.is_none_or(|combos| combos == is_combo(&spec.ticker))
            && self.tickers.as_ref().is_none_or(|tickers| tickers.contains(&spec.ticker.as_str()))
            && self.event.is_none_or(|event| event == spec.event_ticker)
            && self.series.is_none_or(|series| series == spec.series_ticker)
            && self.created.covers(name.created_ms)
            && self.updated.covers(name.updated_ms)
            && self.close.covers(spec.close_ms)
            && (!self.settled.is_asked() || name.settled_ms.is_some_and(|settled_ms| self.settled.covers(settled_ms)))
    }
}

impl Listed<'_> {
    /// The body of a market.
    pub(super) fn market_body(self, index: MarketIndex) -> Market {
        let (place, name) = (self.engine.market(index), self.directory.name(index));
        let (spec, state) = (place.spec(), place.state());
        let ticker = ticker_state(self.engine, index);
        let value = match state {
            MarketState::Determined(value) | MarketState::Finalized(value) => Some(value),
            _ => None,
        };
        Market {
            ticker: spec.ticker.clone(),
            event_ticker: spec.event_ticker.clone(),
            market_type: "binary".to_owned(),
            title: Some(spec.title.clone()),
            yes_sub_title: spec.title.clone(),
            no_sub_title: spec.title.clone(),
            created_time: Some(rfc3339(name.created_ms)),
            updated_time: Some(rfc3339(name.updated_ms)),
            open_time: Some(rfc3339(spec.open_ms)),
            close_time: Some(rfc3339(spec.close_ms)),
            expected_expiration_time: Some(rfc3339(spec.close_ms)),
            expiration_time: Some(rfc3339(spec.close_ms)),
            latest_expiration_time: Some(rfc3339(spec.close_ms)),
            settlement_timer_seconds: spec.settlement_timer_ms.div_euclid(1_000),
            status: Some(life_status(state)),
            yes_bid_dollars: ticker.bid,
            yes_bid_size_fp: ticker.bid_size,
            yes_ask_dollars: ticker.ask,
            yes_ask_size_fp: ticker.ask_size,
            no_bid_dollars: ticker.ask.complement(),
            no_ask_dollars: ticker.bid.complement(),
            last_price_dollars: ticker.last_price,
            volume_fp: ticker.volume,
            volume_24h_fp: self.volume_of_a_day(index),
            result: value.map_or_else(String::new, |value| result_name(value).to_owned()),
            can_close_early: false,
            open_interest_fp: ticker.open_interest,
            notional_value_dollars: Price::ONE,
            previous_yes_bid_dollars: Price::ZERO,
            previous_yes_ask_dollars: Price::ZERO,
            previous_price_dollars: self.price_of_yesterday(index),
            settlement_value_dollars: value,
            settlement_ts: name.settled_ms.map(rfc3339),
            fee_waiver_expiration_time: spec.fees.waiver_ends_ms().map(rfc3339),
            settlement_bounds_type: "default".to_owned(),
            expiration_value: String::new(),
            rules_primary: rules(spec).to_owned(),
            rules_secondary: String::new(),
            price_level_structure: spec.structure.clone(),
            price_ranges: spec.bands.bands().iter().map(|band| PriceRange::from(*band)).collect(),
            exchange_index: Some(spec.exchange_index),
        }
    }

    /// The last price 24 hours ago; zero if nothing had traded by then.
    fn price_of_yesterday(self, index: MarketIndex) -> Price {
        let until_ms = self.now_ms.saturating_sub(DAY_MS);
        if self.directory.name(index).created_ms > until_ms {
            return Price::ZERO;
        }
        let before = self.engine.trades_of(index).find(|trade| trade.time_ms <= until_ms);
        before.map_or(Price::ZERO, |trade| trade.price)
    }

    /// The contracts traded in the last 24 hours.
    fn volume_of_a_day(self, index: MarketIndex) -> Count {
        let since_ms = self.now_ms.saturating_sub(DAY_MS);
        if self.directory.name(index).created_ms >= since_ms {
            return self.engine.market(index).volume();
        }
        let trades = self.engine.trades_of(index).take_while(|trade| trade.time_ms >= since_ms);
        trades.map(|trade| trade.count).sum()
    }

    /// The bodies of several markets.
    pub(super) fn market_bodies(self, indices: &[MarketIndex]) -> Vec<Market> {
        indices.iter().map(|index| self.market_body(*index)).collect()
    }

    fn find(self, ticker: &str) -> Result<MarketIndex, Refusal> {
        self.engine.market_by_ticker(ticker).ok_or_else(Refusal::not_found)
    }

    /// `GET /markets`, newest first, as on the exchange.
    pub(super) fn markets(self, target: &str) -> Answer {
        let query = Query::new(target, "GetMarkets");
        let limit = query.limit(PageLimit::MARKETS)?;
        let filter = MarketFilter::read(&query)?;
        // A cursor is the number of markets before its page, which new listings don't change.
        let below = query.position().and_then(|position| u32::try_from(position).ok()).unwrap_or(u32::MAX);
        let mut found = (0..self.engine.market_count().min(below)).rev().filter(|index| filter.covers(self, *index));
        let page: Vec<MarketIndex> = found.by_ref().take(limit).collect();
        let more = found.next().is_some();
        let next = page.last().filter(|_| more).map_or_else(String::new, |last| cursor(*last as usize));
        Ok(json(200, &MarketsPage { markets: self.market_bodies(&page), cursor: next }))
    }

    /// `GET /markets/{ticker}`.
    pub(super) fn market(self, ticker: &str) -> Answer {
        Ok(json(200, &MarketBody { market: self.market_body(self.find(ticker)?) }))
    }

    /// `GET /markets/{ticker}/orderbook`: ascending, so the best is last. `depth` counts levels from the best; 0 or less
    /// means all.
    pub(super) fn order_book(self, target: &str, ticker: &str) -> Answer {
        let query = Query::new(target, "GetMarketOrderbook");
        let depth = query.integer_within("depth", "Depth", i64::MIN..=DEPTH_MAX)?.unwrap_or(0);
        let depth = usize::try_from(depth).unwrap_or(0);
        let mut sides = self.book(self.find(ticker)?);
        for side in [&mut sides.yes_dollars, &mut sides.no_dollars] {
            if depth > 0 && side.len() > depth {
                side.drain(..side.len() - depth);
            }
        }
        Ok(json(200, &OrderBookBody { orderbook_fp: sides }))
    }

    /// `GET /markets/orderbooks`: the whole books of the markets in repeated `tickers`. Unknown tickers are left out, since
    /// the call has no 404.
    pub(super) fn order_books(self, target: &str) -> Answer {
        let query = Query::new(target, "GetMarketOrderbooks");
        let tickers: Vec<&str> = query.values("tickers").collect();
        match tickers.len() {
            0 => return Err(Refusal::missing_parameter("tickers")),
            1..=BOOKS_MAX => {}
            _ => return Err(Refusal::parameter("GetMarketOrderbooks", "Tickers", "max")),
        }
        let known = tickers.into_iter().filter_map(|ticker| Some((ticker, self.engine.market_by_ticker(ticker)?)));
        let books =
            known.map(|(ticker, index)| MarketOrderBook { ticker: ticker.to_owned(), orderbook_fp: self.book(index) });
        Ok(json(200, &OrderBooksBody { orderbooks: books.collect() }))
    }

    /// A market's bids for both outcomes, ascending.
    fn book(self, index: MarketIndex) -> OrderBookSides {
        let mut levels = BookLevels::default();
        self.engine.levels(index, &mut levels);
        levels.yes.sort_unstable();
        levels.no.sort_unstable();
        OrderBookSides { yes_dollars: levels.yes, no_dollars: levels.no }
    }
}

impl Gateway {
    /// `GET /exchange/user_data_timestamp`: the time up to which reads of accounts are complete.
    pub(super) fn user_data_timestamp(&self, now_ms: i64) -> HttpResponse {
        let as_of = rfc3339(self.visible.as_of_ms(now_ms));
        json(200, &serde_json::json!({ "as_of_time": as_of }))
    }
}
