//! Clients that keep the server waiting.

use super::*;

/// So long that it never passes in a test.
const NEVER: Duration = Duration::from_hours(1);
/// Shorter than any other timeout, so that it is the one that ends a connection.
const SOON: Duration = Duration::from_millis(500);

fn timeouts(change: impl FnOnce(&mut Timeouts)) -> Builder {
    let mut timeouts =
        Timeouts { head: NEVER, body: NEVER, idle: NEVER, unread: NEVER, silence: NEVER, goodbye: NEVER };
    change(&mut timeouts);
    Exchange::builder().timeouts(timeouts)
}

/// Whether the server ends the connection within the timeout of a read.
fn is_ended(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 4096]), Ok(0)) || matches!(stream.take_error(), Ok(Some(_)))
}

#[test]
fn missing_headers_and_bodies_time_out_with_408() {
    let (head, body) = ("GET /trade-api/v2/markets HTTP/1.1\r\nHost: x\r\nX-Slow:", "POST /x HTTP/1.1\r\nHost: x\r\n");
    for (text, config) in [
        (head.to_owned(), timeouts(|all| all.head = SOON)),
        (format!("{body}Content-Length: 9\r\n\r\nabc"), timeouts(|all| all.body = SOON)),
        (format!("{body}Transfer-Encoding: chunked\r\n\r\n3\r\nab"), timeouts(|all| all.body = SOON)),
        (format!("{body}Expect: 100-continue\r\nContent-Length: 9\r\n\r\n"), timeouts(|all| all.body = SOON)),
    ] {
        let fixture = Fixture::quiet(config);
        let mut stream = fixture.connect();
        stream.write_all(text.as_bytes()).unwrap();
        let (mut status, mut body) = read_response(&mut stream);
        if status == 100 {
            (status, body) = read_response(&mut stream);
        }
        assert!(status == 408 && body.contains("did not come in time"), "{text}: {status} {body}");
        assert!(is_ended(&mut stream), "{text}");
    }
}

#[test]
fn a_byte_now_and_then_does_not_extend_the_time_for_a_request() {
    let fixture = Fixture::quiet(timeouts(|all| all.head = SOON));
    let mut stream = fixture.connect();
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nX:").unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut answer = [0; 12];
    while stream.read_exact(&mut answer).is_err() {
        assert!(Instant::now() < deadline, "a client that dribbles is served for ever");
        let _ = stream.write_all(b"x");
    }
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[test]
fn a_silent_connection_is_ended_before_and_after_a_request() {
    let fixture = Fixture::quiet(timeouts(|all| all.idle = SOON));
    let mut silent = fixture.connect();
    assert!(is_ended(&mut silent));
    let mut stream = fixture.connect();
    stream.write_all(fixture.request("GET", "/trade-api/v2/exchange/status", "").as_bytes()).unwrap();
    assert_eq!(read_response(&mut stream).0, 200);
    assert!(is_ended(&mut stream));
}

#[test]
fn a_client_that_never_reads_its_answers_is_cut_and_asks_for_no_more_than_it_takes() {
    let exchange = timeouts(|all| all.unread = SOON).buffer_max(64 * 1024).quiet(true);
    let fixture = Fixture::of(1_000, exchange);
    let mut stream = fixture.connect();
    // Responses of a megabyte each, more than the sockets hold, and an order after them.
    let reads = "GET /trade-api/v2/markets?limit=1000 HTTP/1.1\r\nHost: x\r\n\r\n".repeat(60);
    stream.write_all((reads + &fixture.request("POST", ORDERS, &order("0.0100"))).as_bytes()).unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while stream.write_all(b"\r\n").is_ok() {
        assert!(Instant::now() < deadline, "the connection is held for ever");
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut again = fixture.connect();
    again.write_all(fixture.request("GET", "/trade-api/v2/exchange/status", "").as_bytes()).unwrap();
    assert_eq!(read_response(&mut again).0, 200);
    let exchange = fixture.stop();
    let orders = exchange.engine().orders_of(exchange.clients()[0]).count();
    assert_eq!(orders, 0, "requests were read on while their answers waited in memory");
}

#[test]
fn a_client_that_stays_after_the_last_answer_is_cut() {
    let fixture = Fixture::quiet(timeouts(|all| all.goodbye = SOON));
    let mut stream = fixture.connect();
    stream.write_all(b"GET /trade-api/v2/exchange/status HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(read_response(&mut stream).0, 200);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    // The client keeps sending; the system reports an error once the server has closed the socket.
    let deadline = Instant::now() + Duration::from_secs(10);
    while stream.write_all(b"x").is_ok() {
        assert!(Instant::now() < deadline, "the connection is held for ever");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_session_that_answers_no_ping_is_closed_with_1008_and_one_that_does_stays() {
    let fixture = Fixture::quiet(timeouts(|all| all.silence = Duration::from_secs(2)));
    let mut silent = fixture.websocket();
    let mut alive = fixture.websocket();
    for number in 1..=8 {
        alive.send(Message::Ping("x".into())).unwrap();
        assert!(matches!(alive.read(), Ok(Message::Pong(_))), "ping {number}");
        std::thread::sleep(Duration::from_millis(500));
    }
    let Ok(Message::Close(Some(close))) = silent.read() else { panic!("a silent session is closed") };
    assert_eq!(u16::from(close.code), 1008);
}
