//! The command line, with one file per command. The work is done in the library; this module parses arguments, prints,
//! and sets the exit status.

mod config;
mod exchange;
mod journal;
mod kill;
mod log;
mod observe;
mod out;
#[cfg(feature = "planted")]
mod planted;
mod prepare;
mod replay;
mod resume;
mod run;
mod sessions;
mod simulate;
mod statistics;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::Config;
use clap::{Args, Parser, Subcommand};
use out::Out;

/// Trades Kalshi event contracts: order books from the exchange's WebSocket, a 52-feature observation, an ONNX policy,
/// limit orders, and a ledger that agrees with the exchange.
///
/// Without a command, it runs `run` for 30 seconds on the embedded exchange, which needs no account and no network.
#[derive(Debug, Parser)]
#[command(name = "kalshi-actor", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: run::RunArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Trade: on the embedded exchange, on recorded markets, on paper, or for real
    Run(run::RunArgs),
    /// Run the embedded exchange by itself; prints its addresses and keys as one JSON line
    Exchange(exchange::ExchangeArgs),
    /// Print the observation of every uncrossed book state of a recording, one JSON line each
    Observe(observe::ObserveArgs),
    /// Simulate the trader under faults, seed after seed, and check its invariants
    Simulate(simulate::SimulateArgs),
    /// Print statistics of recorded and generated markets side by side
    Statistics(statistics::StatisticsArgs),
    /// Decode recorded markets once into an event file, or export them for hftbacktest
    Prepare(prepare::PrepareArgs),
    /// List, verify, back up and delete recorded sessions, counted from what is on disk
    Sessions(sessions::SessionsArgs),
    /// Read a session's journal
    Journal(journal::JournalArgs),
    /// Run a recorded session through the same stages again, and compare what they do with the recording
    Replay(replay::ReplayArgs),
    /// Print the effective configuration as TOML, with a comment for every key
    Config(config::ConfigCommandArgs),
    /// Cancel every open order of this program on a venue. Stop its session first, or it will place new ones
    Kill(kill::KillArgs),
    /// Clear the mark of a trip, after a person has looked at its reason
    Resume(resume::ResumeArgs),
}

#[derive(Debug, Args)]
struct ConfigArgs {
    /// The configuration file; `kalshi-actor config` prints every key with its default
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    fn load(&self) -> anyhow::Result<Config> {
        Ok(match &self.config {
            Some(path) => Config::load(path)?,
            None => Config::default(),
        })
    }
}

/// An error with its causes. A cause that the error's own text already contains is not repeated.
fn describe(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !text.contains(&cause) {
            let separator = if text.is_empty() { "" } else { ": " };
            text.push_str(separator);
            text.push_str(&cause);
        }
    }
    text
}

/// Runs the command line of this process and returns its exit status.
pub fn main() -> ExitCode {
    let mut out = Out::new();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(answer) => return parsed_no_command(&answer, out),
    };
    log::start();
    let result = match cli.command {
        None => run::run(cli.run, &mut out),
        Some(Command::Run(args)) => run::run(args, &mut out),
        Some(Command::Exchange(args)) => exchange::run(&args, &mut out),
        Some(Command::Observe(args)) => observe::run(&args, &mut out),
        Some(Command::Simulate(args)) => simulate::run(&args, &mut out),
        Some(Command::Statistics(args)) => statistics::run(&args, &mut out),
        Some(Command::Prepare(args)) => prepare::run(&args, &mut out),
        Some(Command::Sessions(args)) => sessions::run(&args, &mut out),
        Some(Command::Journal(args)) => journal::run(&args, &mut out),
        Some(Command::Replay(args)) => replay::run(&args, &mut out),
        Some(Command::Config(args)) => config::run(&args, &mut out),
        Some(Command::Kill(args)) => kill::run(&args, &mut out),
        Some(Command::Resume(args)) => resume::run(&args, &mut out),
    };
    out.finish(result)
}

/// Help and version go to the standard output, errors in the arguments to the standard error.
fn parsed_no_command(answer: &clap::Error, mut out: Out) -> ExitCode {
    let status = ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(u8::MAX));
    let text = answer.render();
    if answer.use_stderr() {
        if out::standard_error_is_a_terminal() {
            out::to_standard_error(format_args!("{}", text.ansi()));
        } else {
            out::to_standard_error(format_args!("{text}"));
        }
    } else if out::standard_output_is_a_terminal() {
        out.text(text.ansi());
    } else {
        out.text(text);
    }
    out.finish(Ok(status))
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::describe;

    #[test]
    fn a_cause_that_was_said_is_not_said_again() {
        let missing = std::io::Error::new(std::io::ErrorKind::NotFound, "no such file");
        let error = anyhow::Error::from(missing).context("configuration a.toml: no such file");
        assert_eq!(describe(&error), "configuration a.toml: no such file");
        let error = Err::<(), _>(anyhow::anyhow!("line 2")).context("frames").unwrap_err();
        assert_eq!(describe(&error), "frames: line 2");
    }
}
