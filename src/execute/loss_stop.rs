//! The daily loss stop. The day is the UTC day of session time. Its result is the profit realised since its start, net of
//! fees, plus the open positions marked at their last known exit price. What was realised earlier in the day, in runs
//! before this one, comes from [`DayState`].

use serde::{Deserialize, Serialize};

use crate::market::Money;

const DAY_MS: i64 = 86_400_000;

/// What must survive a restart, or stopping and starting again would be a way around the stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayState {
    /// The UTC day, counted from 1970-01-01.
    pub day: i64,
    /// Realised on that day, net of fees, over all runs.
    pub realized: Money,
    /// Whether the stop was hit on that day.
    pub stopped: bool,
}

/// Watches the day's result.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct LossStop {
    state: DayState,
    /// Realised net of fees by this run when the state was last written.
    run_realized: Money,
    loss_max: Money,
}

impl LossStop {
    /// Continues from what the last run left.
    #[must_use]
    pub fn new(loss_max: Money, state: DayState) -> Self {
        Self { state, run_realized: Money::ZERO, loss_max }
    }

    /// Takes in this run's result so far. Returns the new state when it changed.
    pub fn update(&mut self, session_ms: i64, run_realized: Money, unrealized: Money) -> Option<DayState> {
        let before = self.state;
        let day = session_ms.div_euclid(DAY_MS);
        if day != self.state.day {
            self.state = DayState { day, realized: Money::ZERO, stopped: false };
        }
        self.state.realized += run_realized - self.run_realized;
        self.run_realized = run_realized;
        if self.state.realized + unrealized <= -self.loss_max {
            self.state.stopped = true;
        }
        (self.state != before).then_some(self.state)
    }

    /// Whether the stop was hit today.
    #[must_use]
    pub fn is_stopped(&self, session_ms: i64) -> bool {
        self.state.stopped && self.state.day == session_ms.div_euclid(DAY_MS)
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
        let mut stop = LossStop::new(dollars(50), DayState::default());
        assert!(!stop.update(0, dollars(-30), dollars(-19)).is_some_and(|state| state.stopped));
        assert!(stop.update(0, dollars(-30), dollars(-20)).is_some_and(|state| state.stopped));
        assert!(stop.is_stopped(1));
        // A recovery does not lift it.
        stop.update(2, dollars(100), dollars(0));
        assert!(stop.is_stopped(2));
    }

    #[test]
    fn losses_of_an_earlier_run_of_the_day_count() {
        let mut first = LossStop::new(dollars(50), DayState::default());
        let left = first.update(0, dollars(-30), Money::ZERO).unwrap();
        let mut second = LossStop::new(dollars(50), left);
        assert!(second.update(1, dollars(-20), Money::ZERO).unwrap().stopped);
    }

    #[test]
    fn a_new_day_starts_from_nothing() {
        let mut stop = LossStop::new(dollars(50), DayState::default());
        stop.update(0, dollars(-60), Money::ZERO);
        assert!(!stop.is_stopped(DAY_MS));
        let state = stop.update(DAY_MS, dollars(-61), Money::ZERO).unwrap();
        assert_eq!(state, DayState { day: 1, realized: dollars(-1), stopped: false });
    }
}
