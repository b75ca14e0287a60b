//! The part of `simulate` that exists only in builds with planted mistakes: their list, and the hunt for all of them.

use std::ops::Range;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context;
use crossbeam::channel;
use kalshi_actor::drivers::campaign::{Campaign, Hunt, Hunter};
use kalshi_actor::exchange::keys::issue_ed25519;
use kalshi_actor::planted::Bug;

/// What `--plant` was given.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plant {
    /// The names are wanted.
    List,
    /// This one.
    Bug(Bug),
}

impl Plant {
    pub(super) fn bug(&self) -> Option<Bug> {
        match self {
            Self::List => None,
            Self::Bug(bug) => Some(*bug),
        }
    }
}

impl FromStr for Plant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "list" { Ok(Self::List) } else { text.parse().map(Self::Bug) }
    }
}

/// Prints the list, or hunts every mistake over these seeds and prints the table.
pub(super) fn run(campaign: &Campaign, hunt: Option<Range<u64>>, jobs: Option<u16>) -> anyhow::Result<ExitCode> {
    let Some(seeds) = hunt else {
        for bug in Bug::ALL {
            println!("{:<28}{:<12}{}", bug.name(), bug.part().to_string(), bug.what());
        }
        return Ok(ExitCode::SUCCESS);
    };
    let key = issue_ed25519().context("a key for the simulated account")?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, sender_of) = (AtomicUsize::new(0), channel::unbounded());
    let mut hunts = std::thread::scope(|scope| {
        let (sender, found) = sender_of;
        for _ in 0..jobs.map_or(cores, usize::from) {
            let (key, next, sender, seeds) = (&key, &next, sender.clone(), seeds.clone());
            scope.spawn(move || {
                let mut hunter = Hunter::new(campaign, key);
                while let Some(bug) = Bug::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let hunt = hunter.hunt(*bug, seeds.clone());
                    sender.send(hunt).expect("the receiver waits for every hunt");
                }
            });
        }
        drop(sender);
        found.into_iter().inspect(|hunt| eprintln!("{}", row(hunt))).collect::<Vec<_>>()
    });
    hunts.sort_by_key(|hunt| Bug::ALL.iter().position(|bug| *bug == hunt.bug));
    println!("| part | bug | what is wrong | caught by | seeds needed | those seeds without it |");
    println!("|---|---|---|---|---|---|");
    hunts.iter().for_each(|hunt| println!("{}", row(hunt)));
    let free = hunts.iter().filter(|hunt| !hunt.is_proof()).count();
    println!("\n{} of {} caught by a named invariant", hunts.len() - free, hunts.len());
    Ok(if free == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn row(hunt: &Hunt) -> String {
    let caught = hunt.caught_by.map_or("NOTHING".to_owned(), |invariant| format!("`{invariant}`"));
    let clean = if hunt.clean_without { "clean" } else { "NOT CLEAN" };
    let bug = hunt.bug;
    format!("| {} | `{bug}` | {} | {caught} | {} | {clean} |", bug.part(), bug.what(), hunt.seeds_needed)
}
