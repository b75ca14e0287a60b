//! Every shipped scenario ends with an agreeing ledger.

use std::time::Instant;

use kalshi_actor::decide::policy::PolicySpec;
use kalshi_actor::exchange::scenario::Scenario;
use kalshi_actor::market::Price;

use crate::support::{Plan, START_MS, fills, stop_and_agree};

/// Trades a scenario for this long and returns the number of fills and the values at which held markets settled.
fn trade(scenario: &Scenario, policy: PolicySpec, seed: u64, seconds: i64) -> (usize, Vec<Price>) {
    let began = Instant::now();
    let mut simulation = Plan::scenario(scenario, policy, seed).start();
    simulation.run_until(START_MS + seconds * 1_000);
    stop_and_agree(&mut simulation);
    let exchange = simulation.exchange();
    let settlements: Vec<Price> =
        exchange.engine().settlements_of(exchange.clients()[0]).map(|settlement| settlement.value).collect();
    let (number, contracts) = fills(&simulation);
    println!(
        "{}: {} requests, {number} fills of {contracts} contracts, settlements {settlements:?}, {:?} in {:?}",
        scenario.name(),
        simulation.instruments().sent().len(),
        exchange.gateway().fault_effects(),
        began.elapsed(),
    );
    (number, settlements)
}

fn shipped(name: &str) -> Scenario {
    Scenario::shipped(name).unwrap()
}

#[test]
fn calm_ends_with_an_agreeing_ledger() {
    assert!(trade(&shipped("calm"), PolicySpec::Maker, 31, 60).0 > 0);
}

#[test]
fn busy_ends_with_an_agreeing_ledger() {
    assert!(trade(&shipped("busy"), PolicySpec::Maker, 32, 30).0 >= 20);
}

#[test]
fn news_ends_with_an_agreeing_ledger() {
    assert!(trade(&shipped("news"), PolicySpec::Maker, 33, 60).0 >= 20);
}

#[test]
fn thin_ends_with_an_agreeing_ledger() {
    let (fills, settlements) = trade(&shipped("thin"), PolicySpec::Maker, 34, 240);
    assert!(fills > 0 && settlements.is_empty());
}

#[test]
fn settling_pays_yes_no_and_scalar_results_and_ends_with_an_agreeing_ledger() {
    // Buys in the first seconds of each market and holds to the end.
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.txt");
    std::fs::write(&script, "* 3..40 buy_yes\n").unwrap();
    let (fills, settlements) = trade(&shipped("settling"), PolicySpec::Script(script), 35, 240);
    assert!(fills >= 7, "{fills} fills");
    let is_scalar = |value: &Price| *value != Price::ONE && *value != Price::ZERO;
    assert!(settlements.contains(&Price::ONE) && settlements.contains(&Price::ZERO), "{settlements:?}");
    assert!(settlements.iter().any(is_scalar), "{settlements:?}");
}

#[test]
fn gold_ends_with_an_agreeing_ledger() {
    assert!(trade(&shipped("gold"), PolicySpec::Maker, 36, 60).0 > 0);
}

#[test]
fn members_whose_balances_move_in_cents_end_with_an_agreeing_ledger() {
    let text = shipped("busy").text().replace("[exchange]\n", "[exchange]\ndirect_members = false\n");
    let scenario = Scenario::parse("indirect", &text).unwrap();
    assert!(trade(&scenario, PolicySpec::Maker, 37, 30).0 >= 20);
}
