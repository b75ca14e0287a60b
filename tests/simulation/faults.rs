//! Every fault in mid-session, on virtual time: it takes effect, the session continues to trade after it, and the
//! ledger agrees in the end.

use std::time::Instant;

use kalshi_actor::decide::policy::{AnyPolicy, PolicySpec};
use kalshi_actor::exchange::faults::{CATALOG, Fault, PlannedFault, RefusalStatus, When};
use kalshi_actor::exchange::gateway::Channel;
use kalshi_actor::exchange::participants::default_world;
use kalshi_actor::exchange::scenario::Scenario;
use kalshi_actor::market::Price;

use crate::support::{Plan, START_MS, Simulation, fills, stop_and_agree};

/// When the fault begins, in milliseconds after the start.
const ARMED_MS: i64 = 8_000;
/// When the fault is certainly over, after the start.
const OVER_MS: i64 = 60_000;
/// When the session stops, after the start.
const STOP_MS: i64 = 75_000;

fn session(seed: u64, planned: Vec<PlannedFault>) -> Simulation<AnyPolicy> {
    let mut plan = Plan::generated(PolicySpec::Maker, seed);
    plan.config.markets.count = 3;
    plan.config.risk.breaker_ms = 5_000;
    plan.world = default_world(seed, 3, START_MS);
    plan.world.faults = planned;
    plan.start()
}

/// Injects a fault this many times, and asserts what must hold for every fault.
fn survive(fault: Fault, times: u32) {
    let began = Instant::now();
    let seed = 41 + CATALOG.iter().position(|entry| entry.name == fault.name()).unwrap() as u64;
    let mut simulation = session(seed, vec![PlannedFault { fault, when: When::At(ARMED_MS), times }]);
    simulation.run_until(START_MS + OVER_MS);
    let before = fills(&simulation).0;
    simulation.run_until(START_MS + STOP_MS);
    let after = fills(&simulation).0;
    println!(
        "{fault:?}: {:?}, {before} and {after} fills, {} requests, {:?} in {:?}",
        simulation.exchange().gateway().fault_effects(),
        simulation.instruments().sent().len(),
        simulation.stages().execute.counters(),
        began.elapsed()
    );
    let effects = simulation.exchange().gateway().fault_effects().get(fault.name()).copied();
    assert!(effects.is_some_and(|effects| effects >= 1), "{fault:?} never took effect");
    assert!(after > before, "the session trades no more after {fault:?}");
    stop_and_agree(&mut simulation);
}

macro_rules! survives {
    ($($name:ident: $times:literal x $fault:expr;)+) => {
        $(
            #[test]
            fn $name() {
                survive($fault, $times);
            }
        )+
        /// The faults with a test here.
        const SURVIVED: &[Fault] = &[$($fault),+];
    };
}

