//! Prepared event files: recorded markets that are decoded once, merged into one stream in the order of time, and read back
//! without copying. This module owns their layout and checksums, and checks every file that is opened.
//!
//! For each completed step of each market, a file has the step's trades and its changes of the recorded book: each level at
//! most once, removals before additions, which is how the steps of recorded markets are published. All numbers are
//! little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 64 | the prefix: `KAEVENTS`, the version of the layout, the number of records, the length of the head, and checksums of the head, of the table and of the prefix itself |
//! | 16 each | the records ([`Record`]) |
//! | 4 each | a CRC-32 of every 4,096 records |
//! | the rest | the head ([`Head`]) as postcard: sources, markets with their terms, counts |

mod flatten;
mod layout;
mod npz;
mod place;
mod read;
mod sources;
mod write;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::recorded::{RecordedFaults, SessionMarket};
pub use layout::Record;
pub use npz::{NPZ_EVENTS_MAX, export_npz};
pub use read::{Prepared, PreparedStep};
pub use sources::{Source, sources_of};
pub use write::prepare;

/// A prepared file's description of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The SHA-256 of the code that read the recordings and wrote the file.
    pub code: String,
    /// The files that it was made from.
    pub sources: Vec<Source>,
    /// The markets, in the order of the numbers in records.
    pub markets: Vec<PreparedMarket>,
    /// Whether a source was cut, so that its end is missing here.
    pub is_cut: bool,
    /// What to know when reading the results.
    pub notes: Vec<String>,
    /// The time of the first frame, in session milliseconds.
    pub start_ms: i64,
    /// When nothing happens in any market any more, in session milliseconds.
    pub end_ms: i64,
}

/// A market of a prepared file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreparedMarket {
    /// The market's terms and, if it is known, its result.
    pub terms: SessionMarket,
    /// The number of frames read that concern its book and trades.
    pub frames: u64,
    /// The number of trades among them.
    pub trades: u64,
    /// The irregularities found in them.
    pub faults: RecordedFaults,
}

impl Head {
    /// The number of frames about books and trades, over all markets.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.markets.iter().map(|market| market.frames).sum()
    }
}

/// Why a prepared file can't be written or read.
#[derive(Debug, Error)]
pub enum PreparedError {
    /// A source can't be read again.
    #[error("{}: {source}", path.display())]
    Source {
        /// The source file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file can't be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file to be written.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// There is more than a prepared file can hold.
    #[error("{}: {what}", path.display())]
    TooMuch {
        /// The file to be written.
        path: PathBuf,
        /// What there is too much of, and the limit.
        what: String,
    },
    /// The file can't be opened.
    #[error("prepared file {}: {source}", path.display())]
    Open {
        /// The prepared file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is of another kind.
    #[error("{}: expected a prepared event file, which begins with `KAEVENTS`", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file has another version of the layout.
    #[error(
        "prepared file {}: layout version {found}, expected {expected}: prepare it again from its sources",
        path.display()
    )]
    Version {
        /// The prepared file.
        path: PathBuf,
        /// The file's version.
        found: u32,
        /// The version that this program reads.
        expected: u32,
    },
    /// The file is shorter or longer than its prefix says.
    #[error("prepared file {}: {found} bytes, expected {expected}: it was cut or changed", path.display())]
    Length {
        /// The prepared file.
        path: PathBuf,
        /// The length found, in bytes.
        found: u64,
        /// The length according to the prefix, in bytes.
        expected: u64,
    },
    /// A checksum does not match.
    #[error("prepared file {}, bytes {from} to {until}: {what} does not match its checksum: the file is damaged", path.display())]
    Damaged {
        /// The prepared file.
        path: PathBuf,
        /// The damaged part.
        what: &'static str,
        /// The offset at which that part begins.
        from: u64,
        /// The offset at which that part ends.
        until: u64,
    },
    /// The content of the file is invalid.
    #[error("prepared file {}, byte {at}: {what}", path.display())]
    Content {
        /// The prepared file.
        path: PathBuf,
        /// The offset of the invalid byte.
        at: u64,
        /// What is wrong, and what was expected.
        what: String,
    },
}

impl PreparedError {
    fn write(path: &Path) -> impl Fn(std::io::Error) -> Self + '_ {
        |source| Self::Write { path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests;
