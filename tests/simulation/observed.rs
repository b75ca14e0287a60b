//! Recomputes what the policy saw: the features of the market by `observe` from the same frames, those of the account
//! from the exchange's own records.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kalshi_actor::decide::policy::{AnyPolicy, Policy, PolicySpec};
use kalshi_actor::drivers::observe::{ObserveOptions, observe_file};
use kalshi_actor::exchange::engine::UpdateReason;
use kalshi_actor::exchange::recorded::Findings;
use kalshi_actor::market::{BookLevels, BookSide, Count, MarketKey, OrderId, Outcome, Price};
use kalshi_actor::wire::frame::{Message, parse};

use crate::support::{Plan, START_MS, Simulation, stop_and_check};

/// When nothing has happened for this long, nothing is in flight between exchange and ledger.
const QUIET_MS: i64 = 250;

#[derive(serde::Deserialize)]
struct StateLine {
    ts_ms: i64,
    market: String,
    observation: Vec<f32>,
}

/// One order according to the exchange.
#[derive(Clone, Debug, PartialEq)]
struct Order {
    market: String,
    side: BookSide,
    price: f64,
    /// When it was placed or last amended.
    acked_ms: i64,
}

/// The trader's account according to the exchange.
#[derive(Clone, Debug, Default, PartialEq)]
struct Account {
    cash: f64,
    reserved: f64,
    /// Signed contracts and cost by market.
    positions: BTreeMap<String, (f64, f64)>,
    orders: Vec<Order>,
}

/// Reads the account from the exchange. `acked` records when orders were placed or amended.
fn account(simulation: &Simulation<AnyPolicy>, acked: &mut BTreeMap<OrderId, i64>) -> Account {
    let exchange = simulation.exchange();
    let (engine, id) = (exchange.engine(), exchange.clients()[0]);
    let ticker = |market| engine.market(market).spec().ticker.clone();
    let mut account = Account::default();
    for shard in engine.shards_of(id) {
        account.cash += engine.balance(id, shard).dollars();
        account.reserved += engine.reserved(id, shard).dollars();
    }
    for (market, position) in engine.positions_of(id).filter(|(_, position)| !position.contracts.is_zero()) {
        account.positions.insert(ticker(market), (position.contracts.contracts(), position.cost.dollars()));
    }
    for order in engine.orders_of(id).filter(|order| !order.remaining.is_zero()) {
        let acked_ms = acked.entry(order.order).or_insert(order.created_ms);
        if order.reason == UpdateReason::Amend {
            *acked_ms = order.updated_ms;
        }
        account.orders.push(Order {
            market: ticker(order.market),
            side: order.side,
            price: order.price.dollars(),
            acked_ms: *acked_ms,
        });
    }
    account
}

/// A market's book, built from frames in the simplest way possible.
#[derive(Default)]
struct Book {
    yes: BTreeMap<Price, Count>,
    no: BTreeMap<Price, Count>,
}

impl Book {
    fn mid(&self) -> Option<f64> {
        let bid = self.yes.last_key_value()?.0.dollars();
        let ask = 1.0 - self.no.last_key_value()?.0.dollars();
        Some(f64::midpoint(bid, ask))
    }

    fn is_crossed(&self) -> bool {
        let best = self.yes.last_key_value().zip(self.no.last_key_value());
        best.is_some_and(|((yes, _), (no, _))| *yes >= no.complement())
    }
}

