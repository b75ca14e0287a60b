//! HTTP/1.1 on the server's side (RFC 9110, 9112), over byte buffers: requests out of what was read, responses into what
//! will be written. httparse reads lines, headers and chunk sizes; what they mean together is decided here.

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
    /// What the gateway needs of it.
    pub http: HttpRequest<'a>,
    /// Minor version: 0 or 1.
    pub version: u8,
    /// Whether the connection stays open after the response.
    pub keep_alive: bool,
    /// The host that it is for, by its target or its `Host`.
    pub authority: Option<&'a str>,
    /// What it says of where it comes from.
    pub sender: Sender<'a>,
    /// Whether an upgrade to a WebSocket is asked for, and how.
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

    /// Its path as it was sent, without the query.
    #[must_use]
    pub fn path(&self) -> &'a str {
        path_of(self.http.target)
    }
}

/// What the bytes read so far are.
#[derive(Debug)]
pub enum Parsed<'a> {
    /// The beginning of a request.
    Incomplete,
    /// A request.
    Complete(Request<'a>),
    /// No request that this server takes: answered, and the connection ends.
    Refused(Refusal),
}

/// Why bytes are not taken as a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status that says so.
    pub status: u16,
    /// What is wrong, for a person.
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

/// Where the reading of a request stands.
#[derive(Debug, Default)]
enum Phase {
    #[default]
    Head,
    /// The head was put aside, and so much of the body is due.
    Length(usize),
    /// The head was put aside, and chunks are due.
    Chunks(Decoder),
    /// The request in `head` and `body` was handed out.
    Done,
}

/// Reads the requests of one connection.
#[derive(Debug, Default)]
pub struct Reader {
    phase: Phase,
    /// How much of an incomplete head was looked at, and from which length on it is looked at again in any case.
    looked_at: usize,
    look_again: usize,
    /// The head and the body so far of a request that didn't come in one piece.
    head: Vec<u8>,
    body: Vec<u8>,
    awaits_continue: bool,
}

impl Reader {
    /// Reads the request at the beginning of `input`. Returns how much of it was taken, which is to be dropped before the
    /// next call, and what that was.
    pub fn read<'a>(&'a mut self, input: &'a [u8]) -> (usize, Parsed<'a>) {
        if matches!(self.phase, Phase::Done) {
            *self = Self { head: mem::take(&mut self.head), body: mem::take(&mut self.body), ..Self::default() };
            self.head.clear();
            self.body.clear();
        }
        let mut taken = 0;
        if matches!(self.phase, Phase::Head) {
            // Empty lines before a request are no part of it (RFC 9112, 2.2).
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
            Phase::Head | Phase::Done => unreachable!("a head is left above with a body due, or returned"),
        };
        if !is_complete {
            return (taken, Parsed::Incomplete);
        }
        self.phase = Phase::Done;
        let head = head::parse(&self.head).ok().flatten().expect("it was put aside because it could be read");
        (taken, Parsed::Complete(Request::new(&head, &self.body)))
    }

    /// Takes the request back that was just handed out with so many bytes taken, to hand it out again next time. Returns
    /// how many of them are to be dropped all the same.
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

    /// The client was told.
    pub(super) fn said_continue(&mut self) {
        self.awaits_continue = false;
    }

    /// Whether the head of a request is here and its body is not.
    pub(super) fn is_within_body(&self) -> bool {
        matches!(self.phase, Phase::Length(_) | Phase::Chunks(_))
    }

    /// Whether an incomplete head is worth another look: it is short, its end may have come, or it has grown by half. So a
    /// long one that comes byte by byte is not read from its beginning with each of them.
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
