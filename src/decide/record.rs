//! A decision as the journal keeps it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::market::{MarketKey, Price};
use crate::messages::Action;

use super::counters::Skip;
use super::policy::PolicyFault;

/// A decision as the journal keeps it: what was seen, what was chosen, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord<'a> {
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
    /// What it saw: empty for a policy without an observation.
    pub observation: Cow<'a, [f32]>,
}

impl DecisionRecord<'_> {
    /// The same record, with an observation of its own.
    #[must_use]
    pub fn into_owned(self) -> DecisionRecord<'static> {
        let Self { market, time_ms, portfolio_version, action, fault, withheld, price, intent, logits, observation } =
            self;
        let observation = Cow::Owned(observation.into_owned());
        DecisionRecord {
            market,
            time_ms,
            portfolio_version,
            action,
            fault,
            withheld,
            price,
            intent,
            logits,
            observation,
        }
    }
}
