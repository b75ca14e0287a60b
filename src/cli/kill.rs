//! `kalshi-actor kill`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::config::{Config, VenueName};
use crate::host::clock::wall_ms;
use crate::kill::known_orders::{known_orders, newest_session};
use crate::kill::line::kill;
use crate::kill::{KillSettings, KillWays, Killed, KnownOrder};
use crate::messages::KnownGroup;
use crate::network::net::Trust;
use crate::session::{outside_venue, state_dir};
use clap::Args;

use super::out::{Out, note, say};
use super::{ConfigArgs, run};

#[derive(Debug, Args)]
pub(super) struct KillArgs {
    /// The venue, demo or prod [default: the configuration's]
    #[arg(long, value_name = "VENUE")]
    venue: Option<run::VenueArg>,
    /// Cancel every order on the account, including those that this program did not place
    #[arg(long)]
    everything: bool,
    /// The folder of the session whose journal names our orders, in case the venue's list cannot be read [default: the
    /// newest session on that venue]
    #[arg(long, value_name = "DIR")]
    session: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &KillArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    let mut config = args.config.load()?;
    if let Some(venue) = args.venue {
        config.venue.name = venue.into();
    }
    let venue = match config.venue.name {
        VenueName::Sim => {
            anyhow::bail!(
                "there is nothing to kill on venue sim: its orders end with its session; name --venue demo or prod"
            )
        }
        _ => outside_venue(&config.venue, |name| std::env::var(name).ok())?,
    };
    // The order groups that sessions have recorded. Without them, orders are cancelled one by one.
    let known: Option<Vec<KnownGroup>> =
        state_dir(&config, None).and_then(|state| state.groups()).unwrap_or_else(|error| {
            note!("our order groups are unknown: {error}");
            None
        });
    let name = config.venue.name.as_str();
    let mut warned = false;
    let ways = KillWays {
        everything: args.everything,
        known_orders: &mut || orders_of_the_session(args.session.as_deref(), &config),
        tell: &mut |what| {
            note!("venue {name}: {what}");
            if !std::mem::replace(&mut warned, true) {
                note!("{}", other_ways(&config, args.everything));
            }
        },
    };
    let settings = KillSettings::new(&config.orders);
    let killed = kill(&venue, &Trust::WebPki, settings, &known.unwrap_or_default(), ways);
    let Killed { triggered, triggered_in, took, report } = killed;
    say!(out, "venue {name}: {triggered} order groups triggered within {:.0} ms", triggered_in.as_secs_f64() * 1e3);
    say!(out, "venue {name}: {report}");
    if report.is_clean() {
        say!(out, "venue {name}: none of our orders seen resting any more after {:.1} s", took.as_secs_f64());
        return Ok(ExitCode::SUCCESS);
    }
    say!(out, "venue {name}: gave up after {:.1} s; {}", took.as_secs_f64(), other_ways(&config, args.everything));
    Ok(ExitCode::FAILURE)
}

/// What the user can do instead.
fn other_ways(config: &Config, everything: bool) -> String {
    let website = match config.venue.name {
        VenueName::Prod => "https://kalshi.com",
        _ => "https://demo.kalshi.co",
    };
    let lease_s = config.orders.lease_longest_ms.div_ceil(1_000);
    let ends = jiff::Timestamp::from_millisecond(wall_ms().saturating_add(lease_s.cast_signed() * 1_000));
    let ends = ends.map_or_else(|_| String::new(), |ends| format!(", {}", ends.strftime("%H:%M:%S UTC")));
    let rest = if everything {
        ""
    } else {
        "; `kill --everything` asks the venue to cancel all orders on the account, others' included"
    };
    format!(
        "what you can do meanwhile: cancel by hand on {website}{rest}. Our orders end by themselves within {lease_s} s of their \
         last write{ends} at the latest, unless a trader still runs and renews them: end it first"
    )
}

/// The orders that may still rest according to a session's journal: those written within the length of a lease.
fn orders_of_the_session(named: Option<&Path>, config: &Config) -> Vec<KnownOrder> {
    let newest = || newest_session(Path::new(&config.record.sessions_dir), config.venue.name.as_str());
    let Some(session) = named.map(Path::to_owned).or_else(newest) else {
        note!("no session of this venue with a journal in {}; --session names one", config.record.sessions_dir);
        return Vec::new();
    };
    let lease_ms = i64::try_from(config.orders.lease_longest_ms).unwrap_or(i64::MAX);
    match known_orders(&session, wall_ms().saturating_sub(lease_ms)) {
        Ok((orders, torn)) => {
            note!("{}: {} of our orders may still rest; cancelling them by id", session.display(), orders.len());
            if let Some(torn) = torn {
                tracing::debug!(%torn, "the journal was read up to there");
            }
            orders
        }
        Err(error) => {
            note!("{}: {error}", session.display());
            Vec::new()
        }
    }
}
