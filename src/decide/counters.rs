//! The counters of the decide stage.

use serde::{Deserialize, Serialize};

use crate::messages::{Action, Skip};

/// Counters since the start of the stage.
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
    /// Deltas for books that were already stale.
    pub unusable_deltas: u64,
    /// Events and updates for markets that are unknown here, or no longer known.
    pub unknown_market: u64,
    /// Changes that a book refused, and books that stayed crossed. Each made its market stale and led to a resync request.
    pub book_errors: u64,
    /// Book states that were crossed or locked, on which nothing was decided.
    pub crossed_states: u64,
    /// Instants of a market, by the exchange's time, with such a state.
    pub crossed_steps: u64,
    /// Resync requests sent, including repetitions.
    pub resync_requests: u64,
    /// Updates from `execute`.
    pub portfolio_updates: u64,
    /// Decisions taken, including holds.
    pub decisions: u64,
    /// Own fills reported to the policy.
    pub own_fills: u64,
    /// Own settlements reported to the policy.
    pub own_settlements: u64,
    /// Decisions by action, in the order of the action ids, if the policy chooses among them.
    pub actions: [u64; Action::COUNT],
    /// Decisions in which the policy could not choose.
    pub faults: u64,
    /// Intents sent.
    pub intents: u64,
    /// Skipped decisions and withheld orders, by [`Skip`].
    pub skipped: [u64; Skip::COUNT],
}

impl DecideCounters {
    /// How often a reason applied.
    #[must_use]
    pub const fn skipped(&self, reason: Skip) -> u64 {
        self.skipped[reason as usize]
    }
}
