//! The server over real loopback sockets: raw HTTP and a third-party WebSocket client.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;
use tungstenite::client::IntoClientRequest;
use tungstenite::{Message, WebSocket};

use super::*;
use crate::exchange::Builder;
use crate::exchange::faults::Fault;
use crate::exchange::gateway::{GatewaySettings, Tier};
use crate::exchange::scenario::Scenario;
use crate::wire::sign::Credentials;

const CENTS: &str = "KXSIMCENT-0001-A";
const ORDERS: &str = "/trade-api/v2/portfolio/events/orders";

struct Fixture {
    handle: Option<RunningExchange>,
    addr: SocketAddr,
    credentials: Credentials,
}

impl Fixture {
    fn lively(buffer_max: usize) -> Self {
        Self::of(2, Exchange::builder().buffer_max(buffer_max))
    }

    /// A server in which nothing happens by itself.
    fn quiet(exchange: Builder) -> Self {
        Self::of(2, exchange.quiet(true))
    }

    fn of(markets: usize, exchange: Builder) -> Self {
        let settings = GatewaySettings { tier: Tier::Unlimited, ..GatewaySettings::default() };
        let exchange = exchange.seed(5).settings(settings).scenario_of(Scenario::default(), markets);
        let handle = exchange.start().unwrap();
        let credentials = handle.accounts[0].credentials().unwrap();
        Self { addr: handle.addr, handle: Some(handle), credentials }
    }

