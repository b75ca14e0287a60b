//! The directory: which market has which key, its fees and its series.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::market::{EventKey, FeeSchedule, FeeType, GridBands, MarketKey, Money, Price, Ticker};
use crate::messages::{Listing, Phase};
use crate::wire::events::{Event, Series};
use crate::wire::markets::{Market, MarketLifeStatus, fee_type_name};

/// What an event says about its markets' fees.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct EventTerms {
    pub(super) series: String,
    #[serde(with = "crate::checkpoint::json")]
    fee_type: Option<serde_json::Value>,
    #[serde(with = "crate::checkpoint::json")]
    multiplier: Option<serde_json::Value>,
    exclusive: bool,
}

/// What a series says about its markets' fees.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SeriesTerms {
    fee_type: String,
    #[serde(with = "crate::checkpoint::json")]
    multiplier: serde_json::Value,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    listing: Listing,
    series: String,
    followed: bool,
}

/// All markets that have a key.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Directory {
    entries: Vec<Option<Entry>>,
    generations: Vec<u16>,
    by_ticker: BTreeMap<Ticker, usize>,
    events: BTreeMap<String, EventTerms>,
    event_keys: BTreeMap<String, EventKey>,
    /// Events that a listing of events left out, as it does with those of combos.
    missed_events: BTreeSet<String>,
    series: BTreeMap<String, Option<SeriesTerms>>,
    reuse_after_ms: i64,
}

impl Directory {
    pub(super) fn new(max_markets: usize, reuse_after_ms: i64) -> Self {
        Self {
            entries: (0..max_markets).map(|_| None).collect(),
            generations: vec![0; max_markets],
            by_ticker: BTreeMap::new(),
            events: BTreeMap::new(),
            event_keys: BTreeMap::new(),
            missed_events: BTreeSet::new(),
            series: BTreeMap::new(),
            reuse_after_ms,
        }
    }

    /// The key of a listed market.
    pub(super) fn key(&self, ticker: &str) -> Option<MarketKey> {
        let position = *self.by_ticker.get(&Ticker::new(ticker).ok()?)?;
        self.entries[position].as_ref().map(|entry| entry.listing.market)
    }

    /// The listing of a key that is current.
    pub(super) fn listing(&self, market: MarketKey) -> Option<&Listing> {
        let entry = self.entries.get(market.position())?.as_ref()?;
        (entry.listing.market == market).then_some(&entry.listing)
    }

    /// The traded markets of which something may still change, by name.
    pub(super) fn traded_open(&self) -> Vec<String> {
        let traded = self.entries.iter().flatten().filter(|entry| entry.listing.traded);
        let open = traded.filter(|entry| entry.listing.phase != Phase::Determined);
        open.map(|entry| entry.listing.ticker.to_string()).collect()
    }

    /// Whether a market is listed to be traded.
    pub(super) fn is_traded(&self, ticker: &str) -> bool {
        self.key(ticker).and_then(|key| self.listing(key)).is_some_and(|listing| listing.traded)
    }

    /// Whether no market at all is listed to be traded.
    pub(super) fn has_no_traded(&self) -> bool {
        !self.entries.iter().flatten().any(|entry| entry.listing.traded)
    }

    /// Takes in what a later read says of a listed market: its close, its phase, its grid. Returns its listing, also when
    /// the read before said the same: `feed` may have missed what was told between them.
    pub(super) fn refresh(&mut self, market: &Market, age_ms: u32) -> Option<Listing> {
        let key = self.key(&market.ticker)?;
        let listing = &mut self.entries[key.position()].as_mut()?.listing;
        // Nothing told is nothing new.
        listing.close_time_ms = market.close_ms().unwrap_or(listing.close_time_ms);
        listing.phase = phase(market.status);
        match market.grid() {
            Ok(bands) => listing.bands = bands,
            Err(_) if market.price_ranges.is_empty() => (),
            // No price of ours would be right.
            Err(_) if listing.phase == Phase::Open => listing.phase = Phase::Paused,
            Err(_) => (),
        }
        listing.age_ms = age_ms;
        Some(*listing)
    }

