//! `kalshi-actor statistics`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::drivers::statistics::{GeneratedPlan, Table, generated, of_file};
use crate::exchange::recorded::{Findings, Holes};
use crate::exchange::scenario::Scenario;
use anyhow::bail;
use clap::Args;

use super::out::{Out, note, say};
use super::run::parse_duration;

/// The start time of generated markets; any time would do.
const START_MS: i64 = 1_790_000_000_000;

#[derive(Debug, Args)]
pub(super) struct StatisticsArgs {
    /// Recorded frames files, .jsonl or .zst, or sessions' folders: one column of the table for all
    frames: Vec<PathBuf>,
    /// Scenarios of the embedded exchange: calm, busy, news, thin, settling or gold, or TOML files; one column for each
    #[arg(long, value_name = "NAME|FILE", num_args = 1..)]
    scenario: Vec<String>,
    /// How long to run each scenario, in session time
    #[arg(long, value_name = "TIME", value_parser = parse_duration, default_value = "15m")]
    duration: Duration,
    /// How many markets of a scenario are open at any time [default: as many as it has]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    markets: Option<u32>,
    /// Only count markets of scenarios whose tickers have this prefix
    #[arg(long, value_name = "PREFIX", default_value = "")]
    only: String,
    /// Leave out markets seen for less than this many seconds
    #[arg(long, value_name = "S", value_parser = parse_seconds, default_value = "60")]
    shortest: f64,
    /// Accept the frames of recordings in spite of sequence gaps
    #[arg(long)]
    ignore_seq: bool,
    /// The seed of everything random in scenarios
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print a JSON line for each market instead of a table
    #[arg(long)]
    json: bool,
}

/// Parses seconds such as `60` or `0.5`.
fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=1e9).contains(seconds));
    seconds.ok_or_else(|| "expected seconds from 0 to 1000000000, such as 60 or 0.5".to_owned())
}

pub(super) fn run(args: &StatisticsArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    if args.frames.is_empty() && args.scenario.is_empty() {
        bail!("nothing to measure: expected frames files or --scenario");
    }
    let mut table = Table::default();
    if !args.frames.is_empty() {
        let holes = if args.ignore_seq { Holes::Ignored } else { Holes::Told };
        let (mut figures, mut findings) = (Vec::new(), Findings::default());
        for path in &args.frames {
            let (of_file, found) = of_file(path, holes, args.shortest)?;
            figures.extend(of_file);
            findings.add(found);
        }
        for place in &findings.places {
            note!("{place}");
        }
        note!("recorded: {findings}");
        table.add("recorded", figures);
    }
    for name in &args.scenario {
        let scenario = Scenario::find(name)?;
        let markets = args.markets.map_or(Ok(scenario.market_count()), usize::try_from)?;
        let figures = generated(GeneratedPlan {
            world: scenario.world(args.seed, markets, START_MS),
            start_ms: START_MS,
            duration_ms: i64::try_from(args.duration.as_millis())?,
            prefix: args.only.clone(),
            shortest_s: args.shortest,
        })?;
        table.add(name, figures);
    }
    if args.json {
        for figures in table.columns().iter().flat_map(|(_, figures)| figures) {
            say!(out, "{}", serde_json::to_string(figures)?);
        }
    } else {
        out.text(table);
    }
    Ok(ExitCode::SUCCESS)
}
