//! Hunting planted mistakes: seed after seed until an invariant names them.

use std::collections::BTreeMap;
use std::ops::Range;

use super::Campaign;
use super::invariants::NEVER_PANICS;
use crate::exchange::keys::IssuedKey;
use crate::planted::{Bug, with};

/// What became of a hunt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hunt {
    /// What was planted.
    pub bug: Bug,
    /// The invariant that caught it: one that found something wrong, not a panic.
    pub caught_by: Option<&'static str>,
    /// Seeds until then, that one included; all of them when nothing caught it.
    pub seeds_needed: u64,
    /// Whether the same seeds violate nothing without it.
    pub clean_without: bool,
}

impl Hunt {
    /// Whether the bug was caught by an invariant, in seeds that are clean without it.
    #[must_use]
    pub fn is_proof(&self) -> bool {
        self.caught_by.is_some() && self.clean_without
    }
}

/// Hunts one bug after the other in one campaign.
#[derive(Debug)]
pub struct Hunter<'a> {
    campaign: &'a Campaign,
    key: &'a IssuedKey,
    /// Seeds that were run without a bug, and whether nothing was wrong.
    clean: BTreeMap<u64, bool>,
}

impl<'a> Hunter<'a> {
    /// A hunter who has seen no seed yet.
    #[must_use]
    pub fn new(campaign: &'a Campaign, key: &'a IssuedKey) -> Self {
        Self { campaign, key, clean: BTreeMap::new() }
    }

    /// Plants a bug and runs seeds until a named invariant catches it, and the same seeds without it.
    pub fn hunt(&mut self, bug: Bug, seeds: Range<u64>) -> Hunt {
        let mut hunt = Hunt { bug, caught_by: None, seeds_needed: 0, clean_without: true };
        for seed in seeds {
            let found = with(Some(bug), || self.campaign.run(seed, self.key)).violation;
            hunt.seeds_needed += 1;
            hunt.clean_without &= self.is_clean(seed);
            hunt.caught_by = found.map(|found| found.violation.invariant).filter(|name| *name != NEVER_PANICS);
            if hunt.caught_by.is_some() {
                break;
            }
        }
        hunt
    }

    fn is_clean(&mut self, seed: u64) -> bool {
        let run = || with(None, || self.campaign.run(seed, self.key)).violation.is_none();
        *self.clean.entry(seed).or_insert_with(run)
    }
}
