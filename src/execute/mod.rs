//! The execute stage: the account, the risk gate, the life of orders, client order ids and write tokens.
//!
//! It owns the only opinion about what the account has. Facts come in: intents from `decide`, conditions of markets from
//! `feed`, facts about the account from `reconcile`, answers to its own order writes. Out go order writes, portfolio
//! updates, and questions to the exchange. It never waits: whatever an answer is due for is a state of an order.
//!
//! Its parts do not change each other's state, and can be read and tested alone; some take another part's plain values, such
//! as an order's terms:
//!
//! * `orders`: which orders are followed, where each is in its life, and everything that writes them.
//! * `account`: cash, positions, reservations, the fills that were booked and what `decide` was not told of them.
//! * `stops`: the rules of the gate, the controls, and whatever else keeps orders from being placed.
//! * `readings`: what the exchange is asked, and how what it shows compares.
//! * `markets`: the table of markets, each with the parts' own shares.
//!
//! `stage` is where they meet.
//!
//! It may not touch sockets, clocks or threads, and allocates nothing on an intent, an answer or a fill once its tables
//! stand and as long as `decide` keeps up with its notes. Inputs that come early, late, twice or never are the normal case; the ledger's identities are asserted after
//! every event.

mod account;
mod alarm;
mod config;
mod counters;
mod markets;
mod orders;
mod readings;
mod stage;
pub mod stops;
#[cfg(test)]
mod tests;

pub use account::ledger::{Ledger, ShardCash};
pub use account::position::Position;
pub use config::{ExecuteConfig, RiskLimits};
pub use counters::ExecuteCounters;
pub use orders::groups::{GroupBlock, GroupConfig, GroupView};
pub use orders::lease::{LeaseConfig, LeasePlan};
pub use orders::life::{Effect, OrderEvent, OrderState, Transition, next, transition};
pub use orders::order::{Order, Whose};
pub use orders::tokens::WriteBudget;
pub use readings::agreement::{Agreement, Difference, NotCompared};
pub use stage::{ExecuteStage, PositionView, Waiting};
pub use stops::block::{Block, Standstill};
pub use stops::risk::{Question, check};
