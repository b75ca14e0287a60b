//! What is done to the trader's process and machine: crashes, frozen stages, full rings, clock jumps, a full disk; and how
//! often each took effect.

use std::io;
use std::path::Path;

use super::journal::Tapes;
use super::turns::Turns;
use super::{NetworkFault, Ring, Simulation, Turn};
use crate::decide::policy::Policy;
use crate::drivers::stages::Stages;
use crate::record::journal::SegmentLimits;

impl<P: Policy> Simulation<P> {
    /// The trader dies, unless it has already, and another starts in its place, with a journal in a folder that has none, or
    /// without one. What was sent still reaches the exchange; what was on its way to the trader is lost.
    ///
    /// # Errors
    /// When the folder cannot be written or has a journal already.
    pub fn restart(&mut self, stages: Stages<P>, journal: Option<(&Path, SegmentLimits)>) -> io::Result<()> {
        self.kill();
        self.wires.dies_after = u64::MAX;
        self.tapes = match journal {
            Some((folder, limits)) => Tapes::open(folder, limits)?,
            None => Tapes::default(),
        };
        self.stages = stages;
        self.start_stages();
        Ok(())
    }

    /// The trader dies as soon as its journal would have so many records since the start, as a killed process does: nothing
    /// leaves it after that.
    pub fn die_after(&mut self, records: u64) {
        self.wires.dies_after = records;
    }

    /// The trader dies now, and its journal ends. The exchange sees its connections end.
    pub fn kill(&mut self) {
        // As a crash leaves it: what was noted is kept, and there is no end.
        std::mem::take(&mut self.tapes).abandon();
        self.tick();
        self.wires.dies_after = 0;
        self.wires.crash(self.snapshot_buffers);
        self.turns = Turns::default();
    }

    /// Whether the trader is dead.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.wires.is_dead()
    }

    /// Inputs and outputs of the trader so far: the records that a journal would have.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.wires.records
    }

    /// A stage does nothing for so long; its rings fill, and its connections wait.
    pub fn freeze(&mut self, turn: Turn, for_ms: u64) {
        self.turns.freeze(turn, self.now_ns + self.clock.duration_ns(for_ms));
    }

    /// A ring refuses everything for so long, as if its reader had let it fill.
    pub fn fill_ring(&mut self, ring: Ring, for_ms: u64) {
        self.wires.close_ring(ring, self.now_ns + self.clock.duration_ns(for_ms));
    }

    /// How often a ring that was filled by hand refused something.
    #[must_use]
    pub fn refused_by_full_rings(&self) -> u64 {
        self.wires.refused
    }

    /// The trader's wall clock is off by so much, for so long.
    pub fn jump_clock(&mut self, by_ms: i64, for_ms: u64) {
        self.wires.clock_jump = Some((by_ms, self.now_ns + self.clock.duration_ns(for_ms)));
    }

    /// How many requests and handshakes were signed by a clock that was off by more than the exchange tolerates.
    #[must_use]
    pub fn signed_by_jumped_clock(&self) -> u64 {
        self.wires.jumped
    }

    /// How many were signed by one that was off by less.
    #[must_use]
    pub fn signed_by_clock_off(&self) -> u64 {
        self.wires.signed_off
    }

    /// Nothing can be written to the disk for so long.
    pub fn fill_disk(&mut self, for_ms: u64) {
        self.wires.disk_full_until_ns = self.now_ns + self.clock.duration_ns(for_ms);
    }

    /// How many writes a full disk refused.
    #[must_use]
    pub fn refused_by_full_disk(&self) -> u64 {
        self.wires.not_written
    }

    /// The network works from now on.
    pub fn end_network_faults(&mut self) {
        self.wires.network.faults_mut().end();
    }

    /// How often the network did something.
    #[must_use]
    pub fn network_faults(&self, fault: NetworkFault) -> u64 {
        self.wires.network.faults().count(fault)
    }
}
