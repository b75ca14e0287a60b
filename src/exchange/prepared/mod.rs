//! Prepared event files: recorded markets decoded once, merged into one stream in the order of time, and read back without
//! copying. Owns their layout, their checksums, and what is refused when one is read.
//!
//! A file holds, for each completed step of each market, its trades and what it leaves changed in the recorded book: each
//! level at most once, removals before additions, as the steps of recorded markets are published. All numbers are
//! little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 64 | the prefix: `KAEVENTS`, the version of the layout, how many records and how long the head, checksums of the head, of the table and of the prefix itself |
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

/// What a prepared file says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// SHA-256 of the code that read the recordings and wrote the file.
    pub code: String,
    /// What it was made of.
    pub sources: Vec<Source>,
    /// The markets, by the number that records have.
    pub markets: Vec<PreparedMarket>,
    /// Whether a source was cut: there was more than is here.
    pub is_cut: bool,
    /// What a reader of results has to know.
    pub notes: Vec<String>,
    /// The session time of the first frame.
    pub start_ms: i64,
    /// When nothing more happens in any market.
    pub end_ms: i64,
}

/// A market of a prepared file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreparedMarket {
    /// Its terms and, if it is known, its result.
    pub terms: SessionMarket,
    /// Frames of its book and trades that were read.
    pub frames: u64,
    /// Trades among them.
    pub trades: u64,
    /// What was wrong with them.
    pub faults: RecordedFaults,
}

impl Head {
    /// Frames of books and trades, of all markets.
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
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It can't be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is more than such a file can hold.
    #[error("{}: {what}", path.display())]
    TooMuch {
        /// The file that was to be written.
        path: PathBuf,
        /// Of what, and how much there may be.
        what: String,
    },
    /// It can't be opened.
    #[error("prepared file {}: {source}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is another kind of file.
    #[error("{}: expected a prepared event file, which begins with `KAEVENTS`", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It has another layout.
    #[error(
        "prepared file {}: layout version {found}, expected {expected}: prepare it again from its sources",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// This program's.
        expected: u32,
    },
    /// It is shorter or longer than it says.
    #[error("prepared file {}: {found} bytes, expected {expected}: it was cut or changed", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// What there is.
        found: u64,
        /// What its prefix says.
        expected: u64,
    },
    /// A checksum does not match.
    #[error("prepared file {}, bytes {from} to {until}: {what} does not match its checksum: the file is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is damaged.
        what: &'static str,
        /// Where it begins.
        from: u64,
        /// Where it ends.
        until: u64,
    },
    /// Something in it can't be.
    #[error("prepared file {}, byte {at}: {what}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Where.
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
