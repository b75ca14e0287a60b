//! The stage as a checkpoint has it: everything but the policy's own numbers, of which it names the source, and the grids'
//! tables, which follow from their bands.

use serde::Serializer;
use thiserror::Error;

use super::super::policy::{MemoryError, Policy, PolicyRecord, UnusableTerms};
use super::{DecideStage, Seen};

/// Why a stage does not go on from a checkpoint.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RestoreError {
    /// A policy that is not the one of the checkpoint.
    #[error("recorded with {recorded}; the policy given is {given}")]
    Policy {
        /// What the checkpoint was made with.
        recorded: String,
        /// What was given.
        given: String,
    },
    /// Terms on which it cannot be run.
    #[error(transparent)]
    Terms(#[from] UnusableTerms),
    /// A memory that the policy does not take.
    #[error("policy {name}: {error}")]
    Memory {
        /// Which policy.
        name: String,
        /// Why.
        error: MemoryError,
    },
}

/// The policy that a checkpoint of this stage was made with.
///
/// # Errors
/// When the bytes are no checkpoint.
pub fn recorded_policy(checkpoint: &[u8]) -> Result<PolicyRecord, postcard::Error> {
    postcard::take_from_bytes(checkpoint).map(|(record, _)| record)
}

impl DecideStage<PolicyRecord> {
    /// The stage of a checkpoint with its policy, which goes on from what it remembered then.
    ///
    /// # Errors
    /// When it is another policy, the same with another model, script, settings or terms, or does not take its memory.
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

/// Grids as their bands.
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
