//! The part of `simulate` that exists only in builds with planted bugs: their list, and the hunt for all of them.

use std::ops::Range;
use std::process::ExitCode;
use std::str::FromStr;

use crate::decide::policy::AnyPolicy;
use crate::drivers::campaign::{Campaign, Hunt, hunt_all};
use crate::exchange::keys::issue_ed25519;
use crate::planted::Bug;
use anyhow::Context;

use super::out::{Out, note, say};

/// The argument of `--plant`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plant {
    /// List the bugs.
    List,
    /// Plant this bug.
    Bug(Bug),
}

impl Plant {
    pub(super) fn bug(self) -> Option<Bug> {
        match self {
            Self::List => None,
            Self::Bug(bug) => Some(bug),
        }
    }
}

impl FromStr for Plant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "list" { Ok(Self::List) } else { text.parse().map(Self::Bug) }
    }
}

/// Prints the list, or hunts every bug over these seeds and prints the table.
pub(super) fn run(
    campaign: &Campaign<AnyPolicy>,
    hunt: Option<Range<u64>>,
    jobs: Option<u16>,
    out: &mut Out,
) -> anyhow::Result<ExitCode> {
    let Some(seeds) = hunt else {
        for bug in Bug::ALL {
            say!(out, "{:<28}{:<12}{}", bug.name(), bug.part().to_string(), bug.what());
        }
        return Ok(ExitCode::SUCCESS);
    };
    let key = issue_ed25519().context("a key for the simulated account")?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let tell = |hunt: &Hunt| note!("{}", row(hunt));
    let hunts = hunt_all(campaign, &key, &seeds, jobs.map_or(cores, usize::from), tell);
    say!(out, "| part | bug | what is wrong | caught by | in seed | those seeds without it |");
    say!(out, "|---|---|---|---|---|---|");
    for hunt in &hunts {
        say!(out, "{}", row(hunt));
    }
    let free = hunts.iter().filter(|hunt| !hunt.is_proof()).count();
    say!(out, "\n{} of {} caught by a named invariant", hunts.len() - free, hunts.len());
    Ok(if free == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn row(hunt: &Hunt) -> String {
    let (caught, seed) = hunt.caught.map_or(("NOTHING".to_owned(), String::new()), |caught| {
        (format!("`{}`", caught.invariant), caught.seed.to_string())
    });
    let clean = if hunt.clean_without { "clean" } else { "NOT CLEAN" };
    let bug = hunt.bug;
    format!("| {} | `{bug}` | {} | {caught} | {seed} | {clean} |", bug.part(), bug.what())
}
