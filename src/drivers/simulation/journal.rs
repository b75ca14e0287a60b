//! The stages and their side of the journal. Every input goes through here: it is recorded first and then handled.

use std::io;
use std::path::Path;

use super::ports::{DecideIo, ExecuteIo, FeedIo, ReconcileIo};
use super::trouble::Instruments;
use super::{Simulation, SimulationConfig};
use crate::clock::Now;
use crate::decide::policy::Policy;
use crate::drivers::stages::Stages;
use crate::exchange::venue::Exchange;
use crate::record::journal::{JournalNote, JournalReport, Scribe, SegmentLimits, StageId, create_journal};
use crate::tape::{self, DecideInput, ExecuteInput, FeedInput, ReconcileInput, Tape};

/// The size of each stage's ring to the journal, in bytes. It is drained at every step.
const JOURNAL_RING_BYTES: usize = 8 << 20;

/// The stages' sides of the journal, if there is one.
pub(super) struct Tapes {
    feed: Tape,
    decide: Tape,
    execute: Tape,
    reconcile: Tape,
    scribe: Option<Scribe>,
}

impl Default for Tapes {
    fn default() -> Self {
        let [feed, decide, execute, reconcile] = [(); 4].map(|()| Tape::new(None));
        Self { feed, decide, execute, reconcile, scribe: None }
    }
}

impl Tapes {
    /// Creates a journal in a folder that has none.
    pub(super) fn open(folder: &Path, limits: SegmentLimits) -> io::Result<Self> {
        let description = JournalNote::new("simulation", limits.total_bytes).to_bytes();
        let (writers, scribe) = create_journal(folder, limits, &description, JOURNAL_RING_BYTES, StageId::STAGES)?;
        let [feed, decide, execute, reconcile] = writers.map(|pen| Tape::new(Some(pen)));
        Ok(Self { feed, decide, execute, reconcile, scribe: Some(scribe) })
    }

    /// Writes what was recorded, without an end record.
    pub(super) fn abandon(mut self) {
        if let Some(scribe) = &mut self.scribe {
            scribe.turn();
        }
    }

    /// Ends the journal.
    fn finish(self) -> Option<JournalReport> {
        let scribe = self.scribe;
        drop((self.feed, self.decide, self.execute, self.reconcile));
        scribe.map(Scribe::finish)
    }
}

impl<P: Policy, I: Instruments> Simulation<P, I> {
    /// As [`Simulation::with`], with a journal in a folder that has none.
    ///
    /// # Errors
    /// When the folder cannot be written or has a journal already.
    pub fn journaled(
        config: SimulationConfig,
        stages: Stages<P>,
        exchange: Exchange,
        instruments: I,
        folder: &Path,
        limits: SegmentLimits,
    ) -> io::Result<Self> {
        Ok(Self::with_tapes(config, stages, exchange, instruments, Tapes::open(folder, limits)?))
    }

    pub(super) fn start_stages(&mut self) {
        let now = self.tick();
        let Stages { feed, decide, execute, reconcile } = &self.stages;
        self.tapes.feed.checkpoint(now, feed);
        self.tapes.decide.checkpoint(now, decide);
        self.tapes.execute.checkpoint(now, execute);
        self.tapes.reconcile.checkpoint(now, reconcile);
        self.feed(FeedInput::Start, now);
        self.reconcile(ReconcileInput::Start, now);
    }

    pub(super) fn feed(&mut self, input: FeedInput<'_>, now: Now) {
        tape::feed(&mut self.stages.feed, input, now, &mut self.tapes.feed, &mut FeedIo(&mut self.wires));
    }

    pub(super) fn decide(&mut self, input: DecideInput, now: Now) {
        tape::decide(&mut self.stages.decide, input, now, &mut self.tapes.decide, &mut DecideIo(&mut self.wires));
    }

    pub(super) fn execute(&mut self, input: ExecuteInput<'_>, now: Now) {
        tape::execute(&mut self.stages.execute, input, now, &mut self.tapes.execute, &mut ExecuteIo(&mut self.wires));
    }

    pub(super) fn reconcile(&mut self, input: ReconcileInput<'_>, now: Now) {
        let port = &mut ReconcileIo(&mut self.wires);
        tape::reconcile(&mut self.stages.reconcile, input, now, &mut self.tapes.reconcile, port);
    }

    /// Writes what was recorded, and the checkpoints that are due.
    pub(super) fn write_journal(&mut self) {
        let Some(scribe) = &mut self.tapes.scribe else { return };
        scribe.turn();
        let now = self.tick();
        let Stages { feed, decide, execute, reconcile } = &self.stages;
        let Tapes { feed: feeds, decide: decides, execute: executes, reconcile: reconciles, .. } = &mut self.tapes;
        if feeds.checkpoint_due(now, false) {
            feeds.checkpoint(now, feed);
        }
        if decides.checkpoint_due(now, false) {
            decides.checkpoint(now, decide);
        }
        if executes.checkpoint_due(now, false) {
            executes.checkpoint(now, execute);
        }
        if reconciles.checkpoint_due(now, false) {
            reconciles.checkpoint(now, reconcile);
        }
    }

    /// Ends the journal, if there is one. The trader continues without it.
    pub fn end_journal(&mut self) -> Option<JournalReport> {
        let now = self.tick();
        let Stages { feed, decide, execute, reconcile } = &self.stages;
        let mut tapes = std::mem::take(&mut self.tapes);
        tapes.feed.end(now, feed);
        tapes.decide.end(now, decide);
        tapes.execute.end(now, execute);
        tapes.reconcile.end(now, reconcile);
        tapes.finish()
    }
}
