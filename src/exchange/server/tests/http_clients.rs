//! HTTP as spoken by other stacks, over real sockets.

use std::net::Shutdown;

use super::*;

const STATUS: &str = "/trade-api/v2/exchange/status";
const MARKETS: &str = "/trade-api/v2/markets";

impl Fixture {
    /// The signed headers for a path, as lines.
    fn signed(&self, method: &str, path: &str) -> String {
        self.headers(method, path).map(|(name, value)| format!("{name}: {value}\r\n")).concat()
    }

    /// Sends bytes on a new connection and reads one response; returns its status, head and body.
    fn send(&self, text: &str) -> (u16, String, String) {
        let mut stream = self.connect();
        stream.write_all(text.as_bytes()).unwrap();
        read_head(&mut stream)
    }
}

fn quiet() -> Fixture {
    Fixture::quiet(Exchange::builder())
}

/// A body in chunks of ten bytes, with an extension and a trailer.
fn chunked(body: &str) -> String {
    let chunks = body.as_bytes().chunks(10).map(|chunk| {
        format!("{:X};part=\"a\"\r\n{}\r\n", chunk.len(), std::str::from_utf8(chunk).expect("orders are ASCII"))
    });
    chunks.collect::<String>() + "0\r\nExpires: never\r\n\r\n"
}

#[test]
fn an_order_in_chunks_is_an_order() {
    let fixture = quiet();
    let mut stream = fixture.connect();
    let headers = fixture.signed("POST", ORDERS);
    let head = format!("POST {ORDERS} HTTP/1.1\r\nHost: x\r\n{headers}Transfer-Encoding: chunked\r\n\r\n");
    let text = head + &chunked(&order("0.0100"));
    // Byte by byte, so that every boundary falls between two reads.
    for byte in text.bytes() {
        stream.write_all(&[byte]).unwrap();
    }
    let (status, body) = read_response(&mut stream);
    assert_eq!(status, 201, "{body}");
    stream.write_all(fixture.request("GET", STATUS, "").as_bytes()).unwrap();
    assert_eq!(read_response(&mut stream).0, 200, "the connection goes on behind the trailers");
}

