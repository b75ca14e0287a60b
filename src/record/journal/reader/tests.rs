//! Journals written and read back, whole, torn and damaged.

use super::super::{JournalReport, JournalWriter, Scribe, SegmentLimits, create_journal, start_journal};
use super::*;
use crate::record::journal::inspect;
use proptest::prelude::*;

const RING_BYTES: usize = 1 << 20;

fn now(number: u64) -> Now {
    Now { mono_ns: number * 10, session_ms: 1_000 + number.cast_signed() }
}

/// A journal of the feed stage only: its writer and the scribe, which gets a turn after every record.
struct Bench {
    feed: JournalWriter,
    scribe: Scribe,
}

impl Bench {
    fn new(folder: &Path, limits: SegmentLimits) -> Self {
        let ([feed], scribe) = create_journal(folder, limits, b"test", RING_BYTES, [StageId::Feed]).unwrap();
        let mut bench = Self { feed, scribe };
        bench.checkpoint(now(0));
        bench
    }

    fn checkpoint(&mut self, now: Now) {
        self.feed.checkpoint(now, &0_u8);
        self.scribe.turn();
    }

    fn frames(mut self, payloads: &[Vec<u8>]) -> Self {
        for (number, payload) in (0..).zip(payloads) {
            self.feed.bytes(Kind::Frame, Flags::Input, now(number), &[], payload);
            self.scribe.turn();
            if self.feed.checkpoint_due() {
                self.checkpoint(now(number));
            }
        }
        self
    }

    fn finish(self) -> JournalReport {
        drop(self.feed);
        self.scribe.finish()
    }
}

fn journal(folder: &Path, limits: SegmentLimits, payloads: &[Vec<u8>]) -> JournalReport {
    Bench::new(folder, limits).frames(payloads).finish()
}

/// All readable payloads of the feed stage, and the error at the end.
fn read(folder: &Path) -> (Vec<Vec<u8>>, Option<JournalError>) {
    let mut reader = match JournalReader::open(folder) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut payloads = Vec::new();
    loop {
        match reader.next_record() {
            Ok(Some(record)) if record.kind == Kind::Frame => payloads.push(record.payload.to_vec()),
            Ok(Some(_)) => {}
            Ok(None) => return (payloads, None),
            Err(error) => return (payloads, Some(error)),
        }
    }
}

#[test]
fn records_are_read_in_order_and_the_closing_record_confirms_completeness() {
    let folder = tempfile::tempdir().unwrap();
    let stages = [StageId::Feed, StageId::Execute];
    let ([mut feed, mut execute], handle) =
        start_journal(folder.path(), SegmentLimits::default(), b"about", RING_BYTES, stages).unwrap();
    feed.checkpoint(now(0), &"state");
    feed.bytes(Kind::Frame, Flags::Input, now(1), b"{\"type\":", b"\"ok\"}");
    feed.event(Kind::Timer, Flags::Input, now(2));
    execute.checkpoint(now(3), &());
    execute.message(Kind::OverflowEpoch, Flags::Refused, now(3), &(7_u64, "text"));
    drop((feed, execute));
    let report = handle.finish();
    assert_eq!((report.lost, report.replayable, report.error), (0, true, None));
    assert_eq!((report.records, report.segments), (6, 1));

    let mut reader = JournalReader::open(folder.path()).unwrap();
    assert_eq!(reader.description(), b"about");
    let record = reader.next_record().unwrap().unwrap();
    assert_eq!((record.kind, record.number, record.now), (Kind::Checkpoint, 0, now(0)));
    assert_eq!(postcard::from_bytes::<&str>(record.payload).unwrap(), "state");
    let record = reader.next_record().unwrap().unwrap();
    let expected = Record {
        stage: StageId::Feed,
        kind: Kind::Frame,
        flags: Flags::Input,
        number: 1,
        now: now(1),
        payload: b"{\"type\":\"ok\"}",
    };
    assert_eq!(record, expected);
    let record = reader.next_record().unwrap().unwrap();
    assert_eq!((record.kind, record.number, record.payload), (Kind::Timer, 2, [].as_slice()));
    assert_eq!(reader.next_record().unwrap().unwrap().kind, Kind::Checkpoint);
    let record = reader.next_record().unwrap().unwrap();
    assert_eq!((record.stage, record.flags), (StageId::Execute, Flags::Refused));
    assert_eq!(postcard::from_bytes::<(u64, &str)>(record.payload).unwrap(), (7, "text"));
    assert_eq!(reader.next_record().unwrap().unwrap().kind, Kind::Closing);
    assert_eq!(reader.next_record().unwrap(), None);
    assert!(reader.is_gapless());
    assert_eq!(reader.closing(), Some(&Closing { lost: 0, segments_dropped: 0, replayable: true }));
}

