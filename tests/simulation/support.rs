//! A trader and an exchange in one thread on virtual time, for the tests of this folder.

use std::path::Path;
use std::sync::Arc;

use kalshi_actor::clock::SessionClock;
use kalshi_actor::config::Config;
use kalshi_actor::decide::policy::{AnyPolicy, Policy, PolicySpec};
use kalshi_actor::drivers::simulation::{FaultRates, SimulationConfig};
use kalshi_actor::drivers::stages::{Stages, Start, build_stages};
use kalshi_actor::exchange::Exchange;
use kalshi_actor::exchange::engine::MarketState;
use kalshi_actor::exchange::gateway::GatewaySettings;
use kalshi_actor::exchange::participants::{World, default_world};
use kalshi_actor::exchange::recordings::Recording;
use kalshi_actor::exchange::scenario::Scenario;
use kalshi_actor::market::{Count, Money};
use kalshi_actor::messages::DayState;
use kalshi_actor::record::journal::SegmentLimits;

use crate::watch::{Tamper, Watch};

/// A simulation whose history is kept.
pub type Simulation<P> = kalshi_actor::drivers::simulation::Simulation<P, Watch>;

/// The start of session time, in milliseconds since the Unix epoch.
pub const START_MS: i64 = 1_790_000_000_000;

/// What is simulated.
pub struct Plan {
    pub policy: PolicySpec,
    /// The seed of everything random.
    pub seed: u64,
    /// Generated markets with participants.
    pub world: World,
    pub recordings: Vec<Recording>,
    /// The trader's configuration.
    pub config: Config,
    /// The start of session time, in milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// The speed of session time, in thousandths of virtual time.
    pub speed_milli: u32,
    pub settings: GatewaySettings,
    /// Whether the trader's balances move in steps of $0.0001.
    pub direct_member: bool,
    /// The shards on which the trader has $1,000 each.
    pub shards: Vec<u8>,
    /// Alters account events on their way to the ledger.
    pub tamper: Option<Tamper>,
}

impl Plan {
    /// The generated markets of a first run.
    pub fn generated(policy: PolicySpec, seed: u64) -> Self {
        Self {
            policy,
            seed,
            world: default_world(seed, 8, START_MS),
            recordings: Vec::new(),
            config: Config::default(),
            start_ms: START_MS,
            speed_milli: 1_000,
            settings: GatewaySettings::default(),
            direct_member: true,
            shards: vec![0, 2],
            tamper: None,
        }
    }

    /// A scenario with as many markets as it names.
    pub fn scenario(scenario: &Scenario, policy: PolicySpec, seed: u64) -> Self {
        let mut plan = Self::generated(policy, seed);
        plan.config.markets.count = scenario.market_count();
        plan.world = scenario.world(seed, scenario.market_count(), START_MS);
        plan.direct_member = scenario.has_direct_members();
        plan.shards = scenario.shards();
        scenario.adjust(&mut plan.settings);
        plan
    }

    /// Only recorded markets.
    pub fn recorded(policy: PolicySpec, recordings: Vec<Recording>, start_ms: i64, speed_milli: u32) -> Self {
        Self { world: World::default(), recordings, start_ms, speed_milli, ..Self::generated(policy, 1) }
    }

    pub fn start(self) -> Simulation<AnyPolicy> {
        let policy = self.loaded();
        let Parts { config, stages, exchange, tamper } = self.parts(policy);
        Simulation::with(config, stages, exchange, Watch::new(tamper))
    }

    /// Starts it with nothing that watches.
    pub fn start_unwatched(self) -> kalshi_actor::Simulation<AnyPolicy> {
        let policy = self.loaded();
        let Parts { config, stages, exchange, .. } = self.parts(policy);
        kalshi_actor::Simulation::new(config, stages, exchange)
    }

    /// Starts the simulation with a journal.
    pub fn start_journaled(
        self,
        folder: &Path,
        limits: SegmentLimits,
        network_faults: (u64, FaultRates),
    ) -> Simulation<AnyPolicy> {
        let policy = self.loaded();
        self.start_with(policy, folder, limits, network_faults)
    }

    /// Starts the simulation with a journal and another policy.
    pub fn start_with<P: Policy>(
        self,
        policy: P,
        folder: &Path,
        limits: SegmentLimits,
        network_faults: (u64, FaultRates),
    ) -> Simulation<P> {
        let Parts { mut config, stages, exchange, tamper } = self.parts(policy);
        config.network_faults = network_faults;
        Simulation::journaled(config, stages, exchange, Watch::new(tamper), folder, limits).unwrap()
    }

