//! Scenario files: refused with a line number that the file has, or accepted as a world that can be built and run.

use kalshi_actor::exchange::Exchange;
use kalshi_actor::exchange::gateway::ExchangeNow;
use kalshi_actor::exchange::scenario::{Scenario, ScenarioError};

const START_MS: i64 = 1_790_000_000_000;
/// Markets in a world that is run, although a scenario may ask for thousands.
const MARKETS_MAX: usize = 3;

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let scenario = match Scenario::parse("fuzzed", text) {
        Ok(scenario) => scenario,
        Err(ScenarioError::Malformed { line, reason, .. }) => {
            assert!(line >= 1 && line <= 1 + text.matches('\n').count(), "line {line} of {text:?}");
            assert!(!reason.is_empty());
            return;
        }
        Err(other) => panic!("nothing is read from a disk: {other}"),
    };
    assert!(scenario.shards().iter().all(|shard| *shard <= 3));
    let markets = scenario.market_count().min(MARKETS_MAX);
    let exchange = Exchange::builder().scenario_of(scenario, markets).accounts(0).start_ms(START_MS).build();
    let (mut exchange, _) = exchange.expect("a scenario that was accepted makes a world");
    // Only briefly, since rates may be high.
    for step in 1..=4 {
        let session_ms = START_MS + 5 * step;
        exchange.advance(ExchangeNow { session_ms, wall_ms: session_ms });
        while exchange.poll().is_some() {}
    }
}
