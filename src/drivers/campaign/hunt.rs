//! Hunts planted bugs: runs seed after seed until an invariant catches them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::invariants::NEVER_PANICS;
use super::{Campaign, Tight};
use crate::decide::policy::Policy;
use crate::exchange::keys::IssuedKey;
use crate::planted::{Bug, Part, with};

/// What caught a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Catch {
    /// The invariant that was violated; never the one for panics.
    pub invariant: &'static str,
    /// The seed in which it was violated.
    pub seed: u64,
}

/// The result of a hunt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunt {
    pub bug: Bug,
    /// What caught the bug, if anything did.
    pub caught: Option<Catch>,
    /// The seeds that were run, up to and including the one that caught it.
    pub seeds: Vec<u64>,
    /// Whether the same seeds violate nothing without the bug.
    pub clean_without: bool,
}

impl Hunt {
    /// Whether the bug was caught by an invariant, in seeds that are clean without it.
    #[must_use]
    pub fn is_proof(&self) -> bool {
        self.caught.is_some() && self.clean_without
    }
}

/// Hunts every bug in these seeds, and runs the seeds that it took once more without any bug, in parallel `jobs`. Each
/// hunt is reported as soon as it is over.
#[must_use]
pub fn hunt_all<P: Policy + Clone + Send + Sync>(
    campaign: &Campaign<P>,
    key: &IssuedKey,
    seeds: &Range<u64>,
    jobs: usize,
    tell: impl Fn(&Hunt) + Sync,
) -> Vec<Hunt> {
    let mut hunts = side_by_side(jobs, Bug::ALL, |bug| {
        let hunt = hunt(campaign, key, *bug, seeds.clone());
        tell(&hunt);
        hunt
    });
    let mut taken: Vec<u64> = hunts.iter().flat_map(|hunt| hunt.seeds.clone()).collect();
    taken.sort_unstable();
    taken.dedup();
    let clean = side_by_side(jobs, &taken, |seed| campaign.once(*seed, key).is_none());
    let clean: BTreeMap<u64, bool> = taken.into_iter().zip(clean).collect();
    for hunt in &mut hunts {
        hunt.clean_without = hunt.seeds.iter().all(|seed| clean[seed]);
    }
    hunts
}

/// Plants a bug and runs seeds until an invariant catches it. A bug in a limit does not show unless the limit is near,
/// so bugs of the gate are hunted in seeds with tight limits, and those of write tokens in seeds with scarce tokens.
fn hunt<P: Policy + Clone + Send + Sync>(campaign: &Campaign<P>, key: &IssuedKey, bug: Bug, seeds: Range<u64>) -> Hunt {
    let mut hunt = Hunt { bug, caught: None, seeds: Vec::new(), clean_without: true };
    let near = |seed: &u64| match bug.part() {
        Part::Gate if bug == Bug::RefusedKeyIgnored => super::keys::are_revoked(*seed),
        // This takes a seed that wins first and then loses, which is one in five.
        Part::Gate if bug == Bug::DrawdownFromZero => Tight::of(*seed) == Some(Tight::Drawdown),
        Part::Gate => Tight::of(*seed).is_some(),
        Part::Tokens => Tight::of(*seed) == Some(Tight::Tokens),
        _ => true,
    };
    for seed in seeds.filter(near) {
        let found = with(Some(bug), || campaign.once(seed, key));
        hunt.seeds.push(seed);
        hunt.caught = found.filter(|name| *name != NEVER_PANICS).map(|invariant| Catch { invariant, seed });
        if hunt.caught.is_some() {
            break;
        }
    }
    hunt
}

impl<P: Policy + Clone + Send + Sync> Campaign<P> {
    /// Runs a seed once and returns the invariant that was violated, if any.
    fn once(&self, seed: u64, key: &IssuedKey) -> Option<&'static str> {
        let report = self.attempt(seed, key, &|run, report| run.follow_through(report), None);
        report.violation.map(|found| found.violation.invariant)
    }
}

/// Calls `act` for each item, `jobs` at a time, and returns the results in the order of the items.
fn side_by_side<I: Sync, O: Send>(jobs: usize, items: &[I], act: impl Fn(&I) -> O + Sync) -> Vec<O> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let position = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(position) else { return done };
            done.push((position, act(item)));
        }
    };
    let mut done: Vec<(usize, O)> = std::thread::scope(|scope| {
        let hands: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(work)).collect();
        hands.into_iter().flat_map(|hand| hand.join().expect("a seed's panic is caught where it is run")).collect()
    });
    done.sort_unstable_by_key(|(position, _)| *position);
    done.into_iter().map(|(_, result)| result).collect()
}
