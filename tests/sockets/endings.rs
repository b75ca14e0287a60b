//! How the program ends as a process: signals, a closed terminal, a second trader, no file descriptors left. The
//! exchange's books afterwards decide, and the report.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use kalshi_actor::session::state_dir;

use crate::drill::Drill;
use crate::program::{Program, assert_agrees, summary};

fn send(process: u32, signals: &[&str]) {
    for signal in signals {
        let sent = Command::new("kill").args(["-s", signal, &process.to_string()]).status().unwrap();
        assert!(sent.success(), "{signal}");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Waits for the trader to end and returns its output.
fn ended(mut trader: crate::drill::Process) -> Output {
    trader.wait_for_end();
    trader.output()
}

#[test]
fn signals_that_people_and_systems_send_stop_in_order_and_those_without_business_are_ignored() {
    let ignored =
        ["USR2", "PIPE", "XFSZ", "PROF", "VTALRM", "TSTP", "TTIN", "TTOU", "IO", "STKFLT", "RTMIN", "RTMIN+7", "64"];
    // A repeated signal is still a clean stop, unless it is an urgent one.
    let stopping: [&[&str]; 5] = [&["HUP", "HUP"], &["QUIT"], &["ALRM", "ALRM"], &["XCPU", "HUP"], &["PWR", "ABRT"]];
    let runs: Vec<_> = stopping
        .into_iter()
        .zip(21..)
        .map(|(signals, seed)| {
            let folder = tempfile::tempdir().unwrap();
            let seed = i32::to_string(&seed);
            let program = Program::start(folder.path(), &["--policy", "maker", "--duration", "1h", "--seed", &seed]);
            (signals, folder, program)
        })
        .collect();
    for (signals, folder, mut program) in runs {
        program.wait_for_orders();
        send(program.id(), &ignored);
        std::thread::sleep(Duration::from_millis(300));
        send(program.id(), signals);
        let (status, report) = program.wait();
        assert_agrees(status, &report);
        let summary = summary(folder.path());
        assert!(summary.ledger.agrees && summary.orders.cancelled > 0, "{signals:?}\n{report}");
    }
}

#[test]
fn a_program_under_nohup_outlives_its_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let mut program =
        Program::under("nohup", folder.path(), &["--policy", "maker", "--duration", "1h", "--seed", "26"]);
    program.wait_for_orders();
    send(program.id(), &["HUP"]);
    std::thread::sleep(Duration::from_millis(500));
    assert!(program.is_running(), "the hangup ended it");
    send(program.id(), &["TERM"]);
    let (status, report) = program.wait();
    assert_agrees(status, &report);
}

#[test]
fn a_second_interrupt_cancels_over_the_kill_line_and_says_so() {
    let drill = Drill::start("31");
    let trader = drill.trade(0);
    drill.wait_until("orders of the trader", |drill| drill.resting().len() >= 2);
    // The second signal comes in time: the exchange takes 50 ms just to answer the cancels.
    send(trader.id(), &["INT", "INT"]);
    let output = ended(trader);
    let report = text(&output.stdout);
    assert_eq!(output.status.code(), Some(130), "{report}{}", text(&output.stderr));
    assert!(drill.resting().is_empty());
    assert!(report.contains("told to stop again") && report.contains("2 order groups triggered within"), "{report}");
    // That is not a trip: the next start says what it found, and trades.
    let output = drill.trade_for("8s", 1);
    drill.assert_agrees(&output, 1);
    assert!(text(&output.stdout).contains("did not end cleanly"), "{}", text(&output.stdout));
}

#[test]
fn a_terminal_that_is_closed_ends_in_a_clean_stop_although_nobody_can_read_it() {
    let drill = Drill::start("32");
    let mut trader = drill.trade(0);
    // From now on all writes fail, as after a terminal was closed.
    trader.close_pipes();
    drill.wait_until("orders of the trader", |drill| drill.resting().len() >= 2);
    std::thread::sleep(Duration::from_secs(2));
    send(trader.id(), &["HUP", "CONT", "HUP"]);
    trader.wait_for_end();
    assert!(drill.resting().is_empty());
    assert!(drill.summary(0).ledger.agrees);
}

#[test]
fn a_second_trader_on_the_same_state_account_or_folder_is_refused_with_the_first_ones_process() {
    let drill = Drill::start("33");
    let trader = drill.trade(0);
    drill.wait_until("orders of the trader", |drill| drill.resting().len() >= 2);
    let holder = format!("process {}", trader.id());
    let refused = |output: Output, what: &str| {
        let errors = text(&output.stderr);
        assert!(!output.status.success() && errors.contains(&holder) && errors.contains(what), "{what}: {errors}");
        assert!(output.stdout.is_empty(), "{}", text(&output.stdout));
    };
    refused(drill.trade_for("5s", 1), "trades this account");
    // Another state directory, but the same account.
    let mut elsewhere = drill.config.clone();
    elsewhere.record.state_dir = drill.folder.path().join("elsewhere").to_string_lossy().into_owned();
    refused(drill.trade_with(&elsewhere, "5s", 2), "trades this account");
    // Each embedded exchange has its own account, so only the folder is shared.
    let sim = |state: Option<&str>| {
        let mut config = drill.config.clone();
        config.venue = kalshi_actor::config::VenueConfig::default();
        config.record.state_dir = state.map_or_else(String::new, str::to_owned);
        drill.trade_with(&config, "1s", 0)
    };
    refused(sim(None), "session folder");
    // `resume` is refused while a session trades.
    refused(drill.command("resume").output().unwrap(), "state directory");
    send(trader.id(), &["TERM"]);
    let output = ended(trader);
    drill.assert_agrees(&output, 0);
    let output = drill.trade_for("5s", 3);
    drill.assert_agrees(&output, 3);
}

#[test]
fn a_trader_that_can_open_no_file_any_more_cancels_and_prints_its_report() {
    let drill = Drill::start("34");
    let trader = drill.trade(0);
    drill.wait_until("orders of the trader", |drill| drill.resting().len() >= 2);
    let limited = Command::new("prlimit").args(["--pid", &trader.id().to_string(), "--nofile=3:3"]).status();
    if !limited.is_ok_and(|status| status.success()) {
        println!("skipped: prlimit is not there");
        return;
    }
    send(trader.id(), &["TERM"]);
    let output = ended(trader);
    let report = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{report}{}", text(&output.stderr));
    assert!(report.contains("FAILED: ") && report.contains("orders: "), "{report}");
    assert!(drill.resting().is_empty());
}

#[test]
fn a_start_after_a_session_that_left_nothing_readable_is_refused_until_a_person_resumes() {
    let drill = Drill::start("35");
    let mut trader = drill.trade(0);
    drill.wait_until("orders of the trader", |drill| drill.resting().len() >= 2);
    trader.kill();
    let state = state_dir(&drill.config, None).unwrap();
    std::fs::write(state.folder().join("session.json"), "").unwrap();
    let refused = drill.trade_for("5s", 1);
    let errors = text(&refused.stderr);
    assert!(!refused.status.success() && errors.contains("session.json cannot be read"), "{errors}");
    assert!(drill.command("resume").stdout(Stdio::null()).status().unwrap().success());
    let output = drill.trade_for("5s", 2);
    drill.assert_agrees(&output, 2);
}
