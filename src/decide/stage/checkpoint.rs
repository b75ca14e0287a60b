//! The stage in its form for a checkpoint: everything except the policy's weights, which are identified by their file
//! and digest, and the grids' tables, which are rebuilt from their bands.

use serde::Serializer;
use thiserror::Error;

use super::super::policy::{MemoryError, Policy, PolicyRecord, UnusableTerms};
use super::{DecideStage, Seen};

/// Why a stage cannot be restored from a checkpoint.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RestoreError {
    /// The policy is not the one of the checkpoint.
    #[error("recorded with {recorded}; the policy given is {given}")]
    Policy { recorded: String, given: String },
    /// The policy cannot run on its terms.
    #[error(transparent)]
    Terms(#[from] UnusableTerms),
    /// The policy cannot restore its memory.
    #[error("policy {name}: {error}")]
    Memory {
        /// The name of the policy.
        name: String,
        error: MemoryError,
    },
}

/// The policy that a checkpoint of this stage was made with.
///
/// # Errors
/// When the bytes are not a checkpoint.
pub fn recorded_policy(checkpoint: &[u8]) -> Result<PolicyRecord, postcard::Error> {
    postcard::take_from_bytes(checkpoint).map(|(record, _)| record)
}

impl DecideStage<PolicyRecord> {
    /// Combines the stage of a checkpoint with its policy, and restores the policy's memory.
    ///
    /// # Errors
    /// When the policy is another one, has another model, script, settings or terms, or cannot restore its memory.
    pub fn with_policy<P: Policy>(mut self, mut policy: P) -> Result<DecideStage<P>, RestoreError> {
        let recorded = &self.policy;
        let given = PolicyRecord::of(&policy);
        if !given.is_same_policy(recorded) {
            return Err(RestoreError::Policy { recorded: recorded.to_string(), given: given.to_string() });
        }
        if !planted!(MemoryNotRestored) {
            let restored = policy.restore(&recorded.memory);
            restored.map_err(|error| RestoreError::Memory { name: recorded.identity.name.clone(), error })?;
        }
        let seen = Seen::new(policy.terms())?;
        self.state.terms.clone_from(policy.terms());
        Ok(DecideStage { policy, state: self.state, seen })
    }
}

pub(super) fn record<P: Policy, S: Serializer>(policy: &P, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&PolicyRecord::of(policy), serializer)
}

/// Serialises grids as their bands.
pub(super) mod grids {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::market::{Grid, GridBands};

    pub(in super::super) fn serialize<S: Serializer>(grids: &[Arc<Grid>], serializer: S) -> Result<S::Ok, S::Error> {
        grids.iter().map(|grid| *grid.bands()).collect::<Vec<GridBands>>().serialize(serializer)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Arc<Grid>>, D::Error> {
        Ok(Vec::<GridBands>::deserialize(deserializer)?.into_iter().map(Grid::new).collect())
    }
}
