//! Counting in a sliding stretch of time without keeping the times.

use serde::{Deserialize, Serialize};

/// How many things happened lately. The stretch is counted in `PARTS - 1` equal parts and the one that has begun, so
/// what is counted covers at least the stretch and at most one part more: a limit on the count holds in every stretch.
/// No allocation; time that went back counts as now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window<const PARTS: usize> {
    #[serde(with = "crate::checkpoint::array")]
    counts: [u32; PARTS],
    part_ms: i64,
    /// The number of the newest part, counted from the beginning of session time.
    newest: i64,
    sum: u32,
}

impl<const PARTS: usize> Window<PARTS> {
    /// Counts over at least `stretch_ms`.
    #[must_use]
    pub fn new(stretch_ms: i64) -> Self {
        const { assert!(PARTS >= 2, "a window has a part that has begun and one before it") };
        let parts = i64::try_from(PARTS - 1).expect("a window has few parts");
        let part_ms = (stretch_ms.max(1) + parts - 1) / parts;
        Self { counts: [0; PARTS], part_ms, newest: i64::MIN, sum: 0 }
    }

    /// How many there were until now. Asking changes nothing, so that rehearsals may ask.
    #[must_use]
    pub fn count(&self, session_ms: i64) -> u32 {
        let mut now = *self;
        now.advance(session_ms);
        now.sum
    }

    /// Something happened so many times now.
    pub fn add(&mut self, session_ms: i64, times: u32) {
        self.advance(session_ms);
        let position = Self::position(self.newest);
        self.counts[position] = self.counts[position].saturating_add(times);
        self.sum = self.sum.saturating_add(times);
    }

    fn position(part: i64) -> usize {
        let parts = i64::try_from(PARTS).expect("a window has few parts");
        usize::try_from(part.rem_euclid(parts)).expect("a remainder is not negative")
    }

    /// Forgets the parts that time has left behind.
    fn advance(&mut self, session_ms: i64) {
        let part = session_ms.div_euclid(self.part_ms);
        if part <= self.newest {
            return;
        }
        let passed = part.saturating_sub(self.newest);
        if usize::try_from(passed).map_or(true, |passed| passed >= PARTS) {
            self.counts = [0; PARTS];
            self.sum = 0;
        } else {
            for gone in self.newest + 1..=part {
                let position = Self::position(gone);
                self.sum = self.sum.saturating_sub(std::mem::take(&mut self.counts[position]));
            }
        }
        self.newest = part;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_stretch_and_a_part_is_forgotten_and_nothing_younger() {
        let mut window = Window::<11>::new(1_000);
        window.add(1_790_000_000_000, 3);
        assert_eq!(window.count(1_790_000_000_999), 3);
        assert_eq!(window.count(1_790_000_001_000), 3, "the stretch counts both ends");
        assert_eq!(window.count(1_790_000_001_100), 0);
        window.add(1_790_000_009_950, 1);
        window.add(1_790_000_010_949, 1);
        assert_eq!(window.count(1_790_000_010_949), 2);
        assert_eq!(window.count(1_790_000_011_049), 1);
    }

    #[test]
    fn it_never_counts_less_than_happened_in_the_stretch() {
        let mut times = Vec::new();
        let (mut window, mut now_ms) = (Window::<13>::new(60_000), 7_i64);
        for step in 0..5_000_i64 {
            now_ms += step * 7_919 % 1_301;
            window.add(now_ms, 1);
            times.push(now_ms);
            let at_least = times.iter().filter(|&&time| time > now_ms - 60_000).count();
            let at_most = times.iter().filter(|&&time| time > now_ms - 65_001).count();
            let counted = window.count(now_ms) as usize;
            assert!((at_least..=at_most).contains(&counted), "step {step}: {counted} of {at_least} to {at_most}");
        }
    }

    #[test]
    fn time_that_goes_back_and_far_ahead_does_no_harm() {
        let mut window = Window::<3>::new(1);
        window.add(1_000, 1);
        window.add(0, 1);
        assert_eq!(window.count(-5), 2);
        assert_eq!(window.count(i64::MAX), 0);
        window.add(i64::MAX, u32::MAX);
        window.add(i64::MAX, 1);
        assert_eq!(window.count(i64::MAX), u32::MAX);
    }
}
