//! The default world: lively, repeatable, never broken.

use super::*;
use crate::exchange::engine::Event;
use crate::market::BookSide;

const START_MS: i64 = 1_790_000_000_000;

/// Runs the default world for some seconds and hands each event to `see`.
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
fn every_market_of_the_default_world_is_lively_and_never_crossed() {
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
fn in_a_quiet_world_markets_live_and_settle_but_nobody_trades() {
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
