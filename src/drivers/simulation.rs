//! The simulation driver: the whole trader and the embedded exchange in one thread on virtual time, wire encoding
//! included. The same inputs give the same run, whatever the machine does.

mod delivery;
mod events;
mod turns;

use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use self::events::LastEvents;
pub use self::turns::Turn;
use self::turns::Turns;
use super::network::Network;
use super::network_faults::NetworkFaults;
pub use super::network_faults::{FaultRates, NetworkFault};
use super::wires::{BookItem, DecideIo, ExecuteIo, FeedIo, ReconcileIo, Wires};
pub use super::wires::{Handed, ReceivedFrame, Ring, SentRequest};
use crate::clock::{NEVER_NS, Now, SessionClock};
use crate::decide::DecisionRecord;
use crate::decide::policy::Policy;
use crate::exchange::gateway::ExchangeNow;
use crate::exchange::venue::Exchange;
use crate::execute::{DayState, KnownGroup};
use crate::market::MarketKey;
use crate::messages::AccountEvent;
use crate::pipeline::stages::Stages;
use crate::ports::ConnectionId;
use crate::record::journal::{JournalNote, JournalReport, Scribe, SegmentLimits, StageId, create_journal};
use crate::tape::{self, DecideInput, ExecuteInput, FeedInput, ReconcileInput, Tape};
use crate::wire::sign::Credentials;

/// How a simulation runs.
pub struct SimulationConfig {
    /// Session time at the start and how fast it runs against virtual time.
    pub clock: SessionClock,
    /// One-way delay of every message, in milliseconds of session time, so that the speed changes nothing.
    pub network_latency_ms: u64,
    /// What the network does to messages, and from which seed.
    pub network_faults: (u64, FaultRates),
    /// Messages in each ring.
    pub ring_capacity: usize,
    /// Buffers for snapshots.
    pub snapshot_buffers: usize,
    /// Signs the trader's requests.
    pub credentials: Arc<Credentials>,
    /// Whether the public frames are kept for [`Simulation::frames`].
    pub keep_frames: bool,
}

/// How often things may happen at one instant. A run without latency needs some thousands at its start; a stage whose
/// deadline stays in the past needs forever.
const STEPS_AT_ONE_INSTANT_MAX: u32 = 100_000;

/// Bytes of each stage's ring to the journal, which is drained at every step.
const JOURNAL_RING_BYTES: usize = 8 << 20;

/// Something done to account events on their way to the ledger, for tests that must see a fault named.
pub type Tamper = Box<dyn FnMut(AccountEvent) -> Vec<AccountEvent>>;

/// The stages' sides of the journal, if there is one.
struct Tapes {
    feed: Tape,
    decide: Tape,
    execute: Tape,
    reconcile: Tape,
    scribe: Option<Scribe>,
}

impl Default for Tapes {
    fn default() -> Self {
        let [feed, decide, execute, reconcile] = [(); 4].map(|()| Tape::new(None));
        Self { feed, decide, execute, reconcile, scribe: None }
    }
}

impl Tapes {
    /// Writes what was noted, and nothing of an end.
    fn abandon(mut self) {
        if let Some(scribe) = &mut self.scribe {
            scribe.turn();
        }
    }

    /// Drops the pens and takes what they wrote.
    fn finish(self) -> Option<JournalReport> {
        let scribe = self.scribe;
        drop((self.feed, self.decide, self.execute, self.reconcile));
        scribe.map(Scribe::finish)
    }
}

/// A running simulation.
pub struct Simulation<P: Policy> {
    clock: SessionClock,
    now_ns: u64,
    stages: Stages<P>,
    tapes: Tapes,
    exchange: Exchange,
    wires: Wires,
    credentials: Arc<Credentials>,
    keep_frames: bool,
    tamper: Option<Tamper>,
    /// Steps since time last moved.
    steps_at_instant: u32,
    turns: Turns,
    /// Over everything that was delivered.
    trace: DefaultHasher,
    last_events: Option<LastEvents>,
    snapshot_buffers: usize,
    /// The newest frame that reached the feed stage, and on which connection.
    newest_frame: Option<(ConnectionId, Arc<[u8]>)>,
}

