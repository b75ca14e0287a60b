//! Scenarios: descriptions of an exchange as TOML files. They say which markets exist and for how long, which participants
//! trade in them, how the exchange behaves, and what goes wrong. Some are built into the binary.
//!
//! | file | concept |
//! |---|---|
//! | `file`, `values` | the file's keys and values, with their checks |
//! | `build` | from the file to a world that starts at a given time |

mod build;
mod file;
mod values;

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::gateway::GatewaySettings;
use super::participants::World;
use crate::files;
use file::File;

/// The scenarios built into the binary.
const SHIPPED: [(&str, &str); 6] = [
    ("calm", include_str!("shipped/calm.toml")),
    ("busy", include_str!("shipped/busy.toml")),
    ("news", include_str!("shipped/news.toml")),
    ("thin", include_str!("shipped/thin.toml")),
    ("settling", include_str!("shipped/settling.toml")),
    ("gold", include_str!("shipped/gold.toml")),
];

/// The largest scenario file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Why a scenario was rejected.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// It is neither built in nor a readable file.
    #[error("scenario {name}: {source}; expected a TOML file, or one of {}", Scenario::names().join(", "))]
    Unreadable {
        /// The name or path that was asked for.
        name: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// A key or value is invalid.
    #[error("scenario {name}, line {line}: {reason}")]
    Malformed {
        /// The name of the scenario, or the path of its file.
        name: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what was expected.
        reason: String,
    },
}

/// A scenario that was parsed and checked.
#[derive(Clone, Debug)]
pub struct Scenario {
    name: String,
    text: String,
    file: File,
}

impl Default for Scenario {
    /// The scenario for a first run: `busy`.
    fn default() -> Self {
        Self::shipped("busy").expect("busy is built in, and a test parses every built-in scenario")
    }
}

impl Scenario {
    /// The names of the built-in scenarios.
    #[must_use]
    pub fn names() -> [&'static str; 6] {
        SHIPPED.map(|(name, _)| name)
    }

    /// The built-in scenario with a name.
    #[must_use]
    pub fn shipped(name: &str) -> Option<Self> {
        let (name, text) = SHIPPED.iter().find(|(known, _)| *known == name)?;
        Some(Self::parse(name, text).expect("a test parses every built-in scenario"))
    }

    /// A built-in scenario by its name, or else one from a file by its path.
    ///
    /// # Errors
    /// If there is neither, or the file is not a valid scenario.
    pub fn find(name: &str) -> Result<Self, ScenarioError> {
        match Self::shipped(name) {
            Some(scenario) => Ok(scenario),
            None => Self::load(Path::new(name)),
        }
    }

    /// Reads a scenario from a file.
    ///
    /// # Errors
    /// If the file can't be read, is not TOML, or has an invalid key or value.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let name = PathBuf::from(path).display().to_string();
        match files::read_text(path, FILE_BYTES_MAX) {
            Ok(text) => Self::parse(&name, &text),
            Err(source) => Err(ScenarioError::Unreadable { name, source }),
        }
    }

    /// Parses the text of a scenario; `name` is used in errors.
    ///
    /// # Errors
    /// If the text is not TOML, or has an invalid key or value.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let malformed = |start: usize, reason: String| {
            let before = text.as_bytes().iter().take(start);
            let line = 1 + before.filter(|byte| **byte == b'\n').count();
            ScenarioError::Malformed { name: name.to_owned(), line, reason }
        };
        let file: File = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            malformed(start, error.message().trim_end().to_owned())
        })?;
        file.check().map_err(|(start, reason)| malformed(start, reason))?;
        Ok(Self { name: name.to_owned(), text: text.to_owned(), file })
    }

    /// The scenario's name, or the path of its file.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The scenario's description, in words.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.file.description
    }

    /// The TOML text, as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The number of markets open at any time, unless a start asks for another number.
    #[must_use]
    pub fn market_count(&self) -> usize {
        let lasting: usize = self.file.markets.iter().map(|markets| markets.count.0 as usize).sum();
        lasting + self.file.series.len()
    }

    /// The scenario's world with `markets` markets open at any time, starting at `now_ms`. `seed` determines everything
    /// random.
    ///
    /// If that is more than the scenario has, further markets of its kinds are added in turn. If it is less, lasting markets
    /// are dropped before series, except for the last two.
    #[must_use]
    pub fn world(&self, seed: u64, markets: usize, now_ms: i64) -> World {
        build::world(&self.file, seed, markets, now_ms)
    }

    /// Applies the scenario's exchange settings on top of others.
    pub fn adjust(&self, settings: &mut GatewaySettings) {
        let exchange = &self.file.exchange;
        let delay = |configured_ms, own: Option<values::Delay>| own.map_or(configured_ms, |delay| delay.0);
        settings.order_latency_ms = delay(settings.order_latency_ms, exchange.order_latency_ms);
        settings.read_lag_ms = delay(settings.read_lag_ms, exchange.read_lag_ms);
        settings.tier = exchange.tier.unwrap_or(settings.tier);
        settings.remainder_first = exchange.remainder_first.unwrap_or(settings.remainder_first);
    }

    /// Whether clients are direct members, whose balances move in steps of $0.0001 instead of cents.
    #[must_use]
    pub fn has_direct_members(&self) -> bool {
        self.file.exchange.direct_members
    }

    /// The shards on which the scenario has markets, lowest first.
    #[must_use]
    pub fn shards(&self) -> Vec<u8> {
        let lasting = self.file.markets.iter().map(|markets| markets.exchange_index.0);
        let mut shards: Vec<u8> =
            lasting.chain(self.file.series.iter().map(|series| series.exchange_index.0)).collect();
        shards.sort_unstable();
        shards.dedup();
        shards
    }
}

#[cfg(test)]
mod tests;
