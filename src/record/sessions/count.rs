//! What a session holds, counted record by record from its journal.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::SessionsError;
use super::files::paths_below;
use crate::record::journal::{JournalError, JournalProblem, JournalReader};
use crate::record::summary::Summary;

/// The largest summary that is read.
const SUMMARY_BYTES_MAX: u64 = 16 << 20;

/// Records of a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// Good records.
    pub total: u64,
    /// Those by what they say.
    pub kinds: BTreeMap<String, u64>,
    /// Whether the writer came to an end; without it the session crashed or still runs.
    pub ended: bool,
    /// Where and why reading ended before the end of the files. What is behind that place is not counted, and may be good.
    pub unread: Option<String>,
    /// Whether that is the end of the last file within a record, which is all that a crash leaves.
    pub torn: bool,
}

/// What a session holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Contents {
    /// Bytes of all its files.
    pub bytes: u64,
    /// How many files.
    pub files: usize,
    /// Its journal; none when it has none.
    pub records: Option<Records>,
    /// What its summary claims.
    pub summary: Option<Summary>,
}

impl Contents {
    /// Whether a journal was damaged, beyond what a crash leaves.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.records.as_ref().is_some_and(|records| records.unread.is_some() && !records.torn)
    }

    /// What the summary claims to have recorded and the journal contradicts, in words.
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

/// Reads the whole session.
///
/// # Errors
/// When its folder cannot be read. A journal that cannot be read to its end is no error: it is counted as far as it goes, and
/// says where that is.
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
    // A crash between two segments tears the file before the last, too; reading went on behind that.
    if let Some(torn) = reader.torn() {
        records.torn |= records.unread.is_none();
        records.unread = records.unread.or_else(|| Some(place(torn)));
    }
    records.ended = reader.closing().is_some();
    records
}

/// Where reading ended and why, without the session's own folder: a copy says the same.
fn place(error: &JournalError) -> String {
    let segment = error.segment.file_name().unwrap_or_default().to_string_lossy();
    format!("segment {segment} at byte {}: {}", error.offset, error.problem)
}
