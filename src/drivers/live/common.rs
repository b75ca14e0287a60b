//! Shared by all hot threads: clock, histograms, and a way of waiting.

use serde::Serialize;

use super::Progress;
use super::control::{Control, Heart};
use crate::clock::{Now, SessionClock};
use crate::config::IdleName;
use crate::host::clock::Clock;
use crate::host::idle::{Idle, IdleKind};
use crate::host::pin;
use crate::host::ring::Sender;
use crate::ports::SocketInput;
use crate::record::{Latencies, Span};
use crate::tape::Tape;

/// How often an idle thread rehearses, in nanoseconds: often enough to stay in the caches in spite of threads that
/// share its core, and a small part of its time.
const REHEARSAL_NS: u64 = 20_000;

/// The cost of a thread's checkpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckpointCost {
    /// How many checkpoints it wrote.
    pub count: u64,
    /// How long the longest took, in nanoseconds.
    pub longest_ns: u64,
}

/// Borrows an input from a WebSocket for its stage. The loss of a stream is logged by name.
pub(super) fn lent<'a, B: AsRef<[u8]>>(stream: &str, input: &'a SocketInput<B>) -> SocketInput<&'a [u8]> {
    if let SocketInput::Closed(connection, lost) = input {
        tracing::warn!(connection, reason = %lost.reason, "the {stream} stream was lost");
    }
    input.lent()
}

/// Passes a stage's latest problem to the main thread, once per change. This allocates, as the stage itself did.
pub(super) struct Trouble {
    told: String,
    to: crossbeam::channel::Sender<String>,
}

impl Trouble {
    pub(super) fn new(to: crossbeam::channel::Sender<String>) -> Self {
        Self { told: String::new(), to }
    }

    /// Reports the latest problem.
    pub(super) fn tell(&mut self, problem: Option<&str>) {
        let Some(problem) = problem.filter(|problem| *problem != self.told) else { return };
        problem.clone_into(&mut self.told);
        // Cannot fail: the reader outlives this thread.
        let _ = self.to.send(problem.to_owned());
    }
}

/// The equipment of a hot thread.
pub(super) struct Bench {
    pub(super) clock: Clock,
    pub(super) session: SessionClock,
    pub(super) control: Control,
    pub(super) latencies: Latencies,
    pub(super) checkpoints: CheckpointCost,
    heart: Heart,
    pulses: Sender<Progress>,
    idle_kind: IdleKind,
    core: Option<usize>,
    rehearsed_ns: u64,
    /// The time of the input that is being handled.
    pub(super) now: Now,
}

impl Bench {
    pub(super) fn new(
        clock: Clock,
        session: &SessionClock,
        control: Control,
        pulses: Sender<Progress>,
        idle_kind: IdleKind,
        core: Option<usize>,
    ) -> Self {
        Self {
            clock,
            session: *session,
            control,
            latencies: Latencies::new(),
            checkpoints: CheckpointCost::default(),
            heart: Heart::default(),
            pulses,
            idle_kind,
            core,
            rehearsed_ns: 0,
            now: Now::default(),
        }
    }

    /// Pins the calling thread and prepares its way of waiting. Each hot thread calls this first.
    pub(super) fn settle(&self) -> std::io::Result<Idle> {
        if let Some(core) = self.core {
            pin::pin_current(core).map_err(std::io::Error::other)?;
        }
        Idle::new(self.idle_kind)
    }

    /// Reads the clocks for the next input.
    pub(super) fn tick(&mut self) -> Now {
        self.now = self.session.now(self.clock.now_ns());
        self.now
    }

    pub(super) fn latency(&mut self, span: Span, nanos: u64) {
        self.latencies.record(span, nanos);
        self.heart.latency(span, nanos);
    }

    /// Writes the checkpoint that the journal asked for, if it is due now.
    pub(super) fn checkpoint(&mut self, worked: bool, tape: &mut Tape, stage: &impl Serialize) {
        if !tape.checkpoint_due(self.now, worked) {
            return;
        }
        let begun_ns = self.clock.now_ns();
        tape.checkpoint(self.now, stage);
        let took_ns = self.clock.now_ns().saturating_sub(begun_ns);
        self.checkpoints.count += 1;
        self.checkpoints.longest_ns = self.checkpoints.longest_ns.max(took_ns);
    }

    /// Whether an idle turn should rehearse. Threads that park never do, since parking is meant to save processor time.
    pub(super) fn rehearsal_due(&mut self) -> bool {
        let due = self.idle_kind != IdleKind::Park && self.now.mono_ns >= self.rehearsed_ns + REHEARSAL_NS;
        if due {
            self.rehearsed_ns = self.now.mono_ns;
        }
        due
    }

    /// Sends a pulse when one is due. A full ring only means that the main thread has not looked for a while.
    /// Returns whether one was due.
    pub(super) fn pulse(&mut self, figures: impl FnOnce() -> Progress) -> bool {
        let due = self.heart.is_due(self.now.mono_ns);
        if due {
            let _ = self.pulses.push(Progress { worst: self.heart.take_worst(), ..figures() });
        }
        due
    }
}

/// The way of waiting that the configuration means on this machine.
pub(super) fn idle_kind(name: IdleName, threads: usize, cores: usize) -> IdleKind {
    match name {
        IdleName::Auto => IdleKind::default_for(threads, cores),
        IdleName::Spin => IdleKind::Spin,
        IdleName::Yield => IdleKind::Yield,
        IdleName::Park => IdleKind::Park,
    }
}
