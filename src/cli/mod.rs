//! The command line: one file a command. Everything a command does is in the library; here are arguments, printing and
//! exit codes.

use clap::{Args, Parser, Subcommand};

/// Trades Kalshi event contracts: books from the exchange's WebSocket, a 52-feature observation, an ONNX policy, limit
/// orders, and a ledger that agrees with the exchange.
///
/// Without a command: `run` for 30 seconds on the embedded exchange, no account and no network needed.
#[derive(Debug, Parser)]
#[command(name = "kalshi-actor", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The arguments of `run`, when no command is named.
    #[command(flatten)]
    pub run: run::RunArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Trade: on the embedded exchange, on recorded markets, on paper, or for real
    Run(run::RunArgs),
}

/// Where the configuration comes from.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// The configuration file; `kalshi-actor config` prints every key with its default
    #[arg(long, value_name = "FILE")]
    pub config: Option<std::path::PathBuf>,
}

pub mod run;
