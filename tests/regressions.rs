//! Runs the seeds of every fuzz target, and every input that once broke a rule, through the same entry points
//! (`tests/fuzz`).

#[path = "fuzz/entry/mod.rs"]
mod entry;

use std::path::{Path, PathBuf};

/// The inputs of a target, by name.
fn inputs(target: &str) -> Vec<PathBuf> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let folders = ["seeds", "regressions"].map(|kind| fuzz.join(kind).join(target));
    let files = folders.iter().filter(|folder| folder.is_dir()).flat_map(|folder| {
        std::fs::read_dir(folder).expect("a readable folder").map(|entry| entry.expect("a readable entry").path())
    });
    let mut files: Vec<PathBuf> = files.collect();
    files.sort();
    files
}

fn run_all(target: &str, run: impl Fn(&[u8])) {
    let files = inputs(target);
    assert!(!files.is_empty(), "the target {target} has no inputs");
    for file in files {
        println!("{}", file.display());
        run(&std::fs::read(&file).expect("a readable input"));
    }
    // The shortest and the longest inputs.
    run(b"");
    run(&[b'\n'; 300]);
}

#[test]
fn kept_frames_are_read_as_the_rules_say() {
    run_all("frames", entry::frames::run);
}

#[test]
fn kept_answers_are_read_as_the_rules_say() {
    run_all("answers", entry::answers::run);
}

#[test]
fn kept_requests_and_commands_leave_money_and_contracts_in_order() {
    run_all("exchange", entry::exchange::run);
}

#[test]
fn kept_connections_hold_the_same_requests_in_any_pieces() {
    run_all("http", entry::http::run);
}

#[test]
fn kept_scenarios_are_refused_with_their_line_or_make_a_world() {
    run_all("scenarios", entry::scenarios::run);
}

#[test]
fn kept_configs_are_refused_or_say_themselves_again() {
    run_all("configs", entry::configs::run);
}

#[test]
fn kept_journals_are_read_up_to_their_damage() {
    run_all("journals", entry::journals::run);
}
