//! What enters and leaves each stage, and its form in the journal. Only this module knows both: drivers pass inputs to a stage
//! through the functions here, which record the input and let the stage act on a port that records each output and whether
//! there was room for it. A replay reads the same inputs back and applies them with the same code.
//!
//! Everything that a stage's next state depends on is recorded: its inputs with their times, and what the driver returned to
//! it, which is the fate of each push, whether a snapshot buffer was free, when a request's bytes were written, and the
//! overflow epoch. Readings of the monotonic clock that only measure ([`stamp_ns`](crate::ports::FeedPort::stamp_ns)) are not
//! recorded; where a message carries one, [`NOT_COMPARED`] names it.
//!
//! A tape owns no session state except what it needs for writing. Without a journal it costs one branch per input.

mod decide;
mod execute;
mod feed;
mod form;
mod reconcile;
mod socket;
mod watch;

pub use decide::{DecideInput, decide};
pub use execute::{ExecuteInput, RequestRecord, execute};
pub use feed::{FeedInput, feed};
pub use form::{InputError, recorded_answer, recorded_frame};
#[cfg(test)]
pub(crate) use form::{answer_prefix, frame_prefix};
pub use reconcile::{ReconcileInput, reconcile};
pub use watch::{LedgerSums, LedgerWatch, TopsWatch};

use serde::Serialize;

pub(crate) use form::Noted;

use crate::clock::Now;
use crate::record::journal::{Encoded, Flags, JournalWriter, Kind};

/// The fields that a replay copies from the recording instead of comparing, and why: clock readings for measurement.
pub const NOT_COMPARED: [(&str, &str); 3] = [
    ("BookEvent.parsed_ns", "when a frame had been parsed: read for latency figures"),
    (
        "OrderIntent.stamps.{applied,observed,inferred,decided}_ns",
        "when the parts of a decision were done: read for latency figures",
    ),
    (
        "Request.written_ns",
        "when the kernel had a request: read for latency figures, and given to the stage as recorded",
    ),
];

/// How long a due checkpoint waits for a turn without work, in nanoseconds.
const CHECKPOINT_PATIENCE_NS: u64 = 50_000_000;

/// A stage's access to the journal, if there is one.
#[derive(Debug)]
pub struct Tape {
    pen: Option<JournalWriter>,
    /// The time of the input being handled.
    now: Now,
    /// The last overflow epoch recorded.
    epoch: Option<u64>,
    ledger: LedgerWatch,
    tops: TopsWatch,
    /// Since when a checkpoint has been due.
    due_ns: Option<u64>,
}

impl Tape {
    /// A tape that writes with the given writer, or records nothing without one.
    #[must_use]
    pub fn new(pen: Option<JournalWriter>) -> Self {
        Self {
            pen,
            now: Now::default(),
            epoch: None,
            ledger: LedgerWatch::default(),
            tops: TopsWatch::default(),
            due_ns: None,
        }
    }

    /// Whether to write a checkpoint now: one was requested, and this turn had no work or the wait has been long enough.
    #[must_use]
    pub fn checkpoint_due(&mut self, now: Now, worked: bool) -> bool {
        if !self.pen.as_ref().is_some_and(JournalWriter::checkpoint_due) {
            self.due_ns = None;
            return false;
        }
        let since_ns = *self.due_ns.get_or_insert(now.mono_ns);
        !worked || now.mono_ns.saturating_sub(since_ns) >= CHECKPOINT_PATIENCE_NS
    }

    /// Records the stage's whole state. Called at the start, between two inputs whenever it is due, and at the end.
    pub fn checkpoint(&mut self, now: Now, stage: &impl Serialize) {
        let Some(pen) = &mut self.pen else { return };
        pen.checkpoint(now, stage);
        self.due_ns = None;
        // Records after the checkpoint must not depend on records before it.
        self.epoch = None;
        self.ledger = LedgerWatch::default();
        self.tops = TopsWatch::default();
    }

    /// Records the stage's last state, and that it ended in good order.
    pub fn end(&mut self, now: Now, stage: &impl Serialize) {
        self.checkpoint(now, stage);
        self.now = now;
        self.event(Kind::End, Flags::Input);
    }

    fn bytes(&mut self, kind: Kind, prefix: &[u8], payload: &[u8]) {
        if let Some(pen) = &mut self.pen {
            pen.bytes(kind, Flags::Input, self.now, prefix, payload);
        }
    }

    fn message(&mut self, kind: Kind, flags: Flags, message: &impl Serialize) {
        if let Some(pen) = &mut self.pen {
            pen.message(kind, flags, self.now, message);
        }
    }

    fn event(&mut self, kind: Kind, flags: Flags) {
        if let Some(pen) = &mut self.pen {
            pen.event(kind, flags, self.now);
        }
    }

    /// Records an output of the stage, unless it needs no record.
    #[inline]
    fn note(&mut self, output: &impl Noted, flags: Flags) {
        if let Some(kind) = output.kind() {
            self.message(kind, flags, output);
        }
    }

    /// Encodes a message that is about to be moved away.
    fn encode(&mut self, message: &impl Serialize) -> Option<Encoded> {
        self.pen.as_mut().map(|pen| pen.encode(message))
    }

    /// Records the fate of the message that was encoded.
    fn commit(&mut self, kind: Kind, encoded: Option<Encoded>, taken: bool) {
        if let (Some(pen), Some(encoded)) = (&mut self.pen, encoded) {
            pen.commit(kind, fate(taken), self.now, encoded);
        }
    }
}

fn fate(taken: bool) -> Flags {
    if taken { Flags::Output } else { Flags::Refused }
}

/// A driver's port that records what passes through it.
struct Recorded<'a, P> {
    port: &'a mut P,
    tape: &'a mut Tape,
}

/// Sends first through the underlying port, then records the message and whether there was room, so that sending never waits
/// for the journal.
impl<P> Recorded<'_, P> {
    #[inline]
    fn passed<M: Noted + Copy, E>(
        &mut self,
        message: M,
        push: impl FnOnce(&mut P, M) -> Result<(), E>,
    ) -> Result<(), E> {
        let result = push(self.port, message);
        self.tape.note(&message, fate(result.is_ok()));
        result
    }

    #[inline]
    fn told<E: Noted + Copy>(&mut self, effect: E, tell: impl FnOnce(&mut P, E)) {
        self.tape.note(&effect, Flags::Output);
        tell(self.port, effect);
    }
}
