//! Sessions on an outside venue, played by our own exchange: live, on paper, killed, and after a panic of the main thread
//! (`tests/panic.rs` has that of the execute thread).

use std::sync::Arc;
use std::time::Duration;

use kalshi_actor::clock::SessionClock;
use kalshi_actor::config::{Config, IdleName, VenueName};
use kalshi_actor::decide::policy::{AnyPolicy, PolicySpec};
use kalshi_actor::exchange::engine::{AccountId, Engine};
use kalshi_actor::exchange::faults::{Fault, RefusalStatus};
use kalshi_actor::exchange::scenario::Scenario;
use kalshi_actor::exchange::{Exchange, RunningExchange};
use kalshi_actor::host::clock::{Clock, wall_ms};
use kalshi_actor::host::signals::Signals;
use kalshi_actor::kill::line;
use kalshi_actor::kill::{KillSettings, KillWays, Killed};
use kalshi_actor::market::{OrderId, OrderStatus};
use kalshi_actor::messages::KnownGroup;
use kalshi_actor::network::endpoint::Endpoint;
use kalshi_actor::network::net::Trust;
use kalshi_actor::network::rest::RestClient;
use kalshi_actor::network::signing::Signature;
use kalshi_actor::network::venue::Venue;
use kalshi_actor::session::clock_watch::ClockWatch;
use kalshi_actor::session::{
    Session, SessionBuilder, SessionError, SessionPlan, SessionReport, Shown, outside_venue, run_session, settings,
    state_dir,
};
use kalshi_actor::wire::markets::{Market, MarketsPage};

/// An exchange in the role of the venue, and the configuration of an actor that trades there.
struct Outside {
    handle: RunningExchange,
    config: Config,
    folder: tempfile::TempDir,
}

impl Outside {
    fn start(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.venue.name = VenueName::Demo;
        config.pipeline.idle = IdleName::Park;
        config.record.journal = false;
        config.record.state_dir = folder.path().join("state").to_string_lossy().into_owned();
        config.markets.count = 4;
        let handle = Exchange::builder()
            .seed(seed)
            .settings(settings(&config.exchange).unwrap())
            .scenario_of(Scenario::default(), 4)
            .cash(config.exchange.cash)
            .keys_in(folder.path().join("keys"))
            .start()
            .unwrap();
        let key = &handle.accounts[0].keys[0];
        config.venue.rest_url = handle.rest_url.parse::<Endpoint>().unwrap().origin();
        config.venue.ws_url = handle.ws_url.parse::<Endpoint>().unwrap().origin();
        config.venue.key_id.clone_from(&key.key_id);
        config.venue.private_key_path = key.path.as_ref().unwrap().to_string_lossy().into_owned();
        Self { handle, config, folder }
    }

    fn venue(&self) -> Venue {
        outside_venue(&self.config.venue, |_| None).unwrap()
    }

    fn trade(&self, live: bool, duration: Duration) -> SessionReport {
        self.try_to_trade(live, duration).unwrap()
    }

    fn try_to_trade(&self, live: bool, duration: Duration) -> Result<SessionReport, SessionError> {
        let mut config = self.config.clone();
        config.venue.live = live;
        self.session(config).duration(duration).run(maker())
    }

    /// The plan of a one-minute session on the venue with this clock.
    fn plan(&self, config: Config, clock: Clock, session: &SessionClock) -> SessionPlan<AnyPolicy> {
        SessionPlan {
            label: "demo".to_owned(),
            venue: self.venue(),
            policy: maker(),
            clock_watch: None,
            clock,
            session: *session,
            duration: Some(Duration::from_mins(1)),
            state: state_dir(&config, None).unwrap(),
            folder: self.folder.path().join("session"),
            seed: 7,
            nonce: 7,
            tee: None,
            config,
        }
    }

    /// A session on the venue.
    fn session(&self, config: Config) -> SessionBuilder {
        Session::builder(config).outside_at(self.venue()).folder(self.folder.path().join("session"))
    }

