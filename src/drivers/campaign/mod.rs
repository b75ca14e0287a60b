//! Campaigns: the whole trader on the simulated network, seed after seed, with faults, crashes and restarts, checked
//! against invariants. A seed determines everything: the same seed in the same binary gives the same run to the last
//! byte.

mod account;
mod collar;
mod fees;
mod groups;
#[cfg(feature = "planted")]
mod hunt;
mod instruments;
mod invariants;
mod journal;
mod keys;
mod last_events;
mod leases;
mod limits;
mod machine;
mod orders;
mod probe;
mod published;
mod recovery;
mod reference;
mod starts;
mod stops;
mod tight;
mod trouble;
mod watched;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

#[cfg(feature = "planted")]
pub use hunt::{Catch, Hunt, hunt_all};
use instruments::{Instruments, Tried};
pub use invariants::Violation;
use invariants::{Checked, Checker, Limits, NEVER_PANICS};
use journal::StartJournal;
use last_events::LastEvents;
use limits::LimitChecks;
pub use recovery::Recovery;
pub use tight::Tight;
pub use trouble::{Faults, Troubles};
use watched::{Watched, checkpoint_restores};

use super::simulation::{FaultRates, NetworkFault, SimulationConfig};
use crate::clock::SessionClock;
use crate::config::Config;
use crate::decide::policy::Policy;
use crate::drivers::stages::{Stages, Start, build_stages};
use crate::exchange::gateway::{GatewaySettings, Tier};
use crate::exchange::keys::IssuedKey;
use crate::exchange::scenario::Scenario;
use crate::exchange::{AccountPlan, Exchange};
use crate::execute::ExecuteCounters;
use crate::market::Money;
use crate::messages::{DayState, KnownGroup, Verdict};

/// The start of session time in every seed: 2026-09-21T13:33:20Z, a Monday.
const START_MS: i64 = 1_790_000_000_000;
/// The trader's initial balance on each shard.
const CASH: Money = Money::from_dollars(1_000);
/// How long the trader runs after the last fault before it is stopped, in session milliseconds: late messages arrive,
/// and unknown orders are resolved.
const HEALING_MS: i64 = 60_000;
/// How long a stop may take.
const STOP_MS: i64 = 120_000;
/// How long it may take to resolve an unknown order once the exchange answers, in addition to the validity of a
/// signature: the read lag, the longest pause between two queries, and one query without an answer.
const RESOLVE_MS: i64 = 16_000;
const JOURNAL_FAILS: &str = "the temporary directory takes a journal";
/// The kind of trouble in which the ring to `decide` overflows.
const RING_OVERFLOW: &str = "ring_overflow";

/// A campaign: the parameters that all its seeds share. The policy may come from any crate.
#[derive(Clone, Debug)]
pub struct Campaign<P> {
    /// Simulated time with faults, in milliseconds.
    pub duration_ms: i64,
    /// The exchange and its markets.
    pub scenario: Scenario,
    /// The number of markets that are open at a time.
    pub markets: usize,
    /// The level of faults.
    pub faults: Faults,
    /// The policy. It is cloned for every start of a trader, so it should not have decided yet.
    pub policy: P,
}

/// The result of a seed.
#[derive(Clone, Debug, Default)]
pub struct SeedReport {
    /// The seed that was run.
    pub seed: u64,
    /// A hash over everything that was delivered, decided and sent, without signatures.
    pub trace: u64,
    /// Simulated milliseconds.
    pub simulated_ms: i64,
    /// Steps of the simulation.
    pub steps: u64,
    /// Orders placed, without amends and cancels.
    pub orders: u64,
    /// The number of fills.
    pub fills: u64,
    /// Fills that left a part of their order open.
    pub partial_fills: u64,
    /// Orders whose outcome was unknown for a time.
    pub unknown: u64,
    /// Of those, orders whose outcome was resolved.
    pub unknown_resolved: u64,
    /// The stop that ended the trading, if one did: `drawdown`, `repeated` or `daily_loss`.
    pub stop: Option<&'static str>,
    /// Intents by verdict, indexed by [`Verdict`].
    pub verdicts: [u64; Verdict::COUNT],
    /// How often a book was compared with the exchange's own at the same clock.
    pub books_compared: u64,
    /// Book states that were crossed for an instant.
    pub crossed_states: u64,
    /// How often cash and positions were compared with the exchange's.
    pub ledgers_compared: u64,
    /// Faults that took effect, by kind.
    pub troubles: Troubles,
    /// The number of records in the trader's journal when it was made to die.
    pub records: u64,
    /// How long an order of the dead trader rested, in session milliseconds.
    pub resting_ms: i64,
    /// The violated invariant, if any.
    pub violation: Option<FoundViolation>,
}

