//! The directory: which market has which key, its fees and its series.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fees::FeeChanges;
use crate::market::{EventKey, FeeSchedule, FeeTerms, GridBands, MarketKey, Price, Ticker};
use crate::messages::{Listing, Phase};
use crate::wire::events::{Event, Series};
use crate::wire::fees::schedule_of;
use crate::wire::markets::{Market, MarketLifeStatus};

/// What an event says about its markets' fees.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct EventTerms {
    pub(super) series: String,
    #[serde(with = "crate::checkpoint::json")]
    fee_type: Option<Value>,
    #[serde(with = "crate::checkpoint::json")]
    multiplier: Option<Value>,
    exclusive: bool,
}

/// What a series says about its markets' fees.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SeriesTerms {
    fee_type: String,
    #[serde(with = "crate::checkpoint::json")]
    multiplier: Value,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    listing: Listing,
    fees: FeeTerms,
    /// Whether it is or soon will be charged by a formula that is not known.
    fees_unknown: bool,
    event: String,
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
    /// By series, what makers pay where no fee type tells it.
    makers_e4: BTreeMap<String, u32>,
    /// Changes of fees that the exchange has settled.
    pub(super) fee_changes: FeeChanges,
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
            makers_e4: BTreeMap::new(),
            fee_changes: FeeChanges::default(),
            reuse_after_ms,
        }
    }

    /// With what makers of some series pay where no fee type tells it.
    pub(super) fn with_makers(self, makers_e4: BTreeMap<String, u32>) -> Self {
        Self { makers_e4, ..self }
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

    /// Takes in when a later read says that a listed market's waiver ends. Returns its fees if that changed them. A read at
    /// `read_ms` that tells of no waiver ends one that still lasts; one that was over by then was dropped for that.
    pub(super) fn learn_waiver(&mut self, market: &Market, read_ms: i64) -> Option<(MarketKey, FeeTerms)> {
        let key = self.key(&market.ticker)?;
        let entry = self.entries[key.position()].as_mut()?;
        let told_ms = market.fee_waiver_expiration_time.map(Timestamp::as_millisecond);
        let ends_ms = told_ms.or_else(|| entry.fees.waiver_ends_ms().map(|ends_ms| ends_ms.min(read_ms)));
        let fees = entry.fees.waived_until(ends_ms);
        let changed = fees != entry.fees;
        entry.fees = fees;
        changed.then_some((key, fees))
    }

    /// Takes in what a later read says of a listed market: its close, its phase, its grid. Returns its listing, also when
    /// the read before said the same: `feed` may have missed what was told between them.
    pub(super) fn refresh(&mut self, market: &Market, age_ms: u32) -> Option<Listing> {
        let key = self.key(&market.ticker)?;
        let entry = self.entries[key.position()].as_mut()?;
        let listing = &mut entry.listing;
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
        // Nor could what an order costs be set aside.
        if entry.fees_unknown && listing.traded && listing.phase == Phase::Open {
            listing.phase = Phase::Paused;
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
        let waived_until_ms = market.fee_waiver_expiration_time.map(Timestamp::as_millisecond);
        if traded {
            market.check_terms().map_err(name)?;
        }
        let (fees, bands) = if traded {
            (fees.map_err(name)?, bands.map_err(name)?)
        } else {
            let finest = Price::from_units(1).expect("a ten-thousandth is a price");
            let any = || GridBands::uniform(finest).expect("the finest tick divides a dollar");
            (fees.unwrap_or(FeeSchedule::QUADRATIC.into()), bands.unwrap_or_else(|_| any()))
        };
        let fees = fees.waived_until(waived_until_ms);
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
            fees: fees.dearest_from(now_ms),
            event_length: event_length(&market.ticker, market.event()),
            exchange_index: market.exchange_index.unwrap_or(0),
            phase: phase(market.status),
            traded,
            ticker,
            bands,
        };
        let series = self.events.get(market.event()).map_or_else(String::new, |terms| terms.series.clone());
        self.entries[position] = Some(Entry {
            listing,
            fees,
            fees_unknown: false,
            event: market.event().to_owned(),
            series,
            followed: false,
        });
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

    /// The fees of an event's markets: the event's override before the series' own, with the changes that are settled.
    pub(super) fn fees(&self, event: &str) -> Result<FeeTerms, String> {
        let terms = self.events.get(event).ok_or_else(|| format!("its event {event} was not read"))?;
        let series = self.series.get(&terms.series).and_then(Option::as_ref);
        let told = |fee_type: Option<&Value>, multiplier: Option<&Value>| match (fee_type, multiplier) {
            (Some(fee_type), Some(multiplier)) => schedule_of(fee_type, multiplier),
            _ => Err(format!("the fees of series {} could not be read", terms.series)),
        };
        let own_type = series.map(|series| Value::from(series.fee_type.as_str()));
        let (fee_type, multiplier) = (own_type.as_ref(), series.map(|series| &series.multiplier));
        let overridden = (terms.fee_type.is_some() || terms.multiplier.is_some())
            .then(|| told(terms.fee_type.as_ref().or(fee_type), terms.multiplier.as_ref().or(multiplier)))
            .transpose()?;
        // What a series charges does not matter as long as its event overrides it.
        let of_series = told(fee_type, multiplier).or_else(|error| overridden.ok_or(error))?;
        let makers_e4 = self.makers_e4.get(&terms.series).copied();
        let mut fees = FeeTerms::constant(of_series).overridden(overridden).with_makers(makers_e4);
        self.fee_changes.apply(&mut fees, &terms.series, event)?;
        Ok(fees)
    }

    /// What a listed market is charged by.
    pub(super) fn fees_of(&self, market: MarketKey) -> Option<FeeTerms> {
        self.listing(market)?;
        self.entries[market.position()].as_ref().map(|entry| entry.fees)
    }

    /// Brings the listed markets' fees up to date. Returns those that changed; what can't be represented is told in words.
    pub(super) fn renew_fees(&mut self) -> (Vec<(MarketKey, FeeTerms)>, Vec<String>) {
        let (mut changed, mut problems) = (Vec::new(), Vec::new());
        for position in 0..self.entries.len() {
            let Some(fees) = self.entries[position].as_ref().map(|entry| self.fees(&entry.event)) else { continue };
            let entry = self.entries[position].as_mut().expect("looked at just now");
            let known_before = !std::mem::replace(&mut entry.fees_unknown, fees.is_err());
            match fees {
                Ok(fees) => {
                    let fees = fees.waived_until(entry.fees.waiver_ends_ms());
                    if fees != entry.fees {
                        entry.fees = fees;
                        changed.push((entry.listing.market, fees));
                    }
                }
                Err(problem) if entry.listing.traded && known_before => {
                    let ticker = entry.listing.ticker;
                    problems.push(format!("fees of market {ticker}: {problem}; the market is paused"));
                }
                Err(_) => {}
            }
        }
        (changed, problems)
    }
}

/// The series of an event by its name: the first part.
fn series_by_name(event: &str) -> String {
    event.split('-').next().unwrap_or(event).to_owned()
}

/// How much of a market's name is that of its event.
fn event_length(ticker: &str, event: &str) -> u8 {
    let begins = ticker.strip_prefix(event).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    if begins { u8::try_from(event.len()).unwrap_or(0) } else { 0 }
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
