//! Verified copies of sessions.
//!
//! A copy is made in a folder whose name ends in `.partial`. Every file is written through to the disk. Then everything is read
//! again: the copy's checksums are compared with the original's, which is also read again, and the journal records of both
//! are counted. Only then is the manifest written and the folder renamed. A crash at any moment leaves a `.partial` folder,
//! which is not a backup whatever it contains, and which the next attempt removes; nor is a folder without a valid manifest.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::files::{StoredFile, copy, paths_below, stored_files};
use super::{MANIFEST_FILE, Manifest, PARTIAL, SessionsError, count, session_in};

/// A verified backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    pub folder: PathBuf,
    pub manifest: Manifest,
}

fn sync_folder(folder: &Path) -> Result<(), SessionsError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(SessionsError::io(folder))
}

/// Copies a session of `root` to `backups`, verifies the copy, and turns it into a backup. `made` is the time for the manifest.
/// # Errors
/// If the session changes meanwhile, anything differs after copying, the backup exists already, or a file operation fails. The
/// copy then is not a backup.
pub fn back_up(root: &Path, name: &str, backups: &Path, made: String) -> Result<Backup, SessionsError> {
    let session = session_in(root, name)?;
    let (target, partial) = (backups.join(name), backups.join(format!("{name}{PARTIAL}")));
    if target.exists() {
        return Err(SessionsError::Exists(target));
    }
    match fs::remove_dir_all(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(SessionsError::io(&partial)(error)),
        _ => fs::create_dir_all(&partial).map_err(SessionsError::io(&partial))?,
    }
    let copied = copy_files(&session, &partial)?;
    let manifest = verify_copy(name, &session, &partial, copied, made)?;
    manifest.write(&partial)?;
    sync_folder(&partial)?;
    fs::rename(&partial, &target).map_err(SessionsError::io(&partial))?;
    sync_folder(backups)?;
    Ok(Backup { folder: target, manifest })
}

pub(super) fn copy_files(session: &Path, partial: &Path) -> Result<Vec<StoredFile>, SessionsError> {
    let mut copied = Vec::new();
    for path in paths_below(session)? {
        if path == MANIFEST_FILE {
            // The copy's manifest would overwrite it.
            return Err(SessionsError::Foreign(session.join(path)));
        }
        let to = partial.join(&path);
        let folder = to.parent().expect("a file has a folder");
        fs::create_dir_all(folder).map_err(SessionsError::io(folder))?;
        let (bytes, sha256) = copy(&session.join(&path), &to)?;
        sync_folder(folder)?;
        copied.push(StoredFile { path, bytes, sha256 });
    }
    Ok(copied)
}

/// Reads the copy and the original again, and checks that both still are what was copied, to the last byte and record.
pub(super) fn verify_copy(
    name: &str,
    session: &Path,
    partial: &Path,
    copied: Vec<StoredFile>,
    made: String,
) -> Result<Manifest, SessionsError> {
    same_files(partial, &copied, &stored_files(partial)?)?;
    let records = count(partial)?.records;
    if stored_files(session)? != copied || count(session)?.records != records {
        return Err(SessionsError::Changed(session.to_owned()));
    }
    Ok(Manifest::new(name, made, copied, records))
}

/// Checks that a folder has exactly these files.
fn same_files(folder: &Path, expected: &[StoredFile], found: &[StoredFile]) -> Result<(), SessionsError> {
    let differs = |path: &str, reason: String| SessionsError::Differs { path: folder.join(path), reason };
    for file in expected {
        let Some(other) = found.iter().find(|other| other.path == file.path) else {
            return Err(differs(&file.path, "it is missing".to_owned()));
        };
        if other.bytes != file.bytes {
            return Err(differs(&file.path, format!("it has {} bytes, expected {}", other.bytes, file.bytes)));
        }
        if other.sha256 != file.sha256 {
            let reason = format!("its SHA-256 is {}, expected {}", other.sha256, file.sha256);
            return Err(differs(&file.path, reason));
        }
    }
    match found.iter().find(|file| expected.iter().all(|other| other.path != file.path)) {
        Some(file) => Err(differs(&file.path, "it was not there".to_owned())),
        None => Ok(()),
    }
}

/// Reads a whole backup and compares it with its manifest.
///
/// # Errors
/// [`SessionsError::NoBackup`] without a valid manifest; [`SessionsError::Differs`] at the first file that differs from the
/// manifest, or if the number of journal records does.
pub fn verify_backup(folder: &Path) -> Result<Backup, SessionsError> {
    let reason = |reason: &str| SessionsError::NoBackup { path: folder.to_owned(), reason: reason.to_owned() };
    if folder.to_string_lossy().ends_with(PARTIAL) {
        return Err(reason("it is a copy that was not finished"));
    }
    let manifest = Manifest::read(folder)?;
    let mut found = stored_files(folder)?;
    found.retain(|file| file.path != MANIFEST_FILE);
    same_files(folder, &manifest.files, &found)?;
    let records = count(folder)?.records;
    if records.as_ref().map(|records| records.total) != manifest.records.as_ref().map(|records| records.total) {
        let total = |records: Option<&super::Records>| records.map_or(0, |records| records.total);
        let reason = format!(
            "it holds {} records, the manifest says {}",
            total(records.as_ref()),
            total(manifest.records.as_ref())
        );
        return Err(SessionsError::Differs { path: folder.join("journal"), reason });
    }
    Ok(Backup { folder: folder.to_owned(), manifest })
}

/// Whether a folder has the manifest of a backup. The files are not checked against it: see [`verify_backup`].
#[must_use]
pub fn has_manifest(folder: &Path) -> bool {
    !folder.to_string_lossy().ends_with(PARTIAL) && Manifest::read(folder).is_ok()
}