    /// Stops the venue. Returns its final state, the actor's account, and the folder with the actor's files.
    fn end(self) -> (Exchange, AccountId, tempfile::TempDir) {
        let exchange = self.handle.stop().unwrap();
        let account = exchange.clients()[0];
        (exchange, account, self.folder)
    }
}

fn maker() -> AnyPolicy {
    AnyPolicy::load(&PolicySpec::Maker, None).unwrap()
}

/// A kill that knows no orders except from the venue's lists.
fn kill(venue: &Venue, settings: KillSettings, known: &[KnownGroup]) -> Killed {
    let ways = KillWays { everything: false, known_orders: &mut Vec::new, tell: &mut |what| println!("{what}") };
    line::kill(venue, &Trust::WebPki, settings, known, ways)
}

fn resting(engine: &Engine, account: AccountId) -> usize {
    engine.orders_of(account).filter(|order| order.status == OrderStatus::Resting).count()
}

fn assert_agrees(report: &SessionReport) {
    assert!(report.is_success(), "{:?} {:?}\n{}", report.failures, report.summary.ledger.differences, report.report());
}

#[test]
fn paper_trades_the_venues_feed_and_sends_it_nothing() {
    let outside = Outside::start(3);
    let report = outside.trade(false, Duration::from_secs(14));
    assert_agrees(&report);
    assert_eq!(report.summary.venue, "paper:demo");
    assert_eq!(report.summary.markets, 4);
    assert!(report.summary.orders.acked > 0 && report.summary.fills > 0, "{}", report.report());
    assert!(report.notes.iter().any(|note| note.contains("no other effect on prices")), "{:?}", report.notes);
    let (exchange, account, _folder) = outside.end();
    assert_eq!(exchange.engine().orders_of(account).count(), 0);
    assert_eq!(exchange.engine().fills_of(account).count(), 0);
}

#[test]
fn live_trades_on_the_venue_itself() {
    let outside = Outside::start(4);
    let report = outside.trade(true, Duration::from_secs(10));
    assert_agrees(&report);
    assert_eq!(report.summary.venue, "demo");
    let (exchange, account, _folder) = outside.end();
    let engine = exchange.engine();
    assert!(engine.orders_of(account).count() > 0, "{}", report.report());
    assert_eq!(engine.fills_of(account).count() as u64, report.summary.fills);
    assert_eq!(resting(engine, account), 0);
}

#[test]
fn a_machine_whose_clock_is_off_does_not_start_to_trade() {
    let outside = Outside::start(6);
    for (by_ms, told) in [(60_000, "s behind the venue's"), (-60_000, "s ahead of the venue's")] {
        outside.handle.faults().arm(Fault::OffsetClock { by_ms, for_ms: 600_000 });
        let refused = outside.try_to_trade(true, Duration::from_secs(1)).err().unwrap().to_string();
        assert!(refused.contains(told) && refused.contains("venue demo"), "{refused}");
        assert!(refused.contains("at least 59.") || refused.contains("at least 60."), "{refused}");
    }
    let (exchange, account, folder) = outside.end();
    assert_eq!(exchange.engine().orders_of(account).count(), 0);
    assert!(!folder.path().join("session").exists());
}

#[test]
fn a_clock_that_jumps_while_trading_trips_and_cancels_everything() {
    let outside = Outside::start(7);
    let mut config = outside.config.clone();
    config.venue.live = true;
    let clock = Clock::start();
    // Session time gains half a second per second on wall time, so after eight seconds they are four apart.
    let session = SessionClock::new(clock.now_ns(), wall_ms(), 1_500);
    let watch = ClockWatch::new(clock.clone(), session, Duration::from_secs(4));
    let mut plan = outside.plan(config.clone(), clock, &session);
    plan.clock_watch = Some(watch);
    let report = run_session(plan, &Signals::detached(), |_| (), || false).unwrap();
    assert!(!report.is_success());
    let tripped = state_dir(&config, None).unwrap().tripped().unwrap().unwrap();
    assert!(tripped.reason.contains("clock jump: the wall clock moved by -4"), "{}", tripped.reason);
    let (exchange, account, _folder) = outside.end();
    assert!(exchange.engine().orders_of(account).count() > 0);
    assert_eq!(resting(exchange.engine(), account), 0);
}

