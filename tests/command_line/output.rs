//! A reader that goes away ends only the output; a full disk is reported as an error.

use std::fs::{File, OpenOptions};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{Ended, call, program, run};

const CONFIG: &str = "[pipeline]\nidle = \"park\"\n";

/// A folder with a recorded session, its backup, and a frames file.
fn prepared() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("actor.toml"), CONFIG).unwrap();
    let recorded = call(
        folder.path(),
        &["run", "--config", "actor.toml", "--policy", "hold", "--duration", "2s", "--out", "sessions/one"],
    );
    assert!(recorded.status.success(), "{}{}", recorded.output, recorded.errors);
    folder
}

/// Every command that ends by itself and writes to the standard output.
const CALLS: [&[&str]; 17] = [
    &["--help"],
    &["--version"],
    &["run", "--help"],
    &["config"],
    &["exchange", "--print"],
    &["exchange", "--scenario", "gold", "--print"],
    &["sessions", "list"],
    &["sessions", "verify", "one"],
    &["sessions", "backup", "one"],
    &["journal", "info", "sessions/one"],
    &["journal", "verify", "sessions/one"],
    &["journal", "decisions", "sessions/one"],
    &["replay", "sessions/one", "--verify"],
    &["observe", "sessions/one"],
    &["statistics", "--scenario", "calm", "--duration", "2m"],
    &["simulate", "--seeds", "0..2", "--minutes", "1", "--verbose", "--jobs", "1"],
    &["resume", "--out", "sessions/one"],
];

/// Removes what a call left, so that it can be repeated.
fn undo(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder.join("session-backups"));
}

fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn full() -> Option<File> {
    let full = OpenOptions::new().write(true).open("/dev/full").ok();
    if full.is_none() {
        println!("skipped: this system has no /dev/full");
    }
    full
}

fn called_with(folder: &Path, arguments: &[&str], output: Stdio) -> Ended {
    undo(folder);
    let mut command = program(folder, arguments);
    command.stdout(output);
    run(command, &arguments.join(" "))
}

#[test]
fn a_reader_that_went_away_ends_the_output_and_nothing_else() {
    let folder = prepared();
    for arguments in CALLS {
        let what = arguments.join(" ");
        let ended = called_with(folder.path(), arguments, unread());
        ended.assert_orderly(&what);
        assert_eq!((ended.code(), ended.errors.contains("error")), (Some(0), false), "{what}: {}", ended.errors);
    }
}

#[test]
fn a_full_disk_is_an_error_with_its_name() {
    let folder = prepared();
    for arguments in CALLS {
        let Some(full) = full() else { return };
        let what = arguments.join(" ");
        let ended = called_with(folder.path(), arguments, full.into());
        ended.assert_orderly(&what);
        let told = ended.errors.contains("standard output: No space left on device");
        assert_eq!((ended.code(), told), (Some(1), true), "{what}: {}", ended.errors);
    }
    let ended = call(folder.path(), &["observe", "sessions/one", "--out", "/dev/full"]);
    ended.assert_orderly("observe --out");
    assert!(ended.errors.contains("/dev/full: No space left on device"), "{}", ended.errors);
}

#[test]
fn a_verdict_is_the_exit_status_whether_it_is_read_or_not() {
    let folder = prepared();
    let segment = folder.path().join("sessions/one/journal/000000.kaj");
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&segment, bytes).unwrap();
    for arguments in [["journal", "verify", "sessions/one"], ["sessions", "verify", "one"]] {
        let ended = called_with(folder.path(), &arguments, unread());
        ended.assert_orderly(&arguments.join(" "));
        assert_eq!(ended.code(), Some(1), "{}", ended.errors);
    }
}

fn trading(folder: &Path, name: &str) -> Command {
    let out = format!("sessions/{name}");
    let mut command =
        program(folder, &["run", "--config", "actor.toml", "--policy", "maker", "--duration", "12s", "--out", &out]);
    command.env("KALSHI_ACTOR_LOG", "debug");
    command
}

/// Asserts that the session ended by itself, with everything cancelled and compared.
fn assert_traded(folder: &Path, name: &str) {
    let text = std::fs::read_to_string(folder.join("sessions").join(name).join("summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(summary["ledger"]["agrees"], true, "{text}");
    assert!(summary["orders"]["sent"].as_u64() > Some(0), "{text}");
}

#[test]
fn a_session_trades_to_its_end_whoever_reads_of_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("actor.toml"), CONFIG).unwrap();
    let mut unheard = trading(folder.path(), "unread");
    unheard.stdout(unread()).stderr(unread());
    let ended = run(unheard, "run, unread");
    assert_eq!(ended.code(), Some(0));
    assert_traded(folder.path(), "unread");

    let (Some(output), Some(errors)) = (full(), full()) else { return };
    let mut unheard = trading(folder.path(), "full");
    unheard.stdout(output).stderr(errors);
    let ended = run(unheard, "run, full");
    assert_eq!(ended.code(), Some(1), "its report could not be written");
    assert_traded(folder.path(), "full");
}

#[test]
fn an_exchange_serves_on_without_a_reader_and_ends_when_its_keys_cannot_be_told() {
    let folder = tempfile::tempdir().unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = program(folder.path(), &["exchange", "--listen", &address.to_string()]);
    let mut exchange = command.stdout(unread()).spawn().unwrap();
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(
            exchange.try_wait().unwrap().is_none() && began.elapsed() < Duration::from_mins(1),
            "it does not serve"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(exchange.try_wait().unwrap().is_none(), "it ended");
    let stopped = Command::new("kill").args(["-s", "TERM", &exchange.id().to_string()]).status().unwrap();
    assert!(stopped.success());
    assert_eq!(exchange.wait().unwrap().code(), Some(0));

    let Some(full) = full() else { return };
    let ended = called_with(folder.path(), &["exchange"], full.into());
    ended.assert_orderly("exchange");
    assert!(ended.errors.contains("standard output: No space left on device"), "{}", ended.errors);
    assert_eq!(ended.code(), Some(1));
}
