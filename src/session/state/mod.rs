//! The state directory: the files of each venue that must survive the end of the process. These are the trip marker,
//! which only a person removes, the state of the trading day, the list of our order groups, and the mark of a running
//! session (`mark`).

mod mark;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::files;
use crate::host::lock::{FolderLock, LockError};
use mark::{Mark, SESSION_FILE};
pub use mark::{Reserved, Running};

const TRIPPED_FILE: &str = "tripped.json";
const DAY_FILE: &str = "day.json";
const GROUPS_FILE: &str = "order-groups.json";

/// The largest state file that is read, in bytes; real ones are far smaller.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Why the state directory cannot be used.
#[derive(Debug, Error)]
pub enum StateError {
    /// A file could not be read or written.
    #[error("state file {path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    /// The contents of a file are not as expected. They are never guessed, since they guard money.
    #[error("state file {path} cannot be read: {error}; repair it, or remove it if you know what it stood for")]
    Content { path: PathBuf, error: serde_json::Error },
    /// Another process uses the directory.
    #[error("state directory {0}")]
    Lock(#[from] LockError),
    /// The last session did not end cleanly, and its state is incomplete.
    #[error(
        "the session of process {process}, started at {started}, did not end cleanly and {missing} is not there: what it \
         lost today is unknown\nlook at the account, then run `kalshi-actor resume` (mark: {mark})"
    )]
    Lost {
        /// The id of that session's process.
        process: u32,
        /// When it started, in RFC 3339.
        started: String,
        /// The file that is missing.
        missing: PathBuf,
        /// The mark of that session.
        mark: PathBuf,
    },
    /// The actor has tripped and has not been resumed.
    #[error(
        "the actor tripped at {time}: {reason}\nit does not start again by itself: look at the account, then run \
         `kalshi-actor resume` (marker: {path})"
    )]
    Tripped {
        /// When it tripped, in RFC 3339.
        time: String,
        reason: String,
        /// The path of the trip marker.
        path: PathBuf,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tripped {
    /// When the actor tripped, in RFC 3339, UTC.
    pub time: String,
    /// Why, for the person who decides whether to resume.
    pub reason: String,
    /// The state of the trading day, if it could not be written to its own file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<serde_json::Value>,
}

impl Tripped {
    fn new(wall_ms: i64, reason: &str, day: Option<serde_json::Value>) -> Self {
        Self { time: civil(wall_ms), reason: reason.to_owned(), day }
    }
}

/// What a starting session finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening<T> {
    /// The state of the trading day; `None` before the first session.
    pub day: Option<T>,
    /// The last session, if it did not end cleanly.
    pub unclean: Option<Running>,
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StateError> {
    let path = path.to_owned();
    match files::read(&path, FILE_BYTES_MAX) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| StateError::Content { path, error }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::Io { path, error }),
    }
}

/// Wall time in RFC 3339, for people.
fn civil(wall_ms: i64) -> String {
    crate::wire::time::timestamp(wall_ms)
        .map_or_else(|| format!("{wall_ms} ms after 1970, which is not a date"), |time| time.to_string())
}

/// One venue's state directory.
#[derive(Clone, Debug)]
pub struct StateDir {
    folder: PathBuf,
}