/// Features 35-46 by the formulas of the schema.
fn portfolio_features(account: &Account, order: &[String], books: &BTreeMap<String, Book>) -> [f64; 12] {
    let available = account.cash - account.reserved;
    let held: Vec<(f64, f64, f64)> = order
        .iter()
        .filter_map(|ticker| {
            let &(contracts, cost) = account.positions.get(ticker)?;
            let mid = books.get(ticker).and_then(Book::mid).map_or(0.5, |mid| mid.clamp(0.01, 0.99));
            let worth = contracts.abs() * if contracts > 0.0 { mid } else { 1.0 - mid };
            Some((contracts, cost, worth))
        })
        .collect();
    let worth: f64 = held.iter().map(|(_, _, worth)| worth).sum();
    let value = available + account.reserved + worth;
    let mut features = [0.0; 12];
    if value <= 0.0001 {
        features[0] = 1.0;
        return features;
    }
    features[0] = (available / value).clamp(0.0, 1.0);
    features[1] = ((value - available) / value).clamp(0.0, 1.0);
    if held.is_empty() {
        return features;
    }
    let n = held.len() as f64;
    let size: f64 = held.iter().map(|(contracts, ..)| contracts.abs()).sum();
    let longs = held.iter().filter(|(contracts, ..)| *contracts > 0.0).count() as f64;
    let mut largest = held[0].0;
    for (contracts, ..) in &held {
        if contracts.abs() > largest.abs() {
            largest = *contracts;
        }
    }
    let shares: f64 = held.iter().map(|(contracts, ..)| (contracts.abs() / size).powi(2)).sum();
    features[2] = (n / 10.0).min(1.0);
    features[3] = (size / n / 1_000.0).min(1.0);
    features[4] = longs / n;
    features[5] = 1.0 - longs / n;
    features[6] = (held.iter().map(|(contracts, ..)| contracts).sum::<f64>() / size).tanh();
    features[7] = (held.iter().map(|(_, _, worth)| *worth).fold(0.0, f64::max) / value).min(1.0);
    features[8] = (largest / 1_000.0).clamp(-1.0, 1.0);
    features[9] = (held.iter().map(|(_, cost, worth)| worth - cost).sum::<f64>() / value).tanh();
    features[10] = if held.len() == 1 { 1.0 } else { 1.0 - (shares - 1.0 / n) / (1.0 - 1.0 / n) };
    features[11] = (worth / value).min(2.0) / 2.0;
    features
}

/// Features 47-51 by the formulas of the schema.
fn order_features(account: &Account, market: &str, mid: Option<f64>, time_ms: i64) -> [f64; 5] {
    let mut features = [0.0; 5];
    let mut newest_ms = None;
    for order in account.orders.iter().filter(|order| order.market == market) {
        let side = usize::from(order.side == BookSide::Ask);
        features[side] = 1.0;
        features[2 + side] = (mid.unwrap_or(0.5) - order.price).abs().min(1.0);
        newest_ms = newest_ms.max(Some(order.acked_ms));
    }
    features[4] = newest_ms.map_or(0.0, |acked_ms| ((time_ms - acked_ms).max(0) as f64 / 1_000.0 / 300.0).min(1.0));
    features
}

/// Runs in steps of a millisecond. Returns the exchange's account for each decision at which nothing was in flight.
fn run(simulation: &mut Simulation<AnyPolicy>) -> BTreeMap<usize, Account> {
    let mut quiet = BTreeMap::new();
    let (mut last, mut changed_ms, mut acked) = (Account::default(), START_MS, BTreeMap::new());
    for session_ms in START_MS..START_MS + 60_000 {
        let before = simulation.instruments().decisions().len();
        simulation.run_until(session_ms);
        let now = account(simulation, &mut acked);
        if now != last {
            changed_ms = session_ms;
            last = now;
        }
        let sent_ms = simulation.instruments().sent().last().map_or(START_MS, |request| request.session_ms);
        let after = simulation.instruments().decisions().len();
        if session_ms - changed_ms > QUIET_MS && session_ms - sent_ms > QUIET_MS {
            quiet.extend((before..after).map(|decision| (decision, last.clone())));
        }
    }
    quiet
}

