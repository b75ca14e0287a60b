//! The embedded exchange: a Kalshi on loopback. `engine` is a plain state machine that matches, keeps accounts and
//! settles; `gateway` speaks REST and WebSocket over it without sockets; `server` puts the gateway on sockets;
//! `venue` composes them under one clock; `participants` trade in it; `recorded`, `recordings` and `player` play recorded
//! markets; `scenario` makes worlds from files, `faults` says what can go wrong and `control` lets it happen on demand;
//! `builder` puts it together, with accounts and their `keys`. Shares market types, wire codecs and the fee formula with
//! the trader and nothing else: netting, collateral, cost and rounding accumulators are written twice, on purpose.

mod builder;
pub mod control;
pub mod engine;
pub mod faults;
pub mod gateway;
pub mod keys;
mod live_feed;
pub mod participants;
mod player;
pub mod recorded;
pub mod recordings;
pub mod scenario;
pub mod server;
pub mod venue;

pub use builder::{Account, AccountPlan, BuildError, Builder};
pub use server::RunningExchange;
pub use venue::Exchange;
