use std::collections::HashMap;
use std::fs;

use proptest::prelude::*;

use super::layout::{PREFIX_BYTES, RECORD_BYTES};
use super::*;
use crate::exchange::recorded::{Entry, RecordedMarket, Step};
use crate::exchange::recordings::{Recording, Recordings};
use crate::market::{BookLevels, BookSide, Count, FeeSchedule, Outcome, Price};

/// The sizes of recorded levels, by outcome and price on its own scale.
type Levels = HashMap<(Outcome, Price), Count>;

fn recordings(markets: Vec<Vec<Step>>) -> Recordings {
    let recording = |(number, steps): (usize, Vec<Step>)| {
        let steps = RecordedMarket { ticker: format!("KXA-{number}"), steps, ..RecordedMarket::default() };
        Recording { terms: SessionMarket::inferred(&steps, FeeSchedule::QUADRATIC), steps }
    };
    let markets: Vec<_> = markets.into_iter().enumerate().map(recording).collect();
    Recordings { markets, start_ms: 1_000, end_ms: 9_000, is_cut: false, notes: vec!["a note".to_owned()] }
}

fn delta(side: Outcome, cents: u16, contracts: i64) -> Entry {
    Entry::Delta { side, price: Price::from_cents(cents), change: Count::from_contracts(contracts) }
}

fn trade(cents: u16, contracts: i64, taker: BookSide) -> Entry {
    Entry::Trade { price: Price::from_cents(cents), count: Count::from_contracts(contracts), taker }
}

fn step(ts_ms: i64, entries: Vec<Entry>) -> Step {
    Step { ts_ms, complete_ms: ts_ms + 5, entries }
}

fn example() -> Recordings {
    let levels = BookLevels {
        yes: vec![(Price::from_cents(40), Count::from_contracts(9)), (Price::from_cents(41), Count::from_contracts(2))],
        no: vec![(Price::from_cents(55), Count::from_contracts(3))],
    };
    let first = vec![
        step(1_000, vec![Entry::Snapshot(Box::new(levels))]),
        step(1_020, vec![delta(Outcome::Yes, 42, 4), trade(41, 2, BookSide::Ask), delta(Outcome::Yes, 41, -2)]),
        step(1_030, vec![delta(Outcome::No, 55, 5), delta(Outcome::No, 55, -5)]),
    ];
    recordings(vec![first, vec![step(1_010, vec![delta(Outcome::No, 60, 7)])]])
}

fn write(recordings: Recordings) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.kap");
    prepare(recordings, Vec::new(), &path).unwrap();
    (folder, path)
}

#[test]
fn steps_of_all_markets_come_in_the_order_of_time_with_trades_first_and_removals_before_additions() {
    let (_folder, path) = write(example());
    let prepared = Prepared::open(&path).unwrap();
    let head = prepared.head();
    assert_eq!((head.frames(), head.start_ms, head.end_ms, head.is_cut), (7, 1_000, 9_000, false));
    assert_eq!((head.markets[0].frames, head.markets[0].trades, head.markets[1].frames), (6, 1, 1));
    assert_eq!((head.notes.as_slice(), head.code.len()), (["a note".to_owned()].as_slice(), 64));
    let steps: Vec<_> = prepared.steps().map(|step| (step.market, step.ts_ms, step.complete_ms, step.frames)).collect();
    assert_eq!(steps, [(0, 1_000, 1_005, 1), (1, 1_010, 1_015, 1), (0, 1_020, 1_025, 3), (0, 1_030, 1_035, 2)]);
    let records: Vec<Vec<Record>> = prepared.steps().map(|step| step.records().collect()).collect();
    let change = |side, cents, contracts| Record::Change {
        market: 0,
        side,
        price: Price::from_cents(cents),
        change: Count::from_contracts(contracts),
    };
    let printed = Record::Trade {
        market: 0,
        price: Price::from_cents(41),
        count: Count::from_contracts(2),
        taker: BookSide::Ask,
    };
    assert_eq!(records[0].len(), 3);
    assert_eq!(records[2], [printed, change(Outcome::Yes, 41, -2), change(Outcome::Yes, 42, 4)]);
    assert_eq!(records[3], [], "what a step takes back does not change the book");
}

#[test]
fn a_step_of_more_frames_than_a_record_can_tell_is_told_by_several() {
    let entries = vec![delta(Outcome::Yes, 40, 1); 70_000];
    let (_folder, path) = write(recordings(vec![vec![step(1_000, entries)]]));
    let prepared = Prepared::open(&path).unwrap();
    let frames: Vec<_> = prepared.steps().map(|step| (step.frames, step.records().count())).collect();
    assert_eq!((frames, prepared.head().frames()), (vec![(u16::MAX, 0), (4_465, 1)], 70_000));
}

