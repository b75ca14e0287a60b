//! Sessions on disk: the contents of a folder of sessions, counted from what is stored; verified copies; and deletion, which
//! requires such a copy. These are commands for people, and nothing here runs during trading.
//!
//! Counters are not trusted. A summary that says that a session recorded nothing is a claim, shown beside what the journal
//! contains, and never a reason to delete anything.

mod backup;
mod count;
mod delete;
mod files;
mod manifest;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use backup::{Backup, back_up, has_manifest, verify_backup};
pub use count::{Contents, Records, count};
pub use delete::{Deleted, delete};
pub use files::{StoredFile, stored_files};
pub use manifest::{MANIFEST_FILE, Manifest};

/// The suffix of a copy that is not a backup yet.
const PARTIAL: &str = ".partial";
/// The prefix of the name of a session that is being deleted.
const DELETING: &str = ".deleting-";

/// Why an operation on a session was not done. Nothing was changed unless the error says so.
#[derive(Debug, Error)]
pub enum SessionsError {
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    /// The text cannot be the name of a session.
    #[error("session `{0}`: expected the name of a folder in the folder of sessions, such as sim-20261121T120000000Z")]
    Name(String),
    /// There is no such session.
    #[error("no session {0}: expected a folder")]
    NoSession(PathBuf),
    /// Something is neither a file nor a folder, so it is not copied, and the session is not deleted either.
    #[error("{0} is neither a file nor a folder: a session has only those")]
    Foreign(PathBuf),
    /// The session changed while it was being copied.
    #[error("{0} changed while it was copied: a session is backed up after its end")]
    Changed(PathBuf),
    /// The backup exists already.
    #[error("{0} exists: `kalshi-actor sessions verify` says whether it is a backup; it is not overwritten")]
    Exists(PathBuf),
    /// The folder is not a backup: its manifest is missing or damaged.
    #[error("{path} is not a backup: {reason}")]
    NoBackup { path: PathBuf, reason: String },
    /// A file of a copy differs from the original or from the manifest.
    #[error("{path} is not what was copied: {reason}")]
    Differs { path: PathBuf, reason: String },
    /// The session has no backup of what it contains now.
    #[error("{session} is not deleted: {reason}\nit holds {contents}; back it up first, or delete it with --force")]
    NotBackedUp {
        session: PathBuf,
        /// What is wrong with its backup.
        reason: String,
        /// What would be lost.
        contents: String,
    },
}

impl SessionsError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// The folder of the session with that name.
///
/// # Errors
/// If there is no such folder.
pub fn session_in(root: &Path, name: &str) -> Result<PathBuf, SessionsError> {
    let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']);
    if !plain {
        return Err(SessionsError::Name(name.to_owned()));
    }
    let folder = root.join(name);
    if folder.is_dir() { Ok(folder) } else { Err(SessionsError::NoSession(folder)) }
}

/// The names of the sessions in a folder, in sorted order. Unfinished copies and half-deleted sessions are included, since
/// nothing else would report them.
///
/// # Errors
/// If the folder cannot be read; a folder that does not exist has no sessions.
pub fn session_names(root: &Path) -> Result<Vec<String>, SessionsError> {
    let mut names = Vec::new();
    let entries = match std::fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
        Err(error) => return Err(SessionsError::io(root)(error)),
    };
    for entry in entries {
        let entry = entry.map_err(SessionsError::io(root))?;
        if entry.file_type().map_err(SessionsError::io(&entry.path()))?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests;
