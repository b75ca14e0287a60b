//! Reading a journal back. Owns the checks: every checksum, every head, the order of the segments and the numbers of each
//! stage's records.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::segments::segment_name;
use super::{CRC_BYTES, Closing, FORMAT_VERSION, Flags, HEAD_BYTES, Head, Kind, MAGIC, StageId};
use crate::clock::Now;

/// A record that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Whose it is.
    pub stage: StageId,
    /// What it says.
    pub kind: Kind,
    /// Which way it went.
    pub flags: Flags,
    /// Its number among those of its stage.
    pub number: u64,
    /// The time at which the stage handled it.
    pub now: Now,
    /// Bytes from outside, or a message in postcard.
    pub payload: &'a [u8],
}

/// A journal that cannot be read further, and where.
#[derive(Debug, Error)]
#[error("journal segment {segment} at byte {offset}: {problem}")]
pub struct JournalError {
    /// The file.
    pub segment: PathBuf,
    /// How many bytes of it are good.
    pub offset: u64,
    /// What is wrong there.
    pub problem: JournalProblem,
}

/// What can be wrong with a journal.
#[derive(Debug, Error)]
pub enum JournalProblem {
    /// The last segment ends within a record, as after a crash. Everything before is good.
    #[error("the file ends within a record, as after a crash; every record before it is good")]
    TornTail,
    /// Bytes were changed.
    #[error("the checksum of a record does not match: the file was damaged")]
    Checksum,
    /// A head with values that no writer writes.
    #[error("expected the head of a record and found something else")]
    Head,
    /// Not a journal, or one of another version.
    #[error("expected the header of a journal of version {FORMAT_VERSION}: {0}")]
    Header(&'static str),
    /// A segment is missing, or belongs to another journal.
    #[error("expected segment {expected} here: {found}")]
    Sequence {
        /// The number that should have come.
        expected: u32,
        /// What came instead.
        found: &'static str,
    },
    /// The file could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Reads the records of a journal one by one. One segment is in memory at a time.
#[derive(Debug)]
pub struct JournalReader {
    folder: PathBuf,
    description: Vec<u8>,
    /// The numbers of the first and of the last segment.
    first: u32,
    last: u32,
    number: u32,
    segment: Vec<u8>,
    at: usize,
    over: bool,
    next_numbers: [u64; StageId::COUNT],
    missing: u64,
    closing: Option<Closing>,
}

impl JournalReader {
    /// Opens the journal in a folder.
    ///
    /// # Errors
    /// When there is none, or its first segment has no good header.
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        let fail = |problem| JournalError { segment: folder.to_owned(), offset: 0, problem };
        let mut numbers = Vec::new();
        for entry in fs::read_dir(folder).map_err(|error| fail(error.into()))? {
            let name = entry.map_err(|error| fail(error.into()))?.file_name();
            let number: Option<u32> =
                name.to_str().and_then(|name| name.strip_suffix(".kaj")).and_then(|digits| digits.parse().ok());
            numbers.extend(number);
        }
        let (Some(&first), Some(&last)) = (numbers.iter().min(), numbers.iter().max()) else {
            return Err(fail(JournalProblem::Header("the folder has no segment such as 000000.kaj")));
        };
        let mut reader = Self {
            folder: folder.to_owned(),
            description: Vec::new(),
            first,
            last,
            number: first,
            segment: Vec::new(),
            at: 0,
            over: false,
            next_numbers: [0; StageId::COUNT],
            missing: 0,
            closing: None,
        };
        reader.load(first)?;
        Ok(reader)
    }

    /// What the writer said of the session.
    #[must_use]
    pub fn description(&self) -> &[u8] {
        &self.description
    }

    /// How many records are known to be missing so far: holes in the numbers of a stage, dropped segments included.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// The closing record, once the end was reached; none in a journal whose writer crashed.
    #[must_use]
    pub fn closing(&self) -> Option<&Closing> {
        self.closing.as_ref()
    }

    /// Whether all that was read so far is enough to replay: it begins at the beginning and has no hole.
    #[must_use]
    pub fn is_gapless(&self) -> bool {
        self.first == 0 && self.missing == 0
    }

    /// The next record, in the order of the file.
    ///
    /// # Errors
    /// Once, where the journal cannot be read further; nothing follows. [`JournalProblem::TornTail`] is what a crash
    /// leaves and means that all before it is good.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, JournalError> {
        if self.over {
            return Ok(None);
        }
        while self.at == self.segment.len() {
            if self.number == self.last {
                self.over = true;
                return Ok(None);
            }
            self.load(self.number + 1).inspect_err(|_| self.over = true)?;
        }
        let (head, record_bytes) = self.check_record().map_err(|problem| {
            self.over = true;
            self.error_at(self.at, problem)
        })?;
        let payload_at = self.at + HEAD_BYTES;
        let payload_end = payload_at + head.payload_bytes as usize;
        self.at += record_bytes;
        self.count_hole(&head);
        if head.kind == Kind::Closing {
            self.closing = postcard::from_bytes(&self.segment[payload_at..payload_end]).ok();
        }
        Ok(Some(Record {
            stage: head.stage,
            kind: head.kind,
            flags: head.flags,
            number: head.number,
            now: Now { mono_ns: head.mono_ns, session_ms: head.session_ms },
            payload: &self.segment[payload_at..payload_end],
        }))
    }

