//! What trading costs, and when that changes: by a series' schedule, by an event's override, and by waivers that end. A
//! change is settled beforehand or takes effect at once; either way everyone can read it.
//!
//! What a change does to resting orders is undocumented. Here their reservations follow it, and orders that are no longer
//! covered are cancelled as by a margin call. What is settled beforehand is reserved for beforehand, so that only an
//! override without notice can do that.

use super::lifecycle::Timer;
use super::orders::List;
use super::{Engine, Event, MarketIndex, MarketSpec};
use crate::market::FeeSchedule;

/// What a change of fees is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeeScope {
    /// All markets of a series whose event overrides nothing.
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
    /// Of what.
    pub scope: FeeScope,
    /// What is charged then. None ends an event's override; a series always charges something.
    pub schedule: Option<FeeSchedule>,
    /// From when on.
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
    /// Settles a change of fees. One whose time has passed takes effect now; the others do when their time comes, also in
    /// markets that are listed until then. Markets tell apart the newest four changes of their series and of their event.
    pub fn change_fees(&mut self, change: FeeChange, now_ms: i64) {
        self.begin(now_ms);
        let change = FeeChange { from_ms: change.from_ms.max(now_ms), ..change };
        let concerned: Vec<MarketIndex> =
            (0..self.market_count()).filter(|&market| change.scope.covers(self.market(market).spec())).collect();
        for market in concerned {
            change.apply(&mut self.markets[market as usize].spec);
            self.fees_changed(market, now_ms);
        }
        let number = u32::try_from(self.fee_changes.len()).expect("memory ends before four billion changes do");
        self.timers.insert((change.from_ms, Timer::Fees(number)));
        self.fee_changes.push(change);
        self.advance(now_ms);
    }

    /// Every change of fees that was settled, in the order of their settlement.
    pub fn fee_changes(&self) -> &[FeeChange] {
        &self.fee_changes
    }

    /// Gives a market that is being listed what was settled before, and begins to watch its waiver.
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

    /// The time of a change has come.
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

    /// Brings everything in a market that depends on its fees up to date.
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
