//! Sessions on disk: what a folder of sessions holds, counted from what is stored; verified copies of them; and deleting,
//! which asks for such a copy. Owns nothing while trading goes on: these are commands of a person.
//!
//! Nothing here believes a counter. A summary that says a session recorded nothing is a claim that is shown beside what its
//! journal holds, and never a reason to delete anything.

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

/// The ending of a copy that is not a backup yet.
const PARTIAL: &str = ".partial";
/// The beginning of the name of a session that is being deleted.
const DELETING: &str = ".deleting-";

/// Why something was not done with a session. Nothing was changed unless it says so.
#[derive(Debug, Error)]
pub enum SessionsError {
    /// A file or folder cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A name that is none.
    #[error("session `{0}`: expected the name of a folder in the folder of sessions, such as sim-20261121T120000000Z")]
    Name(String),
    /// There is no such session.
    #[error("no session {0}: expected a folder")]
    NoSession(PathBuf),
    /// Something that is neither a file nor a folder is not copied, and so not deleted either.
    #[error("{0} is neither a file nor a folder: a session has only those")]
    Foreign(PathBuf),
    /// The session changed while it was copied.
    #[error("{0} changed while it was copied: a session is backed up after its end")]
    Changed(PathBuf),
    /// A backup is there already.
    #[error("{0} exists: `kalshi-actor sessions verify` says whether it is a backup; it is not written over")]
    Exists(PathBuf),
    /// No backup: its manifest is missing or damaged.
    #[error("{path} is no backup: {reason}")]
    NoBackup {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file of a copy differs from the original, or from what the manifest says.
    #[error("{path} is not what was copied: {reason}")]
    Differs {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A session without a backup that holds what it holds now.
    #[error("{session} is not deleted: {reason}\nit holds {contents}; back it up first, or delete it with --force")]
    NotBackedUp {
        /// Which.
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

/// The folder of a session of that name.
///
/// # Errors
/// When the name is not that of a folder there.
pub fn session_in(root: &Path, name: &str) -> Result<PathBuf, SessionsError> {
    let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']);
    if !plain {
        return Err(SessionsError::Name(name.to_owned()));
    }
    let folder = root.join(name);
    if folder.is_dir() { Ok(folder) } else { Err(SessionsError::NoSession(folder)) }
}

/// The names of the sessions in a folder, oldest name first. Half copies and halves of what is being deleted are told, too:
/// nobody else would.
///
/// # Errors
/// When the folder cannot be read; one that is not there has no sessions.
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
