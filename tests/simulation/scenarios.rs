//! Every shipped scenario ends with an agreeing ledger.

use std::time::Instant;

use kalshi_actor::decide::policy::PolicySpec;
use kalshi_actor::exchange::scenario::Scenario;

use crate::support::{Plan, START_MS, fills, stop_and_agree};

/// Trades a scenario for so long and returns how many fills and settlements there were.
fn trade(scenario: &Scenario, seed: u64, seconds: i64, stop_before_close_ms: u64) -> (usize, usize) {
    let began = Instant::now();
    let mut plan = Plan::scenario(scenario, PolicySpec::Maker, seed);
    plan.config.risk.stop_before_close_ms = stop_before_close_ms;
    let mut simulation = plan.start();
    simulation.run_until(START_MS + seconds * 1_000);
    stop_and_agree(&mut simulation);
    let exchange = simulation.exchange();
    let settlements = exchange.engine().settlements_of(exchange.clients()[0]).count();
    let (number, contracts) = fills(&simulation);
    println!(
        "{}: {} requests, {number} fills of {contracts} contracts, {settlements} settlements, {:?} in {:?}",
        scenario.name(),
        simulation.sent().len(),
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
    assert!(trade(&shipped("calm"), 31, 60, 60_000).0 > 0);
}

#[test]
fn busy_ends_with_an_agreeing_ledger() {
    assert!(trade(&shipped("busy"), 32, 30, 60_000).0 >= 20);
}

#[test]
fn news_ends_with_an_agreeing_ledger() {
    assert!(trade(&shipped("news"), 33, 60, 60_000).0 >= 20);
}

#[test]
fn thin_ends_with_an_agreeing_ledger() {
    trade(&shipped("thin"), 34, 240, 60_000);
}

#[test]
fn settling_pays_yes_no_and_scalar_results_and_ends_with_an_agreeing_ledger() {
    let (fills, settlements) = trade(&shipped("settling"), 35, 240, 15_000);
    assert!(fills >= 20 && settlements >= 4, "{fills} fills, {settlements} settlements");
}

#[test]
fn gold_ends_with_an_agreeing_ledger() {
    assert!(trade(&shipped("gold"), 36, 60, 60_000).0 > 0);
}

#[test]
fn members_whose_balances_move_in_cents_end_with_an_agreeing_ledger() {
    let text = format!("{}\n[exchange]\ndirect_members = false\n", shipped("busy").text());
    let scenario = Scenario::parse("indirect", &text).unwrap();
    assert!(trade(&scenario, 37, 30, 60_000).0 >= 20);
}