    /// The series of a listed market.
    pub(super) fn series_of(&self, market: MarketKey) -> Option<&str> {
        self.listing(market)?;
        self.entries[market.position()].as_ref().map(|entry| entry.series.as_str())
    }

    /// The shards of the listed markets, lowest first.
    pub(super) fn shards(&self) -> Vec<u8> {
        let mut shards: Vec<_> = self.entries.iter().flatten().map(|entry| entry.listing.exchange_index).collect();
        shards.sort_unstable();
        shards.dedup();
        shards
    }

    /// The traded markets of a series that closed by then and whose successor was not looked for yet. Each is told once.
    pub(super) fn take_closed(&mut self, series: &str, now_ms: i64) -> Vec<MarketKey> {
        let closed = self.entries.iter_mut().flatten().filter(|entry| {
            entry.listing.traded && !entry.followed && entry.series == series && entry.listing.close_time_ms <= now_ms
        });
        closed
            .map(|entry| {
                entry.followed = true;
                entry.listing.market
            })
            .collect()
    }

    /// Notes that a market's successor is being looked for. False when it was before, or the market is not listed.
    pub(super) fn follow(&mut self, market: MarketKey) -> bool {
        let entry = self.entries.get_mut(market.position()).and_then(Option::as_mut);
        let Some(entry) = entry.filter(|entry| entry.listing.market == market) else { return false };
        !std::mem::replace(&mut entry.followed, true)
    }

    /// When the next market of a series closes whose successor was not looked for yet.
    pub(super) fn next_close_ms(&self, series: &str) -> Option<i64> {
        let open = self.entries.iter().flatten();
        let open = open.filter(|entry| entry.listing.traded && !entry.followed && entry.series == series);
        open.map(|entry| entry.listing.close_time_ms).min()
    }

    pub(super) fn knows_event(&self, event: &str) -> bool {
        self.events.contains_key(event)
    }

    /// The series of an event that was read and that itself was not.
    pub(super) fn unknown_series(&self, event: &str) -> Option<&str> {
        let series = &self.events.get(event)?.series;
        (!self.series.contains_key(series)).then_some(series)
    }

    /// The series of an event that was read.
    pub(super) fn series_of_event(&self, event: &str) -> Option<&str> {
        self.events.get(event).map(|terms| terms.series.as_str())
    }

    pub(super) fn learn_event(&mut self, event: Event) {
        let named = !event.series_ticker.is_empty();
        let series = if named { event.series_ticker } else { series_by_name(&event.event_ticker) };
        let terms = EventTerms {
            series,
            fee_type: event.fee_type_override,
            multiplier: event.fee_multiplier_override,
            exclusive: event.mutually_exclusive,
        };
        self.events.insert(event.event_ticker, terms);
    }

    /// Of these events the exchange has listed what it lists. The others have to be asked for one by one.
    pub(super) fn miss_events(&mut self, asked: &[String]) {
        let unknown = asked.iter().filter(|event| !self.events.contains_key(*event));
        self.missed_events.extend(unknown.cloned());
    }

    /// Whether an event must be asked for by itself.
    pub(super) fn is_missed_event(&self, event: &str) -> bool {
        self.missed_events.contains(event)
    }

    /// The exchange does not know the event: its series is the first part of its ticker, and it overrides nothing.
    pub(super) fn learn_no_event(&mut self, event: &str) {
        let series = series_by_name(event);
        self.events.insert(event.to_owned(), EventTerms { series, fee_type: None, multiplier: None, exclusive: false });
    }

    pub(super) fn learn_series(&mut self, ticker: &str, series: Option<Series>) {
        let terms = series.map(|series| SeriesTerms { fee_type: series.fee_type, multiplier: series.fee_multiplier });
        self.series.insert(ticker.to_owned(), terms);
    }

