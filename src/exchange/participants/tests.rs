//! The default world: active, repeatable, never broken.

use super::*;
use crate::exchange::engine::Event;
use crate::market::BookSide;

const START_MS: i64 = 1_790_000_000_000;

/// Runs the default world for some seconds, and passes each event to `see`.
fn run(seed: u64, markets: usize, seconds: i64, see: impl FnMut(&Engine, &Event)) -> Engine {
    run_world(default_world(seed, markets, START_MS), seconds, see)
}

fn run_world(world: World, seconds: i64, mut see: impl FnMut(&Engine, &Event)) -> Engine {
    let mut engine = Engine::new(world.seed);
    let mut participants = Participants::new(&mut engine, world, START_MS).unwrap();
    let end_ms = START_MS + seconds * 1_000;
    while let Some(due_ms) = participants.next_ms().filter(|due_ms| *due_ms <= end_ms) {
        participants.advance(&mut engine, due_ms);
        let events: Vec<Event> = engine.drain_events().collect();
        for event in events {
            see(&engine, &event);
        }
    }
    engine.advance(end_ms);
    engine
}

#[test]
fn every_market_of_the_default_world_is_active_and_never_crossed() {
    const SECONDS: usize = 30;
    let (mut levels, mut trades, mut mid_moves) = ([0usize; 16], [0usize; 16], [0usize; 16]);
    let mut mids = [0i64; 16];
    let engine = run(1, 8, 30, |engine, event| match event {
        Event::Level { market, .. } => {
            let index = *market as usize;
            levels[index] += 1;
            let (bid, ask) = (engine.best(*market, BookSide::Bid), engine.best(*market, BookSide::Ask));
            if let (Some((bid, _)), Some((ask, _))) = (bid, ask) {
                assert!(bid < ask, "market {market} is crossed");
                let mid = bid.units() + ask.units();
                mid_moves[index] += usize::from(mids[index] != mid);
                mids[index] = mid;
            }
        }
        Event::Trade { market, .. } => trades[*market as usize] += 1,
        _ => {}
    });
    for market in 0..7 {
        let ticker = &engine.market(u32::try_from(market).unwrap()).spec().ticker;
        println!(
            "{ticker}: {} deltas, {} trades, {} mid moves in {SECONDS} s",
            levels[market], trades[market], mid_moves[market]
        );
        assert!((15 * SECONDS..80 * SECONDS).contains(&levels[market]), "{ticker}: {} deltas", levels[market]);
        assert!((2 * SECONDS..12 * SECONDS).contains(&trades[market]), "{ticker}: {} trades", trades[market]);
    }
}

#[test]
fn small_orders_at_the_touch_are_filled_in_parts_and_whole() {
    let (mut whole, mut fractional) = (0, 0);
    run(2, 2, 20, |_, event| {
        if let Event::Trade { count, .. } = event {
            if count.units() % 100 == 0 { whole += 1 } else { fractional += 1 }
        }
    });
    assert!(whole > 20 && fractional > 20, "{whole} whole and {fractional} fractional trades");
}

#[test]
fn the_series_closes_determines_pays_and_goes_on() {
    let mut told = Vec::new();
    let engine = run(3, 8, 40, |engine, event| match event {
        Event::Created { market } => told.push(("created", *market, engine.market(*market).spec().open_ms)),
        Event::Determined { market, time_ms, .. } => told.push(("determined", *market, *time_ms)),
        Event::Settled { market, time_ms } => told.push(("settled", *market, *time_ms)),
        _ => {}
    });
    let series: Vec<_> =
        told.into_iter().filter(|(_, market, _)| *market >= 7).map(|(w, m, t)| (w, m, t - START_MS)).collect();
    assert_eq!(
        series,
        [
            ("created", 7, 0),
            ("created", 8, 13_000),
            ("determined", 7, 16_000),
            ("settled", 7, 17_000),
            ("created", 9, 28_000),
            ("determined", 8, 31_000),
            ("settled", 8, 32_000),
        ]
    );
    assert_eq!(engine.market(8).spec().ticker, "KXSIM15S-0002-UP");
    assert!(engine.market(8).volume() > crate::market::Count::ZERO);
}

#[test]
fn at_most_one_market_of_an_exclusive_event_pays() {
    for seed in 0..8 {
        let mut world = default_world(seed, 4, START_MS);
        world.series.clear();
        for market in &mut world.markets {
            (market.spec.event_ticker, market.spec.exclusive) = ("KXONE".to_owned(), true);
            (market.spec.close_ms, market.settlement) = (START_MS + 2_000, Settlement::Binary);
            (market.probability, market.determination_ms) = (0.9, Some(1_000));
        }
        let mut paid = Vec::new();
        run_world(world, 5, |_, event| {
            if let Event::Determined { value, .. } = event {
                paid.push(*value);
            }
        });
        let most = paid.iter().filter(|value| **value > crate::market::Price::ZERO).count();
        assert!(paid.len() >= 2 && most <= 1, "seed {seed}: {paid:?}");
    }
}

