//! Shared by the tests: an exchange with a session that runs until a condition holds, and the records of both.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kalshi_actor::config::{Config, IdleName};
use kalshi_actor::decide::policy::{AnyPolicy, PolicySpec};
use kalshi_actor::drivers::live::{JournalPlan, Live, LiveOutcome, LivePlan, Progress};
use kalshi_actor::drivers::replay::replay;
use kalshi_actor::drivers::stages::{Start, build_stages};
use kalshi_actor::exchange::Exchange;
use kalshi_actor::exchange::engine::AccountId;
use kalshi_actor::exchange::scenario::Scenario;
use kalshi_actor::exchange::server::FaultControl;
use kalshi_actor::execute::ExecuteStage;
use kalshi_actor::host::signals::Signals;
use kalshi_actor::market::OrderStatus;
use kalshi_actor::messages::DayState;
use kalshi_actor::network::net::Trust;
use kalshi_actor::network::rest::RestClient;
use kalshi_actor::record::journal::{Flags, JournalReader, Kind, SegmentLimits, StageId};
use kalshi_actor::record::live::LiveFigures;
use kalshi_actor::session::{
    EmbeddedExchange, SessionPlan, SessionReport, Shown, draw_nonce, run_session, settings, state_dir,
};
use tempfile::TempDir;

/// How long a condition may take on the slowest machine.
pub const PATIENCE: Duration = Duration::from_mins(3);
const TURN: Duration = Duration::from_millis(20);

/// The configuration of a session with the rule-based policy on this many generated markets, whose threads sleep when idle.
pub fn config(markets: usize) -> Config {
    let mut config = Config::default();
    config.pipeline.idle = IdleName::Park;
    "maker".clone_into(&mut config.policy.kind);
    config.markets.count = markets;
    config.orders.compare_every_ms = 1_000;
    config
}

fn policy(config: &Config) -> AnyPolicy {
    let spec: PolicySpec = config.policy.kind.parse().unwrap();
    AnyPolicy::load(&spec, None).unwrap()
}

fn start_exchange(seed: u64, config: &Config) -> EmbeddedExchange {
    let exchange = Exchange::builder()
        .seed(seed)
        .settings(settings(&config.exchange).unwrap())
        .scenario_of(Scenario::default(), config.markets.count)
        .cash(config.exchange.cash);
    EmbeddedExchange::start(exchange).unwrap()
}

/// The exchange's records after the end of a session.
pub struct Truth {
    pub exchange: Exchange,
    pub account: AccountId,
}

impl Truth {
    fn of(embedded: EmbeddedExchange) -> Self {
        let (exchange, account) = embedded.stop().unwrap();
        Self { exchange, account }
    }

    pub fn fills(&self) -> usize {
        self.exchange.engine().fills_of(self.account).count()
    }

    pub fn assert_nothing_rests(&self) {
        let orders = self.exchange.engine().orders_of(self.account);
        let resting: Vec<_> = orders.filter(|order| order.status == OrderStatus::Resting).collect();
        assert!(resting.is_empty(), "orders rest after the stop: {resting:?}");
    }
}

/// A session that has written its report.
pub struct Ended {
    pub report: SessionReport,
    pub truth: Truth,
    pub folder: TempDir,
}

/// Runs a session as the program does until the condition holds, or until it ends by itself. The condition may arm faults.
pub fn run_until(seed: u64, config: Config, mut condition: impl FnMut(&LiveFigures, &FaultControl) -> bool) -> Ended {
    let embedded = start_exchange(seed, &config);
    let faults = embedded.faults();
    let folder = tempfile::tempdir().unwrap();
    let plan = SessionPlan {
        state: state_dir(&config, Some(folder.path())).unwrap(),
        label: "sim".to_owned(),
        venue: embedded.venue.clone(),
        policy: policy(&config),
        clock: embedded.clock.clone(),
        session: embedded.session,
        duration: Some(PATIENCE),
        folder: folder.path().to_owned(),
        seed,
        nonce: draw_nonce(),
        tee: None,
        clock_watch: None,
        config,
    };
    let newest = Cell::new(None);
    let over = || newest.get().is_some_and(|figures| condition(&figures, &faults));
    let see = |shown: &Shown| {
        if let Shown::Figures(figures) = shown {
            newest.set(Some(*figures));
        }
    };
    let report = run_session(plan, &Signals::detached(), see, over).unwrap();
    Ended { report, truth: Truth::of(embedded), folder }
}

/// A running session whose stages can be inspected afterwards.
pub struct Trading {
    embedded: EmbeddedExchange,
    live: Live,
    folder: TempDir,
}

/// The stages of a session that has ended.
pub struct Inside {
    pub live: LiveOutcome,
    pub truth: Truth,
    pub folder: TempDir,
}

