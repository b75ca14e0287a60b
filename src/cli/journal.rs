//! `kalshi-actor journal`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::record::decisions::write_decisions;
use crate::record::journal::{Flags, Inspection, StageId, inspect};
use crate::record::summary::JournalRate;
use clap::{Args, Subcommand};

use super::out::{Out, note, say};

#[derive(Debug, Args)]
pub(super) struct JournalArgs {
    #[command(subcommand)]
    command: JournalCommand,
}

#[derive(Debug, Subcommand)]
enum JournalCommand {
    /// Print every decision with its observation as a JSON line, which is the input of `models/train.py`
    Decisions {
        /// The session's folder
        session: PathBuf,
    },
    /// Print what a journal holds: records by stage and kind, times, segments, bytes, and whether it can be replayed
    Info {
        /// The session's folder, its journal's, or one segment such as 000003.kaj
        journal: PathBuf,
    },
    /// Check every checksum and record number; an error says where the journal is damaged
    Verify {
        /// The session's folder, its journal's, or one segment such as 000003.kaj
        journal: PathBuf,
    },
}

pub(super) fn run(args: &JournalArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    match &args.command {
        JournalCommand::Decisions { session } => {
            let written = write_decisions(session, out).map_err(anyhow::Error::from);
            if let Some(count) = out.unless_unread(written)? {
                out.show();
                note!("{}: {count} decisions", session.display());
            }
            Ok(ExitCode::SUCCESS)
        }
        JournalCommand::Info { journal } => {
            let found = inspect(journal)?;
            info(&found, out);
            Ok(ExitCode::SUCCESS)
        }
        JournalCommand::Verify { journal } => verify(journal, out),
    }
}

fn info(found: &Inspection, out: &mut Out) {
    let (first, last) = found.segments;
    say!(out, "recorded by  {} on {}", found.note.program, found.note.venue);
    say!(out, "segments     {first} to {last}, {} bytes, {} records", found.bytes, found.records());
    if let Some((first_ms, last_ms)) = found.session_ms {
        say!(out, "time         {:.3} s; session time {first_ms} to {last_ms} ms", found.seconds());
    }
    say!(out, "rate         {}", JournalRate::new(found.bytes, found.seconds(), found.note.bytes_max));
    for stage in StageId::ALL {
        let of_stage = found.counts.iter().filter(|((owner, ..), _)| *owner == stage);
        for ((_, kind, flags), count) in of_stage {
            let way = match flags {
                Flags::Input => "in",
                Flags::Output => "out",
                Flags::Refused => "refused",
            };
            say!(out, "{:<11}  {kind:?} {way}: {count}", stage.as_str());
        }
        let bytes: u64 =
            found.payload_bytes.iter().filter(|((owner, _), _)| *owner == stage).map(|(_, bytes)| bytes).sum();
        if bytes > 0 {
            say!(out, "{:<11}  {bytes} bytes of payload", stage.as_str());
        }
    }
    for problem in &found.problems {
        say!(out, "problem      {problem}");
    }
    match found.obstacle() {
        None => say!(out, "replayable   yes"),
        Some(reason) => say!(out, "replayable   no: {reason}"),
    }
}

/// A journal is whole if every checksum is right, no record number is missing, and its writer closed it.
fn verify(journal: &Path, out: &mut Out) -> anyhow::Result<ExitCode> {
    let found = inspect(journal)?;
    let (records, bytes) = (found.records(), found.bytes);
    if let Some(obstacle) = found.obstacle() {
        say!(out, "damaged after {records} good records: {obstacle}");
        return Ok(ExitCode::FAILURE);
    }
    if let Some(torn) = found.problems.first() {
        say!(out, "{records} good records, and torn at its end: {torn}");
        return Ok(ExitCode::FAILURE);
    }
    let end = match &found.closing {
        Some(closing) if closing.segments_dropped > 0 => {
            format!("whole from segment {} on; {} older ones were dropped", found.segments.0, closing.segments_dropped)
        }
        Some(_) => "whole".to_owned(),
        None => "every record is good; no end is recorded: a part of a session, or one that crashed".to_owned(),
    };
    say!(out, "{records} records in {bytes} bytes: {end}");
    Ok(ExitCode::SUCCESS)
}
