//! Policies: what turns an observation into one of the five actions, all behind [`Policy`].
//!
//! A policy sees what [`PolicyInput`] shows it and nothing else: no clock, no file, no randomness, no allocation per
//! decision. The same inputs give the same actions on every machine.

use crate::book::Book;
use crate::market::{Count, MarketKey};
use crate::messages::{Action, OpenOrder, Pricing};

/// The number of features of the observation that a policy gets.
pub const OBSERVATION_WIDTH: usize = 52;

/// What a policy decides on: one market at the time of one frame.
#[derive(Clone, Copy, Debug)]
pub struct PolicyInput<'a> {
    /// Which market.
    pub market: MarketKey,
    /// The frame's time in session milliseconds.
    pub time_ms: i64,
    /// The observation, in the schema that [`PolicyTerms::schema`] names.
    pub observation: &'a [f32; OBSERVATION_WIDTH],
    /// The market's published book, our own orders in it included.
    pub book: &'a Book,
    /// Signed contracts held in the market: above zero YES, below zero NO.
    pub position: Count,
    /// Our open order in the market.
    pub open_order: Option<OpenOrder>,
}

/// A policy's answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolicyOutput {
    /// The action; a hold whenever there is a fault.
    pub action: Action,
    /// One number an action, highest wins, from a policy that has them.
    pub logits: Option<[f32; Action::COUNT]>,
    /// Why the policy could not choose.
    pub fault: Option<PolicyFault>,
}

/// Why a policy held instead of choosing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[repr(u8)]
pub enum PolicyFault {
    /// A logit was infinite or not a number.
    NonFinite = 0,
}

impl PolicyFault {
    /// The word used in files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NonFinite => "non_finite_logit",
        }
    }
}

/// Chooses an action for one market at one time.
pub trait Policy {
    /// The choice. Called once a decision, in the order of the decisions.
    fn act(&mut self, input: &PolicyInput<'_>) -> PolicyOutput;

    /// What the policy was made for; the same for its whole life.
    fn terms(&self) -> &PolicyTerms;
}

/// What a policy was made for: it decides only as well as these hold, so the stages take them from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTerms {
    /// The name of the observation schema.
    pub schema: String,
    /// The width of a point of the observation's history, in milliseconds of exchange time.
    pub point_ms: u64,
    /// The width of a decision bucket, in milliseconds of exchange time; 0 decides on every frame.
    pub decide_ms: u64,
    /// How much an order is for.
    pub contracts: Count,
    /// How an order's price is formed.
    pub pricing: Pricing,
    /// How long an order may rest without being wanted again, in milliseconds.
    pub order_ttl_ms: u64,
}
