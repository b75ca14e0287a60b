//! The decide stage: books, observations, the policy, and what it wants.
//!
//! A tick's path: [`DecideStage::on_book`] applies the event to its market's [`Book`](crate::book::Book), records the
//! point, and, when the frame's time entered a new bucket of the policy's `decide_ms`, builds the [`observation`], asks
//! the [`policy`] which orders it wants, and sends an intent for the one that is honoured. A state of a book that is crossed for an instant
//! is passed over: no point, no observation, no decision; what falls due on it is decided on the next state. Owns books, point histories, copies of the
//! account's state as `execute` reports it, and decision times. Does no I/O, reads no clock, and allocates only when a
//! market is listed.

mod account;
mod counters;
mod market;
pub mod observation;
pub mod policy;
mod queue;
mod stage;
mod trades;
mod wanted;

pub use counters::DecideCounters;
pub use stage::{DecideConfig, DecideStage, RestoreError, recorded_policy};
pub use trades::{TRADES_KEPT, TradePrint, Trades};
