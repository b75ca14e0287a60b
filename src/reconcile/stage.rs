//! The state and the inputs of the stage, and its queues of outgoing messages.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::config::{ReconcileConfig, ReconcileCounters};
use super::directory::Directory;
use super::job::{Job, Purpose};
use super::stream::Subscribing;
use crate::clock::{NEVER_NS, Now, SessionClock};
use crate::link::{Link, LinkTimer};
use crate::market::{BookLevels, MarketKey};
use crate::messages::{AccountEvent, ExecuteToReconcile, Listing, QueryKind, QueryRequest, ReconcileToFeed};
use crate::ports::{
    ConnectionId, ConnectionLost, ReconcileEffect, ReconcileMessage, ReconcilePort, RequestId, SocketOutput,
};
use crate::seen_fills::SeenFills;

/// The most facts held for markets that are not listed; beyond this the socket is not read.
const HELD_MAX: usize = 1_024;
/// The most problems kept for the report.
const PROBLEMS_MAX: usize = 64;

/// The reconcile stage. See the [module](crate::reconcile) for its rules.
#[derive(Debug, Serialize, Deserialize)]
pub struct ReconcileStage {
    pub(super) config: ReconcileConfig,
    pub(super) counters: ReconcileCounters,
    pub(super) clock: SessionClock,
    pub(super) seed: u64,
    pub(super) link: Link,
    pub(super) subscribing: Subscribing,
    pub(super) next_command: u64,
    /// A buffer that the parser requires, although no private frame uses it.
    #[serde(skip)]
    pub(super) levels: BookLevels,
    pub(super) directory: Directory,
    /// Whether the reads of the start are done.
    pub(super) started: bool,
    /// Whether `execute` was last told that the stream is up.
    pub(super) stream_up: bool,
    /// Whether the stream has been up before, so that it needs a catch-up the next time.
    pub(super) was_up: bool,
    pub(super) seen: SeenFills,
    /// The time of the newest fill, or of the start: a catch-up reads from there.
    pub(super) newest_fill_ms: i64,
    /// When the stream last reported a change of the account.
    pub(super) changed_ns: Option<u64>,
    pub(super) jobs: Vec<Job>,
    pub(super) next_serial: u32,
    /// The request in flight: its id, its read, and when it was sent.
    pub(super) in_flight: Option<(RequestId, u32, u64)>,
    pub(super) next_request: RequestId,
    /// Facts for `execute` that wait for room.
    pub(super) outbox: VecDeque<AccountEvent>,
    /// Listings for `feed` that wait for room.
    pub(super) listings: VecDeque<Listing>,
    /// Facts that wait for their market to be listed, with its ticker.
    pub(super) held: VecDeque<(String, AccountEvent)>,
    /// Which shards take orders, as `execute` was last told.
    pub(super) trading: Vec<(u8, bool)>,
    /// When status and markets are read again; never during such a read, and before the reads of the start are done.
    pub(super) watch_due_ns: u64,
    /// When to retry what a full ring prevented, in monotonic nanoseconds.
    retry_at_ns: u64,
    problems: Vec<String>,
}

impl ReconcileStage {
    /// Creates a stage without markets and without a connection. The seed determines the jitter of its pauses.
    ///
    /// # Panics
    /// When `max_markets` exceeds the range of a market index.
    #[must_use]
    pub fn new(config: ReconcileConfig, clock: SessionClock, seed: u64) -> Self {
        assert!(config.directory.max_markets < usize::from(u16::MAX), "market indexes are 16 bits");
        Self {
            counters: ReconcileCounters::default(),
            clock,
            seed,
            link: Link::new(config.link, seed),
            subscribing: Subscribing::No,
            next_command: 1,
            levels: BookLevels::default(),
            directory: Directory::new(config.directory.max_markets, config.reuse_after_ms)
                .with_makers(config.directory.maker_multipliers_e4.clone()),
            started: false,
            stream_up: false,
            was_up: false,
            seen: SeenFills::new(config.fills_remembered),
            newest_fill_ms: 0,
            changed_ns: None,
            jobs: Vec::new(),
            next_serial: 1,
            in_flight: None,
            next_request: 1,
            outbox: VecDeque::new(),
            listings: VecDeque::new(),
            held: VecDeque::new(),
            trading: Vec::new(),
            watch_due_ns: NEVER_NS,
            retry_at_ns: NEVER_NS,
            problems: Vec::new(),
            config,
        }
    }

