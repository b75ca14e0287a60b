//! The live driver: four pinned threads with the four stages, rings between them, sockets at the edges. Everything is
//! created here and moved into the threads. The main thread keeps the flags, the figures and the handles.

pub mod book_rings;
mod common;
mod control;
mod decide;
mod execute;
mod feed;
mod outcome;
mod reconcile;

use std::any::Any;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam::channel;
use thiserror::Error;

use crate::clock::SessionClock;
use crate::config::Config;
use crate::decide::policy::Policy;
use crate::drivers::stages::Stages;
use crate::execute::{LeasePlan, Standstill, Waiting};
use crate::host::clock::Clock;
use crate::host::idle::TooFewCores;
use crate::host::pin::{self, PinError};
use crate::host::ring::{Receiver, ring};
use crate::market::{Count, Money};
use crate::messages::{DayState, KnownGroup, Verdict};
use crate::network::connect::Connector;
use crate::network::http::HttpPool;
use crate::network::net::Trust;
use crate::network::rest::{RestClient, RestHelper};
use crate::network::signing::start_signing;
use crate::network::venue::Venue;
use crate::network::websocket::LiveSocket;
use crate::record::Span;
use crate::record::journal::{JournalHandle, JournalWriter, SegmentLimits, StageId, start_journal};
use crate::tape::Tape;
use crate::wire::orders::{BATCHED_PATH, ORDERS_PATH};
use book_rings::{BookRingSizes, book_rings};
pub use common::CheckpointCost;
use common::{Bench, Trouble, idle_kind};
use control::Control;
pub use feed::TeeFrame;
pub use outcome::{LiveOutcome, ThreadFailure};

/// The number of hot threads.
const THREADS: usize = 4;
/// The size of each stage's ring to the journal, in bytes: enough for seconds of a busy feed, and small enough to stay
/// near the caches.
const JOURNAL_RING_BYTES: usize = 8 << 20;
/// The initial capacity of each snapshot buffer, in levels per side: more than a full cent grid.
const LEVELS: usize = 128;
/// How long the threads may take to end when told to; one that takes longer is abandoned.
const EXIT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection attempt or a cold read may take.
const NETWORK_TIMEOUT: Duration = Duration::from_secs(10);

/// What is journaled, and where.
#[derive(Clone, Debug)]
pub struct JournalPlan {
    /// A folder that has no journal yet.
    pub folder: PathBuf,
    /// The most bytes kept, and those of one segment.
    pub limits: SegmentLimits,
    /// A description of the session, which is stored in the clear.
    pub description: Vec<u8>,
}

/// The parts of a live session.
pub struct LivePlan<P: Policy> {
    /// Threads, rings and connections.
    pub config: Config,
    pub venue: Venue,
    pub stages: Stages<P>,
    pub clock: Clock,
    pub session: SessionClock,
    pub journal: Option<JournalPlan>,
    /// Gets a copy of every public frame. The exchange of a paper session reads it.
    pub tee: Option<channel::Sender<TeeFrame>>,
}

/// Why a session did not start.
#[derive(Debug, Error)]
pub enum LiveError {
    /// The threads are configured to spin, and there are too few cores.
    #[error(transparent)]
    Idle(#[from] TooFewCores),
    /// A configured core does not exist or is not allowed.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// TLS could not be set up.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The operating system refused a thread, a file or a socket.
    #[error("{what}: {source}")]
    System {
        /// What was being created.
        what: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
}

fn system(what: &'static str) -> impl FnOnce(io::Error) -> LiveError {
    move |source| LiveError::System { what, source }
}

/// Something that went wrong in a running session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub text: String,
    /// When it was reported.
    pub at: Instant,
}

/// Figures for the live line. Each thread reports those that it knows, four times per second.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Frames read.
    pub frames: u64,
    /// Decisions taken.
    pub decisions: u64,
    /// New orders written.
    pub orders: u64,
    /// Amends that changed price or size.
    pub amends: u64,
    /// Fills booked.
    pub fills: u64,
    /// The sum of all positions, YES positive and NO negative.
    pub position: Count,
    /// Profit after fees.
    pub pnl: Money,
    /// How long orders may rest, and how many may be open, once the session trades.
    pub leases: Option<LeasePlan>,
    /// Intents by verdict.
    pub verdicts: [u64; Verdict::COUNT],
    /// Why no market takes new risk, if so.
    pub standstill: Option<Standstill>,
    /// What a stop is waiting for, while one is in progress.
    pub waiting: Option<Waiting>,
    /// The longest span since the last report.
    pub worst: Option<(Span, u64)>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            frames: 0,
            decisions: 0,
            orders: 0,
            amends: 0,
            fills: 0,
            position: Count::ZERO,
            pnl: Money::ZERO,
            leases: None,
            verdicts: [0; Verdict::COUNT],
            standstill: None,
            waiting: None,
            worst: None,
        }
    }
}

