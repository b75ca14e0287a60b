//! A strategy as a user would write one, with settings and memory of its own: it trades in the simulation, its sessions
//! replay without a difference from any checkpoint on, and it withstands a campaign's faults.

use std::path::Path;

use kalshi_actor::decide::policy::{
    Answer, MemoryError, Policy, PolicyIdentity, PolicyRecord, PolicySpec, PolicyTerms, Settings, SettingsError, View,
    restore_memory, save_memory,
};
use kalshi_actor::drivers::campaign::{Campaign, Faults};
use kalshi_actor::drivers::replay::{ReplayError, replay};
use kalshi_actor::drivers::simulation::FaultRates;
use kalshi_actor::exchange::keys::issue_ed25519;
use kalshi_actor::exchange::scenario::Scenario;
use kalshi_actor::market::{BookSide, Count};
use kalshi_actor::messages::{OwnFill, Quote};
use kalshi_actor::record::journal::SegmentLimits;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::support::{Plan, START_MS, stop_and_agree};

/// The strategy's table in the configuration file.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct FlowSettings {
    /// Contracts per order.
    contracts: i64,
    /// How much of the trade flow is remembered from one decision to the next, in percent.
    memory_percent: i64,
}

impl Default for FlowSettings {
    fn default() -> Self {
        Self { contracts: 3, memory_percent: 80 }
    }
}

/// Joins the side that takers push towards, and exits at the touch.
#[derive(Clone, Debug)]
struct Flow {
    settings: FlowSettings,
    text: String,
    terms: PolicyTerms,
    memory: Memory,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Memory {
    /// Decaying sum of takers' purchases minus sales, in hundredths of contracts, by market index.
    flow: Vec<i64>,
    fills: u64,
    bought: Count,
    sold: Count,
}

impl Flow {
    fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let own: FlowSettings = settings.read()?;
        if !(1..=10).contains(&own.contracts) {
            return Err(settings.refused("contracts", "1 to 10"));
        }
        let terms = PolicyTerms { decide_ms: 500, ..PolicyTerms::unobserved() };
        Ok(Self { settings: own, text: settings.text(), terms, memory: Memory::default() })
    }
}

impl Policy for Flow {
    fn identity(&self) -> PolicyIdentity {
        PolicyIdentity { settings: self.text.clone(), ..PolicyIdentity::named("flow/1") }
    }

    fn terms(&self) -> &PolicyTerms {
        &self.terms
    }

    fn decide(&mut self, view: &View<'_>) -> Answer {
        let index = usize::from(view.market.index);
        if self.memory.flow.len() <= index {
            self.memory.flow.resize(index + 1, 0);
        }
        let pushed = view.trades.bought().units() - view.trades.sold().units();
        let flow = &mut self.memory.flow[index];
        *flow = *flow * self.settings.memory_percent / 100 + pushed;
        let (Some(bid), Some(ask)) = (view.touch.bid, view.touch.ask) else { return Answer::leave() };
        let count = Count::from_contracts(self.settings.contracts);
        let leave =
            |side| Some(Quote::resting(if side == BookSide::Ask { ask } else { bid }, view.reducible(side)).reducing());
        match view.position.cmp(&Count::ZERO) {
            std::cmp::Ordering::Greater => Answer::quotes(None, leave(BookSide::Ask)),
            std::cmp::Ordering::Less => Answer::quotes(leave(BookSide::Bid), None),
            // Every fifth fill makes it wait while there is no flow.
            _ if view.blocked || self.memory.fills % 5 == 4 && pushed == 0 => Answer::nothing(),
            std::cmp::Ordering::Equal => Answer::quotes(
                (*flow >= 0).then(|| Quote::resting(bid, count)),
                (*flow <= 0).then(|| Quote::resting(ask, count)),
            ),
        }
    }

    fn on_fill(&mut self, fill: &OwnFill) {
        self.memory.fills += 1;
        let sum = if fill.side == BookSide::Bid { &mut self.memory.bought } else { &mut self.memory.sold };
        *sum += fill.count;
    }

    fn save(&self, memory: &mut Vec<u8>) {
        save_memory(&self.memory, memory);
    }

    fn restore(&mut self, memory: &[u8]) -> Result<(), MemoryError> {
        self.memory = restore_memory(memory)?;
        Ok(())
    }
}

fn settings(text: &str) -> Settings {
    Settings::new(text.parse().unwrap(), Some(Path::new("flow.toml")))
}

fn flow() -> Flow {
    Flow::new(&settings("contracts = 4")).unwrap()
}

/// Builds the strategy of a recorded session from its record.
fn recorded(record: &PolicyRecord) -> Result<Flow, String> {
    let settings = Settings::recorded(record).map_err(|error| error.to_string())?;
    Flow::new(&settings).map_err(|error| error.to_string())
}

