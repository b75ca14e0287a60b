//! `kalshi-actor sessions`: one file a subcommand.

mod backup;
mod delete;
mod list;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::ConfigArgs;
use super::out::Out;

/// The arguments of `sessions`.
#[derive(Debug, Args)]
pub(super) struct SessionsArgs {
    #[command(subcommand)]
    command: SessionsCommand,
    /// The folder of the sessions; by default `record.sessions_dir` of the configuration
    #[arg(long, global = true, value_name = "DIR")]
    sessions: Option<PathBuf>,
    /// The folder of their backups; by default `record.backups_dir` of the configuration
    #[arg(long, global = true, value_name = "DIR")]
    backups: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
enum SessionsCommand {
    /// What there is, counted record by record from the journals on disk
    List,
    /// Read a session, or a backup, to the last byte and say what it holds and whether it is whole
    Verify(verify::VerifyArgs),
    /// Copy a session, read the copy back, compare checksums and record counts, and only then call it a backup
    Backup(backup::BackupArgs),
    /// Delete a session of which a verified backup holds everything
    Delete(delete::DeleteArgs),
}

/// The folders that a command works on.
struct Folders {
    sessions: PathBuf,
    backups: PathBuf,
}

pub(super) fn run(args: &SessionsArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    let config = args.config.load()?;
    let folders = Folders {
        sessions: args.sessions.clone().unwrap_or_else(|| config.record.sessions_dir.into()),
        backups: args.backups.clone().unwrap_or_else(|| config.record.backups_dir.into()),
    };
    match &args.command {
        SessionsCommand::List => list::run(&folders, out),
        SessionsCommand::Verify(args) => verify::run(args, &folders, out),
        SessionsCommand::Backup(args) => backup::run(args, &folders, out),
        SessionsCommand::Delete(args) => delete::run(args, &folders, out),
    }
}
