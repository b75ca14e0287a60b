//! Watching a simulation: what happens in it is told to an observer, which the caller hands in and keeps.

use std::fmt;
use std::sync::Arc;

use crate::clock::Now;
use crate::market::MarketKey;
use crate::messages::{AccountEvent, DecisionRecord, FeedToDecide, ResyncRequest};
use crate::ports::{ConnectionId, OrderRequest};

/// Sees what happens in a simulation and changes nothing. Every method does nothing unless it is implemented.
#[expect(unused_variables, reason = "the names of the arguments are documentation")]
pub trait Observer {
    /// Virtual time is now this; it may be the same as before.
    fn tick(&mut self, now: Now) {}

    /// A message of the network arrives, one of the public feed or another.
    fn delivered(&mut self, public: bool, message: &dyn fmt::Display) {}

    /// A frame is about to reach the feed stage.
    fn frame(&mut self, connection: ConnectionId, text: &Arc<[u8]>) {}

    /// `decide` took a decision.
    fn decided(&mut self, record: &DecisionRecord<'_>) {}

    /// `execute` wrote an order.
    fn sent(&mut self, request: &OrderRequest<'_>) {}

    /// `decide` asked for a snapshot, perhaps not for the first time.
    fn asked(&mut self, request: &ResyncRequest) {}

    /// An event of a market was refused by the ring to `decide`.
    fn lost(&mut self, market: MarketKey) {}

    /// A message of `feed` is about to reach `decide`.
    fn fed(&mut self, message: &FeedToDecide) {}

    /// A fact about the account is about to reach `execute`.
    fn handed(&mut self, event: &AccountEvent) {}

    /// The trader took something in or handed something out that a journal has a record of.
    fn recorded(&mut self) {}

    /// The trader was killed: its rings and connections are gone.
    fn killed(&mut self) {}
}

/// Watches nothing.
impl Observer for () {}