    fn loaded(&self) -> AnyPolicy {
        AnyPolicy::load(&self.policy, None).unwrap()
    }

    fn parts<P: Policy>(self, policy: P) -> Parts<P> {
        let mut config = self.config;
        config.markets.tickers = self.recordings.iter().map(|market| market.steps.ticker.clone()).collect();
        let (exchange, accounts) = Exchange::builder()
            .seed(self.seed)
            .settings(self.settings)
            .world(self.world)
            .recordings(self.recordings)
            .direct_members(self.direct_member)
            .shards(self.shards)
            .start_ms(self.start_ms)
            .build()
            .unwrap();
        let clock = SessionClock::new(0, self.start_ms, self.speed_milli);
        let start = Start { clock, nonce: self.seed, seed: self.seed, day: DayState::default() };
        let simulation = SimulationConfig {
            clock,
            network_latency_ms: 2,
            network_faults: (0, FaultRates::none()),
            ring_capacity: 1_024,
            snapshot_buffers: 64,
            credentials: Arc::new(accounts[0].credentials().unwrap()),
        };
        let stages = build_stages(&config, policy, start).unwrap();
        Parts { config: simulation, stages, exchange, tamper: self.tamper }
    }
}

/// What a simulation is made of.
struct Parts<P: Policy> {
    config: SimulationConfig,
    stages: Stages<P>,
    exchange: Exchange,
    tamper: Option<Tamper>,
}

/// Stops a simulation without faults, and asserts that nothing went wrong: as [`stop_and_agree`], and no book was ever
/// wrong and no answer missing.
pub fn stop_and_check<P: Policy>(simulation: &mut Simulation<P>) {
    let counters = simulation.stages().execute.counters();
    // Checked before the stop, whose last comparison is repeated while a payment is in flight.
    assert_eq!((counters.compares_differed, counters.position_surprises), (0, 0), "{counters:?}");
    stop_and_agree(simulation);
    let counters = simulation.stages().execute.counters();
    assert_eq!((counters.unknown, counters.malformed_answers, counters.overfills), (0, 0, 0), "{counters:?}");
    let decide = simulation.stages().decide.counters();
    assert_eq!((decide.book_errors, decide.faults), (0, 0), "{decide:?}");
    let feed = simulation.stages().feed.counters();
    assert_eq!((feed.seq_gaps, feed.malformed, feed.disconnections), (0, 0, 0), "{feed:?}");
}

/// Stops a simulation and asserts what must hold at the end of every run, whatever went wrong: no open orders, and a
/// ledger that adds up and agrees with the exchange, both by its own comparison and by the exchange's records.
pub fn stop_and_agree<P: Policy>(simulation: &mut Simulation<P>) {
    assert_eq!(simulation.stages().execute.tripped(), None);
    assert!(simulation.stop(60_000), "still not quiet: {:?}", simulation.stages().execute.agreement());
    let execute = &simulation.stages().execute;
    execute.audit().unwrap();
    assert_eq!(execute.tripped(), None);
    let agreement = execute.agreement().unwrap();
    assert!(agreement.agrees(), "{:?}", agreement.differences);
    assert_eq!(execute.open_orders(), 0);

    let exchange = simulation.exchange();
    let (engine, account) = (exchange.engine(), exchange.clients()[0]);
    let open = engine.orders_of(account).filter(|order| !order.remaining.is_zero()).count();
    assert_eq!(open, 0, "orders the exchange has open");
    let cash: Money = engine.shards_of(account).into_iter().map(|shard| engine.balance(account, shard)).sum();
    assert_eq!(execute.ledger().available() + execute.ledger().reserved(), cash);
    for view in execute.positions() {
        let market = engine.market_by_ticker(view.ticker.as_str()).unwrap();
        let held = engine.position(account, market).contracts;
        // A determined market leaves the ledger's position before the exchange pays.
        let determined = matches!(engine.market(market).state(), MarketState::Determined(_));
        assert!(view.contracts == held || determined, "{}: {} and {held} held", view.ticker, view.contracts);
    }
}

/// The number of the trader's fills according to the exchange, and their total contracts.
pub fn fills<P: Policy>(simulation: &Simulation<P>) -> (usize, Count) {
    let exchange = simulation.exchange();
    let fills = exchange.engine().fills_of(exchange.clients()[0]);
    fills.fold((0, Count::ZERO), |(number, sum), fill| (number + 1, sum + fill.count))
}
