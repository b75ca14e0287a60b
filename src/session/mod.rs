//! A trading session from start to report: the exchange, embedded or real, the live driver, the state kept across
//! restarts, and the report.

mod activity;
mod asked;
mod builder;
pub mod clock_watch;
mod demonstration;
mod embedded;
mod facts;
mod folders;
mod keep;
mod outside;
mod paper;
mod preflight;
mod recordings;
mod standstill;
pub mod state;
mod stop;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;

pub use activity::Activity;
pub use asked::AskedError;
pub use builder::{Session, SessionBuilder, configured_exchange};
pub use demonstration::Demonstration;
pub use embedded::{EmbeddedError, EmbeddedExchange, settings};
pub use folders::{draw_nonce, session_folder, state_dir, state_place};
use keep::{Kept, rooms};
pub use outside::{OutsideError, check_live, outside_venue};
pub use paper::PaperError;
pub use preflight::PreflightError;
pub use recordings::load_recordings;
use stop::Stop;

use crate::clock::SessionClock;
use crate::config::{Config, ConfigError};
use crate::decide::policy::{Policy, UnusableTerms};
use crate::drivers::live::{JournalPlan, Live, LiveError, LivePlan, TeeFrame, panic_text};
use crate::drivers::stages::{Start, build_stages};
use crate::exchange::recordings::RecordingsError;
use crate::execute::{LeasePlan, Waiting};
use crate::host::clock::{Clock, wall_ms};
use crate::host::lock::{FolderLock, LockError};
use crate::host::room::{Room, RoomError};
use crate::host::signals::Signals;
use crate::kill::line::KillLine;
use crate::kill::{KillSettings, Killed};
use crate::messages::{DayState, KnownGroup};
use crate::network::net::Trust;
use crate::network::venue::Venue;
use crate::record::journal::{JournalNote, SegmentLimits};
use crate::record::live::LiveFigures;
use crate::record::report::Report;
use crate::record::summary::Summary;
use crate::session::clock_watch::ClockWatch;
use crate::session::state::{Opening, Running, StateDir, StateError};
use standstill::Standstills;

