//! Writing HTTP responses.

use std::borrow::Cow;
use std::io::Write;

use super::{Refusal, Request};
use crate::exchange::gateway::HttpResponse;
use crate::wire::http_date::HttpDate;

/// A response, with headers beyond those that every response has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status and the body.
    pub response: HttpResponse,
    /// The additional headers.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
}

impl From<HttpResponse> for Reply {
    fn from(response: HttpResponse) -> Self {
        Self { response, headers: Vec::new() }
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self::error(refusal.status, &refusal.reason)
    }
}

impl Reply {
    /// A response without content.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        HttpResponse { status, body: Vec::new() }.into()
    }

    /// An error response by the server itself, with a message for people.
    #[must_use]
    pub fn error(status: u16, message: &str) -> Self {
        let code = match status {
            400 => "bad_request".to_owned(),
            _ => reason(status).to_ascii_lowercase().replace(' ', "_"),
        };
        let body = serde_json::json!({ "error": { "code": code, "message": message } });
        HttpResponse { status, body: body.to_string().into_bytes() }.into()
    }

    /// A redirect to another path of this server.
    #[must_use]
    pub fn redirect(location: String) -> Self {
        Self::empty(301).with("Location", location)
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// How a response is written, depending on its request.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// Whether the connection stays open.
    pub keep_alive: bool,
    /// Whether the request was HEAD, so that nothing follows the head of the response.
    pub is_head: bool,
    /// Whether the request was HTTP/1.0, for which staying open has to be stated.
    pub is_old: bool,
    /// The origin of the web page that may read the response.
    pub reader: Option<Box<str>>,
}

impl Manner {
    /// The manner for the response to a request; `reader` is the origin that may read it.
    #[must_use]
    pub fn of(request: &Request<'_>, reader: Option<&str>) -> Self {
        Self {
            keep_alive: request.keep_alive,
            is_head: request.http.method == "HEAD",
            is_old: request.version == 0,
            reader: reader.map(Into::into),
        }
    }
}

const fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        _ => "Unknown",
    }
}

/// Appends a response. A body is JSON, or the plain text of the exchange's router for an unknown page.
pub fn write(output: &mut Vec<u8>, reply: &Reply, manner: &Manner, date: &HttpDate) {
    let HttpResponse { status, body } = &reply.response;
    output.extend_from_slice(b"HTTP/1.1 ");
    number(output, usize::from(*status));
    output.push(b' ');
    output.extend_from_slice(reason(*status).as_bytes());
    if let Some(date) = date.as_bytes() {
        output.extend_from_slice(b"\r\nDate: ");
        output.extend_from_slice(date);
    }
    for (name, value) in &reply.headers {
        header(output, name, value);
    }
    if !body.is_empty() {
        let content_type = if body.starts_with(b"{") { "application/json" } else { "text/plain" };
        header(output, "Content-Type", content_type);
    }
    let has_content = *status >= 200 && *status != 204;
    if has_content {
        output.extend_from_slice(b"\r\nContent-Length: ");
        number(output, body.len());
    }
    if let Some(origin) = &manner.reader {
        header(output, "Access-Control-Allow-Origin", origin);
        header(output, "Access-Control-Expose-Headers", "Date, Location");
        header(output, "Vary", "Origin");
    }
    if !manner.keep_alive {
        header(output, "Connection", "close");
    } else if manner.is_old {
        header(output, "Connection", "keep-alive");
    }
    output.extend_from_slice(b"\r\n\r\n");
    if has_content && !manner.is_head {
        output.extend_from_slice(body);
    }
}

fn header(output: &mut Vec<u8>, name: &str, value: &str) {
    for part in ["\r\n", name, ": ", value] {
        output.extend_from_slice(part.as_bytes());
    }
}

fn number(output: &mut Vec<u8>, value: usize) {
    write!(output, "{value}").expect("writing to a Vec cannot fail");
}

/// Appends the response that turns a connection into a WebSocket.
pub fn upgrade_to_websocket(output: &mut Vec<u8>, key: &str) {
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    output.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade");
    header(output, "Sec-WebSocket-Accept", &accept);
    output.extend_from_slice(b"\r\n\r\n");
}
