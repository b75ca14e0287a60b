//! The mark of a running session. It is written before the first order, so that the next start sees a session whose
//! process died. It is as large as any trip marker, so that a trip needs no disk space: the marker overwrites the mark,
//! which is then renamed. If even that fails, the marker goes into the session's own folder, which the mark names.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{StateDir, StateError, TRIPPED_FILE, Tripped};

/// The name of the mark's file.
pub(super) const SESSION_FILE: &str = "session.json";
/// The size of the file: room for a long reason and the state of a day, padded with blanks, which JSON allows.
const BYTES: usize = 16 << 10;

/// A running session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// The id of its process.
    pub process: u32,
    /// When it started, in RFC 3339, UTC.
    pub started: String,
    /// The absolute path of its folder.
    pub folder: PathBuf,
}

impl Running {
    /// Describes a session of this process that starts at `wall_ms`.
    #[must_use]
    pub fn new(wall_ms: i64, folder: &Path) -> Self {
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        Self { process: std::process::id(), started: super::civil(wall_ms), folder: absolute }
    }
}

/// The contents of the mark.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Mark {
    /// A trip that overwrote the mark, but whose file was not renamed.
    Tripped(Tripped),
    /// A session that is running, or whose process died.
    Running(Running),
}

impl Mark {
    /// The trip that the mark describes, or that the session could only record in its own folder.
    pub(super) fn into_tripped(self) -> Result<Option<Tripped>, StateError> {
        match self {
            Self::Tripped(tripped) => Ok(Some(tripped)),
            Self::Running(running) => super::read(&running.folder.join(TRIPPED_FILE)),
        }
    }
}

/// The mark of this process's session, and the disk space that it reserves.
#[derive(Debug)]
pub struct Reserved {
    state: StateDir,
    file: File,
    /// The session's folder.
    folder: PathBuf,
}

impl Reserved {
    pub(super) fn write(state: &StateDir, running: &Running) -> Result<Self, StateError> {
        let path = state.folder.join(SESSION_FILE);
        let write = || {
            state.write_bytes(SESSION_FILE, &padded(running)?)?;
            OpenOptions::new().write(true).open(&path)
        };
        match write() {
            Ok(file) => Ok(Self { state: state.clone(), file, folder: running.folder.clone() }),
            Err(error) => Err(StateError::Io { path, error }),
        }
    }

    /// Removes the mark after a session that ended cleanly.
    ///
    /// # Errors
    /// When the mark cannot be removed.
    pub fn end(self) -> Result<(), StateError> {
        let path = self.state.folder.join(SESSION_FILE);
        fs::remove_file(&path).and_then(|()| self.state.sync()).map_err(|error| StateError::Io { path, error })
    }

    /// Turns the mark into a trip marker, so that the next start refuses. `day` is the state of the trading day, if it
    /// could not be written to its own file.
    ///
    /// # Errors
    /// When the marker could not be written to its place. It may be in the session's folder then.
    pub fn trip(self, wall_ms: i64, reason: &str, day: Option<serde_json::Value>) -> Result<(), StateError> {
        let (state, tripped) = (&self.state, Tripped::new(wall_ms, reason, day));
        let said = fitting(tripped.clone()).and_then(|bytes| {
            self.file.write_all_at(&bytes, 0)?;
            self.file.sync_data()
        });
        // Even if the text could not be written, the renamed file keeps the next start out.
        let named = fs::rename(state.folder.join(SESSION_FILE), state.folder.join(TRIPPED_FILE));
        let Err(error) = said.and(named).and_then(|()| state.sync()) else { return Ok(()) };
        if state.folder.join(TRIPPED_FILE).exists() {
            return Err(StateError::Io { path: state.folder.join(TRIPPED_FILE), error });
        }
        tracing::error!(%error, "the mark of the session cannot say that it tripped");
        // The directory may have been removed. The day goes into the marker in either case.
        let made = fs::create_dir_all(&state.folder);
        let made = made.map_err(|error| StateError::Io { path: state.folder.clone(), error });
        made.and_then(|()| state.write(TRIPPED_FILE, &tripped)).inspect_err(|_| {
            let aside = StateDir { folder: self.folder.clone() };
            if let Err(error) = aside.write(TRIPPED_FILE, &tripped) {
                tracing::error!(%error, "the trip could not be recorded anywhere");
            }
        })
    }
}

/// Serialises a value and pads it to the size of the mark.
fn padded(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    if bytes.len() >= BYTES {
        return Err(io::Error::other(format!("{} bytes do not fit in a mark of {BYTES}", bytes.len())));
    }
    bytes.resize(BYTES - 1, b' ');
    bytes.push(b'\n');
    Ok(bytes)
}

