//! HTTP/1.1 on the server's side, over byte buffers: requests out of what was read, responses into what will be written.

use super::super::gateway::{HttpRequest, HttpResponse};
use crate::wire::REST_PREFIX;
use crate::wire::http_date::HttpDate;

/// The longest head of a request.
pub const HEAD_MAX: usize = 16 * 1024;
/// The longest body of a request.
pub const BODY_MAX: usize = 1024 * 1024;
/// The most headers of a request.
const HEADERS_MAX: usize = 64;

/// A request that was read completely.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What the gateway needs of it.
    pub http: HttpRequest<'a>,
    /// Whether the connection stays open after the response.
    pub keep_alive: bool,
    /// `Sec-WebSocket-Key`, when an upgrade to a WebSocket is asked for.
    pub websocket_key: Option<&'a str>,
    /// How many bytes it took.
    pub length: usize,
}

/// What the bytes read so far are.
#[derive(Debug)]
pub enum Parsed<'a> {
    /// The beginning of a request.
    Incomplete,
    /// A request.
    Complete(Request<'a>),
    /// No request that this server takes: answered with this, and the connection ends.
    Refused(HttpResponse),
}

fn refused(status: u16, message: &str) -> Parsed<'static> {
    let body = serde_json::json!({ "error": { "code": "bad_request", "message": message } });
    Parsed::Refused(HttpResponse { status, body: body.to_string().into_bytes() })
}

/// The headers that matter.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each read on its own")]
struct Headers<'a> {
    key_id: Option<&'a str>,
    timestamp: Option<&'a str>,
    signature: Option<&'a str>,
    content_length: Option<usize>,
    has_transfer_encoding: bool,
    closes: bool,
    keeps: bool,
    upgrades: bool,
    websocket_key: Option<&'a str>,
}

impl<'a> Headers<'a> {
    /// Reads them; an error says what is wrong with one.
    fn read(headers: &[httparse::Header<'a>]) -> Result<Self, &'static str> {
        let mut read = Self::default();
        for header in headers {
            let text = std::str::from_utf8(header.value).ok().map(str::trim);
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("kalshi-access-key") {
                read.key_id = text;
            } else if is("kalshi-access-timestamp") {
                read.timestamp = text;
            } else if is("kalshi-access-signature") {
                read.signature = text;
            } else if is("content-length") {
                let length = text.and_then(|text| text.parse().ok()).ok_or("content-length is no number")?;
                if read.content_length.is_some_and(|before| before != length) {
                    return Err("two different content-lengths");
                }
                read.content_length = Some(length);
            } else if is("transfer-encoding") {
                read.has_transfer_encoding = true;
            } else if is("connection") {
                let text = text.unwrap_or_default().to_ascii_lowercase();
                read.closes |= text.split(',').any(|word| word.trim() == "close");
                read.keeps |= text.split(',').any(|word| word.trim() == "keep-alive");
            } else if is("upgrade") {
                read.upgrades = text.is_some_and(|text| text.eq_ignore_ascii_case("websocket"));
            } else if is("sec-websocket-key") {
                read.websocket_key = text;
            }
        }
        Ok(read)
    }
}

/// Reads the request at the beginning of a buffer.
#[must_use]
pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let mut slots = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut slots);
    let head = match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(head)) if head <= HEAD_MAX => head,
        Ok(httparse::Status::Partial) if bytes.len() <= HEAD_MAX => return Parsed::Incomplete,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return refused(431, "the request's headers are too large"),
        Err(error) => return refused(400, &format!("malformed request: {error}")),
    };
    let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
        return refused(400, "malformed request line");
    };
    let headers = match Headers::read(parsed.headers) {
        Ok(headers) => headers,
        Err(reason) => return refused(400, reason),
    };
    if headers.has_transfer_encoding {
        return refused(411, "send a content-length: chunked bodies are not taken");
    }
    let body_length = headers.content_length.unwrap_or(0);
    if body_length > BODY_MAX {
        return refused(413, "the body is longer than 1 MiB");
    }
    let Some(body) = bytes.get(head..head + body_length) else { return Parsed::Incomplete };
    Parsed::Complete(Request {
        http: HttpRequest {
            method,
            target,
            key_id: headers.key_id,
            timestamp: headers.timestamp,
            signature: headers.signature,
            body,
        },
        keep_alive: !headers.closes && (version == 1 || headers.keeps),
        websocket_key: if headers.upgrades { headers.websocket_key } else { None },
        length: head + body_length,
    })
}

const fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        413 => "Content Too Large",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Unknown",
    }
}

/// Where a path with a slash at its end is sent: the same without it, as the exchange does since October 2025. None when
/// the path has no such slash, or nothing before it.
#[must_use]
pub fn without_trailing_slash(target: &str) -> Option<String> {
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    let path = path.strip_suffix('/').filter(|path| path.starts_with(REST_PREFIX) && *path != REST_PREFIX)?;
    Some(query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}")))
}

/// Appends the answer that sends a client to another path of this server.
pub fn write_redirect(output: &mut Vec<u8>, location: &str, keep_alive: bool, date: &HttpDate) {
    output.extend_from_slice(b"HTTP/1.1 301 Moved Permanently\r\nLocation: ");
    output.extend_from_slice(location.as_bytes());
    write_date(output, date);
    output.extend_from_slice(b"\r\nContent-Length: 0");
    if !keep_alive {
        output.extend_from_slice(b"\r\nConnection: close");
    }
    output.extend_from_slice(b"\r\n\r\n");
}

/// Appends a response. A body is JSON, or the text of the exchange's router about an unknown page.
pub fn write_response(output: &mut Vec<u8>, response: &HttpResponse, keep_alive: bool, date: &HttpDate) {
    output.extend_from_slice(b"HTTP/1.1 ");
    output.extend_from_slice(response.status.to_string().as_bytes());
    output.push(b' ');
    output.extend_from_slice(reason(response.status).as_bytes());
    write_date(output, date);
    if response.status != 204 {
        let is_json = response.body.starts_with(b"{");
        let content_type = if is_json { "application/json" } else { "text/plain" };
        output.extend_from_slice(b"\r\nContent-Type: ");
        output.extend_from_slice(content_type.as_bytes());
        output.extend_from_slice(b"\r\nContent-Length: ");
        output.extend_from_slice(response.body.len().to_string().as_bytes());
    }
    if !keep_alive {
        output.extend_from_slice(b"\r\nConnection: close");
    }
    output.extend_from_slice(b"\r\n\r\n");
    if response.status != 204 {
        output.extend_from_slice(&response.body);
    }
}

fn write_date(output: &mut Vec<u8>, date: &HttpDate) {
    if let Some(date) = date.as_bytes() {
        output.extend_from_slice(b"\r\nDate: ");
        output.extend_from_slice(date);
    }
}

/// Appends the answer that turns a connection into a WebSocket.
pub fn write_upgrade(output: &mut Vec<u8>, websocket_key: &str) {
    let accept = tungstenite::handshake::derive_accept_key(websocket_key.as_bytes());
    output.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
    output.extend_from_slice(format!("Sec-WebSocket-Accept: {accept}\r\n\r\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_is_complete_with_its_body_and_not_before() {
        let text = b"POST /x HTTP/1.1\r\nContent-Length: 3\r\nKALSHI-ACCESS-KEY: k \r\n\r\nabcGET";
        assert!(matches!(parse(&text[..text.len() - 4]), Parsed::Incomplete));
        let Parsed::Complete(request) = parse(text) else { panic!("the request is complete") };
        assert_eq!((request.http.body, request.http.key_id, request.length), (&b"abc"[..], Some("k"), text.len() - 3));
        assert!(request.keep_alive);
    }

    #[test]
    fn what_is_no_request_gets_a_status() {
        let status = |bytes: &[u8]| match parse(bytes) {
            Parsed::Refused(response) => response.status,
            other => panic!("{other:?}"),
        };
        assert_eq!(status(b"\0\0\0\0"), 400);
        assert_eq!(status(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"), 400);
        assert_eq!(status(b"GET / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n"), 413);
        assert_eq!(status(b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"), 411);
        let long = [b"GET /".as_slice(), &vec![b'a'; HEAD_MAX], b" HTTP/1.1\r\n\r\n"].concat();
        assert_eq!(status(&long), 431);
    }

    #[test]
    fn a_slash_at_the_end_of_a_path_is_taken_off_and_its_query_kept() {
        let without = |target| without_trailing_slash(target);
        assert_eq!(without("/trade-api/v2/markets/?limit=1").as_deref(), Some("/trade-api/v2/markets?limit=1"));
        assert_eq!(without("/trade-api/v2/markets/").as_deref(), Some("/trade-api/v2/markets"));
        assert_eq!(without("/trade-api/v2/markets?cursor=a/"), None);
        assert_eq!((without("/trade-api/v2/"), without("//elsewhere/")), (None, None));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes);
        }
    }
}