    /// What the exchange did not say about the fees of an event's markets is asked again.
    pub(super) fn forget_unknown_terms(&mut self, event: &str) {
        let Some(terms) = self.events.get(event) else { return };
        let unsaid = |terms: &SeriesTerms| terms.fee_type.is_empty() || terms.multiplier.is_null();
        if self.series.get(&terms.series).is_some_and(|terms| terms.as_ref().is_none_or(unsaid)) {
            self.series.remove(&terms.series);
        }
    }

    /// Gives a market a key. A market that is merely watched is listed even if its fees or grid cannot be represented:
    /// what is held in it must be booked.
    ///
    /// # Errors
    /// In words, when a traded market's fees or grid cannot be represented, or no index is free.
    pub(super) fn admit(&mut self, market: &Market, traded: bool, now_ms: i64) -> Result<Listing, String> {
        let name = |error: String| format!("market {} refused: {error}", market.ticker);
        let ticker = Ticker::new(&market.ticker).map_err(|error| name(error.to_string()))?;
        let fees = self.fees(market.event());
        let bands = market.grid().map_err(|error| error.to_string());
        if traded {
            market.check_terms().map_err(name)?;
        }
        let (fees, bands) = if traded {
            (fees.map_err(name)?, bands.map_err(name)?)
        } else {
            let finest = Price::from_units(1).expect("a ten-thousandth is a price");
            let any = || GridBands::uniform(finest).expect("the finest tick divides a dollar");
            (fees.unwrap_or(FeeSchedule::QUADRATIC), bands.unwrap_or_else(|_| any()))
        };
        let position = match self.by_ticker.get(&ticker) {
            Some(&position) => position,
            None => self.free_position(now_ms).ok_or_else(|| {
                name(format!("all {} market indexes are taken; raise max_markets", self.entries.len()))
            })?,
        };
        let known = self.by_ticker.contains_key(&ticker);
        if !known {
            self.generations[position] = self.generations[position].wrapping_add(1);
        }
        let index = u16::try_from(position).expect("the configuration limits markets to 16 bits");
        let exclusive = self.events.get(market.event()).is_some_and(|terms| terms.exclusive);
        let listing = Listing {
            event: self.event_key(market.event()),
            exclusive,
            // A market that is merely watched may keep that to itself; then it is never taken for closed.
            close_time_ms: market.close_ms().unwrap_or(i64::MAX),
            age_ms: 0,
            market: MarketKey { index, generation: self.generations[position] },
            fees,
            exchange_index: market.exchange_index.unwrap_or(0),
            phase: phase(market.status),
            traded,
            ticker,
            bands,
        };
        let series = self.events.get(market.event()).map_or_else(String::new, |terms| terms.series.clone());
        self.entries[position] = Some(Entry { listing, series, followed: false });
        self.by_ticker.insert(ticker, position);
        Ok(listing)
    }

    /// The number of an event, given when it is first spoken of.
    fn event_key(&mut self, event: &str) -> EventKey {
        if let Some(&key) = self.event_keys.get(event) {
            return key;
        }
        let key = EventKey(u32::try_from(self.event_keys.len()).expect("events of a run fit 32 bits"));
        self.event_keys.insert(event.to_owned(), key);
        key
    }

    /// A position that nobody has, else that of the market that closed longest ago.
    fn free_position(&mut self, now_ms: i64) -> Option<usize> {
        if let Some(free) = self.entries.iter().position(Option::is_none) {
            return Some(free);
        }
        let closes = self.entries.iter().enumerate();
        let closes = closes.filter_map(|(position, entry)| Some((entry.as_ref()?.listing.close_time_ms, position)));
        let (closed_ms, position) = closes.min()?;
        if closed_ms.saturating_add(self.reuse_after_ms) > now_ms {
            return None;
        }
        if let Some(entry) = self.entries[position].take() {
            self.by_ticker.remove(&entry.listing.ticker);
        }
        Some(position)
    }

