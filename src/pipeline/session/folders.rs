//! Where a session keeps what it writes, and the mark of its orders.

use std::path::{Path, PathBuf};

use aws_lc_rs::rand;

use crate::config::{Config, VenueName};
use crate::pipeline::state::{StateDir, StateError};

/// The session's folder: the one asked for, or a new one in the folder of sessions, named by venue and UTC time.
pub fn session_folder(asked: Option<PathBuf>, config: &Config, venue: &str) -> PathBuf {
    asked.unwrap_or_else(|| {
        let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S%3f");
        Path::new(&config.record.sessions_dir).join(format!("{venue}-{now}Z"))
    })
}

/// Where trips and the daily loss are kept: the configured folder; else the session's own on the embedded exchange and
/// on paper, whose accounts end with the session; else below `$XDG_STATE_HOME`. Without a session it is that of the
/// venue itself.
///
/// # Errors
/// When the folder cannot be made.
pub fn state_dir(config: &Config, session: Option<&Path>) -> Result<StateDir, StateError> {
    let venue = config.venue.name;
    let paper = session.is_some() && venue != VenueName::Sim && !config.venue.live;
    let name = if paper { format!("paper-{}", venue.as_str()) } else { venue.as_str().to_owned() };
    let configured = Some(config.record.state_dir.as_str()).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let own = session.filter(|_| paper || venue == VenueName::Sim).map(|session| session.join("state"));
    let root = configured.or(own).unwrap_or_else(state_home);
    StateDir::open(&root, &name)
}

/// The user's folder for state, by the XDG base directory rules.
fn state_home() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let home = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
    home.unwrap_or_else(|| PathBuf::from(".")).join("kalshi-actor")
}

/// A mark for this start's orders that no other start has.
///
/// # Panics
/// When the system has no randomness, without which no TLS connection could be made either.
pub fn draw_nonce() -> u64 {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).expect("the system's random source works");
    u64::from_le_bytes(bytes)
}
