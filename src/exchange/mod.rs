//! The embedded exchange: a Kalshi on loopback. `engine` is a plain state machine that matches, keeps accounts and
//! settles; `gateway` speaks REST and WebSocket over it without sockets; `server` puts the gateway on sockets;
//! `venue` composes them under one clock; `participants` trade in it; `recorded` and `recordings` play recorded markets;
//! `scenario` makes worlds from files, `faults` says what can go wrong and `control` lets it happen on demand; `launch` and
//! `keys` start it for others to use. Shares market types, wire codecs and the fee formula with the trader
//! and nothing else: netting, collateral, cost and rounding accumulators are written twice, on purpose.

pub mod control;
pub mod engine;
pub mod faults;
pub mod gateway;
pub mod keys;
pub mod launch;
mod live_feed;
pub mod participants;
pub mod recorded;
pub mod recordings;
pub mod scenario;
pub mod server;
pub mod venue;
