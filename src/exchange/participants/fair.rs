//! The fair probability of a market: what its participants quote and trade around.
//!
//! A lasting market's log-odds walk at random, with jumps. A market that ends soon follows a path that is a fair game and
//! ends at its result: with X a Brownian motion and s the time left, p = Phi(X / sqrt(s)), which is 0 or 1 at the end.

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// How a fair probability moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Motion {
    /// Log-odds with this volatility a square root of a second, jumps a second, and jump size.
    Lasting {
        /// Standard deviation of the log-odds after a second.
        volatility: f64,
        /// Expected jumps a second.
        jumps: f64,
        /// Standard deviation of a jump in log-odds.
        jump: f64,
    },
    /// Ends at 0 or 1 at this time.
    Ending {
        /// When, in session milliseconds.
        end_ms: i64,
    },
}

/// The probabilities at which quoting still makes sense.
const LOWEST: f64 = 0.004;

/// A fair probability in motion.
#[derive(Clone, Debug)]
pub struct Fair {
    motion: Motion,
    /// Log-odds of a lasting market, X of an ending one (in square roots of seconds).
    state: f64,
    time_ms: i64,
}

impl Fair {
    /// Begins at a probability.
    #[must_use]
    pub fn new(motion: Motion, probability: f64, now_ms: i64) -> Self {
        let odds = (probability / (1.0 - probability)).ln();
        let state = match motion {
            Motion::Lasting { .. } => odds,
            // The normal quantile, by the logistic approximation: close enough to begin with.
            Motion::Ending { end_ms } => odds / 1.702 * seconds(now_ms, end_ms).sqrt(),
        };
        Self { motion, state, time_ms: now_ms }
    }

    /// Moves on to a time.
    pub fn advance(&mut self, rng: &mut impl Rng, now_ms: i64) {
        let elapsed = seconds(self.time_ms, now_ms);
        if elapsed <= 0.0 {
            return;
        }
        let normal: f64 = StandardNormal.sample(rng);
        match self.motion {
            Motion::Lasting { volatility, jumps, jump } => {
                self.state += volatility * elapsed.sqrt() * normal;
                if rng.random::<f64>() < jumps * elapsed {
                    let size: f64 = StandardNormal.sample(rng);
                    self.state += jump * size;
                }
                // A pull to the middle so weak that it is only felt after hours, and a bound.
                self.state = (self.state * (1.0 - 0.000_2 * elapsed.min(1.0))).clamp(-4.0, 4.0);
            }
            Motion::Ending { .. } => self.state += elapsed.sqrt() * normal,
        }
        self.time_ms = now_ms;
    }

    /// The probability now, within the range in which prices can be quoted.
    #[must_use]
    pub fn probability(&self) -> f64 {
        self.chance().clamp(LOWEST, 1.0 - LOWEST)
    }

    /// The probability now.
    #[must_use]
    pub fn chance(&self) -> f64 {
        match self.motion {
            Motion::Lasting { .. } => 1.0 / (1.0 + (-self.state).exp()),
            Motion::Ending { end_ms } => {
                let left = seconds(self.time_ms, end_ms).max(1e-6);
                0.5 * libm::erfc(-self.state / (2.0 * left).sqrt())
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a difference of milliseconds in a session is far below 2^53")]
fn seconds(from_ms: i64, to_ms: i64) -> f64 {
    to_ms.saturating_sub(from_ms).max(0) as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_xoshiro::Xoshiro256PlusPlus;

    #[test]
    fn a_fair_probability_begins_where_it_should() {
        for motion in [Motion::Lasting { volatility: 0.02, jumps: 0.1, jump: 0.1 }, Motion::Ending { end_ms: 20_000 }] {
            for probability in [0.2, 0.5, 0.8] {
                assert!((Fair::new(motion, probability, 0).probability() - probability).abs() < 0.02);
            }
        }
    }

    #[test]
    fn an_ending_market_is_decided_at_its_end_and_as_often_as_it_was_likely() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let (mut yes, mut undecided) = (0, 0);
        for _ in 0..2_000 {
            let mut fair = Fair::new(Motion::Ending { end_ms: 15_000 }, 0.7, 0);
            for step in 1..=60 {
                fair.advance(&mut rng, step * 250);
            }
            let chance = fair.chance();
            undecided += i32::from((0.01..=0.99).contains(&chance));
            yes += i32::from(chance > 0.5);
        }
        assert!(undecided < 10, "{undecided} of 2,000 are still open at the end");
        assert!((1_320..1_480).contains(&yes), "{yes} of 2,000 ended with yes, expected about 1,400");
    }
}