#[test]
fn a_file_that_was_cut_at_any_byte_or_has_more_is_refused() {
    let (folder, path) = write(example());
    let whole = fs::read(&path).unwrap();
    let cut = folder.path().join("cut.kap");
    for bytes in 0..whole.len() {
        fs::write(&cut, &whole[..bytes]).unwrap();
        let error = Prepared::open(&cut).unwrap_err().to_string();
        assert!(error.contains("cut.kap") && error.contains("expected"), "{bytes}: {error}");
    }
    fs::write(&cut, [&*whole, b"x"].concat()).unwrap();
    let error = Prepared::open(&cut).unwrap_err().to_string();
    assert!(error.contains(&format!("{} bytes, expected {}: it was cut", whole.len() + 1, whole.len())), "{error}");
}

#[test]
fn a_bit_that_flipped_anywhere_is_found_and_its_place_is_named() {
    let (_folder, path) = write(example());
    let whole = fs::read(&path).unwrap();
    for byte in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[byte] ^= 1 << (byte % 8);
        fs::write(&path, &damaged).unwrap();
        match Prepared::open(&path).unwrap_err() {
            PreparedError::Damaged { from, until, .. } => assert!((from..until).contains(&(byte as u64))),
            PreparedError::Foreign { .. } => assert!(byte < 8),
            PreparedError::Version { .. } => assert!((8..12).contains(&byte)),
            error => panic!("byte {byte}: {error}"),
        }
    }
}

