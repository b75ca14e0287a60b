//! The program as a process against every fault of the exchange, planned in a scenario file: each takes effect, and the
//! session ends with an agreeing ledger. Faults that don't mask each other share a process, and the processes run in
//! parallel.

use std::collections::{BTreeMap, BTreeSet};

use kalshi_actor::exchange::faults::CATALOG;
use kalshi_actor::exchange::scenario::Scenario;

use crate::program::{Program, assert_agrees, summary};

/// Three markets and a policy that always has open orders; lost answers are given up early, and the account is read often.
const CONFIG: &str = r#"
[pipeline]
idle = "park"

[policy]
kind = "maker"

[markets]
count = 3

[orders]
answer_timeout_ms = 500
compare_every_ms = 1000

[risk]
breaker_ms = 2000
"#;

/// One process: how long it trades, and its faults with the second at which each starts.
struct Run {
    seconds: u32,
    faults: &'static [(&'static str, u32)],
}

/// Every fault except those that are not survivable.
const RUNS: &[Run] = &[
    Run {
        seconds: 22,
        faults: &[
            (r#"drop_frame = { channel = "orderbook_delta" }"#, 4),
            (r#"double_frame = { channel = "orderbook_delta" }"#, 5),
            (r#"delay_frame = { channel = "fill", by_ms = 700 }"#, 5),
            (r#"truncate_frame = { channel = "orderbook_delta" }"#, 7),
            (r#"malform_frame = { channel = "orderbook_delta" }"#, 9),
            (r#"skip_seq = { channel = "orderbook_delta" }"#, 11),
            (r#"delay_channel = { channel = "user_orders", by_ms = 500, for_ms = 3000 }"#, 12),
        ],
    },
    Run {
        seconds: 26,
        faults: &[
            (r"cancel_before_fill = { within_ms = 2000 }", 3),
            (r"double_sessions = { for_ms = 2000 }", 4),
            (r"stall_sessions = { for_ms = 2000 }", 8),
            (r"refuse_sessions = { for_ms = 1500 }", 12),
            (r"cut_sessions = {}", 12),
            (r"cut_order_connections = {}", 17),
        ],
    },
    Run {
        seconds: 30,
        faults: &[
            (r"lose_request = {}", 4),
            (r"double_request = {}", 6),
            (r"refuse_request = { status = 429 }", 8),
            (r"swallow_answer = {}", 10),
            (r"cut_answer = {}", 12),
            (r"delay_answer = { by_ms = 400 }", 14),
            (r"fail_answer = { status = 500 }", 16),
            (r"truncate_answer = {}", 18),
        ],
    },
    Run {
        seconds: 26,
        faults: &[
            (r"refuse_read = { status = 503 }", 4),
            (r"delay_read = { by_ms = 1000 }", 6),
            (r"strange_elements = { for_ms = 20000 }", 5),
            (r"repeat_cursor = {}", 7),
            (r"pause_trading = { for_ms = 2000 }", 8),
            (r"pause_exchange = { for_ms = 2000 }", 12),
            (r"offset_clock = { by_ms = 60000, for_ms = 2000 }", 16),
        ],
    },
    // Faults that take long to resolve: a request that arrives 20 seconds late, a read that hangs.
    Run { seconds: 45, faults: &[(r"delay_request = { by_ms = 20000 }", 4), (r"swallow_read = {}", 5)] },
];

fn name(fault: &str) -> &str {
    fault.split(' ').next().unwrap()
}

/// The scenario `busy` with these faults.
fn scenario(faults: &[(&str, u32)]) -> String {
    let busy = Scenario::shipped("busy").unwrap();
    let planned = faults.iter().map(|(fault, at_s)| {
        let fault = match fault.strip_suffix(" = {}") {
            Some(name) => format!("fault = \"{name}\""),
            None => format!("fault.{fault}"),
        };
        format!("\n[[faults]]\n{fault}\nat_s = {at_s}\n")
    });
    busy.text().to_owned() + &planned.collect::<String>()
}

fn start(folder: &std::path::Path, run: &Run, seed: usize) -> Program {
    let file = folder.join("weather.toml");
    std::fs::write(&file, scenario(run.faults)).unwrap();
    let (duration, seed) = (format!("{}s", run.seconds), seed.to_string());
    let file = file.to_str().unwrap();
    Program::configured(folder, CONFIG, &["--scenario", file, "--duration", &duration, "--seed", &seed])
}

/// The faults that took effect, according to the report.
fn effects(report: &str) -> BTreeMap<&str, u64> {
    let line = report.lines().find_map(|line| line.split_once("faults of the exchange that took effect: "));
    let (_, list) = line.unwrap_or_else(|| panic!("no fault took effect\n{report}"));
    list.split(", ")
        .map(|each| each.split_once(' ').unwrap())
        .map(|(name, count)| (name, count.parse().unwrap()))
        .collect()
}

#[test]
fn every_fault_is_met_by_the_program_and_its_ledger_agrees() {
    let runs: Vec<_> = RUNS
        .iter()
        .enumerate()
        .map(|(number, run)| {
            let folder = tempfile::tempdir().unwrap();
            let program = start(folder.path(), run, 61 + number);
            (run, folder, program)
        })
        .collect();
    for (run, folder, program) in runs {
        let (status, report) = program.wait();
        assert_agrees(status, &report);
        let effects = effects(&report);
        for (fault, _) in run.faults {
            assert!(effects.contains_key(name(fault)), "{fault} never took effect: {effects:?}\n{report}");
        }
        let summary = summary(folder.path());
        assert!(summary.ledger.agrees && summary.fills > 0, "{report}");
    }
}

#[test]
fn no_fault_is_left_out_but_those_that_lie_and_the_one_that_trips() {
    let met: BTreeSet<&str> = RUNS.iter().flat_map(|run| run.faults).map(|(fault, _)| name(fault)).collect();
    let missing: Vec<&str> = CATALOG.iter().map(|entry| entry.name).filter(|name| !met.contains(name)).collect();
    // A lie about a fill and a revoked key must trip; `tests/sockets/ledger.rs` and `tests/venues.rs` test that.
    assert_eq!(missing, ["alter_fill", "hide_fill", "forge_fill", "revoke_keys"]);
}

#[test]
fn a_fill_that_lies_is_found_out_and_trips_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let run = Run { seconds: 60, faults: &[("alter_fill = {}", 4)] };
    let (status, report) = start(folder.path(), &run, 71).wait();
    assert_eq!(effects(&report)["alter_fill"], 1, "{report}");
    assert!(!status.success(), "a ledger that believed a wrong price is not that of the exchange\n{report}");
    let trip = report.lines().find(|line| line.starts_with("FAILED: tripped: the ledger differs from the exchange"));
    assert!(trip.is_some(), "the report names the trip\n{report}");
}