fn open_markets(venue: &Venue) -> Vec<Market> {
    let credentials = Some(Arc::clone(&venue.credentials));
    let client = RestClient::new(&venue.rest, &Trust::WebPki, credentials, Duration::from_secs(5));
    let body = client.get("/trade-api/v2/markets?status=open").unwrap().body;
    serde_json::from_slice::<MarketsPage>(&body).unwrap().markets
}

/// Places an order that will rest, at one cent.
fn place(venue: &Venue, client_order_id: &str, ticker: &str, shard: u8) -> OrderId {
    let body = format!(
        r#"{{"ticker":"{ticker}","client_order_id":"{client_order_id}","side":"bid","count":"1.00","price":"0.0100","time_in_force":"good_till_canceled","self_trade_prevention_type":"taker_at_cross","exchange_index":{shard}}}"#
    );
    let path = kalshi_actor::wire::orders::ORDERS_PATH;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let signature = Signature::make(&venue.credentials, "POST", path, now_ms).unwrap();
    let mut request = ureq::post(format!("{}{path}", venue.rest.origin())).content_type("application/json");
    for (name, value) in signature.headers(&venue.credentials.key_id) {
        request = request.header(name, value);
    }
    let mut answer = request.send(body.as_bytes()).unwrap();
    let text = answer.body_mut().read_to_vec().unwrap();
    kalshi_actor::wire::orders::answer::parse_created(&text).unwrap().order
}

#[test]
fn kill_cancels_our_orders_on_every_shard_and_leaves_others_alone() {
    let outside = Outside::start(6);
    let venue = outside.venue();
    let markets = open_markets(&venue);
    let mut shards = std::collections::BTreeSet::new();
    for number in 0..30u32 {
        let market = &markets[number as usize % markets.len()];
        let shard = market.exchange_index.unwrap_or(0);
        shards.insert(shard);
        place(&venue, &format!("kact-00000000000000aa-{number:08x}"), &market.ticker, shard);
    }
    assert_eq!(shards.len(), 2);
    let market = &markets[0];
    let foreign = place(&venue, "somebody-else", &market.ticker, market.exchange_index.unwrap_or(0));

    let settings = KillSettings { read_lag: Duration::from_millis(600), patience: Duration::from_secs(15) };
    let report = kill(&venue, settings, &[]).report;
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.found, report.foreign), (30, 1), "{report}");
    assert!(report.cancelled == 30, "{report}");
    let (exchange, account, _folder) = outside.end();
    let left: Vec<_> = exchange
        .engine()
        .orders_of(account)
        .filter(|order| order.status == OrderStatus::Resting)
        .map(|order| order.client_order_id.clone())
        .collect();
    assert_eq!(left.len(), 1);
    assert_eq!(exchange.engine().order(foreign).unwrap().status, OrderStatus::Resting);
}

#[test]
fn kill_from_elsewhere_stops_a_trader_that_runs_by_its_order_groups() {
    let mut outside = Outside::start(8);
    outside.config.orders.group_reset_ms = 0;
    let mut config = outside.config.clone();
    config.venue.live = true;
    let (killed, killed_ms): (Killed, i64) = std::thread::scope(|scope| {
        let session = scope.spawn(|| outside.trade(true, Duration::from_secs(12)));
        std::thread::sleep(Duration::from_secs(7));
        // Another process finds the groups on disk.
        let known: Vec<KnownGroup> = state_dir(&config, None).unwrap().groups().unwrap().unwrap();
        assert_eq!(known.len(), 2);
        let settings = KillSettings { read_lag: Duration::from_millis(600), patience: Duration::from_secs(10) };
        let killed_ms = wall_ms();
        let killed = kill(&outside.venue(), settings, &known);
        assert_agrees(&session.join().unwrap());
        (killed, killed_ms)
    });
    assert_eq!(killed.triggered, 2);
    let report = killed.report;
    assert!(report.is_clean(), "{report}");
    let (exchange, account, _folder) = outside.end();
    let engine = exchange.engine();
    assert!(engine.groups_of(account).all(|group| group.triggered));
    let last_ms = engine.orders_of(account).map(|order| order.created_ms).max().unwrap();
    assert!(last_ms < killed_ms + 1_000, "an order was taken {} ms after the call", last_ms - killed_ms);
    assert_eq!(resting(engine, account), 0);
}

