//! Policies: what turns an observation into one of the five actions. All of them stand behind [`Policy`], and
//! [`AnyPolicy`] picks one at start, so that a tick costs a match and no pointer.
//!
//! Owns the models' numbers and a policy's own memory. A policy sees what [`PolicyInput`] shows it and nothing else: no
//! clock, no file (they are read when it is built), no randomness, no allocation per decision. The same inputs give the
//! same actions on every machine.

mod any;
mod hold;
pub mod kernel;
mod maker;
mod memory;
pub mod onnx;
mod script;
mod terms;

pub use any::{AnyPolicy, PolicyError, PolicySpec};
pub use hold::HoldPolicy;
pub use maker::MakerPolicy;
pub use memory::PolicyMemory;
pub use onnx::OnnxPolicy;
pub use script::{ScriptError, ScriptPolicy};
pub use terms::{PolicyTerms, TermsError};

use crate::book::Book;
use crate::market::{Count, MarketKey};
use crate::messages::{Action, OpenOrder, PolicyFault};

/// What a policy decides on: one market at the time of one frame.
#[derive(Clone, Copy, Debug)]
pub struct PolicyInput<'a> {
    /// Which market.
    pub market: MarketKey,
    /// The frame's time in session milliseconds.
    pub time_ms: i64,
    /// The observation in the schema of the policy's [`PolicyTerms`]; empty without one.
    pub observation: &'a [f32],
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

impl PolicyOutput {
    /// The answer of a policy without logits.
    #[must_use]
    pub const fn chosen(action: Action) -> Self {
        Self { action, logits: None, fault: None }
    }

    /// The action of the highest logit, the lowest id among equals; a hold with a fault when a logit is not finite.
    #[must_use]
    pub fn from_logits(logits: [f32; Action::COUNT]) -> Self {
        if !logits.iter().all(|logit| logit.is_finite()) {
            return Self { action: Action::Hold, logits: Some(logits), fault: Some(PolicyFault::NonFinite) };
        }
        let mut best = 0;
        for (id, logit) in logits.iter().enumerate() {
            if *logit > logits[best] {
                best = id;
            }
        }
        Self { action: Action::ALL[best], logits: Some(logits), fault: None }
    }
}

/// Chooses an action for one market at one time.
pub trait Policy {
    /// The choice. Called once a decision, in the order of the decisions.
    fn act(&mut self, input: &PolicyInput<'_>) -> PolicyOutput;

    /// Computes what [`act`](Policy::act) would, for nothing: between decisions it keeps the policy in the processor's
    /// caches. Changes nothing that a choice depends on.
    fn rehearse(&mut self, _input: &PolicyInput<'_>) {}

    /// What the policy was made for; the same for its whole life.
    fn terms(&self) -> &PolicyTerms;

    /// Which policy this is and what it remembers, for checkpoints. The default is that of a policy without a name,
    /// numbers or memory.
    fn memory(&self) -> PolicyMemory {
        PolicyMemory::of("unnamed", self.terms())
    }

    /// Goes on from what the same policy remembered.
    fn remember(&mut self, _memory: &PolicyMemory) {}
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::market::{BookLevels, BookSide, Grid, GridBands, Price};

    /// A one-cent book of these YES bids and asks, both as (cents on the YES scale, contracts).
    pub fn book(bids: &[(u16, i64)], asks: &[(u16, i64)]) -> Book {
        let mut levels = BookLevels::default();
        levels.yes.extend(bids.iter().map(|&(cents, size)| (Price::from_cents(cents), Count::from_contracts(size))));
        levels
            .no
            .extend(asks.iter().map(|&(cents, size)| (Price::from_cents(100 - cents), Count::from_contracts(size))));
        let mut book = Book::new(Grid::new(GridBands::cents()));
        book.apply_snapshot(&levels).unwrap();
        book
    }

    /// An acknowledged order for ten contracts.
    pub fn open_order(side: BookSide, cents: u16) -> OpenOrder {
        OpenOrder { remaining: Count::from_contracts(10), acked_ms: Some(0), price: Price::from_cents(cents), side }
    }

    /// An input on that book, with an observation of zeros.
    pub fn input(book: &Book, position: i64, open_order: Option<OpenOrder>) -> PolicyInput<'_> {
        PolicyInput {
            market: MarketKey { index: 0, generation: 0 },
            time_ms: 0,
            observation: &[0.0; 52],
            book,
            position: Count::from_contracts(position),
            open_order,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_logit_wins_and_the_lowest_id_among_equals() {
        assert_eq!(PolicyOutput::from_logits([0.0, 1.0, 3.0, 2.0, -1.0]).action, Action::SellYes);
        assert_eq!(PolicyOutput::from_logits([0.0, 1.0, 3.0, 3.0, 3.0]).action, Action::SellYes);
        assert_eq!(PolicyOutput::from_logits([0.0; 5]).action, Action::Hold);
        assert_eq!(PolicyOutput::from_logits([-0.0, 0.0, 0.0, 0.0, 0.0]).action, Action::Hold);
    }

    #[test]
    fn a_logit_that_is_not_finite_is_a_hold_with_a_reason() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for position in 0..Action::COUNT {
                let mut logits = [0.0, 9.0, 1.0, 2.0, 3.0];
                logits[position] = bad;
                let output = PolicyOutput::from_logits(logits);
                assert_eq!((output.action, output.fault), (Action::Hold, Some(PolicyFault::NonFinite)));
            }
        }
    }
}
