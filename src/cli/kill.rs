//! `kalshi-actor kill`.

use std::process::ExitCode;

use clap::Args;
use kalshi_actor::pipeline::kill::{KillSettings, kill};
use kalshi_actor::pipeline::session::outside_venue;

use super::{ConfigArgs, run};

/// The arguments of `kill`.
#[derive(Debug, Args)]
pub(super) struct KillArgs {
    /// The venue: demo or prod; without it the configuration's
    #[arg(long, value_name = "VENUE")]
    venue: Option<run::VenueArg>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &KillArgs) -> anyhow::Result<ExitCode> {
    let mut config = args.config.load()?;
    if let Some(venue) = args.venue {
        config.venue.name = venue.into();
    }
    let venue = match config.venue.name {
        kalshi_actor::config::VenueName::Sim => {
            anyhow::bail!(
                "there is nothing to kill on venue sim: its orders end with its session; name --venue demo or prod"
            )
        }
        _ => outside_venue(&config.venue, |name| std::env::var(name).ok())?,
    };
    let report = kill(&venue, KillSettings::new(&config.orders))?;
    println!("venue {}: {report}", config.venue.name.as_str());
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
