//! Sessions with real journals: counted, copied, damaged, deleted.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use super::backup::{copy_files, verify_copy};
use super::*;
use crate::clock::Now;
use crate::record::journal::{Flags, Kind, SegmentLimits, StageId, create_journal};
use crate::record::summary::Summary;

const NAME: &str = "sim-1";
const MADE: &str = "2026-11-21T14:00:00Z";

/// A folder of sessions and one of backups, with one session: a journal of 500 frames in several segments, a summary, a state.
struct Folders {
    _root: tempfile::TempDir,
    sessions: PathBuf,
    backups: PathBuf,
}

impl Folders {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let (sessions, backups) = (root.path().join("sessions"), root.path().join("backups"));
        let session = sessions.join(NAME);
        let limits = SegmentLimits { segment_bytes: 8 << 10, total_bytes: 1 << 30 };
        let stages = [StageId::Feed];
        let ([mut feed], mut scribe) =
            create_journal(&session.join("journal"), limits, b"test", 1 << 20, stages).unwrap();
        for mono_ns in 0..500 {
            let now = Now { mono_ns, session_ms: 1_790_000_000_000 };
            if mono_ns == 0 || feed.checkpoint_due() {
                feed.checkpoint(now, &0_u8);
                scribe.turn();
            }
            feed.bytes(Kind::Frame, Flags::Input, now, &[], b"a recorded delta");
            scribe.turn();
        }
        drop(feed);
        assert_eq!(scribe.finish().lost, 0);
        fs::create_dir_all(session.join("state/sim")).unwrap();
        fs::write(session.join("state/sim/day.json"), "{}").unwrap();
        let mut summary = Summary { frames: 500, ..Summary::default() };
        summary.journal.bytes = 1;
        summary.write(&session).unwrap();
        Self { _root: root, sessions, backups }
    }

    fn session(&self) -> PathBuf {
        self.sessions.join(NAME)
    }

    fn copy(&self) -> PathBuf {
        self.backups.join(NAME)
    }

    fn back_up(&self) -> Result<Backup, SessionsError> {
        back_up(&self.sessions, NAME, &self.backups, MADE.to_owned())
    }

    fn delete(&self, force: bool) -> Result<Deleted, SessionsError> {
        delete(&self.sessions, NAME, &self.backups, force)
    }

    fn segments(&self) -> Vec<PathBuf> {
        let mut segments: Vec<_> =
            fs::read_dir(self.session().join("journal")).unwrap().map(|entry| entry.unwrap().path()).collect();
        segments.sort();
        segments
    }
}

