//! The reconcile thread: the private WebSocket, the cold REST helper, the rings to `execute` and `feed`.

use tungstenite::Utf8Bytes;

use super::Progress;
use super::common::{Bench, CheckpointCost, Trouble, lent};
use crate::clock::Now;
use crate::host::ring::{Receiver, Sender};
use crate::messages::{AccountEvent, ExecuteToReconcile, ReconcileToFeed};
use crate::network::rest::{RestHelper, RestOutcome};
use crate::network::websocket::LiveSocket;
use crate::ports::{Full, ReconcileEffect, ReconcileMessage, ReconcilePort, SocketInput};
use crate::reconcile::{ReconcileCounters, ReconcileStage};
use crate::record::Latencies;
use crate::tape::{self, ReconcileInput, Tape};

/// How many frames are read before messages from the rings.
const FRAMES_PER_TURN: usize = 64;

pub(super) struct ReconcileThread {
    pub(super) stage: ReconcileStage,
    pub(super) tape: Tape,
    pub(super) wires: ReconcileWires,
    pub(super) execute: Receiver<ExecuteToReconcile>,
}

pub(super) struct ReconcileWires {
    pub(super) bench: Bench,
    pub(super) socket: LiveSocket,
    pub(super) trouble: Trouble,
    pub(super) rest: RestHelper,
    pub(super) execute: Sender<AccountEvent>,
    pub(super) feed: Sender<ReconcileToFeed>,
}

/// What the reconcile thread returns at its end.
pub(super) struct ReconcileOutcome {
    pub(super) counters: ReconcileCounters,
    pub(super) problems: Vec<String>,
    pub(super) latencies: Latencies,
    pub(super) checkpoints: CheckpointCost,
}

impl ReconcilePort for ReconcileWires {
    fn push(&mut self, message: ReconcileMessage) -> Result<(), Full> {
        match message {
            ReconcileMessage::Execute(event) => self.execute.push(event),
            ReconcileMessage::Feed(message) => self.feed.push(message),
        }
    }

    fn tell(&mut self, effect: ReconcileEffect<'_>) {
        match effect {
            ReconcileEffect::Socket(output) => self.socket.tell(output),
            ReconcileEffect::Get(request, path) => self.rest.get(request, path),
        }
    }
}

impl ReconcileThread {
    /// Runs until the session ends.
    pub(super) fn run(mut self) -> std::io::Result<ReconcileOutcome> {
        let mut idle = self.wires.bench.settle()?;
        let now = self.wires.bench.tick();
        self.tape.checkpoint(now, &self.stage);
        self.take(ReconcileInput::Start, now);
        while !self.wires.bench.control.exit_requested() {
            let mut worked = false;
            for _ in 0..FRAMES_PER_TURN {
                // Deliver waiting facts first: unread frames wait in the kernel and are not lost.
                if !self.stage.wants_input() {
                    break;
                }
                let Some(input) = self.wires.socket.poll(&idle) else { break };
                self.input(&input);
                worked = true;
            }
            while self.stage.wants_input() {
                let Some(answer) = self.wires.rest.poll() else { break };
                self.answer(&answer);
                worked = true;
            }
            while let Some(message) = self.execute.pop() {
                let now = self.wires.bench.tick();
                self.take(ReconcileInput::Execute(message), now);
                worked = true;
            }
            let now = self.wires.bench.tick();
            if now.mono_ns >= self.stage.deadline_ns() {
                self.take(ReconcileInput::Timer, now);
            }
            self.wires.bench.checkpoint(worked, &mut self.tape, &self.stage);
            if self.wires.bench.pulse(Progress::default) {
                self.wires.trouble.tell(self.stage.problems().last().map(String::as_str));
            }
            if !worked {
                idle.wait();
            }
        }
        let now = self.wires.bench.tick();
        self.tape.end(now, &self.stage);
        Ok(ReconcileOutcome {
            counters: *self.stage.counters(),
            problems: self.stage.problems().to_vec(),
            latencies: self.wires.bench.latencies,
            checkpoints: self.wires.bench.checkpoints,
        })
    }

    fn take(&mut self, input: ReconcileInput<'_>, now: Now) {
        tape::reconcile(&mut self.stage, input, now, &mut self.tape, &mut self.wires);
    }

    fn input(&mut self, input: &SocketInput<Utf8Bytes>) {
        let now = self.wires.bench.tick();
        self.take(ReconcileInput::Socket(lent("private", input)), now);
    }

    fn answer(&mut self, answer: &RestOutcome) {
        let now = self.wires.bench.tick();
        let request = answer.request;
        match &answer.result {
            Ok(response) => {
                let (status, read_ns, body) = (response.status, answer.read_ns, response.body.as_slice());
                self.take(ReconcileInput::Answer { request, status, read_ns, body }, now);
            }
            Err(error) => self.take(ReconcileInput::NoAnswer(request, error.to_string().into()), now),
        }
    }
}
