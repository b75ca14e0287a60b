//! Journals written and read back, whole, torn and damaged.

use super::super::{JournalReport, JournalWriter, SegmentLimits, start_journal};
use super::*;
use proptest::prelude::*;

const RING_BYTES: usize = 1 << 20;

fn now(number: u64) -> Now {
    Now { mono_ns: number * 10, session_ms: 1_000 + number.cast_signed() }
}

fn journal(folder: &Path, limits: SegmentLimits, write: impl FnOnce(&mut JournalWriter)) -> JournalReport {
    let ([mut feed], handle) = start_journal(folder, limits, b"test", RING_BYTES, [StageId::Feed]).unwrap();
    write(&mut feed);
    drop(feed);
    handle.finish()
}

fn frames(payloads: &[Vec<u8>]) -> impl FnOnce(&mut JournalWriter) {
    move |writer| {
        for (number, payload) in (0..).zip(payloads) {
            writer.bytes(Kind::Frame, Flags::Input, now(number), payload);
        }
    }
}

/// All payloads of the feed that can be read, and the error at the end.
fn read(folder: &Path) -> (Vec<Vec<u8>>, Option<JournalError>) {
    let mut reader = match JournalReader::open(folder) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut payloads = Vec::new();
    loop {
        match reader.next_record() {
            Ok(Some(record)) if record.stage == StageId::Feed => payloads.push(record.payload.to_vec()),
            Ok(Some(_)) => {}
            Ok(None) => return (payloads, None),
            Err(error) => return (payloads, Some(error)),
        }
    }
}

#[test]
fn what_was_written_is_read_in_order_and_the_closing_record_says_it_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let stages = [StageId::Feed, StageId::Execute];
    let ([mut feed, mut execute], handle) =
        start_journal(folder.path(), SegmentLimits::default(), b"about", RING_BYTES, stages).unwrap();
    feed.bytes(Kind::Frame, Flags::Input, now(1), b"{\"type\":\"ok\"}");
    feed.event(Kind::Timer, Flags::Input, now(2));
    execute.message(Kind::OverflowEpoch, Flags::Refused, now(3), &(7_u64, "text"));
    drop((feed, execute));
    let report = handle.finish();
    assert_eq!((report.lost, report.replayable, report.error), (0, true, None));
    assert_eq!(report.records, 4);

    let mut reader = JournalReader::open(folder.path()).unwrap();
    assert_eq!(reader.description(), b"about");
    let record = reader.next_record().unwrap().unwrap();
    let expected = Record {
        stage: StageId::Feed,
        kind: Kind::Frame,
        flags: Flags::Input,
        number: 0,
        now: now(1),
        payload: b"{\"type\":\"ok\"}",
    };
    assert_eq!(record, expected);
    let record = reader.next_record().unwrap().unwrap();
    assert_eq!((record.kind, record.number, record.payload), (Kind::Timer, 1, [].as_slice()));
    let record = reader.next_record().unwrap().unwrap();
    assert_eq!((record.stage, record.flags), (StageId::Execute, Flags::Refused));
    assert_eq!(postcard::from_bytes::<(u64, &str)>(record.payload).unwrap(), (7, "text"));
    assert_eq!(reader.next_record().unwrap().unwrap().kind, Kind::Closing);
    assert_eq!(reader.next_record().unwrap(), None);
    assert!(reader.is_gapless());
    assert_eq!(reader.closing(), Some(&Closing { lost: 0, segments_dropped: 0, replayable: true }));
}

#[test]
fn a_record_that_finds_no_room_is_counted_and_leaves_a_hole_that_the_reader_sees() {
    let folder = tempfile::tempdir().unwrap();
    let report = journal(folder.path(), SegmentLimits::default(), |writer| {
        writer.bytes(Kind::Frame, Flags::Input, now(0), b"fits");
        writer.bytes(Kind::Frame, Flags::Input, now(1), &vec![0; RING_BYTES]);
        writer.message(Kind::Decision, Flags::Output, now(2), &vec![1_u8; 5 << 20]);
        writer.bytes(Kind::Frame, Flags::Input, now(3), b"fits too");
        assert_eq!(writer.lost(), 2);
    });
    assert_eq!((report.lost, report.replayable), (2, false));
    let mut reader = JournalReader::open(folder.path()).unwrap();
    while reader.next_record().unwrap().is_some() {}
    assert_eq!((reader.missing(), reader.is_gapless()), (2, false));
    assert!(!reader.closing().unwrap().replayable);
}