/// Runs a session of the strategy with a journal.
fn session(seed: u64, seconds: i64, limits: SegmentLimits, faults: FaultRates) -> (TempDir, Memory, u64) {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::generated(PolicySpec::Hold, seed);
    let mut simulation = plan.start_with(flow(), &folder.path().join("journal"), limits, (seed, faults));
    simulation.run_until(START_MS + seconds * 1_000);
    simulation.end_network_faults();
    stop_and_agree(&mut simulation);
    assert!(simulation.end_journal().unwrap().replayable);
    let fills = simulation.stages().execute.counters().fills;
    let memory = simulation.stages().decide.policy().memory.clone();
    (folder, memory, fills)
}

const WHOLE: SegmentLimits = SegmentLimits { segment_bytes: 64 << 20, total_bytes: 1 << 30 };
/// Small enough for many checkpoints, and for the first segments to be deleted.
const SHORT: SegmentLimits = SegmentLimits { segment_bytes: 1 << 19, total_bytes: 2 << 20 };

#[test]
fn it_trades_is_told_of_every_fill_and_is_replayed_without_a_difference() {
    for (seed, faults) in [(3, FaultRates::none()), (4, FaultRates::bad_day())] {
        let (folder, memory, fills) = session(seed, 120, WHOLE, faults);
        assert!(fills > 5 && memory.fills == fills, "{fills} fills, {memory:?}");
        assert!(memory.bought > Count::ZERO && memory.sold > Count::ZERO, "{memory:?}");
        let replayed = replay(folder.path(), true, recorded).unwrap();
        assert!(replayed.difference().is_none(), "{}", replayed.difference().unwrap());
        assert_eq!(replayed.decide.unwrap().own_fills, fills);
    }
}

#[test]
fn a_replay_that_begins_at_a_checkpoint_goes_on_from_its_memory() {
    let (folder, ..) = session(5, 240, SHORT, FaultRates::none());
    let replayed = replay(folder.path(), true, recorded).unwrap();
    assert!(replayed.segments.0 > 0, "the first segments are still there");
    assert!(replayed.difference().is_none(), "{}", replayed.difference().unwrap());
}

/// A strategy that saves its memory but does not restore it.
#[derive(Clone, Debug)]
struct Forgetful(Flow);

impl Policy for Forgetful {
    fn identity(&self) -> PolicyIdentity {
        self.0.identity()
    }

    fn terms(&self) -> &PolicyTerms {
        self.0.terms()
    }

    fn decide(&mut self, view: &View<'_>) -> Answer {
        self.0.decide(view)
    }

    fn on_fill(&mut self, fill: &OwnFill) {
        self.0.on_fill(fill);
    }

    fn save(&self, memory: &mut Vec<u8>) {
        self.0.save(memory);
    }

    fn restore(&mut self, _memory: &[u8]) -> Result<(), MemoryError> {
        Ok(())
    }
}

#[test]
fn a_replay_names_a_memory_that_is_not_restored_other_settings_and_another_strategy() {
    let (folder, ..) = session(5, 240, SHORT, FaultRates::none());
    let forgetful = replay(folder.path(), true, |record| recorded(record).map(Forgetful)).unwrap();
    assert!(forgetful.difference().is_some());
    let refusal =
        |make: &(dyn Fn(&PolicyRecord) -> Result<Flow, String> + Sync)| match replay(folder.path(), true, make) {
            Err(error @ ReplayError::Checkpoint { .. }) => error.to_string(),
            other => panic!("{other:?}"),
        };
    let others = refusal(&|_| Ok(Flow::new(&settings("contracts = 5")).unwrap()));
    assert!(others.contains("contracts = 4") && others.contains("contracts = 5"), "{others}");
    assert!(refusal(&|_| Err("it was deleted".to_owned())).contains("flow/1"));
}

#[test]
fn settings_that_it_refuses_are_named_with_file_key_and_value() {
    let error = |text: &str| Flow::new(&settings(text)).unwrap_err().to_string();
    assert_eq!(error("contracts = 11"), "configuration flow.toml: policy.settings.contracts = 11: expected 1 to 10");
    assert!(error("contract = 3").contains("`contract`"));
}

#[test]
fn it_stands_the_faults_of_a_campaign() {
    let key = issue_ed25519().unwrap();
    let scenario = Scenario::default();
    let campaign = Campaign { duration_ms: 120_000, markets: 4, scenario, faults: Faults::Default, policy: flow() };
    // One of these seeds has journals, which are replayed up to where each crash cut them off.
    for seed in [0, 2, 6] {
        let report = campaign.run(seed, &key);
        assert!(report.violation.is_none(), "seed {seed}: {:?}", report.violation);
        assert!(report.fills > 0, "seed {seed}: {report:?}");
    }
}
