//! Deleting a session, which requires a backup of exactly what the session contains at that moment.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Contents, DELETING, SessionsError, count, session_in, stored_files, verify_backup};

/// A deleted session.
#[derive(Clone, Debug, PartialEq)]
pub struct Deleted {
    /// The folder it was in.
    pub session: PathBuf,
    /// Its contents, counted before.
    pub contents: Contents,
    /// Its backup; `None` if the deletion was forced.
    pub backup: Option<PathBuf>,
}

/// Deletes a session of `root` if its backup in `backups` passes verification once more and holds the same files with the same
/// contents. With `force` it is deleted regardless.
///
/// # Errors
/// [`SessionsError::NotBackedUp`] with the reason and what would have been lost, or a file error.
pub fn delete(root: &Path, name: &str, backups: &Path, force: bool) -> Result<Deleted, SessionsError> {
    let session = session_in(root, name)?;
    let contents = count(&session)?;
    let backup = if force { None } else { Some(check_backup(&session, &contents, &backups.join(name))?) };
    // Renamed first, so that what a crash leaves half deleted is never taken for a session.
    let doomed = root.join(format!("{DELETING}{name}"));
    fs::rename(&session, &doomed).map_err(SessionsError::io(&session))?;
    fs::remove_dir_all(&doomed).map_err(SessionsError::io(&doomed))?;
    Ok(Deleted { session, contents, backup })
}

fn check_backup(session: &Path, contents: &Contents, folder: &Path) -> Result<PathBuf, SessionsError> {
    let refused = |reason: String| SessionsError::NotBackedUp {
        session: session.to_owned(),
        reason,
        contents: contents.to_string(),
    };
    let backup = verify_backup(folder).map_err(|error| refused(error.to_string()))?;
    if stored_files(session)? != backup.manifest.files {
        return Err(refused(format!("{} holds another state of it", folder.display())));
    }
    Ok(backup.folder)
}
