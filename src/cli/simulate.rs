//! `kalshi-actor simulate`: runs the whole trader on the simulated network, seed after seed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::decide::policy::{AnyPolicy, PolicySpec};
use crate::drivers::campaign::{Campaign, Faults, Recovery, SeedReport, Troubles};
use crate::exchange::keys::issue_ed25519;
use crate::exchange::scenario::Scenario;
use crate::messages::Verdict;
use anyhow::Context;
use clap::Args;
use crossbeam::channel;
use indicatif::{ProgressBar, ProgressStyle};

use super::out::{Out, say};

#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// The range of seeds, without its end
    #[arg(long, value_name = "A..B", default_value = "0..20", value_parser = parse_seeds)]
    seeds: Range<u64>,
    /// The level of faults: none, default, or hell
    #[arg(long, value_name = "LEVEL", default_value = "default", value_parser = |text: &str| text.parse::<Faults>())]
    faults: Faults,
    /// Simulated minutes of trading per seed, before the faults end and the trader stops
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    minutes: u16,
    /// A shipped scenario (calm, busy, news, thin, settling, gold) or a scenario file
    #[arg(long, value_name = "NAME|FILE", default_value = "busy")]
    scenario: String,
    /// How many markets are open at a time [default: 4, on two shards, or as many as the scenario names]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    markets: Option<u16>,
    /// The policy: maker, onnx, or hold
    #[arg(long, value_name = "NAME", default_value = "maker")]
    policy: PolicySpec,
    /// How many seeds to run in parallel [default: the number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Run only the first seed, again and again: kill the trader after every Nth record of its journal, up to 2,000
    /// records, and restart it, alternately at once and after its leases have ended
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    die_every: Option<u16>,
    /// Print a line for every seed
    #[arg(long)]
    verbose: bool,
    /// Plant a bug, to see what catches it; `list` names all bugs
    #[cfg(feature = "planted")]
    #[arg(long, value_name = "BUG")]
    plant: Option<super::planted::Plant>,
    /// Hunt every bug that can be planted, and print which invariant caught it in which seed
    #[cfg(feature = "planted")]
    #[arg(long)]
    planted_table: bool,
}

fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let range = text.split_once("..").and_then(|(first, end)| Some(first.parse().ok()?..end.parse().ok()?));
    match range {
        Some(range) if !range.is_empty() => Ok(range),
        Some(range) => Err(format!("no seed is in {}..{}; expected A..B with A below B", range.start, range.end)),
        None => Err("expected A..B with two whole numbers, such as 0..200".to_owned()),
    }
}

/// The default number of markets, unless another scenario is named.
const MARKETS: usize = 4;
/// A campaign of more simulated hours than this must have seen every kind of fault, or something is wrong with it.
const ALL_KINDS_HOURS: f64 = 8.0;
/// The limits that refuse something in the seeds 0 to 48 of the default scenario.
const LIMITS: [Verdict; 8] = [
    Verdict::RefusedPosition,
    Verdict::RefusedCashAtRisk,
    Verdict::RefusedOpenOrders,
    Verdict::RefusedCollar,
    Verdict::RefusedRate,
    Verdict::RefusedEventLoss,
    Verdict::RefusedMessageRate,
    Verdict::RefusedDuplicate,
];
/// The stops that end some of those seeds.
const STOPS: [&str; 2] = ["drawdown", "repeated"];
/// The last record after which `--die-every` kills the trader.
const RECORDS_MAX: u64 = 2_000;

/// Totals over the seeds.
#[derive(Debug, Default)]
struct Sums {
    seeds: u64,
    simulated_ms: i64,
    steps: u64,
    orders: u64,
    fills: u64,
    partial_fills: u64,
    unknown: u64,
    unknown_resolved: u64,
    books_compared: u64,
    crossed_states: u64,
    ledgers_compared: u64,
    troubles: Troubles,
    verdicts: [u64; Verdict::COUNT],
    /// Number of seeds ended by a stop, by stop.
    stops: BTreeMap<&'static str, u64>,
    violations: u64,
    /// The longest that an order of a dead trader rested, in session milliseconds.
    resting_ms: i64,
}

