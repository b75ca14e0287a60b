//! Connections to an exchange: addresses, keys and signatures, HTTP/1.1 and WebSocket clients over TLS or plain TCP. No
//! order logic lives here.
//!
//! Hot parts ([`websocket`], [`http`], [`signing::SignatureCache`]) never block and never wait for another thread.
//! Whatever may take long (name look-up, connecting, TLS handshakes, RSA, cold reads) runs on helper threads that are
//! started by the main thread *before* anything is pinned, since a thread inherits its parent's cores.

pub mod connect;
pub mod credentials;
pub mod endpoint;
pub mod http;
pub mod net;
pub mod response;
pub mod rest;
pub mod signing;
pub mod venue;
pub mod websocket;

#[cfg(test)]
pub(crate) mod testing;

/// What this program calls itself in requests.
pub const USER_AGENT: &str = concat!("kalshi-actor/", env!("CARGO_PKG_VERSION"));
