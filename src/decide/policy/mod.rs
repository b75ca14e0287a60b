//! Policies decide which orders are wanted. A strategy is a type that implements [`Policy`], in this crate or in any
//! other; the stages, sessions, campaigns and replays treat all alike. The built-in ones are a model ([`OnnxPolicy`]),
//! a rule ([`MakerPolicy`]), [`HoldPolicy`] and [`ScriptPolicy`]; [`AnyPolicy`] is the one of them that was chosen by
//! name. `docs/strategies.md` describes how to write one.
//!
//! A policy decides only from its [`View`] and from the events that it is told of. It reads no clock and no file (files
//! are read when it is built), uses no randomness without a seed that is part of its memory, and does not allocate in a
//! decision. The same inputs give the same answers on every machine, so that a session can be replayed.

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

/// A strategy: decides which orders are wanted in one market at one time.
pub trait Policy {
    /// Identifies the policy and its settings. A session can only be replayed by the same policy.
    fn identity(&self) -> PolicyIdentity;

    /// The terms on which the policy runs. They must never change.
    fn terms(&self) -> &PolicyTerms;

    /// Returns the orders that are wanted. Called once for each decision, in order.
    fn decide(&mut self, view: &View<'_>) -> Answer;

    /// Computes what [`decide`](Policy::decide) would and discards it, to keep the policy in the processor's caches
    /// between decisions. It must not change anything that an answer depends on.
    fn rehearse(&mut self, _view: &View<'_>) {}

    /// An order that this run placed was filled. Called once for each fill, before a view includes it in the position.
    fn on_fill(&mut self, _fill: &OwnFill) {}

    /// A market's result is known, and the position there is paid.
    fn on_settlement(&mut self, _settlement: &OwnSettlement) {}

    /// A wanted order was withheld, refused or rejected.
    fn on_refusal(&mut self, _refusal: &OwnRefusal) {}

    /// Appends the policy's memory: everything that later answers depend on, except what the policy was built with.
    fn save(&self, _memory: &mut Vec<u8>) {}

    /// Restores the memory that the same policy saved. The default accepts only an empty memory.
    ///
    /// # Errors
    /// When the bytes are not a memory of this policy.
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

    /// Asks a policy for its answer in this market with this book, and an observation of zeros.
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
