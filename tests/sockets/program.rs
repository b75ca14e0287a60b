//! The program as a process: the demonstration, and a stop by a signal.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use kalshi_actor::record::journal::{Flags, Kind, StageId};
use kalshi_actor::record::summary::Summary;

use crate::common::{PATIENCE, read_journal};

/// A started program that does not outlive its test.
pub struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It has already ended unless the test failed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::configured(folder, "[pipeline]\nidle = \"park\"\n", arguments)
    }

    /// Starts `run` through a wrapper program such as `nohup`.
    pub fn under(wrapper: &str, folder: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(wrapper);
        command.arg(env!("CARGO_BIN_EXE_kalshi-actor"));
        Self::spawn(command, folder, "[pipeline]\nidle = \"park\"\n", arguments)
    }

    /// Starts `run` with this configuration.
    pub fn configured(folder: &Path, text: &str, arguments: &[&str]) -> Self {
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_kalshi-actor")), folder, text, arguments)
    }

    fn spawn(mut command: Command, folder: &Path, text: &str, arguments: &[&str]) -> Self {
        let config = folder.join("actor.toml");
        std::fs::write(&config, text).unwrap();
        command.arg("run").args(arguments).arg("--config").arg(config).arg("--out").arg(folder.join("session"));
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// Reads the live lines until one shows orders. The lease plan must have come before it.
    pub fn wait_for_orders(&mut self) {
        let lines = BufReader::new(self.0.stderr.as_mut().unwrap()).lines();
        let orders = |line: &str| -> Option<u64> {
            let words: Vec<&str> = line.split_whitespace().collect();
            let at = words.iter().position(|word| *word == "orders")?;
            words.get(at.checked_sub(1)?)?.parse().ok()
        };
        let mut plan = String::new();
        let mut lines = lines.map(Result::unwrap);
        let found = lines.any(|line| {
            if line.starts_with("leases: ") {
                plan.clone_from(&line);
            }
            orders(&line).is_some_and(|orders| orders > 0)
        });
        assert!(found, "the program ended before its first order");
        assert!(plan.contains(" s, at most ") && plan.contains("open orders (write tokens: "), "{plan:?}");
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.0.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    pub fn wait(mut self) -> (ExitStatus, String) {
        let mut errors = self.0.stderr.take().unwrap();
        let drain = std::thread::spawn(move || errors.read_to_end(&mut Vec::new()));
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            assert!(began.elapsed() < PATIENCE, "the program does not end");
            std::thread::sleep(std::time::Duration::from_millis(50));
        };
        drain.join().unwrap().unwrap();
        let mut report = String::new();
        self.0.stdout.take().unwrap().read_to_string(&mut report).unwrap();
        (status, report)
    }
}

pub fn summary(folder: &Path) -> Summary {
    let text = std::fs::read_to_string(folder.join("session/summary.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub fn assert_agrees(status: ExitStatus, report: &str) {
    assert!(status.success(), "{status}\n{report}");
    assert_eq!(report.lines().last(), Some("ledger agrees with the exchange"), "{report}");
}

#[test]
fn the_demonstration_shows_every_kind_of_trading_with_three_seeds() {
    let runs: Vec<_> = ["1", "2", "3"]
        .into_iter()
        .map(|seed| {
            let folder = tempfile::tempdir().unwrap();
            let program = Program::start(folder.path(), &["--seed", seed]);
            (seed, folder, program)
        })
        .collect();
    for (seed, folder, program) in runs {
        let (status, report) = program.wait();
        assert!(!report.contains("FAILED"), "seed {seed}\n{report}");
        assert_agrees(status, &report);
        let summary = summary(folder.path());
        assert!(summary.ledger.agrees && summary.orders.sent >= 50 && summary.fills >= 20, "seed {seed}\n{report}");
        assert!(summary.partial_fills > 0 && summary.orders.amended > 0, "seed {seed}\n{report}");
        assert_eq!(summary.journal.lost, 0, "seed {seed}");
    }
}

#[test]
fn shipped_scenarios_end_with_an_agreeing_ledger() {
    let runs: Vec<_> = ["calm", "news", "thin", "settling", "gold"]
        .into_iter()
        .map(|name| {
            let folder = tempfile::tempdir().unwrap();
            let program = Program::start(folder.path(), &["--scenario", name, "--duration", "15s"]);
            (name, folder, program)
        })
        .collect();
    for (name, folder, program) in runs {
        let (status, report) = program.wait();
        assert_agrees(status, &report);
        let summary = summary(folder.path());
        assert!(summary.frames > 0 && summary.decisions > 0, "{name}\n{report}");
        assert_eq!(summary.venue, format!("sim, scenario {name}"));
    }
}

#[test]
fn a_scenario_that_is_none_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, "description = \"mine\"\nspeed = 3\n").unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_kalshi-actor")).args(["run", "--scenario"]).arg(&file).output().unwrap();
    let error = String::from_utf8(run.stderr).unwrap();
    assert!(!run.status.success());
    let place = format!("scenario {}, line 2: unknown field `speed`, expected one of", file.display());
    assert!(error.contains(&place), "{error}");
}

fn stops_clean_on(signal: &str, seed: &str) {
    let folder = tempfile::tempdir().unwrap();
    let mut program = Program::start(folder.path(), &["--policy", "maker", "--duration", "1h", "--seed", seed]);
    program.wait_for_orders();
    program.signal(signal);
    let (status, report) = program.wait();
    assert_agrees(status, &report);
    let summary = summary(folder.path());
    assert!(summary.ledger.agrees && summary.orders.cancelled > 0, "{report}");

    // There were open orders at the signal, which the stop cancelled.
    let journal = read_journal(&folder.path().join("session"));
    let stop = journal.iter().position(|entry| entry.is(StageId::Execute, Kind::Stop, Flags::Input)).unwrap();
    let cancels = journal[stop..].iter().filter(|entry| entry.is(StageId::Execute, Kind::Request, Flags::Output));
    let cancels = cancels.filter(|entry| entry.message::<(u32, &str, &str, &str)>().1 == "DELETE").count();
    assert!(cancels > 0, "nothing was open when the signal came");
}

#[test]
fn an_interrupt_with_open_orders_leaves_none_and_a_ledger_that_agrees() {
    stops_clean_on("INT", "11");
}

#[test]
fn a_termination_with_open_orders_leaves_none_and_a_ledger_that_agrees() {
    stops_clean_on("TERM", "12");
}