survives! {
    sessions_that_are_cut: 1 x Fault::CutSessions;
    sessions_that_stall: 1 x Fault::StallSessions { for_ms: 8_000 };
    sessions_that_stall_longer_than_silence_is_borne: 1 x Fault::StallSessions { for_ms: 28_000 };
    frames_of_books_that_are_lost: 5 x Fault::DropFrame { channel: Channel::OrderbookDelta };
    frames_of_books_that_come_twice: 5 x Fault::DoubleFrame { channel: Channel::OrderbookDelta };
    frames_of_books_that_come_late: 3 x Fault::DelayFrame { channel: Channel::OrderbookDelta, by_ms: 200 };
    frames_of_books_that_are_cut_off: 3 x Fault::TruncateFrame { channel: Channel::OrderbookDelta };
    frames_of_books_that_are_malformed: 3 x Fault::MalformFrame { channel: Channel::OrderbookDelta };
    numbers_that_are_passed_over: 3 x Fault::SkipSeq { channel: Channel::OrderbookDelta };
    fills_that_are_lost: 3 x Fault::DropFrame { channel: Channel::Fill };
    fills_that_come_twice: 3 x Fault::DoubleFrame { channel: Channel::Fill };
    fills_that_come_late: 5 x Fault::DelayFrame { channel: Channel::Fill, by_ms: 3_000 };
    fills_that_are_cut_off: 2 x Fault::TruncateFrame { channel: Channel::Fill };
    fills_that_are_malformed: 2 x Fault::MalformFrame { channel: Channel::Fill };
    order_reports_that_are_lost: 5 x Fault::DropFrame { channel: Channel::UserOrders };
    order_reports_that_are_cut_off: 2 x Fault::TruncateFrame { channel: Channel::UserOrders };
    order_reports_that_come_twice: 5 x Fault::DoubleFrame { channel: Channel::UserOrders };
    order_reports_that_come_late: 5 x Fault::DelayFrame { channel: Channel::UserOrders, by_ms: 3_000 };
    order_reports_that_are_malformed: 2 x Fault::MalformFrame { channel: Channel::UserOrders };
    trades_that_are_lost: 5 x Fault::DropFrame { channel: Channel::Trade };
    numbers_of_trades_that_are_passed_over: 3 x Fault::SkipSeq { channel: Channel::Trade };
    life_cycles_that_are_malformed: 3 x Fault::MalformFrame { channel: Channel::MarketLifecycle };
    life_cycles_that_come_late: 3 x Fault::DelayFrame { channel: Channel::MarketLifecycle, by_ms: 5_000 };
    order_reports_behind_everything_else:
        1 x Fault::DelayChannel { channel: Channel::UserOrders, by_ms: 1_500, for_ms: 10_000 };
    fills_behind_everything_else: 1 x Fault::DelayChannel { channel: Channel::Fill, by_ms: 1_500, for_ms: 10_000 };
    ends_reported_before_their_fills: 5 x Fault::CancelBeforeFill { within_ms: 5_000 };
    requests_that_are_lost: 3 x Fault::LoseRequest;
    requests_that_arrive_twenty_seconds_late: 3 x Fault::DelayRequest { by_ms: 20_000 };
    requests_that_arrive_twice: 3 x Fault::DoubleRequest;
    requests_refused_with_429: 5 x Fault::RefuseRequest { status: RefusalStatus::TooManyRequests };
    requests_refused_with_500: 3 x Fault::RefuseRequest { status: RefusalStatus::Internal };
    requests_refused_with_503: 3 x Fault::RefuseRequest { status: RefusalStatus::Unavailable };
    answers_that_are_lost: 3 x Fault::SwallowAnswer;
    answers_that_are_cut: 3 x Fault::CutAnswer;
    answers_behind_their_fills: 10 x Fault::DelayAnswer { by_ms: 1_500 };
    answers_later_than_waited_for: 3 x Fault::DelayAnswer { by_ms: 5_000 };
    answers_that_say_500_of_what_was_done: 3 x Fault::FailAnswer { status: RefusalStatus::Internal };
    answers_that_are_cut_off: 3 x Fault::TruncateAnswer;
    order_connections_that_are_cut: 1 x Fault::CutOrderConnections;
    reads_refused_with_429: 3 x Fault::RefuseRead { status: RefusalStatus::TooManyRequests };
    reads_refused_with_500: 3 x Fault::RefuseRead { status: RefusalStatus::Internal };
    reads_that_come_late: 3 x Fault::DelayRead { by_ms: 4_000 };
    reads_that_hang: 1 x Fault::SwallowRead;
    lists_with_elements_that_cannot_be_read: 1 x Fault::StrangeElements { for_ms: 60_000 };
    lists_whose_cursor_comes_again: 3 x Fault::RepeatCursor;
    a_pause_of_trading: 1 x Fault::PauseTrading { for_ms: 6_000 };
    a_pause_of_the_exchange: 1 x Fault::PauseExchange { for_ms: 6_000 };
    a_clock_that_is_wrong: 1 x Fault::OffsetClock { by_ms: 60_000, for_ms: 6_000 };
    connections_that_are_doubled: 1 x Fault::DoubleSessions { for_ms: 8_000 };
}

#[test]
fn a_handshake_that_is_refused() {
    let cut = PlannedFault { fault: Fault::CutSessions, when: When::At(ARMED_MS), times: 1 };
    let refuse = PlannedFault { fault: Fault::RefuseSessions { for_ms: 5_000 }, ..cut };
    let mut simulation = session(39, vec![refuse, cut]);
    simulation.run_until(START_MS + STOP_MS);
    assert!(simulation.exchange().gateway().fault_effects()["refuse_sessions"] >= 2);
    assert!(fills(&simulation).0 > 0);
    stop_and_agree(&mut simulation);
}

#[test]
fn snapshots_that_are_lost_at_the_start() {
    let fault = Fault::DropFrame { channel: Channel::OrderbookDelta };
    let mut simulation = session(38, vec![PlannedFault { fault, when: When::At(0), times: 3 }]);
    simulation.run_until(START_MS + 20_000);
    assert_eq!(simulation.exchange().gateway().fault_effects()["drop_frame"], 3);
    assert!(fills(&simulation).0 > 0);
    stop_and_agree(&mut simulation);
}