impl Sums {
    fn add(&mut self, report: &SeedReport) {
        self.seeds += 1;
        self.simulated_ms += report.simulated_ms;
        self.steps += report.steps;
        self.orders += report.orders;
        self.fills += report.fills;
        self.partial_fills += report.partial_fills;
        self.unknown += report.unknown;
        self.unknown_resolved += report.unknown_resolved;
        self.books_compared += report.books_compared;
        self.crossed_states += report.crossed_states;
        self.ledgers_compared += report.ledgers_compared;
        self.troubles.merge(&report.troubles);
        self.verdicts.iter_mut().zip(report.verdicts).for_each(|(sum, count)| *sum += count);
        if let Some(stop) = report.stop {
            *self.stops.entry(stop).or_default() += 1;
        }
        self.resting_ms = self.resting_ms.max(report.resting_ms);
        self.violations += u64::from(report.violation.is_some());
    }
}

impl Sums {
    #[expect(clippy::cast_precision_loss, reason = "hours for people")]
    fn hours(&self) -> f64 {
        self.simulated_ms as f64 / 3_600_000.0
    }

    fn briefly(&self, wall_s: f64) -> String {
        format!("{:.2} simulated hours a second, {} violations", self.hours() / wall_s, self.violations)
    }

    /// The kinds of faults that have not taken effect, although a campaign of this length should have seen them.
    fn absent(&self, faults: Faults) -> Vec<&'static str> {
        let long = faults != Faults::None && self.hours() >= ALL_KINDS_HOURS;
        if long { self.troubles.absent() } else { Vec::new() }
    }

    /// The limits that have refused nothing, although they should have in a campaign of this length.
    fn idle_limits(&self) -> Vec<&'static str> {
        let refused = LIMITS.iter().filter(|verdict| self.verdicts[**verdict as usize] == 0);
        let hit = STOPS.iter().filter(|stop| !self.stops.contains_key(*stop));
        refused.map(|verdict| verdict.as_str()).chain(hit.copied()).collect()
    }
}

