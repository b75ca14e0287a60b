//! The embedded exchange: Kalshi on loopback. `engine` is a plain state machine that matches orders, keeps accounts and
//! settles markets; `gateway` provides REST and WebSocket on top of it, without sockets; `server` connects the gateway to
//! sockets; `venue` combines them under one clock. `participants` trade on it; `recorded`, `recordings` and `player` play
//! recorded markets, which `prepared` stores decoded; `scenario` builds worlds from files; `faults` describes what can go
//! wrong, and `control` triggers it on demand; `builder` assembles an exchange, with accounts and their `keys`. It shares
//! market types, wire codecs, the fee formula, clocks, files and the journal's format with the trader. Netting, collateral,
//! cost and rounding accumulators are implemented twice, on purpose.

mod builder;
pub mod control;
pub mod engine;
pub mod faults;
pub mod gateway;
pub mod keys;
mod live_feed;
pub mod participants;
mod player;
pub mod prepared;
pub mod recorded;
pub mod recordings;
pub mod scenario;
pub mod server;
pub mod venue;

pub use builder::{Account, AccountPlan, BuildError, Builder};
pub use server::RunningExchange;
pub use venue::Exchange;
