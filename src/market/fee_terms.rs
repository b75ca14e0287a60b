//! A market's fees over time: what its series charges, what its event overrides, and a fee waiver with its end. Fixed in
//! size, so that messages that carry it stay `Copy`.

use serde::{Deserialize, Serialize};

use super::FeeSchedule;

/// How many changes are kept: the newest ones. Older changes collapse into the starting value.
const CHANGES_MAX: usize = 4;

/// A value that changes at certain times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Timeline<T> {
    first: T,
    /// Sorted by time; entries from `length` on are meaningless.
    changes: [(i64, T); CHANGES_MAX],
    length: u8,
}

impl<T: Copy> Timeline<T> {
    const fn constant(value: T) -> Self {
        Self { first: value, changes: [(0, value); CHANGES_MAX], length: 0 }
    }

    fn changes(&self) -> &[(i64, T)] {
        // A length read from a file may be out of range.
        self.changes.get(..usize::from(self.length)).unwrap_or(&self.changes)
    }

    fn at(&self, time_ms: i64) -> T {
        let begun = self.changes().iter().rev().find(|(from_ms, _)| *from_ms <= time_ms);
        begun.map_or(self.first, |(_, value)| *value)
    }

    /// Adds a change, or replaces the one at the same time.
    fn change(&mut self, from_ms: i64, value: T) {
        let length = self.changes().len();
        let place = self.changes().partition_point(|(other_ms, _)| *other_ms < from_ms);
        if self.changes().get(place).is_some_and(|(other_ms, _)| *other_ms == from_ms) {
            self.changes[place].1 = value;
        } else if length < CHANGES_MAX {
            self.changes.copy_within(place..length, place + 1);
            self.changes[place] = (from_ms, value);
            self.length = u8::try_from(length + 1).expect("at most CHANGES_MAX");
        } else if place > 0 {
            self.first = self.changes[0].1;
            self.changes.copy_within(1..place, 0);
            self.changes[place - 1] = (from_ms, value);
        }
    }
}

/// The fees of a market, as they change over time. Times are exchange time, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeeTerms {
    series: Timeline<FeeSchedule>,
    event: Timeline<Option<FeeSchedule>>,
    waived_until_ms: Option<i64>,
    /// The makers' multiplier in ten-thousandths, where a source states it more precisely than a fee type does.
    makers_e4: Option<u32>,
}

impl From<FeeSchedule> for FeeTerms {
    fn from(schedule: FeeSchedule) -> Self {
        Self::constant(schedule)
    }
}

impl FeeTerms {
    /// Fees that never change.
    #[must_use]
    pub const fn constant(schedule: FeeSchedule) -> Self {
        Self {
            series: Timeline::constant(schedule),
            event: Timeline::constant(None),
            waived_until_ms: None,
            makers_e4: None,
        }
    }

    /// Sets the event's override, in force from the beginning; `None` for an event that overrides nothing.
    #[must_use]
    pub fn overridden(self, schedule: Option<FeeSchedule>) -> Self {
        Self { event: Timeline::constant(schedule), ..self }
    }

    /// Waives all fees before a time.
    #[must_use]
    pub fn waived_until(self, waived_until_ms: Option<i64>) -> Self {
        Self { waived_until_ms, ..self }
    }

    /// Sets a multiplier for makers, in ten-thousandths, that replaces the one implied by the fee type. It has no effect
    /// while the fee type says that makers pay nothing.
    #[must_use]
    pub fn with_makers(self, makers_e4: Option<u32>) -> Self {
        Self { makers_e4, ..self }
    }

    /// The series charges `schedule` from a time on.
    pub fn change_series(&mut self, from_ms: i64, schedule: FeeSchedule) {
        self.series.change(from_ms, schedule);
    }

    /// The event overrides its series with `schedule` from a time on, or stops overriding it if `None`.
    pub fn change_event(&mut self, from_ms: i64, schedule: Option<FeeSchedule>) {
        self.event.change(from_ms, schedule);
    }

    /// When the fee waiver ends, if there is one.
    #[must_use]
    pub fn waiver_ends_ms(&self) -> Option<i64> {
        self.waived_until_ms
    }

    /// What the series charges at a time, ignoring any override by its event.
    #[must_use]
    pub fn of_series(&self, time_ms: i64) -> FeeSchedule {
        self.series.at(time_ms)
    }

    /// The event's override at a time, if it has one.
    #[must_use]
    pub fn of_event(&self, time_ms: i64) -> Option<FeeSchedule> {
        self.event.at(time_ms)
    }

    /// The fees of a fill at a time.
    #[must_use]
    pub fn at(&self, time_ms: i64) -> FeeSchedule {
        if self.waived_until_ms.is_some_and(|until_ms| time_ms < until_ms) {
            return FeeSchedule::FREE;
        }
        self.due_at(time_ms)
    }

    /// The same, ignoring the waiver.
    fn due_at(&self, time_ms: i64) -> FeeSchedule {
        let told = self.event.at(time_ms).unwrap_or_else(|| self.series.at(time_ms));
        match self.makers_e4 {
            Some(maker_multiplier_e4) if told.maker_multiplier_e4 != 0 => FeeSchedule { maker_multiplier_e4, ..told },
            _ => told,
        }
    }