#[test]
fn a_record_that_can_not_be_is_refused_with_its_place_whatever_the_checksums_say() {
    let (_folder, path) = write(example());
    let whole = fs::read(&path).unwrap();
    let records = (whole.len() - PREFIX_BYTES) / RECORD_BYTES;
    let forge = |at: usize, change: &dyn Fn(&mut [u8])| {
        let mut forged = whole.clone();
        change(&mut forged[PREFIX_BYTES + at * RECORD_BYTES..][..RECORD_BYTES]);
        let (mut prefix, _) = layout::Prefix::read(forged.first_chunk().unwrap());
        let table = PREFIX_BYTES + usize::try_from(prefix.records).unwrap() * RECORD_BYTES;
        let crc = crc32fast::hash(&forged[PREFIX_BYTES..table]).to_le_bytes();
        forged[table..table + 4].copy_from_slice(&crc);
        prefix.table_crc = crc32fast::hash(&crc);
        forged[..PREFIX_BYTES].copy_from_slice(&prefix.bytes());
        fs::write(&path, &forged).unwrap();
        Prepared::open(&path).unwrap_err().to_string()
    };
    assert!(records > 9);
    for (at, change, expected) in [
        (0, (|record| record[0] = 9) as fn(&mut [u8]), "is not a record"),
        (0, |record| record[4] = 7, "market 7, expected one of 2"),
        (0, |record| record[2] = 6, "complete 6 ms later: expected a time"),
        (0, |record| record[9] = 0x7f, "follows one complete at"),
        (1, |record| record[8..].fill(0), "a change of 0.00, expected one other than zero"),
        (1, |record| record[4] = 1, "market 1 in a step of another"),
        (1, |record| record[2] = 1, "is not on the grid of market 0"),
        (1, |record| record[1] = 2, "is not a record"),
    ] {
        let error = forge(at, &change);
        assert!(error.contains("a.kap, byte ") && error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn what_is_no_prepared_file_or_a_newer_one_is_refused() {
    let (_folder, path) = write(example());
    let mut newer = fs::read(&path).unwrap();
    newer[8] = 2;
    fs::write(&path, &newer).unwrap();
    let error = Prepared::open(&path).unwrap_err().to_string();
    assert!(error.contains("layout version 2, expected 1: prepare it again"), "{error}");
    fs::write(&path, "{\"type\":\"ok\"}\n").unwrap();
    assert!(!Prepared::is_prepared(&path));
    let error = Prepared::open(&path).unwrap_err().to_string();
    assert!(error.contains("expected a prepared event file"), "{error}");
    assert!(Prepared::open(Path::new("/dev/zero")).unwrap_err().to_string().contains("a device"));
}

#[test]
fn an_exported_market_is_a_zip_of_one_array_with_the_sizes_that_levels_have_afterwards() {
    let (folder, path) = write(example());
    let prepared = Prepared::open(&path).unwrap();
    let out = folder.path().join("a.npz");
    assert_eq!(export_npz(&prepared, 0, &out).unwrap(), 6);
    let bytes = fs::read(&out).unwrap();
    let u32_at = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap());
    assert_eq!((&bytes[..4], &bytes[30..38]), (&b"PK\x03\x04"[..], &b"data.npy"[..]));
    let member = &bytes[38..38 + u32_at(18) as usize];
    assert_eq!(u32_at(14), crc32fast::hash(member));
    let header = usize::from(u16::from_le_bytes([member[8], member[9]])) + 10;
    assert!(header.is_multiple_of(64) && member[header - 1] == b'\n');
    let text = std::str::from_utf8(&member[10..header]).unwrap();
    assert!(text.starts_with("{'descr': [('ev', '<u8'), ('exch_ts', '<i8'), ") && text.contains("'shape': (6,)"));
    let events: Vec<_> = member[header..]
        .chunks(64)
        .map(|event| {
            let u64_at = |at: usize| u64::from_le_bytes(*event[at..].first_chunk().unwrap());
            let number = |at: usize| f64::from_bits(u64_at(at));
            (u64_at(0) >> 28, u64_at(0) & 0xff, u64_at(8), u64_at(16), number(24), number(32))
        })
        .collect();
    let (buy, sell) = (0b1110, 0b1101);
    assert_eq!(events[2], (sell, 1, 1_000_000_000, 1_005_000_000, 0.45, 3.0));
    let later = [
        (sell, 2, 1_020_000_000, 1_025_000_000, 0.41, 2.0),
        (buy, 1, 1_020_000_000, 1_025_000_000, 0.41, 0.0),
        (buy, 1, 1_020_000_000, 1_025_000_000, 0.42, 4.0),
    ];
    assert_eq!(&events[3..], &later[..]);
    let end = bytes.len() - 22;
    assert_eq!(&bytes[end..end + 4], b"PK\x05\x06");
    assert_eq!(&bytes[u32_at(end + 16) as usize..][..4], b"PK\x01\x02");
}

fn entry() -> impl Strategy<Value = Entry> {
    let side = prop_oneof![Just(Outcome::Yes), Just(Outcome::No)];
    let level = || {
        (1u16..100, 1i64..20)
            .prop_map(|(cents, contracts)| (Price::from_cents(cents), Count::from_contracts(contracts)))
    };
    let levels = || {
        prop::collection::btree_map(1u16..50, 1i64..20, 0..5).prop_map(|levels| {
            levels
                .into_iter()
                .map(|(cents, n)| (Price::from_cents(cents), Count::from_contracts(n)))
                .collect::<Vec<_>>()
        })
    };
    prop_oneof![
        6 => (side, level(), any::<bool>()).prop_map(|(side, (price, count), less)| Entry::Delta {
            side,
            price,
            change: if less { -count } else { count },
        }),
        2 => (level(), any::<bool>()).prop_map(|((price, count), buys)| Entry::Trade {
            price,
            count,
            taker: if buys { BookSide::Bid } else { BookSide::Ask },
        }),
        1 => (levels(), levels()).prop_map(|(yes, no)| Entry::Snapshot(Box::new(BookLevels { yes, no }))),
    ]
}

/// Applies a recorded frame in the obvious way.
fn apply(levels: &mut Levels, entry: &Entry) {
    match entry {
        Entry::Delta { side, price, change } => {
            let size = levels.entry((*side, *price)).or_default();
            *size = (*size + *change).max(Count::ZERO);
        }
        Entry::Snapshot(whole) => {
            levels.clear();
            levels.extend(whole.yes.iter().map(|&(price, size)| ((Outcome::Yes, price), size)));
            levels.extend(whole.no.iter().map(|&(price, size)| ((Outcome::No, price), size)));
        }
        Entry::Trade { .. } => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_prepared_market_has_the_book_and_the_trades_of_its_recording_after_every_step(
        steps in prop::collection::vec((0i64..9, prop::collection::vec(entry(), 1..6)), 1..40),
        other in prop::collection::vec(0i64..400, 0..10),
    ) {
        let mut ts_ms = 1_000;
        let steps: Vec<Step> = steps.into_iter().map(|(after_ms, entries)| {
            ts_ms += 1 + after_ms;
            Step { ts_ms, complete_ms: ts_ms + 1, entries }
        }).collect();
        let mut times = other;
        times.sort_unstable();
        times.dedup();
        let other = times.iter().map(|at| step(1_000 + at, vec![delta(Outcome::Yes, 1, 1)])).collect();
        let (_folder, path) = write(recordings(vec![steps.clone(), other]));
        let prepared = Prepared::open(&path).unwrap();
        let (mut recorded, mut read) = (Levels::new(), Levels::new());
        let mut ours = prepared.steps().filter(|step| step.market == 0);
        for step in &steps {
            step.entries.iter().for_each(|entry| apply(&mut recorded, entry));
            let found = ours.next().unwrap();
            prop_assert_eq!((found.ts_ms, found.complete_ms), (step.ts_ms, step.complete_ms));
            prop_assert_eq!(usize::from(found.frames), step.entries.len());
            let mut trades = Vec::new();
            for record in found.records() {
                match record {
                    Record::Change { side, price, change, .. } => *read.entry((side, price)).or_default() += change,
                    Record::Trade { price, count, taker, .. } => trades.push(Entry::Trade { price, count, taker }),
                    Record::Step { .. } => prop_assert!(false),
                }
            }
            recorded.retain(|_, size| !size.is_zero());
            read.retain(|_, size| !size.is_zero());
            prop_assert_eq!(&read, &recorded);
            let printed: Vec<_> = step.entries.iter().filter(|entry| matches!(entry, Entry::Trade { .. })).cloned().collect();
            prop_assert_eq!(trades, printed);
        }
        prop_assert!(ours.next().is_none());
    }
}
