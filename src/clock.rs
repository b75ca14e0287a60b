//! Time as the stages see it. Drivers read the clocks and pass the result in with each input.
//!
//! There are three times. *Monotonic* nanoseconds order the events of this process and measure latency. *Session*
//! milliseconds are the venue's time, which runs faster under `--speed`; features, decision times, order ages and
//! leases use it. *Wall* time signs requests and stays in the drivers.

use serde::{Deserialize, Serialize};

/// A deadline that never comes.
pub const NEVER_NS: u64 = u64::MAX;

/// The moment at which a stage handles one input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// Nanoseconds on the driver's monotonic clock.
    pub mono_ns: u64,
    /// Milliseconds since the Unix epoch in the venue's time.
    pub session_ms: i64,
}

/// A stretch of session time in which nothing happens, such as the hours between two recordings. It passes within a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Break {
    /// The first session millisecond of the break.
    pub from_ms: i64,
    /// The first session millisecond after the break.
    pub until_ms: i64,
}

impl Break {
    #[must_use]
    pub fn length_ms(&self) -> i64 {
        self.until_ms - self.from_ms
    }
}

/// The most breaks that a clock can have.
pub const BREAKS_MAX: usize = 32;

/// The mapping between monotonic and session time: linear except in its breaks. It never changes during a session.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionClock {
    base_mono_ns: u64,
    base_session_ms: i64,
    /// Session milliseconds that pass per thousand milliseconds of monotonic time.
    speed_milli: u32,
    /// In order of time; entries from `break_count` on are unused.
    breaks: [Break; BREAKS_MAX],
    break_count: usize,
}

impl SessionClock {
    /// Creates a clock that reads `base_session_ms` at `base_mono_ns` and runs `speed_milli / 1000` times as fast.
    ///
    /// # Panics
    /// When `speed_milli` is zero, which the configuration refuses.
    #[must_use]
    pub fn new(base_mono_ns: u64, base_session_ms: i64, speed_milli: u32) -> Self {
        assert!(speed_milli > 0, "a session clock that stands still never ends");
        Self { base_mono_ns, base_session_ms, speed_milli, breaks: [Break::default(); BREAKS_MAX], break_count: 0 }
    }

    /// Adds breaks. They must not touch, and must be in order of time and after the clock's base. Breaks beyond
    /// [`BREAKS_MAX`] are ignored: they pass at the clock's speed.
    #[must_use]
    pub fn with_breaks(mut self, breaks: &[Break]) -> Self {
        self.break_count = 0;
        for (slot, passed) in self.breaks.iter_mut().zip(breaks) {
            debug_assert!(passed.length_ms() > 0 && passed.from_ms >= self.base_session_ms);
            *slot = *passed;
            self.break_count += 1;
        }
        self
    }

    /// Both times at a monotonic instant.
    #[must_use]
    pub fn now(&self, mono_ns: u64) -> Now {
        Now { mono_ns, session_ms: self.session_ms(mono_ns) }
    }

    /// Session milliseconds at a monotonic instant. Instants before the base read as the base.
    #[must_use]
    pub fn session_ms(&self, mono_ns: u64) -> i64 {
        let elapsed_ns = u128::from(mono_ns.saturating_sub(self.base_mono_ns));
        let elapsed_ms = elapsed_ns * u128::from(self.speed_milli) / 1_000_000_000;
        let mut session_ms = self.base_session_ms.saturating_add(i64::try_from(elapsed_ms).unwrap_or(i64::MAX));
        for passed in &self.breaks[..self.break_count] {
            if session_ms < passed.from_ms {
                break;
            }
            let (into_ms, takes_ms) = (session_ms - passed.from_ms, self.takes_ms(*passed));
            if into_ms < takes_ms {
                return passed.from_ms + scaled(into_ms, passed.length_ms(), takes_ms).0;
            }
            session_ms = session_ms.saturating_add(passed.length_ms() - takes_ms);
        }
        session_ms
    }

    /// The first monotonic instant at which session time is at least `session_ms`.
    #[must_use]
    pub fn mono_ns(&self, session_ms: i64) -> u64 {
        let Ok(ahead_ms) = u128::try_from(self.without_breaks(session_ms).saturating_sub(self.base_session_ms)) else {
            return self.base_mono_ns;
        };
        let ahead_ns = (ahead_ms * 1_000_000_000).div_ceil(u128::from(self.speed_milli));
        self.base_mono_ns.saturating_add(u64::try_from(ahead_ns).unwrap_or(u64::MAX))
    }

