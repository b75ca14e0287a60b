//! `kalshi-actor sessions backup`.

use std::process::ExitCode;

use crate::record::sessions::back_up;
use clap::Args;

use super::Folders;
use crate::cli::out::{Out, say};

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The session's name
    name: String,
}

pub(super) fn run(args: &BackupArgs, folders: &Folders, out: &mut Out) -> anyhow::Result<ExitCode> {
    let made = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let backup = back_up(&folders.sessions, &args.name, &folders.backups, made)?;
    let manifest = &backup.manifest;
    say!(
        out,
        "{}: {} files, {} bytes, {} journal records; read back, every checksum and count matches the session",
        backup.folder.display(),
        manifest.files.len(),
        manifest.bytes(),
        manifest.records.as_ref().map_or(0, |records| records.total)
    );
    if let Some(unread) = manifest.records.as_ref().and_then(|records| records.unread.as_ref()) {
        say!(out, "copied as it is, and not counted beyond that place: {unread}");
    }
    Ok(ExitCode::SUCCESS)
}
