//! The stage as a checkpoint has it: everything but the policy's own numbers, of which it names the source, and the grids'
//! tables, which follow from their bands.

use serde::Serializer;
use thiserror::Error;

use super::super::policy::{Policy, PolicyMemory};
use super::{DecideStage, Seen};

/// A policy that is not the one of the checkpoint.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("recorded with {recorded}; the policy given is {given}")]
pub struct PolicyMismatch {
    /// What the checkpoint was made with.
    pub recorded: String,
    /// What was given.
    pub given: String,
}

/// The policy that a checkpoint of this stage was made with.
///
/// # Errors
/// When the bytes are no checkpoint.
pub fn recorded_policy(checkpoint: &[u8]) -> Result<PolicyMemory, postcard::Error> {
    postcard::take_from_bytes(checkpoint).map(|(memory, _)| memory)
}

impl DecideStage<PolicyMemory> {
    /// The stage of a checkpoint with its policy, which goes on from what it remembered then.
    ///
    /// # Errors
    /// When it is another policy, or the same with another model, script or terms.
    pub fn with_policy<P: Policy>(mut self, mut policy: P) -> Result<DecideStage<P>, PolicyMismatch> {
        let recorded = &self.policy;
        let given = policy.memory();
        if !given.is_same_policy(recorded) {
            return Err(PolicyMismatch { recorded: recorded.to_string(), given: given.to_string() });
        }
        policy.remember(recorded);
        let seen = Seen::new(policy.terms().schema)
            .map_err(|error| PolicyMismatch { recorded: recorded.to_string(), given: error.to_string() })?;
        self.state.terms.clone_from(policy.terms());
        Ok(DecideStage { policy, state: self.state, seen })
    }
}

pub(super) fn memory<P: Policy, S: Serializer>(policy: &P, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&policy.memory(), serializer)
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
