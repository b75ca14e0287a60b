//! Fees, and how they change: by a series' schedule, by an event's override, and by waivers that end. A change is scheduled in
//! advance or takes effect at once; either way everyone can read it.
//!
//! The effect of a change on resting orders is undocumented. Here their reservations follow it, and orders that are no longer
//! covered are cancelled as for a margin call. Scheduled changes are already included in reservations, so only an override
//! without notice can cause that.

use super::lifecycle::Timer;
use super::orders::List;
use super::{Engine, Event, MarketIndex, MarketSpec};
use crate::market::FeeSchedule;

/// The markets that a change of fees applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeeScope {
    /// All markets of a series, except where their event has an override.
    Series(String),
    /// All markets of an event.
    Event(String),
}

impl FeeScope {
    fn covers(&self, spec: &MarketSpec) -> bool {
        match self {
            Self::Series(series) => spec.series_ticker == *series,
            Self::Event(event) => spec.event_ticker == *event,
        }
    }
}

/// A change of fees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeeChange {
    /// The markets it applies to.
    pub scope: FeeScope,
    /// The new fees. `None` ends an event's override; a series always has fees.
    pub schedule: Option<FeeSchedule>,
    /// When it takes effect, in session milliseconds.
    pub from_ms: i64,
}

impl FeeChange {
    fn apply(&self, spec: &mut MarketSpec) {
        match (&self.scope, self.schedule) {
            (FeeScope::Event(_), schedule) => spec.fees.change_event(self.from_ms, schedule),
            (FeeScope::Series(_), Some(schedule)) => spec.fees.change_series(self.from_ms, schedule),
            (FeeScope::Series(_), None) => {}
        }
    }
}

impl Engine {
    /// Schedules a change of fees. A change whose time has passed takes effect now; any other does when its time comes, also in
    /// markets that are listed in the meantime. A market keeps the newest four changes of its series and of its event.
    pub fn change_fees(&mut self, change: FeeChange, now_ms: i64) {
        self.begin(now_ms);
        let change = FeeChange { from_ms: change.from_ms.max(now_ms), ..change };
        let concerned: Vec<MarketIndex> =
            (0..self.market_count()).filter(|&market| change.scope.covers(self.market(market).spec())).collect();
        for market in concerned {
            change.apply(&mut self.markets[market as usize].spec);
            self.fees_changed(market, now_ms);
        }
        let number = u32::try_from(self.fee_changes.len()).expect("there are fewer than 2^32 changes");
        self.timers.insert((change.from_ms, Timer::Fees(number)));
        self.fee_changes.push(change);
        self.advance(now_ms);
    }

    /// Every change of fees that was scheduled, in the order of the calls.
    pub fn fee_changes(&self) -> &[FeeChange] {
        &self.fee_changes
    }

    /// Applies the earlier changes to a market that is being listed, and starts the timer of its waiver.
    pub(super) fn settle_fees(&mut self, market: MarketIndex, now_ms: i64) {
        let place = &mut self.markets[market as usize];
        for change in &self.fee_changes {
            if change.scope.covers(&place.spec) {
                change.apply(&mut place.spec);
            }
        }
        place.note_fees(now_ms);
        if let Some(ends_ms) = place.spec.fees.waiver_ends_ms().filter(|ends_ms| *ends_ms > now_ms) {
            self.timers.insert((ends_ms, Timer::Waiver(market)));
        }
    }

    /// Carries out a change whose time has come.
    pub(super) fn change_due(&mut self, number: u32, now_ms: i64) {
        let change = self.fee_changes[number as usize].clone();
        for market in 0..self.market_count() {
            if change.scope.covers(self.market(market).spec()) {
                self.fees_changed(market, now_ms);
            }
        }
        if let FeeScope::Event(event_ticker) = change.scope {
            self.events.push(Event::FeesOverridden { event_ticker, schedule: change.schedule });
        }
    }

    /// Updates everything in a market that depends on its fees.
    pub(super) fn fees_changed(&mut self, market: MarketIndex, now_ms: i64) {
        let place = &mut self.markets[market as usize];
        place.note_fees(now_ms);
        for index in 0..place.holdings.len() {
            let holding = self.markets[market as usize].holdings[index];
            let open: Vec<_> = self.orders.walk(List::Own, self.holdings[holding as usize].open).collect();
            for slot in open {
                self.reserve(slot);
            }
            self.cover(holding, None, now_ms);
        }
    }
}
