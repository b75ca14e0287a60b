//! The markets as the stage knows them: what was listed and their conditions, with each part's own share of a market.
//! Indexed by key; a key of another generation finds nothing.

mod market;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::market::MarketKey;
use crate::messages::MarketStatus;
pub(super) use market::Market;

/// The table of markets, and the conditions of those whose listing is still on its way: `feed` and `reconcile` speak
/// over rings of their own, which are not ordered with each other.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Markets {
    listed: Vec<Option<Market>>,
    early: Vec<Option<MarketStatus>>,
    /// Markets whose newest state `decide` has not got, oldest first.
    dirty: VecDeque<u16>,
    /// The session time at which fees change next; `i64::MAX` when no change is known.
    fees_change_ms: i64,
}

impl Markets {
    pub fn new(markets_max: usize) -> Self {
        Self {
            listed: std::iter::repeat_with(|| None).take(markets_max).collect(),
            early: vec![None; markets_max],
            dirty: VecDeque::with_capacity(markets_max),
            fees_change_ms: i64::MAX,
        }
    }

    /// Keeps the condition of a market that is not listed yet. False when the position is beyond the table.
    pub fn keep_early(&mut self, status: &MarketStatus) -> bool {
        self.early.get_mut(status.market.position()).map(|slot| *slot = Some(*status)).is_some()
    }

    /// The condition that came before this market's listing.
    pub fn take_early(&mut self, key: MarketKey) -> Option<MarketStatus> {
        self.early.get_mut(key.position())?.take().filter(|status| status.market == key)
    }

    pub fn get(&self, key: MarketKey) -> Option<&Market> {
        self.listed.get(key.position())?.as_ref().filter(|market| market.key == key)
    }

    pub fn get_mut(&mut self, key: MarketKey) -> Option<&mut Market> {
        self.listed.get_mut(key.position())?.as_mut().filter(|market| market.key == key)
    }

    /// The market at a position, whatever its generation.
    pub fn at(&self, position: usize) -> Option<&Market> {
        self.listed.get(position)?.as_ref()
    }

    /// Puts a market at its key's position. False when the position is beyond the table.
    pub fn insert(&mut self, market: Market) -> bool {
        match self.listed.get_mut(market.key.position()) {
            Some(slot) => {
                *slot = Some(market);
                true
            }
            None => false,
        }
    }

