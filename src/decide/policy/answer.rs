//! What a policy answers: the orders that it wants in one market, and what is noted beside them.

use crate::market::{Count, Price};
use crate::messages::{Action, PolicyFault, Quote, Skip, Wanted};

/// A policy's answer for one market.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// What it wants; `None` leaves everything as it is. An order that is left alone goes when it was not wanted for the
    /// policy's `order_ttl_ms`.
    pub wanted: Option<Wanted>,
    /// Which of the five actions it stands for, from a policy that chooses among them.
    pub action: Option<Action>,
    /// One number an action, from a policy that has them.
    pub logits: Option<[f32; Action::COUNT]>,
    /// Why the policy could not choose.
    pub fault: Option<PolicyFault>,
    /// Why an action led to no quote.
    pub unformed: Option<Skip>,
}

impl Answer {
    /// Everything stays as it is.
    #[must_use]
    pub const fn leave() -> Self {
        Self { wanted: None, action: None, logits: None, fault: None, unformed: None }
    }

    /// No order is wanted: what rests is cancelled.
    #[must_use]
    pub const fn nothing() -> Self {
        Self::quotes(None, None)
    }

    /// These are wanted.
    #[must_use]
    pub const fn quotes(bid: Option<Quote>, ask: Option<Quote>) -> Self {
        Self { wanted: Some(Wanted { bid, ask }), ..Self::leave() }
    }

    /// A bid, and no ask.
    #[must_use]
    pub const fn bid(price: Price, count: Count) -> Self {
        Self::quotes(Some(Quote::resting(price, count)), None)
    }

    /// An ask, and no bid.
    #[must_use]
    pub const fn ask(price: Price, count: Count) -> Self {
        Self::quotes(None, Some(Quote::resting(price, count)))
    }
}
