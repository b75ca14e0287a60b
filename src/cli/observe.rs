//! `kalshi-actor observe`.

use std::fs::File;
use std::io::BufWriter;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::drivers::observe::{ObserveOptions, observe_file};
use anyhow::Context;
use clap::Args;

use super::out::{Named, Out, note};

/// The arguments of `observe`.
#[derive(Debug, Args)]
pub(super) struct ObserveArgs {
    /// One exchange frame a line, bare or in a recorder's `{"recv_ms":N,"event":{frame}}`; .zst is read directly, and a
    /// session's folder by its journal. No pipes: a recording may have to be read twice
    frames: PathBuf,
    /// Where the observations go; without it to the standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The width of a point of history, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    point_ms: u64,
    /// Believe the frames that are there where sequence numbers are missing. Recordings with holes throughout, as those of
    /// one market of several on a subscription, are known without it
    #[arg(long)]
    ignore_seq: bool,
}

pub(super) fn run(args: &ObserveArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    let options = ObserveOptions { point_ms: args.point_ms, ignore_seq: args.ignore_seq };
    let name = args.frames.display();
    let summary = if let Some(path) = &args.out {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        let mut file = BufWriter::new(Named::new(path.display().to_string(), file));
        let summary = observe_file(&args.frames, options, &mut file)?;
        file.flush()?;
        summary
    } else {
        let observed = observe_file(&args.frames, options, out).map_err(anyhow::Error::from);
        let Some(summary) = out.unless_unread(observed)? else { return Ok(ExitCode::SUCCESS) };
        out.show();
        summary
    };
    let findings = &summary.findings;
    for place in &findings.places {
        note!("{place}");
    }
    note!("{name}: {} book states of {} markets in {findings}", summary.states, summary.markets);
    if summary.crossed_states > 0 {
        let (states, steps) = (summary.crossed_states, summary.crossed_steps);
        note!("{name}: {states} states more were crossed or locked within {steps} instants, and gave no line");
    }
    Ok(ExitCode::SUCCESS)
}
