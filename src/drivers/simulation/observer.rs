//! Observers of a simulation, which the caller passes in and owns.

use std::fmt;
use std::sync::Arc;

use crate::clock::Now;
use crate::market::MarketKey;
use crate::messages::{AccountEvent, DecisionRecord, FeedToDecide, ResyncRequest};
use crate::ports::{ConnectionId, OrderRequest};

/// Sees what happens in a simulation without changing it. By default every method does nothing.
#[expect(unused_variables, reason = "the names of the arguments are documentation")]
pub trait Observer {
    /// Virtual time has moved, or stayed the same.
    fn tick(&mut self, now: Now) {}

    /// A message of the network arrives. `public` says that it is one of the public feed.
    fn delivered(&mut self, public: bool, message: &dyn fmt::Display) {}

    /// A frame is about to reach the feed stage.
    fn frame(&mut self, connection: ConnectionId, text: &Arc<[u8]>) {}

    /// `decide` took a decision.
    fn decided(&mut self, record: &DecisionRecord<'_>) {}

    /// `execute` wrote an order.
    fn sent(&mut self, request: &OrderRequest<'_>) {}

    /// `decide` requested a snapshot, possibly again.
    fn asked(&mut self, request: &ResyncRequest) {}

    /// An event of a market was refused by the ring to `decide`.
    fn lost(&mut self, market: MarketKey) {}

    /// A message of `feed` is about to reach `decide`.
    fn fed(&mut self, message: &FeedToDecide) {}

    /// A fact about the account is about to reach `execute`.
    fn handed(&mut self, event: &AccountEvent) {}

    /// The trader had an input or an output that would be a record in a journal.
    fn recorded(&mut self) {}

    /// The trader was killed, and its rings and connections are gone.
    fn killed(&mut self) {}
}

/// Watches nothing.
impl Observer for () {}
