//! WebSocket handshakes, protocol violations, and commands of any documented size.

use super::*;

/// Sends a handshake with these header lines instead of the usual ones.
fn handshake(fixture: &Fixture, method: &str, lines: &str) -> (u16, String) {
    let headers = fixture.headers(method, WS_PATH).map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let mut stream = fixture.connect();
    let text = format!("{method} {WS_PATH} HTTP/1.1\r\nHost: x\r\n{headers}{lines}\r\n");
    stream.write_all(text.as_bytes()).unwrap();
    let (status, head, _) = read_head(&mut stream);
    (status, head)
}

#[test]
fn a_handshake_is_told_what_it_lacks() {
    let fixture = Fixture::quiet(Exchange::builder());
    let (upgrade, key) = ("Upgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n", "Sec-WebSocket-Key: ");
    let (version, nonce) = ("Sec-WebSocket-Version: 13\r\n", "dGhlIHNhbXBsZSBub25jZQ==\r\n");
    let call = |lines: &str| handshake(&fixture, "GET", lines);
    let (status, head) = call(&format!("{upgrade}{version}{key}{nonce}"));
    assert!(status == 101 && head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    let (status, head) = call("");
    assert!(status == 426 && head.contains("Upgrade: websocket") && head.contains("Connection: Upgrade"), "{head}");
    let (status, head) = call(&format!("{upgrade}Sec-WebSocket-Version: 8\r\n{key}{nonce}"));
    assert!(status == 426 && head.contains("Sec-WebSocket-Version: 13"), "{head}");
    assert_eq!(call(&format!("{upgrade}{version}")).0, 400);
    assert_eq!(call(&format!("{upgrade}{version}{key}dG9vIHNob3J0\r\n")).0, 400);
    assert_eq!(
        call(&format!("Upgrade: websocket\r\n{version}{key}{nonce}")).0,
        426,
        "a handshake needs a Connection header"
    );
    assert_eq!(handshake(&fixture, "POST", &format!("{upgrade}{version}{key}{nonce}")).0, 404);
}

#[test]
fn a_handshake_behind_an_order_waits_for_its_turn() {
    let fixture = Fixture::quiet(Exchange::builder());
    let headers = fixture.headers("GET", WS_PATH).map(|(name, value)| format!("{name}: {value}\r\n")).concat();
    let mut stream = fixture.connect();
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
    let text = fixture.request("POST", ORDERS, &order("0.0100"))
        + &format!(
            "GET {WS_PATH} HTTP/1.1\r\nHost: x\r\n{headers}{upgrade}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
    stream.write_all(text.as_bytes()).unwrap();
    assert_eq!(read_response(&mut stream).0, 201);
    assert_eq!(read_response(&mut stream).0, 101);
}

#[test]
fn a_protocol_violation_closes_the_session_with_its_code() {
    let fixture = Fixture::quiet(Exchange::builder());
    let masked = |head: u8, payload: &[u8]| {
        [&[head, 0x80 | u8::try_from(payload.len()).unwrap()], &[0; 4][..], payload].concat()
    };
    for (bytes, code) in [
        (vec![0x81, 1, b'a'], 1002),
        (masked(0xc1, b"a"), 1002),
        (masked(0x82, b"{}"), 1003),
        (masked(0x81, b"\xff\xfe"), 1007),
        ([&[0x81, 0xff][..], &(1u64 << 40).to_be_bytes(), &[0; 4]].concat(), 1009),
    ] {
        let mut socket = fixture.websocket();
        socket.get_mut().write_all(&bytes).unwrap();
        let Ok(Message::Close(Some(close))) = socket.read() else { panic!("{bytes:?} is closed with a frame") };
        assert_eq!(u16::from(close.code), code, "{bytes:?}: {}", close.reason);
        // The session is over at the exchange too, and the connection ends.
        while socket.read().is_ok() {}
    }
    let mut socket = fixture.websocket();
    socket.send(Message::text(r#"{"id":5,"cmd":"list_subscriptions"}"#)).unwrap();
    assert_eq!(next_text(&mut socket)["type"], "ok");
}

#[test]
fn a_stopping_server_closes_its_sessions() {
    let mut fixture = Fixture::quiet(Exchange::builder());
    let mut socket = fixture.websocket();
    fixture.handle.take().unwrap().stop().unwrap();
    let Ok(Message::Close(Some(close))) = socket.read() else { panic!("a stop is announced") };
    assert_eq!(u16::from(close.code), 1001);
}

/// A subscription to this many markets with tickers of this length, none of them listed.
fn subscription(count: usize, length: usize) -> String {
    let names: Vec<String> = (0..count).map(|number| format!("\"{:A<1$}{number:06}\"", "KXMVE", length - 6)).collect();
    let names = names.join(", ");
    format!(r#"{{"id":1,"cmd":"subscribe","params":{{"channels":["orderbook_delta"],"market_tickers":[{names}]}}}}"#)
}

#[test]
fn as_many_markets_as_a_subscription_may_have_fit_into_its_command() {
    let fixture = Fixture::quiet(Exchange::builder());
    // Tickers of combos, and the longest possible ones.
    for length in [57, 200] {
        let mut socket = fixture.websocket();
        socket.send(Message::text(subscription(20_000, length))).unwrap();
        assert_eq!(next_text(&mut socket)["type"], "subscribed");
        for seq in 1..=20_000 {
            let frame = next_text(&mut socket);
            assert_eq!((&frame["type"], &frame["seq"]), (&"orderbook_snapshot".into(), &seq.into()));
        }
        socket.send(Message::text(subscription(20_000, length).replace(r#""id":1"#, r#""id":2"#))).unwrap();
        let again = next_text(&mut socket);
        assert_eq!(again["msg"]["market_tickers"].as_array().unwrap().len(), 20_000);
        socket.close(None).unwrap();
    }
    let mut socket = fixture.websocket();
    socket.send(Message::text(subscription(20_001, 57))).unwrap();
    let frame = next_text(&mut socket);
    assert_eq!((&frame["type"], &frame["msg"]["code"]), (&"error".into(), &26.into()));
    socket.send(Message::text(subscription(25_000, 200))).unwrap();
    let Ok(Message::Close(Some(close))) = socket.read() else { panic!("what is too large is closed with a frame") };
    assert_eq!(u16::from(close.code), 1009);
}

#[test]
fn a_reply_of_any_size_reaches_the_client_that_asked_for_it() {
    // Much less than the size of one reply, so that the size alone would end the subscription.
    let fixture = Fixture::of(40, Exchange::builder().buffer_max(16 * 1024).quiet(true));
    let mut socket = fixture.websocket();
    socket.send(Message::text(subscription(1, 57))).unwrap();
    assert_eq!(next_text(&mut socket)["type"], "subscribed");
    assert_eq!(next_text(&mut socket)["seq"], 1);
    let names = vec![format!("\"{CENTS}\""); 20_000].join(",");
    for id in [2, 3] {
        let command = format!(
            r#"{{"id":{id},"cmd":"update_subscription","params":{{"action":"get_snapshot","sid":1,"market_tickers":[{names}]}}}}"#
        );
        socket.send(Message::text(command)).unwrap();
        let first = (id - 2) * 20_000 + 2;
        for seq in first..first + 20_000 {
            let frame = next_text(&mut socket);
            assert_eq!((&frame["type"], &frame["seq"]), (&"orderbook_snapshot".into(), &seq.into()), "{frame}");
        }
    }
}