impl<P: Policy> Simulation<P> {
    /// Starts the stages at virtual time zero.
    #[must_use]
    pub fn new(config: SimulationConfig, stages: Stages<P>, exchange: Exchange, tamper: Option<Tamper>) -> Self {
        Self::with_tapes(config, stages, exchange, tamper, Tapes::default())
    }

    /// As [`Simulation::new`], with a journal in a folder that has none.
    ///
    /// # Errors
    /// When the folder cannot be written or has a journal already.
    pub fn journaled(
        config: SimulationConfig,
        stages: Stages<P>,
        exchange: Exchange,
        tamper: Option<Tamper>,
        folder: &Path,
        limits: SegmentLimits,
    ) -> io::Result<Self> {
        let description = JournalNote::new("simulation", limits.total_bytes).to_bytes();
        let (writers, scribe) = create_journal(folder, limits, &description, JOURNAL_RING_BYTES, StageId::STAGES)?;
        let [feed, decide, execute, reconcile] = writers.map(|pen| Tape::new(Some(pen)));
        let tapes = Tapes { feed, decide, execute, reconcile, scribe: Some(scribe) };
        Ok(Self::with_tapes(config, stages, exchange, tamper, tapes))
    }

    fn with_tapes(
        config: SimulationConfig,
        stages: Stages<P>,
        exchange: Exchange,
        tamper: Option<Tamper>,
        tapes: Tapes,
    ) -> Self {
        let latency_ns = config.clock.duration_ns(config.network_latency_ms);
        let (seed, rates) = config.network_faults;
        let network = Network::new(latency_ns, NetworkFaults::new(seed, rates));
        let wires = Wires::new(config.ring_capacity, config.snapshot_buffers, network);
        let mut simulation = Self {
            clock: config.clock,
            now_ns: 0,
            stages,
            tapes,
            exchange,
            wires,
            credentials: config.credentials,
            keep_frames: config.keep_frames,
            tamper,
            steps_at_instant: 0,
            turns: Turns::default(),
            trace: DefaultHasher::new(),
            last_events: None,
            snapshot_buffers: config.snapshot_buffers,
            newest_frame: None,
        };
        simulation.start_stages();
        simulation
    }

    fn start_stages(&mut self) {
        let now = self.tick();
        let Stages { feed, decide, execute, reconcile } = &self.stages;
        self.tapes.feed.checkpoint(now, feed);
        self.tapes.decide.checkpoint(now, decide);
        self.tapes.execute.checkpoint(now, execute);
        self.tapes.reconcile.checkpoint(now, reconcile);
        self.feed(FeedInput::Start, now);
        self.reconcile(ReconcileInput::Start, now);
    }

    pub(super) fn feed(&mut self, input: FeedInput<'_>, now: Now) {
        tape::feed(&mut self.stages.feed, input, now, &mut self.tapes.feed, &mut FeedIo(&mut self.wires));
    }

    fn decide(&mut self, input: DecideInput, now: Now) {
        tape::decide(&mut self.stages.decide, input, now, &mut self.tapes.decide, &mut DecideIo(&mut self.wires));
    }

    pub(super) fn execute(&mut self, input: ExecuteInput<'_>, now: Now) {
        tape::execute(&mut self.stages.execute, input, now, &mut self.tapes.execute, &mut ExecuteIo(&mut self.wires));
    }

    pub(super) fn reconcile(&mut self, input: ReconcileInput<'_>, now: Now) {
        let port = &mut ReconcileIo(&mut self.wires);
        tape::reconcile(&mut self.stages.reconcile, input, now, &mut self.tapes.reconcile, port);
    }

    /// Gives the journal its turn, and the stages theirs to make the checkpoints it wants.
    fn write_journal(&mut self) {
        let Some(scribe) = &mut self.tapes.scribe else { return };
        scribe.turn();
        let now = self.tick();
        let Stages { feed, decide, execute, reconcile } = &self.stages;
        let Tapes { feed: feeds, decide: decides, execute: executes, reconcile: reconciles, .. } = &mut self.tapes;
        if feeds.checkpoint_due(now, false) {
            feeds.checkpoint(now, feed);
        }
        if decides.checkpoint_due(now, false) {
            decides.checkpoint(now, decide);
        }
        if executes.checkpoint_due(now, false) {
            executes.checkpoint(now, execute);
        }
        if reconciles.checkpoint_due(now, false) {
            reconciles.checkpoint(now, reconcile);
        }
    }

