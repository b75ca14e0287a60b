//! Bodies about markets: status, series, events, markets, books and trades, straight from the engine.

use serde_json::Number;

use super::frames::{result_name, rfc3339};
use super::publish::ticker_state;
use super::route::{Query, cursor};
use super::{Gateway, HttpResponse, Refusal};
use crate::exchange::engine::{Engine, MarketIndex, MarketState};
use crate::market::{BookLevels, Price};
use crate::wire::markets::{
    Event, EventBody, ExchangeStatus, Market, MarketBody, MarketLifeStatus, MarketsPage, OrderBookBody, OrderBookSides,
    PriceRange, Series, SeriesBody, ShardStatus, Trade, TradesPage, fee_type_name,
};

/// The exchange's shards as it describes them.
const SHARDS: [(u8, &str); 4] =
    [(0, "Default"), (1, "Combos"), (2, "Crypto & Commodities"), (3, "Tennis, Baseball, Basketball")];

/// An answer with a JSON body.
pub(super) fn json(status: u16, body: &impl serde::Serialize) -> HttpResponse {
    HttpResponse { status, body: serde_json::to_vec(body).expect("bodies are made of strings, numbers and lists") }
}

pub(super) type Answer = Result<HttpResponse, Refusal>;

/// `GET /exchange/status`. The top level speaks for shard 0.
pub(super) fn exchange_status(engine: &Engine) -> HttpResponse {
    let statuses: Vec<ShardStatus> = SHARDS
        .iter()
        .map(|(exchange_index, description)| ShardStatus {
            exchange_index: *exchange_index,
            description: (*description).to_owned(),
            exchange_active: engine.exchange_active(*exchange_index),
            trading_active: engine.trading_active(*exchange_index),
            intra_exchange_transfers_active: true,
        })
        .collect();
    json(
        200,
        &ExchangeStatus {
            exchange_active: statuses[0].exchange_active,
            trading_active: statuses[0].trading_active,
            intra_exchange_transfers_active: Some(true),
            exchange_estimated_resume_time: None,
            exchange_index_statuses: statuses,
        },
    )
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

/// The filter words of `GET /markets`, which are not the values of the field.
const STATUS_WORDS: [&str; 5] = ["unopened", "open", "paused", "closed", "settled"];

fn has_status(state: MarketState, word: &str) -> bool {
    match word {
        "unopened" => state == MarketState::Initialized,
        "open" => state == MarketState::Active,
        "paused" => state == MarketState::Inactive,
        "closed" => matches!(state, MarketState::Closed | MarketState::Determined(_)),
        _ => matches!(state, MarketState::Finalized(_)),
    }
}

fn market_body(engine: &Engine, index: MarketIndex) -> Market {
    let place = engine.market(index);
    let (spec, state) = (place.spec(), place.state());
    let ticker = ticker_state(engine, index);
    let value = match state {
        MarketState::Determined(value) | MarketState::Finalized(value) => Some(value),
        _ => None,
    };
    let settled = matches!(state, MarketState::Finalized(_));
    Market {
        ticker: spec.ticker.clone(),
        event_ticker: spec.event_ticker.clone(),
        market_type: "binary".to_owned(),
        yes_sub_title: spec.title.clone(),
        no_sub_title: spec.title.clone(),
        created_time: Some(rfc3339(spec.open_ms)),
        updated_time: Some(rfc3339(spec.open_ms)),
        open_time: rfc3339(spec.open_ms),
        close_time: rfc3339(spec.close_ms),
        latest_expiration_time: Some(rfc3339(spec.close_ms)),
        settlement_timer_seconds: spec.settlement_timer_ms.div_euclid(1_000),
        status: life_status(state),
        yes_bid_dollars: ticker.bid,
        yes_bid_size_fp: ticker.bid_size,
        yes_ask_dollars: ticker.ask,
        yes_ask_size_fp: ticker.ask_size,
        no_bid_dollars: ticker.ask.complement(),
        no_ask_dollars: ticker.bid.complement(),
        last_price_dollars: ticker.last_price,
        volume_fp: ticker.volume,
        volume_24h_fp: ticker.volume,
        result: value.map_or_else(String::new, |value| result_name(value).to_owned()),
        can_close_early: false,
        open_interest_fp: ticker.open_interest,
        notional_value_dollars: Price::ONE,
        previous_yes_bid_dollars: Price::ZERO,
        previous_yes_ask_dollars: Price::ZERO,
        previous_price_dollars: Price::ZERO,
        settlement_value_dollars: value,
        settlement_ts: settled.then(|| rfc3339(spec.close_ms + spec.settlement_timer_ms)),
        settlement_bounds_type: "default".to_owned(),
        expiration_value: String::new(),
        rules_primary: String::new(),
        rules_secondary: String::new(),
        price_level_structure: spec.structure.clone(),
        price_ranges: spec.bands.bands().iter().map(|band| PriceRange::from(*band)).collect(),
        exchange_index: Some(spec.exchange_index),
    }
}

fn find(engine: &Engine, ticker: &str) -> Result<MarketIndex, Refusal> {
    engine.market_by_ticker(ticker).ok_or_else(Refusal::not_found)
}

/// `GET /markets`. The newest come first, as the exchange lists them.
pub(super) fn markets(engine: &Engine, target: &str) -> Answer {
    let query = Query::new(target, "GetMarkets");
    let limit = match query.limit(0)? {
        0 => 100,
        limit => limit,
    };
    let status = query.one_of("status", "Status", &STATUS_WORDS)?;
    let only_combos = query.one_of("mve_filter", "MveFilter", &["only", "exclude"])? == Some("only");
    let (tickers, event, series) = (query.list("tickers"), query.get("event_ticker"), query.get("series_ticker"));
    let wanted = |index: &MarketIndex| {
        let place = engine.market(*index);
        let spec = place.spec();
        !only_combos
            && status.is_none_or(|word| has_status(place.state(), word))
            && tickers.as_ref().is_none_or(|tickers| tickers.contains(&spec.ticker.as_str()))
            && event.is_none_or(|event| event == spec.event_ticker)
            && series.is_none_or(|series| series == spec.series_ticker)
    };
    // A cursor is the number of markets below its page, which new listings don't move.
    let below = query.position().and_then(|position| u32::try_from(position).ok()).unwrap_or(u32::MAX);
    let mut found = (0..engine.market_count().min(below)).rev().filter(wanted);
    let page: Vec<MarketIndex> = found.by_ref().take(limit).collect();
    let more = found.next().is_some();
    let next = page.last().filter(|_| more).map_or_else(String::new, |last| cursor(*last as usize));
    Ok(json(
        200,
        &MarketsPage { markets: page.into_iter().map(|index| market_body(engine, index)).collect(), cursor: next },
    ))
}

/// `GET /markets/{ticker}`.
pub(super) fn market(engine: &Engine, ticker: &str) -> Answer {
    Ok(json(200, &MarketBody { market: market_body(engine, find(engine, ticker)?) }))
}

/// `GET /markets/{ticker}/orderbook`: ascending, best last. `depth` counts levels from the best; 0 is all.
pub(super) fn order_book(engine: &Engine, target: &str, ticker: &str) -> Answer {
    let query = Query::new(target, "GetMarketOrderbook");
    let depth = query.integer_within("depth", "Depth", 0..=100)?.unwrap_or(0);
    let depth = usize::try_from(depth).expect("checked to be 0 to 100");
    let mut levels = BookLevels::default();
    engine.levels(find(engine, ticker)?, &mut levels);
    for side in [&mut levels.yes, &mut levels.no] {
        side.sort_unstable();
        if depth > 0 && side.len() > depth {
            side.drain(..side.len() - depth);
        }
    }
    let sides = OrderBookSides { yes_dollars: levels.yes, no_dollars: levels.no };
    Ok(json(200, &OrderBookBody { orderbook_fp: sides }))
}

/// `GET /markets/trades`, newest first.
pub(super) fn trades(engine: &Engine, target: &str) -> Answer {
    let query = Query::new(target, "GetTrades");
    let limit = query.limit(1)?;
    let (min_ts, max_ts) = (query.integer("min_ts", "MinTs")?, query.integer("max_ts", "MaxTs")?);
    let markets = match query.get("ticker") {
        Some(ticker) => match engine.market_by_ticker(ticker) {
            Some(market) => market..market + 1,
            None => 0..0,
        },
        None => 0..engine.market_count(),
    };
    let in_time = |time_ms: i64| {
        min_ts.is_none_or(|min| time_ms >= min.saturating_mul(1_000))
            && max_ts.is_none_or(|max| time_ms < max.saturating_add(1).saturating_mul(1_000))
    };
    let mut all: Vec<_> = markets
        .flat_map(|market| engine.trades_of(market).map(move |trade| (market, trade)))
        .filter(|(_, trade)| in_time(trade.time_ms))
        .collect();
    // Stable: trades of one market and moment stay newest first.
    all.sort_by_key(|(_, trade)| std::cmp::Reverse(trade.time_ms));
    let start = query.position().unwrap_or(0);
    let next = if all.len() > start.saturating_add(limit) { cursor(start + limit) } else { String::new() };
    let page = all.into_iter().skip(start).take(limit);
    let trades = page
        .map(|(market, trade)| Trade {
            trade_id: trade.trade.to_string(),
            ticker: engine.market(market).spec().ticker.clone(),
            count_fp: trade.count,
            yes_price_dollars: trade.price,
            no_price_dollars: trade.price.complement(),
            taker_side: Some(trade.taker.outcome()),
            taker_outcome_side: trade.taker.outcome(),
            taker_book_side: trade.taker,
            created_time: rfc3339(trade.time_ms),
            is_block_trade: false,
        })
        .collect();
    Ok(json(200, &TradesPage { trades, cursor: next }))
}

/// `GET /events/{event_ticker}`.
pub(super) fn event(engine: &Engine, target: &str, ticker: &str) -> Answer {
    let query = Query::new(target, "GetEvent");
    let nested = query.get("with_nested_markets") == Some("true");
    let indices: Vec<MarketIndex> =
        (0..engine.market_count()).filter(|index| engine.market(*index).spec().event_ticker == ticker).collect();
    let first = engine.market(*indices.first().ok_or_else(Refusal::not_found)?).spec();
    let markets: Vec<Market> = indices.iter().map(|index| market_body(engine, *index)).collect();
    let (inside, beside) = if nested { (markets, Vec::new()) } else { (Vec::new(), markets) };
    let event = Event {
        event_ticker: ticker.to_owned(),
        series_ticker: first.series_ticker.clone(),
        title: first.title.clone(),
        sub_title: String::new(),
        collateral_return_type: String::new(),
        mutually_exclusive: false,
        fee_type_override: None,
        fee_multiplier_override: None,
        markets: inside,
        settlement_sources: None,
        exchange_index: Some(first.exchange_index),
    };
    Ok(json(200, &EventBody { event, markets: beside }))
}

/// `GET /series/{series_ticker}`.
pub(super) fn series(engine: &Engine, ticker: &str) -> Answer {
    let first = (0..engine.market_count())
        .map(|index| engine.market(index).spec())
        .find(|spec| spec.series_ticker == ticker)
        .ok_or_else(Refusal::not_found)?;
    let multiplier = first.fees.multiplier_e4;
    let multiplier = if multiplier % 10_000 == 0 {
        Number::from(multiplier / 10_000)
    } else {
        Number::from_f64(f64::from(multiplier) / 10_000.0).expect("a quotient of integers is finite")
    };
    let series = Series {
        ticker: ticker.to_owned(),
        frequency: "custom".to_owned(),
        title: first.title.clone(),
        category: "Simulation".to_owned(),
        categories: vec!["Simulation".to_owned()],
        tags: None,
        settlement_sources: None,
        contract_url: String::new(),
        contract_terms_url: String::new(),
        fee_type: fee_type_name(first.fees.fee_type).to_owned(),
        fee_multiplier: multiplier,
        additional_prohibitions: None,
        exchange_index: Some(first.exchange_index),
    };
    Ok(json(200, &SeriesBody { series }))
}

impl Gateway {
    /// `GET /exchange/user_data_timestamp`: as of when reads of accounts are complete.
    pub(super) fn user_data_timestamp(&self, now_ms: i64) -> HttpResponse {
        let as_of = rfc3339(self.visible.as_of_ms(now_ms));
        json(200, &serde_json::json!({ "as_of_time": as_of }))
    }
}