#[test]
fn in_a_quiet_world_markets_open_and_settle_but_nobody_trades() {
    let (mut orders, mut settled) = (0, Vec::new());
    let world = World { quiet: true, ..default_world(3, 8, START_MS) };
    let engine = run_world(world, 33, |_, event| match event {
        Event::Level { .. } | Event::Trade { .. } => orders += 1,
        Event::Settled { market, .. } => settled.push(*market),
        _ => {}
    });
    assert_eq!((orders, settled), (0, vec![7, 8]));
    assert_eq!(engine.market_count(), 10);
}

#[test]
fn the_same_seed_gives_the_same_events_and_another_seed_others() {
    let events = |seed| {
        let mut all = Vec::new();
        run(seed, 4, 5, |_, event| all.push(event.clone()));
        all
    };
    assert_eq!(events(7), events(7));
    assert_ne!(events(7), events(8));
}

/// Runs one lasting market with this crowd, and passes each event to `see`.
fn run_crowd(crowd: Crowd, motion: Motion, seconds: i64, mut see: impl FnMut(&Engine, &Event)) {
    let mut world = default_world(5, 1, START_MS);
    world.markets[0] = MarketPlan { motion, crowd, ..world.markets[0].clone() };
    let mut engine = Engine::new(5);
    let mut participants = Participants::new(&mut engine, world, START_MS).unwrap();
    while let Some(due_ms) = participants.next_ms().filter(|due_ms| *due_ms <= START_MS + seconds * 1_000) {
        participants.advance(&mut engine, due_ms);
        let events: Vec<Event> = engine.drain_events().collect();
        for event in &events {
            see(&engine, event);
        }
    }
}

const STILL: Motion = Motion::Lasting { volatility: 0.0, drift: 0.0, jumps: 0.0, jump: 0.0 };

fn maker(changes: u32) -> Style {
    Style {
        half_width: 0.01,
        spacing: 0.01,
        levels: 4,
        size: 10.0,
        requote_ms: 200.0,
        noise: 0.02,
        pulls: 0.0,
        patience: 0.005,
        renewals: 0.0,
        crosses: 0.0,
        changes,
    }
}

#[test]
fn a_maker_changes_as_many_quotes_at_a_time_as_its_style_says() {
    let most = |changes: u32| {
        let mut together = std::collections::BTreeMap::new();
        let crowd = Crowd { makers: vec![maker(changes)], ..Crowd::default() };
        run_crowd(crowd, STILL, 20, |_, event| {
            if let Event::Level { time_ms, .. } = event {
                *together.entry(*time_ms).or_insert(0) += 1;
            }
        });
        assert!(together.len() > 20, "{} changes in 20 s", together.len());
        *together.values().max().unwrap()
    };
    assert_eq!((most(1), most(3)), (1, 3));
    assert!(most(u32::MAX) > 6);
}

#[test]
fn cancel_bursts_empty_the_book_and_the_makers_come_back() {
    let crowd = Crowd { makers: vec![maker(u32::MAX); 3], cancel_bursts_per_s: 0.2, ..Crowd::default() };
    let (mut empty, mut full, mut was_empty) = (0, 0, true);
    run_crowd(crowd, STILL, 60, |engine, _| {
        let is_empty = engine.best(0, BookSide::Bid).is_none() && engine.best(0, BookSide::Ask).is_none();
        empty += i32::from(is_empty && !was_empty);
        full += i32::from(!is_empty && was_empty);
        was_empty = is_empty;
    });
    assert!((4..=25).contains(&empty), "emptied {empty} times in a minute, 12 expected");
    assert!(full >= empty, "{full} comebacks after {empty} bursts");
}

#[test]
fn little_happens_in_quiet_hours() {
    let quiet_hours = Some(QuietHours { every_ms: 20_000, lasts_ms: 10_000, activity: 0.05 });
    let crowd = Crowd { makers: vec![maker(u32::MAX)], quiet_hours, ..Crowd::default() };
    let (mut lively, mut quiet) = (0, 0);
    run_crowd(crowd, STILL, 80, |_, event| {
        if let Event::Level { time_ms, .. } = event {
            // A wait that began before the quiet hours ends in them.
            match (time_ms - START_MS).rem_euclid(20_000) {
                0..10_000 => lively += 1,
                11_000.. => quiet += 1,
                _ => {}
            }
        }
    });
    assert!(lively > 100 && quiet * 5 < lively, "{lively} changes in lively hours, {quiet} in quiet ones");
}

#[test]
fn after_a_jump_makers_pull_and_the_informed_take_what_is_left() {
    let jumpy = Motion::Lasting { volatility: 0.0, drift: 0.0, jumps: 0.2, jump: 1.0 };
    let trades = |reaction: f64| {
        let style = Style { patience: 0.002, noise: 0.0, requote_ms: 2_000.0, ..maker(u32::MAX) };
        let crowd = Crowd { makers: vec![style; 3], informed_size: 1.0, reaction, ..Crowd::default() };
        let mut trades = 0;
        run_crowd(crowd, jumpy, 60, |_, event| trades += i32::from(matches!(event, Event::Trade { .. })));
        trades
    };
    assert_eq!(trades(0.0), 0, "in this crowd nobody trades unprompted");
    assert!(trades(1.0) > 5);
}
