//! What goes into the gateway and what comes out of it.

/// A client's WebSocket session.
pub type SessionId = u64;
/// A REST request's number, returned with its response.
pub type Ticket = u64;

/// The times of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeNow {
    /// The venue's time: what the engine runs on.
    pub session_ms: i64,
    /// The wall clock: what signatures are checked against.
    pub wall_ms: i64,
}

/// A request as the socket read it.
#[derive(Clone, Copy, Debug)]
pub struct HttpRequest<'a> {
    /// Upper-case method.
    pub method: &'a str,
    /// Path with query.
    pub target: &'a str,
    /// `KALSHI-ACCESS-KEY`.
    pub key_id: Option<&'a str>,
    /// `KALSHI-ACCESS-TIMESTAMP`.
    pub timestamp: Option<&'a str>,
    /// `KALSHI-ACCESS-SIGNATURE`.
    pub signature: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// A response to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// JSON, or nothing.
    pub body: Vec<u8>,
}

/// What the gateway wants written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The response to a request.
    Response {
        /// Which request.
        ticket: Ticket,
        /// The response.
        response: HttpResponse,
    },
    /// A text frame.
    Frame {
        /// To whom.
        session: SessionId,
        /// JSON. Shared between the sessions that get the same bytes.
        text: std::sync::Arc<[u8]>,
    },
    /// A WebSocket ping.
    Ping {
        /// To whom.
        session: SessionId,
        /// What the pong must echo.
        payload: &'static [u8],
    },
    /// End a session.
    Close {
        /// Whose.
        session: SessionId,
        /// In words.
        reason: &'static str,
    },
    /// Cut the connection of a request instead of answering it. Asked for by faults only.
    CutConnection {
        /// Which request.
        ticket: Ticket,
    },
    /// Cut every connection that has carried an order write. Asked for by faults only.
    CutOrderConnections,
}

impl Output {
    /// The session that it is for, if it is for one.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::Frame { session, .. } | Self::Ping { session, .. } | Self::Close { session, .. } => Some(*session),
            Self::Response { .. } | Self::CutConnection { .. } | Self::CutOrderConnections => None,
        }
    }
}