#[test]
fn an_answer_to_head_is_that_to_get_without_its_content() {
    let fixture = quiet();
    let mut stream = fixture.connect();
    for (path, expected) in [(STATUS, 200), ("/trade-api/v2/nowhere", 404), ("/trade-api/v2/portfolio/balance", 200)] {
        stream.write_all(fixture.request("HEAD", path, "").as_bytes()).unwrap();
        stream.write_all(fixture.request("GET", path, "").as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let (status, of_get, body) = read_head(&mut stream);
        assert!(status == expected && !body.is_empty(), "{status} {body}");
        let without_date =
            |head: &str| head.lines().filter(|line| !line.starts_with("Date")).collect::<Vec<_>>().join("\n");
        assert_eq!(without_date(std::str::from_utf8(&head).unwrap()), without_date(&of_get));
    }
}

#[test]
fn a_target_may_be_a_whole_url_and_its_path_is_what_is_signed() {
    let fixture = quiet();
    let headers = fixture.signed("GET", "/trade-api/v2/portfolio/balance");
    let url = format!("http://{}/trade-api/v2/portfolio/balance?x=y", fixture.addr);
    let (status, _, body) = fixture.send(&format!("GET {url} HTTP/1.1\r\nHost: elsewhere\r\n{headers}\r\n"));
    assert_eq!(status, 200, "{body}");
    let url = format!("http://{}{MARKETS}/", fixture.addr);
    let (status, head, _) = fixture.send(&format!("GET {url} HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert!(status == 301 && head.contains(&format!("\r\nLocation: {MARKETS}\r\n")), "{head}");
}

#[test]
fn an_escaped_character_of_a_path_means_itself_and_is_signed_as_it_was_sent() {
    let fixture = quiet();
    let escaped = format!("{MARKETS}/{}", CENTS.replace('-', "%2D").replace("KX", "%4bX"));
    let (status, _, body) = fixture.send(&fixture.request("GET", &escaped, ""));
    assert!(status == 200 && body.contains(CENTS), "{body}");
    let plain = fixture.signed("GET", &format!("{MARKETS}/{CENTS}"));
    assert_eq!(fixture.send(&format!("GET {escaped} HTTP/1.1\r\nHost: x\r\n{plain}\r\n")).0, 401);
    let account = "/trade-api/v2/portfolio/bal%61nce";
    assert_eq!(fixture.send(&fixture.request("GET", account, "")).0, 200);
    assert_eq!(fixture.send(&fixture.request("GET", "/trade-api%2Fv2/markets", "")).0, 404, "a slash is a separator");
}

#[test]
fn a_client_that_waits_for_100_continue_gets_it_in_its_turn() {
    let fixture = quiet();
    let mut stream = fixture.connect();
    let body = order("0.0100");
    let headers = fixture.signed("POST", ORDERS);
    let head = format!(
        "POST {ORDERS} HTTP/1.1\r\nHost: x\r\n{headers}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    // The response to the first order comes after 50 ms, and before the second one's body is asked for.
    stream.write_all((fixture.request("POST", ORDERS, &body) + &head).as_bytes()).unwrap();
    assert_eq!(read_response(&mut stream).0, 201);
    assert_eq!(read_head(&mut stream).1, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).unwrap();
    assert_eq!(read_response(&mut stream).0, 201);
    let (status, _, body) = fixture
        .send(&format!("POST {ORDERS} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n"));
    assert!(status == 413 && body.contains("content_too_large"), "{body}");
}

#[test]
fn a_client_that_has_ended_its_half_gets_its_answers() {
    let fixture = quiet();
    let mut stream = fixture.connect();
    let all = fixture.request("POST", ORDERS, &order("0.0100")) + &fixture.request("GET", STATUS, "");
    stream.write_all(all.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_response(&mut stream).0, 201);
    assert_eq!(read_response(&mut stream).0, 200);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    let mut stream = fixture.connect();
    stream.write_all(b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabc").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let (status, body) = read_response(&mut stream);
    assert!(status == 400 && body.contains("ends before it is complete"), "{body}");
}

#[test]
fn http_1_0_is_answered_and_closed_unless_it_asks_to_stay() {
    let fixture = quiet();
    let mut stream = fixture.connect();
    stream.write_all(format!("GET {STATUS} HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").as_bytes()).unwrap();
    let (status, head, _) = read_head(&mut stream);
    assert!(status == 200 && head.contains("\r\nConnection: keep-alive\r\n"), "{head}");
    stream.write_all(format!("GET {STATUS} HTTP/1.0\r\n\r\n").as_bytes()).unwrap();
    assert!(read_head(&mut stream).1.contains("\r\nConnection: close\r\n"));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_refusal_comes_in_its_turn_and_reaches_a_client_that_is_still_sending() {
    let fixture = quiet();
    let mut stream = fixture.connect();
    let text = fixture.request("POST", ORDERS, &order("0.0100")) + "nonsense\r\n\r\n";
    stream.write_all(text.as_bytes()).unwrap();
    assert_eq!(read_response(&mut stream).0, 201);
    assert_eq!(read_response(&mut stream).0, 400);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);

    let mut stream = fixture.connect();
    let length = 8 * 1024 * 1024;
    stream
        .write_all(format!("POST {ORDERS} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n").as_bytes())
        .unwrap();
    // Most of it is sent after the rejection. If the socket were closed with it unread, the response would be lost.
    stream.write_all(&vec![b' '; length]).unwrap();
    assert_eq!(read_response(&mut stream).0, 413);
}

#[test]
fn a_method_is_allowed_refused_or_unknown() {
    let fixture = quiet();
    let call = |method: &str, target: &str| {
        let (status, head, _) = fixture.send(&format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n\r\n", fixture.addr));
        (status, head.lines().find_map(|line| line.strip_prefix("Allow: ")).map(str::to_owned))
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(call("PATCH", MARKETS), (405, some("GET, HEAD, OPTIONS")));
    assert_eq!(call("TRACE", ORDERS), (405, some("POST, DELETE, OPTIONS")));
    assert_eq!(call("OPTIONS", ORDERS), (204, some("POST, DELETE, OPTIONS")));
    assert_eq!(call("OPTIONS", "*"), (204, some("GET, HEAD, POST, PUT, DELETE, OPTIONS")));
    assert_eq!(call("PUT", "/control/faults"), (405, some("POST, DELETE, OPTIONS")));
    assert_eq!(call("OPTIONS", "/control"), (204, some("GET, HEAD, OPTIONS")));
    assert_eq!((call("get", MARKETS), call("BREW", MARKETS)), ((501, None), (501, None)));
    // As the exchange's router answers.
    for (method, target) in [("PATCH", "/nowhere"), ("GET", ORDERS), ("PUT", MARKETS), ("CONNECT", "x:443")] {
        assert_eq!(call(method, target), (404, None), "{method} {target}");
    }
}

#[test]
fn a_list_of_a_hundred_names_at_their_longest_is_read() {
    let fixture = quiet();
    let names = (0..100).map(|number| format!("&tickers={}{number:03}", "%4B".repeat(197)));
    let target = format!("{MARKETS}/orderbooks?tickers={CENTS}{}", names.skip(1).collect::<String>());
    let (status, _, body) = fixture.send(&format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert!(status == 200 && body.contains(CENTS), "{status} {body}");
    let names: Vec<String> = (0..1_000).map(|number| format!("KXMVE{}{number:04}", "A".repeat(48))).collect();
    let target = format!("{MARKETS}?limit=1000&tickers={CENTS},{}", names[1..].join(","));
    assert_eq!(names[0].len(), 57);
    let (status, _, body) = fixture.send(&format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert!(status == 200 && body.contains(CENTS), "{status} {body}");
}

#[test]
fn a_batch_of_a_hundred_orders_at_their_longest_is_read() {
    let fixture = quiet();
    let one = |number: usize| order("0.0100").replacen('{', &format!(r#"{{"client_order_id":"{number:064}","#), 1);
    let orders: Vec<String> = (0..100).map(one).collect();
    // Indented, as some encoders do.
    let body = format!("{{\"orders\":[{}]}}", orders.join(",")).replace(',', &format!(",\n{}", " ".repeat(100)));
    let path = format!("{ORDERS}/batched");
    let (status, _, body) = fixture.send(&fixture.request("POST", &path, &body));
    let answers = serde_json::from_str::<Value>(&body).unwrap();
    assert_eq!((status, answers["orders"].as_array().unwrap().len()), (201, 100), "{body}");
}

#[test]
fn a_timestamp_is_digits_and_nothing_else() {
    let fixture = quiet();
    let good = fixture.request("GET", "/trade-api/v2/portfolio/balance", "");
    assert_eq!(fixture.send(&good).0, 200);
    for sign in ["+", "-", "+ ", "0x"] {
        let (status, _, body) = fixture.send(&good.replace("TIMESTAMP: ", &format!("TIMESTAMP: {sign}")));
        assert!(status == 401 && body.contains("header_timestamp_expired"), "{sign}: {body}");
    }
}
