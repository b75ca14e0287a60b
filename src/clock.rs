//! Time as the stages see it. Owns no clock: drivers read clocks and hand the result in.
//!
//! Three times exist. *Monotonic* nanoseconds order events of this process and measure latency. *Session*
//! milliseconds are the venue's time, which is scaled under `--speed`: features, decision times, order age and leases
//! use it. *Wall* time signs requests and stays in the drivers.

use serde::{Deserialize, Serialize};

/// No deadline is armed.
pub const NEVER_NS: u64 = u64::MAX;

/// The moment at which a stage handles one input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// Nanoseconds on the driver's monotonic clock.
    pub mono_ns: u64,
    /// Milliseconds since the Unix epoch in the venue's time.
    pub session_ms: i64,
}

/// The fixed affine map between monotonic and session time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionClock {
    base_mono_ns: u64,
    base_session_ms: i64,
    /// Session milliseconds that pass per thousand milliseconds of monotonic time.
    speed_milli: u32,
}

impl SessionClock {
    /// A clock that reads `base_session_ms` at `base_mono_ns` and runs `speed_milli / 1000` times as fast.
    ///
    /// # Panics
    /// When `speed_milli` is zero: the configuration refuses that speed before.
    #[must_use]
    pub fn new(base_mono_ns: u64, base_session_ms: i64, speed_milli: u32) -> Self {
        assert!(speed_milli > 0, "a session clock that stands still never ends");
        Self { base_mono_ns, base_session_ms, speed_milli }
    }

    /// Both times at a monotonic instant.
    #[must_use]
    pub fn now(&self, mono_ns: u64) -> Now {
        Now { mono_ns, session_ms: self.session_ms(mono_ns) }
    }

    /// Session milliseconds at a monotonic instant; instants before the base count as the base.
    #[must_use]
    pub fn session_ms(&self, mono_ns: u64) -> i64 {
        let elapsed_ns = u128::from(mono_ns.saturating_sub(self.base_mono_ns));
        let elapsed_ms = elapsed_ns * u128::from(self.speed_milli) / 1_000_000_000;
        self.base_session_ms.saturating_add(i64::try_from(elapsed_ms).unwrap_or(i64::MAX))
    }

    /// The first monotonic instant at which session time is at least `session_ms`.
    #[must_use]
    pub fn mono_ns(&self, session_ms: i64) -> u64 {
        let Ok(ahead_ms) = u128::try_from(session_ms.saturating_sub(self.base_session_ms)) else {
            return self.base_mono_ns;
        };
        let ahead_ns = (ahead_ms * 1_000_000_000).div_ceil(u128::from(self.speed_milli));
        self.base_mono_ns.saturating_add(u64::try_from(ahead_ns).unwrap_or(u64::MAX))
    }

    /// The monotonic duration in which `session_ms` milliseconds of session time pass.
    #[must_use]
    pub fn duration_ns(&self, session_ms: u64) -> u64 {
        let ns = (u128::from(session_ms) * 1_000_000_000).div_ceil(u128::from(self.speed_milli));
        u64::try_from(ns).unwrap_or(u64::MAX)
    }

    /// How many times faster than the wall clock session time runs, in thousandths.
    #[must_use]
    pub fn speed_milli(&self) -> u32 {
        self.speed_milli
    }
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
}