    fn count_hole(&mut self, head: &Head) {
        let next = &mut self.next_numbers[head.stage as usize];
        self.missing += head.number.saturating_sub(*next);
        *next = head.number + 1;
    }

    /// The record at the current place, if it is whole and right.
    fn check_record(&self) -> Result<(Head, usize), JournalProblem> {
        // Only the end of the newest file can be torn; elsewhere a short record is damage.
        let torn = || if self.number == self.last { JournalProblem::TornTail } else { JournalProblem::Checksum };
        let rest = &self.segment[self.at..];
        let head = rest.first_chunk::<HEAD_BYTES>().ok_or_else(torn)?;
        let head = Head::decode(head).ok_or(JournalProblem::Head)?;
        let checked_bytes = HEAD_BYTES + head.payload_bytes as usize;
        let crc = rest.get(checked_bytes..checked_bytes + CRC_BYTES).ok_or_else(torn)?;
        if crc != crc32fast::hash(&rest[..checked_bytes]).to_le_bytes() {
            return Err(JournalProblem::Checksum);
        }
        Ok((head, checked_bytes + CRC_BYTES))
    }

    fn load(&mut self, number: u32) -> Result<(), JournalError> {
        self.number = number;
        self.at = 0;
        let path = self.folder.join(segment_name(number));
        self.segment = fs::read(path).map_err(|error| self.error_at(0, error.into()))?;
        let (description, at) = self.check_header(number).map_err(|problem| self.error_at(0, problem))?;
        self.description = description;
        self.at = at;
        Ok(())
    }

    fn check_header(&self, number: u32) -> Result<(Vec<u8>, usize), JournalProblem> {
        // A crash right after a segment was begun leaves less than a header, or nothing.
        let short = || {
            if number == self.last && number > self.first {
                JournalProblem::TornTail
            } else {
                JournalProblem::Header("too short")
            }
        };
        let field =
            |at: usize| self.segment.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
        let magic = self.segment.get(..MAGIC.len()).ok_or_else(short)?;
        if magic != MAGIC {
            return Err(JournalProblem::Header("the file does not begin with KALSHIAJ"));
        }
        if field(8).ok_or_else(short)? != FORMAT_VERSION {
            return Err(JournalProblem::Header("its version is another"));
        }
        let found = field(12).ok_or_else(short)?;
        let end = 20 + field(16).ok_or_else(short)? as usize;
        let crc = self.segment.get(end..end + CRC_BYTES).ok_or_else(short)?;
        if crc != crc32fast::hash(&self.segment[..end]).to_le_bytes() {
            return Err(JournalProblem::Header("its checksum does not match"));
        }
        if found != number {
            return Err(JournalProblem::Sequence { expected: number, found: "the file says that it is another" });
        }
        let description = &self.segment[20..end];
        if number > self.first && description != self.description {
            return Err(JournalProblem::Sequence { expected: number, found: "the file belongs to another session" });
        }
        Ok((description.to_vec(), end + CRC_BYTES))
    }

    fn error_at(&self, at: usize, problem: JournalProblem) -> JournalError {
        JournalError { segment: self.folder.join(segment_name(self.number)), offset: at as u64, problem }
    }
}

#[cfg(test)]
mod tests {
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
            writer.message(Kind::Decision, Flags::Output, now(2), &vec![1_u8; 400 << 10]);
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
        let error =
            start_journal(folder.path(), SegmentLimits::default(), b"", RING_BYTES, [StageId::Feed]).unwrap_err();
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
}
