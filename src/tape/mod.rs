//! What enters and leaves each stage, and its form in the journal. The one place that knows both: drivers hand a stage
//! its inputs through the functions here, which note the input, then let it act on a port that notes what leaves it and
//! whether there was room. A replay reads the same inputs back and applies them by the same code.
//!
//! Recorded are all that a stage's next state depends on: its inputs with their times, and what the driver told it in
//! return, which is the fate of each push, whether a snapshot buffer was free, when a request's bytes were written, and
//! the overflow epoch. Not recorded are readings of the monotonic clock that only measure
//! ([`stamp_ns`](crate::ports::FeedPort::stamp_ns)): where one travels in a message it is named in [`NOT_COMPARED`].
//!
//! Owns no state of a session beside what it takes to write it down. Without a journal it costs a branch an input.

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

/// What a replay takes from the recording instead of comparing it, and why: clock readings that measure.
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

/// How long a checkpoint may wait for a turn without work, in nanoseconds.
const CHECKPOINT_PATIENCE_NS: u64 = 50_000_000;

/// A stage's side of the journal, or of none.
#[derive(Debug)]
pub struct Tape {
    pen: Option<JournalWriter>,
    /// The time of the input in hand.
    now: Now,
    /// The overflow epoch that was noted last.
    epoch: Option<u64>,
    ledger: LedgerWatch,
    tops: TopsWatch,
    /// Since when a checkpoint is due.
    due_ns: Option<u64>,
}

impl Tape {
    /// A tape that is written with that pen; without one nothing is noted.
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

    /// Whether the journal wants the stage's state now: soon after it asked, at a turn that had no work if one comes.
    #[must_use]
    pub fn checkpoint_due(&mut self, now: Now, worked: bool) -> bool {
        if !self.pen.as_ref().is_some_and(JournalWriter::checkpoint_due) {
            self.due_ns = None;
            return false;
        }
        let since_ns = *self.due_ns.get_or_insert(now.mono_ns);
        !worked || now.mono_ns.saturating_sub(since_ns) >= CHECKPOINT_PATIENCE_NS
    }

    /// Notes the stage's whole state. First of all, between two inputs whenever it is due, and last of all.
    pub fn checkpoint(&mut self, now: Now, stage: &impl Serialize) {
        let Some(pen) = &mut self.pen else { return };
        pen.checkpoint(now, stage);
        self.due_ns = None;
        // What comes after must not lean on what is noted before.
        self.epoch = None;
        self.ledger = LedgerWatch::default();
        self.tops = TopsWatch::default();
    }

    /// Notes the stage's last state, and that it ended in good order.
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

    /// Notes something that leaves the stage, unless it needs no record.
    #[inline]
    fn note(&mut self, output: &impl Noted, flags: Flags) {
        if let Some(kind) = output.kind() {
            self.message(kind, flags, output);
        }
    }

    /// Encodes a message that is about to be given away.
    fn encode(&mut self, message: &impl Serialize) -> Option<Encoded> {
        self.pen.as_mut().map(|pen| pen.encode(message))
    }

    /// Notes what became of the message that was encoded.
    fn commit(&mut self, kind: Kind, encoded: Option<Encoded>, taken: bool) {
        if let (Some(pen), Some(encoded)) = (&mut self.pen, encoded) {
            pen.commit(kind, fate(taken), self.now, encoded);
        }
    }
}

fn fate(taken: bool) -> Flags {
    if taken { Flags::Output } else { Flags::Refused }
}

/// A driver's port that notes what passes.
struct Recorded<'a, P> {
    port: &'a mut P,
    tape: &'a mut Tape,
}

/// Sends a message by the port beneath, then notes it and whether there was room: what is sent waits for no pen.
impl<P> Recorded<'_, P> {
    #[inline]
    fn passed<M: Noted + Copy, E>(&mut self, message: M, push: impl FnOnce(&mut P, M) -> Result<(), E>) -> Result<(), E> {
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
