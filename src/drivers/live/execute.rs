//! The execute thread: ledger, risk gate and orders between the rings and the order connections.

use super::Progress;
use super::common::{Bench, CheckpointCost};
use crate::clock::Now;
use crate::execute::ExecuteStage;
use crate::host::idle::Idle;
use crate::host::ring::{Receiver, Sender};
use crate::messages::{
    AccountEvent, AccountNote, DayState, DecideToExecute, ExecuteToReconcile, FeedToExecute, KnownGroup,
};
use crate::network::http::{HttpEvent, HttpPool};
use crate::network::signing::SignatureCache;
use crate::ports::{ExecuteEffect, ExecuteMessage, ExecutePort, Full, NotSent, OrderRequest};
use crate::record::{Latencies, Span};
use crate::tape::{self, ExecuteInput, Tape};

/// Room for the largest answer to an order write.
const ANSWER_BYTES: usize = 64 << 10;
/// How many account events are handled before intents.
const EVENTS_PER_TURN: usize = 64;

pub(super) struct ExecuteThread {
    pub(super) stage: ExecuteStage,
    pub(super) tape: Tape,
    pub(super) wires: ExecuteWires,
    pub(super) decide: Receiver<DecideToExecute>,
    pub(super) feed: Receiver<FeedToExecute>,
    pub(super) reconcile: Receiver<AccountEvent>,
}

pub(super) struct ExecuteWires {
    pub(super) bench: Bench,
    pub(super) http: HttpPool,
    pub(super) signatures: SignatureCache,
    pub(super) decide: Sender<AccountNote>,
    pub(super) reconcile: Sender<ExecuteToReconcile>,
    /// Where the daily loss is kept; written by a cold thread.
    pub(super) day_state: crossbeam::channel::Sender<DayState>,
    /// Where the order groups are kept; read by the same thread.
    pub(super) groups: crossbeam::channel::Sender<Vec<KnownGroup>>,
}

/// What the execute thread returns at its end.
pub(super) struct ExecuteOutcome {
    pub(super) stage: ExecuteStage,
    pub(super) latencies: Latencies,
    pub(super) checkpoints: CheckpointCost,
}

impl ExecutePort for ExecuteWires {
    #[inline]
    fn push(&mut self, message: ExecuteMessage) -> Result<(), Full> {
        match message {
            ExecuteMessage::Decide(note) => self.decide.push(note),
            ExecuteMessage::Reconcile(message) => self.reconcile.push(message),
        }
    }

    fn tell(&mut self, effect: ExecuteEffect<'_>) {
        match effect {
            ExecuteEffect::Presign(method, path) => self.signatures.presign(method, path),
            ExecuteEffect::Abandon(request) => self.http.abandon(request),
            ExecuteEffect::Groups(known) => {
                // Cannot fail: the reader outlives this thread.
                let _ = self.groups.send(known.to_vec());
            }
            ExecuteEffect::Day(state) => {
                // Cannot fail: the writer outlives this thread.
                let _ = self.day_state.send(*state);
            }
        }
    }

    fn request(&mut self, request: &OrderRequest<'_>) -> Result<u64, NotSent> {
        let wall_ms = self.bench.clock.wall_ms();
        // The query is not part of what is signed.
        let signed = request.path.split_once('?').map_or(request.path, |(path, _query)| path);
        match self.signatures.signature(request.method, signed, wall_ms) {
            Ok(signature) => self.http.request(request, &signature),
            Err(error) => {
                tracing::error!(%error, "an order could not be signed");
                Err(NotSent)
            }
        }
        .map(|()| self.bench.clock.now_ns())
    }

    fn rehearse(&mut self, request: &OrderRequest<'_>) {
        if let Some(signature) = self.signatures.peek(request.method, request.path) {
            self.http.rehearse(request, signature);
        }
    }

    fn stamp_ns(&mut self) -> u64 {
        self.bench.clock.now_ns()
    }

    fn latency(&mut self, span: Span, nanos: u64) {
        self.bench.latency(span, nanos);
    }
}

