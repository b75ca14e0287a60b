//! `kalshi-actor resume`.

use std::process::ExitCode;

use clap::Args;
use kalshi_actor::pipeline::session::state_dir;

use super::{ConfigArgs, run};

/// The arguments of `resume`.
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

pub(super) fn run(args: &ResumeArgs) -> anyhow::Result<ExitCode> {
    let mut config = args.config.load()?;
    if let Some(venue) = args.venue {
        config.venue.name = venue.into();
    }
    let state = state_dir(&config, args.out.as_deref())?;
    match state.resume()? {
        Some(tripped) => println!("resumed: tripped at {} because {}", tripped.time, tripped.reason),
        None => println!("nothing to resume: venue {} has not tripped", config.venue.name.as_str()),
    }
    Ok(ExitCode::SUCCESS)
}
