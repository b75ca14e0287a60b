//! Faults of the trader's process and machine. The simulation asks whether each of these things works; a campaign or a
//! test answers.

use super::{Observer, Ring, Turn};
use crate::messages::AccountEvent;

/// Decides what goes wrong. By default nothing does.
#[expect(unused_variables, reason = "the names of the arguments are documentation")]
pub trait Trouble {
    /// Whether the trader's process is dead. Nothing leaves or reaches it while it is.
    fn is_dead(&self) -> bool {
        false
    }

    /// Whether a ring takes the next message, as far as its capacity allows.
    fn has_room(&mut self, ring: Ring) -> bool {
        true
    }

    /// Until when a stage is frozen, in monotonic nanoseconds; a past time for a running stage.
    fn frozen_until_ns(&self, turn: Turn) -> u64 {
        0
    }

    /// Called when a stage is about to read its rings, or would be if it were not frozen.
    fn turn(&mut self, turn: Turn, frozen: bool) {}

    /// How far the trader's wall clock is ahead, in milliseconds. Called once for each signature.
    fn wall_offset_ms(&mut self) -> i64 {
        0
    }

    /// Whether the next write to the disk succeeds.
    fn disk_takes_it(&mut self) -> bool {
        true
    }

    /// Replaces a fact about the account on its way to `execute`.
    fn facts(&mut self, event: AccountEvent) -> Vec<AccountEvent> {
        vec![event]
    }
}

/// Nothing goes wrong.
impl Trouble for () {}

/// Observes and disturbs a simulation. `()` does neither.
pub trait Instruments: Observer + Trouble {}

impl<I: Observer + Trouble> Instruments for I {}
