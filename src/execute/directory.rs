//! The markets as this stage knows them: what was listed, their condition, their position. Owns the table of markets,
//! indexed by key; a key of another generation finds nothing.

use serde::{Deserialize, Serialize};

use super::breaker::Breaker;
use super::controls::{RecentOrders, Seat, Window};
use super::history::History;
use super::position::Position;
use super::readings::PATIENCE_NS;
use crate::clock::NEVER_NS;
use crate::market::{Count, FeeSchedule, FeeTerms, GridBands, MarketKey, Money, Price, Ticker};
use crate::messages::{FeeOverride, Listing, MarketStatus, Phase, Verdict};

/// How many changes of a position are kept for comparisons.
pub(super) const POSITION_HISTORY: usize = 64;

/// Where asking the exchange about a market's orders stands.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Resolve {
    /// The query whose answer is awaited, and when it was asked.
    pub asked: Option<(u32, i64, u64)>,
    /// When the next is due.
    pub due_ns: u64,
    /// How long the one after will wait.
    pub wait_ns: u64,
    /// How long an answer is waited for.
    pub patience_ns: u64,
}

/// One market.
#[derive(Debug, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "independent conditions, not a state machine in disguise")]
pub(super) struct Market {
    pub key: MarketKey,
    pub ticker: Ticker,
    pub exchange_index: u8,
    /// What fills are charged by, as it was read and as frames have changed it since.
    pub fees: FeeTerms,
    /// What a frame last said that its event overrides.
    pub fee_override: Option<FeeOverride>,
    pub bands: GridBands,
    pub close_time_ms: i64,
    pub phase: Phase,
    pub traded: bool,
    /// Whether the configuration forbids orders there.
    pub restricted: bool,
    /// Its place in its event; the stage gives it.
    pub seat: Seat,
    /// The orders that were placed there last.
    pub recent: RecentOrders,
    /// Orders of this run executed there.
    pub executions: Window<13>,
    /// The book is right, by the newest status.
    pub fresh: bool,
    pub position: Position,
    pub positions: History<Count>,
    /// What YES pays, by the newest status.
    pub outcome: Option<Price>,
    /// What YES paid, once that was booked.
    pub settled: Option<Price>,
    /// Whether the exchange has paid for it.
    pub paid: bool,
    /// What it owes for it.
    pub awaiting: Money,
    /// The position that was paid for.
    pub settled_position: Count,
    /// The last known best prices without our own orders, for marking.
    pub best_bid: Option<Price>,
    pub best_ask: Option<Price>,
    /// What the position would lose or win at its exit price.
    pub unrealized: Money,
    /// The intent whose verdict is due.
    pub intent: Option<u64>,
    pub last_intent: u64,
    pub verdict: Verdict,
    /// Writes in flight.
    pub writes: u32,
    pub breaker: Breaker,
    /// What its orders reserve.
    pub reserved: Money,
    /// Whether `decide` has not got the newest state.
    pub dirty: bool,
    pub cause_read_ns: u64,
    pub resolve: Resolve,
    /// The position of the reading in progress, and which reading.
    pub read_position: (u32, Count),
    pub read_cost: Money,
    /// The last reading in which something of it could not be read, zero before any, and whether that was more than a fill.
    pub unread: (u32, bool),
    /// Since such a reading it takes no order, until one without agrees.
    pub withheld: bool,
    /// Its position is no part of the baseline: it could not be read then.
    pub unadopted: bool,
}

impl Market {
    pub fn new(listing: &Listing, seat: Seat, restricted: bool, executions_window_ms: i64) -> Self {
        Self {
            key: listing.market,
            ticker: listing.ticker,
            exchange_index: listing.exchange_index,
            fees: listing.fees.into(),
            fee_override: None,
            bands: listing.bands,
            close_time_ms: listing.close_time_ms,
            phase: listing.phase,
            traded: listing.traded,
            restricted,
            seat,
            recent: RecentOrders::default(),
            executions: Window::new(executions_window_ms),
            fresh: false,
            position: Position::default(),
            positions: History::new(Count::ZERO, POSITION_HISTORY),
            outcome: None,
            settled: None,
            paid: false,
            awaiting: Money::ZERO,
            settled_position: Count::ZERO,
            best_bid: None,
            best_ask: None,
            unrealized: Money::ZERO,
            intent: None,
            last_intent: 0,
            verdict: Verdict::None,
            writes: 0,
            breaker: Breaker::default(),
            reserved: Money::ZERO,
            dirty: false,
            cause_read_ns: 0,
            resolve: Resolve { asked: None, due_ns: NEVER_NS, wait_ns: 0, patience_ns: PATIENCE_NS },
            unread: (0, false),
            withheld: false,
            unadopted: false,
            read_position: (0, Count::ZERO),
            read_cost: Money::ZERO,
        }
    }