/// A running session.
pub struct Live {
    control: Control,
    feed: JoinHandle<io::Result<feed::FeedOutcome>>,
    decide: JoinHandle<io::Result<decide::DecideOutcome>>,
    execute: JoinHandle<io::Result<execute::ExecuteOutcome>>,
    reconcile: JoinHandle<io::Result<reconcile::ReconcileOutcome>>,
    /// Helper threads of the four above, which end after them.
    helpers: [(&'static str, JoinHandle<()>); 3],
    pulses: [Receiver<Progress>; THREADS],
    progress: Progress,
    /// Problems with the account and with the feed.
    troubles: [channel::Receiver<String>; 2],
    problems: [Option<Problem>; 2],
    days: channel::Receiver<DayState>,
    groups: channel::Receiver<Vec<KnownGroup>>,
    journal: Option<JournalHandle>,
}

/// Creates the journal's writers, one per stage, and its thread.
fn journal(plan: Option<&JournalPlan>) -> Result<([Option<JournalWriter>; THREADS], Option<JournalHandle>), LiveError> {
    let Some(plan) = plan else { return Ok(([None, None, None, None], None)) };
    let (writers, handle) =
        start_journal(&plan.folder, plan.limits, &plan.description, JOURNAL_RING_BYTES, StageId::STAGES)
            .map_err(system("journal"))?;
    Ok((writers.map(Some), Some(handle)))
}

fn spawn<T: Send + 'static>(name: &str, run: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>, LiveError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(system("thread"))
}

impl Live {
    /// Starts the threads.
    ///
    /// # Errors
    /// When the machine does not support the configured cores or way of waiting, the journal's folder is unusable, or a
    /// thread cannot be started.
    pub fn start<P: Policy + Send + 'static>(plan: LivePlan<P>) -> Result<Self, LiveError> {
        let LivePlan { config, venue, stages, clock, session, journal: journal_plan, tee } = plan;
        let available = pin::available_cores();
        let kind = idle_kind(config.pipeline.idle, THREADS, available.len());
        kind.check(THREADS, available.len())?;
        let cores = cores(&config, &available)?;
        let control = Control::default();
        let (writers, journal) = journal(journal_plan.as_ref())?;
        let [feed_log, decide_log, execute_log, reconcile_log] = writers;
        let (feed_pulse, feed_pulses) = ring(8);
        let (decide_pulse, decide_pulses) = ring(8);
        let (execute_pulse, execute_pulses) = ring(8);
        let (reconcile_pulse, reconcile_pulses) = ring(8);
        let bench = |core: usize, pulse| {
            Bench::new(clock.clone(), &session, control.clone(), pulse, kind, cores.get(core).copied())
        };

