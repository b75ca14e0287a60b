//! The fee changes that the exchange has announced for series and events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::market::{FeeSchedule, FeeTerms};
use crate::wire::fees::{EventFeeChange, SeriesFeeChange, schedule};

/// A change for one series or event: the fee type and multiplier as the exchange gives them. Without either, an
/// override ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Change {
    from_ms: i64,
    fee_type: Option<String>,
    #[serde(with = "crate::checkpoint::json")]
    multiplier: Option<Number>,
}

impl Change {
    fn schedule(&self) -> Result<Option<FeeSchedule>, String> {
        match (&self.fee_type, &self.multiplier) {
            (None, None) => Ok(None),
            (Some(fee_type), Some(multiplier)) => schedule(fee_type, &multiplier.to_string()).map(Some),
            _ => Err("a fee change has a type without a multiplier, or a multiplier without a type".to_owned()),
        }
    }
}

/// How long before it takes effect an unknown formula counts already, in milliseconds, since orders placed by then may
/// fill under it.
const AHEAD_MS: i64 = 3_600_000;

/// The announced changes of each series and event, in order of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct FeeChanges {
    /// When the changes were last read.
    as_of_ms: i64,
    series: BTreeMap<String, Vec<Change>>,
    events: BTreeMap<String, Vec<Change>>,
}

impl FeeChanges {
    /// Takes the list of series' changes, which contains only future ones: a future change that is no longer listed was
    /// withdrawn, and changes that have taken effect stay.
    pub(super) fn learn_series(&mut self, read: Vec<SeriesFeeChange>, now_ms: i64) {
        self.as_of_ms = now_ms;
        forget_from(&mut self.series, now_ms);
        for change in read {
            let from_ms = change.scheduled_ts.as_millisecond();
            let (fee_type, multiplier) = (Some(change.fee_type), Some(change.fee_multiplier));
            put(&mut self.series, change.series_ticker, Change { from_ms, fee_type, multiplier });
        }
    }

    /// Takes the list of events' changes, past and future.
    pub(super) fn learn_events(&mut self, read: Vec<EventFeeChange>, now_ms: i64) {
        self.as_of_ms = now_ms;
        forget_from(&mut self.events, now_ms);
        for change in read {
            let from_ms = change.scheduled_ts.as_millisecond();
            let (fee_type, multiplier) = (change.fee_type_override, change.fee_multiplier_override);
            put(&mut self.events, change.event_ticker, Change { from_ms, fee_type, multiplier });
        }
    }

    /// Adds the announced changes of a series and an event to their fee terms.
    ///
    /// # Errors
    /// A description, when an unknown formula is in force or soon will be. One that has been superseded, or is far
    /// ahead, does not affect orders placed now.
    pub(super) fn apply(&self, fees: &mut FeeTerms, series: &str, event: &str) -> Result<(), String> {
        for (from_ms, schedule) in self.usable(self.series.get(series))? {
            if let Some(schedule) = schedule {
                fees.change_series(from_ms, schedule);
            }
        }
        for (from_ms, schedule) in self.usable(self.events.get(event))? {
            fees.change_event(from_ms, schedule);
        }
        Ok(())
    }