/// A violation, and when it was found.
#[derive(Clone, Debug)]
pub struct FoundViolation {
    /// The invariant and what was found.
    pub violation: Violation,
    /// The step after which it was found.
    pub step: u64,
    /// The session time at which it was found, in milliseconds.
    pub session_ms: i64,
    /// The last events before it.
    pub last_events: Vec<String>,
}

impl<P: Policy + Clone + Send + Sync> Campaign<P> {
    /// Runs one seed. A seed that violates an invariant is run once more, to record the events before the violation.
    #[must_use]
    pub fn run(&self, seed: u64, key: &IssuedKey) -> SeedReport {
        self.examine(seed, key, &|run, report| run.follow_through(report))
    }

    /// Runs a seed on a course, and once more after a violation to record the events before it.
    fn examine(&self, seed: u64, key: &IssuedKey, course: &Course<P>) -> SeedReport {
        let mut report = self.attempt(seed, key, course, None);
        if report.violation.is_some() {
            let events = LastEvents::default();
            report = self.attempt(seed, key, course, Some(&events));
            if let Some(found) = &mut report.violation {
                found.last_events = events.lines();
            }
        }
        report
    }

    fn attempt(&self, seed: u64, key: &IssuedKey, course: &Course<P>, events: Option<&LastEvents>) -> SeedReport {
        let mut report = SeedReport { seed, ..SeedReport::default() };
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let mut run = Run::start(self, seed, key);
            if let Some(events) = events {
                run.simulation.instruments_mut().events = Some(events.clone());
            }
            let violation = course(&mut run, &mut report).err();
            run.tell(&mut report);
            violation
        }));
        let violation = ended.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Some(Violation { invariant: NEVER_PANICS, detail: text.unwrap_or_default() })
        });
        let (step, session_ms) = (report.steps, START_MS + report.simulated_ms);
        let found = |violation| FoundViolation { violation, step, session_ms, last_events: Vec::new() };
        report.violation = violation.map(found);
        report
    }

    fn markets_of(&self, seed: u64) -> usize {
        Tight::of(seed).map_or(self.markets, |tight| tight.markets(self.markets))
    }

    /// The trader's configuration. Some seeds have limits tight enough to refuse orders, or to stop the trader.
    fn config(&self, seed: u64) -> Config {
        let mut config = Config::default();
        if let Some(tight) = Tight::of(seed) {
            tight.limit(&mut config.risk);
        }
        config.markets.count = self.markets_of(seed);
        config.pipeline.ring_capacity = if seed.is_multiple_of(4) { 32 } else { 256 };
        config.feed.snapshot_buffers = 8;
        config.orders.group_reset_ms = 5_000;
        config
    }
}

/// The course of a seed.
type Course<P> = dyn Fn(&mut Run<'_, P>, &mut SeedReport) -> Checked;

/// A seed in progress.
struct Run<'a, P: Policy> {
    campaign: &'a Campaign<P>,
    seed: u64,
    config: Config,
    policy: Watched<P>,
    clock: SessionClock,
    starts: u64,
    simulation: Tried<Watched<P>>,
    checker: Checker,
    limits: LimitChecks,
    trouble: trouble::Trouble,
    journal: Option<StartJournal>,
    /// The next crash, if one has been drawn.
    crash: Option<Crash>,
    /// The counters of earlier starts.
    before: ExecuteCounters,
    /// Whether a stop has ended the trading.
    ended: bool,
}

/// A crash that has been drawn.
#[derive(Clone, Copy, Debug)]
struct Crash {
    /// The number of steps until the crash.
    after_steps: u32,
    /// The time from the crash to the next start, in session milliseconds.
    absent_ms: i64,
}

