use super::super::limits::{HEAD_MAX, HEADERS_MAX, TARGET_MAX};
use super::*;
use crate::wire::http_date::HttpDate;
use proptest::prelude::*;

/// A request's method, target, key id and body, and how much of the text it took.
type Seen = (String, String, Option<String>, Vec<u8>);

/// Every request in a text that arrives in pieces of this size, and the status that ended it.
fn read_in_pieces(text: &[u8], size: usize) -> (Vec<Seen>, Option<u16>) {
    let (mut reader, mut input, mut requests) = (Reader::default(), Vec::new(), Vec::new());
    for piece in text.chunks(size) {
        input.extend_from_slice(piece);
        loop {
            let (taken, parsed) = reader.read(&input);
            match parsed {
                Parsed::Incomplete => {
                    input.drain(..taken);
                    break;
                }
                Parsed::Refused(refusal) => return (requests, Some(refusal.status)),
                Parsed::Complete(request) => {
                    let http = request.http;
                    let key = http.key_id.map(str::to_owned);
                    requests.push((http.method.to_owned(), http.target.to_owned(), key, http.body.to_vec()));
                    input.drain(..taken);
                }
            }
        }
    }
    (requests, None)
}

fn read(text: &str) -> (Vec<Seen>, Option<u16>) {
    let whole = read_in_pieces(text.as_bytes(), text.len().max(1));
    for size in [1, 2, 7, 4096] {
        assert_eq!(read_in_pieces(text.as_bytes(), size), whole, "in pieces of {size}: {text}");
    }
    whole
}

/// The only request in a text.
fn one(text: &str) -> Seen {
    let (mut requests, status) = read(text);
    assert_eq!((requests.len(), status), (1, None), "{text}");
    requests.remove(0)
}

fn status(text: &str) -> u16 {
    let (requests, status) = read(text);
    assert_eq!(requests, [], "{text}");
    status.unwrap_or_else(|| panic!("no refusal of {text}"))
}

/// A request with `Host`, these headers and this body.
fn post(headers: &str, body: &str) -> String {
    format!("POST /x HTTP/1.1\r\nHost: h\r\n{headers}\r\n{body}")
}

#[test]
fn a_request_is_complete_with_its_body_and_not_before() {
    let text = post("Content-Length: 3\r\nKALSHI-ACCESS-KEY: k \r\n", "abcGET");
    let (requests, status) = read(&text);
    assert_eq!(requests, [("POST".to_owned(), "/x".to_owned(), Some("k".to_owned()), b"abc".to_vec())]);
    assert_eq!(status, None);
    let mut reader = Reader::default();
    assert!(matches!(reader.read(&text.as_bytes()[..text.len() - 4]), (_, Parsed::Incomplete)));
}

#[test]
fn requests_follow_each_other_whatever_their_bodies_are() {
    let text = post("Transfer-Encoding: chunked\r\n", "3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n")
        + "\r\n\r\nGET /y HTTP/1.0\r\n\r\n"
        + &post("Content-Length: 2\r\n", "de")
        + &post("TRANSFER-ENCODING: Chunked\r\n", "0\r\n\r\n");
    let (requests, status) = read(&text);
    let bodies: Vec<&[u8]> = requests.iter().map(|(.., body)| body.as_slice()).collect();
    assert_eq!((bodies, status), (vec![&b"abc"[..], b"", b"de", b""], None));
}

