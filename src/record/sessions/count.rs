//! The contents of a session, counted record by record from its journal.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::SessionsError;
use super::files::paths_below;
use crate::record::journal::{JournalError, JournalProblem, JournalReader};
use crate::record::summary::Summary;

/// The largest summary that is read, in bytes.
const SUMMARY_BYTES_MAX: u64 = 16 << 20;

/// The records of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// The number of valid records.
    pub total: u64,
    /// The number of valid records by kind.
    pub kinds: BTreeMap<String, u64>,
    /// Whether the writer finished; if not, the session crashed or is still running.
    pub ended: bool,
    /// Where and why reading stopped before the end of the files. Anything after that place is not counted, but may be valid.
    pub unread: Option<String>,
    /// Whether it stopped because the last file ends within a record, which is all that a crash leaves.
    pub torn: bool,
}

/// The contents of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// The total size of all files in bytes.
    pub bytes: u64,
    /// The number of files.
    pub files: usize,
    /// The journal's records; `None` without a journal.
    pub records: Option<Records>,
    /// The session's summary, whose figures are only a claim.
    pub summary: Option<Summary>,
}

impl Contents {
    /// Whether the journal is damaged beyond what a crash leaves.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.records.as_ref().is_some_and(|records| records.unread.is_some() && !records.torn)
    }

    /// How the journal contradicts what the summary claims to have recorded, in words.
    #[must_use]
    pub fn contradiction(&self) -> Option<String> {
        let (records, summary) = (self.records.as_ref()?, self.summary.as_ref()?);
        let decisions = records.kinds.get("Decision").copied().unwrap_or(0);
        let bare = summary.decisions == 0 && summary.frames == 0 && summary.journal.bytes == 0;
        if bare && records.total > 0 {
            return Some(format!("the summary counts nothing, the journal holds {} records", records.total));
        }
        let complete = records.ended && records.unread.is_none() && summary.journal.lost == 0;
        (complete && decisions > summary.decisions)
            .then(|| format!("the summary counts {} decisions, the journal holds {decisions}", summary.decisions))
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.records {
            None => write!(f, "no journal, ")?,
            Some(records) => {
                let decisions = records.kinds.get("Decision").copied().unwrap_or(0);
                let least = if records.unread.is_some() { "at least " } else { "" };
                write!(f, "{least}{} journal records ({decisions} decisions), ", records.total)?;
            }
        }
        write!(f, "{} bytes in {} files", self.bytes, self.files)
    }
}

/// Reads a whole session.
///
/// # Errors
/// If its folder cannot be read. A journal that cannot be read to its end is not an error: it is counted up to there, and
/// the result says where that is.
pub fn count(folder: &Path) -> Result<Contents, SessionsError> {
    let paths = paths_below(folder)?;
    let mut bytes = 0;
    for path in &paths {
        let path = folder.join(path);
        bytes += fs::metadata(&path).map_err(SessionsError::io(&path))?.len();
    }
    let journal = folder.join("journal");
    let summary = crate::files::read(&folder.join("summary.json"), SUMMARY_BYTES_MAX)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok());
    let records = journal.is_dir().then(|| count_records(&journal));
    Ok(Contents { bytes, files: paths.len(), records, summary })
}

fn count_records(journal: &Path) -> Records {
    let mut records = Records::default();
    let mut reader = match JournalReader::open(journal) {
        Ok(reader) => reader,
        Err(error) => {
            records.unread = Some(place(&error));
            return records;
        }
    };
    loop {
        match reader.next_record() {
            Ok(Some(record)) => {
                records.total += 1;
                let kind = format!("{:?}", record.kind);
                *records.kinds.entry(kind).or_default() += 1;
            }
            Ok(None) => break,
            Err(error) => {
                records.torn = matches!(error.problem, JournalProblem::TornTail);
                records.unread = Some(place(&error));
                break;
            }
        }
    }
    // A crash between two segments also tears the file before the last; reading continued after it.
    if let Some(torn) = reader.torn() {
        records.torn |= records.unread.is_none();
        records.unread = records.unread.or_else(|| Some(place(torn)));
    }
    records.ended = reader.closing().is_some();
    records
}

/// Where and why reading stopped, without the session's folder, so that it reads the same for a copy.
fn place(error: &JournalError) -> String {
    let segment = error.segment.file_name().unwrap_or_default().to_string_lossy();
    format!("segment {segment} at byte {}: {}", error.offset, error.problem)
}
