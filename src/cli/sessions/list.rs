//! `kalshi-actor sessions list`.

use std::process::ExitCode;

use crate::record::sessions::{Contents, count, has_manifest, session_names};

use super::Folders;
use crate::cli::out::{Out, say};

pub(super) fn run(folders: &Folders, out: &mut Out) -> anyhow::Result<ExitCode> {
    let names = session_names(&folders.sessions)?;
    if names.is_empty() {
        say!(out, "no sessions in {}", folders.sessions.display());
        return Ok(ExitCode::SUCCESS);
    }
    let width = names.iter().map(String::len).max().unwrap_or(0).max("session".len());
    say!(out, "{:width$}  {:>10}  {:>10}  {:>14}  {:9}  backup", "session", "records", "decisions", "bytes", "journal");
    for name in names {
        // Reading a session to its end takes a while, so each row is shown at once, and the work stops if nobody reads.
        out.show();
        if out.is_over() {
            break;
        }
        let contents = count(&folders.sessions.join(&name))?;
        let records = contents.records.as_ref();
        let decisions = records.and_then(|records| records.kinds.get("Decision")).copied().unwrap_or(0);
        let backup = if has_manifest(&folders.backups.join(&name)) { "made" } else { "none" };
        say!(
            out,
            "{name:width$}  {:>10}  {decisions:>10}  {:>14}  {:9}  {backup}",
            records.map_or(0, |records| records.total),
            contents.bytes,
            state(&contents)
        );
        if let Some(contradiction) = contents.contradiction() {
            say!(out, "{:width$}  {contradiction}", "");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The state of the journal in one or two words.
fn state(contents: &Contents) -> &'static str {
    match &contents.records {
        None => "none",
        Some(records) if records.torn => "torn",
        Some(records) if records.unread.is_some() => "damaged",
        Some(records) if records.ended => "whole",
        Some(_) => "no end",
    }
}
