//! Recorded markets with real frames: without our orders, the published book equals the recorded one after every step.

mod crossed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kalshi_actor::exchange::engine::{Engine, Event};
use kalshi_actor::exchange::recorded::{
    Entry, Findings, Holes, Pairing, Playback, RecordedFaults, SessionMarket, find_metadata, read_frames,
};
use kalshi_actor::market::{BookLevels, Count, FeeSchedule, Outcome, Price};

/// The folder of recorded frames, or `None` with the reason printed.
fn real_data() -> Option<PathBuf> {
    let folder =
        std::env::var_os("KALSHI_REAL_DATA").map_or_else(|| PathBuf::from("../shared/data/real"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: {} is absent; KALSHI_REAL_DATA names the folder of recorded frames", folder.display());
    None
}

/// The frames files of a folder, grouped by window.
fn windows(folder: &Path) -> BTreeMap<String, Vec<PathBuf>> {
    let mut windows: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        let ticker = name.split('.').next().unwrap().to_owned();
        windows.entry(ticker).or_default().push(path);
    }
    windows
}

type Side = BTreeMap<Price, Count>;

/// Applies a recorded entry to a book, independently of the code under test.
fn fold(book: &mut [Side; 2], entry: &Entry) {
    match entry {
        Entry::Snapshot(levels) => {
            book[0] = levels.yes.iter().copied().collect();
            book[1] = levels.no.iter().copied().collect();
        }
        Entry::Delta { side, price, change } => apply(book, *side, *price, *change),
        Entry::Trade { .. } => {}
    }
}

fn apply(book: &mut [Side; 2], side: Outcome, price: Price, change: Count) {
    let size = book[side as usize].entry(price).or_default();
    *size += change;
    if size.is_zero() {
        book[side as usize].remove(&price);
    }
}

fn replay(ticker: &str, files: &[PathBuf]) -> Pairing {
    let (recording, findings) = read_frames(files, Holes::Told).unwrap();
    assert_eq!(recording.len(), 1, "{ticker}");
    let Findings { repeats, holes, missing, out_of_order, unusable, .. } = findings;
    assert_eq!((repeats, holes, missing, out_of_order, unusable), (0, 0, 0, 0, 0), "{ticker}");
    // Trades and deltas come on two subscriptions, and one is sometimes a millisecond ahead.
    assert!(findings.earlier <= 10, "{ticker}: {findings}");
    let metadata = find_metadata(&files[0], ticker).unwrap_or_else(|| panic!("{ticker} has metadata"));
    let session = SessionMarket::read(&metadata, ticker, FeeSchedule::QUADRATIC).unwrap();
    assert!(session.result.is_some(), "{ticker}");
    assert!(recording[0].ended, "{ticker} ends with an empty snapshot");
    let playback = Playback::new(recording);
    let mut engine = Engine::new(1);
    let market = engine.list_market(session.spec, playback.start_ms()).unwrap();
    let (recorded, pairing) = assert_publishes_the_recording(ticker, playback, &mut engine, market);
    assert!(recorded[0].is_empty() && recorded[1].is_empty(), "{ticker} ends empty");
    pairing
}

/// Plays a market and asserts that the published book equals the recorded one after every step. Returns the final book.
fn assert_publishes_the_recording(
    ticker: &str,
    mut playback: Playback,
    engine: &mut Engine,
    market: u32,
) -> ([Side; 2], Pairing) {
    let (mut recorded, mut heard) = ([Side::new(), Side::new()], [Side::new(), Side::new()]);
    let mut levels = BookLevels::default();
    let mut pairing = Pairing::default();
    while let Some(now_ms) = playback.next_ms() {
        let (_, step) = playback.pop_due(now_ms).unwrap();
        pairing += step.pairing();
        step.entries.iter().for_each(|entry| fold(&mut recorded, entry));
        engine.recorded_step(market, &step, now_ms);
        for event in engine.drain_events() {
            if let Event::Level { side, price, change, .. } = event {
                apply(&mut heard, side, price, change);
            }
        }
        assert_eq!(heard, recorded, "{ticker} after the step of {}", step.ts_ms);
        engine.levels(market, &mut levels);
        assert!(levels.yes.iter().copied().eq(recorded[0].iter().map(|(&p, &c)| (p, c))), "{ticker} {}", step.ts_ms);
        assert!(levels.no.iter().copied().eq(recorded[1].iter().map(|(&p, &c)| (p, c))), "{ticker} {}", step.ts_ms);
    }
    assert_eq!(engine.market(market).recorded_faults(), Some(RecordedFaults::default()), "{ticker}");
    (recorded, pairing)
}

#[test]
fn gold_windows_without_our_orders_publish_the_recorded_book_at_every_step() {
    let Some(folder) = real_data() else { return };
    let mut total = Pairing::default();
    for (ticker, files) in windows(&folder.join("ws_prod_gold15m/frames")) {
        total += replay(&ticker, &files);
    }
    let share = total.paired as f64 / total.trades as f64;
    println!("{} of {} trades pair with a removal of their step: {:.2}%", total.paired, total.trades, share * 100.0);
    assert!(share > 0.99, "{share}");
}