fn flip_a_bit(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn cut(path: &Path, bytes: u64) {
    let length = fs::metadata(path).unwrap().len();
    OpenOptions::new().write(true).open(path).unwrap().set_len(length - bytes).unwrap();
}

#[test]
fn a_session_is_counted_from_its_files() {
    let folders = Folders::new();
    let contents = count(&folders.session()).unwrap();
    let records = contents.records.as_ref().unwrap();
    let segments = folders.segments().len() as u64;
    // One checkpoint per segment, and the closing record.
    assert_eq!((records.kinds["Frame"], records.total), (500, 501 + segments));
    assert!(records.ended && records.unread.is_none() && !contents.is_damaged());
    assert!(segments > 3, "{segments}");
    assert_eq!(contents.files, folders.segments().len() + 2);
    assert_eq!(contents.contradiction(), None);
    assert_eq!(session_names(&folders.sessions).unwrap(), [NAME]);
    assert!(session_names(&folders.backups).unwrap().is_empty());
}

#[test]
fn a_session_that_its_summary_calls_empty_is_still_counted_and_not_deleted_without_a_backup() {
    let folders = Folders::new();
    Summary::default().write(&folders.session()).unwrap();
    let contents = count(&folders.session()).unwrap();
    let total = contents.records.as_ref().unwrap().total;
    assert!(contents.contradiction().unwrap().contains(&format!("{total} records")), "{contents:?}");
    let text = folders.delete(false).unwrap_err().to_string();
    assert!(text.contains(&format!("{total} journal records")) && text.contains("--force"), "{text}");
    assert_eq!(count(&folders.session()).unwrap(), contents);
}

#[test]
fn a_session_with_a_verified_backup_can_be_deleted_and_the_backup_holds_all_of_it() {
    let folders = Folders::new();
    let before = stored_files(&folders.session()).unwrap();
    let backup = folders.back_up().unwrap();
    assert_eq!((backup.manifest.files.clone(), backup.manifest.made.as_str()), (before.clone(), MADE));
    assert_eq!(backup.manifest.records.as_ref().unwrap().kinds["Frame"], 500);
    assert_eq!(verify_backup(&folders.copy()).unwrap(), backup);
    let deleted = folders.delete(false).unwrap();
    assert_eq!((deleted.backup, deleted.contents.files), (Some(folders.copy()), before.len()));
    assert!(session_names(&folders.sessions).unwrap().is_empty());
    let kept = stored_files(&folders.copy()).unwrap();
    assert!(before.iter().all(|file| kept.contains(file)));
}

#[test]
fn a_torn_journal_is_counted_to_its_last_whole_record_and_backed_up_as_it_is() {
    let folders = Folders::new();
    let whole = count(&folders.session()).unwrap().records.unwrap();
    cut(folders.segments().last().unwrap(), 5);
    let contents = count(&folders.session()).unwrap();
    let records = contents.records.as_ref().unwrap();
    assert_eq!((records.total, records.torn, records.ended), (whole.total - 1, true, false));
    assert!(records.unread.as_ref().unwrap().starts_with("segment 0000"), "{records:?}");
    assert!(!contents.is_damaged());
    let backup = folders.back_up().unwrap();
    assert_eq!(backup.manifest.records.as_ref(), Some(records));
    verify_backup(&folders.copy()).unwrap();
    folders.delete(false).unwrap();
}

#[test]
fn a_damaged_journal_is_counted_up_to_the_damage_and_says_where_it_is() {
    let folders = Folders::new();
    flip_a_bit(&folders.segments()[1], 200);
    let contents = count(&folders.session()).unwrap();
    let records = contents.records.as_ref().unwrap();
    assert!(contents.is_damaged() && records.total > 50 && records.total < 500, "{records:?}");
    assert!(records.unread.as_ref().unwrap().contains("000001.kaj at byte"), "{records:?}");
    assert!(contents.to_string().starts_with("at least "), "{contents}");
}

#[test]
fn a_flipped_bit_in_the_copy_is_reported_and_the_session_is_kept() {
    for file in ["journal/000001.kaj", "summary.json", "state/sim/day.json"] {
        let folders = Folders::new();
        folders.back_up().unwrap();
        flip_a_bit(&folders.copy().join(file), 1);
        let error = verify_backup(&folders.copy()).unwrap_err();
        assert!(matches!(&error, SessionsError::Differs { path, .. } if path.ends_with(file)), "{error}");
        let text = folders.delete(false).unwrap_err().to_string();
        assert!(text.contains(file) && text.contains("SHA-256"), "{text}");
        assert!(folders.session().join(file).exists());
    }
}

#[test]
fn a_changed_manifest_is_rejected() {
    let folders = Folders::new();
    folders.back_up().unwrap();
    let path = folders.copy().join(MANIFEST_FILE);
    let text = fs::read_to_string(&path).unwrap();
    for changed in [text.replace("\"Frame\": 500", "\"Frame\": 501"), text[..text.len() - 9].to_owned(), String::new()]
    {
        fs::write(&path, changed).unwrap();
        let error = verify_backup(&folders.copy()).unwrap_err();
        assert!(matches!(error, SessionsError::NoBackup { .. }), "{error}");
    }
    fs::write(&path, text.replace("\"format\": 1", "\"format\": 9")).unwrap();
    assert!(verify_backup(&folders.copy()).unwrap_err().to_string().contains("format 9"));
}

#[test]
fn missing_and_additional_files_are_named() {
    let folders = Folders::new();
    folders.back_up().unwrap();
    fs::write(folders.copy().join("new"), "").unwrap();
    assert!(verify_backup(&folders.copy()).unwrap_err().to_string().contains("was not there"));
    fs::remove_file(folders.copy().join("new")).unwrap();
    fs::remove_file(folders.copy().join("summary.json")).unwrap();
    assert!(verify_backup(&folders.copy()).unwrap_err().to_string().contains("missing"));
}

#[test]
fn a_crash_during_a_backup_leaves_no_valid_backup_and_the_next_attempt_starts_over() {
    let folders = Folders::new();
    let partial = folders.backups.join(format!("{NAME}{PARTIAL}"));
    fs::create_dir_all(&partial).unwrap();
    // After some of the files, after all of them, and after the manifest.
    fs::create_dir_all(partial.join("journal")).unwrap();
    fs::write(partial.join("journal/000000.kaj"), "half").unwrap();
    assert!(matches!(verify_backup(&partial), Err(SessionsError::NoBackup { .. })));
    fs::remove_dir_all(&partial).unwrap();
    fs::create_dir_all(&partial).unwrap();
    let copied = copy_files(&folders.session(), &partial).unwrap();
    assert!(matches!(verify_backup(&partial), Err(SessionsError::NoBackup { .. })));
    let manifest = verify_copy(NAME, &folders.session(), &partial, copied, MADE.to_owned()).unwrap();
    manifest.write(&partial).unwrap();
    assert!(matches!(verify_backup(&partial), Err(SessionsError::NoBackup { .. })));
    assert!(folders.delete(false).is_err());
    // The same files without the suffix, as if the folder had been renamed before the manifest was written.
    fs::remove_file(partial.join(MANIFEST_FILE)).unwrap();
    fs::rename(&partial, folders.copy()).unwrap();
    assert!(matches!(verify_backup(&folders.copy()), Err(SessionsError::NoBackup { .. })));
    assert!(matches!(folders.back_up(), Err(SessionsError::Exists(_))));
    fs::rename(folders.copy(), &partial).unwrap();
    folders.back_up().unwrap();
    assert!(!partial.exists());
    verify_backup(&folders.copy()).unwrap();
}

#[test]
fn a_copy_that_differs_from_what_was_read_never_becomes_a_backup() {
    let folders = Folders::new();
    let partial = folders.backups.join("copy");
    fs::create_dir_all(&partial).unwrap();
    let copied = copy_files(&folders.session(), &partial).unwrap();
    flip_a_bit(&partial.join("journal/000002.kaj"), 77);
    let error = verify_copy(NAME, &folders.session(), &partial, copied, MADE.to_owned()).unwrap_err();
    assert!(matches!(error, SessionsError::Differs { .. }), "{error}");
}

#[test]
fn a_session_that_changes_while_it_is_copied_is_not_backed_up() {
    let folders = Folders::new();
    let partial = folders.backups.join("copy");
    fs::create_dir_all(&partial).unwrap();
    let copied = copy_files(&folders.session(), &partial).unwrap();
    fs::write(folders.session().join("summary.json"), "{}").unwrap();
    let error = verify_copy(NAME, &folders.session(), &partial, copied, MADE.to_owned()).unwrap_err();
    assert!(matches!(error, SessionsError::Changed(_)), "{error}");
}

#[test]
fn a_backup_of_an_earlier_state_does_not_permit_deletion() {
    let folders = Folders::new();
    folders.back_up().unwrap();
    fs::write(folders.session().join("note.txt"), "later").unwrap();
    let text = folders.delete(false).unwrap_err().to_string();
    assert!(text.contains("another state"), "{text}");
    assert!(matches!(folders.back_up(), Err(SessionsError::Exists(_))));
    assert_eq!(folders.delete(true).unwrap().backup, None);
    assert!(!folders.session().exists());
}

#[test]
fn only_names_of_existing_folders_are_sessions() {
    let folders = Folders::new();
    for name in ["", ".", "..", "../sessions", "a/b", "/etc", ".hidden"] {
        assert!(matches!(session_in(&folders.sessions, name), Err(SessionsError::Name(_))), "{name}");
        assert!(delete(&folders.sessions, name, &folders.backups, true).is_err());
    }
    assert!(matches!(session_in(&folders.sessions, "none"), Err(SessionsError::NoSession(_))));
}

#[cfg(unix)]
#[test]
fn a_link_is_neither_followed_nor_silently_omitted() {
    let folders = Folders::new();
    std::os::unix::fs::symlink("/etc/hostname", folders.session().join("link")).unwrap();
    assert!(matches!(folders.back_up(), Err(SessionsError::Foreign(_))));
    assert!(folders.session().exists());
}
