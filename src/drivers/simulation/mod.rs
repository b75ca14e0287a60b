//! The simulation driver: the whole trader and the embedded exchange in one thread on virtual time, including the wire
//! encoding. The same inputs always give the same run.

mod delivery;
mod history;
mod journal;
mod life;
mod link;
mod network;
mod network_faults;
mod observer;
mod ports;
mod rings;
mod settling;
mod steps;
mod trouble;
mod turns;
mod wires;

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

pub use self::history::{History, SentRequest};
use self::journal::Tapes;
use self::network::Network;
use self::network_faults::NetworkFaults;
pub use self::network_faults::{FaultRates, NetworkFault};
pub use self::observer::Observer;
#[cfg(feature = "internals")]
use self::ports::ExecuteIo;
pub use self::rings::Ring;
use self::rings::Rings;
pub use self::trouble::{Instruments, Trouble};
pub use self::turns::Turn;
use self::turns::Turns;
use self::wires::Wires;
use super::stages::Stages;
use crate::clock::SessionClock;
use crate::decide::policy::Policy;
use crate::exchange::gateway::ExchangeNow;
use crate::exchange::venue::Exchange;
use crate::messages::{DayState, DecisionRecord, KnownGroup};
use crate::tape::ExecuteInput;
use crate::wire::sign::Credentials;

/// The parameters of a simulation.
pub struct SimulationConfig {
    /// Session time at the start, and its speed relative to virtual time.
    pub clock: SessionClock,
    /// The one-way delay of every message. It is in session milliseconds, so that the speed makes no difference.
    pub network_latency_ms: u64,
    /// The seed and the rates of network faults.
    pub network_faults: (u64, FaultRates),
    /// The capacity of each ring, in messages.
    pub ring_capacity: usize,
    /// The number of snapshot buffers.
    pub snapshot_buffers: usize,
    /// The credentials that sign the trader's requests.
    pub credentials: Arc<Credentials>,
}

/// A running simulation. It keeps no history except the decisions of the current instant; an [`Observer`] such as
/// [`History`] can record more.
pub struct Simulation<P: Policy, I: Instruments = ()> {
    clock: SessionClock,
    now_ns: u64,
    stages: Stages<P>,
    tapes: Tapes,
    exchange: Exchange,
    wires: Wires<I>,
    credentials: Arc<Credentials>,
    /// Steps since time last moved.
    steps_at_instant: u32,
    turns: Turns,
    /// A hash over everything that was delivered.
    trace: DefaultHasher,
    ring_capacity: usize,
    snapshot_buffers: usize,
}

impl<P: Policy> Simulation<P> {
    /// Starts the stages at virtual time zero.
    #[must_use]
    pub fn new(config: SimulationConfig, stages: Stages<P>, exchange: Exchange) -> Self {
        Self::with(config, stages, exchange, ())
    }
}

impl<P: Policy, I: Instruments> Simulation<P, I> {
    /// As [`Simulation::new`], with instruments that observe and disturb it.
    #[must_use]
    pub fn with(config: SimulationConfig, stages: Stages<P>, exchange: Exchange, instruments: I) -> Self {
        Self::with_tapes(config, stages, exchange, instruments, Tapes::default())
    }

    fn with_tapes(
        config: SimulationConfig,
        stages: Stages<P>,
        exchange: Exchange,
        instruments: I,
        tapes: Tapes,
    ) -> Self {
        let latency_ns = config.clock.duration_ns(config.network_latency_ms);
        let (seed, rates) = config.network_faults;
        let network = Network::new(latency_ns, NetworkFaults::new(seed, rates));
        let rings = Rings::new(config.ring_capacity, config.snapshot_buffers);
        let mut simulation = Self {
            clock: config.clock,
            now_ns: 0,
            stages,
            tapes,
            exchange,
            wires: Wires::new(rings, network, instruments),
            credentials: config.credentials,
            steps_at_instant: 0,
            turns: Turns::default(),
            trace: DefaultHasher::new(),
            ring_capacity: config.ring_capacity,
            snapshot_buffers: config.snapshot_buffers,
        };
        simulation.start_stages();
        simulation
    }

    /// The instruments that observe and disturb it.
    pub fn instruments(&self) -> &I {
        &self.wires.instruments
    }

    /// The instruments, to change them.
    pub fn instruments_mut(&mut self) -> &mut I {
        &mut self.wires.instruments
    }