    fn usable(&self, changes: Option<&Vec<Change>>) -> Result<Vec<(i64, Option<FeeSchedule>)>, String> {
        let changes = changes.map_or(&[][..], Vec::as_slice);
        let mut usable = Vec::with_capacity(changes.len());
        for (position, change) in changes.iter().enumerate() {
            let over = changes.get(position + 1).is_some_and(|next| next.from_ms <= self.as_of_ms);
            match change.schedule() {
                Ok(schedule) => usable.push((change.from_ms, schedule)),
                Err(_) if over || change.from_ms > self.as_of_ms.saturating_add(AHEAD_MS) => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(usable)
    }
}

/// Removes the changes after `now_ms`.
fn forget_from(changes: &mut BTreeMap<String, Vec<Change>>, now_ms: i64) {
    changes.retain(|_, changes| {
        changes.retain(|change| change.from_ms <= now_ms);
        !changes.is_empty()
    });
}

/// Inserts a change in order of time, replacing one at the same time.
fn put(changes: &mut BTreeMap<String, Vec<Change>>, name: String, change: Change) {
    let changes = changes.entry(name).or_default();
    match changes.binary_search_by_key(&change.from_ms, |other| other.from_ms) {
        Ok(place) => changes[place] = change,
        Err(place) => changes.insert(place, change),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(ticker: &str, multiplier: &str, at: &str) -> SeriesFeeChange {
        serde_json::from_str(&format!(
            r#"{{"id":"1","series_ticker":"{ticker}","fee_type":"quadratic","fee_multiplier":{multiplier},"scheduled_ts":"{at}"}}"#
        ))
        .unwrap()
    }

    fn event(ticker: &str, fees: &str, at: &str) -> EventFeeChange {
        serde_json::from_str(&format!(r#"{{"event_ticker":"{ticker}",{fees},"scheduled_ts":"{at}"}}"#)).unwrap()
    }

    fn at(changes: &FeeChanges, time_ms: i64) -> u32 {
        let mut fees = FeeTerms::constant(FeeSchedule::QUADRATIC);
        changes.apply(&mut fees, "KXA", "KXA-1").unwrap();
        fees.at(time_ms).taker_multiplier_e4
    }

    #[test]
    fn what_is_taken_back_is_forgotten_and_what_took_effect_stays() {
        let mut changes = FeeChanges::default();
        let first = series("KXA", "0.5", "1970-01-01T00:00:10Z");
        let second = series("KXA", "2", "1970-01-01T00:00:20Z");
        changes.learn_series(vec![second, first, series("KXB", "3", "1970-01-01T00:00:05Z")], 0);
        assert_eq!([9_999, 10_000, 20_000].map(|ms| at(&changes, ms)), [10_000, 5_000, 20_000]);
        // Only future changes are listed: the first has taken effect, the second has been withdrawn.
        changes.learn_series(Vec::new(), 15_000);
        assert_eq!([9_999, 10_000, 20_000].map(|ms| at(&changes, ms)), [10_000, 5_000, 5_000]);
    }

    #[test]
    fn an_override_begins_and_ends_at_its_times() {
        let mut changes = FeeChanges::default();
        let begins = r#""fee_type_override":"quadratic_with_maker_fees","fee_multiplier_override":0.5"#;
        let ends = r#""fee_type_override":null,"fee_multiplier_override":null"#;
        let read = vec![event("KXA-1", ends, "1970-01-01T00:00:20Z"), event("KXA-1", begins, "1970-01-01T00:00:10Z")];
        changes.learn_events(read, 0);
        assert_eq!([0, 10_000, 20_000].map(|ms| at(&changes, ms)), [10_000, 5_000, 10_000]);
    }

    #[test]
    fn a_formula_that_is_not_known_is_refused_by_name() {
        let mut changes = FeeChanges::default();
        let flat = r#""fee_type_override":"flat","fee_multiplier_override":1"#;
        let ends = r#""fee_type_override":null,"fee_multiplier_override":null"#;
        let list = || vec![event("KXA-1", flat, "1970-01-01T02:00:00Z"), event("KXA-1", ends, "1970-01-01T03:00:00Z")];
        let apply = |changes: &FeeChanges| changes.apply(&mut FeeTerms::constant(FeeSchedule::FREE), "KXA", "KXA-1");
        for (hour, is_known) in [(0, true), (1, false), (2, false), (3, true)] {
            changes.learn_events(list(), hour * 3_600_000);
            assert_eq!(apply(&changes).is_ok(), is_known, "at {hour}:00");
            assert!(is_known || apply(&changes).unwrap_err().contains("`flat`"));
        }
    }
}
