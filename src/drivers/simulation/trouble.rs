//! What may go wrong with the trader's process and machine. The simulation asks before each of these things whether it
//! works; a campaign or a test answers.

use super::{Observer, Ring, Turn};
use crate::messages::AccountEvent;

/// Decides what goes wrong. Nothing does unless a method is implemented.
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

    /// Until when a stage does nothing, in monotonic nanoseconds; a past time for a stage that runs.
    fn frozen_until_ns(&self, turn: Turn) -> u64 {
        0
    }

    /// A stage is about to read its rings, or would be if it were not frozen.
    fn turn(&mut self, turn: Turn, frozen: bool) {}

    /// How far the trader's wall clock is ahead, asked once for each signature.
    fn wall_offset_ms(&mut self) -> i64 {
        0
    }

    /// Whether the next write to the disk succeeds.
    fn disk_takes_it(&mut self) -> bool {
        true
    }

    /// What `execute` is handed in place of a fact about the account.
    fn facts(&mut self, event: AccountEvent) -> Vec<AccountEvent> {
        vec![event]
    }
}

/// Nothing goes wrong.
impl Trouble for () {}

/// What a simulation is watched and disturbed with. `()` is for one that runs by itself.
pub trait Instruments: Observer + Trouble {}

impl<I: Observer + Trouble> Instruments for I {}
