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
use crate::session::{OutsideError, Session, SessionBuilder, SessionReport, Shown};
use anyhow::bail;
use clap::Args;

use super::ConfigArgs;
use super::out::{Out, note, standard_error_is_a_terminal, to_standard_error};
use super::world::WorldArgs;

/// From this length on a session on the embedded exchange has to have shown every kind of trading.
const DEMONSTRATION: Duration = Duration::from_secs(30);

/// A length of time such as `30s`, `5m` or `1h 30m`.
pub(super) fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let expected = "expected a positive length of time such as 30s, 5m or 1h30m";
    let duration: jiff::SignedDuration = text.parse().map_err(|_| expected.to_owned())?;
    match std::time::Duration::try_from(duration) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(expected.to_owned()),
    }
}

/// A speed such as `20` or `0.5`, in thousandths.
fn parse_speed(text: &str) -> Result<u32, String> {
    let expected = "expected a factor from 0.001 to 1000, with up to three decimals";
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.is_empty() || fraction.len() > 3 || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(expected.to_owned());
    }
    let milli: u32 = format!("{whole}{fraction:0<3}").parse().map_err(|_| expected.to_owned())?;
    if (1..=1_000_000).contains(&milli) { Ok(milli) } else { Err(expected.to_owned()) }
}

/// A venue on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum VenueArg {
    /// The embedded exchange
    Sim,
    /// Kalshi's demo environment
    Demo,
    /// Kalshi
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

/// The markets that are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum MarketsArg {
    /// So many of the open ones.
    Count(usize),
    /// These.
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

/// The ticker of a market or of a series.
fn parse_ticker(text: &str) -> Result<String, String> {
    Ticker::new(text)
        .map(|ticker| ticker.as_str().to_owned())
        .map_err(|error| format!("{error}; expected tickers of 1 to {} characters A-Z a-z 0-9 . _ -", Ticker::CAPACITY))
}

/// The arguments of `run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Where to trade: the embedded exchange, or Kalshi's demo or production environment
    #[arg(long, value_name = "VENUE")]
    venue: Option<VenueArg>,
    /// How long, such as 30s or 5m; without it 30s on the embedded exchange, and until stopped elsewhere
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    duration: Option<Duration>,
    /// What decides: onnx, maker, hold or script:FILE
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
    /// The ONNX model; without it the one that is built in
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Market tickers separated by commas, or how many of the open ones
    #[arg(long, value_name = "A,B|N")]
    markets: Option<MarketsArg>,
    /// Follow a series from market to market
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
    /// The session's folder, for journal and summary.json; without it a new one in the configured folder of sessions, `sessions` by default
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

impl RunArgs {
    /// The configuration file with the command line over it.
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
        // Whatever the command line asks for takes the place of all that the file asks for.
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

    /// Refuses what only the embedded exchange can do.
    fn check_outside(&self, venue: VenueName) -> anyhow::Result<()> {
        let given = [
            (self.speed.is_some(), "--speed", "a venue outside runs at the speed of the wall clock"),
            (!self.world.from.is_empty(), "--from", "recorded markets are played by the embedded exchange"),
            (self.world.seed.is_some(), "--seed", "nothing outside is decided by it"),
            (self.world.scenario.is_some(), "--scenario", "it is about the embedded exchange"),
        ];
        match given.into_iter().find(|(given, ..)| *given) {
            Some((_, option, why)) => bail!("{option} with --venue {}: {why}; use --venue sim", venue.as_str()),
            None => Ok(()),
        }
    }
}

/// Runs a session and prints its report.
pub(super) fn run(args: RunArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    let config = args.config()?;
    let signals = Signals::install()?;
    let policy = load_policy(&config, args.config.config.as_deref())?;
    let session = match config.venue.name {
        VenueName::Sim if config.venue.live => return Err(OutsideError::LiveOnSim.into()),
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

/// A session on an exchange of its own: generated markets, or recorded ones.
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
    // Other scenarios promise other things, and what does not trade or not for long shows little.
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
        // What a session did must not be lost with the file or the terminal that was to have it.
        to_standard_error(format_args!("{text}"));
    }
    match (signals.haste_requested(), report.is_success()) {
        (true, _) => ExitCode::from(FORCED_EXIT_STATUS),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
    }
}

/// The live line: rewritten in place on a terminal, a line every ten seconds elsewhere. The lease plan stands above it, and
/// what keeps the session from trading behind it, or elsewhere in a line of its own when that begins and ends.
struct Line {
    terminal: bool,
    standstill: Mutex<Option<String>>,
}

impl Line {
    fn new() -> Self {
        Self { terminal: standard_error_is_a_terminal(), standstill: Mutex::new(None) }
    }

    /// A line that nobody can read any more, as after a terminal was closed, is no reason to end.
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
            // With the figures, which follow.
            (Shown::Standstill(_), _) if self.terminal => {}
            (Shown::Standstill(Some(text)), None) => note!("{text}"),
            (Shown::Standstill(None), Some(_)) => note!("trading again"),
            // What a stop waits for was shown above.
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

    /// A stop that takes a while says why: on a terminal each second, elsewhere after two and then every five.
    fn stopping(&self, waiting: &Waiting, elapsed_s: u64, left: Duration) {
        let text = format!("stopping: waits for {waiting}; {:.0} s at most", left.as_secs_f64().ceil());
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