    /// Opens the private connection and reads the directory.
    pub fn start(&mut self, now: Now, port: &mut impl ReconcilePort) {
        self.newest_fill_ms = now.session_ms;
        let output = self.link.start(now);
        tell_socket(output, port);
        self.begin(Purpose::Start, now);
        self.settle(now, port);
    }

    /// The connection's handshake succeeded.
    pub fn on_opened(&mut self, connection: ConnectionId, now: Now, port: &mut impl ReconcilePort) {
        if self.link.on_opened(connection, now) {
            self.counters.connections += 1;
            self.subscribe(now, port);
        }
        self.settle(now, port);
    }

    /// The exchange pinged. The driver has already answered.
    pub fn on_ping(&mut self, connection: ConnectionId, now: Now) {
        self.link.on_heard(connection, now);
    }

    /// The connection ended or could not be made.
    pub fn on_closed(
        &mut self,
        connection: ConnectionId,
        lost: &ConnectionLost,
        now: Now,
        port: &mut impl ReconcilePort,
    ) {
        if self.link.on_closed(connection, now) {
            let status = lost.http_status.map(|status| format!(" (HTTP {status})")).unwrap_or_default();
            self.problem(format!("private connection lost{status}: {}", lost.reason));
            self.refused_access(lost.http_status.unwrap_or_default(), "");
            self.stream_lost();
        }
        self.settle(now, port);
    }

    #[inline]
    pub fn on_execute(&mut self, message: &ExecuteToReconcile, now: Now, port: &mut impl ReconcilePort) {
        match message {
            ExecuteToReconcile::Query(query) => self.on_query(query, now, port),
        }
    }

    /// `execute` asks for a read. A newer query of the same kind replaces an older one, whose answer would be out of date.
    pub fn on_query(&mut self, query: &QueryRequest, now: Now, port: &mut impl ReconcilePort) {
        let QueryRequest { query, kind, market, since_ms } = *query;
        if kind == QueryKind::Successor && !self.directory.follow(market) && !self.takes_over_search(market) {
            // It was already looked for and found.
            let complete = self.directory.listing(market).is_some();
            self.outbox.push_back(AccountEvent::ReadBegin { query, kind });
            self.outbox.push_back(AccountEvent::ReadEnd { query, kind, complete, as_of_ms: now.session_ms });
            return self.settle(now, port);
        }
        self.begin(Purpose::Query { kind, query, market, since_ms }, now);
        if kind == QueryKind::Compare {
            self.begin(Purpose::Fees, now);
        }
        self.settle(now, port);
    }

