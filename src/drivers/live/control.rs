//! What the main thread and the hot threads share besides messages: flags for stop, done and exit, and periodic figures
//! for the live line. No state of a stage is shared.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::record::Span;

/// The flags of a running session.
#[derive(Clone, Debug, Default)]
pub(super) struct Control {
    flags: Arc<Flags>,
}

#[derive(Debug, Default)]
struct Flags {
    stop: AtomicBool,
    trip: OnceLock<String>,
    tripped: AtomicBool,
    done: AtomicBool,
    exit: AtomicBool,
}

impl Control {
    /// Asks the execute stage to cancel its orders and to take no new risk.
    pub(super) fn request_stop(&self) {
        self.flags.stop.store(true, Ordering::Release);
    }

    pub(super) fn stop_requested(&self) -> bool {
        self.flags.stop.load(Ordering::Acquire)
    }

    /// Asks the execute stage to trip: to cancel everything at once. The first reason is kept.
    pub(super) fn request_trip(&self, reason: String) {
        let _ = self.flags.trip.set(reason);
    }

    /// Why the execute stage is to trip, if so.
    pub(super) fn trip_requested(&self) -> Option<&str> {
        self.flags.trip.get().map(String::as_str)
    }

    /// Reports that the execute stage has tripped.
    pub(super) fn set_tripped(&self) {
        self.flags.tripped.store(true, Ordering::Release);
    }

    pub(super) fn is_tripped(&self) -> bool {
        self.flags.tripped.load(Ordering::Acquire)
    }

    /// Reports that the execute stage has stopped without open or unknown orders, and has compared the ledger.
    pub(super) fn set_done(&self) {
        self.flags.done.store(true, Ordering::Release);
    }

    pub(super) fn is_done(&self) -> bool {
        self.flags.done.load(Ordering::Acquire)
    }

    /// Ends every thread's loop.
    pub(super) fn request_exit(&self) {
        self.flags.exit.store(true, Ordering::Release);
    }

    pub(super) fn exit_requested(&self) -> bool {
        self.flags.exit.load(Ordering::Acquire)
    }
}

/// How often a thread sends a pulse.
pub(super) const PULSE_NS: u64 = 250_000_000;

/// Records the longest span between two pulses, and when the next pulse is due.
#[derive(Debug, Default)]
pub(super) struct Heart {
    worst: Option<(Span, u64)>,
    due_ns: u64,
}

impl Heart {
    pub(super) fn latency(&mut self, span: Span, nanos: u64) {
        if span <= Span::Write && self.worst.is_none_or(|(_, longest)| nanos > longest) {
            self.worst = Some((span, nanos));
        }
    }

    /// Whether a pulse is due. If so, the next one is scheduled.
    pub(super) fn is_due(&mut self, now_ns: u64) -> bool {
        let due = now_ns >= self.due_ns;
        if due {
            self.due_ns = now_ns + PULSE_NS;
        }
        due
    }

    /// The longest span since the last call.
    pub(super) fn take_worst(&mut self) -> Option<(Span, u64)> {
        self.worst.take()
    }
}