        let capacity = config.pipeline.ring_capacity;
        let (book_sender, book_receiver) = book_rings(BookRingSizes {
            events: capacity,
            riders: capacity,
            buffers: config.feed.snapshot_buffers,
            levels: LEVELS,
        });
        let (decide_to_feed_in, decide_to_feed_out) = ring(capacity);
        let (feed_to_execute_in, feed_to_execute_out) = ring(capacity);
        let (decide_to_execute_in, decide_to_execute_out) = ring(capacity);
        let (notes_in, notes_out) = ring(capacity);
        let (execute_to_reconcile_in, execute_to_reconcile_out) = ring(capacity);
        let (account_in, account_out) = ring(capacity);
        let (reconcile_to_feed_in, reconcile_to_feed_out) = ring(capacity);
        let (days_in, days) = channel::unbounded();
        let (groups_in, groups) = channel::unbounded();
        let (account_trouble, account_troubles) = channel::unbounded();
        let (feed_trouble, feed_troubles) = channel::unbounded();

        let (connector, connecting) = Connector::start(Trust::WebPki.client_config()?, NETWORK_TIMEOUT, clock.clone())
            .map_err(system("connector"))?;
        let constant = [("POST", ORDERS_PATH), ("DELETE", BATCHED_PATH)];
        let (signatures, signing) =
            start_signing(Arc::clone(&venue.credentials), &constant).map_err(system("signing helper"))?;
        let client =
            RestClient::new(&venue.rest, &Trust::WebPki, Some(Arc::clone(&venue.credentials)), NETWORK_TIMEOUT);
        let (rest, reading) = RestHelper::start(client, clock.clone()).map_err(system("REST helper"))?;
        let http =
            HttpPool::new(connector.clone(), venue.rest.clone(), &venue.credentials.key_id, config.orders.connections);

        let feed = feed::FeedThread {
            stage: stages.feed,
            tape: Tape::new(feed_log),
            wires: feed::FeedWires {
                bench: bench(0, feed_pulse),
                socket: LiveSocket::new(connector.clone(), venue.feed, Some(venue.feed_credentials)),
                trouble: Trouble::new(feed_trouble),
                book: book_sender,
                execute: feed_to_execute_in,
                tee,
            },
            decide: decide_to_feed_out,
            reconcile: reconcile_to_feed_out,
        };
        let decide = decide::DecideThread {
            stage: stages.decide,
            tape: Tape::new(decide_log),
            wires: decide::DecideWires {
                bench: bench(1, decide_pulse),
                book: book_receiver,
                execute: decide_to_execute_in,
                feed: decide_to_feed_in,
            },
            execute: notes_out,
        };
        let execute = execute::ExecuteThread {
            stage: stages.execute,
            tape: Tape::new(execute_log),
            wires: execute::ExecuteWires {
                bench: bench(2, execute_pulse),
                http,
                signatures,
                decide: notes_in,
                reconcile: execute_to_reconcile_in,
                day_state: days_in,
                groups: groups_in,
            },
            decide: decide_to_execute_out,
            feed: feed_to_execute_out,
            reconcile: account_out,
        };
        let reconcile = reconcile::ReconcileThread {
            stage: stages.reconcile,
            tape: Tape::new(reconcile_log),
            wires: reconcile::ReconcileWires {
                bench: bench(3, reconcile_pulse),
                socket: LiveSocket::new(connector, venue.account, Some(venue.credentials)),
                trouble: Trouble::new(account_trouble),
                rest,
                execute: account_in,
                feed: reconcile_to_feed_in,
            },
            execute: execute_to_reconcile_out,
        };
        Ok(Self {
            feed: spawn("feed", move || feed.run())?,
            decide: spawn("decide", move || decide.run())?,
            execute: spawn("execute", move || execute.run())?,
            reconcile: spawn("reconcile", move || reconcile.run())?,
            helpers: [("connector", connecting), ("signing", signing), ("REST", reading)],
            control,
            pulses: [feed_pulses, decide_pulses, execute_pulses, reconcile_pulses],
            progress: Progress::default(),
            troubles: [account_troubles, feed_troubles],
            problems: [None, None],
            days,
            groups,
            journal,
        })
    }

