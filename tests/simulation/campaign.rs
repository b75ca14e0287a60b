//! Campaigns with faults: the invariants hold, and a seed always gives the same run.

use std::process::Command;

use kalshi_actor::decide::policy::{AnyPolicy, PolicySpec};
use kalshi_actor::drivers::campaign::{Campaign, Faults, Recovery, SeedReport, Tight, Troubles};
use kalshi_actor::exchange::keys::issue_ed25519;
use kalshi_actor::exchange::scenario::Scenario;
use kalshi_actor::messages::Verdict;

fn run(faults: Faults, policy: &PolicySpec, seeds: std::ops::Range<u64>) -> Vec<SeedReport> {
    let policy = AnyPolicy::load(policy, None).unwrap();
    let campaign = Campaign { duration_ms: 120_000, markets: 4, scenario: Scenario::default(), faults, policy };
    // A new key each time, since nothing may depend on signatures.
    let key = issue_ed25519().unwrap();
    let reports: Vec<_> = seeds.map(|seed| campaign.run(seed, &key)).collect();
    for report in &reports {
        assert!(report.violation.is_none(), "seed {}: {:#?}", report.seed, report.violation);
    }
    reports
}

fn sum(reports: &[SeedReport]) -> (u64, u64, Troubles) {
    let mut troubles = Troubles::default();
    for report in reports {
        troubles.merge(&report.troubles);
    }
    let unknown = reports.iter().map(|report| report.unknown_resolved).sum();
    (reports.iter().map(|report| report.fills).sum(), unknown, troubles)
}

#[test]
fn a_bad_day_breaks_no_invariant() {
    let reports =
        [run(Faults::Default, &PolicySpec::Maker, 0..4), run(Faults::Default, &PolicySpec::Onnx, 4..6)].concat();
    let (fills, unknown, troubles) = sum(&reports);
    println!("{fills} fills, {unknown} unknown orders resolved, {troubles:?}");
    assert!(fills > 200 && unknown > 5, "{fills} fills, {unknown} unknown orders resolved");
}

#[test]
fn hell_breaks_no_invariant_and_every_kind_of_fault_took_effect() {
    let (fills, unknown, troubles) = sum(&run(Faults::Hell, &PolicySpec::Maker, 24..38));
    println!("{fills} fills, {unknown} unknown orders resolved, {troubles:?}");
    // Two minutes of hell realise hardly any result, so little is written to a disk that may be full. `simulate` itself
    // requires that fault, in campaigns of hours.
    let absent: Vec<_> = troubles.absent().into_iter().filter(|kind| *kind != "disk_full").collect();
    assert!(absent.is_empty() && unknown > 5, "{absent:?} never happened; {unknown} unknown orders resolved");
}

/// Some seeds have limits tight enough to refuse orders; the checker computes them independently.
#[test]
fn tight_limits_hold_under_faults_and_each_of_them_refuses() {
    let policy = AnyPolicy::load(&PolicySpec::Maker, None).unwrap();
    let campaign =
        Campaign { duration_ms: 90_000, markets: 4, scenario: Scenario::default(), faults: Faults::Default, policy };
    let key = issue_ed25519().unwrap();
    // Two seeds with message limits and with independent and exclusive events, one with positions, one with cash.
    let seeds: [u64; 4] = [7, 15, 3, 11];
    assert_eq!(seeds.map(|seed| Tight::of(seed).is_some()), [true; 4]);
    let reports = seeds.map(|seed| campaign.run(seed, &key));
    // `decide` skips a restricted market, so the gate never refuses it; the checker sees that no order goes there.
    for verdict in [
        Verdict::RefusedEventLoss,
        Verdict::RefusedMessageRate,
        Verdict::RefusedDuplicate,
        Verdict::RefusedPosition,
        Verdict::RefusedCollar,
        Verdict::RefusedCashAtRisk,
        Verdict::RefusedOpenOrders,
    ] {
        let refused: u64 = reports.iter().map(|report| report.verdicts[verdict as usize]).sum();
        println!("{}: {refused}", verdict.as_str());
        assert!(refused > 0, "{}", verdict.as_str());
    }
    for report in &reports {
        assert!(report.violation.is_none(), "seed {}: {:#?}", report.seed, report.violation);
    }
}

#[test]
fn a_stop_that_is_due_ends_the_trading_and_the_next_start_opens_nothing() {
    let policy = AnyPolicy::load(&PolicySpec::Maker, None).unwrap();
    let campaign =
        Campaign { duration_ms: 600_000, markets: 4, scenario: Scenario::default(), faults: Faults::Default, policy };
    let key = issue_ed25519().unwrap();
    for (tight, stop) in [(Tight::Executions, "repeated"), (Tight::Drawdown, "drawdown")] {
        // Not every such seed loses or trades enough in ten minutes.
        let seeds = (0..320).filter(|seed| Tight::of(*seed) == Some(tight));
        let stopped = seeds.map(|seed| campaign.run(seed, &key)).find(|report| {
            println!(
                "seed {}: {:?} after {} orders and {} fills",
                report.seed, report.stop, report.orders, report.fills
            );
            assert!(report.violation.is_none(), "seed {}: {:#?}", report.seed, report.violation);
            report.stop == Some(stop)
        });
        let report = stopped.unwrap_or_else(|| panic!("no seed ended by {stop}"));
        assert!(report.fills > 20, "seed {}: {} fills", report.seed, report.fills);
    }
}