pub(super) fn run(args: &SimulateArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    let scenario = Scenario::find(&args.scenario)?;
    let markets = if args.scenario == "busy" { MARKETS } else { scenario.market_count() };
    let campaign = Campaign {
        duration_ms: i64::from(args.minutes) * 60_000,
        markets: args.markets.map_or(markets, usize::from),
        scenario,
        faults: args.faults,
        policy: AnyPolicy::load(&args.policy, None)?,
    };
    #[cfg(feature = "planted")]
    if args.planted_table || matches!(args.plant, Some(super::planted::Plant::List)) {
        return super::planted::run(&campaign, args.planted_table.then(|| args.seeds.clone()), args.jobs, out);
    }
    let key = issue_ed25519().context("a key for the simulated account")?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.map_or(cores, usize::from);
    // The numbers are seeds, or the records after which the trader of one seed dies.
    let numbers = match args.die_every {
        None => args.seeds.clone(),
        Some(every) => 1..RECORDS_MAX / u64::from(every) + 1,
    };
    let run = |number: u64| {
        with_plant(args, || match args.die_every {
            None => campaign.run(number, &key),
            Some(every) => {
                let recovery = Recovery { after_records: number * u64::from(every), absent: number % 2 == 1 };
                campaign.recover(args.seeds.start, &key, recovery)
            }
        })
    };
    let (next, began) = (AtomicU64::new(numbers.start), Instant::now());
    let mut sums = Sums::default();
    let bar = progress(numbers.end - numbers.start);
    std::thread::scope(|scope| {
        let (sender, reports) = channel::bounded(jobs);
        for _ in 0..jobs {
            let (run, next, end, sender) = (&run, &next, numbers.end, sender.clone());
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || sender.send(run(seed)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for report in reports {
            sums.add(&report);
            bar.set_message(sums.briefly(began.elapsed().as_secs_f64()));
            bar.inc(1);
            bar.suspend(|| tell(&report, args, out));
            out.show();
            if out.is_over() {
                break;
            }
        }
    });
    bar.finish_and_clear();
    print_sums(&sums, began.elapsed().as_secs_f64(), out);
    let checked = args.scenario == "busy" && args.die_every.is_none() && sums.hours() >= ALL_KINDS_HOURS;
    let mut absent = sums.absent(args.faults);
    if checked && sums.crossed_states == 0 {
        absent.push("crossed_book");
    }
    if !absent.is_empty() {
        say!(out, "FAULTS THAT NEVER TOOK EFFECT in {:.1} simulated hours: {}", sums.hours(), absent.join(", "));
    }
    let idle = if checked { sums.idle_limits() } else { Vec::new() };
    if !idle.is_empty() {
        say!(out, "LIMITS THAT NEVER REFUSED in {:.1} simulated hours: {}", sums.hours(), idle.join(", "));
    }
    let well = sums.violations == 0 && absent.is_empty() && idle.is_empty();
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The progress bar, which is shown on a terminal only.
fn progress(seeds: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} seeds, {eta} left, {msg}");
    ProgressBar::new(seeds).with_style(style.expect("the template names keys that there are"))
}

#[cfg(not(feature = "planted"))]
fn with_plant(_args: &SimulateArgs, run: impl FnOnce() -> SeedReport) -> SeedReport {
    run()
}

#[cfg(feature = "planted")]
fn with_plant(args: &SimulateArgs, run: impl FnOnce() -> SeedReport) -> SeedReport {
    let bug = args.plant.and_then(super::planted::Plant::bug);
    crate::planted::with(bug, run)
}

#[cfg(not(feature = "planted"))]
fn planted(_args: &SimulateArgs) -> String {
    String::new()
}

#[cfg(feature = "planted")]
fn planted(args: &SimulateArgs) -> String {
    let bug = args.plant.and_then(super::planted::Plant::bug);
    bug.map_or(String::new(), |bug| format!(" --plant {bug}"))
}

fn tell(report: &SeedReport, args: &SimulateArgs, out: &mut Out) {
    if args.verbose {
        say!(
            out,
            "seed {}: trace {:016x}, {} steps, {} orders, {} fills, {} unknown; compared {} books, {} ledgers",
            report.seed,
            report.trace,
            report.steps,
            report.orders,
            report.fills,
            report.unknown,
            report.books_compared,
            report.ledgers_compared
        );
    }
    let Some(found) = &report.violation else { return };
    if let Some(every) = args.die_every {
        say!(out, "the trader had died after {} records (--die-every {every})", report.records);
    }
    let at_ms = report.simulated_ms;
    say!(out, "seed {}, step {}, after {at_ms} ms: {}", report.seed, found.step, found.violation.invariant);
    say!(out, "  {}", found.violation.detail);
    for event in &found.last_events {
        say!(out, "  {event}");
    }
    let level = match args.faults {
        Faults::None => "none",
        Faults::Default => "default",
        Faults::Hell => "hell",
    };
    say!(
        out,
        "  again: kalshi-actor simulate --seeds {}..{} --faults {level} --minutes {} --scenario {}{}{} --policy {}{}",
        report.seed,
        report.seed + 1,
        args.minutes,
        args.scenario,
        args.markets.map_or(String::new(), |markets| format!(" --markets {markets}")),
        args.die_every.map_or(String::new(), |every| format!(" --die-every {every}")),
        args.policy,
        planted(args)
    );
}

fn print_sums(sums: &Sums, wall_s: f64, out: &mut Out) {
    let hours = sums.hours();
    say!(
        out,
        "{} seeds, {hours:.1} simulated hours in {wall_s:.0} s ({:.2} hours a second), {} steps",
        sums.seeds,
        hours / wall_s,
        sums.steps
    );
    say!(
        out,
        "{} orders, {} fills, {} partial; {} orders unknown, {} resolved",
        sums.orders,
        sums.fills,
        sums.partial_fills,
        sums.unknown,
        sums.unknown_resolved
    );
    say!(out, "compared with the exchange: {} books, {} ledgers", sums.books_compared, sums.ledgers_compared);
    say!(out, "books crossed for an instant: {} states", sums.crossed_states);
    let kinds: Vec<String> = sums.troubles.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    say!(out, "faults: {}", kinds.join(", "));
    let refused = Verdict::ALL.into_iter().filter(|verdict| verdict.as_str().starts_with("refused_"));
    let refused = refused.map(|verdict| (verdict.as_str(), sums.verdicts[verdict as usize]));
    let refused: Vec<String> = refused.map(|(name, count)| format!("{} {count}", &name["refused_".len()..])).collect();
    say!(out, "refused: {}", refused.join(", "));
    if !sums.stops.is_empty() {
        let stops: Vec<String> = sums.stops.iter().map(|(stop, count)| format!("{stop} {count}")).collect();
        say!(out, "seeds that a stop ended: {}", stops.join(", "));
    }
    if sums.resting_ms > 0 {
        say!(out, "the longest that an order of a dead trader rested: {:.1} s", sums.resting_ms as f64 / 1_000.0);
    }
    match sums.violations {
        0 => say!(out, "no violation"),
        count => say!(out, "{count} SEEDS VIOLATE AN INVARIANT"),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_seeds;

    #[test]
    fn seed_ranges_that_are_none_are_refused_with_what_was_expected() {
        assert_eq!(parse_seeds("3..5"), Ok(3..5));
        for text in ["", "7", "5..5", "9..2", "a..b", "1..-2"] {
            assert!(parse_seeds(text).unwrap_err().contains("expected A..B"), "{text}");
        }
    }
}
