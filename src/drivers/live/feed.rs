//! The feed thread: the public WebSocket, the feed stage, the rings to `decide` and `execute`.

use tungstenite::Utf8Bytes;

use super::Progress;
use super::book_rings::BookSender;
use super::common::{Bench, CheckpointCost, Trouble, lent};
use crate::clock::Now;
use crate::feed::{FeedCounters, FeedStage};
use crate::host::ring::{Receiver, Sender};
use crate::market::BookLevels;
use crate::messages::{DecideToFeed, FeedToExecute, ReconcileToFeed};
use crate::network::websocket::LiveSocket;
use crate::ports::{FeedEffect, FeedMessage, FeedPort, Refused, SocketInput};
use crate::record::{Latencies, Span};
use crate::tape::{self, FeedInput, Tape};

/// How many frames are read before messages from the rings.
const FRAMES_PER_TURN: usize = 64;
/// How many messages from `reconcile` are taken per turn. All traded markets are read again periodically, and frames
/// must not wait for a thousand listings.
const RECONCILE_PER_TURN: usize = 8;

/// A copy of every frame, for a paper session's exchange.
pub(super) type Tee = crossbeam::channel::Sender<TeeFrame>;

/// A frame of the live feed for the paper exchange.
#[derive(Clone, Debug)]
pub struct TeeFrame {
    pub text: Vec<u8>,
    /// When it was read, in session milliseconds.
    pub session_ms: i64,
}

pub(super) struct FeedThread {
    pub(super) stage: FeedStage,
    pub(super) tape: Tape,
    pub(super) wires: FeedWires,
    pub(super) decide: Receiver<DecideToFeed>,
    pub(super) reconcile: Receiver<ReconcileToFeed>,
}

pub(super) struct FeedWires {
    pub(super) bench: Bench,
    pub(super) socket: LiveSocket,
    pub(super) trouble: Trouble,
    pub(super) book: BookSender,
    pub(super) execute: Sender<FeedToExecute>,
    pub(super) tee: Option<Tee>,
}

/// What the feed thread returns at its end.
pub(super) struct FeedOutcome {
    pub(super) counters: FeedCounters,
    pub(super) last_problem: Option<String>,
    pub(super) latencies: Latencies,
    pub(super) checkpoints: CheckpointCost,
}

impl FeedPort for FeedWires {
    #[inline]
    fn push(&mut self, message: FeedMessage) -> Result<(), Refused> {
        match message {
            FeedMessage::Decide(message) => self.book.push(message),
            FeedMessage::Execute(message) => Ok(self.execute.push(message)?),
        }
    }

    fn tell(&mut self, effect: FeedEffect<'_>) {
        match effect {
            FeedEffect::Socket(output) => self.socket.tell(output),
            FeedEffect::Overflow(epoch) => self.book.raise_overflow(epoch),
        }
    }

    fn stamp_ns(&mut self) -> u64 {
        self.bench.clock.now_ns()
    }

    fn take_levels(&mut self) -> Option<Box<BookLevels>> {
        self.book.take_levels()
    }

    fn latency(&mut self, span: Span, nanos: u64) {
        self.bench.latency(span, nanos);
    }
}

impl FeedThread {
    /// Runs until the session ends.
    pub(super) fn run(mut self) -> std::io::Result<FeedOutcome> {
        let mut idle = self.wires.bench.settle()?;
        let now = self.wires.bench.tick();
        self.tape.checkpoint(now, &self.stage);
        self.take(FeedInput::Start, now);
        while !self.wires.bench.control.exit_requested() {
            let mut worked = false;
            for _ in 0..FRAMES_PER_TURN {
                let Some(input) = self.wires.socket.poll(&idle) else { break };
                self.input(&input);
                worked = true;
            }
            worked |= self.rings();
            let now = self.wires.bench.tick();
            if now.mono_ns >= self.stage.deadline_ns() {
                self.take(FeedInput::Timer, now);
            }
            self.wires.bench.checkpoint(worked, &mut self.tape, &self.stage);
            let frames = self.stage.counters().frames;
            if self.wires.bench.pulse(|| Progress { frames, ..Progress::default() }) {
                self.wires.trouble.tell(self.stage.last_problem());
            }
            if !worked {
                if self.wires.bench.rehearsal_due() {
                    self.stage.rehearse();
                }
                idle.wait();
            }
        }
        let now = self.wires.bench.tick();
        self.tape.end(now, &self.stage);
        Ok(FeedOutcome {
            counters: *self.stage.counters(),
            last_problem: self.stage.last_problem().map(str::to_owned),
            latencies: self.wires.bench.latencies,
            checkpoints: self.wires.bench.checkpoints,
        })
    }

    fn take(&mut self, input: FeedInput<'_>, now: Now) {
        tape::feed(&mut self.stage, input, now, &mut self.tape, &mut self.wires);
    }

    fn input(&mut self, input: &SocketInput<Utf8Bytes>) {
        let now = self.wires.bench.tick();
        if let (SocketInput::Frame { bytes: text, .. }, Some(tee)) = (input, &self.wires.tee) {
            // Cannot fail: the paper exchange outlives this thread.
            let _ = tee.send(TeeFrame { text: text.as_str().into(), session_ms: now.session_ms });
        }
        self.take(FeedInput::Socket(lent("public", input)), now);
    }

    fn rings(&mut self) -> bool {
        let mut worked = false;
        for _ in 0..RECONCILE_PER_TURN {
            let Some(message) = self.reconcile.pop() else { break };
            let now = self.wires.bench.tick();
            self.take(FeedInput::Reconcile(message), now);
            worked = true;
        }
        while let Some(message) = self.decide.pop() {
            let now = self.wires.bench.tick();
            self.take(FeedInput::Decide(message), now);
            worked = true;
        }
        worked
    }
}
