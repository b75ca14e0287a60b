//! Builds a session from a configuration, a place to trade and a policy. The command `run` uses it, and so can any program.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use super::activity::Activity;
use super::demonstration::Demonstration;
use super::embedded::{EmbeddedError, EmbeddedExchange, settings};
use super::outside::{Outside, OutsideError, check_live, outside_venue};
use super::{SessionError, SessionPlan, SessionReport, Shown, draw_nonce, run_session, session_folder, state_dir};
use crate::config::{Config, IdleName, VenueName};
use crate::decide::policy::Policy;
use crate::drivers::live::panic_text;
use crate::exchange::engine::Engine;
use crate::exchange::recorded::RecordedFaults;
use crate::exchange::recordings::Recordings;
use crate::exchange::scenario::Scenario;
use crate::exchange::{Builder as ExchangeBuilder, Exchange};
use crate::host::signals::Signals;
use crate::network::venue::Venue;

/// How long a session on generated markets trades by default.
const DEFAULT_DURATION: Duration = Duration::from_secs(30);

/// Where a session trades.
enum Place {
    /// On the generated markets of an embedded exchange.
    Embedded(ExchangeBuilder),
    /// On recorded markets, played by an embedded exchange.
    Recorded(ExchangeBuilder, Recordings),
    /// At the venue of the configuration, on paper or live.
    Outside(Option<Venue>),
}

/// Builds a session: see [`Session::builder`].
pub struct SessionBuilder {
    config: Config,
    place: Option<Place>,
    label: Option<String>,
    duration: Option<Duration>,
    folder: Option<PathBuf>,
    seed: u64,
    demonstrates: bool,
    accepts_losses: bool,
    signals: Signals,
    show: Box<dyn FnMut(&Shown) + Send>,
}

impl fmt::Debug for SessionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionBuilder")
            .field("label", &self.label)
            .field("duration", &self.duration)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// A session that trades on a thread of its own, from [`SessionBuilder::start`]. Dropping it stops the session and
/// waits for its end.
#[derive(Debug)]
pub struct Session {
    signals: Signals,
    thread: Option<JoinHandle<Result<SessionReport, SessionError>>>,
}

impl Session {
    /// Starts to build a session with this configuration. By default it trades generated markets (the scenario `busy`)
    /// on an embedded exchange for 30 seconds, and needs no account and no network.
    #[must_use]
    pub fn builder(config: Config) -> SessionBuilder {
        SessionBuilder {
            config,
            place: None,
            label: None,
            duration: None,
            folder: None,
            seed: 1,
            demonstrates: false,
            accepts_losses: false,
            signals: Signals::detached(),
            show: Box::new(|_| ()),
        }
    }

    /// Asks the session to cancel its orders, compare its ledger with the exchange, and end. Returns at once.
    pub fn stop(&self) {
        self.signals.request_stop();
    }

    /// Whether the session has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for the session to end.
    ///
    /// # Errors
    /// When the session could not be started, or its thread panicked.
    pub fn join(mut self) -> Result<SessionReport, SessionError> {
        let Some(thread) = self.thread.take() else {
            return Err(SessionError::Panicked("its result was already taken".to_owned()));
        };
        thread.join().unwrap_or_else(|panic| Err(SessionError::Panicked(panic_text(&*panic))))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.stop();
            // The report is in the session's folder, and there is no caller to return a panic to.
            let _ = thread.join();
        }
    }
}

impl SessionBuilder {
    /// Trades on an embedded exchange that you configure with
    /// [`Exchange::builder`](crate::exchange::Exchange::builder). Its first account is the trader's.
    #[must_use]
    pub fn embedded(mut self, exchange: ExchangeBuilder) -> Self {
        self.place = Some(Place::Embedded(exchange));
        self
    }

    /// Trades recorded markets, played by this exchange, until they end. It trades all of them, unless the
    /// configuration names some.
    #[must_use]
    pub fn recorded(mut self, exchange: ExchangeBuilder, recordings: Recordings) -> Self {
        self.place = Some(Place::Recorded(exchange, recordings));
        self
    }

    /// Trades on the venue that the configuration names, demo or prod: with real orders if `venue.live` is set,
    /// otherwise on paper against the venue's live feed. Credentials come from the configuration and the environment.
    #[must_use]
    pub fn outside(mut self) -> Self {
        self.place = Some(Place::Outside(None));
        self
    }

    /// As [`SessionBuilder::outside`], with these addresses and credentials.
    #[must_use]
    pub fn outside_at(mut self, venue: Venue) -> Self {
        self.place = Some(Place::Outside(Some(venue)));
        self
    }

    /// Accepts that prod with `venue.live` trades real money, which may be lost. Without this, such a session is refused.
    #[must_use]
    pub fn accept_losses(mut self, accepts: bool) -> Self {
        self.accepts_losses = accepts;
        self
    }

