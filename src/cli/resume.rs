//! `kalshi-actor resume`.

use std::process::ExitCode;

use crate::messages::DayState;
use crate::session::{state_dir, state_place};
use anyhow::{Context, bail};
use clap::Args;

use super::out::{Out, say};
use super::{ConfigArgs, run};

#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// The venue that tripped
    #[arg(long, value_name = "VENUE")]
    venue: Option<run::VenueArg>,
    /// The session's folder, for a trip on the embedded exchange or on paper
    #[arg(long, value_name = "DIR")]
    out: Option<std::path::PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &ResumeArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    let mut config = args.config.load()?;
    if let Some(venue) = args.venue {
        config.venue.name = venue.into();
    }
    // If the user's own folder has no state, nothing has tripped. A folder that was named must have some.
    let (root, name) = state_place(&config, args.out.as_deref());
    if (args.out.is_some() || !config.record.state_dir.is_empty()) && !root.join(&name).is_dir() {
        bail!("{}: there is no state of {name} here; expected the folder of a session on that venue", root.display());
    }
    let state = state_dir(&config, args.out.as_deref())?;
    let _lock = state.lock()?;
    let tripped = state.tripped();
    // Lift the stops first: if this is interrupted, the marker still keeps the venue from starting. If the state of the
    // day could not be written to its own file, it is in the marker.
    let unsaved = tripped.as_ref().ok().and_then(Option::as_ref).and_then(|tripped| tripped.day.clone());
    let day: Option<DayState> = match unsaved {
        Some(day) => Some(serde_json::from_value(day).context("the state of the day in the marker")?),
        None => state.day()?,
    };
    let stopped = day.filter(|day| is_stopped(day) || matches!(tripped, Ok(Some(_)) | Err(_)));
    if let Some(day) = stopped {
        state.set_day(&day.resumed())?;
    }
    match state.resume()? {
        Some(tripped) => say!(out, "resumed: tripped at {} because {}", tripped.time, tripped.reason),
        None if stopped.is_some() => say!(out, "resumed: the stops of venue {} are lifted", config.venue.name.as_str()),
        None => say!(out, "nothing to resume: venue {} has not tripped", config.venue.name.as_str()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether a stop is in force, possibly without a marker because the session could not write one.
fn is_stopped(day: &DayState) -> bool {
    day.sticky.drawn_down || day.sticky.repeated
}