    /// The highest known fees of any fill at or after this time. A resting order may fill after a change or after the
    /// waiver has ended, so the reserve for its fees has to cover the worst case.
    #[must_use]
    pub fn dearest_from(&self, time_ms: i64) -> FeeSchedule {
        let mut dearest = self.due_at(time_ms);
        if self.series.length == 0 && self.event.length == 0 {
            return dearest;
        }
        let later = |from_ms: &i64| *from_ms > time_ms;
        for from_ms in self.series.changes().iter().map(|(from_ms, _)| *from_ms).filter(later) {
            dearest = dearest.dearer(self.due_at(from_ms));
        }
        for from_ms in self.event.changes().iter().map(|(from_ms, _)| *from_ms).filter(later) {
            dearest = dearest.dearer(self.due_at(from_ms));
        }
        dearest
    }

    /// The next time after this one at which the fees change.
    #[must_use]
    pub fn next_change_ms(&self, time_ms: i64) -> Option<i64> {
        let series = self.series.changes().iter().map(|(from_ms, _)| *from_ms);
        let event = self.event.changes().iter().map(|(from_ms, _)| *from_ms);
        series.chain(event).chain(self.waived_until_ms).filter(|from_ms| *from_ms > time_ms).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn taker(multiplier_e4: u32) -> FeeSchedule {
        FeeSchedule { taker_multiplier_e4: multiplier_e4, maker_multiplier_e4: 0 }
    }

    #[test]
    fn an_event_overrides_its_series_until_it_is_cleared() {
        let mut terms = FeeTerms::constant(taker(10_000));
        terms.change_series(100, taker(5_000));
        terms.change_event(50, Some(taker(20_000)));
        terms.change_event(200, None);
        let at = [49, 50, 199, 200].map(|time_ms| terms.at(time_ms).taker_multiplier_e4);
        assert_eq!(at, [10_000, 20_000, 20_000, 5_000]);
        assert_eq!([0, 50, 100, 200].map(|ms| terms.next_change_ms(ms)), [Some(50), Some(100), Some(200), None]);
    }

    #[test]
    fn no_fees_are_charged_until_the_waiver_ends() {
        let terms = FeeTerms::constant(taker(10_000)).waived_until(Some(100));
        assert_eq!((terms.at(99), terms.at(100)), (FeeSchedule::FREE, taker(10_000)));
        assert_eq!((terms.next_change_ms(99), terms.next_change_ms(100)), (Some(100), None));
        assert_eq!(terms.dearest_from(0), taker(10_000), "an order may rest beyond the end");
    }

    #[test]
    fn a_known_makers_multiplier_replaces_that_of_the_type() {
        let mut terms = FeeTerms::constant(taker(10_000)).with_makers(Some(2_500));
        terms.change_series(100, FeeSchedule { taker_multiplier_e4: 5_000, maker_multiplier_e4: 10_000 });
        terms.change_event(200, Some(FeeSchedule { taker_multiplier_e4: 0, maker_multiplier_e4: 20_000 }));
        let at = [0, 100, 200].map(|ms| (terms.at(ms).taker_multiplier_e4, terms.at(ms).maker_multiplier_e4));
        assert_eq!(at, [(10_000, 0), (5_000, 2_500), (0, 2_500)]);
        assert_eq!(terms.dearest_from(0), FeeSchedule { taker_multiplier_e4: 10_000, maker_multiplier_e4: 2_500 });
    }

    #[test]
    fn the_highest_fees_ahead_ignore_the_past() {
        let mut terms = FeeTerms::constant(taker(30_000));
        terms.change_series(100, FeeSchedule { taker_multiplier_e4: 5_000, maker_multiplier_e4: 10_000 });
        terms.change_series(200, taker(10_000));
        let dearest = FeeSchedule { taker_multiplier_e4: 30_000, maker_multiplier_e4: 10_000 };
        assert_eq!(terms.dearest_from(0), dearest);
        let dearest = FeeSchedule { taker_multiplier_e4: 10_000, maker_multiplier_e4: 10_000 };
        assert_eq!(terms.dearest_from(100), dearest);
        assert_eq!(terms.dearest_from(200), taker(10_000));
        // A series change hidden by an override does not count, unless the override ends.
        terms.change_event(150, Some(taker(1)));
        assert_eq!(terms.dearest_from(200), taker(1));
        terms.change_event(300, None);
        assert_eq!(terms.dearest_from(200), taker(10_000));
    }

    #[test]
    fn changes_are_kept_in_order_and_the_oldest_is_dropped() {
        let mut terms = FeeTerms::constant(taker(0));
        for from_ms in [30, 10, 20, 40, 10] {
            terms.change_series(from_ms, taker(u32::try_from(from_ms).unwrap()));
        }
        assert_eq!([9, 10, 25, 45].map(|ms| terms.at(ms).taker_multiplier_e4), [0, 10, 20, 40]);
        terms.change_series(50, taker(50));
        assert_eq!([5, 20, 50].map(|ms| terms.at(ms).taker_multiplier_e4), [10, 20, 50]);
        terms.change_series(15, taker(15));
        assert_eq!([5, 20, 50].map(|ms| terms.at(ms).taker_multiplier_e4), [10, 20, 50], "older than all that is kept");
    }
}