#[test]
fn decisions_saw_what_observe_computes_and_what_the_exchange_has() {
    let mut plan = Plan::generated(PolicySpec::Maker, 5);
    plan.world.series.clear();
    plan.world.markets.truncate(4);
    plan.settings.remainder_first = true;
    let mut simulation = plan.start();
    let quiet = run(&mut simulation);
    stop_and_check(&mut simulation);

    let point_ms = AnyPolicy::load(&PolicySpec::Maker, None).unwrap().terms().point_ms;
    let frames = simulation.instruments().frames();
    let mut lines = String::new();
    for frame in frames {
        let text = std::str::from_utf8(&frame.text).unwrap();
        writeln!(lines, r#"{{"recv_ms":{},"event":{text}}}"#, frame.session_ms).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("frames.jsonl");
    std::fs::write(&recording, lines).unwrap();
    let mut output = Vec::new();
    let options = ObserveOptions { point_ms, ignore_seq: false };
    let summary = observe_file(&recording, options, &mut output).unwrap();
    assert_eq!(summary.findings, Findings { frames: frames.len() as u64, ..Findings::default() });
    let output = String::from_utf8(output).unwrap();
    let mut states = output.lines().map(|line| serde_json::from_str::<StateLine>(line).unwrap());

    let names: Vec<(MarketKey, String)> =
        simulation.stages().execute.positions().map(|view| (view.market, view.ticker.as_str().to_owned())).collect();
    let order: Vec<String> = names.iter().map(|(_, name)| name.clone()).collect();
    let mut books: BTreeMap<String, Book> = BTreeMap::new();
    let mut levels = BookLevels::default();
    let decisions = simulation.instruments().decisions();
    let (mut compared, mut with_position, mut with_order, mut crossed) = (0, 0, 0, 0);
    for (position, frame) in frames.iter().enumerate() {
        let ticker = match parse(&frame.text, &mut levels).unwrap().message {
            Message::Snapshot(snapshot) => {
                let book = books.entry(snapshot.ticker.to_owned()).or_default();
                book.yes = levels.yes.iter().copied().collect();
                book.no = levels.no.iter().copied().collect();
                snapshot.ticker.to_owned()
            }
            Message::Delta(delta) => {
                let book = books.get_mut(delta.ticker).unwrap();
                let side = if delta.side == Outcome::Yes { &mut book.yes } else { &mut book.no };
                let size = side.entry(delta.price).or_default();
                *size += delta.change;
                if size.is_zero() {
                    side.remove(&delta.price);
                }
                delta.ticker.to_owned()
            }
            _ => continue,
        };
        let until = frames.get(position + 1).map_or(decisions.len(), |next| next.decisions_before);
        if books[&ticker].is_crossed() {
            crossed += 1;
            assert_eq!(frame.decisions_before, until, "a decision on a crossed book");
            continue;
        }
        let state = states.next().expect("a state for each book frame");
        assert_eq!(state.market, ticker);
        for (number, decision) in decisions.iter().enumerate().take(until).skip(frame.decisions_before) {
            let name = &names.iter().find(|(key, _)| *key == decision.market).unwrap().1;
            assert_eq!((name, decision.time_ms), (&ticker, state.ts_ms), "decision {number}");
            for feature in 0..35 {
                assert_eq!(
                    decision.observation[feature].to_bits(),
                    state.observation[feature].to_bits(),
                    "feature {feature} of decision {number}: {} and {}",
                    decision.observation[feature],
                    state.observation[feature],
                );
            }
            compared += 1;
            let Some(account) = quiet.get(&number) else { continue };
            let expected = portfolio_features(account, &order, &books);
            let orders = order_features(account, &ticker, books[&ticker].mid(), decision.time_ms);
            for (feature, value) in (35..).zip(expected.into_iter().chain(orders)) {
                let seen = f64::from(decision.observation[feature]);
                assert!(
                    (seen - value).abs() < 1e-6,
                    "feature {feature} of decision {number} in {ticker}: {seen}, the exchange's account gives {value}: {account:?}"
                );
            }
            with_position += usize::from(!account.positions.is_empty());
            with_order += usize::from(orders[4] > 0.0);
        }
    }
    assert!(states.next().is_none());
    let counters = simulation.stages().decide.counters();
    assert_eq!((summary.crossed_states, counters.crossed_states), (crossed, crossed));
    assert_eq!(summary.crossed_steps, counters.crossed_steps);
    assert!(crossed > 0 && summary.crossed_steps <= crossed, "{summary:?}");
    println!("{compared} decisions, {} at rest: {with_position} with positions, {with_order} with orders", quiet.len());
    assert_eq!(compared, decisions.len());
    assert!(with_position >= 20 && with_order >= 20, "{with_position} {with_order}");
    for feature in [21, 29, 30, 31, 33] {
        let first = decisions[0].observation[feature];
        let varies = decisions.iter().any(|decision| decision.observation[feature].to_bits() != first.to_bits());
        assert!(varies, "feature {feature} never varies");
    }
}
