//! `kalshi-actor sessions`, with one file per subcommand.

mod backup;
mod delete;
mod list;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::ConfigArgs;
use super::out::Out;

#[derive(Debug, Args)]
pub(super) struct SessionsArgs {
    #[command(subcommand)]
    command: SessionsCommand,
    /// The folder of sessions [default: `record.sessions_dir` of the configuration]
    #[arg(long, global = true, value_name = "DIR")]
    sessions: Option<PathBuf>,
    /// The folder of backups [default: `record.backups_dir` of the configuration]
    #[arg(long, global = true, value_name = "DIR")]
    backups: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Subcommand)]
enum SessionsCommand {
    /// List all sessions, with what their journals on disk hold
    List,
    /// Read a session or a backup to the last byte, and say what it holds and whether it is whole
    Verify(verify::VerifyArgs),
    /// Copy a session, read the copy back, and compare checksums and record counts; only then is it a backup
    Backup(backup::BackupArgs),
    /// Delete a session, provided that a verified backup holds all of it
    Delete(delete::DeleteArgs),
}

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
