//! The decide thread: books, observations and the policy between rings, without I/O.

use super::Progress;
use super::book_rings::BookReceiver;
use super::common::{Bench, CheckpointCost};
use crate::clock::Now;
use crate::decide::policy::Policy;
use crate::decide::{DecideCounters, DecideStage};
use crate::host::ring::{Receiver, Sender};
use crate::market::BookLevels;
use crate::messages::{AccountNote, DecideToExecute, DecideToFeed};
use crate::ports::{DecideEffect, DecideMessage, DecidePort, Full};
use crate::record::{Latencies, Span};
use crate::tape::{self, DecideInput, Tape};

/// How many book events are handled before messages from `execute`.
const EVENTS_PER_TURN: usize = 256;

pub(super) struct DecideThread<P: Policy> {
    pub(super) stage: DecideStage<P>,
    pub(super) tape: Tape,
    pub(super) wires: DecideWires,
    pub(super) execute: Receiver<AccountNote>,
}

pub(super) struct DecideWires {
    pub(super) bench: Bench,
    pub(super) book: BookReceiver,
    pub(super) execute: Sender<DecideToExecute>,
    pub(super) feed: Sender<DecideToFeed>,
}

/// What the decide thread returns at its end.
pub(super) struct DecideOutcome {
    pub(super) counters: DecideCounters,
    pub(super) latencies: Latencies,
    pub(super) checkpoints: CheckpointCost,
}

impl DecidePort for DecideWires {
    #[inline]
    fn push(&mut self, message: DecideMessage) -> Result<(), Full> {
        match message {
            DecideMessage::Execute(message) => self.execute.push(message),
            DecideMessage::Feed(message) => self.feed.push(message),
        }
    }

    /// Decisions are recorded by the tape.
    fn tell(&mut self, _effect: DecideEffect<'_>) {}

    fn stamp_ns(&mut self) -> u64 {
        self.bench.clock.now_ns()
    }

    fn overflow_epoch(&mut self) -> u64 {
        self.book.overflow_epoch()
    }

    fn return_levels(&mut self, levels: Box<BookLevels>) {
        self.book.return_levels(levels);
    }

    fn latency(&mut self, span: Span, nanos: u64) {
        self.bench.latency(span, nanos);
    }
}

impl<P: Policy> DecideThread<P> {
    /// Runs until the session ends.
    pub(super) fn run(mut self) -> std::io::Result<DecideOutcome> {
        let mut idle = self.wires.bench.settle()?;
        let now = self.wires.bench.tick();
        self.tape.checkpoint(now, &self.stage);
        let mut drained = true;
        while !self.wires.bench.control.exit_requested() {
            let mut worked = false;
            while let Some(note) = self.execute.pop() {
                let now = self.wires.bench.tick();
                self.take(DecideInput::Execute(note), now);
                worked = true;
            }
            for _ in 0..EVENTS_PER_TURN {
                let Some(message) = self.wires.book.pop() else { break };
                let now = self.wires.bench.tick();
                self.take(DecideInput::Feed(message), now);
                (worked, drained) = (true, false);
            }
            let now = self.wires.bench.tick();
            if !drained && self.wires.book.waiting() == 0 {
                self.take(DecideInput::Drained, now);
                drained = true;
            }
            if now.mono_ns >= self.stage.deadline_ns() {
                self.take(DecideInput::Timer, now);
            }
            self.wires.bench.checkpoint(worked, &mut self.tape, &self.stage);
            let decisions = self.stage.counters().decisions;
            let _ = self.wires.bench.pulse(|| Progress { decisions, ..Progress::default() });
            if !worked {
                if self.wires.bench.rehearsal_due() {
                    self.stage.rehearse();
                }
                idle.wait();
            }
        }
        let now = self.wires.bench.tick();
        self.tape.end(now, &self.stage);
        Ok(DecideOutcome {
            counters: *self.stage.counters(),
            latencies: self.wires.bench.latencies,
            checkpoints: self.wires.bench.checkpoints,
        })
    }

    fn take(&mut self, input: DecideInput, now: Now) {
        tape::decide(&mut self.stage, input, now, &mut self.tape, &mut self.wires);
    }
}