    pub fn len(&self) -> usize {
        self.listed.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Market> {
        self.listed.iter().flatten()
    }

    /// Markets that are traded and not over.
    pub fn traded(&self) -> impl Iterator<Item = &Market> {
        self.iter().filter(|market| market.traded && !market.is_over())
    }

    /// `decide` has not got a market's newest state.
    pub fn mark_dirty(&mut self, key: MarketKey) {
        if let Some(market) = self.listed.get_mut(key.position()).and_then(Option::as_mut)
            && market.key == key
            && !market.dirty
        {
            market.dirty = true;
            self.dirty.push_back(key.index);
        }
    }

    pub fn mark_all_dirty(&mut self) {
        for market in self.listed.iter_mut().flatten().filter(|market| !market.dirty) {
            market.dirty = true;
            self.dirty.push_back(market.key.index);
        }
    }

    pub fn has_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// The market whose newest state has waited longest.
    pub fn first_dirty(&self) -> Option<MarketKey> {
        let index = *self.dirty.front()?;
        self.at(usize::from(index)).map(|market| market.key)
    }

    /// `decide` has got the newest state of the market that waited longest.
    pub fn told_first(&mut self) {
        let told = self.dirty.pop_front().and_then(|index| self.listed[usize::from(index)].as_mut());
        if let Some(market) = told {
            market.dirty = false;
            market.cause_read_ns = 0;
        }
    }

    /// Fees change at a session time.
    pub fn fees_change_at(&mut self, session_ms: i64) {
        self.fees_change_ms = self.fees_change_ms.min(session_ms);
    }

    /// When fees change next, if that is known.
    pub fn fees_change_ms(&self) -> Option<i64> {
        Some(self.fees_change_ms).filter(|&change_ms| change_ms != i64::MAX)
    }

    /// Whether fees have changed since the last call that said so.
    pub fn fees_due(&mut self, session_ms: i64) -> bool {
        let due = session_ms >= self.fees_change_ms && self.fees_change_ms != i64::MAX;
        if due {
            self.fees_change_ms = i64::MAX;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::stops::EventLosses;
    use crate::market::{EventKey, FeeSchedule, FeeTerms, GridBands, Price, Ticker};
    use crate::messages::{Listing, Phase};

    fn listing() -> Listing {
        Listing {
            close_time_ms: 0,
            age_ms: 0,
            event: EventKey::default(),
            exclusive: false,
            market: MarketKey { index: 0, generation: 3 },
            fees: FeeSchedule::QUADRATIC,
            event_length: 5,
            exchange_index: 0,
            phase: Phase::Open,
            traded: true,
            ticker: Ticker::new("M").unwrap(),
            bands: GridBands::named("tapered_deci_cent").unwrap(),
        }
    }

    fn new_market() -> Market {
        let seat = EventLosses::default().join(EventKey::default(), false);
        Market::new(&listing(), seat, false, 60_000)
    }

    #[test]
    fn a_key_of_another_generation_finds_nothing() {
        let mut markets = Markets::new(2);
        assert!(markets.insert(new_market()));
        assert!(markets.get(MarketKey { index: 0, generation: 3 }).is_some());
        assert!(markets.get(MarketKey { index: 0, generation: 2 }).is_none());
        assert!(markets.get(MarketKey { index: 9, generation: 3 }).is_none());
    }

    #[test]
    fn within_a_tick_follows_the_band() {
        let market = new_market();
        let price = |units| Price::from_units(units).unwrap();
        assert!(market.within_a_tick(price(500), price(510)));
        assert!(!market.within_a_tick(price(500), price(520)));
        assert!(market.within_a_tick(price(4_200), price(4_300)));
        assert!(!market.within_a_tick(price(4_200), price(4_400)));
    }

    #[test]
    fn the_fees_ahead_are_kept_between_changes_and_looked_for_anew_after_one() {
        let taker = |taker_multiplier_e4| FeeSchedule { taker_multiplier_e4, maker_multiplier_e4: 0 };
        let mut terms = FeeTerms::constant(taker(10_000));
        terms.change_series(1_000, taker(30_000));
        terms.change_series(2_000, taker(20_000));
        let mut market = new_market();
        assert!(market.read_fees(terms) && !market.read_fees(terms));
        for (now_ms, dearest, change) in [
            (500, 30_000, Some(1_000)),
            (1_000, 30_000, Some(2_000)),
            (1_999, 30_000, Some(2_000)),
            (2_000, 20_000, None),
        ] {
            // Asked before and after it was looked for, and of a time that is past.
            assert_eq!(market.fees_ahead(now_ms), taker(dearest));
            assert_eq!(market.follow_fees(now_ms), change);
            assert_eq!((market.fees_ahead(now_ms), market.fees_ahead(0)), (taker(dearest), taker(30_000)));
        }
    }

    #[test]
    fn a_market_becomes_dirty_once_until_it_was_told() {
        let mut markets = Markets::new(2);
        markets.insert(new_market());
        let key = MarketKey { index: 0, generation: 3 };
        markets.mark_dirty(key);
        markets.mark_all_dirty();
        assert_eq!(markets.first_dirty(), Some(key));
        markets.told_first();
        assert_eq!(markets.first_dirty(), None);
        markets.mark_dirty(MarketKey { index: 0, generation: 2 });
        assert!(!markets.has_dirty());
    }

    #[test]
    fn the_next_change_of_fees_is_due_once() {
        let mut markets = Markets::new(1);
        assert_eq!((markets.fees_due(5), markets.fees_change_ms()), (false, None));
        markets.fees_change_at(10);
        markets.fees_change_at(20);
        assert_eq!((markets.fees_due(9), markets.fees_change_ms()), (false, Some(10)));
        assert!(markets.fees_due(10) && !markets.fees_due(10));
    }
}