impl<'a, P: Policy + Clone + Send + Sync> Run<'a, P> {
    fn start(campaign: &'a Campaign<P>, seed: u64, key: &IssuedKey) -> Self {
        let mut config = campaign.config(seed);
        let clock = SessionClock::new(0, START_MS, 1_000);
        let scenario = &campaign.scenario;
        // Every other account is a new one with few write tokens, unless the scenario names a tier.
        let tier = if seed % 2 == 1 { Tier::Basic } else { Tier::Premier };
        let mut settings = GatewaySettings { tier, ..GatewaySettings::default() };
        scenario.adjust(&mut settings);
        let mut world = scenario.world(seed, campaign.markets_of(seed), START_MS);
        let tight = Tight::of(seed);
        if let Some(tight) = tight {
            tight.share_events(seed, &mut world, START_MS + 2 * campaign.duration_ms + HEALING_MS + STOP_MS);
        }
        config.markets.maker_multipliers = fees::plan(seed, &mut world, START_MS, campaign.duration_ms);
        let script = tight.and_then(|tight| tight.script(seed));
        let policy = Watched::new(campaign.policy.clone(), script);
        let exchange = Exchange::builder()
            .seed(seed)
            .settings(settings)
            .world(world)
            .direct_members(scenario.has_direct_members())
            .cash(CASH)
            .shards(scenario.shards())
            .account_plans(vec![AccountPlan { keys: vec![key.clone()], ..AccountPlan::default() }])
            .start_ms(START_MS)
            .build();
        let (exchange, accounts) = exchange.expect("the generated world has no two markets of one name");
        let credentials = accounts[0].credentials().expect("a key that was just made is readable");
        let rates = campaign.faults.network();
        let simulation = SimulationConfig {
            clock,
            network_latency_ms: 2,
            network_faults: (seed ^ 0x6e65_7477, rates),
            ring_capacity: config.pipeline.ring_capacity,
            snapshot_buffers: config.feed.snapshot_buffers,
            credentials: Arc::new(credentials),
        };
        let stages = stages(&policy, &config, &clock, seed, 0, (DayState::default(), &[]));
        let journal = StartJournal::of(seed, nonce(seed, 0)).expect(JOURNAL_FAILS);
        let signature_valid_ms = i64::try_from(config.orders.signature_valid_ms).unwrap_or(i64::MAX);
        let limits = Limits {
            position_max: config.risk.max_position_contracts,
            order_size_max: config.risk.max_order_contracts,
            open_orders_max: config.risk.max_open_orders,
            resolve_ms: RESOLVE_MS.saturating_add(signature_valid_ms),
            signature_valid_ms,
        };
        let instruments = Instruments::new(&clock);
        let mut this = Self {
            campaign,
            seed,
            clock,
            starts: 0,
            simulation: match &journal {
                None => Tried::with(simulation, stages, exchange, instruments),
                Some(journal) => {
                    Tried::journaled(simulation, stages, exchange, instruments, journal.folder(), journal::LIMITS)
                        .expect(JOURNAL_FAILS)
                }
            },
            journal,
            checker: Checker::new(
                limits,
                &config.risk,
                keys::Keys::new(seed, campaign.faults, campaign.duration_ms),
                START_MS,
            ),
            limits: LimitChecks::new(&config.risk),
            trouble: trouble::Trouble::new(seed, campaign.faults),
            crash: None,
            before: ExecuteCounters::default(),
            config,
            policy,
            ended: false,
        };
        this.trouble.begin(&mut this.simulation);
        starts::prepare((seed, 0), campaign.faults, &mut this.trouble, &mut this.simulation);
        this
    }

    fn follow_through(&mut self, report: &mut SeedReport) -> Checked {
        self.run_until(START_MS + self.campaign.duration_ms, report)?;
        if self.ended {
            // The next start comes without `resume`, so it must open no position.
            self.heal(report)?;
            self.die()?;
            self.start_again();
        }
        self.heal_and_stop(report)
    }

    /// Ends all faults and gives the trader time to recover. Returns when they ended.
    fn heal(&mut self, report: &mut SeedReport) -> Result<i64, Violation> {
        // A trader that was away may come back later than the faults were to end.
        let healed_ms = self.simulation.session_ms();
        self.trouble.end(&mut self.simulation);
        self.crash = None;
        self.simulation.end_network_faults();
        self.checker.healed(healed_ms);
        self.run_until(healed_ms + HEALING_MS, report)?;
        Ok(healed_ms)
    }

