//! Connections to an exchange: addresses, keys and signatures, HTTP/1.1 and WebSocket clients over TLS or plain TCP.
//! There is no order logic here.
//!
//! The hot parts ([`websocket`], [`http`], [`signing::SignatureCache`]) never block and never wait for another thread.
//! Slow work (name look-up, connecting, TLS handshakes, RSA, cold reads) runs on helper threads that the main thread
//! starts *before* any thread is pinned, since a thread inherits its parent's cores.

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

/// The value of the `user-agent` header.
pub const USER_AGENT: &str = concat!("kalshi-actor/", env!("CARGO_PKG_VERSION"));
