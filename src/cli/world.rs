//! What is traded on the embedded exchange: the arguments that `run` and `exchange` share.

use std::path::PathBuf;

use crate::config::Config;
use crate::exchange::Builder;
use crate::exchange::recorded::Holes;
use crate::exchange::recordings::{GivenResult, Recordings, RecordingsError};
use crate::exchange::scenario::{Scenario, ScenarioError};
use crate::session::{EmbeddedError, configured_exchange, load_recordings};
use clap::Args;

/// A scenario, or recordings.
#[derive(Debug, Args)]
pub(super) struct WorldArgs {
    /// What the embedded exchange is like: calm, busy, news, thin, settling or gold, or a TOML file [default: busy]
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "from")]
    pub(super) scenario: Option<String>,
    /// Recorded markets instead: frames files, .jsonl or .zst, or the folder of a session that has a journal
    #[arg(long, value_name = "FRAMES", num_args = 1..)]
    pub(super) from: Vec<PathBuf>,
    /// What recorded markets settle at: yes, no, or what YES pays in dollars; without it their records decide, or they
    /// stay open
    #[arg(long, value_name = "RESULT", requires = "from")]
    result: Option<GivenResult>,
    /// Believe the recorded frames that are there where sequence numbers are missing; without it the books of that
    /// subscription are empty until their next snapshot
    #[arg(long, requires = "from")]
    ignore_seq: bool,
    /// Seeds everything that is random in the embedded exchange [default: 1]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
}

impl WorldArgs {
    pub(super) fn seed(&self) -> u64 {
        self.seed.unwrap_or(1)
    }

    /// The scenario that is asked for.
    pub(super) fn scenario(&self) -> Result<Scenario, ScenarioError> {
        self.scenario.as_deref().map_or_else(|| Ok(Scenario::default()), Scenario::find)
    }

    /// The recordings that are asked for, if any are.
    pub(super) fn recordings(&self) -> Result<Option<Recordings>, RecordingsError> {
        if self.from.is_empty() {
            return Ok(None);
        }
        let holes = if self.ignore_seq { Holes::Ignored } else { Holes::Told };
        load_recordings(&self.from, self.result, holes).map(Some)
    }

    /// An exchange with this seed and the configured settings and cash, without markets.
    pub(super) fn exchange(&self, config: &Config) -> Result<Builder, EmbeddedError> {
        configured_exchange(config, self.seed())
    }
}
