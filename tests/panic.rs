//! A panic of the execute thread. It comes from the log, which is the only code of a test's own that runs in that thread; a log
//! is one for the whole process, so this test is alone in it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kalshi_actor::config::{Config, IdleName, VenueName};
use kalshi_actor::decide::policy::{AnyPolicy, PolicySpec};
use kalshi_actor::exchange::Exchange;
use kalshi_actor::exchange::faults::Fault;
use kalshi_actor::exchange::scenario::Scenario;
use kalshi_actor::market::OrderStatus;
use kalshi_actor::network::endpoint::Endpoint;
use kalshi_actor::session::{Session, Shown, outside_venue, settings, state_dir};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Panics where the execute thread tells of something.
struct PanickingLog;

static PANICKED: AtomicBool = AtomicBool::new(false);

impl Subscriber for PanickingLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {
        if std::thread::current().name() == Some("execute") {
            PANICKED.store(true, Ordering::Relaxed);
            panic!("a defect of the execute thread");
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn a_panic_of_the_execute_thread_leaves_no_order_open_and_trips() {
    tracing::subscriber::set_global_default(PanickingLog).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.venue.name = VenueName::Demo;
    config.venue.live = true;
    config.pipeline.idle = IdleName::Park;
    config.record.journal = false;
    config.record.state_dir = folder.path().join("state").to_string_lossy().into_owned();
    config.markets.count = 4;
    let exchange = Exchange::builder()
        .seed(5)
        .settings(settings(&config.exchange).unwrap())
        .scenario_of(Scenario::default(), 4)
        .cash(config.exchange.cash)
        .keys_in(folder.path().join("keys"))
        .start()
        .unwrap();
    let key = &exchange.accounts[0].keys[0];
    config.venue.rest_url = exchange.rest_url.parse::<Endpoint>().unwrap().origin();
    config.venue.ws_url = exchange.ws_url.parse::<Endpoint>().unwrap().origin();
    config.venue.key_id.clone_from(&key.key_id);
    config.venue.private_key_path = key.path.as_ref().unwrap().to_string_lossy().into_owned();

    // An order write that is cut off after it was carried out is told by the execute thread. Others rest by then.
    let faults = exchange.faults();
    let mut armed = false;
    let see = move |shown: &Shown| {
        if let Shown::Figures(figures) = shown
            && figures.orders >= 4
            && !std::mem::replace(&mut armed, true)
        {
            faults.arm(Fault::CutAnswer);
        }
    };
    let venue = outside_venue(&config.venue, |_| None).unwrap();
    let session = Session::builder(config.clone()).outside_at(venue).folder(folder.path().join("session"));
    let policy = AnyPolicy::load(&PolicySpec::Maker, None).unwrap();
    let report = session.duration(Duration::from_mins(2)).show(see).run(policy).unwrap();

    assert!(PANICKED.load(Ordering::Relaxed));
    assert!(!report.is_success());
    assert!(report.failures[0].contains("execute") && report.failures[0].contains("a defect"), "{:?}", report.failures);
    assert!(report.notes.iter().any(|note| note.contains("cancelled past the execute stage")), "{:?}", report.notes);
    let tripped = state_dir(&config, None).unwrap().tripped().unwrap().unwrap();
    assert!(tripped.reason.contains("a defect"), "{}", tripped.reason);
    let exchange = exchange.stop().unwrap();
    let account = exchange.clients()[0];
    let orders: Vec<_> = exchange.engine().orders_of(account).collect();
    assert!(orders.len() >= 4);
    assert!(orders.iter().all(|order| order.status != OrderStatus::Resting));
}