    /// Ends the journal in good order, if there is one. The trader goes on without.
    pub fn end_journal(&mut self) -> Option<JournalReport> {
        let now = self.tick();
        let Stages { feed, decide, execute, reconcile } = &self.stages;
        let mut tapes = std::mem::take(&mut self.tapes);
        tapes.feed.end(now, feed);
        tapes.decide.end(now, decide);
        tapes.execute.end(now, execute);
        tapes.reconcile.end(now, reconcile);
        tapes.finish()
    }

    /// The trader crashes, unless it is dead already, and another starts in its place, without a journal. What was sent still
    /// reaches the exchange; what was on its way to the trader is lost.
    pub fn crash(&mut self, stages: Stages<P>) {
        self.kill();
        self.wires.dies_after = u64::MAX;
        self.stages = stages;
        self.start_stages();
    }

    /// The trader dies as soon as its journal would have so many records since the start, as a killed process does: nothing
    /// leaves it after that.
    pub fn die_after(&mut self, records: u64) {
        self.wires.dies_after = records;
    }

    /// The trader dies now, and its journal ends. The exchange sees its connections end.
    pub fn kill(&mut self) {
        // As a crash leaves it: what was noted is kept, and there is no end.
        std::mem::take(&mut self.tapes).abandon();
        self.tick();
        self.wires.dies_after = 0;
        self.wires.crash(self.snapshot_buffers);
        self.turns = Turns::default();
    }

