//! The addresses of an exchange and the credentials for them.

use std::sync::Arc;

use super::endpoint::Endpoint;
use crate::wire::sign::Credentials;

#[derive(Clone, Debug)]
pub struct Venue {
    /// The public WebSocket.
    pub feed: Endpoint,
    /// Sign the handshake of the public WebSocket.
    pub feed_credentials: Arc<Credentials>,
    /// The private WebSocket.
    pub account: Endpoint,
    /// The REST API, for orders and reads.
    pub rest: Endpoint,
    /// Sign the private handshake and all REST requests.
    pub credentials: Arc<Credentials>,
}
