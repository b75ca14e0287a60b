//! Chunked bodies (RFC 9112, 7.1). Extensions and trailers are read and dropped. Stricter than the underlying parser where
//! two readers of the same bytes could disagree about the end: a size needs a digit, and lines end with CR LF.

use super::super::limits::{BODY_MAX, CHUNK_EXTENSIONS_MAX, CHUNK_LINE_MAX, HEADERS_MAX, TRAILERS_MAX};
use super::Refusal;

/// The state of decoding a body.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    state: State,
    /// The total size of the extensions so far, in bytes.
    extensions: usize,
}

#[derive(Debug, Default)]
enum State {
    /// The line with the size of the next chunk comes next.
    #[default]
    Size,
    /// This many bytes of a chunk are missing.
    Data(usize),
    /// The line end after a chunk comes next.
    DataEnd,
    Trailers,
    Done,
}

impl Decoder {
    /// Appends decoded data to `body`. Returns how much of the input was consumed.
    ///
    /// # Errors
    /// If the input is not in chunks, or is too long.
    pub(super) fn decode(&mut self, input: &[u8], body: &mut Vec<u8>) -> Result<usize, Refusal> {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            match self.state {
                State::Size => {
                    let Some(line) = line(rest)? else { return Ok(at) };
                    at += line.len();
                    self.state = self.begin_chunk(line, body.len())?;
                }
                State::Data(due) => {
                    let length = due.min(rest.len());
                    body.extend_from_slice(&rest[..length]);
                    at += length;
                    if length < due {
                        self.state = State::Data(due - length);
                        return Ok(at);
                    }
                    self.state = State::DataEnd;
                }
                State::DataEnd => {
                    if !b"\r\n".starts_with(&rest[..rest.len().min(2)]) {
                        return Err(Refusal::malformed("a chunk is longer than its size says"));
                    }
                    if rest.len() < 2 {
                        return Ok(at);
                    }
                    at += 2;
                    self.state = State::Size;
                }
                State::Trailers => {
                    let Some(length) = trailers(rest)? else { return Ok(at) };
                    at += length;
                    self.state = State::Done;
                }
                State::Done => return Ok(at),
            }
        }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The state after a chunk's line.
    fn begin_chunk(&mut self, line: &[u8], so_far: usize) -> Result<State, Refusal> {
        let malformed = || Refusal::malformed("malformed chunk size: expected hexadecimal digits and CR LF");
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let Ok(httparse::Status::Complete((_, size))) = httparse::parse_chunk_size(line) else {
            return Err(malformed());
        };
        if digits == 0 {
            return Err(malformed());
        }
        self.extensions += line.len() - digits - 2;
        if self.extensions > CHUNK_EXTENSIONS_MAX {
            return Err(Refusal::malformed("the extensions of the chunks are longer than 16 KiB"));
        }
        match usize::try_from(size) {
            Ok(0) => Ok(State::Trailers),
            Ok(size) if size <= BODY_MAX - so_far => Ok(State::Data(size)),
            _ => Err(Refusal::too_long_a_body()),
        }
    }
}

/// The line at the start, with its end. `None` if it is not complete.
fn line(input: &[u8]) -> Result<Option<&[u8]>, Refusal> {
    let within = &input[..input.len().min(CHUNK_LINE_MAX)];
    match memchr::memchr(b'\n', within) {
        Some(end) => {
            let text = &within[..end];
            let is_text =
                text.strip_suffix(b"\r").is_some_and(|text| text.iter().all(|&byte| byte == b'\t' || byte >= b' '));
            if is_text {
                Ok(Some(&within[..=end]))
            } else {
                Err(Refusal::malformed("malformed chunk size: expected text and CR LF"))
            }
        }
        None if within.len() == CHUNK_LINE_MAX => Err(Refusal::malformed("the line of a chunk is longer than 4 KiB")),
        None => Ok(None),
    }
}