impl Trading {
    pub fn start(seed: u64, config: Config) -> Self {
        let embedded = start_exchange(seed, &config);
        let folder = tempfile::tempdir().unwrap();
        let start = Start { clock: embedded.session, nonce: draw_nonce(), seed, day: DayState::default() };
        let journal = JournalPlan {
            folder: folder.path().join("journal"),
            limits: SegmentLimits {
                segment_bytes: config.record.segment_bytes,
                total_bytes: config.record.journal_bytes,
            },
            description: b"sim".to_vec(),
        };
        let live = Live::start(LivePlan {
            stages: build_stages(&config, policy(&config), start).unwrap(),
            venue: embedded.venue.clone(),
            clock: embedded.clock.clone(),
            session: embedded.session,
            journal: Some(journal),
            tee: None,
            config,
        })
        .unwrap();
        Self { embedded, live, folder }
    }

    /// Scheme, host and port of the exchange's REST interface.
    pub fn origin(&self) -> String {
        self.embedded.venue.rest.origin()
    }

    /// Reads at the exchange, signed by the session's key.
    pub fn client(&self) -> RestClient {
        let venue = &self.embedded.venue;
        let credentials = Some(Arc::clone(&venue.credentials));
        RestClient::new(&venue.rest, &Trust::WebPki, credentials, Duration::from_secs(5))
    }

    pub fn faults(&self) -> FaultControl {
        self.embedded.faults()
    }

    /// Waits until a condition on the figures holds. The session must keep running.
    pub fn wait_for(&mut self, what: &str, mut condition: impl FnMut(&Progress) -> bool) -> Progress {
        let began = Instant::now();
        loop {
            let progress = self.live.progress();
            if condition(&progress) {
                return progress;
            }
            assert!(!self.live.has_failed(), "a thread failed before {what}");
            assert!(!self.live.is_tripped(), "the session tripped before {what}");
            assert!(began.elapsed() < PATIENCE, "no {what} in {PATIENCE:?}: {progress:?}");
            std::thread::sleep(TURN);
        }
    }

    /// Waits for this many more orders and fills.
    pub fn wait_for_more(&mut self, orders: u64, fills: u64) {
        let before = self.live.progress();
        self.wait_for(&format!("{orders} more orders and {fills} more fills"), |now| {
            now.orders >= before.orders + orders && now.fills >= before.fills + fills
        });
    }

    /// Stops as a session does: cancels, compares and ends.
    pub fn stop(self) -> Inside {
        self.live.request_stop();
        let began = Instant::now();
        while !self.live.is_done() {
            assert!(!self.live.has_failed(), "a thread failed during the stop");
            assert!(began.elapsed() < PATIENCE, "the stop does not come to its end");
            std::thread::sleep(TURN);
        }
        Inside { live: self.live.finish(), truth: Truth::of(self.embedded), folder: self.folder }
    }
}

impl Inside {
    pub fn execute(&self) -> &ExecuteStage {
        self.live.execute.as_ref().unwrap()
    }

    /// Asserts that the ledger agrees with the exchange, sum by sum and fill by fill, and that none of our orders rests.
    pub fn assert_agrees(&self) {
        assert!(self.live.failures.is_empty(), "{:?}", self.live.failures);
        assert_replays(self.folder.path());
        let execute = self.execute();
        assert_eq!(execute.tripped(), None);
        let agreement = execute.agreement().unwrap();
        assert!(agreement.agrees(), "{:?}", agreement.differences);
        execute.audit().unwrap();
        assert_eq!(execute.counters().fills, self.truth.fills() as u64);
        self.truth.assert_nothing_rests();
    }

    pub fn journal(&self) -> Vec<Entry> {
        read_journal(self.folder.path())
    }
}

/// Asserts that a replay of the session's journal shows no difference.
pub fn assert_replays(session: &Path) {
    let replayed =
        replay(session, true, |record| AnyPolicy::recorded(record, None).map_err(|error| error.to_string())).unwrap();
    if let Some(difference) = replayed.difference() {
        panic!("{difference}");
    }
    // A segment has no records of a stage that had already ended.
    assert!(session.is_file() || replayed.stages.len() == 4, "{:?}", replayed.stages);
    assert!(session.is_file() || replayed.stages.iter().all(|stage| stage.ended && stage.checkpoints > 0));
}

pub struct Entry {
    pub stage: StageId,
    pub kind: Kind,
    pub flags: Flags,
    pub payload: Vec<u8>,
}

impl Entry {
    pub fn is(&self, stage: StageId, kind: Kind, flags: Flags) -> bool {
        (self.stage, self.kind, self.flags) == (stage, kind, flags)
    }

    pub fn message<'a, T: serde::Deserialize<'a>>(&'a self) -> T {
        postcard::from_bytes(&self.payload).unwrap()
    }
}

/// All records of a session's journal, which must be complete.
pub fn read_journal(session: &Path) -> Vec<Entry> {
    let mut reader = JournalReader::open(&session.join("journal")).unwrap();
    let mut entries = Vec::new();
    while let Some(record) = reader.next_record().unwrap() {
        let payload = record.payload.to_vec();
        entries.push(Entry { stage: record.stage, kind: record.kind, flags: record.flags, payload });
    }
    assert!(reader.is_gapless(), "{} records are missing", reader.missing());
    assert!(reader.closing().unwrap().replayable);
    entries
}