/// Why a session could not be started.
#[derive(Debug, Error)]
pub enum SessionError {
    /// The live driver could not be started.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// The policy's terms cannot be honoured.
    #[error(transparent)]
    Policy(#[from] UnusableTerms),
    /// The state directory is unusable, or records a trip that has not been resumed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The session's folder is in use by another process, or cannot be locked.
    #[error("session folder {0}")]
    Lock(#[from] LockError),
    /// A disk has too little free space.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// The configuration has an impossible value.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The embedded exchange could not be started.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The venue outside cannot be traded on.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// A recording cannot be used.
    #[error(transparent)]
    Recordings(#[from] RecordingsError),
    /// The session is to use an embedded exchange, and the configuration names another venue.
    #[error("venue.name = {0}: expected sim for a session on an exchange of its own")]
    NotEmbedded(&'static str),
    /// At this speed the exchange's reads lag too far for a stop to end in time.
    #[error(
        "--speed {speed}: orders.read_lag_ms = {read_lag_ms} of session time are {lag_ms} ms then; expected less than \
         half of orders.stop_timeout_ms = {stop_timeout_ms}"
    )]
    Speed {
        /// Session seconds per second of real time.
        speed: f64,
        /// How far reads lag, in session milliseconds.
        read_lag_ms: u64,
        /// How far reads lag, in milliseconds of real time.
        lag_ms: u64,
        /// How long a stop may take, in milliseconds.
        stop_timeout_ms: u64,
    },
    /// The session's thread panicked.
    #[error("the session's thread panicked: {0}")]
    Panicked(String),
    /// The exchange does not have the markets or the series to be traded.
    #[error(transparent)]
    Asked(#[from] AskedError),
    /// A file of the session could not be written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
}

pub struct SessionPlan<P> {
    pub config: Config,
    /// The name of the venue in the report: `sim`, `paper:demo`, `demo`, ...
    pub label: String,
    pub venue: Venue,
    pub policy: P,
    /// The monotonic clock.
    pub clock: Clock,
    /// Session time.
    pub session: SessionClock,
    /// How long to trade; until the session is stopped if `None`.
    pub duration: Option<Duration>,
    /// The folder for the journal and `summary.json`.
    pub folder: PathBuf,
    /// Where trips and the daily loss are kept.
    pub state: StateDir,
    /// Seeds the jitter of back-offs.
    pub seed: u64,
    /// The nonce in the client order ids, drawn at random.
    pub nonce: u64,
    /// Receives a copy of every public frame.
    pub tee: Option<crossbeam::channel::Sender<TeeFrame>>,
    /// Watches the wall clock, where session time is wall time.
    pub clock_watch: Option<ClockWatch>,
}

/// The result of a session, from [`Session::join`] or [`SessionBuilder::run`].
pub struct SessionReport {
    /// The session's folder, with its journal and `summary.json`.
    pub folder: PathBuf,
    /// The contents of `summary.json`.
    pub summary: Summary,
    /// What a reader of the results should know, as text.
    pub notes: Vec<String>,
    /// Why the session does not count as a success, apart from a disagreement of the ledger.
    pub failures: Vec<String>,
}

impl SessionReport {
    /// Whether the session succeeded: nothing failed, and the ledger agrees with the exchange.
    pub fn is_success(&self) -> bool {
        self.report().is_success()
    }

    /// The report as text for a person.
    pub fn report(&self) -> Report<'_> {
        Report { summary: &self.summary, notes: &self.notes, failures: &self.failures }
    }
}

/// How often the main thread checks the session.
const TURN: Duration = Duration::from_millis(20);
/// How often the live line is shown.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// What a running session shows to its user.
#[derive(Clone, Debug)]
pub enum Shown {
    /// How long orders may rest, and how many may be open. Sent as soon as the account is known and whenever it changes.
    Leases(LeasePlan),
    /// What has kept the session from trading for some seconds, and what will end that; `None` when it trades again.
    Standstill(Option<String>),
    /// The figures of the last second.
    Figures(LiveFigures),
    /// The session is stopping.
    Stopping {
        /// What the stop is waiting for.
        waiting: Waiting,
        /// How long it has waited, in seconds.
        elapsed_s: u64,
        /// How much longer it waits at most.
        left: Duration,
    },
}

/// Why a session ended.
enum Ending {
    /// Its time was up, its markets ended, or it was asked to stop.
    Asked,
    /// It could not continue, and may start again once the cause is fixed.
    Stopped(String),
    /// The execute stage tripped.
    Tripped,
    /// A thread failed.
    Failed,
    /// The main thread failed, or could not keep what must outlive the session.
    Broken(String),
}

impl Ending {
    /// Whether the execute stage can be left to cancel its orders.
    fn is_orderly(&self) -> bool {
        matches!(self, Self::Asked | Self::Stopped(_))
    }
}

/// Runs a session to its end. `show` receives the live figures once a second; `over` says whether the venue has nothing
/// more to trade. Once the session trades, no failure prevents it from cancelling its orders and reporting.
///
/// # Errors
/// When the session cannot be started.
pub fn run_session<P: Policy + Send + 'static>(
    plan: SessionPlan<P>,
    signals: &Signals,
    mut show: impl FnMut(&Shown),
    mut over: impl FnMut() -> bool,
) -> Result<SessionReport, SessionError> {
    let _state_lock = plan.state.lock()?;
    let Opening { day, unclean } = plan.state.opening()?;
    let day: DayState = day.unwrap_or_default();
    asked::check(&plan.config.markets, &plan.venue, &Trust::WebPki)?;
    std::fs::create_dir_all(&plan.folder).map_err(|source| SessionError::File { path: plan.folder.clone(), source })?;
    let _folder_lock = FolderLock::take(&plan.folder)?;
    let rooms = rooms(&plan.config, &plan.state, &plan.folder);
    rooms.iter().try_for_each(Room::check)?;
    let start = Start { clock: plan.session, nonce: plan.nonce, seed: plan.seed, day };
    let known: Vec<KnownGroup> = plan.state.groups()?.unwrap_or_default();
    let mut stages = build_stages(&plan.config, plan.policy, start)?;
    stages.execute.know_groups(&known);
    let journal = plan.config.record.journal.then(|| journal_plan(&plan.config, &plan.folder, &plan.label));
    let kill_settings = KillSettings::new(&plan.config.orders);
    let mut kill_line = KillLine::start(&plan.venue, &Trust::WebPki, kill_settings, &known)
        .map_err(|source| LiveError::System { what: "kill line", source })?;
    let stop_timeout = Duration::from_millis(plan.config.orders.stop_timeout_ms);
    let unclean = unclean.as_ref().map(keep::note_unclean);
    let reserved = plan.state.begin(&Running::new(wall_ms(), &plan.folder), &day)?;
    let live = Live::start(LivePlan {
        config: plan.config,
        venue: plan.venue,
        stages,
        clock: plan.clock,
        session: plan.session,
        journal,
        tee: plan.tee,
    });
    let mut live = match live {
        Ok(live) => live,
        Err(error) => {
            reserved.end()?;
            return Err(error.into());
        }
    };

    let _guard = signals.guard();
    let began = Instant::now();
    let mut kept = Kept::new(&plan.state);
    let mut standstills = Standstills::new();
    let ending = catch_unwind(AssertUnwindSafe(|| {
        let watched = plan.clock_watch.as_ref();
        let (live, line, kept) = (&mut live, &mut kill_line, &mut kept);
        let (show, over) = (&mut show, &mut over);
        watch(live, line, began, plan.duration, signals, watched, kept, &rooms, &mut standstills, show, over)
    }));
    let ending = ending.unwrap_or_else(|panic| {
        Ending::Broken(format!("the main thread failed: it panicked: {}", panic_text(&*panic)))
    });
    let traded_for = began.elapsed();
    let standstills = standstills.finish(Instant::now());
    let stop = Stop::begin(stop_timeout);
    if !ending.is_orderly() {
        kill_line.fire();
    }
    let mut broken = None;
    if live.can_cancel() {
        live.request_stop();
        // `show` may panic here as well. The kill line then gets the rest of the time.
        let waited = catch_unwind(AssertUnwindSafe(|| stop.wait(&mut live, &mut kill_line, signals, &mut show)));
        broken = waited.err().map(|panic| format!("the main thread failed at the stop: {}", panic_text(&*panic)));
    }
    let done = live.is_done();
    if !done || signals.haste_requested() {
        // The execute thread has ended, is stuck, or is not waited for: its orders must not outlive it.
        kill_line.fire_within(stop.left());
    }
    let killed = kill_line.finish();
    kept.gather(&live, None);
    let outcome = live.finish();
    let mut report = facts::report(plan.label, plan.folder, traded_for, &outcome);
    report.notes.splice(0..0, unclean);
    report.summary.standstills = standstills;
    if let Some(killed) = killed {
        note_kill(&mut report, killed);
    }
    report.failures.extend(broken);
    if signals.haste_requested() {
        report.failures.push("told to stop again: ended without waiting for the last comparison".to_owned());
    }
    let tripped = outcome.execute.as_ref().is_some_and(|execute| execute.tripped().is_some());
    let unsaved = kept.last(outcome.day);
    keep::note_ending(&mut report, ending, tripped, done, unsaved, reserved);
    if let Err(error) = report.summary.write(&report.folder) {
        report.failures.push(format!("{}: {error}", report.folder.join("summary.json").display()));
    }
    Ok(report)
}

/// Cancels everything over the kill line, bypassing the execute stage, and trips.
fn kill(live: &Live, kill_line: &mut KillLine) {
    kill_line.fire();
    live.request_trip("killed by SIGUSR1".to_owned());
}

/// Adds the result of the kill line to the report.
fn note_kill(report: &mut SessionReport, killed: Killed) {
    let Killed { triggered, triggered_in, took, report: killed } = killed;
    let groups = format!("{triggered} order groups triggered within {:.1} ms", triggered_in.as_secs_f64() * 1e3);
    let took_s = took.as_secs_f64();
    if killed.is_clean() {
        let when = format!("{groups}, nothing seen resting {took_s:.1} s after the call");
        report.notes.push(format!("cancelled past the execute stage: {when}; {killed}"));
    } else {
        report.failures.push(format!("orders may still be open {took_s:.1} s after the kill: {groups}; {killed}"));
    }
}

fn journal_plan(config: &Config, folder: &Path, label: &str) -> JournalPlan {
    JournalPlan {
        folder: folder.join("journal"),
        limits: SegmentLimits { segment_bytes: config.record.segment_bytes, total_bytes: config.record.journal_bytes },
        description: JournalNote::new(label, config.record.journal_bytes).to_bytes(),
    }
}

/// Watches a running session until it has to end.
#[expect(clippy::too_many_arguments, reason = "everything that can end a session")]
fn watch(
    live: &mut Live,
    kill_line: &mut KillLine,
    began: Instant,
    duration: Option<Duration>,
    signals: &Signals,
    clock_watch: Option<&ClockWatch>,
    kept: &mut Kept,
    rooms: &[Room],
    standstills: &mut Standstills,
    show: &mut impl FnMut(&Shown),
    over: &mut impl FnMut() -> bool,
) -> Ending {
    let mut line = LiveLine::new(began);
    loop {
        if live.has_failed() {
            return Ending::Failed;
        }
        if live.is_tripped() {
            return Ending::Tripped;
        }
        if signals.take_user() {
            kill(live, kill_line);
        }
        if let Some(reason) = clock_watch.and_then(ClockWatch::parted) {
            live.request_trip(reason);
        }
        if signals.stop_requested() || duration.is_some_and(|limit| began.elapsed() >= limit) || over() {
            return Ending::Asked;
        }
        if kill_line.has_failed() {
            return Ending::Broken("the kill line's thread failed".to_owned());
        }
        if let Err(error) = kept.keep(live, kill_line) {
            return Ending::Broken(error.to_string());
        }
        if let Some(problem) = live.journal_problem() {
            return Ending::Stopped(format!("the journal can't be written any more: {problem}"));
        }
        if let Some((leases, figures)) = line.next(live) {
            if let Some(error) = rooms.iter().find_map(|room| room.check().err()) {
                return Ending::Stopped(error.to_string());
            }
            if let Some(leases) = leases {
                show(&Shown::Leases(leases));
            }
            let progress = live.progress();
            show(&Shown::Standstill(standstills.look(&progress, live.problems(), Instant::now())));
            show(&Shown::Figures(figures));
        }
        std::thread::sleep(TURN);
    }
}

/// Turns running totals into figures per second.
struct LiveLine {
    began: Instant,
    shown: Instant,
    frames: u64,
    decisions: u64,
    leases: Option<LeasePlan>,
}

impl LiveLine {
    fn new(began: Instant) -> Self {
        Self { began, shown: began, frames: 0, decisions: 0, leases: None }
    }

    /// The figures of the last second, and the lease plan if it has changed.
    fn next(&mut self, live: &mut Live) -> Option<(Option<LeasePlan>, LiveFigures)> {
        let since = self.shown.elapsed();
        if since < LINE_EVERY {
            return None;
        }
        self.shown = Instant::now();
        let progress = live.progress();
        let per_s = |now: u64, before: u64| {
            let elapsed_ms = since.as_millis().max(1);
            u64::try_from(u128::from(now.saturating_sub(before)) * 1_000 / elapsed_ms).unwrap_or(u64::MAX)
        };
        let figures = LiveFigures {
            elapsed_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            frames_per_s: per_s(progress.frames, self.frames),
            decisions_per_s: per_s(progress.decisions, self.decisions),
            orders: progress.orders,
            amends: progress.amends,
            fills: progress.fills,
            position: progress.position,
            pnl: progress.pnl,
            worst: progress.worst,
        };
        (self.frames, self.decisions) = (progress.frames, progress.decisions);
        let leases = progress.leases.filter(|plan| self.leases != Some(*plan));
        self.leases = progress.leases;
        Some((leases, figures))
    }
}
