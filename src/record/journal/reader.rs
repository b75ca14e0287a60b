//! Reading a journal back. This module checks every checksum, every record head, the order of the segments and the numbers of
//! each stage's records.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::segments::segment_name;
use super::{CRC_BYTES, Closing, FORMAT_VERSION, Flags, HEAD_BYTES, Head, Kind, MAGIC, StageId};
use crate::clock::Now;
use crate::files;

/// The largest segment that is read: the largest that can be configured, and as much again for what a stage wrote after the
/// others had moved on.
const SEGMENT_BYTES_MAX: u64 = 2 << 30;

/// A record read from a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The stage it belongs to.
    pub stage: StageId,
    /// The kind of record, which determines the form of the payload.
    pub kind: Kind,
    /// Whether it entered or left the stage.
    pub flags: Flags,
    /// Its number within its stage, from 0.
    pub number: u64,
    /// The time at which the stage handled it.
    pub now: Now,
    /// External bytes as they were received, or a message in postcard.
    pub payload: &'a [u8],
}

/// The reason and the place at which a journal cannot be read further.
#[derive(Debug, Error)]
#[error("journal segment {segment} at byte {offset}: {problem}")]
pub struct JournalError {
    /// The segment's file.
    pub segment: PathBuf,
    /// The number of good bytes before the problem.
    pub offset: u64,
    /// What is wrong there.
    pub problem: JournalProblem,
}

