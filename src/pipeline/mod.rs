//! The live driver: threads, rings, sockets, signatures, clocks and the state directory. Owns everything that touches
//! the operating system on behalf of the stages, which are handed in and know none of it; no order logic lives here.
//!
//! Hot parts ([`ring`], [`websocket`], [`http`], [`signing::SignatureCache`]) never block and never wait for another
//! thread. Whatever may take long (name look-up, connecting, TLS handshakes, RSA, cold reads, files) runs on helper
//! threads that are started by the main thread *before* anything is pinned, since a thread inherits its parent's cores.

pub mod clock;
pub mod clock_watch;
pub mod connect;
pub mod credentials;
pub mod endpoint;
pub mod http;
pub mod idle;
pub mod kill;
pub mod kill_line;
#[cfg(test)]
mod kill_tests;
pub mod known_orders;
pub mod live;
pub mod lock;
pub mod net;
pub mod pin;
pub mod response;
pub mod rest;
pub mod ring;
pub mod room;
pub mod session;
pub mod signals;
pub mod signing;
pub mod stages;
pub mod state;
pub mod websocket;

#[cfg(test)]
mod testing;

/// What this program calls itself in requests.
pub const USER_AGENT: &str = concat!("kalshi-actor/", env!("CARGO_PKG_VERSION"));
