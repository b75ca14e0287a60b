//! `kalshi-actor run`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::config::{Config, VenueName};
use crate::decide::policy::{AnyPolicy, PolicySpec, Settings};
use crate::execute::Waiting;
use crate::host::signals::{FORCED_EXIT_STATUS, Signals};
use crate::market::Ticker;
use crate::session::{Session, SessionBuilder, SessionReport, Shown};
use anyhow::bail;
use clap::Args;

use super::ConfigArgs;
use super::out::{Out, note, standard_error_is_a_terminal, to_standard_error};
use super::world::WorldArgs;

/// A session on the embedded exchange of at least this length must show every kind of trading.
const DEMONSTRATION: Duration = Duration::from_secs(30);

/// Parses a positive duration such as `30s`, `5m` or `1h 30m`.
pub(super) fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let expected = "expected a positive length of time such as 30s, 5m or 1h30m";
    let duration: jiff::SignedDuration = text.parse().map_err(|_| expected.to_owned())?;
    match std::time::Duration::try_from(duration) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(expected.to_owned()),
    }
}

/// Parses a speed such as `20` or `0.5` to thousandths.
fn parse_speed(text: &str) -> Result<u32, String> {
    let expected = "expected a factor from 0.001 to 1000, with up to three decimals";
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || fraction.len() > 3 || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(expected.to_owned());
    }
    let milli: u32 = format!("{whole}{fraction:0<3}").parse().map_err(|_| expected.to_owned())?;
    if (1..=1_000_000).contains(&milli) { Ok(milli) } else { Err(expected.to_owned()) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum VenueArg {
    /// The embedded exchange
    Sim,
    /// Kalshi's demo environment
    Demo,
    /// Kalshi's production environment
    Prod,
}

impl From<VenueArg> for VenueName {
    fn from(venue: VenueArg) -> Self {
        match venue {
            VenueArg::Sim => Self::Sim,
            VenueArg::Demo => Self::Demo,
            VenueArg::Prod => Self::Prod,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum MarketsArg {
    /// This many of the open markets.
    Count(usize),
    /// The markets with these tickers.
    Tickers(Vec<String>),
}

impl FromStr for MarketsArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(count) = text.parse() {
            return if count > 0 { Ok(Self::Count(count)) } else { Err("expected at least one market".to_owned()) };
        }
        let tickers: Result<Vec<String>, String> = text.split(',').map(|ticker| parse_ticker(ticker.trim())).collect();
        Ok(Self::Tickers(tickers.map_err(|problem| format!("{problem}; or how many of the open markets"))?))
    }
}

/// Parses the ticker of a market or of a series.
fn parse_ticker(text: &str) -> Result<String, String> {
    Ticker::new(text)
        .map(|ticker| ticker.as_str().to_owned())
        .map_err(|error| format!("{error}; expected tickers of 1 to {} characters A-Z a-z 0-9 . _ -", Ticker::CAPACITY))
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Where to trade: the embedded exchange, or Kalshi's demo or production environment
    #[arg(long, value_name = "VENUE")]
    venue: Option<VenueArg>,
    /// How long to trade, such as 30s or 5m [default: 30s on the embedded exchange, until stopped elsewhere]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    duration: Option<Duration>,
    /// The policy: onnx, maker, hold or script:FILE
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
    /// The ONNX model [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Market tickers separated by commas, or how many of the open markets to trade
    #[arg(long, value_name = "A,B|N")]
    markets: Option<MarketsArg>,
    /// Follow a series from one market to the next
    #[arg(long, value_name = "SERIES", conflicts_with = "markets", value_parser = parse_ticker)]
    series: Option<String>,
    #[command(flatten)]
    world: WorldArgs,
    /// How many times faster than the wall clock session time runs; embedded exchange only [default: 1]
    #[arg(long, value_name = "X", value_parser = parse_speed)]
    speed: Option<u32>,
    /// Send orders to demo or prod; without it they are matched on paper against the venue's live feed
    #[arg(long)]
    live: bool,
    /// Accept that prod trades real money, which may be lost; needed for --venue prod --live
    #[arg(long)]
    i_accept_losses: bool,
    /// The session's folder, for its journal and summary.json [default: a new folder in `record.sessions_dir`]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

impl RunArgs {
    /// The configuration file, overridden by the command line.
    fn config(&self) -> anyhow::Result<Config> {
        let mut config = self.config.load()?;
        if let Some(venue) = self.venue {
            config.venue.name = venue.into();
        }
        if let Some(policy) = &self.policy {
            config.policy.kind.clone_from(policy);
        }
        if let Some(model) = &self.model {
            config.policy.model = model.to_string_lossy().into_owned();
        }
        // Markets on the command line replace all that the file names.
        if self.markets.is_some() || self.series.is_some() {
            config.markets.tickers.clear();
            config.markets.series.clear();
        }
        match &self.markets {
            Some(MarketsArg::Count(count)) => config.markets.count = *count,
            Some(MarketsArg::Tickers(tickers)) => config.markets.tickers.clone_from(tickers),
            None => {}
        }
        if let Some(series) = &self.series {
            config.markets.series.clone_from(series);
        }
        config.venue.live |= self.live;
        config.check()?;
        Ok(config)
    }

    /// Refuses options that only the embedded exchange supports.
    fn check_outside(&self, venue: VenueName) -> anyhow::Result<()> {
        let given = [
            (self.speed.is_some(), "--speed", "a venue outside runs at the speed of the wall clock"),
            (!self.world.from.is_empty(), "--from", "recorded markets are played by the embedded exchange"),
            (self.world.seed.is_some(), "--seed", "it only affects the embedded exchange"),
            (self.world.scenario.is_some(), "--scenario", "it only affects the embedded exchange"),
        ];
        match given.into_iter().find(|(given, ..)| *given) {
            Some((_, option, why)) => bail!("{option} with --venue {}: {why}; use --venue sim", venue.as_str()),
            None => Ok(()),
        }
    }
}

pub(super) fn run(args: RunArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    let config = args.config()?;
    let signals = Signals::install()?;
    let policy = load_policy(&config, args.config.config.as_deref())?;
    let session = match config.venue.name {
        VenueName::Sim => session_here(&args, config)?,
        VenueName::Demo | VenueName::Prod => {
            args.check_outside(config.venue.name)?;
            Session::builder(config).outside().accept_losses(args.i_accept_losses)
        }
    };
    let session = if let Some(folder) = args.out { session.folder(folder) } else { session };
    let line = Arc::new(Line::new());
    let shown = Arc::clone(&line);
    let session = session.duration(args.duration).signals(&signals).show(move |what| shown.show(what));
    let report = session.run(policy)?;
    line.end();
    Ok(finish(&report, &signals, out))
}

fn load_policy(config: &Config, file: Option<&Path>) -> anyhow::Result<AnyPolicy> {
    let spec: PolicySpec = config.policy.kind.parse()?;
    Settings::new(config.policy.settings.clone(), file).expect_none(&spec.to_string())?;
    let model = Some(config.policy.model.as_str()).filter(|model| !model.is_empty()).map(PathBuf::from);
    Ok(AnyPolicy::load(&spec, model.as_deref())?)
}

/// Builds a session on the embedded exchange, with generated or recorded markets.
fn session_here(args: &RunArgs, mut config: Config) -> anyhow::Result<SessionBuilder> {
    let exchange = args.world.exchange(&config)?.speed_milli(args.speed.unwrap_or(1_000));
    if let Some(recordings) = args.world.recordings()? {
        if let (Some(MarketsArg::Count(count)), true) = (&args.markets, config.markets.series.is_empty()) {
            config.markets.tickers = recordings.tickers(Some(*count))?;
        }
        return Ok(Session::builder(config).seed(args.world.seed()).recorded(exchange, recordings));
    }
    let scenario = args.world.scenario()?;
    let named = args.world.scenario.as_ref();
    if named.is_some() && args.markets.is_none() && args.config.config.is_none() {
        config.markets.count = scenario.market_count();
    }
    // Other scenarios have other purposes, and a session that is short or does not trade shows little.
    let trades = matches!(config.policy.kind.as_str(), "onnx" | "maker");
    let demonstrates = named.is_none() && trades && args.duration.is_none_or(|length| length >= DEMONSTRATION);
    let label = named.map_or_else(|| "sim".to_owned(), |name| format!("sim, scenario {name}"));
    let exchange = exchange.scenario_of(scenario, config.markets.count);
    let session = Session::builder(config).seed(args.world.seed()).embedded(exchange);
    Ok(session.label(label).demonstrates(demonstrates))
}

/// Prints the report and decides the exit status.
fn finish(report: &SessionReport, signals: &Signals, out: &mut Out) -> ExitCode {
    let text = format!("session: {}\n{}", report.folder.display(), report.report());
    out.text(&text);
    out.show();
    if out.check().is_err() {
        // The result of a session must not be lost because the standard output cannot be written.
        to_standard_error(format_args!("{text}"));
    }
    match (signals.haste_requested(), report.is_success()) {
        (true, _) => ExitCode::from(FORCED_EXIT_STATUS),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
    }
}

/// The live line: rewritten in place on a terminal, printed every ten seconds elsewhere. The lease plan is printed
/// above it. What keeps the session from trading is shown after it on a terminal, and elsewhere in a line of its own
/// when that begins and ends.
struct Line {
    terminal: bool,
    standstill: Mutex<Option<String>>,
}

impl Line {
    fn new() -> Self {
        Self { terminal: standard_error_is_a_terminal(), standstill: Mutex::new(None) }
    }

    /// Shows a line. A failure, as after the terminal was closed, is no reason to stop the session.
    fn show(&self, shown: &Shown) {
        if let Shown::Stopping { waiting, elapsed_s, left } = shown {
            return self.stopping(waiting, *elapsed_s, *left);
        }
        let mut standstill = self.standstill.lock().unwrap_or_else(PoisonError::into_inner);
        let standing = match shown {
            Shown::Standstill(now) => std::mem::replace(&mut *standstill, now.clone()),
            _ => standstill.clone(),
        };
        drop(standstill);
        match (shown, standing) {
            (Shown::Leases(plan), _) if self.terminal => note!("\r\x1b[2K{plan}"),
            (Shown::Leases(plan), _) => note!("{plan}"),
            // Shown with the figures, which follow.
            (Shown::Standstill(_), _) if self.terminal => {}
            (Shown::Standstill(Some(text)), None) => note!("{text}"),
            (Shown::Standstill(None), Some(_)) => note!("trading again"),
            // Handled above.
            (Shown::Standstill(_) | Shown::Stopping { .. }, _) => {}
            (Shown::Figures(figures), None) if self.terminal => {
                to_standard_error(format_args!("\r\x1b[2K{figures}"));
            }
            (Shown::Figures(figures), Some(text)) if self.terminal => {
                to_standard_error(format_args!("\r\x1b[2K{figures}  {text}"));
            }
            (Shown::Figures(figures), _) if !(figures.elapsed_ms / 1_000).is_multiple_of(10) => {}
            (Shown::Figures(figures), None) => note!("{figures}"),
            (Shown::Figures(figures), Some(text)) => note!("{figures}\n{text}"),
        }
    }

    /// Says what a stop is waiting for: every second on a terminal, and elsewhere after two seconds and then every five.
    fn stopping(&self, waiting: &Waiting, elapsed_s: u64, left: Duration) {
        let text = format!("stopping: waiting for {waiting}; {:.0} s at most", left.as_secs_f64().ceil());
        if self.terminal {
            to_standard_error(format_args!("\r\x1b[2K{text}"));
        } else if elapsed_s == 2 || elapsed_s.is_multiple_of(5) {
            note!("{text}");
        }
    }

    fn end(&self) {
        if self.terminal {
            note!("");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_exact_thousandths() {
        assert_eq!(parse_speed("20"), Ok(20_000));
        assert_eq!(parse_speed("0.5"), Ok(500));
        for bad in ["", ".", "0", "-1", "1.2345", "fast", "1001", "1.2.3"] {
            assert!(parse_speed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn markets_are_a_number_or_tickers() {
        assert_eq!("3".parse(), Ok(MarketsArg::Count(3)));
        let tickers = ["KXA-1-T1.5", "KXB"].map(str::to_owned).to_vec();
        assert_eq!("KXA-1-T1.5, KXB".parse(), Ok(MarketsArg::Tickers(tickers)));
        for bad in ["", "0", "KXA,,KXB", "KXA,", "KX A"] {
            assert!(bad.parse::<MarketsArg>().is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_are_positive_lengths_of_time() {
        assert_eq!(parse_duration("30s"), Ok(std::time::Duration::from_secs(30)));
        for bad in ["", "30", "0s", "-5s", "soon"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
