//! The life of the trader's process: it can be killed, and another started in its place.

use std::io;
use std::path::Path;

use super::journal::Tapes;
use super::rings::Rings;
use super::trouble::Instruments;
use super::turns::Turns;
use super::{NetworkFault, Simulation};
use crate::decide::policy::Policy;
use crate::drivers::stages::Stages;
use crate::record::journal::SegmentLimits;

impl<P: Policy, I: Instruments> Simulation<P, I> {
    /// Kills the trader, if it is alive, and starts another in its place, optionally with a journal in a folder that
    /// has none. What was sent still reaches the exchange; what was in flight to the trader is lost.
    ///
    /// # Errors
    /// When the folder cannot be written or has a journal already.
    pub fn restart(&mut self, stages: Stages<P>, journal: Option<(&Path, SegmentLimits)>) -> io::Result<()> {
        self.kill();
        self.wires.killed = false;
        self.tapes = match journal {
            Some((folder, limits)) => Tapes::open(folder, limits)?,
            None => Tapes::default(),
        };
        self.stages = stages;
        self.start_stages();
        Ok(())
    }

    /// Kills the trader. Its journal stops without an end, as after a crash, and the exchange sees its connections end.
    pub fn kill(&mut self) {
        std::mem::take(&mut self.tapes).abandon();
        self.tick();
        self.wires.kill(Rings::new(self.ring_capacity, self.snapshot_buffers));
        self.turns = Turns::default();
    }

    /// Whether the trader is dead.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.wires.is_dead()
    }

    /// Ends all faults of the network.
    pub fn end_network_faults(&mut self) {
        self.wires.link.network.faults_mut().end();
    }

    /// How often a fault of the network has occurred.
    #[must_use]
    pub fn network_faults(&self, fault: NetworkFault) -> u64 {
        self.wires.link.network.faults().count(fault)
    }
}