    /// Whether the trader is dead.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.wires.is_dead()
    }

    /// Inputs and outputs of the trader so far: the records that a journal would have.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.wires.records
    }

    /// A stage does nothing for so long; its rings fill, and its connections wait.
    pub fn freeze(&mut self, turn: Turn, for_ms: u64) {
        self.turns.freeze(turn, self.now_ns + self.clock.duration_ns(for_ms));
    }

    /// A ring refuses everything for so long, as if its reader had let it fill.
    pub fn fill_ring(&mut self, ring: Ring, for_ms: u64) {
        self.wires.close_ring(ring, self.now_ns + self.clock.duration_ns(for_ms));
    }

    /// How often a ring that was filled by hand refused something.
    #[must_use]
    pub fn refused_by_full_rings(&self) -> u64 {
        self.wires.refused
    }

    /// The trader's wall clock is off by so much, for so long.
    pub fn jump_clock(&mut self, by_ms: i64, for_ms: u64) {
        self.wires.clock_jump = Some((by_ms, self.now_ns + self.clock.duration_ns(for_ms)));
    }

    /// How many requests and handshakes were signed by a clock that was off.
    #[must_use]
    pub fn signed_by_jumped_clock(&self) -> u64 {
        self.wires.jumped
    }

    /// Nothing can be written to the disk for so long.
    pub fn fill_disk(&mut self, for_ms: u64) {
        self.wires.disk_full_until_ns = self.now_ns + self.clock.duration_ns(for_ms);
    }

    /// How many writes a full disk refused.
    #[must_use]
    pub fn refused_by_full_disk(&self) -> u64 {
        self.wires.not_written
    }

    /// From now on what happens is put into words.
    pub fn tell_events(&mut self, to: LastEvents) {
        self.last_events = Some(to);
    }

    /// Puts something into words that is done to the simulation from outside.
    pub fn note(&self, what: impl FnOnce() -> String) {
        if let Some(events) = &self.last_events {
            events.push(self.session_ms(), false, &what());
        }
    }

    /// A hash over everything that was delivered so far: to whom, when, and its bytes. Signatures are not part of it.
    #[must_use]
    pub fn trace(&self) -> u64 {
        self.trace.finish()
    }

    /// The network works from now on.
    pub fn end_network_faults(&mut self) {
        self.wires.network.faults_mut().end();
    }

    /// How often the network did something.
    #[must_use]
    pub fn network_faults(&self, fault: NetworkFault) -> u64 {
        self.wires.network.faults().count(fault)
    }

    /// What is kept on disk of the day's loss.
    #[must_use]
    pub fn day_state(&self) -> DayState {
        self.wires.day
    }

    /// What is kept on disk of the order groups.
    #[must_use]
    pub fn known_groups(&self) -> &[KnownGroup] {
        &self.wires.groups
    }

    /// The newest frame that reached the feed stage since the last call, and on which connection.
    pub fn take_newest_frame(&mut self) -> Option<(ConnectionId, Arc<[u8]>)> {
        self.newest_frame.take()
    }

    /// Whether `decide` has worked off, since the last call, what had waited while it was frozen.
    pub fn take_worked_off(&mut self) -> bool {
        std::mem::take(&mut self.turns.worked_off)
    }

    /// What `execute` was handed since the last call, in order.
    pub fn take_handed(&mut self) -> Vec<Handed> {
        std::mem::take(&mut self.wires.handed)
    }

    /// Decisions since the last call on markets of which an event was lost to a full ring and not made good.
    pub fn take_blind_decisions(&mut self) -> Vec<MarketKey> {
        std::mem::take(&mut self.wires.blind)
    }

    /// Whether `decide` has been handed everything that `feed` sent, nothing of it lost to a full ring.
    #[must_use]
    pub fn decide_is_current(&self) -> bool {
        self.wires.book.is_empty() && self.wires.overflow_epoch == self.stages.decide.epoch_cleared()
    }

    /// Runs until that session time.
    pub fn run_until(&mut self, session_ms: i64) {
        let end_ns = self.clock.mono_ns(session_ms);
        while self.step(end_ns) {}
        self.now_ns = self.now_ns.max(end_ns);
    }

    /// Has the stages rehearse once, as idle threads of a live session do.
    pub fn rehearse(&mut self) {
        let now = self.tick();
        self.stages.feed.rehearse();
        self.stages.decide.rehearse();
        self.stages.execute.rehearse(now, &mut ExecuteIo(&mut self.wires));
    }

    /// Asks the trader to stop.
    pub fn request_stop(&mut self) {
        let now = self.tick();
        self.execute(ExecuteInput::Stop, now);
    }

    /// Stops the trader and runs until nothing of it is open and ledger and exchange were compared for the last time, for
    /// at most so many session milliseconds. Says whether it got there.
    pub fn stop(&mut self, patience_ms: i64) -> bool {
        self.request_stop();
        let end_ns = self.clock.mono_ns(self.session_ms() + patience_ms);
        while self.stages.execute.agreement().is_none() {
            if !self.step(end_ns) {
                return false;
            }
        }
        self.stages.execute.is_quiet()
    }

    /// The stages, for their counters and the ledger.
    pub fn stages(&self) -> &Stages<P> {
        &self.stages
    }

    /// The exchange, for the truth.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The exchange, to arm faults and act on its engine by hand.
    pub fn exchange_mut(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    /// Session time now.
    pub fn session_ms(&self) -> i64 {
        self.clock.session_ms(self.now_ns)
    }

    /// Both times of the exchange; in a simulation the wall clock is the session's.
    pub fn exchange_now(&self) -> ExchangeNow {
        let session_ms = self.session_ms();
        ExchangeNow { session_ms, wall_ms: session_ms }
    }

    /// Every order write so far.
    pub fn sent(&self) -> &[SentRequest] {
        &self.wires.sent
    }

    /// Every decision so far.
    pub fn decisions(&self) -> &[DecisionRecord] {
        &self.wires.decisions
    }

    /// Every public frame so far, if they are kept.
    pub fn frames(&self) -> &[ReceivedFrame] {
        &self.wires.frames
    }

    fn tick(&mut self) -> Now {
        let now = self.clock.now(self.now_ns);
        self.wires.set_time(now);
        now
    }

    /// Handles everything of this moment, then moves to the next one. False when the next is after `end_ns`.
    pub(super) fn step(&mut self, end_ns: u64) -> bool {
        self.settle();
        let next_ns = self.next_ns();
        if next_ns > end_ns || next_ns == NEVER_NS {
            return false;
        }
        self.move_to(next_ns);
        let now = self.tick();
        self.exchange.advance(self.exchange_now());
        self.flush_exchange();
        let arrived = match self.turns.next_waiting(now.mono_ns) {
            Some(packet) => Some(packet),
            None => self
                .wires
                .network
                .arrived(now.mono_ns)
                .and_then(|packet| self.turns.hold_back(packet, &self.wires, now.mono_ns)),
        };
        if let Some(packet) = arrived {
            self.deliver(packet, now);
        }
        self.fire_timers(now);
        self.write_journal();
        true
    }

    /// Moves to the next moment. A past one is handled now.
    ///
    /// # Panics
    /// When time stands still: something is due that never gets done.
    fn move_to(&mut self, next_ns: u64) {
        if next_ns > self.now_ns {
            self.now_ns = next_ns;
            self.steps_at_instant = 0;
            return;
        }
        self.steps_at_instant += 1;
        if self.steps_at_instant > STEPS_AT_ONE_INSTANT_MAX {
            let due: Vec<_> = self.deadlines().into_iter().filter(|(_, due_ns)| *due_ns <= self.now_ns).collect();
            panic!("virtual time stands still at {} ns: {due:?} ns stay due and never get done", self.now_ns);
        }
    }

    /// The next moment at which anything happens.
    fn next_ns(&self) -> u64 {
        self.deadlines().into_iter().map(|(_, due_ns)| due_ns).min().unwrap_or(NEVER_NS)
    }

    /// What happens next in each part.
    fn deadlines(&self) -> [(&'static str, u64); 7] {
        let exchange_ms = self.exchange.next_deadline_ms().into_iter().chain(self.exchange.next_ping_wall_ms()).min();
        // The dead wait for nothing.
        let dead = self.wires.is_dead();
        let due = |turn, due_ns| if dead { NEVER_NS } else { self.turns.not_before(turn, due_ns) };
        [
            ("network", self.wires.network.next_ns().unwrap_or(NEVER_NS)),
            ("exchange", exchange_ms.map_or(NEVER_NS, |session_ms| self.clock.mono_ns(session_ms))),
            ("thaw", self.turns.next_ns(self.now_ns)),
            ("feed", due(Turn::Feed, self.stages.feed.deadline_ns())),
            ("decide", due(Turn::Decide, self.stages.decide.deadline_ns())),
            ("execute", due(Turn::Execute, self.stages.execute.deadline_ns())),
            ("reconcile", due(Turn::Reconcile, self.stages.reconcile.deadline_ns())),
        ]
    }

    fn is_due(&self, turn: Turn, due_ns: u64, now: Now) -> bool {
        self.turns.not_before(turn, due_ns) <= now.mono_ns
    }

    fn fire_timers(&mut self, now: Now) {
        if self.wires.is_dead() {
            return;
        }
        if self.is_due(Turn::Feed, self.stages.feed.deadline_ns(), now) {
            self.feed(FeedInput::Timer, now);
        }
        if self.is_due(Turn::Decide, self.stages.decide.deadline_ns(), now) {
            self.decide(DecideInput::Timer, now);
        }
        if self.is_due(Turn::Execute, self.stages.execute.deadline_ns(), now) {
            self.execute(ExecuteInput::Timer, now);
        }
        if self.is_due(Turn::Reconcile, self.stages.reconcile.deadline_ns(), now) {
            self.reconcile(ReconcileInput::Timer, now);
        }
    }

    /// Moves messages between the stages until all rings are empty.
    fn settle(&mut self) {
        let now = self.tick();
        if self.wires.is_dead() {
            return;
        }
        for _ in 0..STEPS_AT_ONE_INSTANT_MAX {
            let mut moved = self.settle_decide(now);
            moved |= self.settle_execute(now);
            moved |= self.settle_feed(now);
            moved |= self.settle_reconcile(now);
            if !moved {
                return;
            }
        }
        panic!("the stages never stop sending each other messages at {} ns", now.mono_ns);
    }

    fn settle_feed(&mut self, now: Now) -> bool {
        let mut moved = false;
        if self.turns.is_frozen(Turn::Feed, self.now_ns) {
            return moved;
        }
        while let Some(listing) = self.wires.listings.pop() {
            self.feed(FeedInput::Listing(listing), now);
            moved = true;
        }
        while let Some(request) = self.wires.resyncs.pop() {
            self.feed(FeedInput::Resync(request), now);
            moved = true;
        }
        moved
    }

    fn settle_reconcile(&mut self, now: Now) -> bool {
        let mut moved = false;
        if self.turns.is_frozen(Turn::Reconcile, self.now_ns) {
            return moved;
        }
        while let Some(query) = self.wires.queries.pop() {
            self.reconcile(ReconcileInput::Query(query), now);
            moved = true;
        }
        moved
    }

    fn settle_decide(&mut self, now: Now) -> bool {
        if self.turns.is_frozen(Turn::Decide, self.now_ns) {
            self.turns.backlog = true;
            return false;
        }
        self.turns.worked_off |= std::mem::take(&mut self.turns.backlog);
        let mut moved = false;
        while let Some(update) = self.wires.portfolio.pop() {
            self.decide(DecideInput::Portfolio(update), now);
            moved = true;
        }
        while let Some(item) = self.wires.next_book_item() {
            let input = match item {
                BookItem::Event(event) => DecideInput::Event(event),
                BookItem::Snapshot(event, levels) => DecideInput::Snapshot(event, levels),
                BookItem::Listing(event, listing) => DecideInput::Listed(event, *listing),
            };
            self.decide(input, now);
            self.turns.fed = true;
            moved = true;
        }
        if std::mem::take(&mut self.turns.fed) {
            self.decide(DecideInput::Drained, now);
        }
        moved
    }

    fn settle_execute(&mut self, now: Now) -> bool {
        if self.turns.is_frozen(Turn::Execute, self.now_ns) {
            return false;
        }
        let mut moved = false;
        while let Some(status) = self.wires.statuses.pop() {
            self.execute(ExecuteInput::Status(status), now);
            moved = true;
        }
        while let Some(event) = self.wires.account.pop() {
            let events = match &mut self.tamper {
                None => vec![event],
                Some(tamper) => tamper(event),
            };
            for event in events {
                self.wires.note_handed(&event);
                self.execute(ExecuteInput::Account(event), now);
            }
            moved = true;
        }
        while let Some(intent) = self.wires.intents.pop() {
            self.execute(ExecuteInput::Intent(intent), now);
            moved = true;
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::decide::policy::HoldPolicy;
    use crate::exchange::keys::issue_ed25519;
    use crate::exchange::venue::ExchangeConfig;
    use crate::pipeline::stages::{Start, build_stages};
    use crate::wire::sign::Signer;

    fn simulation() -> Simulation<HoldPolicy> {
        let clock = SessionClock::new(0, 1_790_000_000_000, 1_000);
        let start = Start { clock, nonce: 1, seed: 1, day: DayState::default() };
        let key = issue_ed25519().unwrap();
        let signer = Signer::from_pem(&key.private_key_pem).unwrap();
        let config = SimulationConfig {
            clock,
            network_latency_ms: 0,
            network_faults: (0, FaultRates::none()),
            ring_capacity: 64,
            snapshot_buffers: 4,
            credentials: Arc::new(Credentials { key_id: key.key_id, signer }),
            keep_frames: false,
        };
        let exchange = Exchange::new(ExchangeConfig::default(), clock.session_ms(0)).unwrap();
        let stages = build_stages(&Config::default(), HoldPolicy::new(), start).unwrap();
        Simulation::new(config, stages, exchange, None)
    }

    #[test]
    fn a_trader_whom_the_exchange_does_not_know_keeps_trying_while_time_goes_on() {
        let mut simulation = simulation();
        let until_ms = simulation.session_ms() + 60_000;
        simulation.run_until(until_ms);
        assert_eq!(simulation.session_ms(), until_ms);
        assert!(simulation.stages().feed.counters().refused_handshakes > 1);
        assert!(simulation.frames().is_empty());
    }

    #[test]
    #[should_panic(expected = "virtual time stands still")]
    fn a_deadline_that_stays_in_the_past_is_named() {
        let mut simulation = simulation();
        (0..=STEPS_AT_ONE_INSTANT_MAX).for_each(|_| simulation.move_to(0));
    }
}
