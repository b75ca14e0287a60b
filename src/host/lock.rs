//! A lock on a folder that only one process at a time may use. The process holds a kernel lock on a file in the folder,
//! which the kernel releases however the process ends. The file contains the process id and is removed with the lock.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

const LOCK_FILE: &str = "process.lock";
/// How often to retry when the last holder removes the file between our opening and locking it.
const ATTEMPTS: usize = 16;

/// Why a folder cannot be used.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another process holds the lock.
    #[error(
        "{path} is in use by {}: two processes must not write there; stop that one first, or name another folder",
        process.map_or_else(|| "another process".to_owned(), |process| format!("process {process}"))
    )]
    Held {
        path: PathBuf,
        /// The id of that process, if it could be read.
        process: Option<u32>,
    },
    /// The lock file could not be opened, locked or written.
    #[error("lock file {path}: {error}")]
    Io { path: PathBuf, error: io::Error },
}

/// A folder locked by this process, until this value is dropped.
#[derive(Debug)]
pub struct FolderLock {
    path: PathBuf,
    /// Keeping the file open keeps the lock.
    _file: File,
}

impl FolderLock {
    /// Locks a folder, which must exist.
    ///
    /// # Errors
    /// When another process holds the lock, or the lock file cannot be written.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join(LOCK_FILE);
        let failed = |error| LockError::Io { path: path.clone(), error };
        for _ in 0..ATTEMPTS {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    let mut text = String::new();
                    // A file that cannot be read leaves the process unnamed.
                    let process = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                    return Err(LockError::Held { path: folder.to_owned(), process });
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            // Between our opening and locking, the last holder may have removed the file. Another process could then
            // lock a new one.
            if !is_at(&file, &path) {
                continue;
            }
            file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).map_err(failed)?;
            return Ok(Self { path, _file: file });
        }
        Err(failed(io::Error::other("other processes keep taking and releasing it")))
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // If this fails, the file stays without a lock and keeps nobody out.
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether the path still leads to this open file.
fn is_at(file: &File, path: &Path) -> bool {
    let place = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    file.metadata().map(place).ok() == fs::metadata(path).map(place).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_belongs_to_one_holder_and_is_free_and_clean_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        let text = FolderLock::take(folder.path()).unwrap_err().to_string();
        assert!(text.contains(&format!("process {}", std::process::id())), "{text}");
        assert!(text.contains(&folder.path().display().to_string()), "{text}");
        drop(lock);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn a_file_that_a_dead_process_left_keeps_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(LOCK_FILE), "4194305, which is longer than ours").unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        let text = fs::read_to_string(folder.path().join(LOCK_FILE)).unwrap();
        assert_eq!(text, std::process::id().to_string());
        drop(lock);
    }

    #[test]
    fn of_many_that_try_at_once_one_has_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let held = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        if let Ok(lock) = FolderLock::take(folder.path()) {
                            assert_eq!(held.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                            held.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                            drop(lock);
                        }
                    }
                });
            }
        });
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = FolderLock::take(&folder.path().join("missing")).unwrap_err().to_string();
        assert!(error.contains("missing/process.lock"), "{error}");
    }
}
