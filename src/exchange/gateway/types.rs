//! The gateway's inputs and outputs.

/// The number of a client's WebSocket session, chosen by the caller.
pub type SessionId = u64;
/// The number of a REST request, chosen by the caller and returned with the response.
pub type Ticket = u64;

/// The time of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeNow {
    /// Session time, on which the engine runs, in milliseconds since the Unix epoch.
    pub session_ms: i64,
    /// Wall time, against which signatures are checked, in milliseconds since the Unix epoch.
    pub wall_ms: i64,
}

/// A REST request.
#[derive(Clone, Copy, Debug)]
pub struct HttpRequest<'a> {
    /// The method, in upper case.
    pub method: &'a str,
    /// The path with the query.
    pub target: &'a str,
    /// The header `KALSHI-ACCESS-KEY`.
    pub key_id: Option<&'a str>,
    /// The header `KALSHI-ACCESS-TIMESTAMP`.
    pub timestamp: Option<&'a str>,
    /// The header `KALSHI-ACCESS-SIGNATURE`.
    pub signature: Option<&'a str>,
    /// The body, empty if there is none.
    pub body: &'a [u8],
}

/// The response to a REST request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpResponse {
    /// The HTTP status.
    pub status: u16,
    /// JSON, plain text, or nothing.
    pub body: Vec<u8>,
}

/// Something for the caller to send or to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send the response to a request.
    Response {
        /// The request's ticket.
        ticket: Ticket,
        /// The response to send.
        response: HttpResponse,
    },
    /// Send a text frame.
    Frame {
        /// The session to send it to.
        session: SessionId,
        /// The JSON text, shared between sessions that get the same bytes.
        text: std::sync::Arc<[u8]>,
    },
    /// Send a WebSocket ping.
    Ping {
        /// The session to send it to.
        session: SessionId,
        /// The payload that the pong must echo.
        payload: &'static [u8],
    },
    /// Close a session.
    Close {
        /// The session to close.
        session: SessionId,
        /// The reason, in words.
        reason: &'static str,
    },
    /// Cut the connection of a request instead of responding. Only caused by faults.
    CutConnection {
        /// The request's ticket.
        ticket: Ticket,
    },
    /// Cut every connection that has carried an order write. Only caused by faults.
    CutOrderConnections,
}

impl Output {
    /// The session that the output is for, if it is for one.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::Frame { session, .. } | Self::Ping { session, .. } | Self::Close { session, .. } => Some(*session),
            Self::Response { .. } | Self::CutConnection { .. } | Self::CutOrderConnections => None,
        }
    }
}