/// Serialises a trip, with its reason truncated if it would not fit.
fn fitting(mut tripped: Tripped) -> io::Result<Vec<u8>> {
    loop {
        let length = tripped.reason.chars().count();
        match padded(&tripped) {
            Err(_) if length > 0 => tripped.reason = tripped.reason.chars().take(length / 2).collect(),
            bytes => return bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> (tempfile::TempDir, StateDir, Reserved) {
        let root = tempfile::tempdir().unwrap();
        let state = StateDir::open(root.path(), "demo").unwrap();
        let reserved = state.begin(&Running::new(1_795_000_000_000, root.path()), &7).unwrap();
        (root, state, reserved)
    }

    #[test]
    fn a_session_that_ends_leaves_nothing_and_one_that_dies_is_found_by_the_next_start() {
        let (_root, state, reserved) = begun();
        let unclean = state.opening::<i32>().unwrap().unclean.unwrap();
        assert_eq!((unclean.process, unclean.started.get(..10)), (std::process::id(), Some("2026-11-18")));
        reserved.end().unwrap();
        let opening = state.opening::<i32>().unwrap();
        assert_eq!((opening.day, opening.unclean), (Some(7), None));
    }

    #[test]
    fn a_trip_is_written_into_the_room_that_was_kept_for_it() {
        let (_root, state, reserved) = begun();
        let before = fs::metadata(state.folder().join(SESSION_FILE)).unwrap().len();
        // The disk is full: no new file can be created in the folder.
        let day = Some(serde_json::json!({ "day": 20_000 }));
        reserved.trip(1_795_000_000_000, &"\u{1}long ".repeat(20_000), day.clone()).unwrap();
        assert_eq!(fs::metadata(state.folder().join(TRIPPED_FILE)).unwrap().len(), before);
        assert!(!state.folder().join(SESSION_FILE).exists());
        let tripped = state.tripped().unwrap().unwrap();
        assert!(tripped.reason.len() > 100 && tripped.day == day, "{tripped:?}");
        assert!(state.opening::<i32>().unwrap_err().to_string().contains("resume"));
        state.resume().unwrap().unwrap();
        state.opening::<i32>().unwrap();
    }

    #[test]
    fn a_trip_that_did_not_get_its_name_holds_as_well() {
        let (_root, state, reserved) = begun();
        let tripped = Tripped::new(0, "drawdown", None);
        reserved.file.write_all_at(&fitting(tripped).unwrap(), 0).unwrap();
        let text = state.opening::<i32>().unwrap_err().to_string();
        assert!(text.contains("drawdown") && text.contains("resume"), "{text}");
        assert_eq!(state.resume().unwrap().unwrap().reason, "drawdown");
        state.opening::<i32>().unwrap();
    }

    #[test]
    fn a_session_without_a_clean_end_and_without_a_readable_state_keeps_the_next_start_out() {
        for (file, content) in [("day.json", None), (SESSION_FILE, Some("")), (SESSION_FILE, Some("{\"process\":1}"))] {
            let (_root, state, _reserved) = begun();
            let path = state.folder().join(file);
            content.map_or_else(|| fs::remove_file(&path), |content| fs::write(&path, content)).unwrap();
            let text = state.opening::<i32>().unwrap_err().to_string();
            assert!(text.contains(file), "{text}");
            state.resume().unwrap().unwrap();
            state.opening::<i32>().unwrap();
            assert_eq!(state.resume().unwrap(), None);
        }
    }

    #[test]
    fn a_trip_after_the_folder_was_taken_away_is_written_anew() {
        let (_root, state, reserved) = begun();
        fs::remove_dir_all(state.folder()).unwrap();
        let day = Some(serde_json::json!(7));
        reserved.trip(0, "killed", day.clone()).unwrap();
        assert_eq!(state.tripped().unwrap().unwrap().day, day);
        let (_root, state, reserved) = begun();
        fs::remove_file(state.folder().join(SESSION_FILE)).unwrap();
        reserved.trip(0, "killed", None).unwrap();
        assert_eq!(state.tripped().unwrap().unwrap().reason, "killed");
    }

    #[test]
    fn a_trip_that_the_state_directory_does_not_take_is_found_in_the_sessions_folder() {
        let (root, state, reserved) = begun();
        let (away, session) = (root.path().join("away"), root.path().join("tripped.json"));
        // As if the disk had been remounted read-only: the mark still says that a session is running.
        fs::rename(state.folder(), &away).unwrap();
        let mark = fs::read(away.join(SESSION_FILE)).unwrap();
        fs::write(state.folder(), "no directory").unwrap();
        let error = reserved.trip(0, "killed", None).unwrap_err().to_string();
        assert!(error.contains("demo"), "{error}");
        fs::remove_file(state.folder()).unwrap();
        fs::rename(&away, state.folder()).unwrap();
        fs::write(state.folder().join(SESSION_FILE), mark).unwrap();
        assert!(session.exists());
        assert_eq!(state.tripped().unwrap().unwrap().reason, "killed");
        assert!(state.opening::<i32>().is_err());
        assert_eq!(state.resume().unwrap().unwrap().reason, "killed");
        state.opening::<i32>().unwrap();
    }
}