    /// The fees of an event's markets: the event's override before the series' own.
    pub(super) fn fees(&self, event: &str) -> Result<FeeSchedule, String> {
        let terms = self.events.get(event).ok_or_else(|| format!("its event {event} was not read"))?;
        let series = self.series.get(&terms.series).and_then(Option::as_ref);
        let own_type = series.map(|series| serde_json::Value::from(series.fee_type.as_str()));
        let fee_type = terms.fee_type.as_ref().or(own_type.as_ref());
        let multiplier = terms.multiplier.as_ref().or(series.map(|series| &series.multiplier));
        let (Some(fee_type), Some(multiplier)) = (fee_type, multiplier) else {
            return Err(format!("the fees of series {} could not be read", terms.series));
        };
        Ok(FeeSchedule { fee_type: parse_fee_type(fee_type)?, multiplier_e4: parse_multiplier(multiplier)? })
    }
}

/// The series of an event by its name: the first part.
fn series_by_name(event: &str) -> String {
    event.split('-').next().unwrap_or(event).to_owned()
}

fn parse_fee_type(word: &serde_json::Value) -> Result<FeeType, String> {
    [FeeType::Quadratic, FeeType::QuadraticWithMakerFees, FeeType::QuadraticWithComboMakerFees]
        .into_iter()
        .find(|&fee_type| word == fee_type_name(fee_type))
        .ok_or_else(|| {
            let text: String = word.to_string().chars().filter(|&c| c != '"').take(60).collect();
            format!("fee type `{text}` is not one whose formula is known")
        })
}

/// A multiplier in ten-thousandths, exactly as printed.
fn parse_multiplier(number: &serde_json::Value) -> Result<u32, String> {
    let wrong = || format!("fee multiplier {number} is not between 0 and 100 with at most four decimals");
    let micros = Money::parse(&number.to_string()).map_err(|_| wrong())?.micros();
    if micros % 100 != 0 || !(0..=100_000_000).contains(&micros) {
        return Err(wrong());
    }
    u32::try_from(micros / 100).map_err(|_| wrong())
}

/// The phase that a status in a body means. With one that nobody knows a market does not trade.
fn phase(status: Option<MarketLifeStatus>) -> Phase {
    match status {
        Some(MarketLifeStatus::Initialized) => Phase::Listed,
        Some(MarketLifeStatus::Inactive) | None => Phase::Paused,
        Some(MarketLifeStatus::Active) => Phase::Open,
        Some(MarketLifeStatus::Closed) => Phase::Closed,
        Some(
            MarketLifeStatus::Determined
            | MarketLifeStatus::Disputed
            | MarketLifeStatus::Amended
            | MarketLifeStatus::Finalized,
        ) => Phase::Determined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multipliers_are_exact_and_odd_ones_are_refused() {
        let parse = |text: &str| parse_multiplier(&serde_json::from_str(text).unwrap());
        assert_eq!(parse("1"), Ok(10_000));
        assert_eq!(parse("0.5"), Ok(5_000));
        assert_eq!(parse("0"), Ok(0));
        assert!(parse("-1").is_err());
        assert!(parse("0.00001").is_err());
        assert!(parse("1000").is_err());
        assert!(parse("\"0.5\"").is_err() && parse("null").is_err() && parse("[1]").is_err());
    }

    #[test]
    fn an_unknown_fee_type_is_refused_by_name() {
        assert!(parse_fee_type(&"flat".into()).unwrap_err().contains("`flat`"));
        assert!(parse_fee_type(&7.into()).unwrap_err().contains("`7`"));
        assert_eq!(parse_fee_type(&"quadratic_with_maker_fees".into()), Ok(FeeType::QuadraticWithMakerFees));
    }
}
