//! Facts that are altered on their way to the ledger: the last comparison names what differs.

use kalshi_actor::decide::policy::PolicySpec;
use kalshi_actor::execute::Difference;
use kalshi_actor::market::{Price, TradeId};
use kalshi_actor::messages::{AccountEvent, Fill};

use crate::support::{Plan, START_MS, fills, stop_and_check};
use crate::watch::Tamper;

/// Alters one trade's fill wherever it appears: on the stream, and again in every read.
fn change_first_fill(mut change: impl FnMut(Fill) -> Vec<Fill> + 'static) -> Tamper {
    let mut chosen: Option<TradeId> = None;
    Box::new(move |event| match event {
        AccountEvent::Fill(fill) if *chosen.get_or_insert(fill.trade) == fill.trade => {
            change(fill).into_iter().map(AccountEvent::Fill).collect()
        }
        other => vec![other],
    })
}

/// Runs with this change and returns the differences at the end.
fn differences(tamper: Tamper) -> Vec<Difference> {
    let mut plan = Plan::generated(PolicySpec::Maker, 3);
    plan.tamper = Some(tamper);
    let mut simulation = plan.start();
    simulation.run_until(START_MS + 20_000);
    assert!(fills(&simulation).0 > 0);
    simulation.stop(120_000);
    let execute = &simulation.stages().execute;
    execute.audit().unwrap();
    println!("{:?}", execute.tripped());
    let agreement = execute.agreement().expect("the run ends with a comparison");
    assert!(!agreement.agrees());
    for difference in &agreement.differences {
        println!("{difference}");
    }
    agreement.differences.clone()
}

#[test]
fn an_altered_price_is_named_as_a_difference_of_cash() {
    let found = differences(change_first_fill(|fill| {
        let price = u16::try_from(fill.price.units() + 100).ok().and_then(Price::from_units).expect("below a dollar");
        vec![Fill { price, ..fill }]
    }));
    assert!(found.iter().any(|difference| matches!(difference, Difference::Cash { .. })), "{found:?}");
}

#[test]
fn a_dropped_fill_is_named_as_a_difference_of_position_or_order() {
    let found = differences(change_first_fill(|_| Vec::new()));
    assert!(
        found.iter().any(|difference| matches!(difference, Difference::Position { .. } | Difference::Order { .. })),
        "{found:?}"
    );
}

#[test]
fn a_fill_doubled_under_another_trade_is_named_as_a_difference() {
    let found = differences(change_first_fill(|fill| vec![fill, Fill { trade: TradeId::from_bits(0xdead), ..fill }]));
    assert!(
        found.iter().any(|difference| matches!(difference, Difference::Position { .. } | Difference::Order { .. })),
        "{found:?}"
    );
}

#[test]
fn fills_told_twice_with_the_same_ids_change_nothing() {
    let mut plan = Plan::generated(PolicySpec::Maker, 3);
    plan.tamper = Some(Box::new(|event| match event {
        AccountEvent::Fill(_) => vec![event, event],
        other => vec![other],
    }));
    let mut simulation = plan.start();
    simulation.run_until(START_MS + 20_000);
    stop_and_check(&mut simulation);
    let counters = simulation.stages().execute.counters();
    assert!(counters.duplicate_fills >= counters.fills && counters.fills > 0, "{counters:?}");
}
