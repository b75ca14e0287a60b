//! The server's side of HTTP/1.1 (RFC 9110, 9112), over byte buffers: requests are parsed from input, responses written to
//! output. httparse parses lines, headers and chunk sizes; their combined meaning is decided here.

mod chunked;
mod head;
mod response;
mod target;

use std::mem;

use super::limits::{BODY_MAX, HEAD_MAX};
use crate::exchange::gateway::HttpRequest;
use chunked::Decoder;
use head::{Framing, Head};
pub use head::{Handshake, Sender};
pub use response::{Manner, Reply, upgrade_to_websocket, write};
pub(super) use target::path_of;

/// A request that was read completely.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The parts that the gateway needs.
    pub http: HttpRequest<'a>,
    /// The minor version of HTTP/1: 0 or 1.
    pub version: u8,
    /// Whether the connection stays open after the response.
    pub keep_alive: bool,
    /// The host that it is addressed to, from its target or its `Host` header.
    pub authority: Option<&'a str>,
    /// The headers that tell where it comes from.
    pub sender: Sender<'a>,
    /// The headers of a WebSocket upgrade, if it asks for one.
    pub handshake: Option<Handshake<'a>>,
}

impl<'a> Request<'a> {
    fn new(head: &Head<'a>, body: &'a [u8]) -> Self {
        Self {
            http: HttpRequest {
                method: head.method,
                target: head.resource,
                key_id: head.key_id,
                timestamp: head.timestamp,
                signature: head.signature,
                body,
            },
            version: head.version,
            keep_alive: !head.closes && (head.version == 1 || head.keeps),
            authority: head.authority,
            sender: head.sender,
            handshake: head.handshake,
        }
    }

    /// The path as sent, without the query.
    #[must_use]
    pub fn path(&self) -> &'a str {
        path_of(self.http.target)
    }
}

/// The result of parsing the bytes read so far.
#[derive(Debug)]
pub enum Parsed<'a> {
    /// The beginning of a request.
    Incomplete,
    /// A complete request.
    Complete(Request<'a>),
    /// Not a request that this server accepts: it is answered, and the connection ends.
    Refused(Refusal),
}

/// Why bytes are not accepted as a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status of the response.
    pub status: u16,
    /// What is wrong, for people.
    pub reason: String,
}

impl Refusal {
    fn new(status: u16, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into() }
    }

    fn malformed(reason: &str) -> Self {
        Self::new(400, reason)
    }

    fn too_long_a_body() -> Self {
        Self::new(413, format!("the body is longer than {BODY_MAX} bytes"))
    }

    fn too_large_a_head(part: &str) -> Self {
        Self::new(431, format!("the request's {part} are too large or too many"))
    }
}

/// How far a request has been read.
#[derive(Debug, Default)]
enum Phase {
    #[default]
    Head,
    /// The head was stored, and this many bytes of the body are missing.
    Length(usize),
    /// The head was stored, and chunks of the body are missing.
    Chunks(Decoder),
    /// The request in `head` and `body` was returned.
    Done,
}

/// Reads the requests of one connection.
#[derive(Debug, Default)]
pub struct Reader {
    phase: Phase,
    /// How much of an incomplete head was examined, and the length from which on it is examined again in any case.
    looked_at: usize,
    look_again: usize,
    /// The head, and the body so far, of a request that did not arrive in one piece.
    head: Vec<u8>,
    body: Vec<u8>,
    awaits_continue: bool,
}

impl Reader {
    /// Reads the request at the start of `input`. Returns how many bytes were consumed, which must be dropped before the
    /// next call, and the result.
    pub fn read<'a>(&'a mut self, input: &'a [u8]) -> (usize, Parsed<'a>) {
        if matches!(self.phase, Phase::Done) {
            *self = Self { head: mem::take(&mut self.head), body: mem::take(&mut self.body), ..Self::default() };
            self.head.clear();
            self.body.clear();
        }
        let mut taken = 0;
        if matches!(self.phase, Phase::Head) {
            // Empty lines before a request are not part of it (RFC 9112, 2.2).
            taken = head::empty_lines(input);
            let bytes = &input[taken..];
            if bytes.is_empty() || !self.may_be_complete(bytes) {
                return (taken, Parsed::Incomplete);
            }
            let head = match head::parse(bytes) {
                Ok(Some(head)) => head,
                Ok(None) => return (taken, Parsed::Incomplete),
                Err(refusal) => return (taken, Parsed::Refused(refusal)),
            };
            if let Framing::Length(length) = head.framing
                && let Some(body) = bytes.get(head.length..head.length + length)
            {
                self.phase = Phase::Done;
                return (taken + head.length + length, Parsed::Complete(Request::new(&head, body)));
            }
            self.head.extend_from_slice(&bytes[..head.length]);
            self.awaits_continue = head.expects_continue;
            self.phase = match head.framing {
                Framing::Length(length) => Phase::Length(length),
                Framing::Chunked => Phase::Chunks(Decoder::default()),
            };
            taken += head.length;
        }
        let rest = &input[taken..];
        self.awaits_continue &= rest.is_empty();
        let is_complete = match &mut self.phase {
            Phase::Length(due) => {
                let length = rest.len().min(*due);
                self.body.extend_from_slice(&rest[..length]);
                *due -= length;
                taken += length;
                *due == 0
            }
            Phase::Chunks(decoder) => match decoder.decode(rest, &mut self.body) {
                Ok(length) => {
                    taken += length;
                    decoder.is_done()
                }
                Err(refusal) => return (taken, Parsed::Refused(refusal)),
            },
            Phase::Head | Phase::Done => {
                unreachable!("the head was either returned above or stored with a body to follow")
            }
        };
        if !is_complete {
            return (taken, Parsed::Incomplete);
        }
        self.phase = Phase::Done;
        let head = head::parse(&self.head).ok().flatten().expect("it was stored because it was parsed successfully");
        (taken, Parsed::Complete(Request::new(&head, &self.body)))
    }

    /// Takes back the request that was just returned with `taken` bytes consumed, to return it again next time. Returns how
    /// many of these bytes must be dropped nevertheless.
    pub(super) fn put_back(&mut self, taken: usize) -> usize {
        let is_in_input = self.head.is_empty();
        self.phase = if is_in_input { Phase::Head } else { Phase::Length(0) };
        self.look_again = 0;
        if is_in_input { 0 } else { taken }
    }

    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(super) fn awaits_continue(&self) -> bool {
        self.awaits_continue
    }

    /// Records that `100 Continue` was sent.
    pub(super) fn said_continue(&mut self) {
        self.awaits_continue = false;
    }

    /// Whether the head of a request has been read but not its body.
    pub(super) fn is_within_body(&self) -> bool {
        matches!(self.phase, Phase::Length(_) | Phase::Chunks(_))
    }

    /// Whether an incomplete head is worth parsing again: it is short, its end may have arrived, or it has grown by half. So
    /// a long head that arrives byte by byte is not parsed from its start for each of them.
    fn may_be_complete(&mut self, bytes: &[u8]) -> bool {
        const SHORT: usize = 4 * 1024;
        let new = &bytes[self.looked_at.min(bytes.len())..];
        let may_be = bytes.len() >= self.look_again || memchr::memchr(b'\n', new).is_some();
        if may_be && bytes.len() >= SHORT {
            self.look_again = (bytes.len() + bytes.len() / 2).min(HEAD_MAX + 1);
        }
        self.looked_at = bytes.len();
        may_be
    }
}

#[cfg(test)]
mod tests;
