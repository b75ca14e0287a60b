//! The trader's state does not grow with the number of orders it sends.

use kalshi_actor::decide::policy::{AnyPolicy, PolicySpec};
use kalshi_actor::market::Money;

use crate::support::{Plan, START_MS, Simulation};

/// The most bytes of a checkpoint for a remembered fill: two identifiers and a time.
const FILL_BYTES: usize = 48;
/// The most bytes of a checkpoint for an ended order that is remembered: its identifier.
const ENDED_BYTES: usize = 20;
const ENDED_MAX: usize = 2_048;
/// Room for counters and times, whose encoding grows with their value.
const SLACK_BYTES: usize = 2_048;

/// The size in bytes of the state of each stage that knows of orders, with its name.
fn sizes(simulation: &Simulation<AnyPolicy>) -> [(&'static str, usize); 2] {
    let stages = simulation.stages();
    [
        ("execute", postcard::to_stdvec(&stages.execute).unwrap().len()),
        ("reconcile", postcard::to_stdvec(&stages.reconcile).unwrap().len()),
    ]
}

#[test]
fn the_state_of_a_stage_has_the_same_size_after_many_orders_as_after_some() {
    let mut plan = Plan::generated(PolicySpec::Maker, 31);
    plan.config.risk.max_executions = 0;
    plan.config.risk.max_drawdown = Money::ZERO;
    plan.config.risk.daily_loss_stop = Money::from_dollars(1_000_000);
    let mut simulation = plan.start();
    let done = |simulation: &Simulation<AnyPolicy>| {
        let counters = simulation.stages().execute.counters();
        [counters.sent, counters.fills].map(|count| usize::try_from(count).unwrap())
    };
    simulation.run_until(START_MS + 180_000);
    let ([some, fills_before], before) = (done(&simulation), sizes(&simulation));
    simulation.run_until(START_MS + 900_000);
    let ([many, fills], after) = (done(&simulation), sizes(&simulation));
    assert!(some > 50 && many > 3 * some, "{some} orders, then {many}");
    let ended = many.min(ENDED_MAX).saturating_sub(some) * ENDED_BYTES;
    let known = (fills - fills_before) * FILL_BYTES + ended + SLACK_BYTES;
    for ((name, before), (_, after)) in before.into_iter().zip(after) {
        println!("{name}: {before} bytes after {some} orders, {after} after {many} and {} fills", fills - fills_before);
        assert!(after <= before + known, "{name}: {before} bytes, then {after}; at most {known} more expected");
    }
}
