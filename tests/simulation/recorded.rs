//! Recorded markets on virtual time: the speed of the session clock makes no difference.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use kalshi_actor::decide::policy::{AnyPolicy, PolicySpec};
use kalshi_actor::drivers::simulation::{FaultRates, SentRequest};
use kalshi_actor::exchange::recorded::Holes;
use kalshi_actor::market::{Count, Price};
use kalshi_actor::messages::{DecisionRecord, Skip};
use kalshi_actor::record::journal::SegmentLimits;
use kalshi_actor::session::load_recordings;

use crate::support::{Plan, START_MS, Simulation, fills, stop_and_check};

/// Session time before the first frame. Reading the account takes real time, which at 20x is half a minute of session
/// time. It must be done before the market begins, or the runs would start at different frames.
const LEAD_MS: i64 = 60_000;

/// Plays frames files from their first frame until their markets have paid, and stops.
fn play(files: &[PathBuf], policy: &PolicySpec, speed_milli: u32) -> Simulation<AnyPolicy> {
    let recordings = load_recordings(files, None, Holes::Told).unwrap();
    let end_ms = recordings.end_ms;
    let mut simulation =
        Plan::recorded(policy.clone(), recordings.markets, recordings.start_ms - LEAD_MS, speed_milli).start();
    simulation.run_until(end_ms);
    stop_and_check(&mut simulation);
    simulation
}

/// Orders and decisions, without the creation of the order group, whose session time depends on how fast the account
/// was read.
fn trace(simulation: &Simulation<AnyPolicy>) -> (Vec<&SentRequest>, &[DecisionRecord<'static>]) {
    let orders = simulation.instruments().sent().iter().filter(|request| !request.path.contains("/order_groups/"));
    (orders.collect(), simulation.instruments().decisions())
}

/// Plays at both speeds and returns the slower run.
fn play_at_1x_and_20x(files: &[PathBuf], policy: &PolicySpec) -> Simulation<AnyPolicy> {
    let slow = play(files, policy, 1_000);
    let fast = play(files, policy, 20_000);
    println!(
        "{policy}: {} decisions, {} requests, {:?}",
        slow.instruments().decisions().len(),
        slow.instruments().sent().len(),
        fills(&slow)
    );
    for (slow, fast) in trace(&slow).0.iter().zip(trace(&fast).0) {
        assert_eq!(*slow, fast);
    }
    for (slow, fast) in slow.instruments().decisions().iter().zip(fast.instruments().decisions()) {
        assert_eq!(slow, fast);
    }
    assert!(trace(&slow) == trace(&fast), "one run has more than the other");
    slow
}

/// Asserts that the position at the close was paid at the market's result.
fn assert_paid(simulation: &Simulation<AnyPolicy>, value: Price) -> Count {
    let exchange = simulation.exchange();
    let settlement = exchange.engine().settlements_of(exchange.clients()[0]).next();
    let held = settlement.map_or(Count::ZERO, |settlement| {
        assert_eq!(settlement.value, value);
        let paid = if settlement.contracts > Count::ZERO { value } else { value.complement() };
        assert_eq!(settlement.revenue, paid.times(settlement.contracts.abs()));
        settlement.contracts
    });
    assert!(simulation.stages().execute.positions().all(|view| view.contracts.is_zero()));
    held
}

/// The folder of recorded frames, or `None` with the reason printed.
fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("KALSHI_REAL_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/real"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is absent; KALSHI_REAL_DATA names the folder of recorded frames", folder.display());
    None
}

#[test]
fn a_gold_window_gives_the_same_orders_and_decisions_at_1x_and_20x() {
    let Some(folder) = real_data() else { return };
    let name = "ws_prod_gold15m/frames/KXGOLD15M-26AUG101900-00.2026-08-10.jsonl.zst";
    for policy in [PolicySpec::Maker, PolicySpec::Onnx] {
        let simulation = play_at_1x_and_20x(&[folder.join(name)], &policy);
        assert!(fills(&simulation).0 > 0, "{policy}: no fill");
        println!("{policy}: held {} at the close", assert_paid(&simulation, Price::ONE));
    }
}

/// A grid with tenths of a cent at both ends, four connections, and books that cross within a millisecond.
#[test]
fn a_bitcoin_window_of_four_connections_is_traded_to_its_end() {
    let Some(folder) = real_data() else { return };
    let connections = ["0514T043124", "0514T043304", "0514T043811", "0514T044452"];
    let name = |from| format!("ws_prod_btc15m_2026-05/frames/KXBTC15M-26MAY140045-45.{from}.jsonl.zst");
    let files = connections.map(|from| folder.join(name(from)));
    let simulation = play(&files, &PolicySpec::Maker, 20_000);
    let decide = simulation.stages().decide.counters();
    println!("{:?}, {decide:?}", fills(&simulation));
    assert!(fills(&simulation).0 > 0 && decide.decisions > 1_000, "{decide:?}");
    assert_eq!(decide.crossed_states, 0, "a step is published as a whole, removals first");
}

const RECORD: &str = r#"{"market":{"ticker":"KXSMALL-1-A","event_ticker":"KXSMALL-1",
    "open_time":"2026-09-21T15:00:00Z","close_time":"2026-09-21T15:15:00Z","settlement_timer_seconds":1,
    "status":"finalized","result":"yes","settlement_value_dollars":"1.0000","price_level_structure":"linear_cent",
    "price_ranges":[{"start":"0.0000","end":"1.0000","step":"0.0100"}]}}"#;
