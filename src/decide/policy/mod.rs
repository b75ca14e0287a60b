//! Policies: what decides which orders are wanted. A strategy is a type that implements [`Policy`], in this crate or in any
//! other; the stages, sessions, campaigns and replays take every one alike. This program has some of its own: a model
//! ([`OnnxPolicy`]), a rule ([`MakerPolicy`]), [`HoldPolicy`] and [`ScriptPolicy`]; [`AnyPolicy`] is the one of them that was
//! chosen by name. `docs/strategies.md` says how to write one.
//!
//! A policy sees what a [`View`] shows it and what it is told, and nothing else: no clock, no file (they are read when it is
//! built), no randomness without a seed that it remembers, no allocation per decision. The same inputs give the same answers
//! on every machine, so that a session can be replayed.

mod actions;
mod answer;
mod any;
mod hold;
mod identity;
pub mod kernel;
mod maker;
pub mod onnx;
mod script;
mod settings;
mod terms;
mod told;
mod view;

pub use actions::{ActionTerms, Choice, TermsError};
pub use answer::Answer;
pub use any::{AnyPolicy, PolicyError, PolicySpec};
pub use hold::HoldPolicy;
pub use identity::{MemoryError, PolicyIdentity, PolicyRecord, restore_memory, save_memory};
pub use maker::MakerPolicy;
pub use onnx::OnnxPolicy;
pub use script::{ScriptError, ScriptPolicy};
pub use settings::{Settings, SettingsError};
pub use terms::{PolicyTerms, UnusableTerms};
pub use told::{OwnRefusal, RefusalReason};
pub(super) use view::reducible;
pub use view::{AccountSums, OwnOrder, OwnOrders, Touch, View};

use crate::messages::{OwnFill, OwnSettlement};

/// Decides which orders are wanted in one market at one time.
pub trait Policy {
    /// Which policy this is, with its settings: a session is replayed by the same one only.
    fn identity(&self) -> PolicyIdentity;

    /// What the policy was made for; the same for its whole life.
    fn terms(&self) -> &PolicyTerms;

    /// The orders that are wanted. Called once a decision, in the order of the decisions.
    fn decide(&mut self, view: &View<'_>) -> Answer;

    /// Computes what [`decide`](Policy::decide) would, for nothing: between decisions it keeps the policy in the processor's
    /// caches. Changes nothing that an answer depends on.
    fn rehearse(&mut self, _view: &View<'_>) {}

    /// An order that this run placed was filled. Every fill is told once, before a view shows its position.
    fn on_fill(&mut self, _fill: &OwnFill) {}

    /// A position was settled.
    fn on_settlement(&mut self, _settlement: &OwnSettlement) {}

    /// Something that was wanted is not done.
    fn on_refusal(&mut self, _refusal: &OwnRefusal) {}

    /// Appends everything that later answers depend on, apart from what the policy was built with.
    fn save(&self, _memory: &mut Vec<u8>) {}

    /// Goes on from what the same policy saved.
    ///
    /// # Errors
    /// When the bytes are no memory of this policy. The default is that of a policy that saves nothing.
    fn restore(&mut self, memory: &[u8]) -> Result<(), MemoryError> {
        if memory.is_empty() { Ok(()) } else { Err(MemoryError::new(memory, "this policy remembers nothing")) }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::book::Book;
    use crate::decide::trades::Trades;
    use crate::market::{BookLevels, BookSide, Count, Grid, GridBands, MarketKey, Money, Price, Ticker};
    use crate::messages::OpenOrder;

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

    /// Asks a policy about that market on that book, with an observation of zeros.
    pub fn decide_on(
        policy: &mut impl Policy,
        market: MarketKey,
        book: &Book,
        position: i64,
        open_order: Option<OpenOrder>,
    ) -> Answer {
        policy.decide(&View {
            market,
            ticker: &Ticker::new("KXTEST-1").unwrap(),
            time_ms: 0,
            close_time_ms: i64::MAX,
            book,
            touch: Touch::without_own(book, open_order),
            trades: &Trades::new(),
            observation: &[0.0; 52],
            position: Count::from_contracts(position),
            cost: Money::ZERO,
            orders: OwnOrders::of(open_order, None),
            blocked: false,
            account: AccountSums::default(),
        })
    }

    /// As [`decide_on`], in the first market.
    pub fn decide(policy: &mut impl Policy, book: &Book, position: i64, open_order: Option<OpenOrder>) -> Answer {
        decide_on(policy, MarketKey { index: 0, generation: 0 }, book, position, open_order)
    }
}
