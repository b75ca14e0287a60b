//! Invalid inputs: each is refused in bounded time, with an error that says what is wrong, where, and what was expected.

use std::path::Path;
use std::process::Command;

use crate::program::call;

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Runs the program, which must refuse with an error that has all of these words.
fn refuses(folder: &Path, arguments: &[&str], words: &[&str]) {
    let what = arguments.join(" ");
    let ended = call(folder, arguments);
    ended.assert_orderly(&what);
    assert!(!ended.status.success(), "{what}: accepted\n{}", ended.output);
    // A verdict goes to the standard output; a problem with the input is an error.
    let told = ended.output + &ended.errors;
    for word in words {
        assert!(told.contains(word), "{what}: `{word}` is not in\n{told}");
    }
}

#[test]
fn arguments_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (&["run", "--markets", ""][..], &["--markets", "a ticker is empty"][..]),
        (&["run", "--markets", "0"], &["--markets", "at least one market"]),
        (&["run", "--markets", "KXSIM-1,"], &["--markets", "a ticker is empty"]),
        (&["run", "--markets", "KXNOSUCH-1", "--duration", "2s"], &["KXNOSUCH-1", "does not have"]),
        (&["run", "--series", "KXNOSUCH", "--duration", "2s"], &["series KXNOSUCH", "does not have"]),
        (&["run", "--series", ""], &["--series", "a ticker is empty"]),
        (&["run", "--series", "KXA", "--markets", "KXA-1"], &["cannot be used with"]),
        (&["run", "--series", "KXA", "--markets", "3"], &["cannot be used with"]),
        (&["run", "--speed", "0.001", "--duration", "2s"], &["--speed 0.001", "orders.read_lag_ms"]),
        (&["run", "--duration=-1s"], &["--duration", "expected a positive length of time"]),
        (&["run", "--policy", "ppo"], &["policy.kind", "expected onnx, maker, hold or script:FILE"]),
        (&["statistics", "--scenario", "calm", "--shortest", "NaN"], &["--shortest", "expected seconds"]),
        (&["statistics", "--scenario", "calm", "--shortest=-1"], &["--shortest", "expected seconds"]),
        (&["statistics", "--scenario", "calm", "--shortest", "inf"], &["--shortest", "expected seconds"]),
        (&["resume", "--out", "nowhere"], &["nowhere/state", "there is no state of sim here"]),
        (&["resume", "--venue", "demo", "--out", "nowhere"], &["nowhere/state", "paper-demo"]),
        (&["sessions", "verify", "nowhere"], &["nowhere"]),
        (&["journal", "info", "nowhere"], &["nowhere", "No such file"]),
    ] {
        refuses(folder.path(), arguments, words);
    }
    assert!(!folder.path().join("nowhere").exists(), "a refused command makes no folders");
}

#[test]
fn run_and_exchange_say_the_same_of_the_same_recordings() {
    let folder = tempfile::tempdir().unwrap();
    let frames = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings/crossed.jsonl");
    let nowhere = folder.path().join("nowhere.jsonl").display().to_string();
    for command in ["run", "exchange"] {
        for (arguments, words) in [
            (&["--from", &nowhere][..], &["nowhere.jsonl", "No such file"][..]),
            (&["--from", frames, "--markets", "9"], &["--markets 9: the recordings have 1 markets"]),
            (&["--from", frames, "--result", "maybe"], &["--result", "expected yes, no, or what YES pays"]),
            (&["--from", frames, "--scenario", "calm"], &["--scenario", "cannot be used with"]),
            (&["--result", "yes"], &["--from", "required arguments were not provided"]),
            (&["--ignore-seq"], &["--from", "required arguments were not provided"]),
        ] {
            refuses(folder.path(), &[&[command][..], arguments].concat(), words);
        }
    }
}