    /// A hash over everything that was delivered so far: receivers, times and bytes, without signatures.
    #[must_use]
    pub fn trace(&self) -> u64 {
        self.trace.finish()
    }

    /// The state of the daily loss on disk.
    #[must_use]
    pub fn day_state(&self) -> DayState {
        self.wires.disk.day
    }

    /// The order groups on disk.
    #[must_use]
    pub fn known_groups(&self) -> &[KnownGroup] {
        &self.wires.disk.groups
    }

    /// Whether `decide` has received everything that `feed` sent, without loss to a full ring.
    #[must_use]
    pub fn decide_is_current(&self) -> bool {
        self.wires.rings.feed_to_decide.is_empty()
            && self.wires.rings.overflow_epoch == self.stages.decide.epoch_cleared()
    }

    /// Runs until this session time, in milliseconds.
    pub fn run_until(&mut self, session_ms: i64) {
        let end_ns = self.clock.mono_ns(session_ms);
        while self.step(end_ns) {}
        self.wait_until(end_ns);
    }

    /// Runs until `decide` has taken a decision, but at most until this session time, and returns all decisions of that
    /// instant: one for each market in which one was due, including holds; none if the time was reached first.
    /// Everything that follows from them within the trader has been handled, and their orders are in flight to the
    /// exchange.
    ///
    /// Repeated calls give the same run as [`run_until`](Self::run_until).
    pub fn run_to_next_decision(&mut self, session_ms: i64) -> &[DecisionRecord<'static>] {
        let end_ns = self.clock.mono_ns(session_ms);
        loop {
            if !self.step(end_ns) {
                self.wait_until(end_ns);
                break;
            }
            // The effects of a timer belong to this instant.
            self.settle();
            if !self.wires.decisions.is_empty() {
                break;
            }
        }
        &self.wires.decisions
    }

    /// Advances time to `end_ns` without doing anything.
    fn wait_until(&mut self, end_ns: u64) {
        self.now_ns = self.now_ns.max(end_ns);
        self.tick();
    }

    /// Has the stages rehearse once, as idle threads of a live session do.
    #[cfg(feature = "internals")]
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

    /// Stops the trader and runs until it has no open orders and has made its last comparison with the exchange, for at
    /// most this many session milliseconds. Returns whether it got there.
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

    /// The exchange, whose records are the truth.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// The exchange, to arm faults or act on its engine.
    pub fn exchange_mut(&mut self) -> &mut Exchange {
        &mut self.exchange
    }

    /// Session time now.
    pub fn session_ms(&self) -> i64 {
        self.clock.session_ms(self.now_ns)
    }

    /// Both times of the exchange. In a simulation its wall clock is session time.
    pub fn exchange_now(&self) -> ExchangeNow {
        let session_ms = self.session_ms();
        ExchangeNow { session_ms, wall_ms: session_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::steps::STEPS_AT_ONE_INSTANT_MAX;
    use super::*;
    use crate::config::Config;
    use crate::decide::policy::HoldPolicy;
    use crate::drivers::stages::{Start, build_stages};
    use crate::exchange::keys::issue_ed25519;

    fn simulation() -> Simulation<HoldPolicy> {
        let clock = SessionClock::new(0, 1_790_000_000_000, 1_000);
        let start = Start { clock, nonce: 1, seed: 1, day: DayState::default() };
        let key = issue_ed25519().unwrap();
        let config = SimulationConfig {
            clock,
            network_latency_ms: 0,
            network_faults: (0, FaultRates::none()),
            ring_capacity: 64,
            snapshot_buffers: 4,
            credentials: Arc::new(key.credentials().unwrap()),
        };
        let (exchange, _) = Exchange::builder().start_ms(clock.session_ms(0)).build().unwrap();
        let stages = build_stages(&Config::default(), HoldPolicy::new(), start).unwrap();
        Simulation::new(config, stages, exchange)
    }

    #[test]
    fn a_trader_that_the_exchange_does_not_know_keeps_trying_while_time_goes_on() {
        let mut simulation = simulation();
        let until_ms = simulation.session_ms() + 60_000;
        simulation.run_until(until_ms);
        assert_eq!(simulation.session_ms(), until_ms);
        assert!(simulation.stages().feed.counters().refused_handshakes > 1);
    }

    #[test]
    #[should_panic(expected = "virtual time stands still")]
    fn a_deadline_that_stays_in_the_past_is_named() {
        let mut simulation = simulation();
        (0..=STEPS_AT_ONE_INSTANT_MAX).for_each(|_| simulation.move_to(0));
    }
}