impl StateDir {
    /// Opens a venue's directory below `root`, creating it if needed.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn open(root: &Path, venue: &str) -> Result<Self, StateError> {
        let folder = root.join(venue);
        match fs::create_dir_all(&folder) {
            Ok(()) => Ok(Self { folder }),
            Err(error) => Err(StateError::Io { path: folder, error }),
        }
    }

    /// Keeps every other process out until the lock is dropped or this process ends.
    ///
    /// # Errors
    /// When another process holds the lock, or it cannot be written.
    pub fn lock(&self) -> Result<FolderLock, StateError> {
        Ok(FolderLock::take(&self.folder)?)
    }

    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Reads the state that a start continues from. A session that did not end cleanly is no obstacle as long as
    /// everything it left can be read.
    ///
    /// # Errors
    /// When the actor is tripped, or a state file is unreadable or missing.
    pub fn opening<T: DeserializeOwned>(&self) -> Result<Opening<T>, StateError> {
        self.check_not_tripped()?;
        let day = self.day()?;
        let unclean = match self.mark()? {
            Some(Mark::Running(running)) => Some(running),
            Some(Mark::Tripped(_)) | None => None,
        };
        match (day, unclean) {
            (None, Some(Running { process, started, .. })) => Err(StateError::Lost {
                process,
                started,
                missing: self.folder.join(DAY_FILE),
                mark: self.folder.join(SESSION_FILE),
            }),
            (day, unclean) => Ok(Opening { day, unclean }),
        }
    }

    /// Writes the mark of a session that is about to trade, which reserves the space for a trip marker. Call it under
    /// the lock and before the first order.
    ///
    /// # Errors
    /// When the mark cannot be written. Nothing may be traded without it.
    pub fn begin<T: Serialize>(&self, running: &Running, day: &T) -> Result<Reserved, StateError> {
        self.set_day(day)?;
        Reserved::write(self, running)
    }

    fn mark(&self) -> Result<Option<Mark>, StateError> {
        self.read(SESSION_FILE)
    }

    /// Fails if the actor is tripped.
    ///
    /// # Errors
    /// [`StateError::Tripped`] with the reason. A marker that cannot be read counts as a trip.
    pub fn check_not_tripped(&self) -> Result<(), StateError> {
        match self.tripped()? {
            None => Ok(()),
            Some(Tripped { time, reason, .. }) => {
                Err(StateError::Tripped { time, reason, path: self.folder.join(TRIPPED_FILE) })
            }
        }
    }

    /// Why the actor is tripped; `None` if it is not.
    ///
    /// # Errors
    /// When the marker exists and cannot be read.
    pub fn tripped(&self) -> Result<Option<Tripped>, StateError> {
        if let Some(tripped) = self.read(TRIPPED_FILE)? {
            return Ok(Some(tripped));
        }
        // The trip may have got no further than overwriting the mark.
        self.mark()?.map_or(Ok(None), Mark::into_tripped)
    }

    /// Writes the trip marker unless there is one, since the first reason matters most.
    ///
    /// # Errors
    /// When the marker cannot be written.
    #[cfg(feature = "internals")]
    pub fn trip(&self, wall_ms: i64, reason: &str) -> Result<(), StateError> {
        if self.folder.join(TRIPPED_FILE).exists() {
            return Ok(());
        }
        self.write(TRIPPED_FILE, &Tripped::new(wall_ms, reason, None))
    }

    /// Removes the trip marker, or the mark of a session that left nothing readable, after a person has looked at the
    /// account. Returns the trip, or `None` when there was nothing to resume from. A marker that cannot be read is
    /// removed, too. Call it under the lock.
    ///
    /// # Errors
    /// When a file cannot be read or removed.
    pub fn resume(&self) -> Result<Option<Tripped>, StateError> {
        let unreadable = |what: &str, error: &dyn std::fmt::Display| {
            let reason = format!("{what}: {error}");
            Some(Tripped { time: "an unknown time".to_owned(), reason, day: None })
        };
        let tripped = match self.tripped() {
            Err(StateError::Content { error, .. }) => unreadable("unreadable marker", &error),
            Ok(None) => match self.opening::<serde::de::IgnoredAny>() {
                Err(lost @ StateError::Lost { .. }) => unreadable("no state", &lost),
                _ => None,
            },
            tripped => tripped?,
        };
        if tripped.is_some() {
            for name in [TRIPPED_FILE, SESSION_FILE] {
                let path = self.folder.join(name);
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => return Err(StateError::Io { path, error }),
                    _ => {}
                }
            }
        }
        Ok(tripped)
    }

    /// The state of the trading day as last written; `None` before the first session.
    ///
    /// # Errors
    /// When the file exists and cannot be read.
    pub fn day<T: DeserializeOwned>(&self) -> Result<Option<T>, StateError> {
        self.read(DAY_FILE)
    }

    /// Writes the state of the trading day. Blocks on the disk, so it is not for a hot thread.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_day<T: Serialize>(&self, state: &T) -> Result<(), StateError> {
        self.write(DAY_FILE, state)
    }

    /// The order groups of the last session; `None` before the first.
    ///
    /// # Errors
    /// When the file exists and cannot be read.
    pub fn groups<T: DeserializeOwned>(&self) -> Result<Option<T>, StateError> {
        self.read(GROUPS_FILE)
    }

    /// Writes the list of our order groups. Blocks on the disk, so it is not for a hot thread.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set_groups<T: Serialize>(&self, groups: &T) -> Result<(), StateError> {
        self.write(GROUPS_FILE, groups)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StateError> {
        read(&self.folder.join(name))
    }

    fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), StateError> {
        let bytes = serde_json::to_vec_pretty(value);
        let written = bytes.map_err(io::Error::from).and_then(|bytes| self.write_bytes(name, &bytes));
        written.map_err(|error| StateError::Io { path: self.folder.join(name), error })
    }

    /// Replaces a file atomically: after a crash either the old or the new one is there, complete.
    fn write_bytes(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let fresh = self.folder.join(format!("{name}.new"));
        let mut file = File::create(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, self.folder.join(name))?;
        self.sync()
    }

    /// Flushes the folder, without which a rename is not durable.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (tempfile::TempDir, StateDir) {
        let root = tempfile::tempdir().unwrap();
        let state = StateDir::open(root.path(), "demo").unwrap();
        (root, state)
    }

    #[test]
    fn a_tripped_actor_does_not_start_until_somebody_resumes() {
        let (_root, state) = state();
        state.check_not_tripped().unwrap();
        state.trip(1_795_000_000_000, "ledger drift of $0.01").unwrap();
        state.trip(1_795_000_000_001, "a later reason").unwrap();

        let text = state.check_not_tripped().unwrap_err().to_string();
        assert!(text.contains("ledger drift of $0.01") && text.contains("kalshi-actor resume"), "{text}");
        assert!(text.contains("2026-11-18T"), "{text}");

        assert_eq!(state.resume().unwrap().unwrap().reason, "ledger drift of $0.01");
        state.check_not_tripped().unwrap();
        assert_eq!(state.resume().unwrap(), None);
    }

    #[test]
    fn venues_trip_apart() {
        let (root, demo) = state();
        demo.trip(0, "demo only").unwrap();
        StateDir::open(root.path(), "prod").unwrap().check_not_tripped().unwrap();
    }

    #[test]
    fn a_marker_that_cannot_be_read_still_stops_the_start_and_can_be_resumed() {
        let (root, state) = state();
        fs::write(root.path().join("demo").join(TRIPPED_FILE), "tripped!").unwrap();
        let text = state.check_not_tripped().unwrap_err().to_string();
        assert!(text.contains("tripped.json"), "{text}");
        assert!(state.resume().unwrap().unwrap().reason.contains("unreadable"));
        state.check_not_tripped().unwrap();
    }

    #[test]
    fn the_day_survives_a_restart_and_a_damaged_one_is_not_guessed_around() {
        let (root, state) = state();
        assert_eq!(state.day::<(i64, i64)>().unwrap(), None);
        state.set_day(&(20_000, -12_345)).unwrap();
        state.set_day(&(20_001, -1)).unwrap();
        assert_eq!(StateDir::open(root.path(), "demo").unwrap().day::<(i64, i64)>().unwrap(), Some((20_001, -1)));
        fs::write(root.path().join("demo").join(DAY_FILE), "[20001,").unwrap();
        let error = state.day::<(i64, i64)>().unwrap_err();
        assert!(matches!(error, StateError::Content { .. }), "{error}");
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        fs::write(&file, "").unwrap();
        let error = StateDir::open(&file, "demo").unwrap_err().to_string();
        assert!(error.contains("file/demo"), "{error}");
    }
}