#[test]
fn a_configuration_is_refused_with_its_file_its_key_and_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    for (text, words) in [
        ("[policy]\nkind = \"ppo\"", &["policy.kind = \"ppo\"", "expected onnx, maker"][..]),
        ("[exchange]\ntier = \"gold\"", &["exchange.tier = \"gold\"", "expected one of basic, advanced"]),
        (
            "[exchange]\ncash = \"9223372036854.775807\"",
            &["exchange.cash = 9223372036854.775807", "expected 0.000001 to"],
        ),
        ("[risk]\nmax_event_loss = \"9223372036854.775807\"", &["risk.max_event_loss", "expected 0.000001 to"]),
        ("[risk]\nmax_event_loss = \"9223372036854.775808\"", &["line 2", "nine trillion dollars"]),
        ("[risk]\nmax_event_loss = 5", &["line 2", "dollars as a string"]),
        ("[risk]\nmax_order_contracts = 5", &["line 2"]),
        ("[risk]\nmax_event_loss = 5.0", &["line 2", "dollars as a string"]),
        ("[risk]\nmax_event_loss = \"NaN\"", &["line 2", "is not a decimal number"]),
        ("[orders]\ncompare_every_ms = 9223372036854775807", &["orders.compare_every_ms", "expected 1 to 3600000"]),
        ("[orders]\nread_lag_ms = 9223372036854775807", &["orders.read_lag_ms", "expected 0 to 3600000"]),
        ("[orders]\nread_lag_ms = 40000", &["orders.stop_timeout_ms = 60000", "more than twice orders.read_lag_ms"]),
        ("[orders]\nconnections = -1", &["line 2", "invalid value"]),
        ("[orders]\nconnection = 1", &["line 2", "unknown field `connection`"]),
        ("[markets]\ntickers = [\"\"]", &["markets.tickers = \"\"", "expected 1 to 63"]),
        ("[markets\n", &["line 1"]),
    ] {
        let path = write(folder.path(), "actor.toml", text);
        let words: Vec<&str> = words.iter().copied().chain([path.as_str()]).collect();
        refuses(folder.path(), &["config", "--config", &path], &words);
    }
}

#[test]
fn a_pipe_or_a_device_is_no_file_whatever_is_read_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe").display().to_string();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let key = format!("[venue]\nname = \"demo\"\nkey_id = \"an-id\"\nprivate_key_path = \"{pipe}\"\n");
    let key = write(folder.path(), "key.toml", &key);
    for file in [pipe.as_str(), "/dev/zero"] {
        let script = format!("script:{file}");
        for arguments in [
            &["config", "--config", file][..],
            &["run", "--model", file],
            &["run", "--policy", &script],
            &["run", "--scenario", file],
            &["exchange", "--scenario", file],
            &["simulate", "--scenario", file],
        ] {
            refuses(folder.path(), arguments, &[file, "a pipe or a device; expected a file"]);
        }
    }
    refuses(folder.path(), &["run", "--config", &key, "--duration", "2s"], &[&pipe, "a pipe or a device"]);

    let journal = folder.path().join("sessions/one/journal");
    std::fs::create_dir_all(&journal).unwrap();
    std::os::unix::fs::symlink("/dev/zero", journal.join("000000.kaj")).unwrap();
    for command in [["journal", "info"], ["journal", "verify"], ["journal", "decisions"]] {
        let arguments = [&command[..], &["sessions/one"]].concat();
        refuses(folder.path(), &arguments, &["000000.kaj", "a pipe or a device"]);
    }
    refuses(folder.path(), &["replay", "sessions/one"], &["000000.kaj", "a pipe or a device"]);
    let state = folder.path().join("sessions/one/state/sim");
    std::fs::create_dir_all(&state).unwrap();
    assert!(Command::new("mkfifo").arg(state.join("day.json")).status().unwrap().success());
    refuses(folder.path(), &["resume", "--out", "sessions/one"], &["day.json", "a pipe or a device"]);
    refuses(folder.path(), &["run", "--out", "sessions/one", "--duration", "2s"], &["day.json", "a pipe or a device"]);
}

#[test]
fn a_journal_with_the_first_and_the_last_segment_that_there_can_be_is_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let recorded = call(folder.path(), &["run", "--policy", "hold", "--duration", "2s", "--out", "one"]);
    assert!(recorded.status.success(), "{}", recorded.errors);
    let journal = folder.path().join("one/journal");
    std::fs::copy(journal.join("000000.kaj"), journal.join("4294967295.kaj")).unwrap();
    refuses(folder.path(), &["journal", "verify", "one"], &["000001.kaj"]);
    refuses(folder.path(), &["journal", "verify", "one/journal/4294967295.kaj"], &["expected segment 4294967295"]);
}
