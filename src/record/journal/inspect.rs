//! The contents of a journal, found by reading all of it: counts by stage and kind, times, segments, and whether it can be
//! replayed, or why not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Closing, Flags, JournalError, JournalReader, Kind, StageId};

/// What a session stores about itself in the description of its journal. Contains no secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalNote {
    /// The venue that was traded on.
    pub venue: String,
    /// The name and version of the program that wrote the journal.
    pub program: String,
    /// The size at which the oldest segments are deleted, in bytes.
    pub bytes_max: u64,
}

impl JournalNote {
    /// A note by this program.
    #[must_use]
    pub fn new(venue: &str, bytes_max: u64) -> Self {
        let program = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned();
        Self { venue: venue.to_owned(), program, bytes_max }
    }

    /// The note as the description of a journal.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and numbers always have a JSON form")
    }

    /// Parses a description; an invalid one yields an empty note.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_default()
    }
}

/// The journal at a path given by a user: a session's folder, a journal's folder, or one segment.
#[must_use]
pub fn journal_of(path: &Path) -> PathBuf {
    let inside = path.join("journal");
    if inside.is_dir() { inside } else { path.to_owned() }
}

/// The time span of a stage's records, in monotonic nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageSpan {
    pub first_ns: u64,
    pub last_ns: u64,
}

/// The contents of a journal.
#[derive(Debug)]
pub struct Inspection {
    pub note: JournalNote,
    /// The numbers of the first and the last segment.
    pub segments: (u32, u32),
    /// The total size of all segments.
    pub bytes: u64,
    /// The number of records by stage, kind and direction.
    pub counts: BTreeMap<(StageId, Kind, Flags), u64>,
    /// The size of the payloads by stage and kind.
    pub payload_bytes: BTreeMap<(StageId, Kind), u64>,
    /// The time span of the records by stage.
    pub spans: BTreeMap<StageId, StageSpan>,
    /// The time span of all records in session milliseconds.
    pub session_ms: Option<(i64, i64)>,
    /// The number of records missing between others.
    pub missing: u64,
    /// The closing record; `None` if the writer did not finish.
    pub closing: Option<Closing>,
    /// Where the journal is torn or damaged.
    pub problems: Vec<JournalError>,
    gapless: bool,
}

impl Inspection {
    /// The total number of records.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The time from the first record to the last, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        let first_ns = self.spans.values().map(|span| span.first_ns).min().unwrap_or(0);
        let last_ns = self.spans.values().map(|span| span.last_ns).max().unwrap_or(0);
        last_ns.saturating_sub(first_ns) as f64 / 1e9
    }

    /// Why the journal cannot be replayed; `None` if it can. A journal with a torn end can be replayed up to there.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        use super::JournalProblem::TornTail;
        if let Some(damage) = self.problems.iter().find(|problem| !matches!(problem.problem, TornTail)) {
            return Some(damage.to_string());
        }
        let lost = self.closing.as_ref().map_or(0, |closing| closing.lost);
        if self.missing > 0 || lost > 0 {
            return Some(format!("{} records are missing", self.missing.max(lost)));
        }
        (!self.gapless).then(|| "a stage's records do not begin with a checkpoint".to_owned())
    }
}

/// Reads a journal, or one segment, to its end or to the first damage.
///
/// # Errors
/// If there is no journal, or its first segment has no valid header.
pub fn inspect(path: &Path) -> Result<Inspection, JournalError> {
    let path = journal_of(path);
    let mut reader = JournalReader::open(&path)?;
    let mut found = Inspection {
        note: JournalNote::from_bytes(reader.description()),
        segments: reader.segments(),
        bytes: reader.bytes_on_disk(),
        counts: BTreeMap::new(),
        payload_bytes: BTreeMap::new(),
        spans: BTreeMap::new(),
        session_ms: None,
        missing: 0,
        closing: None,
        problems: Vec::new(),
        gapless: false,
    };
    loop {
        let record = match reader.next_record() {
            Ok(Some(record)) => record,
            Ok(None) => break,
            Err(problem) => {
                found.problems.push(problem);
                break;
            }
        };
        *found.counts.entry((record.stage, record.kind, record.flags)).or_default() += 1;
        *found.payload_bytes.entry((record.stage, record.kind)).or_default() += record.payload.len() as u64;
        if record.stage == StageId::Journal {
            continue;
        }
        let now = record.now;
        let span = found.spans.entry(record.stage).or_insert(StageSpan { first_ns: now.mono_ns, last_ns: now.mono_ns });
        span.last_ns = span.last_ns.max(now.mono_ns);
        let (first_ms, last_ms) = found.session_ms.unwrap_or((now.session_ms, now.session_ms));
        found.session_ms = Some((first_ms.min(now.session_ms), last_ms.max(now.session_ms)));
    }
    found.gapless = reader.is_gapless();
    found.missing = reader.missing();
    found.closing = reader.closing().cloned();
    found.problems.extend(reader.take_torn());
    Ok(found)
}