    /// Whether the driver may read the private socket. False while a fact waits for room.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.outbox.is_empty() && self.held.len() < HELD_MAX
    }

    /// Does whatever is due. Early and repeated calls are harmless.
    pub fn on_timer(&mut self, now: Now, port: &mut impl ReconcilePort) {
        // A socket that is deliberately left unread is not silent.
        if !self.wants_input() {
            self.link.on_heard(self.link.connection(), now);
        }
        let (timer, output) = self.link.on_timer(now);
        tell_socket(output, port);
        match timer {
            LinkTimer::Quiet => {}
            LinkTimer::TimedOut => {
                self.problem("private connection: the handshake took too long".to_owned());
                self.stream_lost();
            }
            LinkTimer::Silent => {
                self.counters.silences += 1;
                self.problem("private connection: neither frame nor ping was heard".to_owned());
                self.stream_lost();
            }
        }
        if self.acknowledgement_deadline_ns() <= now.mono_ns {
            self.reconnect("private connection: the subscription was not acknowledged in time".to_owned(), now, port);
        }
        if self.answer_deadline_ns() <= now.mono_ns
            && let Some((request, ..)) = self.in_flight
        {
            self.no_answer(request, "no answer in time", now);
        }
        self.settle(now, port);
    }

    /// When [`ReconcileStage::on_timer`] is next due, in monotonic nanoseconds.
    #[must_use]
    pub fn deadline_ns(&self) -> u64 {
        let work_ns = if self.in_flight.is_some() {
            self.answer_deadline_ns()
        } else {
            self.jobs.iter().filter(|job| self.may_run(job)).map(|job| self.runs_at_ns(job)).min().unwrap_or(NEVER_NS)
        };
        self.link
            .deadline_ns()
            .min(self.acknowledgement_deadline_ns())
            .min(work_ns)
            .min(self.follow_ns())
            .min(self.watch_due_ns)
            .min(self.retry_at_ns)
    }

    #[must_use]
    pub fn counters(&self) -> &ReconcileCounters {
        &self.counters
    }

    /// Distinct problems, newest last: refused markets, unreadable bodies, lost connections.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// The listing of a market that is in the directory.
    #[cfg(feature = "internals")]
    #[must_use]
    pub fn listing(&self, market: MarketKey) -> Option<&Listing> {
        self.directory.listing(market)
    }

    /// The key of a market by its ticker.
    #[cfg(feature = "internals")]
    #[must_use]
    pub fn key(&self, ticker: &str) -> Option<MarketKey> {
        self.directory.key(ticker)
    }

    /// Keeps a problem for the report; a repeated one moves to the end.
    pub(super) fn problem(&mut self, text: String) {
        if let Some(before) = self.problems.iter().position(|problem| *problem == text) {
            self.problems.remove(before);
        } else if self.problems.len() == PROBLEMS_MAX {
            self.problems.remove(0);
        }
        self.problems.push(text);
    }

    /// Ends a search in progress for this market's successor. Returns whether there was one.
    fn takes_over_search(&mut self, closed: MarketKey) -> bool {
        let searches = self.jobs.len();
        self.jobs.retain(|job| match job.purpose {
            Purpose::Follow { closed: market } => market != Some(closed),
            Purpose::Query { kind: QueryKind::Successor, market, .. } => market != closed,
            _ => true,
        });
        self.jobs.len() < searches
    }

    /// Called at the end of every input: delivers what there is room for, follows the series, and sends the next request.
    pub(super) fn settle(&mut self, now: Now, port: &mut impl ReconcilePort) {
        self.follow_series(now);
        if self.watch_due_ns <= now.mono_ns {
            self.watch_due_ns = NEVER_NS;
            self.begin(Purpose::Watch, now);
        }
        self.advance(now, port);
        while let Some(listing) = self.listings.front() {
            if port.push(ReconcileMessage::Feed(ReconcileToFeed::Listing(*listing))).is_err() {
                break;
            }
            self.listings.pop_front();
        }
        while let Some(event) = self.outbox.front() {
            if port.push(ReconcileMessage::Execute(*event)).is_err() {
                self.counters.ring_full += 1;
                break;
            }
            self.outbox.pop_front();
        }
        let waits = !self.outbox.is_empty() || !self.listings.is_empty();
        self.retry_at_ns = if waits { now.mono_ns.saturating_add(self.config.retry_ns) } else { NEVER_NS };
    }
}

/// Passes the link's request to the socket.
pub(super) fn tell_socket(output: Option<SocketOutput<'_>>, port: &mut impl ReconcilePort) {
    if let Some(output) = output {
        port.tell(ReconcileEffect::Socket(output));
    }
}
