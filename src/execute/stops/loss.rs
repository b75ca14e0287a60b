//! The daily loss stop. The day is the UTC day of session time. Its result is the profit realised since its start, net of
//! fees, plus the open positions marked at their last known exit price. What was realised earlier in the day, in runs
//! before this one, comes from [`DayState`].

use serde::{Deserialize, Serialize};

use crate::market::Money;
use crate::messages::{DayState, Sticky};

const DAY_MS: i64 = 86_400_000;

/// Watches the day's result.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct LossStop {
    state: DayState,
    /// The state as it was last told.
    told: DayState,
    /// What this run had realised, net of fees, at the last update.
    run_realized: Money,
    loss_max: Money,
    drawdown_max: Money,
}

impl LossStop {
    /// Continues from what the last run left. A drawdown limit of zero never stops.
    #[must_use]
    pub fn new(loss_max: Money, drawdown_max: Money, state: DayState) -> Self {
        let state = if planted!(StopsForgotten) { DayState { sticky: Sticky::default(), ..state } } else { state };
        Self { state, told: state, run_realized: Money::ZERO, loss_max, drawdown_max }
    }

    /// Takes in this run's result so far. Returns the new state when it changed since the last call.
    pub fn update(&mut self, session_ms: i64, run_realized: Money, unrealized: Money) -> Option<DayState> {
        let day = session_ms.div_euclid(DAY_MS);
        if day != self.state.day {
            self.state = DayState { day, realized: Money::ZERO, stopped: false, sticky: self.state.sticky };
        }
        let realized = run_realized - self.run_realized;
        self.state.realized += realized;
        self.run_realized = run_realized;
        if self.state.realized + unrealized <= -self.loss_max {
            self.state.stopped = true;
        }
        self.state.sticky.mark(realized, unrealized, self.drawdown_max);
        let changed = self.state != self.told;
        self.told = self.state;
        changed.then_some(self.state)
    }

    /// A market was executed in too often.
    pub fn repeated(&mut self) {
        self.state.sticky.repeated = true;
    }

    /// The stops that outlast the day.
    #[must_use]
    pub fn sticky(&self) -> Sticky {
        self.state.sticky
    }

    /// Whether the stop was hit today.
    #[must_use]
    pub fn is_stopped(&self, session_ms: i64) -> bool {
        self.state.stopped && self.state.day == session_ms.div_euclid(DAY_MS)
    }

    /// When the day ends that the stop was hit on, while it holds, in session milliseconds.
    #[must_use]
    pub fn ends_ms(&self) -> Option<i64> {
        self.state.stopped.then(|| self.state.day.saturating_add(1).saturating_mul(DAY_MS))
    }

    /// The newest state.
    #[must_use]
    pub fn state(&self) -> DayState {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(dollars: i64) -> Money {
        Money::from_dollars(dollars)
    }

    #[test]
    fn it_stops_when_realised_and_marked_losses_reach_the_limit() {
        let mut stop = LossStop::new(dollars(50), Money::ZERO, DayState::default());
        assert!(!stop.update(0, dollars(-30), dollars(-19)).is_some_and(|state| state.stopped));
        assert!(stop.update(0, dollars(-30), dollars(-20)).is_some_and(|state| state.stopped));
        assert!(stop.is_stopped(1));
        // A recovery does not lift it.
        stop.update(2, dollars(100), dollars(0));
        assert!(stop.is_stopped(2));
    }

    #[test]
    fn losses_of_an_earlier_run_of_the_day_count() {
        let mut first = LossStop::new(dollars(50), Money::ZERO, DayState::default());
        let left = first.update(0, dollars(-30), Money::ZERO).unwrap();
        let mut second = LossStop::new(dollars(50), Money::ZERO, left);
        assert!(second.update(1, dollars(-20), Money::ZERO).unwrap().stopped);
    }

    #[test]
    fn a_new_day_starts_from_nothing() {
        let mut stop = LossStop::new(dollars(50), Money::ZERO, DayState::default());
        stop.update(0, dollars(-60), Money::ZERO);
        assert!(!stop.is_stopped(DAY_MS));
        let state = stop.update(DAY_MS, dollars(-61), Money::ZERO).unwrap();
        let sticky = Sticky { result: dollars(-61), ..Sticky::default() };
        assert_eq!(state, DayState { day: 1, realized: dollars(-1), stopped: false, sticky });
    }

    #[test]
    fn a_drawdown_outlasts_days_and_runs_until_a_person_resumes() {
        let mut first = LossStop::new(dollars(500), dollars(75), DayState::default());
        first.update(0, dollars(40), Money::ZERO);
        let left = first.update(DAY_MS, dollars(0), Money::ZERO).unwrap();
        let mut second = LossStop::new(dollars(500), dollars(75), left);
        let state = second.update(2 * DAY_MS, dollars(-35), Money::ZERO).unwrap();
        assert!(state.sticky.drawn_down);
        let mut third = LossStop::new(dollars(500), dollars(75), state);
        third.update(3 * DAY_MS, dollars(100), Money::ZERO);
        assert!(third.sticky().drawn_down);
        assert_eq!(third.state().resumed().sticky, Sticky::default());
    }

    #[test]
    fn what_a_market_did_too_often_is_told_to_be_kept() {
        let mut stop = LossStop::new(dollars(50), Money::ZERO, DayState::default());
        stop.repeated();
        assert!(stop.update(0, Money::ZERO, Money::ZERO).unwrap().sticky.repeated);
        assert_eq!(stop.update(1, Money::ZERO, Money::ZERO), None);
    }
}
