//! The directory of markets: keys, fees and series.

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

/// An event's fee terms.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct EventTerms {
    pub(super) series: String,
    #[serde(with = "crate::checkpoint::json")]
    fee_type: Option<Value>,
    #[serde(with = "crate::checkpoint::json")]
    multiplier: Option<Value>,
    exclusive: bool,
}

/// A series' fee terms.
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
    /// Whether the market is charged by an unknown formula, or soon will be.
    fees_unknown: bool,
    event: String,
    series: String,
    followed: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Directory {
    entries: Vec<Option<Entry>>,
    generations: Vec<u16>,
    by_ticker: BTreeMap<Ticker, usize>,
    events: BTreeMap<String, EventTerms>,
    event_keys: BTreeMap<String, EventKey>,
    /// Events that were missing from a listing of events, as those of combos are.
    missed_events: BTreeSet<String>,
    series: BTreeMap<String, Option<SeriesTerms>>,
    /// Maker fee multipliers by series, where the fee type does not imply them, in ten-thousandths.
    makers_e4: BTreeMap<String, u32>,
    /// Fee changes that the exchange has announced.
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

    /// Sets the maker fee multipliers of series whose fee type does not imply them, in ten-thousandths.
    pub(super) fn with_makers(self, makers_e4: BTreeMap<String, u32>) -> Self {
        Self { makers_e4, ..self }
    }

    /// The key of a listed market.
    pub(super) fn key(&self, ticker: &str) -> Option<MarketKey> {
        let position = *self.by_ticker.get(&Ticker::new(ticker).ok()?)?;
        self.entries[position].as_ref().map(|entry| entry.listing.market)
    }

    /// The listing of a market; `None` if the key is out of date.
    pub(super) fn listing(&self, market: MarketKey) -> Option<&Listing> {
        let entry = self.entries.get(market.position())?.as_ref()?;
        (entry.listing.market == market).then_some(&entry.listing)
    }

    /// The tickers of traded markets that can still change.
    pub(super) fn traded_open(&self) -> Vec<String> {
        let traded = self.entries.iter().flatten().filter(|entry| entry.listing.traded);
        let open = traded.filter(|entry| entry.listing.phase != Phase::Determined);
        open.map(|entry| entry.listing.ticker.to_string()).collect()
    }

    /// Whether a market is listed for trading.
    pub(super) fn is_traded(&self, ticker: &str) -> bool {
        self.key(ticker).and_then(|key| self.listing(key)).is_some_and(|listing| listing.traded)
    }

    /// Whether no market is listed for trading.
    pub(super) fn has_no_traded(&self) -> bool {
        !self.entries.iter().flatten().any(|entry| entry.listing.traded)
    }

    /// Updates the end of a listed market's fee waiver from a later read, and returns its fees if they changed. A read
    /// at `read_ms` without a waiver ends one that would still last; one that had ended by then is naturally missing.
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

    /// Updates a listed market's close time, phase and grid from a later read. Returns its listing even if nothing
    /// changed, since `feed` may have missed a frame between the reads.
    pub(super) fn refresh(&mut self, market: &Market, age_ms: u32) -> Option<Listing> {
        let key = self.key(&market.ticker)?;
        let entry = self.entries[key.position()].as_mut()?;
        let listing = &mut entry.listing;
        // A missing close time leaves the known one.
        listing.close_time_ms = market.close_ms().unwrap_or(listing.close_time_ms);
        listing.phase = phase(market.status);
        match market.grid() {
            Ok(bands) => listing.bands = bands,
            Err(_) if market.price_ranges.is_empty() => (),
            // Our prices would not be on its grid.
            Err(_) if listing.phase == Phase::Open => listing.phase = Phase::Paused,
            Err(_) => (),
        }
        // The cost of an order could not be reserved either.
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

    /// The traded markets of a series that have closed and whose successor has not been looked for yet. Each is
    /// returned once.
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

    /// Records that a market's successor is being looked for. Returns `false` if that was already recorded, or the
    /// market is not listed.
    pub(super) fn follow(&mut self, market: MarketKey) -> bool {
        let entry = self.entries.get_mut(market.position()).and_then(Option::as_mut);
        let Some(entry) = entry.filter(|entry| entry.listing.market == market) else { return false };
        !std::mem::replace(&mut entry.followed, true)
    }

    /// The next close, in session milliseconds, of a market of the series whose successor has not been looked for yet.
    pub(super) fn next_close_ms(&self, series: &str) -> Option<i64> {
        let open = self.entries.iter().flatten();
        let open = open.filter(|entry| entry.listing.traded && !entry.followed && entry.series == series);
        open.map(|entry| entry.listing.close_time_ms).min()
    }

    pub(super) fn knows_event(&self, event: &str) -> bool {
        self.events.contains_key(event)
    }

    /// The series of an event, if the event has been read and the series has not.
    pub(super) fn unknown_series(&self, event: &str) -> Option<&str> {
        let series = &self.events.get(event)?.series;
        (!self.series.contains_key(series)).then_some(series)
    }

    /// The series of an event, if the event has been read.
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

    /// Records which of these events are missing from the exchange's listing. They have to be requested one by one.
    pub(super) fn miss_events(&mut self, asked: &[String]) {
        let unknown = asked.iter().filter(|event| !self.events.contains_key(*event));
        self.missed_events.extend(unknown.cloned());
    }

    /// Whether an event must be requested by itself.
    pub(super) fn is_missed_event(&self, event: &str) -> bool {
        self.missed_events.contains(event)
    }

    /// The exchange does not know the event. Its series is taken to be the first part of its ticker, and it has no
    /// override.
    pub(super) fn learn_no_event(&mut self, event: &str) {
        let series = series_by_name(event);
        self.events.insert(event.to_owned(), EventTerms { series, fee_type: None, multiplier: None, exclusive: false });
    }

    pub(super) fn learn_series(&mut self, ticker: &str, series: Option<Series>) {
        let terms = series.map(|series| SeriesTerms { fee_type: series.fee_type, multiplier: series.fee_multiplier });
        self.series.insert(ticker.to_owned(), terms);
    }

    /// Forgets fee terms that the exchange left out for an event's markets, so that they are requested again.
    pub(super) fn forget_unknown_terms(&mut self, event: &str) {
        let Some(terms) = self.events.get(event) else { return };
        let unsaid = |terms: &SeriesTerms| terms.fee_type.is_empty() || terms.multiplier.is_null();
        if self.series.get(&terms.series).is_some_and(|terms| terms.as_ref().is_none_or(unsaid)) {
            self.series.remove(&terms.series);
        }
    }

    /// Assigns a key to a market. A market that is merely watched is listed even if its fees or grid cannot be
    /// represented, since positions in it must be booked.
    ///
    /// # Errors
    /// A description, when a traded market's fees or grid cannot be represented, or no slot is free.
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
            // A market that is merely watched may have no close time; it then never counts as closed.
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

    /// The key of an event, assigned at its first use.
    fn event_key(&mut self, event: &str) -> EventKey {
        if let Some(&key) = self.event_keys.get(event) {
            return key;
        }
        let key = EventKey(u32::try_from(self.event_keys.len()).expect("events of a run fit 32 bits"));
        self.event_keys.insert(event.to_owned(), key);
        key
    }

    /// A free position, or else that of the market that closed longest ago.
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

    /// The fees of an event's markets: the event's override, or else the series' terms, with announced changes.
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
        // The series' own terms do not matter while the event overrides them.
        let of_series = told(fee_type, multiplier).or_else(|error| overridden.ok_or(error))?;
        let makers_e4 = self.makers_e4.get(&terms.series).copied();
        let mut fees = FeeTerms::constant(of_series).overridden(overridden).with_makers(makers_e4);
        self.fee_changes.apply(&mut fees, &terms.series, event)?;
        Ok(fees)
    }

    /// The fee terms of a listed market.
    pub(super) fn fees_of(&self, market: MarketKey) -> Option<FeeTerms> {
        self.listing(market)?;
        self.entries[market.position()].as_ref().map(|entry| entry.fees)
    }

    /// Brings the listed markets' fees up to date. Returns those that changed, and a description of any that can't be
    /// represented.
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

/// The series of an event judged by its ticker: the first part.
fn series_by_name(event: &str) -> String {
    event.split('-').next().unwrap_or(event).to_owned()
}

/// How many characters of a market's ticker are its event's.
fn event_length(ticker: &str, event: &str) -> u8 {
    let begins = ticker.strip_prefix(event).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    if begins { u8::try_from(event.len()).unwrap_or(0) } else { 0 }
}

/// The phase that corresponds to a status. With an unknown status a market is not traded.
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