    /// The latest figures.
    pub fn progress(&mut self) -> Progress {
        self.progress.worst = None;
        for (thread, pulses) in self.pulses.iter_mut().enumerate() {
            while let Some(pulse) = pulses.pop() {
                match thread {
                    0 => self.progress.frames = pulse.frames,
                    1 => self.progress.decisions = pulse.decisions,
                    2 => {
                        let Progress { frames, decisions, leases, worst, .. } = self.progress;
                        self.progress = Progress { frames, decisions, leases: pulse.leases.or(leases), worst, ..pulse };
                    }
                    _ => {}
                }
                let longest = self.progress.worst.map_or(0, |(_, nanos)| nanos);
                self.progress.worst = pulse.worst.filter(|(_, nanos)| *nanos > longest).or(self.progress.worst);
            }
        }
        self.progress
    }

    /// The latest problem with the account, and with the feed.
    pub fn problems(&mut self) -> [Option<&Problem>; 2] {
        for (trouble, problem) in self.troubles.iter().zip(&mut self.problems) {
            if let Some(text) = trouble.try_iter().last() {
                *problem = Some(Problem { text, at: Instant::now() });
            }
        }
        self.problems.each_ref().map(Option::as_ref)
    }

    /// The state of the daily loss if it has changed, to be kept across restarts.
    pub fn day_state(&self) -> Option<DayState> {
        self.days.try_iter().last()
    }

    /// Our order groups if they have changed, to be kept across restarts.
    pub fn known_groups(&self) -> Option<Vec<KnownGroup>> {
        self.groups.try_iter().last()
    }

    /// Whether a thread has ended before it was told to, by a panic or an error of the operating system.
    pub fn has_failed(&self) -> bool {
        self.feed.is_finished()
            || self.decide.is_finished()
            || self.execute.is_finished()
            || self.reconcile.is_finished()
            || self.helpers.iter().any(|(_, thread)| thread.is_finished())
            || self.journal.as_ref().is_some_and(JournalHandle::is_finished)
    }

    /// The error that ended the journal before the session, if so.
    pub fn journal_problem(&self) -> Option<String> {
        self.journal.as_ref().and_then(JournalHandle::problem)
    }

    /// Whether the execute thread is still running, so that a stop can cancel orders.
    pub fn can_cancel(&self) -> bool {
        !self.execute.is_finished()
    }

    /// Asks for a stop: open orders are cancelled and the ledger is compared once more.
    pub fn request_stop(&self) {
        self.control.request_stop();
    }

    /// Asks for a trip, which is a stop whose reason is kept. The first reason wins.
    pub fn request_trip(&self, reason: String) {
        self.control.request_trip(reason);
    }

    /// Whether the execute stage tripped by itself.
    pub fn is_tripped(&self) -> bool {
        self.control.is_tripped()
    }

    /// Whether a stop is complete.
    pub fn is_done(&self) -> bool {
        self.control.is_done()
    }

    /// Ends the threads and collects their results.
    pub fn finish(self) -> LiveOutcome {
        let early = outcome::ended_early(self.helpers);
        self.control.request_exit();
        let mut failures = early.panicked;
        let until = Instant::now() + EXIT_TIMEOUT;
        let feed = outcome::join("feed", self.feed, until, &mut failures);
        let decide = outcome::join("decide", self.decide, until, &mut failures);
        let execute = outcome::join("execute", self.execute, until, &mut failures);
        let reconcile = outcome::join("reconcile", self.reconcile, until, &mut failures);
        if failures.is_empty() {
            failures = early.ended;
        }
        let day = self.days.try_iter().last();
        let journal = self.journal.map(|journal| journal.finish_by(until));
        outcome::collect(feed, decide, execute, reconcile, journal, day, failures)
    }
}

/// The cores of the four threads: those configured, or else the available ones in turn.
fn cores(config: &Config, available: &[usize]) -> Result<Vec<usize>, PinError> {
    if !config.pipeline.cores.is_empty() {
        pin::check_cores(&config.pipeline.cores, available)?;
        return Ok(config.pipeline.cores.clone());
    }
    Ok((0..THREADS).filter_map(|thread| available.get(thread % available.len().max(1)).copied()).collect())
}

/// The message of a panic.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
