//! A decision as the journal keeps it.

use serde::{Deserialize, Serialize};

use crate::market::{MarketKey, Price};
use crate::messages::Action;

use super::counters::Skip;
use super::observation::LENGTH;
use super::policy::PolicyFault;

/// A decision as the journal keeps it: what was seen, what was chosen, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// Which market.
    pub market: MarketKey,
    /// The time of the frame it was taken on.
    pub time_ms: i64,
    /// The portfolio version it was taken on.
    pub portfolio_version: u64,
    /// What the policy chose.
    pub action: Action,
    /// Why the policy held instead of choosing.
    pub fault: Option<PolicyFault>,
    /// Why no intent was sent for an action other than hold.
    pub withheld: Option<Skip>,
    /// The limit of the wanted order, as a YES price, when one could be formed.
    pub price: Option<Price>,
    /// The intent that was sent, 0 for none.
    pub intent: u64,
    /// What the policy answered, when it has logits.
    pub logits: Option<[f32; Action::COUNT]>,
    /// What it saw.
    #[serde(with = "floats")]
    pub observation: [f32; LENGTH],
}

/// Serde for the observation: a sequence, since arrays of this length have no form of their own.
mod floats {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::LENGTH;

    pub(super) fn serialize<S: Serializer>(observation: &[f32; LENGTH], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(observation)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[f32; LENGTH], D::Error> {
        let floats = Vec::<f32>::deserialize(deserializer)?;
        let found = floats.len();
        floats.try_into().map_err(|_| D::Error::invalid_length(found, &"52 features"))
    }
}
