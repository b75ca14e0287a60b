//! The feed thread: the public WebSocket, the feed stage, the rings to `decide` and `execute`.

use super::common::Bench;
use super::control::Pulse;
use crate::feed::{FeedCounters, FeedStage};
use crate::market::BookLevels;
use crate::messages::{BookEvent, Listing, MarketStatus, ResyncRequest};
use crate::pipeline::ring::{BookSender, Receiver, Sender};
use crate::pipeline::websocket::{LiveSocket, WsInput};
use crate::ports::{ConnectionId, FeedPort, Full, SocketPort};
use crate::record::journal::{Flags, Kind};
use crate::record::{Latencies, Stage};

/// How many frames are read before the rings are looked at again.
const FRAMES_PER_TURN: usize = 64;

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
    pub(super) wires: FeedWires,
    pub(super) resyncs: Receiver<ResyncRequest>,
    pub(super) listings: Receiver<Listing>,
}

/// What the stage's port uses.
pub(super) struct FeedWires {
    pub(super) bench: Bench,
    pub(super) socket: LiveSocket,
    pub(super) book: BookSender,
    pub(super) statuses: Sender<MarketStatus>,
    pub(super) tee: Option<Tee>,
}

/// What the feed thread leaves behind.
pub(super) struct FeedOutcome {
    pub(super) counters: FeedCounters,
    pub(super) last_problem: Option<String>,
    pub(super) latencies: Latencies,
}

impl SocketPort for FeedWires {
    fn connect(&mut self, connection: ConnectionId) {
        self.bench.message(Kind::Connect, Flags::Output, &connection);
        self.socket.connect(connection);
    }

    fn send(&mut self, connection: ConnectionId, text: &str) {
        self.bench.message(Kind::Frame, Flags::Output, &(connection, text));
        self.socket.send(connection, text);
    }

    fn close(&mut self, connection: ConnectionId) {
        self.bench.message(Kind::Closed, Flags::Output, &connection);
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
        let result = self.book.event(event);
        if result.is_err() {
            self.bench.message(Kind::BookEvent, Flags::Refused, event);
        }
        result
    }

    fn snapshot(&mut self, event: &BookEvent, levels: Box<BookLevels>) -> Result<(), Box<BookLevels>> {
        let result = self.book.snapshot(event, levels);
        if result.is_err() {
            self.bench.message(Kind::BookEvent, Flags::Refused, event);
        }
        result
    }

    fn list(&mut self, event: &BookEvent, listing: &Listing) -> Result<(), Full> {
        let result = self.book.list(event, listing);
        if result.is_err() {
            self.bench.message(Kind::BookEvent, Flags::Refused, event);
        }
        result
    }

    fn raise_overflow(&mut self, epoch: u64) {
        self.bench.message(Kind::OverflowEpoch, Flags::Output, &epoch);
        self.book.raise_overflow(epoch);
    }

    fn status(&mut self, status: &MarketStatus) -> Result<(), Full> {
        let result = self.statuses.push(*status);
        if result.is_err() {
            self.bench.message(Kind::MarketStatus, Flags::Refused, status);
        }
        result
    }

    fn latency(&mut self, stage: Stage, nanos: u64) {
        self.bench.latency(stage, nanos);
    }
}

impl FeedThread {
    /// Runs until the session ends.
    pub(super) fn run(mut self) -> std::io::Result<FeedOutcome> {
        let mut idle = self.wires.bench.settle()?;
        let now = self.wires.bench.tick();
        self.stage.start(now, &mut self.wires);
        while !self.wires.bench.control.exit_requested() {
            let mut worked = false;
            for _ in 0..FRAMES_PER_TURN {
                let Some((connection, input)) = self.wires.socket.poll(&idle) else { break };
                self.input(connection, input);
                worked = true;
            }
            worked |= self.rings();
            let now = self.wires.bench.tick();
            if now.mono_ns >= self.stage.deadline_ns() {
                self.wires.bench.event(Kind::Timer, Flags::Input);
                self.stage.on_timer(now, &mut self.wires);
            }
            let frames = self.stage.counters().frames;
            self.wires.bench.pulse(|| Pulse { frames, ..Pulse::default() });
            if !worked {
                if self.wires.bench.rehearsal_due() {
                    self.stage.rehearse();
                }
                idle.wait();
            }
        }
        self.wires.bench.event(Kind::End, Flags::Input);
        Ok(FeedOutcome {
            counters: *self.stage.counters(),
            last_problem: self.stage.last_problem().map(str::to_owned),
            latencies: self.wires.bench.latencies,
        })
    }

    fn input(&mut self, connection: ConnectionId, input: WsInput) {
        let now = self.wires.bench.tick();
        match input {
            WsInput::Text { text, read_ns } => {
                let bytes = text.as_str().as_bytes();
                self.wires.bench.bytes(Kind::Frame, Flags::Input, bytes);
                if let Some(tee) = &self.wires.tee {
                    // The paper exchange ends only after this thread.
                    let _ = tee.send(TeeFrame { text: bytes.to_vec(), session_ms: now.session_ms });
                }
                self.stage.on_frame(connection, bytes, read_ns, now, &mut self.wires);
            }
            WsInput::Ping => {
                self.wires.bench.event(Kind::Ping, Flags::Input);
                self.stage.on_ping(connection, now);
            }
            WsInput::Opened => {
                self.wires.bench.message(Kind::Connect, Flags::Input, &connection);
                self.stage.on_opened(connection, now, &mut self.wires);
            }
            WsInput::Closed(lost) => {
                self.wires.bench.message(Kind::Closed, Flags::Input, &(connection, &lost.reason, lost.http_status));
                tracing::warn!(connection, reason = %lost.reason, "the public stream was lost");
                self.stage.on_closed(connection, &lost, now, &mut self.wires);
            }
        }
    }

    fn rings(&mut self) -> bool {
        let mut worked = false;
        while let Some(listing) = self.listings.pop() {
            let now = self.wires.bench.tick();
            self.wires.bench.message(Kind::Listing, Flags::Input, &listing);
            self.stage.on_listing(&listing, now, &mut self.wires);
            worked = true;
        }
        while let Some(request) = self.resyncs.pop() {
            let now = self.wires.bench.tick();
            self.wires.bench.message(Kind::ResyncRequest, Flags::Input, &request);
            self.stage.on_resync(&request, now, &mut self.wires);
            worked = true;
        }
        worked
    }
}
