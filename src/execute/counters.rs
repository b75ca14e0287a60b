//! What the execute stage counted.

use serde::{Deserialize, Serialize};

use crate::market::EndReason;
use crate::messages::Verdict;

/// Counts since the start of the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecuteCounters {
    /// Intents received.
    pub intents: u64,
    /// Intents by what became of them, indexed by [`Verdict`].
    pub verdicts: [u64; Verdict::COUNT],
    /// Creates written.
    pub sent: u64,
    /// Orders the exchange accepted.
    pub acked: u64,
    /// Creates, amends and cancels the exchange rejected.
    pub rejected: u64,
    /// Writes refused for their rate (429).
    pub throttled: u64,
    /// Writes whose outcome became unknown.
    pub unknown: u64,
    /// Unknown outcomes that the exchange's answer resolved.
    pub unknown_resolved: u64,
    /// Of those, writes that were never accepted or applied.
    pub unknown_never_applied: u64,
    /// Orders of ours cancelled, by us or by the exchange, with something unfilled.
    pub cancelled: u64,
    /// Ends of orders of ours that nothing here had asked for, as the exchange reported them, indexed by [`EndReason`].
    pub ended_unasked: [u64; EndReason::COUNT],
    /// Cancels written, in orders.
    pub cancels_sent: u64,
    /// Amends written.
    pub amends_sent: u64,
    /// Amends applied that changed price or size.
    pub amended: u64,
    /// Renewals of a lease written.
    pub renewals_sent: u64,
    /// Renewals applied.
    pub renewed: u64,
    /// Renewals put off because of missing tokens, the message rate or a missing connection.
    pub renewals_delayed: u64,
    /// Times that an order group was triggered.
    pub groups_triggered: u64,
    /// Times that one was reset.
    pub groups_reset: u64,
    /// Orders that ended with their lease.
    pub leases_ended: u64,
    /// Fills booked.
    pub fills: u64,
    /// Fills that left something of their order open.
    pub partial_fills: u64,
    /// Fills booked of orders that are not of this run.
    pub foreign_fills: u64,
    /// Fills that were booked before.
    pub duplicate_fills: u64,
    /// Fills that the baseline contains.
    pub baseline_fills: u64,
    /// Fills that came before their order was known.
    pub early_fills: u64,
    /// Early fills forgotten for want of room.
    pub early_forgotten: u64,
    /// Fills that no ledger can book: no count, or a fee beyond the trade's value.
    pub absurd_fills: u64,
    /// Fills whose booked fee is not the predicted one.
    pub fee_surprises: u64,
    /// Fills whose fee no rounding explains: it follows another formula or multiplier than the one that was read.
    pub fee_errors: u64,
    /// Fills whose position is not ours.
    pub position_surprises: u64,
    /// Orders that filled more than they could.
    pub overfills: u64,
    /// Orders cancelled because nothing wanted them any more.
    pub expired: u64,
    /// Resting orders withdrawn because the position fell below them.
    pub decreased: u64,
    /// Breakers opened.
    pub breakers_opened: u64,
    /// Markets listed to be traded.
    pub markets_traded: u64,
    /// Markets determined with a position.
    pub settlements: u64,
    /// Times that a market was withheld from trading because something of ours in it could not be read.
    pub markets_withheld: u64,
    /// Facts or intents about a market that is not listed, or not any more.
    pub stale_keys: u64,
    /// Intents that came while a write of their market was in flight.
    pub intents_while_busy: u64,
    /// Answers that are no order answers.
    pub malformed_answers: u64,
    /// Answers to requests that had been given up.
    pub late_answers: u64,
    /// Orders of other programs or people on this account that were seen resting.
    pub foreign_orders: u64,
    /// Orders of earlier runs, or lost ones of this run, that were found resting and cancelled.
    pub orders_found: u64,
    /// Orders not followed for want of room.
    pub orders_untracked: u64,
    /// Comparisons that agreed.
    pub compares_agreed: u64,
    /// Comparisons that did not.
    pub compares_differed: u64,
    /// Reads that could not be completed.
    pub reads_incomplete: u64,
    /// Portfolio updates that found no room and were sent later.
    pub portfolio_delayed: u64,
}

impl ExecuteCounters {
    /// How many intents got a verdict.
    #[must_use]
    pub fn verdict(&self, verdict: Verdict) -> u64 {
        self.verdicts[verdict as usize]
    }
}