    /// How long the session trades. The default is 30 seconds on generated markets, to the end of recorded ones, and
    /// until it is stopped elsewhere.
    #[must_use]
    pub fn duration(mut self, duration: impl Into<Option<Duration>>) -> Self {
        self.duration = duration.into();
        self
    }

    /// The session's folder, for its journal and `summary.json`. The default is a new folder in `record.sessions_dir`.
    #[must_use]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// The name of the venue in the report and the journal.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Seeds the jitter of retries and the default exchange. The default is 1. A session on an exchange outside, paper or
    /// live, draws its own.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether a session on generated markets continues beyond its duration until it has shown every kind of trading.
    /// It counts as failed if it has not within three more minutes.
    #[must_use]
    pub fn demonstrates(mut self, demonstrates: bool) -> Self {
        self.demonstrates = demonstrates;
        self
    }

    /// Flags that stop the session, such as those that the process's signals set.
    #[must_use]
    pub fn signals(mut self, signals: &Signals) -> Self {
        self.signals = signals.clone();
        self
    }

    /// Sets a callback that receives the live figures about once a second while the session trades.
    #[must_use]
    pub fn show(mut self, show: impl FnMut(&Shown) + Send + 'static) -> Self {
        self.show = Box::new(show);
        self
    }

    /// Starts the session on a thread of its own.
    ///
    /// # Errors
    /// When the thread cannot be started. [`Session::join`] returns every other error.
    pub fn start<P: Policy + Send + 'static>(self, policy: P) -> io::Result<Session> {
        let signals = self.signals.clone();
        let thread = std::thread::Builder::new().name("session".to_owned()).spawn(move || self.run(policy))?;
        Ok(Session { signals, thread: Some(thread) })
    }

    /// Runs the session on the current thread until its end.
    ///
    /// # Errors
    /// When the session can't be started, because of its configuration, policy, venue or folder. Anything that fails
    /// after the start is in the report.
    pub fn run<P: Policy + Send + 'static>(mut self, policy: P) -> Result<SessionReport, SessionError> {
        self.config.check()?;
        if self.config.venue.live && !matches!(self.place, Some(Place::Outside(_))) {
            return Err(OutsideError::LiveOnSim.into());
        }
        match self.place.take() {
            None => {
                let exchange = default_exchange(&self.config, self.seed)?;
                self.run_embedded(exchange, None, policy)
            }
            Some(Place::Embedded(exchange)) => self.run_embedded(exchange, None, policy),
            Some(Place::Recorded(exchange, recordings)) => self.run_recorded(exchange, recordings, policy),
            Some(Place::Outside(venue)) => self.run_outside(venue, policy),
        }
    }

    fn run_outside<P: Policy + Send + 'static>(
        mut self,
        venue: Option<Venue>,
        policy: P,
    ) -> Result<SessionReport, SessionError> {
        check_live(&self.config.venue, self.accepts_losses)?;
        let venue = match venue {
            Some(venue) => venue,
            None => outside_venue(&self.config.venue, |name| std::env::var(name).ok())?,
        };
        let name = self.config.venue.name.as_str();
        let label = if self.config.venue.live { name.to_owned() } else { format!("paper-{name}") };
        let folder = session_folder(self.folder.take(), &self.config, &label);
        let place = Outside::open(&self.config, &venue, &folder)?;
        let mut plan = place.plan(self.config, &venue, policy, folder);
        plan.duration = self.duration;
        if let Some(label) = self.label {
            plan.label = label;
        }
        let mut report = run_session(plan, &self.signals, self.show, || false)?;
        place.close(&mut report);
        Ok(report)
    }

    fn run_recorded<P: Policy + Send + 'static>(
        mut self,
        exchange: ExchangeBuilder,
        recordings: Recordings,
        policy: P,
    ) -> Result<SessionReport, SessionError> {
        if self.config.markets.tickers.is_empty() && self.config.markets.series.is_empty() {
            self.config.markets.tickers = recordings.tickers(None)?;
        }
        self.label.get_or_insert_with(|| "sim, recorded markets".to_owned());
        let Recordings { markets, end_ms, notes, .. } = recordings;
        let mut report = self.run_embedded(exchange.recordings(markets), Some(end_ms), policy)?;
        report.notes.extend(notes);
        Ok(report)
    }

    /// Runs on an embedded exchange, until `end_ms` of session time at the latest.
    fn run_embedded<P: Policy + Send + 'static>(
        mut self,
        exchange: ExchangeBuilder,
        end_ms: Option<i64>,
        policy: P,
    ) -> Result<SessionReport, SessionError> {
        if self.config.venue.name != VenueName::Sim {
            return Err(SessionError::NotEmbedded(self.config.venue.name.as_str()));
        }
        check_speed(exchange.speed(), &self.config)?;
        let duration = self.duration.or(end_ms.is_none().then_some(DEFAULT_DURATION));
        let mut demonstration = duration.filter(|_| self.demonstrates).map(Demonstration::new);
        let folder = session_folder(self.folder.take(), &self.config, "sim");
        let state = state_dir(&self.config, Some(&folder))?;
        let embedded = EmbeddedExchange::start(exchange.yields(self.config.pipeline.idle != IdleName::Park))?;
        let (clock, session) = (embedded.clock.clone(), embedded.session);
        let plan = SessionPlan {
            state,
            label: self.label.take().unwrap_or_else(|| "sim".to_owned()),
            venue: embedded.venue.clone(),
            policy,
            clock: clock.clone(),
            session,
            // A demonstration decides itself when it has shown enough.
            duration: duration.filter(|_| demonstration.is_none()),
            folder,
            seed: self.seed,
            nonce: draw_nonce(),
            tee: None,
            clock_watch: None,
            config: self.config,
        };
        let newest = Cell::new(None);
        let over = || {
            let shown = |demonstration: &mut Demonstration| Some(demonstration.is_over(&newest.get()?, &embedded));
            end_ms.is_some_and(|end_ms| session.session_ms(clock.now_ns()) >= end_ms)
                || demonstration.as_mut().and_then(shown).unwrap_or(false)
        };
        let mut show = self.show;
        let show = |shown: &Shown| {
            if let Shown::Figures(figures) = shown {
                newest.set(Some(*figures));
            }
            show(shown);
        };
        let report = run_session(plan, &self.signals, show, over)?;
        let demonstration = demonstration.filter(|_| !self.signals.stop_requested());
        Ok(close_embedded(embedded, report, end_ms.is_some(), demonstration))
    }
}

