//! Runs the program with a time limit.

use std::io::Read;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Far longer than any of these calls takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// The result of a call.
pub struct Ended {
    pub status: ExitStatus,
    pub output: String,
    pub errors: String,
}

impl Ended {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Asserts that the program ended by itself and not by a panic.
    pub fn assert_orderly(&self, what: &str) {
        let Self { status, errors, .. } = self;
        assert!(!errors.contains("panicked") && !errors.contains("RUST_BACKTRACE"), "{what}: {status}\n{errors}");
        assert!(matches!(self.code(), Some(0..=2)), "{what}: {status}\n{errors}");
    }
}

/// The program as a command in a folder, without any of the caller's environment that affects it.
pub fn program(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kalshi-actor"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for variable in ["KALSHI_ACTOR_LOG", "KALSHI_API_KEY_ID", "KALSHI_PRIVATE_KEY", "KALSHI_PRIVATE_KEY_PATH"] {
        command.env_remove(variable);
    }
    command.env("XDG_STATE_HOME", folder.join("xdg"));
    command
}

/// Runs a command to its end, and fails the test if it does not end.
pub fn run(mut command: Command, what: &str) -> Ended {
    let mut child = command.spawn().unwrap();
    // Dropped, so that no end of a pipe stays open here.
    drop(command);
    let drain = |stream: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(mut stream) = stream {
                stream.read_to_end(&mut text).unwrap();
            }
            String::from_utf8_lossy(&text).into_owned()
        })
    };
    let output = drain(child.stdout.take().map(|stream| Box::new(stream) as _));
    let errors = drain(child.stderr.take().map(|stream| Box::new(stream) as _));
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{what}: does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    Ended { status, output: output.join().unwrap(), errors: errors.join().unwrap() }
}

pub fn call(folder: &Path, arguments: &[&str]) -> Ended {
    run(program(folder, arguments), &arguments.join(" "))
}
