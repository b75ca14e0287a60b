//! What goes wrong besides the network, and when: the exchange's faults, a slow `decide`, crashes of the trader.

use std::collections::BTreeMap;
use std::str::FromStr;

use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Exp1};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::START_MS;
use crate::decide::policy::Policy;
use crate::drivers::simulation::Simulation;
use crate::exchange::gateway::Fault;

/// How much goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Faults {
    /// Nothing.
    None,
    /// A bad day.
    #[default]
    Default,
    /// Several things at a time, all the time.
    Hell,
}

impl FromStr for Faults {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "default" => Ok(Self::Default),
            "hell" => Ok(Self::Hell),
            _ => Err(format!("faults `{text}`; expected none, default or hell")),
        }
    }
}

impl Faults {
    /// Mean time between two of these, in milliseconds; none for never.
    fn mean_ms(self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::Default => Some(8_000.0),
            Self::Hell => Some(1_500.0),
        }
    }
}

/// How often each kind of fault took effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Troubles(BTreeMap<&'static str, u64>);

impl Troubles {
    /// Adds to a kind; a kind that did not happen is kept at zero, so that its absence shows.
    pub fn add(&mut self, kind: &'static str, count: u64) {
        *self.0.entry(kind).or_default() += count;
    }

    /// Adds those of another run.
    pub fn merge(&mut self, other: &Self) {
        other.iter().for_each(|(kind, count)| self.add(kind, count));
    }

    /// Every kind with its count, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(kind, count)| (*kind, *count))
    }
}

/// What the run has to do itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Done,
    Crash,
}

/// Kinds in the order of their weights.
const KINDS: [(&str, u32); 9] = [
    ("book_frame_dropped", 4),
    ("answer_swallowed", 4),
    ("answer_after_its_fills", 4),
    ("fill_doubled", 4),
    ("fill_dropped", 3),
    ("fill_delayed", 4),
    ("sessions_cut", 1),
    ("decide_slow", 3),
    ("crash", 1),
];

/// The source of trouble of one run.
#[derive(Debug)]
pub(super) struct Trouble {
    faults: Faults,
    random: Xoshiro256PlusPlus,
    next_ms: Option<i64>,
    counts: Troubles,
}

impl Trouble {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        let random = Xoshiro256PlusPlus::seed_from_u64(seed ^ 0x7472_6f75);
        let mut counts = Troubles::default();
        KINDS.iter().for_each(|(kind, _)| counts.add(kind, 0));
        let mut this = Self { faults, random, next_ms: None, counts };
        this.plan(START_MS);
        this
    }

    fn plan(&mut self, now_ms: i64) {
        let draw: f64 = Exp1.sample(&mut self.random);
        #[expect(clippy::cast_possible_truncation, reason = "some seconds; saturates")]
        let pause = |mean_ms: f64| (draw * mean_ms) as i64 + 1;
        self.next_ms = self.faults.mean_ms().map(|mean_ms| now_ms + pause(mean_ms));
    }

    pub(super) fn next_ms(&self) -> Option<i64> {
        self.next_ms
    }

    /// No more.
    pub(super) fn end(&mut self) {
        self.faults = Faults::None;
        self.next_ms = None;
    }

    pub(super) fn counts(&self) -> Troubles {
        self.counts.clone()
    }

    /// Does one thing.
    pub(super) fn act<P: Policy>(&mut self, simulation: &mut Simulation<P>) -> Act {
        self.plan(simulation.session_ms());
        let total = KINDS.iter().map(|(_, weight)| weight).sum();
        let mut ticket = self.random.random_range(0..total);
        let drawn = KINDS.iter().find(|(_, weight)| {
            let hit = ticket < *weight;
            ticket = ticket.wrapping_sub(*weight);
            hit
        });
        let (kind, _) = drawn.expect("the ticket is below the sum of the weights");
        self.counts.add(kind, 1);
        let mut later = |low, high| self.random.random_range(low..=high);
        let fault = match *kind {
            "book_frame_dropped" => Fault::DropBookFrame,
            "answer_swallowed" => Fault::SwallowAnswer,
            "answer_after_its_fills" => Fault::DelayAnswer { by_ms: later(50, 2_500) },
            "fill_doubled" => Fault::DoubleFill,
            "fill_dropped" => Fault::DropFill,
            "fill_delayed" => Fault::DelayFill { by_ms: later(50, 4_000) },
            "sessions_cut" => Fault::CutSessions,
            "decide_slow" => {
                simulation.freeze_decide(later(20, 5_000).unsigned_abs());
                return Act::Done;
            }
            _ => return Act::Crash,
        };
        simulation.exchange_mut().arm(fault);
        Act::Done
    }
}
