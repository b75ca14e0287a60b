//! `kalshi-actor run`.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use crate::config::{Config, IdleName, VenueName};
use crate::decide::policy::{AnyPolicy, PolicySpec};
use crate::exchange::Builder;
use crate::exchange::engine::Engine;
use crate::exchange::recorded::RecordedFaults;
use crate::execute::Waiting;
use crate::host::signals::{FORCED_EXIT_STATUS, Signals};
use crate::market::Ticker;
use crate::session::{
    Activity, Demonstration, EmbeddedExchange, OutsidePlan, SessionPlan, SessionReport, Shown, check_live, draw_nonce,
    outside_venue, run_outside, run_session, session_folder, state_dir,
};
use anyhow::bail;
use clap::Args;

use super::ConfigArgs;
use super::out::{Out, note, standard_error_is_a_terminal, to_standard_error};
use super::world::WorldArgs;

/// How long a plain session on the embedded exchange trades.
const DEFAULT_DURATION: Duration = Duration::from_secs(30);
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

    fn speed_milli(&self) -> u32 {
        self.speed.unwrap_or(1_000)
    }
}

/// Runs a session and prints its report.
pub(super) fn run(args: RunArgs, out: &mut Out) -> anyhow::Result<ExitCode> {
    let config = args.config()?;
    check_live(&config.venue, args.i_accept_losses)?;
    let signals = Signals::install()?;
    match config.venue.name {
        VenueName::Sim => run_sim(args, config, &signals, out),
        VenueName::Demo | VenueName::Prod => run_on_venue(args, config, &signals, out),
    }
}

fn load_policy(config: &Config) -> anyhow::Result<AnyPolicy> {
    let spec: PolicySpec = config.policy.kind.parse()?;
    let model = Some(config.policy.model.as_str()).filter(|model| !model.is_empty()).map(PathBuf::from);
    Ok(AnyPolicy::load(&spec, model.as_deref())?)
}

/// Demo or prod: live, or on paper.
fn run_on_venue(args: RunArgs, config: Config, signals: &Signals, out: &mut Out) -> anyhow::Result<ExitCode> {
    args.check_outside(config.venue.name)?;
    let policy = load_policy(&config)?;
    let venue = outside_venue(&config.venue, |name| std::env::var(name).ok())?;
    let name = config.venue.name.as_str();
    let label = if config.venue.live { name.to_owned() } else { format!("paper-{name}") };
    let folder = session_folder(args.out, &config, &label);
    let plan = OutsidePlan { config, venue, policy, duration: args.duration, folder: folder.clone(), tamper: None };
    let line = Line::new();
    let report = run_outside(plan, signals, |shown| line.show(shown))?;
    line.end();
    Ok(finish(&report, &folder, signals, out))
}

/// The embedded exchange of a session, and what the session has to know of it.
struct Place {
    exchange: Builder,
    label: String,
    /// When recorded markets have ended; none for generated ones, which never end.
    end_ms: Option<i64>,
    notes: Vec<String>,
}

/// The exchange that is asked for. Puts the markets to trade into the configuration where that names none.
fn place(args: &RunArgs, config: &mut Config) -> anyhow::Result<Place> {
    let exchange = args.world.exchange(&config.exchange)?;
    let exchange = exchange.speed_milli(args.speed_milli()).yields(config.pipeline.idle != IdleName::Park);
    if let Some(recordings) = args.world.recordings()? {
        if config.markets.tickers.is_empty() && config.markets.series.is_empty() {
            let count = match args.markets {
                Some(MarketsArg::Count(count)) => Some(count),
                _ => None,
            };
            config.markets.tickers = recordings.tickers(count)?;
        }
        return Ok(Place {
            exchange: exchange.recordings(recordings.markets),
            label: "sim, recorded markets".to_owned(),
            end_ms: Some(recordings.end_ms),
            notes: recordings.notes,
        });
    }
    let scenario = args.world.scenario()?;
    let named = args.world.scenario.as_ref();
    if named.is_some() && args.markets.is_none() && args.config.config.is_none() {
        config.markets.count = scenario.market_count();
    }
    Ok(Place {
        exchange: exchange.scenario_of(scenario, config.markets.count),
        label: named.map_or_else(|| "sim".to_owned(), |name| format!("sim, scenario {name}")),
        end_ms: None,
        notes: Vec::new(),
    })
}

/// Refuses a speed at which reading what the exchange shows late takes longer than a stop may.
fn check_speed(speed_milli: u32, config: &Config) -> anyhow::Result<()> {
    let lag_ms = config.orders.read_lag_ms.saturating_mul(1_000) / u64::from(speed_milli);
    if lag_ms.saturating_mul(2) >= config.orders.stop_timeout_ms {
        bail!(
            "--speed {}: orders.read_lag_ms = {} of session time are {lag_ms} ms then; expected less than half of \
             orders.stop_timeout_ms = {}",
            f64::from(speed_milli) / 1e3,
            config.orders.read_lag_ms,
            config.orders.stop_timeout_ms
        );
    }
    Ok(())
}

