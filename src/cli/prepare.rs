//! `kalshi-actor prepare`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::exchange::prepared::{Head, Prepared, export_npz, prepare, sources_of};
use crate::exchange::recorded::{Cut, Holes, Strictness};
use crate::exchange::recordings::GivenResult;
use crate::session::load_recordings;
use anyhow::{Context, bail};
use clap::Args;

use super::out::{Out, note, say};

/// The arguments of `prepare`.
#[derive(Debug, Args)]
pub(super) struct PrepareArgs {
    /// Recorded frames files, .jsonl or .zst, or sessions' folders: one session, whose files are in the order of time. Or
    /// one file that was prepared before, to export it
    #[arg(required = true)]
    frames: Vec<PathBuf>,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write TICKER.npz for each market, in the form that hftbacktest reads, into this folder
    #[arg(long, value_name = "DIR")]
    export_npz: Option<PathBuf>,
    /// What the markets settle at: yes, no, or what YES pays in dollars; without it their records decide, or they stay
    /// open
    #[arg(long, value_name = "RESULT")]
    result: Option<GivenResult>,
    /// Believe the frames that are there where sequence numbers are missing; without it the books of that subscription
    /// are empty until their next snapshot
    #[arg(long)]
    ignore_seq: bool,
}

pub(super) fn run(args: &PrepareArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    if let [file] = args.frames.as_slice()
        && Prepared::is_prepared(file)
    {
        if args.out.is_some() || args.result.is_some() || args.ignore_seq {
            bail!("{}: prepared already; expected --export-npz and nothing else", file.display());
        }
        let Some(folder) = &args.export_npz else {
            bail!("{}: prepared already; expected --export-npz DIR", file.display());
        };
        return export(file, folder, out);
    }
    let Some(file) = &args.out else {
        bail!("nowhere to write to: expected --out FILE");
    };
    let holes = if args.ignore_seq { Holes::Ignored } else { Holes::Told };
    let recordings = load_recordings(&args.frames, args.result, Strictness { holes, cut: Cut::Told })?;
    let tickers = recordings.markets.iter().map(|market| market.steps.ticker.as_str());
    let sources = sources_of(&args.frames, tickers)?;
    let head = prepare(recordings, sources, file)?;
    for text in &head.notes {
        note!("{text}");
    }
    describe(file, &head, out)?;
    match &args.export_npz {
        Some(folder) => export(file, folder, out),
        None => Ok(ExitCode::SUCCESS),
    }
}

fn describe(file: &Path, head: &Head, out: &mut Out) -> anyhow::Result<()> {
    let bytes = std::fs::metadata(file).with_context(|| file.display().to_string())?.len();
    let (markets, frames) = (head.markets.len(), head.frames());
    let cut = if head.is_cut { ", up to where a file was cut" } else { "" };
    say!(out, "{}: {frames} events of {markets} markets{cut}, {bytes} bytes", file.display());
    Ok(())
}

fn export(file: &Path, folder: &Path, out: &mut Out) -> anyhow::Result<ExitCode> {
    let prepared = Prepared::open(file)?;
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (number, market) in (0..).zip(&prepared.head().markets) {
        let path = folder.join(format!("{}.npz", market.terms.spec.ticker));
        let events = export_npz(&prepared, number, &path)?;
        say!(out, "{}: {events} events", path.display());
    }
    Ok(ExitCode::SUCCESS)
}