/// 2026-09-21T15:00:00Z.
const OPEN_MS: i64 = 1_790_002_800_000;

/// A market of one minute with a book of 40 / 44, in which someone sells 12 contracts at 40 after 12 seconds.
fn small_recording() -> String {
    let first_ms = OPEN_MS + 100;
    let mut text = format!(
        r#"{{"recv_ms":{first_ms},"event":{{"type":"orderbook_snapshot","sid":1,"seq":7,"msg":{{"market_ticker":"KXSMALL-1-A","yes_dollars_fp":[["0.3800","20.00"],["0.4000","5.00"]],"no_dollars_fp":[["0.5600","30.50"]]}}}}}}"#
    );
    text.push('\n');
    for second in 1..=60 {
        let ts_ms = OPEN_MS + second * 1_000;
        let (price, change) = if second == 12 { ("0.4000", "-5.00") } else { ("0.3900", "1.50") };
        let delta = format!(
            r#"{{"type":"orderbook_delta","sid":1,"seq":{},"msg":{{"market_ticker":"KXSMALL-1-A","price_dollars":"{price}","delta_fp":"{change}","side":"yes","ts_ms":{ts_ms}}}}}"#,
            7 + 2 * second
        );
        if second == 12 {
            writeln!(text, r#"{{"type":"trade","sid":2,"seq":1,"msg":{{"trade_id":"ba2632f9-7d17-66f5-2f82-7b085e54db40","market_ticker":"KXSMALL-1-A","yes_price_dollars":"0.4000","no_price_dollars":"0.6000","count_fp":"12.00","taker_side":"no","taker_outcome_side":"no","taker_book_side":"ask","ts_ms":{ts_ms}}}}}"#).unwrap();
        }
        if second % 2 == 0 {
            writeln!(text, "{delta}").unwrap();
        } else {
            writeln!(text, r#"{{"recv_ms":{},"event":{delta}}}"#, ts_ms + 20).unwrap();
        }
    }
    text
}

#[test]
fn a_small_recording_gives_the_same_orders_at_1x_and_20x_and_pays_its_result() {
    let folder = tempfile::tempdir().unwrap();
    let frames = folder.path().join("KXSMALL-1-A.jsonl");
    std::fs::write(&frames, small_recording()).unwrap();
    std::fs::write(folder.path().join("KXSMALL-1.json"), RECORD).unwrap();
    let script = folder.path().join("script.txt");
    std::fs::write(&script, "* 3..20 buy_yes\n").unwrap();

    // Our order joins the 5 contracts at 40, and gets the rest of the 12 that are sold.
    let simulation = play_at_1x_and_20x(std::slice::from_ref(&frames), &PolicySpec::Script(script));
    assert_eq!(assert_paid(&simulation, Price::ONE), Count::from_contracts(7));
    assert_eq!(simulation.instruments().sent().iter().filter(|request| request.method == "DELETE").count(), 1);

    let simulation = play_at_1x_and_20x(&[frames], &PolicySpec::Maker);
    assert!(!simulation.instruments().sent().is_empty());
    assert_paid(&simulation, Price::ONE);
}

#[test]
fn a_session_played_again_from_its_journal_trades_about_as_much() {
    let folder = tempfile::tempdir().unwrap();
    let limits = SegmentLimits { segment_bytes: 1 << 30, total_bytes: 1 << 32 };
    let mut live = Plan::generated(PolicySpec::Maker, 5).start_journaled(
        &folder.path().join("journal"),
        limits,
        (5, FaultRates::none()),
    );
    live.run_until(START_MS + 60_000);
    stop_and_check(&mut live);
    assert!(live.end_journal().unwrap().replayable);
    let again = play(&[folder.path().to_owned()], &PolicySpec::Maker, 1_000);

    let orders = |simulation: &Simulation<AnyPolicy>| trace(simulation).0.len();
    let blocked =
        |simulation: &Simulation<AnyPolicy>| simulation.stages().decide.counters().skipped[Skip::Blocked as usize];
    println!(
        "{} requests live, {} again; {} blocked, {}",
        orders(&live),
        orders(&again),
        blocked(&live),
        blocked(&again)
    );
    assert!(orders(&live) > 100, "{}", orders(&live));
    assert!(orders(&again) * 2 > orders(&live), "{} requests, {} live", orders(&again), orders(&live));
    assert!(
        blocked(&again) * 10 < again.instruments().decisions().len() as u64,
        "the end of a recording is not the close"
    );
    let exchange = again.exchange();
    for market in 0..exchange.engine().market_count() {
        let spec = exchange.engine().market(market).spec();
        let original = live.exchange().engine().market_by_ticker(&spec.ticker).unwrap();
        let original = live.exchange().engine().market(original).spec();
        assert_eq!((spec.close_ms, &spec.bands), (original.close_ms, &original.bands), "{}", spec.ticker);
        assert_eq!((spec.fees, spec.exchange_index), (original.fees, original.exchange_index), "{}", spec.ticker);
    }
}
