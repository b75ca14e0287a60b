//! Free space on the disks that a session writes to, checked before it starts and periodically while it trades.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// How many more files the file system must allow, where it counts them.
const FILES_MIN: u64 = 16;

#[derive(Debug, Error)]
pub enum RoomError {
    #[error("the disk of {path} has {free} bytes left, {wanted} are needed ({key}): make room")]
    Bytes {
        path: PathBuf,
        /// Bytes free.
        free: u64,
        /// Bytes needed.
        wanted: u64,
        /// The setting that requires them.
        key: &'static str,
    },
    #[error("the disk of {path} takes {free} more files, {FILES_MIN} are needed: remove some")]
    Files {
        path: PathBuf,
        /// How many more files it allows.
        free: u64,
    },
    /// The free space could not be determined.
    #[error("the disk of {path}: {error}")]
    Io { path: PathBuf, error: io::Error },
}

/// A folder and the free space that its disk must have.
#[derive(Clone, Debug)]
pub struct Room {
    path: PathBuf,
    wanted: u64,
    /// The setting that requires the space, for error texts.
    key: &'static str,
}

impl Room {
    /// `path` must exist. `wanted` is in bytes, and `key` names the setting that requires them.
    #[must_use]
    pub fn new(path: &Path, wanted: u64, key: &'static str) -> Self {
        Self { path: path.to_owned(), wanted, key }
    }

    /// # Errors
    /// When there is too little space, or it could not be determined.
    pub fn check(&self) -> Result<(), RoomError> {
        let disk = rustix::fs::statvfs(&self.path)
            .map_err(|error| RoomError::Io { path: self.path.clone(), error: error.into() })?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        // Some file systems report no blocks, and many report no files.
        if disk.f_blocks > 0 && free < self.wanted {
            return Err(RoomError::Bytes { path: self.path.clone(), free, wanted: self.wanted, key: self.key });
        }
        if disk.f_files > 0 && disk.f_favail < FILES_MIN {
            return Err(RoomError::Files { path: self.path.clone(), free: disk.f_favail });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_is_told_with_the_folder_and_what_is_needed() {
        let folder = tempfile::tempdir().unwrap();
        Room::new(folder.path(), 1, "record.free_bytes_min").check().unwrap();
        let text = Room::new(folder.path(), u64::MAX, "record.free_bytes_min").check().unwrap_err().to_string();
        assert!(text.contains("18446744073709551615 are needed (record.free_bytes_min)"), "{text}");
        assert!(text.contains(&folder.path().display().to_string()), "{text}");
        let missing = folder.path().join("missing");
        let text = Room::new(&missing, 1, "").check().unwrap_err().to_string();
        assert!(text.contains(&missing.display().to_string()), "{text}");
    }
}
