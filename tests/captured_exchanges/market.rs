//! Turns captured market objects into markets of our exchange, with the same tickers, grids, times and states.

use kalshi_actor::exchange::engine::{Engine, MarketSpec};
use kalshi_actor::market::{Band, FeeSchedule, GridBands, Price};
use serde_json::Value;

/// A market to list, and the state it should be in.
#[derive(Clone)]
pub struct CapturedMarket {
    pub spec: MarketSpec,
    pub status: String,
    value: Price,
}

pub fn text<'v>(object: &'v Value, key: &str) -> &'v str {
    object[key].as_str().unwrap_or_else(|| panic!("{key} of {object} is a string"))
}

pub fn time_ms(object: &Value, key: &str) -> i64 {
    let time: jiff::Timestamp = text(object, key).parse().unwrap();
    time.as_millisecond()
}

fn price(object: &Value, key: &str) -> Price {
    Price::parse(text(object, key)).unwrap()
}

impl CapturedMarket {
    pub fn new(market: &Value) -> Self {
        let event = text(market, "event_ticker");
        let bands = market["price_ranges"].as_array().unwrap().iter();
        let bands: Vec<Band> = bands
            .map(|band| Band { start: price(band, "start"), end: price(band, "end"), step: price(band, "step") })
            .collect();
        let status = text(market, "status").to_owned();
        let (open_ms, close_ms) = (time_ms(market, "open_time"), time_ms(market, "close_time"));
        let paid = status == "finalized";
        Self {
            spec: MarketSpec {
                ticker: text(market, "ticker").to_owned(),
                event_ticker: event.to_owned(),
                series_ticker: event.split('-').next().unwrap().to_owned(),
                title: text(market, "title").to_owned(),
                exchange_index: 0,
                structure: text(market, "price_level_structure").to_owned(),
                bands: GridBands::new(&bands).unwrap(),
                fees: FeeSchedule::QUADRATIC.into(),
                open_ms,
                close_ms: close_ms.max(open_ms + 1),
                // Determined markets must stay unpaid through the session.
                settlement_timer_ms: if paid { 0 } else { 86_400_000 },
                exclusive: false,
                recorded: false,
            },
            value: if market["result"] == "yes" { Price::ONE } else { Price::ZERO },
            status,
        }
    }

    /// Lists the market and brings it to its state.
    pub fn list(self, engine: &mut Engine, now_ms: i64) {
        let market = engine.list_market(self.spec, now_ms).unwrap();
        if matches!(self.status.as_str(), "determined" | "finalized") {
            engine.determine(market, self.value, now_ms);
        }
    }
}

/// A market with a tick of one cent that is open for days and pays a minute after its result.
pub fn plain_market(ticker: &str, now_ms: i64) -> MarketSpec {
    let event = ticker.rsplit_once('-').unwrap().0;
    MarketSpec {
        ticker: ticker.to_owned(),
        event_ticker: event.to_owned(),
        series_ticker: event.split('-').next().unwrap().to_owned(),
        title: ticker.to_owned(),
        exchange_index: 0,
        structure: "linear_cent".to_owned(),
        bands: GridBands::cents(),
        fees: FeeSchedule::QUADRATIC.into(),
        open_ms: now_ms,
        close_ms: now_ms + 10 * 86_400_000,
        settlement_timer_ms: 60_000,
        exclusive: false,
        recorded: false,
    }
}