/// In seeds 13, 45, 77, ... the key is revoked halfway; the checker requires the trip.
#[test]
fn a_key_that_is_revoked_ends_the_trading() {
    for faults in [Faults::Default, Faults::Hell] {
        // A trader may be down, or send few requests, while its key is revoked.
        let seeds = (0..8).map(|number| 13 + 32 * number);
        let mut reports = seeds.map(|seed| run(faults, &PolicySpec::Maker, seed..seed + 1).remove(0));
        let report = reports.find(|report| report.stop.is_some()).expect("one seed of eight trips");
        let refused: u64 =
            report.troubles.iter().filter(|(kind, _)| *kind == "revoke_keys").map(|(_, count)| count).sum();
        println!("{:?} after {} refusals, {} orders and {} fills", report.stop, refused, report.orders, report.fills);
        assert_eq!(report.stop, Some("credentials"));
        assert!(refused >= 3 && report.orders > 20, "{refused} refusals, {} orders", report.orders);
    }
    assert_eq!(run(Faults::None, &PolicySpec::Maker, 13..14)[0].stop, None);
}

#[test]
fn a_seed_is_the_same_run_in_another_order_and_beside_others() {
    let alone: Vec<_> = run(Faults::Hell, &PolicySpec::Maker, 30..33).iter().map(|report| report.trace).collect();
    let beside: Vec<_> = std::thread::scope(|scope| {
        let seeds = (30..33).rev();
        let runs: Vec<_> =
            seeds.map(|seed| scope.spawn(move || run(Faults::Hell, &PolicySpec::Maker, seed..seed + 1))).collect();
        runs.into_iter().rev().map(|run| run.join().unwrap()[0].trace).collect()
    });
    assert_eq!(alone, beside);
}

#[test]
fn a_campaign_in_another_scenario_breaks_no_invariant_and_settles_markets() {
    let policy = AnyPolicy::load(&PolicySpec::Maker, None).unwrap();
    let scenario = Scenario::shipped("settling").unwrap();
    let markets = scenario.market_count();
    let campaign = Campaign { duration_ms: 120_000, markets, scenario, faults: Faults::Default, policy };
    let report = campaign.run(2, &issue_ed25519().unwrap());
    assert!(report.violation.is_none(), "{:#?}", report.violation);
    assert!(report.fills > 0 && report.ledgers_compared > 1_000 && report.books_compared > 100, "{report:?}");
}

/// Runs the command and returns its exit status and the text of both streams.
fn simulate(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_kalshi-actor")).arg("simulate").args(arguments).output().unwrap();
    let told = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(told).unwrap())
}

#[test]
fn what_is_no_seed_range_no_scenario_or_has_no_markets_is_refused_with_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.toml");
    std::fs::write(&empty, "description = \"nothing to trade\"\n").unwrap();
    let empty = empty.to_str().unwrap();
    for (arguments, expected) in [
        (["--seeds", "9..2"], "expected A..B with A below B"),
        (["--seeds", "many"], "expected A..B with two whole numbers"),
        (["--faults", "some"], "expected none, default or hell"),
        (["--minutes", "0"], "0 is not in 1.."),
        (["--scenario", "no-such-scenario"], "no-such-scenario"),
        (["--scenario", empty], "no markets: expected at least one [[markets]] or [[series]]"),
    ] {
        let (code, told) = simulate(&arguments);
        assert!(code.is_some_and(|code| code != 0) && told.contains(expected), "{arguments:?}: {told}");
    }
}

#[test]
fn a_campaign_tells_its_sums_and_ends_well() {
    let (code, told) = simulate(&["--seeds", "3..5", "--minutes", "1", "--jobs", "2", "--verbose"]);
    assert_eq!(code, Some(0), "{told}");
    for expected in ["seed 3: trace ", "hours a second", "partial", "resolved", "faults: ", "no violation"] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    // No progress bar, since the output is not a terminal.
    assert!(!told.contains(" left, "), "{told}");
}

#[test]
fn a_seed_is_a_run() {
    let traces =
        |seeds| run(Faults::Default, &PolicySpec::Maker, seeds).iter().map(|report| report.trace).collect::<Vec<_>>();
    let first = traces(7..9);
    assert_eq!(first, traces(7..9));
    assert_ne!(first[0], first[1]);
}

/// `kalshi-actor simulate --die-every 1` does this after every record.
#[test]
fn a_trader_that_dies_after_any_record_leaves_nothing_beyond_its_leases_and_its_successor_finds_everything() {
    let policy = AnyPolicy::load(&PolicySpec::Maker, None).unwrap();
    let campaign =
        Campaign { duration_ms: 600_000, markets: 4, scenario: Scenario::default(), faults: Faults::None, policy };
    let key = issue_ed25519().unwrap();
    let (mut rested, mut orders) = (0, 0);
    for number in 1..=16 {
        let recovery = Recovery { after_records: number * 125, absent: number % 2 == 1 };
        let report = campaign.recover(3, &key, recovery);
        assert!(report.violation.is_none(), "after {} records: {:#?}", report.records, report.violation);
        assert_eq!(report.records, recovery.after_records, "the session is shorter than that");
        rested += u64::from(report.resting_ms > 0);
        orders += report.orders;
        println!("{} records: rested {} ms", report.records, report.resting_ms);
    }
    assert!(rested >= 3 && orders > 100, "{rested} deaths left orders behind, {orders} orders");
}
