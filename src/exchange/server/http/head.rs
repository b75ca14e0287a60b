//! The head of a request: its first line, and the headers that matter here.

use std::mem::MaybeUninit;

use super::super::limits::{BODY_MAX, HEAD_MAX, HEADERS_MAX, TARGET_MAX};
use super::{Refusal, target};

/// How the end of a body is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
}

/// The headers that tell where a request comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sender<'a> {
    /// `Origin`: the web page that sends it.
    pub origin: Option<&'a str>,
    /// `Sec-Fetch-Site`: how that page is related to this server.
    pub fetch_site: Option<&'a str>,
    /// Whether it came through a proxy, according to its headers.
    pub is_forwarded: bool,
}

/// The headers of a WebSocket upgrade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handshake<'a> {
    /// `Sec-WebSocket-Key`.
    pub key: Option<&'a str>,
    /// `Sec-WebSocket-Version`.
    pub version: Option<&'a str>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub method: &'a str,
    pub resource: &'a str,
    pub version: u8,
    pub authority: Option<&'a str>,
    pub framing: Framing,
    pub expects_continue: bool,
    pub closes: bool,
    pub keeps: bool,
    pub key_id: Option<&'a str>,
    pub timestamp: Option<&'a str>,
    pub signature: Option<&'a str>,
    pub sender: Sender<'a>,
    pub handshake: Option<Handshake<'a>>,
    /// The length in bytes, including the empty line.
    pub length: usize,
}

/// The number of bytes of empty lines before a request.
pub(super) fn empty_lines(bytes: &[u8]) -> usize {
    let mut length = 0;
    loop {
        length += match bytes[length..] {
            [b'\r', b'\n', ..] => 2,
            [b'\n', ..] => 1,
            _ => return length,
        };
    }
}

/// Parses the head at the start. `None` if it is not complete.
///
/// # Errors
/// The response to something that is not a head, or not an acceptable one.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Head<'_>>, Refusal> {
    let mut slots = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut []);
    let length = match parsed.parse_with_uninit_headers(bytes, &mut slots) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return check_partial(bytes).map(|()| None),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Refusal::new(431, format!("the request has more than {HEADERS_MAX} headers")));
        }
        Err(httparse::Error::Version) => return Err(Refusal::new(505, "expected HTTP/1.1 or HTTP/1.0")),
        Err(error) => return Err(Refusal::new(400, format!("malformed request: {error}"))),
    };
    let (Some(method), Some(text), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(Refusal::malformed("malformed request line"));
    };
    if text.len() > TARGET_MAX {
        return Err(too_long_a_target());
    }
    if length > HEAD_MAX {
        return Err(Refusal::too_large_a_head("headers"));
    }
    let target = target::read(method, text).map_err(Refusal::malformed)?;
    let fields = Fields::read(parsed.headers)?;
    if version == 1 && fields.host.is_none() {
        return Err(Refusal::malformed("HTTP/1.1 needs a Host header"));
    }
    Ok(Some(Head {
        method,
        resource: target.resource,
        version,
        authority: target.authority.or(fields.host),
        framing: fields.framing(version)?,
        expects_continue: fields.expects_continue(version)?,
        closes: fields.closes,
        keeps: fields.keeps,
        key_id: fields.key_id,
        timestamp: fields.timestamp,
        signature: fields.signature,
        sender: fields.sender,
        handshake: fields.handshake.filter(|_| fields.upgrades && fields.to_websocket && version == 1),
        length,
    }))
}

fn too_long_a_target() -> Refusal {
    Refusal::new(414, format!("the target is longer than {TARGET_MAX} bytes"))
}

/// Rejects an incomplete head that is too long already.
fn check_partial(bytes: &[u8]) -> Result<(), Refusal> {
    const METHOD_AND_VERSION: usize = 64;
    match memchr::memchr(b'\n', bytes) {
        None if bytes.len() > TARGET_MAX + METHOD_AND_VERSION => Err(too_long_a_target()),
        Some(_) if bytes.len() > HEAD_MAX => Err(Refusal::too_large_a_head("headers")),
        _ => Ok(()),
    }
}

/// The headers that matter.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each read on its own")]
struct Fields<'a> {
    host: Option<&'a str>,
    length: Option<usize>,
    /// Whether the transfer coding is chunked, if there is one; false for any other coding.
    chunked: Option<bool>,
    expectation: Option<&'a str>,
    closes: bool,
    keeps: bool,
    /// Whether `Connection` names `Upgrade`.
    upgrades: bool,
    /// Whether `Upgrade` names WebSocket.
    to_websocket: bool,
    key_id: Option<&'a str>,
    timestamp: Option<&'a str>,
    signature: Option<&'a str>,
    sender: Sender<'a>,
    handshake: Option<Handshake<'a>>,
}

