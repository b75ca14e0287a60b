//! The schedule of faults that come by themselves: at a time after the start, or at a seeded random rate.

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand_distr::{Distribution, Exp1};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::Fault;

/// When a planned fault comes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// Once, this many milliseconds after the start.
    At(i64),
    /// Repeatedly, this many times per minute on average.
    Rate(f64),
}

/// A fault that comes by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedFault {
    /// The fault to arm.
    pub fault: Fault,
    /// When it comes.
    pub when: When,
    /// How many times it is armed on each occasion.
    pub times: u32,
}

/// The planned faults of a running exchange. The same seed gives the same times.
#[derive(Clone, Debug)]
pub struct FaultPlan {
    rng: Xoshiro256PlusPlus,
    planned: Vec<PlannedFault>,
    agenda: BTreeSet<(i64, usize)>,
}

impl Default for FaultPlan {
    /// A plan without faults.
    fn default() -> Self {
        Self::new(Vec::new(), 0, 0)
    }
}

impl FaultPlan {
    /// A plan that begins at a time.
    #[must_use]
    pub fn new(planned: Vec<PlannedFault>, seed: u64, start_ms: i64) -> Self {
        // Not the participants' random numbers: an additional fault must not change what they do.
        let rng = Xoshiro256PlusPlus::seed_from_u64(!seed);
        let mut plan = Self { rng, planned, agenda: BTreeSet::new() };
        for index in 0..plan.planned.len() {
            match plan.planned[index].when {
                When::At(after_ms) => {
                    plan.agenda.insert((start_ms.saturating_add(after_ms), index));
                }
                When::Rate(per_minute) => plan.arrange(index, per_minute, start_ms),
            }
        }
        plan
    }

    fn arrange(&mut self, index: usize, per_minute: f64, now_ms: i64) {
        let drawn: f64 = Exp1.sample(&mut self.rng);
        #[expect(clippy::cast_possible_truncation, reason = "clamped to a day")]
        let wait_ms = (drawn * 60_000.0 / per_minute).clamp(1.0, 86_400_000.0) as i64;
        self.agenda.insert((now_ms + wait_ms, index));
    }

    /// The time of the next fault, in session milliseconds.
    #[must_use]
    pub fn next_ms(&self) -> Option<i64> {
        self.agenda.first().map(|(due_ms, _)| *due_ms)
    }

    /// The next fault that is due, if any.
    pub fn pop_due(&mut self, now_ms: i64) -> Option<PlannedFault> {
        let &(due_ms, index) = self.agenda.first().filter(|(due_ms, _)| *due_ms <= now_ms)?;
        self.agenda.pop_first();
        let planned = self.planned[index];
        if let When::Rate(per_minute) = planned.when {
            self.arrange(index, per_minute, due_ms);
        }
        Some(planned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_once_and_a_rate_again_and_again() {
        let once = PlannedFault { fault: Fault::CutSessions, when: When::At(5_000), times: 1 };
        let often = PlannedFault { fault: Fault::SwallowAnswer, when: When::Rate(6.0), times: 2 };
        let mut plan = FaultPlan::new(vec![once, often], 1, 1_000);
        let mut seen = [0, 0];
        while let Some(due) = plan.pop_due(1_000 + 600_000) {
            seen[usize::from(due == often)] += 1;
        }
        assert_eq!(seen[0], 1);
        assert!((40..=80).contains(&seen[1]), "{} in ten minutes, 60 expected", seen[1]);
        assert!(plan.next_ms().is_some_and(|due_ms| due_ms > 601_000));
    }

    #[test]
    fn the_same_seed_gives_the_same_times() {
        let times = |seed| {
            let often = PlannedFault { fault: Fault::CutAnswer, when: When::Rate(60.0), times: 1 };
            let mut plan = FaultPlan::new(vec![often], seed, 0);
            (0..20)
                .map(|_| plan.next_ms().inspect(|due_ms| assert!(plan.pop_due(*due_ms).is_some())))
                .collect::<Vec<_>>()
        };
        assert_eq!(times(3), times(3));
        assert_ne!(times(3), times(4));
    }
}
