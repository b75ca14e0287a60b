//! The addresses of an exchange and the keys for them.

use std::sync::Arc;

use super::endpoint::Endpoint;
use crate::wire::sign::Credentials;

/// Where a session trades.
#[derive(Clone, Debug)]
pub struct Venue {
    /// The public WebSocket.
    pub feed: Endpoint,
    /// Signs the public handshake.
    pub feed_credentials: Arc<Credentials>,
    /// The private WebSocket.
    pub account: Endpoint,
    /// Orders and reads.
    pub rest: Endpoint,
    /// Signs everything about the account.
    pub credentials: Arc<Credentials>,
}