    /// Ends all faults, lets the trader recover, stops it, and compares everything.
    fn heal_and_stop(&mut self, report: &mut SeedReport) -> Checked {
        let healed_ms = self.heal(report)?;
        groups::groups_agree(&self.simulation)?;
        starts::trading_goes_on(&self.simulation)?;
        self.simulation.request_stop();
        let stop_ns = self.clock.mono_ns(healed_ms + HEALING_MS + STOP_MS);
        while self.simulation.stages().execute.agreement().is_none() && self.simulation.step(stop_ns) {
            self.after_step(report)?;
        }
        self.simulation.end_journal();
        self.journal.take().map_or(Ok(()), |journal| journal.replays(&self.policy))?;
        checkpoint_restores(&self.simulation, &self.policy)?;
        let quiet = self.simulation.stages().execute.is_quiet();
        self.checker.at_the_end(&self.simulation, quiet)?;
        self.all_fills_told()
    }

    fn all_fills_told(&self) -> Checked {
        let (stages, exchange) = (self.simulation.stages(), self.simulation.exchange());
        let Some(baseline_ms) = stages.execute.baseline_ms() else { return Ok(()) };
        let nonce = stages.execute.nonce();
        stages.decide.policy().at_the_end(exchange.engine(), exchange.clients()[0], nonce, baseline_ms)
    }

    /// Runs until `until_ms`, or until a stop ends the trading.
    fn run_until(&mut self, until_ms: i64, report: &mut SeedReport) -> Checked {
        let until_ns = self.clock.mono_ns(until_ms);
        loop {
            let next_ms = [self.trouble.next_ms(), self.checker.keys.next_ms()].into_iter().flatten().min();
            let due_ns = next_ms.map_or(until_ns, |due_ms| self.clock.mono_ns(due_ms).min(until_ns));
            while self.simulation.step(due_ns) {
                self.after_step(report)?;
                self.crash_if_due(report)?;
                if !self.ended && self.checker.stop().is_some() {
                    self.ended = true;
                    return Ok(());
                }
            }
            self.simulation.run_until(self.clock.session_ms(due_ns));
            if due_ns >= until_ns {
                return Ok(());
            }
            self.checker.keys.act(&mut self.simulation);
            if self.trouble.next_ms().is_some_and(|due_ms| due_ms <= self.simulation.session_ms()) {
                self.make_trouble();
            }
        }
    }

    fn after_step(&mut self, report: &mut SeedReport) -> Checked {
        report.steps += 1;
        report.simulated_ms = self.simulation.session_ms() - START_MS;
        self.checker.step(&mut self.simulation)?;
        self.simulation.stages().decide.policy().step()?;
        self.limits.step(&self.simulation)
    }

    fn make_trouble(&mut self) {
        if let trouble::Act::Crash { after_steps, absent_ms } = self.trouble.act(&mut self.simulation) {
            self.crash = self.crash.or(Some(Crash { after_steps, absent_ms }));
        }
    }

    fn crash_if_due(&mut self, report: &mut SeedReport) -> Checked {
        match &mut self.crash {
            None => Ok(()),
            Some(Crash { after_steps: 0, absent_ms }) => {
                let absent_ms = *absent_ms;
                self.die()?;
                self.stay_away(absent_ms, report)?;
                self.start_again();
                Ok(())
            }
            Some(crash) => {
                crash.after_steps -= 1;
                Ok(())
            }
        }
    }

    /// Kills the trader between two steps, and tears its journal.
    fn die(&mut self) -> Checked {
        self.crash = None;
        self.trouble.add(trouble::CRASH, 1);
        self.simulation.instruments().note(|| "the trader dies".to_owned());
        checkpoint_restores(&self.simulation, &self.policy)?;
        self.simulation.kill();
        self.checker.died(nonce(self.seed, self.starts), self.simulation.session_ms());
        let stages = self.simulation.stages();
        add(&mut self.before, stages.execute.counters());
        self.trouble.add(RING_OVERFLOW, stages.feed.counters().overflow_epochs);
        let Some(journal) = self.journal.take() else { return Ok(()) };
        journal.tear().expect("a file of the temporary directory can be cut short");
        self.trouble.add(trouble::JOURNAL_TORN, 1);
        journal.replays(&self.policy)
    }

