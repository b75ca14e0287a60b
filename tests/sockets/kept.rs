//! `kalshi-actor sessions` and `resume`, as a person uses them.

use std::path::Path;
use std::process::{Command, Output};

use kalshi_actor::clock::Now;
use kalshi_actor::market::Money;
use kalshi_actor::messages::DayState;
use kalshi_actor::record::journal::{Flags, Kind, SegmentLimits, StageId, start_journal};
use kalshi_actor::record::summary::Summary;
use kalshi_actor::session::state::StateDir;

fn program(root: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kalshi-actor"));
    command.args(arguments).current_dir(root).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A session of 300 recorded frames whose summary claims none.
fn session(root: &Path, name: &str) {
    let folder = root.join("sessions").join(name);
    let limits = SegmentLimits::default();
    let ([mut feed], handle) =
        start_journal(&folder.join("journal"), limits, b"test", 1 << 20, [StageId::Feed]).unwrap();
    for mono_ns in 0..300 {
        feed.bytes(Kind::Frame, Flags::Input, Now { mono_ns, session_ms: 0 }, &[], b"a recorded delta");
    }
    drop(feed);
    assert_eq!(handle.finish().lost, 0);
    Summary::default().write(&folder).unwrap();
}

#[test]
fn a_session_that_counts_nothing_is_deleted_only_after_a_backup_that_holds_all_of_it() {
    let root = tempfile::tempdir().unwrap();
    session(root.path(), "sim-1");
    let run = |arguments: &[&str]| program(root.path(), &[&["sessions"], arguments].concat());
    let list = run(&["list"]);
    assert!(list.status.success() && text(&list).contains("the journal holds 301 records"), "{}", text(&list));
    let refused = run(&["delete", "sim-1"]);
    assert!(!refused.status.success() && text(&refused).contains("301 journal records"), "{}", text(&refused));
    assert!(run(&["backup", "sim-1"]).status.success());
    assert!(run(&["verify", "sim-1"]).status.success());
    assert!(run(&["verify", "--backup", "session-backups/sim-1"]).status.success());
    let deleted = run(&["delete", "sim-1"]);
    assert!(deleted.status.success() && text(&deleted).contains("301 journal records"), "{}", text(&deleted));
    assert!(!root.path().join("sessions/sim-1").exists());
    assert!(root.path().join("session-backups/sim-1/journal/000000.kaj").exists());
    let unknown = run(&["verify", "sim-1"]);
    assert!(!unknown.status.success() && text(&unknown).contains("no session"), "{}", text(&unknown));
}

#[test]
fn a_session_without_a_backup_goes_by_force_alone() {
    let root = tempfile::tempdir().unwrap();
    session(root.path(), "sim-2");
    assert!(!program(root.path(), &["sessions", "delete", "sim-2"]).status.success());
    let deleted = program(root.path(), &["sessions", "delete", "sim-2", "--force"]);
    assert!(deleted.status.success() && text(&deleted).contains("no backup"), "{}", text(&deleted));
    assert!(!root.path().join("sessions/sim-2").exists());
}

#[test]
fn resume_lifts_the_stops_that_outlast_the_day_and_leaves_the_daily_loss() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("actor.toml"), "[record]\nstate_dir = \"state\"\n").unwrap();
    let state = StateDir::open(&root.path().join("state"), "demo").unwrap();
    let mut day = DayState { day: 20_000, realized: Money::from_dollars(-60), stopped: true, ..DayState::default() };
    day.sticky.result = Money::from_dollars(-60);
    day.sticky.drawn_down = true;
    state.set_day(&day).unwrap();
    let resume = || program(root.path(), &["resume", "--venue", "demo", "--config", "actor.toml"]);
    // Without a marker, as if the program had died before it could write one.
    let resumed = resume();
    assert!(resumed.status.success() && text(&resumed).contains("lifted"), "{}", text(&resumed));
    assert_eq!(state.day::<DayState>().unwrap(), Some(day.resumed()));
    assert!(state.day::<DayState>().unwrap().unwrap().stopped);
    assert!(text(&resume()).contains("nothing to resume"));
    day.sticky.repeated = true;
    state.set_day(&day).unwrap();
    state.trip(0, "repeated automated execution").unwrap();
    assert!(text(&resume()).contains("repeated automated execution"));
    assert_eq!(state.day::<DayState>().unwrap(), Some(day.resumed()));
}
