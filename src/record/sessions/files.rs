//! The files of a folder, with sizes and SHA-256 checksums.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::SessionsError;

const BUFFER_BYTES: usize = 1 << 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// The path relative to the session's folder, with `/`.
    pub path: String,
    /// The size in bytes.
    pub bytes: u64,
    /// The SHA-256 of the content, in lower-case hexadecimal.
    pub sha256: String,
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

/// Reads a file to its end, passing on each part. Returns its size and SHA-256.
fn read_through(
    path: &Path,
    mut sink: impl FnMut(&[u8]) -> Result<(), SessionsError>,
) -> Result<(u64, String), SessionsError> {
    let mut file = crate::files::open(path).map_err(SessionsError::io(path))?;
    let (mut sum, mut bytes) = (Context::new(&SHA256), 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = file.read(&mut buffer).map_err(SessionsError::io(path))?;
        if count == 0 {
            return Ok((bytes, hex(sum.finish().as_ref())));
        }
        sum.update(&buffer[..count]);
        sink(&buffer[..count])?;
        bytes += count as u64;
    }
}

/// The size and SHA-256 of a file.
pub(super) fn checksum(path: &Path) -> Result<(u64, String), SessionsError> {
    read_through(path, |_| Ok(()))
}

/// Copies a file and writes it through to the disk. Returns the size and SHA-256 of what was read.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(u64, String), SessionsError> {
    let mut file = File::create_new(to).map_err(SessionsError::io(to))?;
    let read = read_through(from, |bytes| file.write_all(bytes).map_err(SessionsError::io(to)))?;
    file.sync_all().map_err(SessionsError::io(to))?;
    Ok(read)
}

/// The sorted paths of all files in a folder, relative to it.
///
/// # Errors
/// If something cannot be read, or is neither a file nor a folder; links are not followed.
pub(super) fn paths_below(folder: &Path) -> Result<Vec<String>, SessionsError> {
    let mut paths = Vec::new();
    gather(folder, "", &mut paths)?;
    paths.sort_unstable();
    Ok(paths)
}

fn gather(folder: &Path, beginning: &str, paths: &mut Vec<String>) -> Result<(), SessionsError> {
    for entry in fs::read_dir(folder).map_err(SessionsError::io(folder))? {
        let entry = entry.map_err(SessionsError::io(folder))?;
        let path = entry.path();
        let name = entry.file_name().into_string().map_err(|_| SessionsError::Foreign(path.clone()))?;
        let kind = entry.file_type().map_err(SessionsError::io(&path))?;
        if kind.is_dir() {
            gather(&path, &format!("{beginning}{name}/"), paths)?;
        } else if kind.is_file() {
            paths.push(format!("{beginning}{name}"));
        } else {
            return Err(SessionsError::Foreign(path));
        }
    }
    Ok(())
}

/// All files of a folder, sorted by path.
///
/// # Errors
/// If one cannot be read, or something is neither a file nor a folder.
pub fn stored_files(folder: &Path) -> Result<Vec<StoredFile>, SessionsError> {
    let stored = |path: String| {
        let (bytes, sha256) = checksum(&folder.join(&path))?;
        Ok(StoredFile { path, bytes, sha256 })
    };
    paths_below(folder)?.into_iter().map(stored).collect()
}