    /// What this clock would read without its breaks at the first instant at which it reads at least `session_ms`.
    fn without_breaks(&self, session_ms: i64) -> i64 {
        let mut saved_ms = 0;
        for passed in &self.breaks[..self.break_count] {
            if session_ms <= passed.from_ms {
                break;
            }
            let (length_ms, takes_ms) = (passed.length_ms(), self.takes_ms(*passed));
            if session_ms < passed.until_ms {
                let (whole_ms, is_exact) = scaled(session_ms - passed.from_ms, takes_ms, length_ms);
                return passed.from_ms - saved_ms + whole_ms + i64::from(!is_exact);
            }
            saved_ms += length_ms - takes_ms;
        }
        session_ms - saved_ms
    }

    /// How long a break takes, in session milliseconds at the clock's speed: one second of monotonic time, or its
    /// length if that is shorter.
    fn takes_ms(&self, passed: Break) -> i64 {
        passed.length_ms().min(i64::from(self.speed_milli))
    }

    /// The monotonic duration of `session_ms` milliseconds of session time outside a break.
    #[must_use]
    pub fn duration_ns(&self, session_ms: u64) -> u64 {
        let ns = (u128::from(session_ms) * 1_000_000_000).div_ceil(u128::from(self.speed_milli));
        u64::try_from(ns).unwrap_or(u64::MAX)
    }

    /// The monotonic instant of the clock's base, in nanoseconds.
    #[must_use]
    pub fn base_mono_ns(&self) -> u64 {
        self.base_mono_ns
    }

    /// The speed of session time relative to wall time, in thousandths.
    #[must_use]
    pub fn speed_milli(&self) -> u32 {
        self.speed_milli
    }
}

/// `value * to / from` rounded towards zero, and whether the division was exact.
fn scaled(value: i64, to: i64, from: i64) -> (i64, bool) {
    let product = i128::from(value) * i128::from(to);
    let whole = i64::try_from(product / i128::from(from)).expect("the part of a stretch fits what the stretch fits");
    (whole, product % i128::from(from) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_time_runs_at_its_speed_from_its_base() {
        let clock = SessionClock::new(5_000_000_000, 1_000_000, 20_000);
        assert_eq!(clock.session_ms(5_000_000_000), 1_000_000);
        assert_eq!(clock.session_ms(6_000_000_000), 1_020_000);
        assert_eq!(clock.session_ms(0), 1_000_000);
    }

    #[test]
    fn the_instant_of_a_session_time_is_the_first_that_reaches_it() {
        for speed_milli in [500, 1_000, 3_000, 20_000] {
            let clock = SessionClock::new(7, 1_000, speed_milli);
            for session_ms in [1_001, 1_234, 99_999] {
                let mono_ns = clock.mono_ns(session_ms);
                assert!(clock.session_ms(mono_ns) >= session_ms);
                assert!(clock.session_ms(mono_ns - 1) < session_ms);
            }
        }
    }

    #[test]
    fn a_break_passes_in_a_second_and_time_goes_on_behind_it() {
        let pauses =
            [Break { from_ms: 10_000, until_ms: 3_610_000 }, Break { from_ms: 3_700_000, until_ms: 3_700_500 }];
        let clock = SessionClock::new(0, 0, 2_000).with_breaks(&pauses);
        let seconds = |seconds: u64| clock.session_ms(seconds * 1_000_000_000);
        assert_eq!((seconds(5), seconds(6), seconds(7)), (10_000, 3_610_000, 3_612_000));
        assert_eq!(clock.session_ms(5_500_000_000), 10_000 + 1_800_000);
        // The second is shorter than a second at this speed: it passes as it is.
        assert_eq!(seconds(52), 3_702_000);
    }

    #[test]
    fn instants_are_the_first_that_reach_their_session_time_within_and_behind_breaks() {
        let pauses = [Break { from_ms: 2_000, until_ms: 90_001 }, Break { from_ms: 95_000, until_ms: 1_000_007 }];
        for speed_milli in [700, 1_000, 20_000] {
            let clock = SessionClock::new(11, 1_000, speed_milli).with_breaks(&pauses);
            for session_ms in
                [1_001, 2_000, 2_001, 2_002, 50_000, 90_000, 90_001, 94_999, 95_001, 700_003, 1_000_006, 2_000_000]
            {
                let mono_ns = clock.mono_ns(session_ms);
                assert!(clock.session_ms(mono_ns) >= session_ms, "{session_ms} at {speed_milli}");
                assert!(clock.session_ms(mono_ns - 1) < session_ms, "{session_ms} at {speed_milli}");
            }
        }
    }
}
