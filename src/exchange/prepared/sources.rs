//! The origin of prepared files: the files that were read and the code that read them, with their checksums.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::PreparedError;
use crate::exchange::recorded::find_metadata;
use crate::record::journal::{JournalFrames, journal_of};

/// The code that determines the content of a prepared file.
const CODE: [&str; 9] = [
    include_str!("flatten.rs"),
    include_str!("layout.rs"),
    include_str!("../recorded/frames.rs"),
    include_str!("../recorded/market.rs"),
    include_str!("../recorded/metadata.rs"),
    include_str!("../recorded/numbers.rs"),
    include_str!("../recorded/reader.rs"),
    include_str!("../recorded/step.rs"),
    include_str!("../recordings.rs"),
];

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file's name, without its folder.
    pub name: String,
    /// The file's length in bytes.
    pub bytes: u64,
    /// The file's SHA-256, in lower-case hexadecimal.
    pub sha256: String,
}

/// The files from which the recordings of these markets were read: frames files, segments of journals, and records of
/// markets.
///
/// # Errors
/// If a file can't be read.
pub fn sources_of<'a>(
    paths: &[PathBuf],
    tickers: impl Iterator<Item = &'a str> + Clone,
) -> Result<Vec<Source>, PreparedError> {
    let mut files = Vec::new();
    for path in paths {
        if JournalFrames::is_journal(path) && journal_of(path).is_dir() {
            files.extend(segments(&journal_of(path))?);
        } else {
            files.push(path.clone());
        }
    }
    for ticker in tickers {
        files.extend(paths.iter().find_map(|path| find_metadata(path, ticker)));
    }
    files.dedup();
    files
        .iter()
        .map(|path| source(path).map_err(|source| PreparedError::Source { path: path.clone(), source }))
        .collect()
}

/// The SHA-256 of the code that reads recordings and writes prepared files.
pub(super) fn code() -> String {
    let mut context = Context::new(&SHA256);
    for text in CODE {
        context.update(text.as_bytes());
    }
    hex(context)
}

fn segments(folder: &Path) -> Result<Vec<PathBuf>, PreparedError> {
    let named = |source| PreparedError::Source { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(named)? {
        let path = entry.map_err(named)?.path();
        if path.extension().is_some_and(|extension| extension == "kaj") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn source(path: &Path) -> io::Result<Source> {
    let (mut file, mut context) = (File::open(path)?, Context::new(&SHA256));
    let (mut block, mut bytes) = (vec![0; 1 << 16], 0);
    loop {
        match file.read(&mut block)? {
            0 => break,
            read => {
                context.update(&block[..read]);
                bytes += read as u64;
            }
        }
    }
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    Ok(Source { name, bytes, sha256: hex(context) })
}

fn hex(context: Context) -> String {
    context.finish().as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}
