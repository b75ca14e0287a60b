//! A policy's answer: the orders that it wants in one market, and details for the journal.

use crate::market::{Count, Price};
use crate::messages::{Action, PolicyFault, Quote, Skip, Wanted};

/// A policy's answer for one market.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// What it wants; `None` leaves everything as it is. An order that is left alone goes when it was not wanted for the
    /// policy's `order_ttl_ms`.
    pub wanted: Option<Wanted>,
    /// Which of the five actions was chosen, if the policy chooses among them.
    pub action: Option<Action>,
    /// One number per action, if the policy computes them.
    pub logits: Option<[f32; Action::COUNT]>,
    /// Why the policy could not choose, if so.
    pub fault: Option<PolicyFault>,
    /// Why no quote could be formed for an action.
    pub unformed: Option<Skip>,
}

impl Answer {
    /// Leaves everything as it is.
    #[must_use]
    pub const fn leave() -> Self {
        Self { wanted: None, action: None, logits: None, fault: None, unformed: None }
    }

    /// Wants no order: open orders are cancelled.
    #[must_use]
    pub const fn nothing() -> Self {
        Self::quotes(None, None)
    }

    /// Wants at most one bid and one ask.
    #[must_use]
    pub const fn quotes(bid: Option<Quote>, ask: Option<Quote>) -> Self {
        Self { wanted: Some(Wanted { bid, ask }), ..Self::leave() }
    }

    /// Wants a resting bid, and no ask.
    #[must_use]
    pub const fn bid(price: Price, count: Count) -> Self {
        Self::quotes(Some(Quote::resting(price, count)), None)
    }

    /// Wants a resting ask, and no bid.
    #[must_use]
    pub const fn ask(price: Price, count: Count) -> Self {
        Self::quotes(None, Some(Quote::resting(price, count)))
    }
}
