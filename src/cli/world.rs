//! The markets of the embedded exchange: the arguments that `run` and `exchange` share.

use std::path::PathBuf;

use crate::config::Config;
use crate::exchange::Builder;
use crate::exchange::recorded::Holes;
use crate::exchange::recordings::{GivenResult, Recordings, RecordingsError};
use crate::exchange::scenario::{Scenario, ScenarioError};
use crate::session::{EmbeddedError, configured_exchange, load_recordings};
use clap::Args;

#[derive(Debug, Args)]
pub(super) struct WorldArgs {
    /// The scenario of the embedded exchange: calm, busy, news, thin, settling or gold, or a TOML file [default: busy]
    #[arg(long, value_name = "NAME|FILE", conflicts_with = "from")]
    pub(super) scenario: Option<String>,
    /// Play recorded markets instead: frames files, .jsonl or .zst, or the folders of sessions with a journal
    #[arg(long, value_name = "FRAMES", num_args = 1..)]
    pub(super) from: Vec<PathBuf>,
    /// The result of recorded markets: yes, no, or what YES pays in dollars [default: as recorded, else they stay open]
    #[arg(long, value_name = "RESULT", requires = "from")]
    result: Option<GivenResult>,
    /// Accept recorded frames in spite of sequence gaps; otherwise the books of that subscription are empty from a gap
    /// until their next snapshot
    #[arg(long, requires = "from")]
    ignore_seq: bool,
    /// The seed of everything random in the embedded exchange [default: 1]
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
}

impl WorldArgs {
    pub(super) fn seed(&self) -> u64 {
        self.seed.unwrap_or(1)
    }

    /// The chosen scenario, or the default.
    pub(super) fn scenario(&self) -> Result<Scenario, ScenarioError> {
        self.scenario.as_deref().map_or_else(|| Ok(Scenario::default()), Scenario::find)
    }

    /// The recordings named by `--from`; `None` without it.
    pub(super) fn recordings(&self) -> Result<Option<Recordings>, RecordingsError> {
        if self.from.is_empty() {
            return Ok(None);
        }
        let holes = if self.ignore_seq { Holes::Ignored } else { Holes::Told };
        load_recordings(&self.from, self.result, holes).map(Some)
    }

    /// An exchange with the chosen seed and the configured settings and cash, without markets.
    pub(super) fn exchange(&self, config: &Config) -> Result<Builder, EmbeddedError> {
        configured_exchange(config, self.seed())
    }
}
