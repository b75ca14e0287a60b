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

#[derive(Debug, Args)]
pub(super) struct ObserveArgs {
    /// A recording with one exchange frame per line, bare or in a recorder's `{"recv_ms":N,"event":{frame}}`, plain or
    /// .zst; or a session's folder. Not a pipe, since a recording may have to be read twice
    frames: PathBuf,
    /// The file to write the observations to [default: the standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The width of a point of history, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    point_ms: u64,
    /// Accept frames in spite of sequence gaps. Not needed for recordings with gaps throughout, such as those of one
    /// market out of several on a subscription, which are recognised
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
        note!("{name}: {states} further states were crossed or locked within {steps} instants, and gave no line");
    }
    Ok(ExitCode::SUCCESS)
}
