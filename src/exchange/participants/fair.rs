//! The fair probability of a market, around which its participants quote and trade.
//!
//! The log-odds of a lasting market are a random walk with drift and jumps. A converging market follows a path that is a
//! martingale and ends at its result: with X a Brownian motion whose remaining variance is v, p = Phi(X / sqrt(v)). The
//! variance is used up evenly until the end, except for news, each of which uses up a share of what is left at once; at the
//! end p is 0 or 1.

use rand::Rng;
use rand_distr::{Distribution, StandardNormal};

/// How a fair probability moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Motion {
    /// The log-odds are a random walk, within the range that can be quoted.
    Lasting {
        /// The standard deviation of the log-odds after one second.
        volatility: f64,
        /// The change of the log-odds per second.
        drift: f64,
        /// The expected number of jumps per second.
        jumps: f64,
        /// The standard deviation of a jump, in log-odds.
        jump: f64,
    },
    /// The probability converges to 0 or 1 at a given time.
    Converging {
        /// That time, in session milliseconds.
        end_ms: i64,
        /// The expected number of news per second.
        news: f64,
        /// The share of the remaining variance that a piece of news resolves, from 0 to 1.
        share: f64,
    },
}

/// The lowest probability at which quoting makes sense; the highest is its complement.
const LOWEST: f64 = 0.004;
/// The remaining variance below which a converging market counts as decided.
const DECIDED: f64 = 1e-6;

/// A fair probability in motion.
#[derive(Clone, Debug)]
pub struct Fair {
    motion: Motion,
    /// The log-odds of a lasting market, or X of a converging one.
    state: f64,
    /// The remaining variance of X. A converging market starts with its duration in seconds.
    variance: f64,
    time_ms: i64,
}

impl Fair {
    /// Starts at a probability.
    #[must_use]
    pub fn new(motion: Motion, probability: f64, now_ms: i64) -> Self {
        let odds = (probability / (1.0 - probability)).ln();
        let (state, variance) = match motion {
            Motion::Lasting { .. } => (odds, 0.0),
            Motion::Converging { end_ms, .. } => {
                let variance = seconds(now_ms, end_ms);
                // The normal quantile by its logistic approximation, which is close enough for a start.
                (odds / 1.702 * variance.sqrt(), variance)
            }
        };
        Self { motion, state, variance, time_ms: now_ms }
    }

    /// Advances to a time. Returns whether there was a jump on the way.
    pub fn advance(&mut self, rng: &mut impl Rng, now_ms: i64) -> bool {
        let elapsed = seconds(self.time_ms, now_ms);
        if elapsed <= 0.0 {
            return false;
        }
        let normal: f64 = StandardNormal.sample(rng);
        let jumped = match self.motion {
            Motion::Lasting { volatility, drift, jumps, jump } => {
                self.state += drift * elapsed + volatility * elapsed.sqrt() * normal;
                let jumped = rng.random::<f64>() < jumps * elapsed;
                if jumped {
                    let size: f64 = StandardNormal.sample(rng);
                    self.state += jump * size;
                }
                // A pull to the middle that is so weak that it is noticed only after hours, and a bound.
                self.state = (self.state * (1.0 - 0.000_2 * elapsed.min(1.0))).clamp(-4.0, 4.0);
                jumped
            }
            Motion::Converging { end_ms, news, share } => {
                let left = seconds(self.time_ms, end_ms);
                self.resolve(if left > elapsed { elapsed / left } else { 1.0 }, normal);
                let jumped = rng.random::<f64>() < news * elapsed;
                if jumped {
                    let normal: f64 = StandardNormal.sample(rng);
                    self.resolve(share, normal);
                }
                jumped
            }
        };
        self.time_ms = now_ms;
        jumped
    }

    /// Turns a share of the remaining variance into a move.
    fn resolve(&mut self, share: f64, normal: f64) {
        self.state += (self.variance * share).sqrt() * normal;
        self.variance *= 1.0 - share;
    }

    /// The present probability, within the range in which prices can be quoted.
    #[must_use]
    pub fn probability(&self) -> f64 {
        self.chance().clamp(LOWEST, 1.0 - LOWEST)
    }

    /// The present probability.
    #[must_use]
    pub fn chance(&self) -> f64 {
        match self.motion {
            Motion::Lasting { .. } => 1.0 / (1.0 + (-self.state).exp()),
            Motion::Converging { .. } => 0.5 * libm::erfc(-self.state / (2.0 * self.variance.max(DECIDED)).sqrt()),
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
        let lasting = Motion::Lasting { volatility: 0.02, drift: 0.0, jumps: 0.1, jump: 0.1 };
        for motion in [lasting, Motion::Converging { end_ms: 20_000, news: 0.1, share: 0.2 }] {
            for probability in [0.2, 0.5, 0.8] {
                assert!((Fair::new(motion, probability, 0).probability() - probability).abs() < 0.02);
            }
        }
    }

    #[test]
    fn a_converging_market_is_decided_at_its_end_with_its_initial_probability() {
        for motion in [(0.0, 0.0), (0.2, 0.4)] {
            let (news, share) = motion;
            decides_as_often_as_likely(Motion::Converging { end_ms: 15_000, news, share });
        }
    }

    fn decides_as_often_as_likely(motion: Motion) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let (mut yes, mut undecided) = (0, 0);
        for _ in 0..2_000 {
            let mut fair = Fair::new(motion, 0.7, 0);
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

    #[test]
    fn a_drift_has_its_effect_and_a_jump_is_reported() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
        let mut fair = Fair::new(Motion::Lasting { volatility: 0.0, drift: 0.01, jumps: 0.0, jump: 0.0 }, 0.5, 0);
        assert!(!fair.advance(&mut rng, 100_000));
        assert!((0.72..0.74).contains(&fair.probability()), "{}", fair.probability());
        let mut fair = Fair::new(Motion::Converging { end_ms: 100_000, news: 0.5, share: 0.3 }, 0.5, 0);
        let jumps = (1..=600).filter(|step| fair.advance(&mut rng, step * 100)).count();
        assert!((20..=40).contains(&jumps), "{jumps} jumps in a minute, 30 expected");
    }
}
