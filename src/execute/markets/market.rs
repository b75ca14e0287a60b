//! One market as the stage knows it: what was listed, its condition, and each part's own share of it.

use serde::{Deserialize, Serialize};

use crate::execute::account::holding::Holding;
use crate::execute::readings::market::MarketReading;
use crate::execute::stops::{MarketStops, Seat};
use crate::market::{FeeSchedule, FeeTerms, GridBands, MarketKey, Price, Ticker};
use crate::messages::{FeeOverride, Listing, MarketStatus, Phase, Verdict};

/// The dearest fees that are ahead, in a stretch of session time in which they are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct FeesAhead {
    from_ms: i64,
    /// When fees change next; `i64::MAX` when no change is known.
    until_ms: i64,
    dearest: FeeSchedule,
}

impl FeesAhead {
    fn of(fees: &FeeTerms, now_ms: i64) -> Self {
        let until_ms = fees.next_change_ms(now_ms).unwrap_or(i64::MAX);
        Self { from_ms: now_ms, until_ms, dearest: fees.dearest_from(now_ms) }
    }

    fn holds_at(&self, now_ms: i64) -> bool {
        self.from_ms <= now_ms && now_ms < self.until_ms
    }
}

/// One market.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::execute) struct Market {
    pub key: MarketKey,
    pub ticker: Ticker,
    /// What fills are charged by, as it was read and as frames have changed it since.
    fees: FeeTerms,
    /// What a frame last said that its event overrides.
    fee_override: Option<FeeOverride>,
    fees_ahead: FeesAhead,
    pub bands: GridBands,
    pub close_time_ms: i64,
    pub phase: Phase,
    pub traded: bool,
    /// The book is right, by the newest status.
    pub fresh: bool,
    /// What YES pays, by the newest status.
    pub outcome: Option<Price>,
    /// The account's part.
    pub holding: Holding,
    /// The stops' part.
    pub stops: MarketStops,
    /// The readings' part.
    pub reading: MarketReading,
    /// The intent whose verdict is due.
    pub intent: Option<u64>,
    pub last_intent: u64,
    pub verdict: Verdict,
    /// Writes in flight.
    pub writes: u32,
    /// Whether `decide` has not got the newest state.
    pub(super) dirty: bool,
    /// When the first cause since the last portfolio update had been read; zero without one.
    pub cause_read_ns: u64,
}

impl Market {
    pub fn new(listing: &Listing, seat: Seat, restricted: bool, executions_window_ms: i64) -> Self {
        let fees = FeeTerms::from(listing.fees);
        Self {
            key: listing.market,
            ticker: listing.ticker,
            fees,
            fee_override: None,
            fees_ahead: FeesAhead::of(&fees, 0),
            bands: listing.bands,
            close_time_ms: listing.close_time_ms,
            phase: listing.phase,
            traded: listing.traded,
            fresh: false,
            outcome: None,
            holding: Holding::new(listing.exchange_index),
            stops: MarketStops::new(seat, restricted, executions_window_ms),
            reading: MarketReading::new(),
            intent: None,
            last_intent: 0,
            verdict: Verdict::None,
            writes: 0,
            dirty: false,
            cause_read_ns: 0,
        }
    }

    pub fn exchange_index(&self) -> u8 {
        self.holding.exchange_index()
    }

    /// Takes over what a status says, its outcome apart.
    pub fn learn_status(&mut self, status: &MarketStatus) {
        self.phase = status.phase;
        self.fresh = status.fresh;
        self.close_time_ms = status.close_time_ms;
        self.bands = status.bands;
        if status.fee_override.is_some() && status.fee_override != self.fee_override {
            self.learn_fees(self.fees, status.fee_override);
        }
    }

    /// The fees were read anew, or a frame told of an override. Returns whether that changes them.
    pub fn learn_fees(&mut self, read: FeeTerms, told: Option<FeeOverride>) -> bool {
        let former = std::mem::replace(&mut self.fees, read);
        self.fee_override = told.or(self.fee_override);
        if let Some(FeeOverride { from_ms, schedule }) = self.fee_override {
            self.fees.change_event(from_ms, schedule);
        }
        self.fees_ahead = FeesAhead::of(&self.fees, self.fees_ahead.from_ms);
        self.fees != former
    }

    /// The fees were read anew, and no frame told of anything since.
    pub fn read_fees(&mut self, read: FeeTerms) -> bool {
        self.learn_fees(read, None)
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
        if self.fees_ahead.holds_at(now_ms) { self.fees_ahead.dearest } else { self.fees.dearest_from(now_ms) }
    }

    /// Looks for the dearest fees ahead again, if time has passed a change. Returns when they change next, if that is known.
    pub fn follow_fees(&mut self, now_ms: i64) -> Option<i64> {
        if !self.fees_ahead.holds_at(now_ms) {
            self.fees_ahead = FeesAhead::of(&self.fees, now_ms);
        }
        Some(self.fees_ahead.until_ms).filter(|&until_ms| until_ms != i64::MAX)
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
}
