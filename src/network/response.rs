//! Parses an HTTP/1.1 response from the bytes received so far, without a socket or a clock.

use crate::ports::NoAnswer;

/// The largest response to an order write that is accepted, in bytes. Real ones are below 1 KiB, batches below 100 KiB.
pub const RESPONSE_BYTES_MAX: usize = 1 << 20;
const HEADERS_MAX: usize = 64;

/// A complete response without its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// The length of the response in bytes, from the status line to the end of the body.
    pub bytes: usize,
    /// Whether the connection may carry another request.
    pub keep_alive: bool,
}

/// How the end of a response's body is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// Parses the response at the start of `bytes` and replaces the contents of `body` with its body. `ended` says that no
/// more bytes will come. Returns `None` while the response is incomplete.
///
/// # Errors
/// [`NoAnswer::Garbled`] when the bytes are not an HTTP response, or the response exceeds [`RESPONSE_BYTES_MAX`].
pub fn parse(bytes: &[u8], ended: bool, body: &mut Vec<u8>) -> Result<Option<Response>, NoAnswer> {
    body.clear();
    let mut start = 0;
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut head = httparse::Response::new(&mut headers);
        let head_bytes = match head.parse(&bytes[start..]) {
            Ok(httparse::Status::Complete(head_bytes)) => head_bytes,
            Ok(httparse::Status::Partial) => return incomplete(bytes),
            Err(_) => return Err(NoAnswer::Garbled),
        };
        let status = head.code.ok_or(NoAnswer::Garbled)?;
        start += head_bytes;
        if (100..200).contains(&status) {
            // An interim response; the real one follows.
            continue;
        }
        let framing = framing(status, head.headers)?;
        let mut keep_alive = head.version == Some(1) && !says_close(head.headers);
        let rest = &bytes[start..];
        let body_bytes = match framing {
            Framing::Length(length) if length > RESPONSE_BYTES_MAX => return Err(NoAnswer::Garbled),
            Framing::Length(length) if rest.len() < length => return incomplete(bytes),
            Framing::Length(length) => {
                body.extend_from_slice(&rest[..length]);
                length
            }
            Framing::Chunked => match dechunk(rest, body)? {
                Some(length) => length,
                None => return incomplete(bytes),
            },
            Framing::UntilClose if !ended => return incomplete(bytes),
            Framing::UntilClose => {
                keep_alive = false;
                body.extend_from_slice(rest);
                rest.len()
            }
        };
        return Ok(Some(Response { status, bytes: start + body_bytes, keep_alive }));
    }
}

fn incomplete(bytes: &[u8]) -> Result<Option<Response>, NoAnswer> {
    if bytes.len() > RESPONSE_BYTES_MAX { Err(NoAnswer::Garbled) } else { Ok(None) }
}

/// RFC 9112 section 6.3: statuses without a body, then `Transfer-Encoding`, then `Content-Length`, then the end of the
/// connection.
fn framing(status: u16, headers: &[httparse::Header<'_>]) -> Result<Framing, NoAnswer> {
    if status == 204 || status == 304 {
        return Ok(Framing::Length(0));
    }
    let mut length = None;
    for header in headers {
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            let chunked = header.value.trim_ascii().eq_ignore_ascii_case(b"chunked");
            return if chunked { Ok(Framing::Chunked) } else { Err(NoAnswer::Garbled) };
        }
        if header.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(header.value).map_err(|_| NoAnswer::Garbled)?;
            let value: usize = text.trim().parse().map_err(|_| NoAnswer::Garbled)?;
            if length.is_some_and(|earlier| earlier != value) {
                return Err(NoAnswer::Garbled);
            }
            length = Some(value);
        }
    }
    Ok(length.map_or(Framing::UntilClose, Framing::Length))
}