impl ExecuteThread {
    /// Runs until the session ends.
    pub(super) fn run(mut self) -> std::io::Result<ExecuteOutcome> {
        let mut idle = self.wires.bench.settle()?;
        let now = self.wires.bench.tick();
        self.tape.checkpoint(now, &self.stage);
        let mut body = Vec::with_capacity(ANSWER_BYTES);
        let (mut stopping, mut tripping) = (false, false);
        while !self.wires.bench.control.exit_requested() {
            // Done here rather than when an order is written, which would delay the order.
            self.wires.signatures.refresh();
            let mut worked = self.rings();
            worked |= self.answers(&idle, &mut body);
            let now = self.wires.bench.tick();
            if now.mono_ns >= self.stage.deadline_ns() {
                self.take(ExecuteInput::Timer, now);
            }
            if !tripping && let Some(reason) = self.wires.bench.control.trip_requested().map(str::to_owned) {
                tripping = true;
                self.take(ExecuteInput::Trip(reason.into()), now);
            }
            if !stopping && self.wires.bench.control.stop_requested() {
                stopping = true;
                self.take(ExecuteInput::Stop, now);
            }
            if self.stage.tripped().is_some() {
                self.wires.bench.control.set_tripped();
            }
            if self.stage.agreement().is_some() {
                self.wires.bench.control.set_done();
            }
            self.wires.bench.checkpoint(worked, &mut self.tape, &self.stage);
            let stage = &self.stage;
            let _ = self.wires.bench.pulse(|| pulse(stage, now));
            if !worked {
                if self.wires.bench.rehearsal_due() {
                    self.stage.rehearse(now, &mut self.wires);
                }
                idle.wait();
            }
        }
        let now = self.wires.bench.tick();
        self.tape.end(now, &self.stage);
        Ok(ExecuteOutcome {
            stage: self.stage,
            latencies: self.wires.bench.latencies,
            checkpoints: self.wires.bench.checkpoints,
        })
    }

    fn take(&mut self, input: ExecuteInput<'_>, now: Now) {
        tape::execute(&mut self.stage, input, now, &mut self.tape, &mut self.wires);
    }

    fn rings(&mut self) -> bool {
        let mut worked = false;
        while let Some(message) = self.feed.pop() {
            let now = self.wires.bench.tick();
            self.take(ExecuteInput::Feed(message), now);
            worked = true;
        }
        while let Some(message) = self.decide.pop() {
            let now = self.wires.bench.tick();
            self.take(ExecuteInput::Decide(message), now);
            worked = true;
        }
        for _ in 0..EVENTS_PER_TURN {
            let Some(event) = self.reconcile.pop() else { break };
            let now = self.wires.bench.tick();
            self.take(ExecuteInput::Reconcile(event), now);
            worked = true;
        }
        worked
    }

    fn answers(&mut self, idle: &Idle, body: &mut Vec<u8>) -> bool {
        let mut worked = false;
        loop {
            let now = self.wires.bench.tick();
            let Some(event) = self.wires.http.poll(now.mono_ns, idle, body) else { return worked };
            worked = true;
            match event {
                HttpEvent::Answer { request, status, read_ns } => {
                    self.take(ExecuteInput::Answer { request, status, read_ns, body }, now);
                }
                HttpEvent::NoAnswer { request, why } => {
                    tracing::warn!(request, ?why, "an order write remains without an answer");
                    self.take(ExecuteInput::NoAnswer(request, why), now);
                }
            }
        }
    }
}

/// The figures of the account for the live line.
fn pulse(stage: &ExecuteStage, now: Now) -> Progress {
    let counters = stage.counters();
    Progress {
        orders: counters.sent,
        amends: counters.amended,
        fills: counters.fills,
        position: stage.positions().map(|position| position.contracts).sum(),
        leases: stage.is_synced().then(|| stage.lease_plan()),
        pnl: stage.pnl(),
        verdicts: counters.verdicts,
        standstill: stage.standstill(now),
        waiting: stage.waiting(now),
        ..Progress::default()
    }
}