#[test]
fn ambiguous_requests_are_rejected() {
    for headers in [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Content-Length: 3, 4\r\n",
        "Content-Length: +3\r\n",
        "Content-Length: -3\r\n",
        "Content-Length: 0x3\r\n",
        "Content-Length: 3 3\r\n",
        "Content-Length:\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
        "Content-Length : 3\r\n",
        " Content-Length: 3\r\n",
        "X: a\r\n b\r\n",
        "Content-\0Length: 3\r\n",
        "X: a\rb\r\n",
        "Host: i\r\n",
        "Origin: http://a\r\nOrigin: http://b\r\n",
    ] {
        assert_eq!(status(&post(headers, "abc")), 400, "{headers:?}");
    }
    for text in [
        "GET /x HTTP/1.1\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: u@a\r\n\r\n",
        "POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET  /x HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /x\r\n\r\n",
        "\0\0\0\0",
        "GET x HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        assert_eq!(status(text), 400, "{text:?}");
    }
    assert_eq!(one(&post("Content-Length: 3\r\nContent-Length: 3, 3\r\n", "abc")).3, b"abc");
}

#[test]
fn unsupported_features_have_their_status() {
    assert_eq!(status(&post("Transfer-Encoding: gzip, chunked\r\n", "")), 501);
    assert_eq!(status(&post("Transfer-Encoding: identity\r\n", "")), 501);
    assert_eq!(status(&post("Expect: 200-ok\r\n", "")), 417);
    assert_eq!(status("GET /x HTTP/2.0\r\nHost: h\r\n\r\n"), 505);
    assert_eq!(status("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
}

#[test]
fn each_limit_has_its_status() {
    assert_eq!(status(&post(&format!("Content-Length: {}\r\n", BODY_MAX + 1), "")), 413);
    assert_eq!(status(&post("Content-Length: 99999999999999999999999\r\n", "")), 413);
    assert_eq!(status(&post("Transfer-Encoding: chunked\r\n", "fffffff\r\n")), 413);
    let long = "a".repeat(TARGET_MAX);
    assert_eq!(status(&format!("GET /{long} HTTP/1.1\r\nHost: h\r\n\r\n")), 414);
    assert_eq!(status(&format!("GET /{long}{long}")), 414);
    assert_eq!(status(&post(&format!("A: {}\r\n", "a".repeat(HEAD_MAX)), "")), 431);
    assert_eq!(status(&post(&"A: b\r\n".repeat(HEADERS_MAX), "")), 431);
    // Values exactly at the limits are accepted.
    assert_eq!(one(&format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", &long[1..])).1.len(), TARGET_MAX);
    one(&post(&"A: b\r\n".repeat(HEADERS_MAX - 1), ""));
    assert_eq!(one(&post(&format!("Content-Length: {BODY_MAX}\r\n"), &"a".repeat(BODY_MAX))).3.len(), BODY_MAX);
    let chunk = format!("{BODY_MAX:X}\r\n{}\r\n0\r\n\r\n", "a".repeat(BODY_MAX));
    assert_eq!(one(&post("Transfer-Encoding: chunked\r\n", &chunk)).3.len(), BODY_MAX);
}

#[test]
fn a_connection_stays_open_as_its_request_says() {
    for (version, connection, keep_alive) in [
        (1, "", true),
        (1, "Connection: close\r\n", false),
        (1, "Connection: keep-alive, Close\r\n", false),
        (1, "Connection: x-close\r\n", true),
        (0, "", false),
        (0, "Connection: TE, Keep-Alive\r\n", true),
        (0, "Connection: keep-alive, close\r\n", false),
    ] {
        let text = format!("GET /x HTTP/1.{version}\r\nHost: h\r\n{connection}\r\n");
        let mut reader = Reader::default();
        let (_, Parsed::Complete(request)) = reader.read(text.as_bytes()) else { panic!("{text} is complete") };
        assert_eq!(request.keep_alive, keep_alive, "{text}");
    }
}

#[test]
fn a_client_that_waits_with_its_body_is_recognised_until_it_is_told_to_continue() {
    let head = post("Content-Length: 3\r\nExpect: 100-Continue\r\n", "");
    let mut reader = Reader::default();
    let (taken, parsed) = reader.read(head.as_bytes());
    assert!(matches!(parsed, Parsed::Incomplete) && taken == head.len());
    assert!(reader.awaits_continue() && reader.is_within_body());
    reader.said_continue();
    assert!(!reader.awaits_continue());
    assert!(matches!(reader.read(b"abc"), (3, Parsed::Complete(_))));
    // A client that does not wait gets no `100 Continue`, nor does HTTP/1.0.
    let mut reader = Reader::default();
    reader.read(format!("{head}a").as_bytes());
    assert!(!reader.awaits_continue());
    let mut reader = Reader::default();
    reader.read(head.replace("1.1", "1.0").as_bytes());
    assert!(!reader.awaits_continue());
}

#[test]
fn an_upgrade_needs_both_of_its_headers() {
    let handshake = |headers: &str| {
        let text = post(headers, "").replace("POST", "GET");
        let mut reader = Reader::default();
        let (_, Parsed::Complete(request)) = reader.read(text.as_bytes()) else { panic!("{text} is complete") };
        request.handshake.map(|handshake| handshake.key.map(str::to_owned))
    };
    let key = "Sec-WebSocket-Key: k\r\n";
    assert_eq!(
        handshake(&format!("Connection: keep-alive, Upgrade\r\nUpgrade: h2c, WebSocket\r\n{key}")),
        Some(Some("k".to_owned()))
    );
    assert_eq!(handshake("Connection: upgrade\r\nUpgrade: websocket\r\n"), Some(None));
    assert_eq!(handshake(&format!("Upgrade: websocket\r\n{key}")), None);
    // As Java's client asks for HTTP/2 in its first request.
    assert_eq!(handshake("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"), None);
}

#[test]
fn of_two_signatures_the_first_counts() {
    let (.., key, _) = one(&post("KALSHI-ACCESS-KEY: a\r\nkalshi-access-key: b\r\n", ""));
    assert_eq!(key.as_deref(), Some("a"));
}

#[test]
fn an_answer_to_head_has_the_length_of_a_content_that_does_not_follow() {
    let written = |manner: &Manner, reply: Reply| {
        let mut output = Vec::new();
        write(&mut output, &reply, manner, &HttpDate::new(0));
        String::from_utf8(output).unwrap()
    };
    let manner = Manner { keep_alive: true, ..Manner::default() };
    let head = Manner { is_head: true, ..manner.clone() };
    let whole = written(&manner, Reply::error(400, "no"));
    let (start, content) = whole.split_once("\r\n\r\n").unwrap();
    assert!(start.ends_with(&format!("Content-Length: {}", content.len())), "{whole}");
    assert_eq!(written(&head, Reply::error(400, "no")), format!("{start}\r\n\r\n"));
    assert!(written(&manner, Reply::redirect("/y".to_owned())).contains("\r\nLocation: /y\r\nContent-Length: 0\r\n"));
    assert!(!written(&manner, Reply::empty(204)).contains("Content-"));
    let old = Manner { is_old: true, ..manner };
    assert!(written(&old, Reply::empty(204)).contains("\r\nConnection: keep-alive\r\n"));
    assert!(written(&Manner::default(), Reply::empty(204)).contains("\r\nConnection: close\r\n"));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let whole = read_in_pieces(&bytes, 400);
        prop_assert_eq!(read_in_pieces(&bytes, 1), whole);
    }

    #[test]
    fn pieces_of_any_size_give_the_same_requests(
        parts in proptest::collection::vec(
            r"(GET /[a-z]{0,3}|POST http://h/x| HTTP/1\.[01]|\r\n|\n|Host: h\r\n|Content-Length: [0-9]{1,2}\r\n|Transfer-Encoding: chunked\r\n|[0-9a-f]{1,2}(;x)?\r\n|[a-z]{1,12}|0\r\n\r\n|A: b\r\n)",
            1..14,
        ),
        size in 1usize..30,
    ) {
        let text = parts.concat();
        prop_assert_eq!(read_in_pieces(text.as_bytes(), size), read_in_pieces(text.as_bytes(), text.len()));
    }
}
