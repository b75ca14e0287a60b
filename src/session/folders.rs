//! The folders that a session writes to, the lock on its account, and the nonce in its client order ids.

use std::path::{Path, PathBuf};

use aws_lc_rs::{digest, rand};

use crate::config::{Config, VenueName};
use crate::host::lock::{FolderLock, LockError};
use crate::network::venue::Venue;
use crate::session::state::{StateDir, StateError};

/// The session's folder: the one asked for, or a new one in the folder of sessions, named by venue and UTC time.
pub fn session_folder(asked: Option<PathBuf>, config: &Config, venue: &str) -> PathBuf {
    asked.unwrap_or_else(|| {
        let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%3f");
        Path::new(&config.record.sessions_dir).join(format!("{venue}-{now}Z"))
    })
}

/// The directory for trips and the daily loss. That is the configured folder if there is one; the session's own folder
/// on the embedded exchange and on paper, whose accounts end with the session; and otherwise a folder below
/// `$XDG_STATE_HOME`. Without a session, it is the venue's.
///
/// # Errors
/// When the folder cannot be created.
pub fn state_dir(config: &Config, session: Option<&Path>) -> Result<StateDir, StateError> {
    let (root, name) = state_place(config, session);
    StateDir::open(&root, &name)
}

/// The root folder of [`state_dir`], and the name of the venue's folder in it.
pub fn state_place(config: &Config, session: Option<&Path>) -> (PathBuf, String) {
    let venue = config.venue.name;
    let paper = session.is_some() && venue != VenueName::Sim && !config.venue.live;
    let name = if paper { format!("paper-{}", venue.as_str()) } else { venue.as_str().to_owned() };
    let configured = Some(config.record.state_dir.as_str()).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let own = session.filter(|_| paper || venue == VenueName::Sim).map(|session| session.join("state"));
    (configured.or(own).unwrap_or_else(state_home), name)
}

/// Keeps other processes of this user on this machine from trading the same account, whatever folders they use. The
/// lock is in the system's folder for run-time files, and its name does not reveal the key.
///
/// # Errors
/// When another process holds the lock, or it cannot be written.
pub(super) fn lock_account(venue: &Venue) -> Result<FolderLock, LockError> {
    let account = format!("{}\n{}", venue.rest.origin(), venue.credentials.key_id);
    let digest = digest::digest(&digest::SHA256, account.as_bytes());
    let name = digest.as_ref()[..8].iter().fold(0, |name, byte| name << 8 | u64::from(*byte));
    let variable = |name| std::env::var_os(name).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    // The run-time folder belongs to the user; a folder for temporary files is shared by all users.
    let root = variable("XDG_RUNTIME_DIR").filter(|folder| folder.is_dir());
    let user = variable("USER").map_or_else(String::new, |user| format!("-{}", user.display()));
    let root = root.unwrap_or_else(std::env::temp_dir).join(format!("kalshi-actor{user}"));
    let folder = root.join(format!("account-{name:016x}"));
    std::fs::create_dir_all(&folder).map_err(|error| LockError::Io { path: folder.clone(), error })?;
    FolderLock::take(&folder)
}

/// The user's state folder, by the XDG Base Directory Specification.
fn state_home() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let home = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
    home.unwrap_or_else(|| PathBuf::from(".")).join("kalshi-actor")
}

/// Draws the nonce of this start's client order ids, which no other start has.
///
/// # Panics
/// When the system has no source of randomness, without which no TLS connection could be made either.
pub fn draw_nonce() -> u64 {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).expect("the system's random source works");
    u64::from_le_bytes(bytes)
}