/// The words of a header that is a list.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(|word| word.trim_matches([' ', '\t']))
}

impl<'a> Fields<'a> {
    /// Extracts them from the headers.
    fn read(headers: &[httparse::Header<'a>]) -> Result<Self, Refusal> {
        let mut read = Self { handshake: Some(Handshake::default()), ..Self::default() };
        for header in headers {
            // A value that is not text equals nothing that is expected here.
            let text = std::str::from_utf8(header.value).unwrap_or("\u{fffd}").trim_matches([' ', '\t']);
            read.field(header.name, text)?;
        }
        Ok(read)
    }

    fn field(&mut self, name: &str, text: &'a str) -> Result<(), Refusal> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        let has = |word: &str| words(text).any(|each| each.eq_ignore_ascii_case(word));
        // If a header occurs twice, the first one counts, where a second one does no harm.
        if is("kalshi-access-key") {
            self.key_id.get_or_insert(text);
        } else if is("kalshi-access-timestamp") {
            self.timestamp.get_or_insert(text);
        } else if is("kalshi-access-signature") {
            self.signature.get_or_insert(text);
        } else if is("host") {
            if self.host.is_some() || !(text.is_empty() || target::is_authority(text)) {
                return Err(Refusal::malformed("malformed Host: expected one, a name or an address with a port"));
            }
            self.host = Some(text);
        } else if is("content-length") {
            for word in words(text) {
                let length = content_length(word)?;
                if self.length.is_some_and(|before| before != length) {
                    return Err(Refusal::malformed("two different content-lengths"));
                }
                self.length = Some(length);
            }
        } else if is("transfer-encoding") {
            for word in words(text) {
                self.chunked = Some(match self.chunked {
                    Some(true) => return Err(Refusal::malformed("chunked is not the last transfer coding")),
                    before => before.is_none() && word.eq_ignore_ascii_case("chunked"),
                });
            }
        } else if is("connection") {
            self.closes |= has("close");
            self.keeps |= has("keep-alive");
            self.upgrades |= has("upgrade");
        } else if is("upgrade") {
            self.to_websocket |= has("websocket");
        } else if is("expect") {
            self.expectation = Some(text);
        } else if is("origin") {
            if self.sender.origin.is_some() {
                return Err(Refusal::malformed("two Origin headers"));
            }
            self.sender.origin = Some(text);
        } else if is("sec-fetch-site") {
            self.sender.fetch_site = Some(text);
        } else if is("forwarded") || is("x-forwarded-for") || is("via") {
            self.sender.is_forwarded = true;
        } else if let Some(handshake) = &mut self.handshake {
            if is("sec-websocket-key") {
                handshake.key.get_or_insert(text);
            } else if is("sec-websocket-version") {
                handshake.version.get_or_insert(text);
            }
        }
        Ok(())
    }

    /// How the body ends. A request that answers this in two ways is rejected, since a proxy may have chosen the other one.
    fn framing(&self, version: u8) -> Result<Framing, Refusal> {
        match (self.chunked, self.length) {
            (None, Some(length)) if length > BODY_MAX => Err(Refusal::too_long_a_body()),
            (None, length) => Ok(Framing::Length(length.unwrap_or(0))),
            (Some(_), Some(_)) => Err(Refusal::malformed("both transfer-encoding and content-length")),
            (Some(_), None) if version == 0 => Err(Refusal::malformed("HTTP/1.0 has no transfer-encoding")),
            (Some(true), None) => Ok(Framing::Chunked),
            (Some(false), None) => Err(Refusal::new(501, "expected no transfer coding but chunked")),
        }
    }

    fn expects_continue(&self, version: u8) -> Result<bool, Refusal> {
        match self.expectation {
            None => Ok(false),
            Some(text) if text.eq_ignore_ascii_case("100-continue") => Ok(version == 1),
            Some(_) => Err(Refusal::new(417, "expected no Expect but 100-continue")),
        }
    }
}

/// Parses a length of digits only; one that overflows exceeds any limit.
fn content_length(text: &str) -> Result<usize, Refusal> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::malformed("content-length is not a number"));
    }
    Ok(text.parse().unwrap_or(usize::MAX))
}