#[test]
fn kill_says_so_when_it_cannot_see_the_orders() {
    let outside = Outside::start(7);
    let venue = outside.venue();
    let (_exchange, _, _folder) = outside.end();
    let settings = KillSettings { read_lag: Duration::from_millis(50), patience: Duration::from_millis(300) };
    let mut told = Vec::new();
    let ways =
        KillWays { everything: false, known_orders: &mut Vec::new, tell: &mut |what| told.push(what.to_owned()) };
    let report = line::kill(&venue, &Trust::WebPki, settings, &[], ways).report;
    let text = report.to_string();
    assert!(!report.is_clean() && text.contains("could not be read") && text.contains("/portfolio/orders"), "{text}");
    assert!(
        told[0].starts_with("resting orders cannot be read: ") && told[0].ends_with("; trying for another 1 s"),
        "{told:?}"
    );
}

#[test]
fn kill_of_everything_takes_the_orders_of_others_too() {
    let outside = Outside::start(9);
    let venue = outside.venue();
    let markets = open_markets(&venue);
    let shard = markets[0].exchange_index.unwrap_or(0);
    place(&venue, "kact-00000000000000aa-00000001", &markets[0].ticker, shard);
    place(&venue, "somebody-else", &markets[0].ticker, shard);
    let settings = KillSettings { read_lag: Duration::from_millis(600), patience: Duration::from_secs(15) };
    let ways = KillWays { everything: true, known_orders: &mut Vec::new, tell: &mut |what| println!("{what}") };
    let report = line::kill(&venue, &Trust::WebPki, settings, &[], ways).report;
    assert!(report.is_clean() && report.everything, "{report}");
    assert!(report.to_string().contains("everything on the account was cancelled"), "{report}");
    let (exchange, account, _folder) = outside.end();
    assert_eq!(resting(exchange.engine(), account), 0);
}

#[test]
fn a_stop_ends_in_its_time_however_long_reads_may_lag_and_says_what_it_waits_for() {
    let outside = Outside::start(10);
    let mut config = outside.config.clone();
    config.venue.live = true;
    // The last comparison would take an hour.
    config.orders.read_lag_ms = 3_600_000;
    config.orders.stop_timeout_ms = 6_000;
    let clock = Clock::start();
    let session = SessionClock::new(clock.now_ns(), wall_ms(), 1_000);
    let mut shown = Vec::new();
    let see = |what: &Shown| {
        if let Shown::Stopping { waiting, left, .. } = what {
            shown.push((waiting.to_string(), *left));
        }
    };
    // The session builder would refuse this configuration.
    let mut plan = outside.plan(config, clock, &session);
    plan.duration = Some(Duration::from_secs(4));
    let report = run_session(plan, &Signals::detached(), see, || false).unwrap();
    assert!(shown.iter().any(|(waiting, _)| waiting == "the last comparison with the exchange"), "{shown:?}");
    assert!(shown.windows(2).all(|pair| pair[1].1 < pair[0].1), "what is left shrinks: {shown:?}");
    let told = report.failures.join("\n");
    assert!(told.contains("orders may still be open") && told.contains("reads may lag for longer"), "{told}");
    let (exchange, account, _folder) = outside.end();
    assert_eq!(resting(exchange.engine(), account), 0);
}

