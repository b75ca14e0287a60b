//! `kalshi-actor journal`.

use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use kalshi_actor::record::decisions::write_decisions;

/// The arguments of `journal`.
#[derive(Debug, Args)]
pub(super) struct JournalArgs {
    #[command(subcommand)]
    command: JournalCommand,
}

#[derive(Debug, Subcommand)]
enum JournalCommand {
    /// Print every decision with its observation, one JSON line each: what `models/train.py` learns from
    Decisions {
        /// The session's folder
        session: PathBuf,
    },
}

pub(super) fn run(args: &JournalArgs) -> anyhow::Result<ExitCode> {
    let JournalCommand::Decisions { session } = &args.command;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let count = write_decisions(session, &mut out)?;
    out.flush()?;
    eprintln!("{}: {count} decisions", session.display());
    Ok(ExitCode::SUCCESS)
}