/// What can be wrong with a journal.
#[derive(Debug, Error)]
pub enum JournalProblem {
    /// The last segment ends within a record, as after a crash. Everything before that is good.
    #[error("the file ends within a record, as after a crash; every record before it is good")]
    TornTail,
    /// The journal has another version of the format.
    #[error("a journal of format version {found}; this program reads version {FORMAT_VERSION}")]
    Version {
        /// The journal's version.
        found: u32,
    },
    /// A checksum does not match.
    #[error("the checksum of a record does not match: the file was damaged")]
    Checksum,
    /// A record head has values that no writer writes.
    #[error("expected the head of a record and found something else")]
    Head,
    /// The file is not a journal, or its header is damaged.
    #[error("expected the header of a journal of version {FORMAT_VERSION}: {0}")]
    Header(&'static str),
    /// A segment is missing or belongs to another journal.
    #[error("expected segment {expected} here: {found}")]
    Sequence {
        /// The expected segment number.
        expected: u32,
        /// What was found instead.
        found: &'static str,
    },
    /// The file cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Reads the records of a journal one by one, holding one segment in memory at a time.
#[derive(Debug)]
pub struct JournalReader {
    folder: PathBuf,
    description: Vec<u8>,
    /// The numbers of the first and the last segment.
    first: u32,
    last: u32,
    /// The total size of all segments in bytes.
    bytes: u64,
    number: u32,
    segment: Vec<u8>,
    at: usize,
    over: bool,
    /// The number of each stage's next record, once the stage has had one.
    next_numbers: [Option<u64>; StageId::COUNT],
    missing: u64,
    /// Whether every stage's first record is a checkpoint.
    anchored: bool,
    /// Where a file before the last one ends within a record, as after a crash while the stages moved between segments.
    torn: Option<JournalError>,
    closing: Option<Closing>,
}

impl JournalReader {
    /// Opens the journal in a folder, or a single segment by its file name.
    ///
    /// # Errors
    /// If there is no journal, or its first segment has no valid header.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let fail = |problem| JournalError { segment: path.to_owned(), offset: 0, problem };
        let number_of = |name: &std::ffi::OsStr| {
            name.to_str().and_then(|name| name.strip_suffix(".kaj")).and_then(|digits| digits.parse::<u32>().ok())
        };
        if path.is_file() {
            let number = path.file_name().and_then(number_of);
            let number =
                number.ok_or_else(|| fail(JournalProblem::Header("a segment has a name such as 000000.kaj")))?;
            let bytes = fs::metadata(path).map_err(|error| fail(error.into()))?.len();
            return Self::open_range(path.parent().unwrap_or(Path::new("")), number, number, bytes);
        }
        let (mut numbers, mut bytes) = (Vec::new(), 0);
        for entry in fs::read_dir(path).map_err(|error| fail(error.into()))? {
            let entry = entry.map_err(|error| fail(error.into()))?;
            if let Some(number) = number_of(&entry.file_name()) {
                numbers.push(number);
                bytes += entry.metadata().map_err(|error| fail(error.into()))?.len();
            }
        }
        let (Some(&first), Some(&last)) = (numbers.iter().min(), numbers.iter().max()) else {
            return Err(fail(JournalProblem::Header("the folder has no segment such as 000000.kaj")));
        };
        Self::open_range(path, first, last, bytes)
    }

    fn open_range(folder: &Path, first: u32, last: u32, bytes: u64) -> Result<Self, JournalError> {
        let mut reader = Self {
            folder: folder.to_owned(),
            description: Vec::new(),
            first,
            last,
            bytes,
            number: first,
            segment: Vec::new(),
            at: 0,
            over: false,
            next_numbers: [None; StageId::COUNT],
            missing: 0,
            anchored: true,
            torn: None,
            closing: None,
        };
        reader.load(first)?;
        Ok(reader)
    }

    /// The description that the writer stored, the same in every segment.
    #[must_use]
    pub fn description(&self) -> &[u8] {
        &self.description
    }

    /// The numbers of the first and the last segment.
    #[must_use]
    pub fn segments(&self) -> (u32, u32) {
        (self.first, self.last)
    }

    /// The number of the segment that contained the last record.
    #[must_use]
    pub fn segment(&self) -> u32 {
        self.number
    }

    /// How many records are known to be missing so far: gaps in a stage's numbers after its first record.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// The closing record, once the end was reached; `None` if the writer crashed.
    #[must_use]
    pub fn closing(&self) -> Option<&Closing> {
        self.closing.as_ref()
    }

    /// Whether what was read so far suffices for a replay: each stage begins with a checkpoint, and nothing is missing after it.
    #[must_use]
    pub fn is_gapless(&self) -> bool {
        self.anchored && self.missing == 0
    }

    /// Where a file before the last one ends within a record, because of a crash while the stages moved on to the next segment.
    /// Reading continues after it, and what is missing shows in the record numbers.
    #[must_use]
    pub fn torn(&self) -> Option<&JournalError> {
        self.torn.as_ref()
    }

    /// Like [`torn`](Self::torn), by value.
    pub fn take_torn(&mut self) -> Option<JournalError> {
        self.torn.take()
    }

    /// The total size of all segments in bytes.
    pub(super) fn bytes_on_disk(&self) -> u64 {
        self.bytes
    }

    /// The next record, in file order, or `None` at the end.
    ///
    /// # Errors
    /// Once, where the journal cannot be read further; after that, `None`. [`JournalProblem::TornTail`] is what a crash leaves,
    /// and means that everything before it is good.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, JournalError> {
        if self.over {
            return Ok(None);
        }
        let (head, record_bytes) = loop {
            if self.at == self.segment.len() {
                if self.number == self.last {
                    self.over = true;
                    return Ok(None);
                }
                self.load(self.number + 1).inspect_err(|_| self.over = true)?;
                continue;
            }
            match self.check_record() {
                Ok(found) => break found,
                // Two files were open at the time of the crash.
                Err(JournalProblem::TornTail) if self.last - self.number == 1 => {
                    self.torn = Some(self.error_at(self.at, JournalProblem::TornTail));
                    self.at = self.segment.len();
                }
                Err(problem) => {
                    self.over = true;
                    return Err(self.error_at(self.at, problem));
                }
            }
        };
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
        match *next {
            Some(next) => self.missing = self.missing.saturating_add(head.number.abs_diff(next)),
            None => self.anchored &= head.kind == Kind::Checkpoint || head.stage == StageId::Journal,
        }
        *next = Some(head.number.saturating_add(1));
    }

    /// The record at the current position, if it is complete and valid.
    fn check_record(&self) -> Result<(Head, usize), JournalProblem> {
        // Only the ends of the two newest files can be torn; anywhere else a short record is damage.
        let torn = || if self.last - self.number <= 1 { JournalProblem::TornTail } else { JournalProblem::Checksum };
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
        self.segment = files::read(&path, SEGMENT_BYTES_MAX).map_err(|error| self.error_at(0, error.into()))?;
        let (description, at) = self.check_header(number).map_err(|problem| self.error_at(0, problem))?;
        self.description = description;
        self.at = at;
        Ok(())
    }

    fn check_header(&self, number: u32) -> Result<(Vec<u8>, usize), JournalProblem> {
        // A crash right after a segment was begun leaves an incomplete header, or an empty file.
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
            return Err(JournalProblem::Version { found: field(8).unwrap_or(0) });
        }
        let found = field(12).ok_or_else(short)?;
        let end = 20usize.saturating_add(field(16).ok_or_else(short)? as usize);
        let crc = self.segment.get(end..end.saturating_add(CRC_BYTES)).ok_or_else(short)?;
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
mod tests;
