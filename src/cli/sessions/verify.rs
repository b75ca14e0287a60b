//! `kalshi-actor sessions verify`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::record::sessions::{count, session_in, verify_backup};
use clap::Args;

use super::Folders;
use crate::cli::out::{Out, say};

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// A session's name
    #[arg(required_unless_present = "backup", conflicts_with = "backup")]
    name: Option<String>,
    /// The folder of a backup to verify instead: compared with its manifest to the last byte
    #[arg(long, value_name = "DIR")]
    backup: Option<PathBuf>,
}

pub(super) fn run(args: &VerifyArgs, folders: &Folders, out: &mut Out) -> anyhow::Result<ExitCode> {
    if let Some(backup) = &args.backup {
        let backup = verify_backup(backup)?;
        let manifest = &backup.manifest;
        let records = manifest.records.as_ref().map_or(0, |records| records.total);
        say!(
            out,
            "{}: a backup of {} made {}: {} files, {} bytes, {records} journal records, each as the manifest says",
            backup.folder.display(),
            manifest.session,
            manifest.made,
            manifest.files.len(),
            manifest.bytes()
        );
        return Ok(ExitCode::SUCCESS);
    }
    let name = args.name.as_deref().unwrap_or_default();
    verify_session(&session_in(&folders.sessions, name)?, out)
}

fn verify_session(folder: &Path, out: &mut Out) -> anyhow::Result<ExitCode> {
    let contents = count(folder)?;
    say!(out, "{}: {contents}", folder.display());
    if let Some(records) = &contents.records {
        for (kind, count) in &records.kinds {
            say!(out, "  {count:>12} {kind}");
        }
        if let Some(unread) = &records.unread {
            say!(out, "  not read to the end: {unread}");
        } else if !records.ended {
            say!(out, "  no end is recorded: the session crashed, or still runs");
        }
    }
    if let Some(contradiction) = contents.contradiction() {
        say!(out, "  {contradiction}");
    }
    Ok(if contents.is_damaged() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
