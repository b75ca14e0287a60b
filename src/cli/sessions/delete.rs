//! `kalshi-actor sessions delete`.

use std::process::ExitCode;

use crate::record::sessions::delete;
use clap::Args;

use super::Folders;
use crate::cli::out::{Out, say};

#[derive(Debug, Args)]
pub(super) struct DeleteArgs {
    /// The session's name
    name: String,
    /// Delete the session without a backup, whatever it holds
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &DeleteArgs, folders: &Folders, out: &mut Out) -> anyhow::Result<ExitCode> {
    let deleted = delete(&folders.sessions, &args.name, &folders.backups, args.force)?;
    say!(out, "deleted {}: it held {}", deleted.session.display(), deleted.contents);
    match deleted.backup {
        Some(backup) => say!(out, "all of it is in {}, which was read to the last byte before", backup.display()),
        None => say!(out, "no backup was required (--force)"),
    }
    Ok(ExitCode::SUCCESS)
}
