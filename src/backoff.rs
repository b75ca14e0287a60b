//! Exponential back-off with a cap and jitter, for retries without a limit. Shared by the stages that talk to the
//! exchange. It has no clock and no socket, and its only randomness is the generator it is seeded with.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackoffConfig {
    /// Upper bound of the pause after the first failure, in nanoseconds. It doubles with each further failure.
    pub first_ns: u64,
    /// Upper bound of every pause, in nanoseconds.
    pub cap_ns: u64,
}

/// The pauses between attempts at one thing, such as connecting. Attempts never run out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Backoff {
    config: BackoffConfig,
    failures: u32,
    random: Xoshiro256PlusPlus,
}

impl Backoff {
    /// Starts without a failure. The seed determines the jitter.
    #[must_use]
    pub fn new(config: BackoffConfig, seed: u64) -> Self {
        Self { config, failures: 0, random: Xoshiro256PlusPlus::seed_from_u64(seed) }
    }

    /// Counts a failure and returns the pause after it: a random time between half and all of `first * 2^failures`, or
    /// of the cap if that is less. The lower bound preserves the growth; the spread keeps many clients from
    /// reconnecting together.
    pub fn next_ns(&mut self) -> u64 {
        let grown_ns = self.config.first_ns.saturating_mul(1u64.checked_shl(self.failures).unwrap_or(u64::MAX));
        let longest_ns = grown_ns.min(self.config.cap_ns).max(1);
        self.failures = self.failures.saturating_add(1);
        self.random.random_range(longest_ns.div_ceil(2)..=longest_ns)
    }

    /// Call this after a success: the next pause is short again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last success.
    #[cfg(feature = "internals")]
    #[must_use]
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: BackoffConfig = BackoffConfig { first_ns: 1_000, cap_ns: 60_000 };

    #[test]
    fn pauses_double_up_to_the_cap_and_never_end() {
        let mut backoff = Backoff::new(CONFIG, 7);
        let mut longest_ns = 1_000;
        for _ in 0..200 {
            let pause_ns = backoff.next_ns();
            assert!((longest_ns / 2..=longest_ns).contains(&pause_ns), "{pause_ns} is not within {longest_ns}");
            longest_ns = (longest_ns * 2).min(60_000);
        }
        assert_eq!(backoff.failures(), 200);
    }

    #[test]
    fn a_success_makes_the_next_pause_short_again() {
        let mut backoff = Backoff::new(CONFIG, 7);
        for _ in 0..10 {
            backoff.next_ns();
        }
        backoff.reset();
        assert!(backoff.next_ns() <= 1_000);
    }

    #[test]
    fn the_seed_alone_decides_the_jitter() {
        let pauses = |seed| {
            let mut backoff = Backoff::new(CONFIG, seed);
            (0..20).map(|_| backoff.next_ns()).collect::<Vec<_>>()
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }
}
