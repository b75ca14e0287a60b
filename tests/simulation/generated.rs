//! Runs on generated markets.

use std::time::Instant;

use kalshi_actor::decide::policy::PolicySpec;
use kalshi_actor::drivers::simulation::SentRequest;
use kalshi_actor::messages::DecisionRecord;

use crate::support::{Plan, START_MS, fills, stop_and_check};

type Trace = (Vec<SentRequest>, Vec<DecisionRecord<'static>>);

/// Runs for a minute, with stage rehearsals every `every_ms`.
fn run_rehearsing(policy: &PolicySpec, seed: u64, every_ms: i64) -> Trace {
    let began = Instant::now();
    let mut simulation = Plan::generated(policy.clone(), seed).start();
    let end_ms = START_MS + 60_000;
    while simulation.session_ms() < end_ms {
        simulation.run_until(end_ms.min(simulation.session_ms() + every_ms));
        simulation.rehearse();
    }
    let (number, contracts) = fills(&simulation);
    println!(
        "{policy}: {} decisions, {} requests, {number} fills of {contracts} contracts, {} frames in {:?}",
        simulation.instruments().decisions().len(),
        simulation.instruments().sent().len(),
        simulation.instruments().frames().len(),
        began.elapsed(),
    );
    stop_and_check(&mut simulation);
    assert!(number >= 20, "{number} fills");
    (simulation.instruments().sent().to_vec(), simulation.instruments().decisions().to_vec())
}

fn run(policy: &PolicySpec, seed: u64) -> Trace {
    run_rehearsing(policy, seed, 60_000)
}

#[test]
fn to_run_from_decision_to_decision_is_the_same_run() {
    let end_ms = START_MS + 20_000;
    let plan = || Plan::generated(PolicySpec::Maker, 7);
    let mut whole = plan().start();
    whole.run_until(end_ms);
    // Nothing watches this one: it keeps the decisions of a moment.
    let mut stepped = plan().start_unwatched();
    let (mut decisions, mut moments) = (Vec::new(), 0);
    loop {
        let began_ms = stepped.session_ms();
        let taken = stepped.run_to_next_decision(end_ms);
        if taken.is_empty() {
            break;
        }
        decisions.extend_from_slice(taken);
        moments += 1;
        assert!(stepped.session_ms() >= began_ms && stepped.session_ms() <= end_ms);
    }
    assert!(moments > 100, "{moments} moments, {} decisions", decisions.len());
    assert_eq!((stepped.session_ms(), stepped.trace()), (whole.session_ms(), whole.trace()));
    assert_eq!(decisions, whole.instruments().decisions());
}

#[test]
fn rehearsals_change_nothing() {
    for policy in [PolicySpec::Maker, PolicySpec::Onnx] {
        assert!(run(&policy, 11) == run_rehearsing(&policy, 11, 7), "{policy}: rehearsals gave another run");
    }
}

fn repeat(policy: &PolicySpec) {
    let first = run(policy, 11);
    assert!(first == run(policy, 11), "the same seed gives another run");
    let other = run(policy, 12);
    assert!(first.0 != other.0 && first.1 != other.1, "another seed gives the same run");
}

#[test]
fn the_maker_trades_a_minute_stops_clean_agrees_and_repeats_itself() {
    repeat(&PolicySpec::Maker);
}

#[test]
fn the_shipped_model_trades_a_minute_stops_clean_agrees_and_repeats_itself() {
    repeat(&PolicySpec::Onnx);
}

#[test]
fn a_series_is_followed_from_market_to_market_and_each_one_pays() {
    let mut plan = Plan::generated(PolicySpec::Maker, 21);
    plan.config.markets.series = "KXSIM15S".to_owned();
    plan.config.risk.stop_before_close_ms = 1_000;
    let mut simulation = plan.start();
    simulation.run_until(START_MS + 90_000);
    let exchange = simulation.exchange();
    let paid = exchange.engine().settlements_of(exchange.clients()[0]).count();
    let counters = simulation.stages().execute.counters();
    println!("{paid} settlements, {} fills: {counters:?}", fills(&simulation).0);
    assert!(paid >= 2 && counters.settlements >= 2, "{paid}: {counters:?}");
    stop_and_check(&mut simulation);
}
