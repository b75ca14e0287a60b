//! What the decide stage counts, and the reasons for which it does not act.

use serde::{Deserialize, Serialize};

use crate::messages::Action;

/// Why a due decision was not taken, or a decision led to no intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Skip {
    /// The book cannot be trusted.
    Stale = 0,
    /// An overflow was raised and not cleared: the book may have missed an event.
    Epoch,
    /// An intent without verdict, or a write in flight.
    Busy,
    /// A later decision of the same market replaced it, because this stage was behind.
    Behind,
    /// No state of this market's account was ever received: `execute` may not know the market yet.
    NotReady,
    /// The market is past its close.
    Closed,
    /// The market takes no new risk, and the action would add some.
    Blocked,
    /// The price that the pricing strategy needs does not exist.
    NoPrice,
    /// A sell without a position to reduce.
    NothingToReduce,
    /// The ring to `execute` was full: the intent was dropped.
    RingFull,
}

impl Skip {
    /// How many reasons there are.
    pub const COUNT: usize = Self::RingFull as usize + 1;
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Stale,
        Self::Epoch,
        Self::Busy,
        Self::Behind,
        Self::NotReady,
        Self::Closed,
        Self::Blocked,
        Self::NoPrice,
        Self::NothingToReduce,
        Self::RingFull,
    ];

    /// The word used in files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Epoch => "epoch",
            Self::Busy => "busy",
            Self::Behind => "behind",
            Self::NotReady => "not_ready",
            Self::Closed => "closed",
            Self::Blocked => "blocked",
            Self::NoPrice => "no_price",
            Self::NothingToReduce => "nothing_to_reduce",
            Self::RingFull => "ring_full",
        }
    }
}

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
    /// Decisions by action, in the order of the action ids.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_number_and_word() {
        for (number, reason) in Skip::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number);
            assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{}\"", reason.as_str()));
        }
    }
}
