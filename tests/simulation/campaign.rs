//! Seeds with faults: what must hold, holds, and a seed is a run.

use kalshi_actor::decide::policy::{AnyPolicy, PolicySpec};
use kalshi_actor::drivers::campaign::{Campaign, Faults, Recovery, SeedReport, Troubles};
use kalshi_actor::exchange::keys::issue_ed25519;
use kalshi_actor::messages::Verdict;

fn run(faults: Faults, policy: &PolicySpec, seeds: std::ops::Range<u64>) -> Vec<SeedReport> {
    let policy = AnyPolicy::load(policy, None).unwrap();
    let campaign = Campaign { duration_ms: 90_000, markets: 4, faults, policy };
    // A key of its own each time: signatures must not decide anything.
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
    let (fills, unknown, troubles) = sum(&run(Faults::Hell, &PolicySpec::Maker, 10..24));
    println!("{fills} fills, {unknown} unknown orders resolved, {troubles:?}");
    let absent: Vec<_> = troubles.iter().filter(|(_, count)| *count == 0).collect();
    assert!(absent.is_empty() && unknown > 5, "{absent:?} never happened; {unknown} unknown orders resolved");
}

/// Every eighth seed has limits so tight that they refuse; the checker computes them on its own.
#[test]
fn tight_limits_hold_under_faults_and_each_of_them_refuses() {
    let policy = AnyPolicy::load(&PolicySpec::Maker, None).unwrap();
    let campaign = Campaign { duration_ms: 90_000, markets: 4, faults: Faults::Default, policy };
    let key = issue_ed25519().unwrap();
    let reports = [7, 15, 23].map(|seed| campaign.run(seed, &key));
    // A restricted market is not even decided for: that no order goes there is what the checker sees.
    for verdict in [Verdict::RefusedEventLoss, Verdict::RefusedMessageRate, Verdict::RefusedDuplicate] {
        let refused: u64 = reports.iter().map(|report| report.verdicts[verdict as usize]).sum();
        println!("{}: {refused}", verdict.as_str());
        assert!(refused > 0, "{}", verdict.as_str());
    }
    for report in &reports {
        assert!(report.violation.is_none(), "seed {}: {:#?}", report.seed, report.violation);
    }
}

#[test]
fn a_seed_is_a_run() {
    let traces =
        |seeds| run(Faults::Default, &PolicySpec::Maker, seeds).iter().map(|report| report.trace).collect::<Vec<_>>();
    let first = traces(7..9);
    assert_eq!(first, traces(7..9));
    assert_ne!(first[0], first[1]);
}

/// `kalshi-actor simulate --die-every 1` does it after each record.
#[test]
fn a_trader_that_dies_after_any_record_leaves_nothing_beyond_its_leases_and_its_successor_finds_everything() {
    let policy = AnyPolicy::load(&PolicySpec::Maker, None).unwrap();
    let campaign = Campaign { duration_ms: 600_000, markets: 4, faults: Faults::None, policy };
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
