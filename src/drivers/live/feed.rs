//! The feed thread: the public WebSocket, the feed stage, the rings to `decide` and `execute`.

use super::book_rings::BookSender;
use super::common::{Bench, CheckpointCost, Trouble, socket_input};
use super::control::Pulse;
use crate::clock::Now;
use crate::feed::{FeedCounters, FeedStage};
use crate::host::ring::{Receiver, Sender};
use crate::market::BookLevels;
use crate::messages::{BookEvent, Listing, MarketStatus, ResyncRequest};
use crate::network::websocket::{LiveSocket, WsInput};
use crate::ports::{ConnectionId, FeedPort, Full, SocketPort};
use crate::record::{Latencies, Span};
use crate::tape::{self, FeedInput, Tape};

/// How many frames are read before the rings are looked at again.
const FRAMES_PER_TURN: usize = 64;
/// How many listings are taken at a turn: all traded markets are read again from time to time, and frames must not wait
/// for a thousand of them.
const LISTINGS_PER_TURN: usize = 8;

/// A copy of every frame, for a paper session's exchange.
pub(super) type Tee = crossbeam::channel::Sender<TeeFrame>;

/// A frame of the live feed on its way to the paper exchange.
#[derive(Clone, Debug)]
pub struct TeeFrame {
    /// The frame.
    pub text: Vec<u8>,
    /// When it was read, in session milliseconds.
    pub session_ms: i64,
}

/// Everything the feed thread owns.
pub(super) struct FeedThread {
    pub(super) stage: FeedStage,
    pub(super) tape: Tape,
    pub(super) wires: FeedWires,
    pub(super) resyncs: Receiver<ResyncRequest>,
    pub(super) listings: Receiver<Listing>,
}

/// What the stage's port uses.
pub(super) struct FeedWires {
    pub(super) bench: Bench,
    pub(super) socket: LiveSocket,
    pub(super) trouble: Trouble,
    pub(super) book: BookSender,
    pub(super) statuses: Sender<MarketStatus>,
    pub(super) tee: Option<Tee>,
}

/// What the feed thread leaves behind.
pub(super) struct FeedOutcome {
    pub(super) counters: FeedCounters,
    pub(super) last_problem: Option<String>,
    pub(super) latencies: Latencies,
    pub(super) checkpoints: CheckpointCost,
}

impl SocketPort for FeedWires {
    fn connect(&mut self, connection: ConnectionId) {
        self.socket.connect(connection);
    }

    fn send(&mut self, connection: ConnectionId, text: &str) {
        self.socket.send(connection, text);
    }

    fn close(&mut self, connection: ConnectionId) {
        self.socket.close(connection);
    }
}

impl FeedPort for FeedWires {
    fn stamp_ns(&mut self) -> u64 {
        self.bench.clock.now_ns()
    }

    fn take_levels(&mut self) -> Option<Box<BookLevels>> {
        self.book.take_levels()
    }

    fn return_levels(&mut self, levels: Box<BookLevels>) {
        self.book.return_levels(levels);
    }

    fn book(&mut self, event: &BookEvent) -> Result<(), Full> {
        self.book.event(event)
    }

    fn snapshot(&mut self, event: &BookEvent, levels: Box<BookLevels>) -> Result<(), Box<BookLevels>> {
        self.book.snapshot(event, levels)
    }

    fn list(&mut self, event: &BookEvent, listing: &Listing) -> Result<(), Full> {
        self.book.list(event, listing)
    }

    fn raise_overflow(&mut self, epoch: u64) {
        self.book.raise_overflow(epoch);
    }

    fn status(&mut self, status: &MarketStatus) -> Result<(), Full> {
        self.statuses.push(*status)
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
                let Some((connection, input)) = self.wires.socket.poll(&idle) else { break };
                self.input(connection, &input);
                worked = true;
            }
            worked |= self.rings();
            let now = self.wires.bench.tick();
            if now.mono_ns >= self.stage.deadline_ns() {
                self.take(FeedInput::Timer, now);
            }
            self.wires.bench.checkpoint(worked, &mut self.tape, &self.stage);
            let frames = self.stage.counters().frames;
            if self.wires.bench.pulse(|| Pulse { frames, ..Pulse::default() }) {
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

    fn input(&mut self, connection: ConnectionId, input: &WsInput) {
        let now = self.wires.bench.tick();
        if let (WsInput::Text { text, .. }, Some(tee)) = (input, &self.wires.tee) {
            // The paper exchange ends only after this thread.
            let _ = tee.send(TeeFrame { text: text.as_str().into(), session_ms: now.session_ms });
        }
        self.take(FeedInput::Socket(socket_input("public", connection, input)), now);
    }

    fn rings(&mut self) -> bool {
        let mut worked = false;
        for _ in 0..LISTINGS_PER_TURN {
            let Some(listing) = self.listings.pop() else { break };
            let now = self.wires.bench.tick();
            self.take(FeedInput::Listing(listing), now);
            worked = true;
        }
        while let Some(request) = self.resyncs.pop() {
            let now = self.wires.bench.tick();
            self.take(FeedInput::Resync(request), now);
            worked = true;
        }
        worked
    }
}
