//! What the decide stage counts.

use serde::{Deserialize, Serialize};

use crate::messages::{Action, Skip};

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecideCounters {
    /// Events from `feed`, of any kind.
    pub book_events: u64,
    /// Snapshots applied.
    pub snapshots: u64,
    /// Deltas applied.
    pub deltas: u64,
    /// Trades seen.
    pub trades: u64,
    /// Deltas that met a book which was stale already.
    pub unusable_deltas: u64,
    /// Events and updates of markets that are not, or no longer, known here.
    pub unknown_market: u64,
    /// Changes that a book refused, and books that stayed crossed; each made its market stale and led to a resync request.
    pub book_errors: u64,
    /// States of books that were crossed or locked. Nothing was decided on them.
    pub crossed_states: u64,
    /// Instants of a market, by the exchange's time, that had such a state.
    pub crossed_steps: u64,
    /// Resync requests sent, repetitions included.
    pub resync_requests: u64,
    /// Updates from `execute`.
    pub portfolio_updates: u64,
    /// Decisions taken, holds included.
    pub decisions: u64,
    /// Fills of our own that the policy was told of.
    pub own_fills: u64,
    /// Settlements of our own that the policy was told of.
    pub own_settlements: u64,
    /// Decisions by action, in the order of the action ids, of a policy that chooses among them.
    pub actions: [u64; Action::COUNT],
    /// Decisions in which the policy could not choose.
    pub faults: u64,
    /// Intents sent.
    pub intents: u64,
    /// What was not done, by [`Skip`].
    pub skipped: [u64; Skip::COUNT],
}

impl DecideCounters {
    /// How often a reason applied.
    #[must_use]
    pub const fn skipped(&self, reason: Skip) -> u64 {
        self.skipped[reason as usize]
    }
}
