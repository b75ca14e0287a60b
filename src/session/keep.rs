//! Writes the state that outlives a session: the day's result and the order groups while it trades, the mark or the
//! trip marker when it ends. Keeps what could not be written yet.

use std::path::Path;

use super::SessionReport;
use crate::config::Config;
use crate::drivers::live::Live;
use crate::host::clock::wall_ms;
use crate::host::room::Room;
use crate::kill::line::KillLine;
use crate::messages::{DayState, KnownGroup};
use crate::session::state::{Reserved, Running, StateDir, StateError};

use super::Ending;

/// The free space that the state directory's disk must have. The files take some tens of kilobytes.
const STATE_BYTES_MIN: u64 = 1 << 20;

/// The folders that a session writes to, and the free space that each disk must have.
pub(super) fn rooms(config: &Config, state: &StateDir, folder: &Path) -> [Room; 2] {
    [
        Room::new(state.folder(), STATE_BYTES_MIN, "for trips and the day's result"),
        Room::new(folder, config.record.free_bytes_min, "record.free_bytes_min"),
    ]
}

/// The note for log and report that the last session did not end cleanly, and what was done about it.
pub(super) fn note_unclean(last: &Running) -> String {
    let note = format!(
        "the last session (process {}, started at {}, folder {}) did not end cleanly; its state was read, and its account \
         and orders were reconciled before anything was traded",
        last.process,
        last.started,
        last.folder.display()
    );
    tracing::warn!("{note}");
    note
}

/// State to be kept across restarts that may not be on disk yet.
pub(super) struct Kept<'a> {
    state: &'a StateDir,
    day: Option<DayState>,
    groups: Option<Vec<KnownGroup>>,
}

impl<'a> Kept<'a> {
    pub(super) fn new(state: &'a StateDir) -> Self {
        Self { state, day: None, groups: None }
    }

    /// Writes what has changed.
    ///
    /// # Errors
    /// When a file cannot be written. The next call tries again.
    pub(super) fn keep(&mut self, live: &Live, kill_line: &KillLine) -> Result<(), StateError> {
        self.gather(live, Some(kill_line));
        self.write()
    }

    /// Collects what has changed, and tells the kill line about the order groups, whether or not the disk can be written.
    pub(super) fn gather(&mut self, live: &Live, kill_line: Option<&KillLine>) {
        self.day = live.day_state().or(self.day);
        if let Some(known) = live.known_groups() {
            if let Some(kill_line) = kill_line {
                kill_line.know(known.clone());
            }
            self.groups = Some(known);
        }
    }

    fn write(&mut self) -> Result<(), StateError> {
        if let Some(day) = &self.day {
            self.state.set_day(day)?;
            self.day = None;
        }
        if let Some(groups) = &self.groups {
            self.state.set_groups(groups)?;
            self.groups = None;
        }
        Ok(())
    }

    /// Writes the final state of the day. Returns what could not be written, and why.
    pub(super) fn last(mut self, day: Option<DayState>) -> Option<(StateError, Option<DayState>)> {
        self.day = day.or(self.day);
        self.write().err().map(|error| (error, self.day))
    }
}

/// Writes what the next start needs to find, and reports what failed. An ending that a person has to look at goes into
/// the trip marker.
pub(super) fn note_ending(
    report: &mut SessionReport,
    ending: Ending,
    tripped: bool,
    done: bool,
    unsaved: Option<(StateError, Option<DayState>)>,
    reserved: Reserved,
) {
    let trips = tripped || matches!(ending, Ending::Tripped | Ending::Failed | Ending::Broken(_));
    if let Ending::Stopped(reason) | Ending::Broken(reason) = ending {
        report.failures.insert(0, reason);
    }
    let mut day = None;
    let mut lost = false;
    if let Some((error, state)) = unsaved {
        report.failures.push(format!("not kept: {error}"));
        lost = state.is_some();
        day = state.and_then(|state| serde_json::to_value(state).ok());
    }
    let written = if trips || lost {
        let reason = report.failures.first().cloned();
        reserved.trip(wall_ms(), &reason.unwrap_or_else(|| "the session ended without a reason".to_owned()), day)
    } else if done {
        reserved.end()
    } else {
        // The mark stays, so that the next start knows that this one left orders or a comparison behind.
        Ok(())
    };
    if let Err(error) = written {
        report.failures.push(format!("the next start will not know how this session ended: {error}"));
    }
}