/// Stops the exchange after the session, and adds to the report what only the exchange knows.
fn close_embedded(
    embedded: EmbeddedExchange,
    mut report: SessionReport,
    recorded: bool,
    demonstration: Option<Demonstration>,
) -> SessionReport {
    let (exchange, account) = match embedded.stop() {
        Ok(ended) => ended,
        Err(error) => {
            report.failures.push(format!("the embedded exchange: {error}"));
            return report;
        }
    };
    if recorded {
        report.notes.push(misfits(exchange.engine()));
    }
    let effects = exchange.gateway().fault_effects().iter().map(|(name, count)| format!("{name} {count}"));
    let effects: Vec<String> = effects.collect();
    if !effects.is_empty() {
        report.notes.push(format!("faults of the exchange that took effect: {}", effects.join(", ")));
    }
    if let Some(demonstration) = demonstration.filter(|_| report.failures.is_empty()) {
        let orders = report.summary.orders;
        let activity = Activity::of(exchange.engine(), account, orders.sent, orders.amended);
        report.failures.extend(activity.missing().into_iter().map(|what| format!("too little activity: {what}")));
        if demonstration.took_longer() {
            report.notes.push("it continued beyond its length to show every kind of trading".to_owned());
        }
    }
    report
}

/// The exchange of a session for which none was set.
fn default_exchange(config: &Config, seed: u64) -> Result<ExchangeBuilder, SessionError> {
    Ok(configured_exchange(config, seed)?.scenario_of(Scenario::default(), config.markets.count))
}

/// Creates an exchange with the configuration's settings and cash, and without markets.
///
/// # Errors
/// When the configuration names an unknown tier.
pub fn configured_exchange(config: &Config, seed: u64) -> Result<ExchangeBuilder, EmbeddedError> {
    Ok(Exchange::builder().seed(seed).settings(settings(&config.exchange)?).cash(config.exchange.cash))
}

/// Refuses a speed at which waiting for the exchange's lagging reads would take longer than a stop may.
fn check_speed(speed_milli: u32, config: &Config) -> Result<(), SessionError> {
    let lag_ms = config.orders.read_lag_ms.saturating_mul(1_000) / u64::from(speed_milli.max(1));
    if lag_ms.saturating_mul(2) < config.orders.stop_timeout_ms {
        return Ok(());
    }
    Err(SessionError::Speed {
        speed: f64::from(speed_milli) / 1e3,
        read_lag_ms: config.orders.read_lag_ms,
        lag_ms,
        stop_timeout_ms: config.orders.stop_timeout_ms,
    })
}

/// Describes the recorded changes that did not fit the book they were applied to.
fn misfits(engine: &Engine) -> String {
    let mut all = RecordedFaults::default();
    for market in 0..engine.market_count() {
        all += engine.market(market).recorded_faults().unwrap_or_default();
    }
    all.to_string()
}
