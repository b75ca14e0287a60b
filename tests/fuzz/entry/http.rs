//! The bytes of one client's connection through the request reader. The first byte says in which pieces they come. For
//! every input, the pieces make no difference, and a request that was read gives the same when sent again with its
//! length.

use kalshi_actor::exchange::server::http::{Parsed, Reader};

/// The longest body that the exchange documents, in bytes.
const BODY_MAX: usize = 1024 * 1024;

/// The meaning of a request.
#[derive(Debug, PartialEq)]
struct Seen {
    method: String,
    target: String,
    body: Vec<u8>,
}

pub fn run(data: &[u8]) {
    let Some((size, bytes)) = data.split_first() else { return };
    let whole = read(bytes, bytes.len().max(1));
    assert_eq!(read(bytes, usize::from(*size).max(1)), whole, "in pieces of {size}");
    for request in whole.0 {
        assert!(request.body.len() <= BODY_MAX);
        let Seen { method, target, body } = &request;
        let head = format!("{method} {target} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len());
        let again = [head.as_bytes(), body].concat();
        // The target of CONNECT is an authority instead of a path.
        if method != "CONNECT" {
            assert_eq!(read(&again, again.len()), (vec![request], None));
        }
    }
}

/// The requests of a connection, and the status that ended it.
fn read(bytes: &[u8], size: usize) -> (Vec<Seen>, Option<u16>) {
    let (mut reader, mut input, mut requests) = (Reader::default(), Vec::new(), Vec::new());
    for piece in bytes.chunks(size) {
        input.extend_from_slice(piece);
        loop {
            let (taken, parsed) = reader.read(&input);
            let is_complete = match parsed {
                Parsed::Incomplete => false,
                Parsed::Refused(refusal) => {
                    assert!((400..=505).contains(&refusal.status) && !refusal.reason.is_empty());
                    return (requests, Some(refusal.status));
                }
                Parsed::Complete(request) => {
                    let http = request.http;
                    let (method, target) = (http.method.to_owned(), http.target.to_owned());
                    requests.push(Seen { method, target, body: http.body.to_vec() });
                    true
                }
            };
            input.drain(..taken);
            if !is_complete {
                break;
            }
        }
    }
    (requests, None)
}
