//! The decide stage: books, observations, the policy, and the orders that it wants.
//!
//! The path of a tick: [`DecideStage::on_book`] applies the event to its market's [`Book`](crate::book::Book), records
//! the point, and, if the frame's time is in a new bucket of the policy's `decide_ms`, builds the [`observation`], asks
//! the [`policy`] which orders it wants, and sends an intent for the one that is honoured. A state in which the book is
//! crossed for an instant is skipped: it gives no point, no observation and no decision, and a decision that is due is
//! taken on the next state.
//!
//! The stage owns books, point histories, copies of the account's state as `execute` reports it, and decision times. It
//! does no I/O, reads no clock, and allocates only when a market is listed.

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