fn says_close(headers: &[httparse::Header<'_>]) -> bool {
    headers.iter().any(|header| {
        header.name.eq_ignore_ascii_case("connection")
            && header.value.split(|&byte| byte == b',').any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close"))
    })
}

/// Appends the chunks to `body`. Returns the number of bytes consumed, or `None` while chunks are missing.
fn dechunk(bytes: &[u8], body: &mut Vec<u8>) -> Result<Option<usize>, NoAnswer> {
    let mut at = 0;
    loop {
        let (head_bytes, size) = match httparse::parse_chunk_size(&bytes[at..]) {
            Ok(httparse::Status::Complete(chunk)) => chunk,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(NoAnswer::Garbled),
        };
        at += head_bytes;
        if size == 0 {
            return trailers_end(bytes, at);
        }
        let size = usize::try_from(size).ok().filter(|&size| size <= RESPONSE_BYTES_MAX).ok_or(NoAnswer::Garbled)?;
        let Some(chunk) = bytes.get(at..at + size) else { return Ok(None) };
        match bytes.get(at + size..at + size + 2) {
            Some(b"\r\n") => {}
            Some(_) => return Err(NoAnswer::Garbled),
            None => return Ok(None),
        }
        body.extend_from_slice(chunk);
        if body.len() > RESPONSE_BYTES_MAX {
            return Err(NoAnswer::Garbled);
        }
        at += size + 2;
    }
}

/// Skips the trailer lines up to and including the empty line.
fn trailers_end(bytes: &[u8], mut at: usize) -> Result<Option<usize>, NoAnswer> {
    loop {
        let Some(line) = memchr::memchr(b'\n', &bytes[at..]) else { return Ok(None) };
        let text = &bytes[at..at + line];
        at += line + 1;
        match text {
            b"\r" => return Ok(Some(at)),
            text if text.ends_with(b"\r") => {}
            _ => return Err(NoAnswer::Garbled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn whole(bytes: &[u8]) -> (Response, Vec<u8>) {
        let mut body = Vec::new();
        let response = parse(bytes, false, &mut body).unwrap().expect("the response is complete");
        (response, body)
    }

    /// Checks that every proper prefix of the response is incomplete, and that the whole gives `expected`.
    fn grows_into(bytes: &[u8], status: u16, expected: &[u8]) {
        let mut body = Vec::new();
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end], false, &mut body), Ok(None), "at byte {end}");
        }
        let (response, body) = whole(bytes);
        assert_eq!((response.status, response.bytes, body.as_slice()), (status, bytes.len(), expected));
    }

    #[test]
    fn a_response_with_a_length_is_complete_at_its_last_byte() {
        grows_into(b"HTTP/1.1 201 Created\r\nContent-Length: 13\r\n\r\n{\"order\":\"1\"}", 201, b"{\"order\":\"1\"}");
    }

    #[test]
    fn a_chunked_response_is_complete_after_its_last_chunk_and_trailers() {
        let bytes =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=1\r\n world\r\n0\r\nA: b\r\n\r\n";
        grows_into(bytes, 200, b"hello world");
    }

    #[test]
    fn no_content_has_no_body_whatever_its_headers_say() {
        grows_into(b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, b"");
    }

    #[test]
    fn interim_responses_are_passed_over() {
        grows_into(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok");
    }

    #[test]
    fn what_follows_a_response_is_not_counted_to_it() {
        let (response, body) = whole(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1");
        assert_eq!((response.bytes, body.as_slice()), (40, b"ok".as_slice()));
    }

    #[test]
    fn a_body_without_a_length_ends_with_the_connection() {
        let bytes = b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>";
        let mut body = Vec::new();
        assert_eq!(parse(bytes, false, &mut body), Ok(None));
        let response = parse(bytes, true, &mut body).unwrap().unwrap();
        assert_eq!((response.status, response.keep_alive, body.as_slice()), (502, false, b"<html>".as_slice()));
    }

    #[test]
    fn only_http_1_1_without_close_keeps_the_connection() {
        assert!(whole(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").0.keep_alive);
        assert!(!whole(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nConnection: foo, Close\r\n\r\n").0.keep_alive);
        assert!(!whole(b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n").0.keep_alive);
    }

    #[test]
    fn what_is_no_response_is_garbled() {
        let mut body = Vec::new();
        for bytes in [
            b"SSH-2.0-OpenSSH\r\n\r\n".as_slice(),
            b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        ] {
            assert_eq!(parse(bytes, false, &mut body), Err(NoAnswer::Garbled), "{}", bytes.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(tail in proptest::collection::vec(any::<u8>(), 0..200), ended: bool) {
            let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            bytes.extend_from_slice(&tail);
            let mut body = Vec::new();
            let _ = parse(&bytes, ended, &mut body);
            let _ = parse(&tail, ended, &mut body);
        }

        #[test]
        fn any_body_survives_any_chunking(
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..8),
        ) {
            let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for chunk in &chunks {
                bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                bytes.extend_from_slice(chunk);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"0\r\n\r\n");
            let (response, body) = whole(&bytes);
            prop_assert_eq!(response.bytes, bytes.len());
            prop_assert_eq!(body, chunks.concat());
        }
    }
}
