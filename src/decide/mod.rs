//! The decide stage.

pub mod observation;
pub mod policy;

use crate::market::MarketKey;
use crate::messages::Action;

/// A decision as the journal keeps it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DecisionRecord {
    /// Which market.
    pub market: MarketKey,
    /// The time of the frame it was taken on.
    pub time_ms: i64,
    /// What the policy chose.
    pub action: Action,
    /// What the policy answered, when it has logits.
    pub logits: [f32; Action::COUNT],
    /// What it saw.
    pub observation: [f32; 52],
}