#[test]
fn a_live_session_does_not_start_blind() {
    let outside = Outside::start(9);
    let refused = |outside: &Outside| {
        let refused = outside.try_to_trade(true, Duration::from_secs(5));
        refused.err().expect("a session that must not start").to_string()
    };
    // The exchange's status remains unknown, also if the body contradicts the status code.
    for status in [RefusalStatus::TooManyRequests, RefusalStatus::Internal, RefusalStatus::Unavailable] {
        for _ in 0..3 {
            outside.handle.faults().arm(Fault::RefuseRead { status });
        }
        let text = refused(&outside);
        assert!(text.contains("the state of the exchange remains unknown after 3 attempts"), "{text}");
        assert!(text.contains(&u16::from(status).to_string()), "{text}");
    }
    assert!(!outside.folder.path().join("session").exists());
    // Fewer failures than that are tolerated.
    for _ in 0..2 {
        outside.handle.faults().arm(Fault::RefuseRead { status: RefusalStatus::Unavailable });
    }
    assert_agrees(&outside.trade(true, Duration::from_secs(5)));

    let Outside { handle, config, folder } = outside;
    handle.stop().unwrap();
    // Nothing listens at its addresses any more.
    let gone = Outside { handle: Outside::start(10).handle, config, folder };
    let text = refused(&gone);
    assert!(text.contains("the state of the exchange remains unknown"), "{text}");
}

#[test]
fn credentials_that_the_venue_refuses_start_nothing() {
    let mut outside = Outside::start(11);
    let right = outside.config.venue.key_id.clone();
    let refused = |outside: &Outside, live: bool| {
        let refused = outside.try_to_trade(live, Duration::from_secs(5));
        refused.err().expect("a session that must not start").to_string()
    };
    "00000000-0000-0000-0000-000000000000".clone_into(&mut outside.config.venue.key_id);
    for live in [true, false] {
        let text = refused(&outside, live);
        assert!(
            text.contains("venue demo: the credentials are refused (HTTP 401") && text.contains("NOT_FOUND"),
            "{text}"
        );
        assert!(!text.contains("00000000-0000"), "{text}");
    }
    // Another account's private key.
    outside.config.venue.key_id = right;
    let other = Outside::start(12);
    outside.config.venue.private_key_path.clone_from(&other.config.venue.private_key_path);
    let text = refused(&outside, true);
    assert!(text.contains("INCORRECT_API_KEY_SIGNATURE"), "{text}");
    assert!(!outside.folder.path().join("session").exists());
}

#[test]
fn keys_that_are_revoked_while_it_trades_trip() {
    let outside = Outside::start(13);
    let mut live = outside.config.clone();
    live.venue.live = true;
    live.orders.stop_timeout_ms = 31_000;
    let session = outside.session(live.clone()).duration(Duration::from_mins(2)).start(maker()).unwrap();
    std::thread::sleep(Duration::from_secs(7));
    outside.handle.faults().arm(Fault::RevokeKeys { for_ms: 12_000 });
    let report = session.join().unwrap();
    assert!(!report.is_success());
    assert!(report.failures.iter().any(|failure| failure.contains("credentials refused")), "{:?}", report.failures);
    assert!(report.summary.orders.rejected < 40, "{}", report.report());
    let tripped = state_dir(&live, None).unwrap().tripped().unwrap().unwrap();
    assert!(tripped.reason.contains("the key or its signature (HTTP 401)"), "{}", tripped.reason);
    let (exchange, account, _folder) = outside.end();
    assert!(exchange.engine().orders_of(account).count() > 0);
    assert_eq!(resting(exchange.engine(), account), 0);
}

#[test]
fn a_panic_of_the_main_thread_leaves_no_order_open_and_trips() {
    let outside = Outside::start(14);
    let mut config = outside.config.clone();
    config.venue.live = true;
    let see = |shown: &Shown| match shown {
        Shown::Figures(figures) => assert!(figures.orders < 4, "a defect of whoever shows the figures"),
        Shown::Leases(_) | Shown::Standstill(_) | Shown::Stopping { .. } => {}
    };
    let session = outside.session(config.clone()).duration(Duration::from_mins(2)).show(see);
    let report = session.run(maker()).unwrap();
    assert!(
        report.failures[0].contains("main thread") && report.failures[0].contains("a defect"),
        "{:?}",
        report.failures
    );
    let tripped = state_dir(&config, None).unwrap().tripped().unwrap().unwrap();
    assert!(tripped.reason.contains("a defect"), "{}", tripped.reason);
    let (exchange, account, _folder) = outside.end();
    assert!(exchange.engine().orders_of(account).count() > 0);
    assert_eq!(resting(exchange.engine(), account), 0);
}