/// The length of the trailer section, with its empty line. `None` if it is not complete.
fn trailers(input: &[u8]) -> Result<Option<usize>, Refusal> {
    let mut slots = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let malformed = || Refusal::malformed("malformed trailers");
    let length = match httparse::parse_headers(input, &mut slots) {
        Ok(httparse::Status::Complete((length, _))) if length <= TRAILERS_MAX => length,
        Ok(httparse::Status::Partial) if input.len() <= TRAILERS_MAX => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(Refusal::too_large_a_head("trailers")),
        Err(_) => return Err(malformed()),
    };
    let has_bare_end = memchr::memchr_iter(b'\n', &input[..length]).any(|at| at == 0 || input[at - 1] != b'\r');
    if has_bare_end { Err(malformed()) } else { Ok(Some(length)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(input: &[u8]) -> Result<(Vec<u8>, usize), u16> {
        let (mut decoder, mut body) = (Decoder::default(), Vec::new());
        let length = decoder.decode(input, &mut body).map_err(|refusal| refusal.status)?;
        assert!(decoder.is_done(), "{input:?} is incomplete");
        Ok((body, length))
    }

    #[test]
    fn extensions_and_trailers_are_dropped_and_what_follows_is_left() {
        let input = b"3;a=\"b;c\"\r\nabc\r\n000A ; x\r\n0123456789\r\n0\r\nExpires: never\r\n\r\nGET /";
        assert_eq!(decoded(input), Ok((b"abc0123456789".to_vec(), input.len() - 5)));
        assert_eq!(decoded(b"0\r\n\r\n"), Ok((Vec::new(), 5)));
    }

    #[test]
    fn byte_by_byte_gives_the_same_body() {
        let input = b"3;x\r\nabc\r\n1\r\nd\r\n0\r\na: b\r\n\r\n";
        let (mut decoder, mut body, mut start) = (Decoder::default(), Vec::new(), 0);
        for end in 1..=input.len() {
            assert!(!decoder.is_done());
            start += decoder.decode(&input[start..end], &mut body).unwrap();
        }
        assert!(decoder.is_done());
        assert_eq!((start, body.as_slice()), (input.len(), &b"abcd"[..]));
    }

    #[test]
    fn ambiguous_chunks_are_rejected() {
        for input in [
            &b"\r\n"[..],
            b";x\r\n",
            b"+3\r\nabc\r\n",
            b"-1\r\n",
            b"0x3\r\nabc\r\n",
            b"3\nabc\n0\n\n",
            b"3;x\ny\r\nabc\r\n",
            b"3\r\r\nabc\r\n",
            b"3\r\nabcd\r\n",
            b"3\r\nabc0\r\n",
            b"3 3\r\nabc\r\n",
            b"10000000000000000\r\n",
            b"0\r\nno header\r\n\r\n",
            b"0\r\na: b\n\n",
        ] {
            assert_eq!(decoded(input), Err(400), "{:?}", String::from_utf8_lossy(input));
        }
    }

    #[test]
    fn each_limit_has_its_status() {
        assert_eq!(decoded(format!("{:x}\r\n", BODY_MAX + 1).as_bytes()), Err(413));
        assert_eq!(decoded(b"fffffffffffffff\r\n"), Err(413));
        let two = [format!("{BODY_MAX:x}\r\n").as_bytes(), &vec![b'a'; BODY_MAX], b"\r\n1\r\n"].concat();
        assert_eq!(decoded(&two), Err(413));
        assert_eq!(decoded(format!("1;{}\r\n", "x".repeat(CHUNK_LINE_MAX)).as_bytes()), Err(400));
        assert_eq!(decoded(format!("1;{}\r\na\r\n", "x".repeat(4000)).repeat(5).as_bytes()), Err(400));
        assert_eq!(decoded(format!("0\r\na: {}", "b".repeat(TRAILERS_MAX)).as_bytes()), Err(431));
        assert_eq!(decoded(format!("0\r\n{}\r\n", "a: b\r\n".repeat(HEADERS_MAX + 1)).as_bytes()), Err(431));
    }
}
