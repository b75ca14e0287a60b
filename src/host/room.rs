//! Room on the disks that a session writes to: looked at before it starts, and again and again while it trades.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Files that must be possible besides, where the file system counts them.
const FILES_MIN: u64 = 16;

/// There is too little room.
#[derive(Debug, Error)]
pub enum RoomError {
    /// Too few bytes.
    #[error("the disk of {path} has {free} bytes left, {wanted} are needed ({key}): make room")]
    Bytes {
        /// The folder.
        path: PathBuf,
        /// What is free.
        free: u64,
        /// What is needed.
        wanted: u64,
        /// What says so.
        key: &'static str,
    },
    /// Too few files.
    #[error("the disk of {path} takes {free} more files, {FILES_MIN} are needed: remove some")]
    Files {
        /// The folder.
        path: PathBuf,
        /// How many it takes.
        free: u64,
    },
    /// It could not be asked.
    #[error("the disk of {path}: {error}")]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// A folder and the room that its disk has to have.
#[derive(Clone, Debug)]
pub struct Room {
    path: PathBuf,
    wanted: u64,
    /// The key of the configuration, or what else decides.
    key: &'static str,
}

impl Room {
    /// Of a folder that exists.
    #[must_use]
    pub fn new(path: &Path, wanted: u64, key: &'static str) -> Self {
        Self { path: path.to_owned(), wanted, key }
    }

    /// Looks at the disk.
    ///
    /// # Errors
    /// When there is too little room, or the disk could not be asked.
    pub fn check(&self) -> Result<(), RoomError> {
        let disk = rustix::fs::statvfs(&self.path)
            .map_err(|error| RoomError::Io { path: self.path.clone(), error: error.into() })?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        // Some file systems do not count blocks, many do not count files.
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
