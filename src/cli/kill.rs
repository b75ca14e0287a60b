//! `kalshi-actor kill`.

use std::process::ExitCode;

use clap::Args;
use kalshi_actor::execute::KnownGroup;
use kalshi_actor::pipeline::kill::KillSettings;
use kalshi_actor::pipeline::kill_line::{Killed, kill};
use kalshi_actor::pipeline::net::Trust;
use kalshi_actor::pipeline::session::{outside_venue, state_dir};

use super::out::{Out, note, say};
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

pub(super) fn run(args: &KillArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
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
    // What a session has kept of its groups; without it orders are cancelled one by one.
    let known: Option<Vec<KnownGroup>> =
        state_dir(&config, None).and_then(|state| state.groups()).unwrap_or_else(|error| {
            note!("our order groups are unknown: {error}");
            None
        });
    let Killed { triggered, triggered_in, took, report } =
        kill(&venue, &Trust::WebPki, KillSettings::new(&config.orders), &known.unwrap_or_default());
    let name = config.venue.name.as_str();
    say!(out, "venue {name}: {triggered} order groups triggered within {:.0} ms", triggered_in.as_secs_f64() * 1e3);
    let report = report?;
    say!(out, "venue {name}: {report}; nothing more seen after {:.1} s", took.as_secs_f64());
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