fn run_sim(args: RunArgs, mut config: Config, signals: &Signals, out: &mut Out) -> anyhow::Result<ExitCode> {
    check_speed(args.speed_milli(), &config)?;
    let policy = load_policy(&config)?;
    let place = place(&args, &mut config)?;
    let generated = place.end_ms.is_none();
    // Other scenarios promise other things.
    let demonstrates = generated && args.world.scenario.is_none();
    let trades = matches!(config.policy.kind.as_str(), "onnx" | "maker");
    let duration = args.duration.or(generated.then_some(DEFAULT_DURATION));
    // A demonstration ends when it has shown what it is for.
    let length = duration.filter(|length| demonstrates && trades && *length >= DEMONSTRATION);
    let demonstration = RefCell::new(length.map(Demonstration::new));
    let embedded = EmbeddedExchange::start(place.exchange)?;
    let seed = args.world.seed();
    let folder = session_folder(args.out, &config, "sim");
    let (clock, session) = (embedded.clock.clone(), embedded.session);
    let plan = SessionPlan {
        state: state_dir(&config, Some(&folder))?,
        label: place.label,
        venue: embedded.venue.clone(),
        policy,
        clock: clock.clone(),
        session,
        duration: if length.is_some() { None } else { duration },
        folder: folder.clone(),
        seed,
        nonce: draw_nonce(),
        tee: None,
        clock_watch: None,
        tamper: None,
        config,
    };
    let line = Line::new();
    let newest = Cell::new(None);
    let over = || {
        let shown = || Some(demonstration.borrow_mut().as_mut()?.is_over(&newest.get()?, &embedded));
        place.end_ms.is_some_and(|end_ms| session.session_ms(clock.now_ns()) >= end_ms) || shown().unwrap_or(false)
    };
    let show = |shown: &Shown| {
        if let Shown::Figures(figures) = shown {
            newest.set(Some(*figures));
        }
        line.show(shown);
    };
    let mut report = run_session(plan, signals, show, over)?;
    line.end();
    report.notes.extend(place.notes);
    let (exchange, account) = match embedded.stop() {
        Ok(ended) => ended,
        Err(error) => {
            report.failures.push(format!("the embedded exchange: {error}"));
            return Ok(finish(&report, &folder, signals, out));
        }
    };
    if !generated {
        report.notes.push(misfits(exchange.engine()));
    }
    let effects = exchange.gateway().fault_effects().iter().map(|(name, count)| format!("{name} {count}"));
    let effects: Vec<String> = effects.collect();
    if !effects.is_empty() {
        report.notes.push(format!("faults of the exchange that took effect: {}", effects.join(", ")));
    }
    let ended_well = report.failures.is_empty() && !signals.stop_requested();
    if let Some(demonstration) = demonstration.into_inner().filter(|_| ended_well) {
        let orders = report.summary.orders;
        let activity = Activity::of(exchange.engine(), account, orders.sent, orders.amended);
        report.failures.extend(activity.missing().into_iter().map(|what| format!("too little activity: {what}")));
        if demonstration.took_longer() {
            report.notes.push("it went on beyond its length, to show every kind of trading".to_owned());
        }
    }
    Ok(finish(&report, &folder, signals, out))
}

/// What of the recorded changes did not fit the book they were applied to.
fn misfits(engine: &Engine) -> String {
    let mut all = RecordedFaults::default();
    for market in 0..engine.market_count() {
        all += engine.market(market).recorded_faults().unwrap_or_default();
    }
    all.to_string()
}

/// Prints the report and decides the exit status.
fn finish(report: &SessionReport, folder: &std::path::Path, signals: &Signals, out: &mut Out) -> ExitCode {
    let text = format!("session: {}\n{}", folder.display(), report.report());
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
    standstill: RefCell<Option<String>>,
}

impl Line {
    fn new() -> Self {
        Self { terminal: standard_error_is_a_terminal(), standstill: RefCell::new(None) }
    }

    /// A line that nobody can read any more, as after a terminal was closed, is no reason to end.
    fn show(&self, shown: &Shown) {
        if let Shown::Stopping { waiting, elapsed_s, left } = shown {
            return self.stopping(waiting, *elapsed_s, *left);
        }
        let standing = match shown {
            Shown::Standstill(now) => self.standstill.replace(now.clone()),
            _ => self.standstill.borrow().clone(),
        };
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