    /// The three headers for a call at the present time.
    fn headers(&self, method: &str, path: &str) -> [(&'static str, String); 3] {
        self.credentials.headers(jiff::Timestamp::now().as_millisecond(), method, path).unwrap()
    }

    fn request(&self, method: &str, path: &str, body: &str) -> String {
        let headers = self.headers(method, path).map(|(name, value)| format!("{name}: {value}\r\n")).concat();
        let host = self.addr;
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.addr).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    fn websocket(&self) -> WebSocket<TcpStream> {
        let mut request = format!("ws://{}{WS_PATH}", self.addr).into_client_request().unwrap();
        for (name, value) in self.headers("GET", WS_PATH) {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        tungstenite::client::client(request, self.connect()).unwrap().0
    }

    fn stop(mut self) -> Exchange {
        self.handle.take().unwrap().stop().unwrap()
    }
}

/// Reads one response; returns its status and body.
fn read_response(stream: &mut TcpStream) -> (u16, String) {
    let (status, _, body) = read_head(stream);
    (status, body)
}

/// Reads one response; returns its status, head and body.
fn read_head(stream: &mut TcpStream) -> (u16, String, String) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (status, head, String::from_utf8(body).unwrap())
}

fn next_text(socket: &mut WebSocket<TcpStream>) -> Value {
    loop {
        if let Message::Text(text) = socket.read().unwrap() {
            return serde_json::from_str(text.as_str()).unwrap();
        }
    }
}

fn order(price: &str) -> String {
    format!(
        r#"{{"ticker":"{CENTS}","side":"bid","count":"1.00","price":"{price}","time_in_force":"good_till_canceled","self_trade_prevention_type":"taker_at_cross"}}"#
    )
}

#[test]
fn pipelined_requests_are_answered_in_order_on_one_connection() {
    let fixture = Fixture::lively(1 << 20);
    let mut stream = fixture.connect();
    // The order is answered after 50 ms; the read after it waits for its turn.
    let both = fixture.request("POST", ORDERS, &order("0.0100"))
        + &fixture.request("GET", "/trade-api/v2/exchange/status", "");
    stream.write_all(both.as_bytes()).unwrap();
    let (status, body) = read_response(&mut stream);
    assert_eq!(status, 201, "{body}");
    assert!(read_response(&mut stream).1.contains("exchange_active"));
    let canceled = fixture.request("DELETE", ORDERS, "");
    stream.write_all(canceled.as_bytes()).unwrap();
    assert_eq!(read_response(&mut stream), (204, String::new()));
    let exchange = fixture.stop();
    assert_eq!(exchange.engine().orders_of(exchange.clients()[0]).count(), 1);
}

#[test]
fn a_trailing_slash_is_redirected_in_its_turn_and_an_unknown_page_is_plain_text() {
    let fixture = Fixture::lively(1 << 20);
    let mut stream = fixture.connect();
    let all = fixture.request("POST", ORDERS, &order("0.0100"))
        + &fixture.request("GET", "/trade-api/v2/markets/?limit=1", "")
        + &fixture.request("GET", "/trade-api/v2/portfolio/events/orders", "");
    stream.write_all(all.as_bytes()).unwrap();
    assert_eq!(read_head(&mut stream).0, 201);
    let (status, head, _) = read_head(&mut stream);
    assert_eq!(status, 301);
    assert!(head.contains("\r\nLocation: /trade-api/v2/markets?limit=1\r\n"), "{head}");
    let (status, head, body) = read_head(&mut stream);
    assert_eq!((status, body.as_str()), (404, "404 page not found"));
    assert!(head.contains("Content-Type: text/plain"), "{head}");
}

#[test]
fn garbage_gets_a_status_and_the_server_keeps_running() {
    let fixture = Fixture::lively(1 << 20);
    for garbage in [&b"\x00\x01\x02\r\n\r\n"[..], b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"] {
        let mut stream = fixture.connect();
        stream.write_all(garbage).unwrap();
        assert_eq!(read_response(&mut stream).0, 400);
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "the connection ends");
    }
    let mut stream = fixture.connect();
    stream.write_all(b"GET /trade-api/v2/portfolio/balance HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert_eq!(read_response(&mut stream).0, 401);
}

#[test]
fn a_third_party_client_follows_a_book_without_a_gap() {
    let fixture = Fixture::lively(1 << 20);
    let mut socket = fixture.websocket();
    socket
        .send(Message::text(format!(
            r#"{{"id":1,"cmd":"subscribe","params":{{"channels":["orderbook_delta"],"market_tickers":["{CENTS}"]}}}}"#
        )))
        .unwrap();
    assert_eq!(next_text(&mut socket)["type"], "subscribed");
    for seq in 1..=40 {
        let frame = next_text(&mut socket);
        assert_eq!(frame["seq"], seq);
    }
    socket.close(None).unwrap();
    while socket.read().is_ok() {}
}

#[test]
fn an_unsigned_handshake_is_rejected() {
    let fixture = Fixture::lively(1 << 20);
    let request = format!("ws://{}{WS_PATH}", fixture.addr).into_client_request().unwrap();
    let error = tungstenite::client::client(request, fixture.connect()).unwrap_err();
    assert!(error.to_string().contains("401"), "{error}");
}

#[test]
fn a_cut_ends_sessions_and_a_new_one_opens() {
    let fixture = Fixture::lively(1 << 20);
    let mut socket = fixture.websocket();
    fixture.handle.as_ref().unwrap().faults().arm(Fault::CutSessions);
    assert!(matches!(socket.read(), Ok(Message::Close(_)) | Err(_)));
    let mut again = fixture.websocket();
    again.send(Message::text(r#"{"id":5,"cmd":"list_subscriptions"}"#)).unwrap();
    assert_eq!(next_text(&mut again)["type"], "ok");
}

#[test]
fn faults_are_listed_and_armed_over_http_without_a_signature() {
    let fixture = Fixture::lively(1 << 20);
    let mut stream = fixture.connect();
    let mut call = |method: &str, path: &str, body: &str| {
        let host = fixture.addr;
        let length = body.len();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).unwrap();
        let (status, body) = read_response(&mut stream);
        // An unknown path is answered in plain text.
        (status, serde_json::from_str::<Value>(&body).unwrap_or_default())
    };
    let (status, overview) = call("GET", "/control", "");
    assert!(status == 200 && overview["faults"].as_array().unwrap().len() > 20, "{overview}");
    let (status, state) = call("POST", "/control/faults", r#"{"fault":"swallow_read","times":2}"#);
    assert_eq!((status, &state["armed"][1]), (200, &Value::from("swallow_read")));
    assert_eq!(call("POST", "/control/faults", "nonsense").0, 400);
    let (_, state) = call("DELETE", "/control/faults", "");
    assert_eq!(state["armed"], Value::Array(Vec::new()));
}

#[test]
fn a_cut_answer_cuts_its_connection_and_keeps_the_order() {
    let fixture = Fixture::lively(1 << 20);
    fixture.handle.as_ref().unwrap().faults().arm(Fault::CutAnswer);
    let mut stream = fixture.connect();
    stream.write_all(fixture.request("POST", ORDERS, &order("0.0100")).as_bytes()).unwrap();
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    let exchange = fixture.stop();
    assert_eq!(exchange.engine().orders_of(exchange.clients()[0]).count(), 1);
    assert_eq!(exchange.gateway().fault_effects()["cut_answer"], 1);
}

#[test]
fn order_connections_are_cut_and_others_stay() {
    let fixture = Fixture::lively(1 << 20);
    let (mut orders, mut reads) = (fixture.connect(), fixture.connect());
    orders.write_all(fixture.request("POST", ORDERS, &order("0.0100")).as_bytes()).unwrap();
    read_response(&mut orders);
    fixture.handle.as_ref().unwrap().faults().arm(Fault::CutOrderConnections);
    assert!(matches!(orders.read(&mut [0]), Ok(0) | Err(_)));
    reads.write_all(fixture.request("GET", "/trade-api/v2/exchange/status", "").as_bytes()).unwrap();
    assert_eq!(read_response(&mut reads).0, 200);
}

#[test]
fn a_reader_that_stops_reading_gets_error_25() {
    const BUFFER_MAX: usize = 16 * 1024;
    let fixture = Fixture::of(40, Exchange::builder().buffer_max(BUFFER_MAX));
    let subscribed = || {
        let mut socket = fixture.websocket();
        socket.get_ref().set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let text = r#"{"id":1,"cmd":"subscribe","params":{"channels":["trade","ticker","market_lifecycle_v2"]}}"#;
        socket.send(Message::text(text)).unwrap();
        let tickers: Vec<String> = (1..=9).map(|n| format!(r#""KXSIMCENT-{n:04}-A""#)).collect();
        let books = format!(
            r#"{{"id":2,"cmd":"subscribe","params":{{"channels":["orderbook_delta"],"market_tickers":[{}]}}}}"#,
            tickers.join(",")
        );
        socket.send(Message::text(books)).unwrap();
        socket
    };
    let (mut socket, mut reader) = (subscribed(), subscribed());
    // Snapshots fill the sockets' buffers. They were requested, so they are no sign of a slow reader themselves.
    let names = vec![format!("\"{CENTS}\""); 20_000].join(",");
    let fill = format!(
        r#"{{"id":3,"cmd":"update_subscription","params":{{"action":"get_snapshot","sid":4,"market_tickers":[{names}]}}}}"#,
    );
    socket.send(Message::text(fill)).unwrap();
    // Everything that the other session has received since then was sent to this one too: many times more than may wait.
    let mut sent = 0;
    while sent < 8 * BUFFER_MAX {
        sent += reader.read().unwrap().len();
    }
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut frames = std::iter::from_fn(|| (Instant::now() < deadline).then(|| next_text(&mut socket)));
    // Each of the four subscriptions ends with an error of its own, which has a sequence number where the channel has them.
    let is_overflow = |frame: &Value| frame["type"] == "error" && frame["msg"]["code"] == 25;
    let errors: Vec<Value> = frames.by_ref().filter(is_overflow).take(4).collect();
    let mut sids: Vec<_> = errors.iter().map(|error| error["sid"].as_u64().unwrap()).collect();
    sids.sort_unstable();
    assert_eq!(sids, [1, 2, 3, 4]);
    assert!(errors.iter().all(|error| error["msg"]["msg"] == "Subscription buffer overflow"), "{errors:?}");
    // They are over: no frame of theirs follows, and a subscription made now is a new one.
    let text = r#"{"id":9,"cmd":"subscribe","params":{"channels":["trade"]}}"#;
    frames_after(&mut socket, text, |frame| {
        assert!(frame["sid"].is_null() || frame["id"] == 3, "a subscription that ended goes on: {frame}");
    });
}

/// Sends a subscription, and passes every frame to `look` until it is acknowledged, as command 5.
fn frames_after(socket: &mut WebSocket<TcpStream>, command: &str, look: impl Fn(&Value)) {
    socket.send(Message::text(command)).unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        assert!(Instant::now() < deadline, "no subscription within a minute");
        let frame = next_text(socket);
        if frame["type"] == "subscribed" {
            assert_eq!((&frame["id"], &frame["msg"]["sid"]), (&Value::from(9), &Value::from(5)));
            return;
        }
        look(&frame);
    }
}

#[test]
fn a_port_in_use_is_named() {
    let fixture = Fixture::lively(1 << 20);
    let error = Exchange::builder().listen(fixture.addr).start().unwrap_err().to_string();
    assert!(error.contains(&fixture.addr.to_string()), "{error}");
}

mod http_clients;
mod origins;
mod slow_clients;
mod websocket_clients;