    /// The fees were read anew, or a frame told of an override. Returns whether that changes them.
    pub fn learn_fees(&mut self, read: FeeTerms, told: Option<FeeOverride>) -> bool {
        let former = std::mem::replace(&mut self.fees, read);
        self.fee_override = told.or(self.fee_override);
        if let Some(FeeOverride { from_ms, schedule }) = self.fee_override {
            self.fees.change_event(from_ms, schedule);
        }
        self.fees != former
    }

    /// What a fill of that time is charged by.
    pub fn fees_at(&self, time_ms: i64) -> FeeSchedule {
        if planted!(WaiverNeverEnds) && self.fees.waiver_ends_ms().is_some() {
            return FeeSchedule::FREE;
        }
        let FeeSchedule { taker_multiplier_e4, maker_multiplier_e4 } = self.fees.at(time_ms);
        if planted!(MakersPayAsTakers) && maker_multiplier_e4 > 0 {
            return FeeSchedule { taker_multiplier_e4, maker_multiplier_e4: taker_multiplier_e4 };
        }
        FeeSchedule { taker_multiplier_e4, maker_multiplier_e4 }
    }

    /// The dearest that an order may be charged by that rests now.
    pub fn fees_ahead(&self, now_ms: i64) -> FeeSchedule {
        if planted!(WaiverNeverEnds) && self.fees.waiver_ends_ms().is_some() {
            return FeeSchedule::FREE;
        }
        self.fees.dearest_from(now_ms)
    }

    /// Whether the exchange ends its orders by itself: past its close by the newest status.
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Closed | Phase::Determined)
    }

    /// Whether two prices are at most a tick apart, by the wider of the ticks where they lie.
    pub fn within_a_tick(&self, one: Price, other: Price) -> bool {
        let tick = self.tick_at(one).max(self.tick_at(other));
        (one.units() - other.units()).abs() <= tick
    }

    fn tick_at(&self, price: Price) -> i64 {
        let band = self.bands.bands().iter().rev().find(|band| price >= band.start);
        band.map_or(0, |band| band.step.units())
    }

    /// Marks the position at its exit price, the last one known. Without one it counts at cost.
    pub fn mark(&mut self) -> Money {
        let exit = if self.position.contracts < Count::ZERO { self.best_ask } else { self.best_bid };
        let value = exit.map_or(self.position.cost, |price| self.position.value_at(price));
        let before = std::mem::replace(&mut self.unrealized, value - self.position.cost);
        self.unrealized - before
    }
}

/// The table of markets, and the conditions of those whose listing is still on its way: `feed` and `reconcile` speak
/// over rings of their own, which are not ordered with each other.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Directory {
    markets: Vec<Option<Market>>,
    early: Vec<Option<MarketStatus>>,
}

impl Directory {
    pub fn new(markets_max: usize) -> Self {
        Self { markets: std::iter::repeat_with(|| None).take(markets_max).collect(), early: vec![None; markets_max] }
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
        self.markets.get(key.position())?.as_ref().filter(|market| market.key == key)
    }

    pub fn get_mut(&mut self, key: MarketKey) -> Option<&mut Market> {
        self.markets.get_mut(key.position())?.as_mut().filter(|market| market.key == key)
    }

    /// The market at a position, whatever its generation.
    pub fn at(&self, position: usize) -> Option<&Market> {
        self.markets.get(position)?.as_ref()
    }

    /// Puts a market at its key's position. False when the position is beyond the table.
    pub fn insert(&mut self, market: Market) -> bool {
        match self.markets.get_mut(market.key.position()) {
            Some(slot) => {
                *slot = Some(market);
                true
            }
            None => false,
        }
    }

    pub fn len(&self) -> usize {
        self.markets.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Market> {
        self.markets.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::controls::EventLosses;
    use crate::market::{EventKey, FeeSchedule};

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
        let mut directory = Directory::new(2);
        assert!(directory.insert(new_market()));
        assert!(directory.get(MarketKey { index: 0, generation: 3 }).is_some());
        assert!(directory.get(MarketKey { index: 0, generation: 2 }).is_none());
        assert!(directory.get(MarketKey { index: 9, generation: 3 }).is_none());
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
    fn a_position_is_marked_where_it_could_be_closed() {
        let mut market = new_market();
        market.position = Position { contracts: Count::from_contracts(-10), cost: Money::from_dollars(6) };
        assert_eq!(market.mark(), Money::ZERO);
        market.best_ask = Some(Price::from_cents(50));
        assert_eq!(market.mark(), Money::from_dollars(-1));
        market.best_ask = Some(Price::from_cents(30));
        assert_eq!(market.mark(), Money::from_dollars(2));
        assert_eq!(market.unrealized, Money::from_dollars(1));
    }
}