#[test]
fn segments_follow_each_other_and_are_read_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let payloads: Vec<Vec<u8>> = (0..200_u8).map(|byte| vec![byte; 100]).collect();
    let limits = SegmentLimits { segment_bytes: 1_000, total_bytes: 1 << 20 };
    let report = journal(folder.path(), limits, frames(&payloads));
    assert!(report.replayable);
    assert!(fs::read_dir(folder.path()).unwrap().count() > 20);
    let (found, error) = read(folder.path());
    assert!(error.is_none());
    assert_eq!(found, payloads);
}

#[test]
fn the_disk_limit_drops_the_oldest_segments_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let payloads: Vec<Vec<u8>> = (0..200_u8).map(|byte| vec![byte; 100]).collect();
    let limits = SegmentLimits { segment_bytes: 1_000, total_bytes: 5_000 };
    let report = journal(folder.path(), limits, frames(&payloads));
    assert!(report.segments_dropped > 10 && !report.replayable, "{report:?}");
    let total: u64 = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(total <= 5_000, "{total} bytes on disk");
    let mut reader = JournalReader::open(folder.path()).unwrap();
    let mut last = 0;
    while let Some(record) = reader.next_record().unwrap() {
        last = record.payload.first().copied().filter(|_| record.stage == StageId::Feed).unwrap_or(last);
    }
    assert_eq!(last, 199);
    assert!(!reader.is_gapless());
}

#[test]
fn a_record_larger_than_a_segment_gets_one_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let payloads = [vec![1; 10], vec![2; 5_000], vec![3; 10]];
    let limits = SegmentLimits { segment_bytes: 1_000, total_bytes: 1 << 20 };
    assert!(journal(folder.path(), limits, frames(&payloads)).replayable);
    assert_eq!(read(folder.path()).0, payloads);
}

#[test]
fn a_journal_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    journal(folder.path(), SegmentLimits::default(), |_| {});
    let error = start_journal(folder.path(), SegmentLimits::default(), b"", RING_BYTES, [StageId::Feed]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert!(error.to_string().contains("000000.kaj"), "{error}");
}

#[test]
fn a_folder_without_a_journal_is_an_error_that_says_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let error = JournalReader::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("000000.kaj"), "{error}");
    fs::write(folder.path().join("000000.kaj"), b"PK\x03\x04 something else entirely").unwrap();
    let error = JournalReader::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("KALSHIAJ") && error.contains("000000.kaj"), "{error}");
}

#[test]
fn a_missing_segment_in_the_middle_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let payloads: Vec<Vec<u8>> = (0..50_u8).map(|byte| vec![byte; 100]).collect();
    let limits = SegmentLimits { segment_bytes: 1_000, total_bytes: 1 << 20 };
    journal(folder.path(), limits, frames(&payloads));
    fs::remove_file(folder.path().join("000002.kaj")).unwrap();
    let (_, error) = read(folder.path());
    assert!(error.unwrap().to_string().contains("000002.kaj"));
}

#[test]
fn a_changed_byte_is_found_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    journal(folder.path(), SegmentLimits::default(), frames(&[vec![1; 20], vec![2; 20]]));
    let path = folder.path().join("000000.kaj");
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        fs::write(&path, &bad).unwrap();
        let (payloads, error) = read(folder.path());
        let error = error.unwrap_or_else(|| panic!("byte {at} was changed unseen"));
        assert!(error.offset <= at as u64, "byte {at}: {error}");
        assert!(payloads.iter().all(|payload| *payload == [1; 20] || *payload == [2; 20]));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn a_tail_torn_at_any_byte_leaves_every_whole_record_before_it(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        journal(folder.path(), SegmentLimits::default(), frames(&payloads));
        let path = folder.path().join("000000.kaj");
        let whole = fs::read(&path).unwrap();
        let header_bytes = 20 + b"test".len() + CRC_BYTES;
        let mut ends = vec![header_bytes];
        for payload in &payloads {
            ends.push(ends.last().unwrap() + HEAD_BYTES + payload.len() + CRC_BYTES);
        }
        for cut in header_bytes..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let (found, error) = read(folder.path());
            let good = ends.iter().rposition(|&end| end <= cut).unwrap();
            prop_assert_eq!(&found, &payloads[..good.min(payloads.len())]);
            if ends.contains(&cut) {
                prop_assert!(error.is_none());
            } else {
                let error = error.unwrap();
                prop_assert!(matches!(error.problem, JournalProblem::TornTail));
                prop_assert_eq!(usize::try_from(error.offset).unwrap(), ends[good]);
            }
        }
    }
}