#[test]
fn a_record_without_room_is_counted_and_leaves_a_gap_that_the_reader_sees() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path(), SegmentLimits::default());
    bench.feed.bytes(Kind::Frame, Flags::Input, now(0), &[], b"fits");
    bench.feed.bytes(Kind::Frame, Flags::Input, now(1), &[], &vec![0; RING_BYTES]);
    bench.feed.message(Kind::Decision, Flags::Output, now(2), &vec![1_u8; 5 << 20]);
    bench.feed.bytes(Kind::Frame, Flags::Input, now(3), &[], b"fits too");
    assert_eq!(bench.feed.lost(), 2);
    let report = bench.finish();
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
    let report = journal(folder.path(), limits, &payloads);
    assert!(report.replayable);
    assert_eq!(report.segments, fs::read_dir(folder.path()).unwrap().count() as u64);
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
    let report = journal(folder.path(), limits, &payloads);
    assert!(report.segments_dropped > 10, "{report:?}");
    assert!(report.replayable, "what is left begins with a checkpoint");
    let total: u64 = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(total <= 5_500, "{total} bytes on disk");
    let mut reader = JournalReader::open(folder.path()).unwrap();
    let mut last = 0;
    while let Some(record) = reader.next_record().unwrap() {
        last = record.payload.first().copied().filter(|_| record.kind == Kind::Frame).unwrap_or(last);
    }
    assert_eq!(last, 199);
    assert!(reader.is_gapless() && reader.segments().0 > 10);
}

#[test]
fn every_segment_of_every_stage_begins_with_its_checkpoint_and_can_be_read_alone() {
    let folder = tempfile::tempdir().unwrap();
    let limits = SegmentLimits { segment_bytes: 2_000, total_bytes: 1 << 20 };
    let stages = [StageId::Feed, StageId::Execute];
    let (mut pens, mut scribe) = create_journal(folder.path(), limits, b"", RING_BYTES, stages).unwrap();
    for pen in &mut pens {
        pen.checkpoint(now(0), &0_u64);
    }
    for number in 1..400 {
        for (index, pen) in (0..).zip(&mut pens) {
            pen.message(Kind::Timer, Flags::Input, now(number), &number);
            // The second stage responds later than the first, so two files are open for a while.
            if pen.checkpoint_due() && number % 7 == index {
                pen.checkpoint(now(number), &number);
            }
        }
        scribe.turn();
    }
    drop(pens);
    let report = scribe.finish();
    assert!(report.replayable && report.segments > 10, "{report:?}");
    for number in 0..u32::try_from(report.segments).unwrap() {
        let mut reader = JournalReader::open(&folder.path().join(segment_name(number))).unwrap();
        while reader.next_record().unwrap().is_some() {}
        assert!(reader.is_gapless(), "segment {number}");
    }
    let mut reader = JournalReader::open(folder.path()).unwrap();
    while reader.next_record().unwrap().is_some() {}
    assert!(reader.is_gapless());
}

#[test]
fn a_crash_while_stages_move_to_the_next_segment_tears_two_files_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let limits = SegmentLimits { segment_bytes: 1_000, total_bytes: 1 << 20 };
    let stages = [StageId::Feed, StageId::Execute];
    let ([mut feed, mut execute], mut scribe) = create_journal(folder.path(), limits, b"", RING_BYTES, stages).unwrap();
    feed.checkpoint(now(0), &0_u8);
    execute.checkpoint(now(0), &0_u8);
    feed.bytes(Kind::Frame, Flags::Input, now(1), &[], &[1; 2_000]);
    scribe.turn();
    assert!(feed.checkpoint_due() && execute.checkpoint_due());
    feed.checkpoint(now(2), &0_u8);
    feed.bytes(Kind::Frame, Flags::Input, now(3), &[], &[2; 100]);
    execute.bytes(Kind::Answer, Flags::Input, now(3), &[], &[3; 100]);
    scribe.turn();
    drop((feed, execute));
    drop(scribe);
    let first = folder.path().join("000000.kaj");
    let bytes = fs::read(&first).unwrap();
    fs::write(&first, &bytes[..bytes.len() - 5]).unwrap();
    let (payloads, error) = read(folder.path());
    assert!(error.is_none(), "{error:?}");
    assert_eq!(payloads, [vec![1; 2_000], vec![2; 100]]);
    let found = inspect(folder.path()).unwrap();
    assert_eq!((found.problems.len(), found.obstacle()), (1, None));
    assert!(found.problems[0].to_string().contains("000000.kaj"));
}

#[test]
fn a_journal_of_another_version_is_rejected_with_its_version() {
    let folder = tempfile::tempdir().unwrap();
    journal(folder.path(), SegmentLimits::default(), &[]);
    let path = folder.path().join("000000.kaj");
    let mut bytes = fs::read(&path).unwrap();
    let other = FORMAT_VERSION + 1;
    bytes[8..12].copy_from_slice(&other.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let error = JournalReader::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains(&format!("format version {other}; this program reads version {FORMAT_VERSION}")), "{error}");
}

#[test]
fn a_journal_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    journal(folder.path(), SegmentLimits::default(), &[]);
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
    journal(folder.path(), limits, &payloads);
    fs::remove_file(folder.path().join("000002.kaj")).unwrap();
    let (_, error) = read(folder.path());
    assert!(error.unwrap().to_string().contains("000002.kaj"));
}

#[test]
fn a_changed_byte_is_detected_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    journal(folder.path(), SegmentLimits::default(), &[vec![1; 20], vec![2; 20]]);
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
        journal(folder.path(), SegmentLimits::default(), &payloads);
        let path = folder.path().join("000000.kaj");
        let whole = fs::read(&path).unwrap();
        let header_bytes = 20 + b"test".len() + CRC_BYTES;
        let mut ends = vec![header_bytes + HEAD_BYTES + 1 + CRC_BYTES];
        for payload in &payloads {
            ends.push(ends.last().unwrap() + HEAD_BYTES + payload.len() + CRC_BYTES);
        }
        for cut in ends[0]..whole.len() {
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