#[test]
fn every_fault_of_the_catalog_is_survived_but_those_that_lie() {
    let missing: Vec<&str> = CATALOG
        .iter()
        .map(|entry| entry.name)
        .filter(|name| !SURVIVED.iter().any(|fault| fault.name() == *name))
        .collect();
    // A lie about a fill must be found by the ledger, which `tampered` tests. A revoked key trips, which the campaigns test.
    assert_eq!(missing, ["refuse_sessions", "alter_fill", "hide_fill", "forge_fill", "revoke_keys"]);
}

/// All faults, each this many times a minute; those that last are rarer.
fn weather(per_minute: f64) -> Vec<PlannedFault> {
    let planned = SURVIVED.iter().map(|fault| {
        let lasts = matches!(
            fault,
            Fault::StallSessions { .. }
                | Fault::PauseTrading { .. }
                | Fault::PauseExchange { .. }
                | Fault::OffsetClock { .. }
                | Fault::DoubleSessions { .. }
                | Fault::StrangeElements { .. }
                | Fault::SwallowRead
        );
        PlannedFault { fault: *fault, when: When::Rate(if lasts { 0.1 } else { per_minute }), times: 1 }
    });
    planned.collect()
}

/// Three minutes with all faults, and one without.
fn storm(seed: u64, per_minute: f64) {
    let began = Instant::now();
    let mut simulation = session(seed, weather(per_minute));
    simulation.run_until(START_MS + 180_000);
    simulation.exchange_mut().disarm();
    simulation.run_until(START_MS + 240_000);
    println!(
        "seed {seed}: {:?}, {:?} fills, {} requests, {:?} in {:?}",
        simulation.exchange().gateway().fault_effects(),
        fills(&simulation),
        simulation.instruments().sent().len(),
        simulation.stages().execute.counters(),
        began.elapsed()
    );
    stop_and_agree(&mut simulation);
}

#[test]
fn storms_of_faults_leave_ledgers_that_agree() {
    let seeds = std::env::var("STORMS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    (0..seeds).for_each(|seed| storm(1_000 + seed, 0.5));
}

#[test]
fn heavy_storms_of_faults_leave_ledgers_that_agree() {
    (0..5).for_each(|seed| storm(2_000 + seed, 2.0));
}

#[test]
fn results_that_nobody_announced_are_paid_all_the_same() {
    let scenario = Scenario::shipped("settling").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script.txt");
    std::fs::write(&script, "* 3..40 buy_yes\n").unwrap();
    for seed in 51..54 {
        let mut plan = Plan::scenario(&scenario, PolicySpec::Script(script.clone()), seed);
        let fault = Fault::DropFrame { channel: Channel::MarketLifecycle };
        plan.world.faults = vec![PlannedFault { fault, when: When::At(ARMED_MS), times: 1_000 }];
        let mut simulation = plan.start();
        simulation.run_until(START_MS + 200_000);
        let exchange = simulation.exchange();
        let values: Vec<Price> =
            exchange.engine().settlements_of(exchange.clients()[0]).map(|settlement| settlement.value).collect();
        println!("{values:?}, {:?}", exchange.gateway().fault_effects());
        assert!(values.len() >= 5, "{values:?}");
        stop_and_agree(&mut simulation);
    }
}

#[test]
fn storms_around_the_shipped_model_leave_ledgers_that_agree() {
    for seed in 4_000..4_004 {
        let mut plan = Plan::generated(PolicySpec::Onnx, seed);
        plan.config.risk.breaker_ms = 5_000;
        plan.world.faults = weather(1.0);
        let mut simulation = plan.start();
        simulation.run_until(START_MS + 90_000);
        simulation.exchange_mut().disarm();
        simulation.run_until(START_MS + 130_000);
        println!("seed {seed}: {:?} fills, {:?}", fills(&simulation), simulation.stages().execute.counters());
        stop_and_agree(&mut simulation);
    }
}

#[test]
fn storms_at_the_end_of_markets_leave_ledgers_that_agree() {
    let scenario = Scenario::shipped("settling").unwrap();
    for seed in 3_000..3_010 {
        let mut plan = Plan::scenario(&scenario, PolicySpec::Maker, seed);
        plan.config.risk.breaker_ms = 5_000;
        plan.config.risk.stop_before_close_ms = 1_000;
        plan.world.faults = weather(1.0);
        let mut simulation = plan.start();
        simulation.run_until(START_MS + 150_000);
        simulation.exchange_mut().disarm();
        simulation.run_until(START_MS + 200_000);
        println!("seed {seed}: {:?} fills, {:?}", fills(&simulation), simulation.stages().execute.counters());
        stop_and_agree(&mut simulation);
    }
}
