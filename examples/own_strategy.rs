//! A strategy of your own, in a crate of your own: it trades on the embedded exchange, its session is replayed without
//! a difference, and it withstands the faults of a campaign. It needs no account and no network.
//!
//! In your crate: `kalshi-actor = { path = "..." }`, and `serde` with `derive`.
//!
//! ```text
//! cargo run --release --example own_strategy -- 30 50     # seconds of trading, seeds of the campaign
//! ```

use std::error::Error;
use std::time::Duration;

use kalshi_actor::exchange::keys::issue_ed25519;
use kalshi_actor::exchange::scenario::Scenario;
use kalshi_actor::market::{BookSide, Count};
use kalshi_actor::strategy::{
    Answer, MemoryError, OwnFill, Policy, PolicyIdentity, PolicyTerms, Quote, Settings, SettingsError, View,
    restore_memory, save_memory,
};
use kalshi_actor::{Campaign, Config, Faults, Session, replay};

/// Joins the side that takers push towards, a few contracts at a time, and exits at the touch of the other side.
#[derive(Clone)]
struct Flow {
    contracts: Count,
    settings: Settings,
    terms: PolicyTerms,
    /// Contracts filled so far, which a replay has to restore.
    filled: Count,
}

/// The table `[policy.settings]` of the configuration.
#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FlowSettings {
    contracts: i64,
}

impl Default for FlowSettings {
    fn default() -> Self {
        Self { contracts: 5 }
    }
}

impl Flow {
    fn new(settings: Settings) -> Result<Self, SettingsError> {
        let FlowSettings { contracts } = settings.read()?;
        if !(1..=100).contains(&contracts) {
            return Err(settings.refused("contracts", "1 to 100"));
        }
        // It uses the book and the trades directly and needs no observation.
        let terms = PolicyTerms { decide_ms: 250, ..PolicyTerms::unobserved() };
        Ok(Self { contracts: Count::from_contracts(contracts), settings, terms, filled: Count::ZERO })
    }
}

impl Policy for Flow {
    fn identity(&self) -> PolicyIdentity {
        PolicyIdentity { settings: self.settings.text(), ..PolicyIdentity::named("flow-example/1") }
    }

    fn terms(&self) -> &PolicyTerms {
        &self.terms
    }

    fn decide(&mut self, view: &View<'_>) -> Answer {
        let (Some(bid), Some(ask)) = (view.touch.bid, view.touch.ask) else { return Answer::leave() };
        // First reduce the position, whatever the flow.
        if view.position > Count::ZERO {
            return Answer::quotes(None, Some(Quote::resting(ask, view.reducible(BookSide::Ask)).reducing()));
        }
        if view.position < Count::ZERO {
            return Answer::quotes(Some(Quote::resting(bid, view.reducible(BookSide::Bid)).reducing()), None);
        }
        // After every hundred contracts it switches the side that it prefers when nobody trades.
        let even = self.filled.units() / 10_000 % 2 == 0;
        let (bought, sold) = (view.trades.bought(), view.trades.sold());
        if bought > sold || (bought == sold && even) {
            Answer::bid(bid, self.contracts)
        } else {
            Answer::ask(ask, self.contracts)
        }
    }

    fn on_fill(&mut self, fill: &OwnFill) {
        self.filled += fill.count;
    }

    fn save(&self, memory: &mut Vec<u8>) {
        save_memory(&self.filled, memory);
    }

    fn restore(&mut self, memory: &[u8]) -> Result<(), MemoryError> {
        self.filled = restore_memory(memory)?;
        Ok(())
    }
}

/// Trades for this long, replays the recorded session, runs this many seeds of a campaign, and prints the result of each.
fn show(trade: Duration, seeds: u64) -> Result<(), Box<dyn Error>> {
    let config = Config::default();
    let flow = Flow::new(Settings::new(config.policy.settings.clone(), None))?;
    let folder = std::env::temp_dir().join(format!("own-strategy-{}", std::process::id()));

    let report = Session::builder(config).duration(trade).folder(&folder).run(flow.clone())?;
    println!("{}", report.report());
    if !report.is_success() {
        return Err("the session failed".into());
    }

    let replayed = replay(&report.folder, true, |record| {
        let settings = Settings::recorded(record).map_err(|error| error.to_string())?;
        Flow::new(settings).map_err(|error| error.to_string())
    })?;
    println!("replay: {} outputs, first difference: {:?}", replayed.outputs(), replayed.difference());
    if replayed.difference().is_some() {
        return Err("the replay differs".into());
    }
    std::fs::remove_dir_all(&report.folder)?;

    let (scenario, key) = (Scenario::find("busy")?, issue_ed25519()?);
    let campaign = Campaign { duration_ms: 600_000, scenario, markets: 4, faults: Faults::Default, policy: flow };
    for seed in 0..seeds {
        let report = campaign.run(seed, &key);
        println!("seed {seed}: {} orders, {} fills", report.orders, report.fills);
        if let Some(violation) = report.violation {
            return Err(format!("seed {seed}: {violation:?}").into());
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(Ok(30), |text| text.parse())?;
    let seeds = arguments.next().map_or(Ok(50), |text| text.parse())?;
    show(Duration::from_secs(seconds), seeds)
}

#[test]
fn the_example_does_what_it_says() -> Result<(), Box<dyn Error>> {
    show(Duration::from_secs(5), 1)
}
