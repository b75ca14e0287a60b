//! The reconcile thread: the private WebSocket, the cold REST helper, the rings to `execute` and `feed`.

use super::common::Bench;
use super::control::Pulse;
use crate::messages::{AccountEvent, Listing, QueryRequest};
use crate::pipeline::rest::{RestHelper, RestOutcome};
use crate::pipeline::ring::{Receiver, Sender};
use crate::pipeline::websocket::{LiveSocket, WsInput};
use crate::ports::{ConnectionId, Full, ReconcilePort, RequestId, SocketPort};
use crate::reconcile::{ReconcileCounters, ReconcileStage};
use crate::record::Latencies;
use crate::record::journal::{Flags, Kind};

/// How many frames are read before the rings are looked at again.
const FRAMES_PER_TURN: usize = 64;

/// Something done to an account event on its way to the ledger: the negative tests' seam. `None` in every other run.
pub type Tamper = Box<dyn FnMut(AccountEvent) -> Vec<AccountEvent> + Send>;

/// Everything the reconcile thread owns.
pub(super) struct ReconcileThread {
    pub(super) stage: ReconcileStage,
    pub(super) wires: ReconcileWires,
    pub(super) queries: Receiver<QueryRequest>,
}

/// What the stage's port uses.
pub(super) struct ReconcileWires {
    pub(super) bench: Bench,
    pub(super) socket: LiveSocket,
    pub(super) rest: RestHelper,
    pub(super) account: Sender<AccountEvent>,
    pub(super) listings: Sender<Listing>,
}

/// What the reconcile thread leaves behind.
pub(super) struct ReconcileOutcome {
    pub(super) counters: ReconcileCounters,
    pub(super) problems: Vec<String>,
    pub(super) latencies: Latencies,
}

impl SocketPort for ReconcileWires {
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

impl ReconcilePort for ReconcileWires {
    fn get(&mut self, request: RequestId, path: &str) {
        self.bench.message(Kind::Request, Flags::Output, &(request, path));
        self.rest.get(request, path);
    }

    fn account(&mut self, event: &AccountEvent) -> Result<(), Full> {
        let result = self.account.push(*event);
        self.bench.pushed(Kind::AccountEvent, event, result)
    }

    fn list(&mut self, listing: &Listing) -> Result<(), Full> {
        let result = self.listings.push(*listing);
        self.bench.pushed(Kind::Listing, listing, result)
    }
}

impl ReconcileThread {
    /// Runs until the session ends.
    pub(super) fn run(mut self) -> std::io::Result<ReconcileOutcome> {
        let mut idle = self.wires.bench.settle()?;
        let now = self.wires.bench.tick();
        self.stage.start(now, &mut self.wires);
        while !self.wires.bench.control.exit_requested() {
            let mut worked = false;
            for _ in 0..FRAMES_PER_TURN {
                // Undelivered facts first: what is not read waits in the kernel and is not lost.
                if !self.stage.wants_input() {
                    break;
                }
                let Some((connection, input)) = self.wires.socket.poll(&idle) else { break };
                self.input(connection, input);
                worked = true;
            }
            while self.stage.wants_input() {
                let Some(answer) = self.wires.rest.poll() else { break };
                self.answer(&answer);
                worked = true;
            }
            while let Some(query) = self.queries.pop() {
                let now = self.wires.bench.tick();
                self.wires.bench.message(Kind::QueryRequest, Flags::Input, &query);
                self.stage.on_query(&query, now, &mut self.wires);
                worked = true;
            }
            let now = self.wires.bench.tick();
            if now.mono_ns >= self.stage.deadline_ns() {
                self.wires.bench.event(Kind::Timer, Flags::Input);
                self.stage.on_timer(now, &mut self.wires);
            }
            self.wires.bench.pulse(Pulse::default);
            if !worked {
                idle.wait();
            }
        }
        self.wires.bench.event(Kind::End, Flags::Input);
        Ok(ReconcileOutcome {
            counters: *self.stage.counters(),
            problems: self.stage.problems().to_vec(),
            latencies: self.wires.bench.latencies,
        })
    }

    fn input(&mut self, connection: ConnectionId, input: WsInput) {
        let now = self.wires.bench.tick();
        match input {
            WsInput::Text { text, read_ns } => {
                let bytes = text.as_str().as_bytes();
                self.wires.bench.bytes(Kind::Frame, Flags::Input, bytes);
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
                tracing::warn!(connection, reason = %lost.reason, "the private stream was lost");
                self.stage.on_closed(connection, &lost, now, &mut self.wires);
            }
        }
    }

    fn answer(&mut self, answer: &RestOutcome) {
        let now = self.wires.bench.tick();
        match &answer.result {
            Ok(response) => {
                self.wires.bench.message(
                    Kind::Answer,
                    Flags::Input,
                    &(answer.request, response.status, &response.body),
                );
                self.stage.on_answer(
                    answer.request,
                    response.status,
                    &response.body,
                    answer.read_ns,
                    now,
                    &mut self.wires,
                );
            }
            Err(error) => {
                let reason = error.to_string();
                self.wires.bench.message(Kind::NoAnswer, Flags::Input, &(answer.request, &reason));
                self.stage.on_no_answer(answer.request, &reason, now, &mut self.wires);
            }
        }
    }
}