    /// Lets time pass without a trader.
    fn stay_away(&mut self, absent_ms: i64, report: &mut SeedReport) -> Checked {
        let until_ms = self.simulation.session_ms() + absent_ms;
        let until_ns = self.clock.mono_ns(until_ms);
        while self.simulation.step(until_ns) {
            self.after_step(report)?;
        }
        self.simulation.run_until(until_ms);
        Ok(())
    }

    /// Starts another trader, which knows only what is on disk.
    fn start_again(&mut self) {
        self.starts += 1;
        self.simulation.instruments().note(|| "another trader starts in its place".to_owned());
        let kept = (self.simulation.day_state(), self.simulation.known_groups());
        let now_ms = self.simulation.session_ms();
        // The clock of a process that starts now.
        let clock = SessionClock::new(self.clock.mono_ns(now_ms), now_ms, self.clock.speed_milli());
        let stages = stages(&self.policy, &self.config, &clock, self.seed, self.starts, kept);
        self.checker.restarted(&self.simulation);
        self.limits.restart(now_ms);
        self.journal = StartJournal::of(self.seed, nonce(self.seed, self.starts)).expect(JOURNAL_FAILS);
        let journal = self.journal.as_ref().map(|journal| (journal.folder(), journal::LIMITS));
        self.simulation.restart(stages, journal).expect(JOURNAL_FAILS);
        if self.trouble.goes_on() {
            starts::prepare((self.seed, self.starts), self.campaign.faults, &mut self.trouble, &mut self.simulation);
        }
    }

    fn tell(&self, report: &mut SeedReport) {
        let mut counters = self.before;
        add(&mut counters, self.simulation.stages().execute.counters());
        report.orders = counters.sent;
        report.fills = counters.fills;
        report.partial_fills = counters.partial_fills;
        report.unknown = counters.unknown;
        report.unknown_resolved = counters.unknown_resolved;
        report.verdicts = counters.verdicts;
        report.stop = self.checker.stop();
        (report.books_compared, report.ledgers_compared) = self.checker.compared();
        report.crossed_states = self.checker.crossed_states();
        report.troubles = self.trouble.counts(&self.simulation);
        for fault in NetworkFault::ALL {
            report.troubles.add(fault.name(), self.simulation.network_faults(fault));
        }
        report.troubles.add(RING_OVERFLOW, self.simulation.stages().feed.counters().overflow_epochs);
        let mut hasher = DefaultHasher::new();
        self.simulation.trace().hash(&mut hasher);
        for request in self.simulation.instruments().sent() {
            (request.session_ms, request.method, &request.path, &request.body).hash(&mut hasher);
        }
        for decision in self.simulation.instruments().decisions() {
            (decision.market.index, decision.time_ms, decision.action.map(|action| action as u8), decision.intent)
                .hash(&mut hasher);
            decision.observation.iter().for_each(|feature| feature.to_bits().hash(&mut hasher));
        }
        (report.steps, report.simulated_ms).hash(&mut hasher);
        report.trace = hasher.finish();
    }
}

fn stages<P: Policy + Clone>(
    policy: &Watched<P>,
    config: &Config,
    clock: &SessionClock,
    seed: u64,
    starts: u64,
    (day, groups): (DayState, &[KnownGroup]),
) -> Stages<Watched<P>> {
    let start = Start { clock: *clock, nonce: nonce(seed, starts), seed: seed ^ starts, day };
    let stages = build_stages(config, policy.clone(), start);
    let mut stages = stages.expect("a policy whose terms can be run is tried");
    stages.execute.know_groups(groups);
    stages
}

/// The nonce of a start's client order ids.
fn nonce(seed: u64, starts: u64) -> u64 {
    seed.wrapping_mul(1_000_003).wrapping_add(starts)
}

/// Adds those counters of one start that reports show.
fn add(sum: &mut ExecuteCounters, more: &ExecuteCounters) {
    sum.sent += more.sent;
    sum.fills += more.fills;
    sum.partial_fills += more.partial_fills;
    sum.unknown += more.unknown;
    sum.unknown_resolved += more.unknown_resolved;
    for (sum, more) in sum.verdicts.iter_mut().zip(more.verdicts) {
        *sum += more;
    }
}

impl Faults {
    fn network(self) -> FaultRates {
        match self {
            Self::None => FaultRates::none(),
            Self::Default => FaultRates::bad_day(),
            Self::Hell => FaultRates::hell(),
        }
    }
}
