//! The pool against real servers on loopback.

use super::*;
use crate::host::clock::Clock;
use crate::network::testing::{Peer, connector, credentials, idle, read_request, server, until};
use std::sync::mpsc;
use std::time::Duration;

const CREATED: &[u8] = b"HTTP/1.1 201 Created\r\ncontent-length: 4\r\n\r\nbody";

struct Client {
    pool: HttpPool,
    clock: Clock,
    idle: Idle,
    body: Vec<u8>,
}

impl Client {
    /// Creates a pool and waits until all its connections are up.
    fn new(endpoint: &Endpoint, connections: usize) -> Self {
        let clock = Clock::start();
        let connector = connector(&clock, Duration::from_secs(5));
        let pool = HttpPool::new(connector, endpoint.clone(), "test-key", connections);
        let mut client = Self { pool, clock, idle: idle(), body: Vec::new() };
        client.wait_for_free(connections + 1);
        client
    }

    fn wait_for_free(&mut self, count: usize) {
        until(|| {
            assert_eq!(self.poll(), None);
            (self.pool.free() == count).then_some(())
        });
    }

    fn send(&mut self, id: RequestId, body: &[u8], cancels: bool) -> Result<(), NotSent> {
        let path = "/trade-api/v2/portfolio/events/orders";
        let signature = Signature::make(&credentials(), "POST", path, 1_700_000_000_000).unwrap();
        let request = OrderRequest { id, method: "POST", path, body, cancels };
        self.pool.request(&request, &signature)
    }

    fn poll(&mut self) -> Option<HttpEvent> {
        self.pool.poll(self.clock.now_ns(), &self.idle, &mut self.body)
    }

    fn event(&mut self) -> HttpEvent {
        until(|| self.poll())
    }

    fn answer(&mut self) -> (RequestId, u16, String) {
        match self.event() {
            HttpEvent::Answer { request, status, read_ns } => {
                assert!(read_ns > 0 && read_ns <= self.clock.now_ns());
                (request, status, String::from_utf8(self.body.clone()).unwrap())
            }
            HttpEvent::NoAnswer { request, why } => panic!("request {request}: {why:?}"),
        }
    }
}

/// Serves every request on a connection with the same bytes.
fn always(response: &'static [u8]) -> impl Fn(usize, Box<dyn Peer>) + Send + Sync {
    move |_, mut peer| {
        while !read_request(&mut *peer).is_empty() {
            peer.write_all(response).unwrap();
        }
    }
}

#[test]
fn requests_carry_their_signature_and_their_answers_come_back_plain_and_over_tls() {
    for scheme in ["http", "https"] {
        let (requests, seen) = mpsc::channel();
        let endpoint = server(scheme, move |_, mut peer| {
            loop {
                let request = read_request(&mut *peer);
                if request.is_empty() {
                    return;
                }
                requests.send(request).unwrap();
                peer.write_all(CREATED).unwrap();
            }
        });
        let mut client = Client::new(&endpoint, 1);
        for id in 1..=3 {
            client.send(id, b"{\"price\":\"0.4200\"}", false).unwrap();
            assert_eq!(client.answer(), (id, 201, "body".to_owned()));
            let request: String = seen.recv().unwrap();
            assert!(request.starts_with("POST /trade-api/v2/portfolio/events/orders HTTP/1.1\r\n"), "{request}");
            for part in [
                format!("host: localhost:{}\r\n", endpoint.port).as_str(),
                "KALSHI-ACCESS-KEY: test-key\r\n",
                "KALSHI-ACCESS-TIMESTAMP: 1700000000000\r\n",
                "KALSHI-ACCESS-SIGNATURE: ",
                "content-length: 18\r\n\r\n{\"price\":\"0.4200\"}",
            ] {
                assert!(request.contains(part), "{part} is missing in {request}");
            }
        }
        assert_eq!(client.pool.counters().connected, 2, "the connections were kept");
    }
}

#[test]
fn each_connection_carries_one_request_and_the_kept_one_only_cancels() {
    let endpoint = server("http", |_, mut peer| {
        // Never answers.
        while !read_request(&mut *peer).is_empty() {}
    });
    let mut client = Client::new(&endpoint, 2);
    assert_eq!(client.send(1, b"{}", false), Ok(()));
    assert_eq!(client.send(2, b"{}", false), Ok(()));
    assert_eq!(client.send(3, b"{}", false), Err(NotSent));
    assert_eq!(client.send(4, b"{}", true), Ok(()));
    assert_eq!(client.send(5, b"{}", true), Err(NotSent));
    assert_eq!((client.pool.outstanding(), client.pool.counters().not_sent), (3, 2));
}

#[test]
fn a_cancel_uses_an_order_connection_when_the_kept_one_is_busy() {
    let endpoint = server("http", |_, mut peer| while !read_request(&mut *peer).is_empty() {});
    let mut client = Client::new(&endpoint, 1);
    client.send(1, b"{}", true).unwrap();
    client.send(2, b"{}", true).unwrap();
    assert_eq!(client.pool.free(), 0);
}

#[test]
fn an_answer_in_single_bytes_from_a_slow_peer_is_put_together() {
    let endpoint = server("http", |_, mut peer| {
        while !read_request(&mut *peer).is_empty() {
            for byte in b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" {
                peer.write_all(&[*byte]).unwrap();
                std::thread::sleep(Duration::from_micros(300));
            }
        }
    });
    let mut client = Client::new(&endpoint, 1);
    for id in [7, 8] {
        client.send(id, b"", false).unwrap();
        assert_eq!(client.answer(), (id, 200, "abcde".to_owned()));
    }
}

#[test]
fn a_connection_cut_in_the_middle_of_an_answer_leaves_the_request_without_one() {
    let endpoint = server("http", |_, mut peer| {
        if !read_request(&mut *peer).is_empty() {
            peer.write_all(&CREATED[..CREATED.len() - 1]).unwrap();
        }
    });
    let mut client = Client::new(&endpoint, 1);
    client.send(1, b"{}", false).unwrap();
    assert_eq!(client.event(), HttpEvent::NoAnswer { request: 1, why: NoAnswer::Cut });
    // And another connection takes its place.
    client.wait_for_free(2);
    assert_eq!(client.pool.counters().lost_busy, 1);
}

#[test]
fn what_is_no_http_is_a_garbled_answer() {
    let endpoint = server("http", always(b"SSH-2.0-OpenSSH_9\r\n\r\n"));
    let mut client = Client::new(&endpoint, 1);
    client.send(1, b"{}", false).unwrap();
    assert_eq!(client.event(), HttpEvent::NoAnswer { request: 1, why: NoAnswer::Garbled });
}

#[test]
fn a_connection_that_the_peer_closed_while_idle_is_not_used() {
    let endpoint = server("http", |number, mut peer| {
        // The first connections are closed at once; later ones serve.
        while number >= 2 && !read_request(&mut *peer).is_empty() {
            peer.write_all(CREATED).unwrap();
        }
    });
    let clock = Clock::start();
    let connector = connector(&clock, Duration::from_secs(5));
    let pool = HttpPool::new(connector, endpoint, "test-key", 1);
    let mut client = Client { pool, clock, idle: idle(), body: Vec::new() };
    until(|| {
        assert_eq!(client.poll(), None);
        (client.pool.counters().connected >= 2).then_some(())
    });
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(client.send(1, b"{}", true), Err(NotSent), "both connections are dead by now");
    assert_eq!(client.pool.outstanding(), 0);
    client.wait_for_free(2);
    client.send(2, b"{}", false).unwrap();
    assert_eq!(client.answer().0, 2);
    assert!(client.pool.counters().lost_idle >= 2);
}

#[test]
fn an_answer_that_says_close_is_delivered_and_its_connection_replaced() {
    let endpoint = server("http", |_, mut peer| {
        if !read_request(&mut *peer).is_empty() {
            peer.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").unwrap();
        }
    });
    let mut client = Client::new(&endpoint, 1);
    for id in [1, 2] {
        client.send(id, b"{}", false).unwrap();
        assert_eq!(client.answer(), (id, 200, "ok".to_owned()));
        client.wait_for_free(2);
    }
    assert_eq!(client.pool.counters().connected, 4);
}

#[test]
fn the_answer_to_an_abandoned_request_is_not_delivered() {
    let endpoint = server("http", |number, mut peer| {
        while !read_request(&mut *peer).is_empty() {
            std::thread::sleep(Duration::from_millis(if number < 2 { 100 } else { 0 }));
            if peer.write_all(CREATED).is_err() {
                return;
            }
        }
    });
    let mut client = Client::new(&endpoint, 1);
    client.send(1, b"{}", false).unwrap();
    client.pool.abandon(1);
    assert_eq!(client.pool.outstanding(), 0);
    client.wait_for_free(2);
    client.send(2, b"{}", false).unwrap();
    assert_eq!(client.answer().0, 2);
}

#[test]
fn a_request_larger_than_the_kernel_takes_at_once_arrives_whole() {
    let endpoint = server("http", |_, mut peer| {
        std::thread::sleep(Duration::from_millis(50));
        loop {
            let request = read_request(&mut *peer);
            if request.is_empty() {
                return;
            }
            let length = request.split_once("\r\n\r\n").unwrap().1.len().to_string();
            let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{length}", length.len());
            peer.write_all(response.as_bytes()).unwrap();
        }
    });
    let mut client = Client::new(&endpoint, 1);
    let large = vec![b'x'; 8 << 20];
    client.send(1, &large, false).unwrap();
    assert_eq!(client.answer(), (1, 200, large.len().to_string()));
}

#[test]
fn a_server_that_is_not_there_is_asked_again_with_growing_pauses() {
    let clock = Clock::start();
    let connector = connector(&clock, Duration::from_secs(1));
    let mut pool = HttpPool::new(connector, "http://127.0.0.1:1".parse().unwrap(), "test-key", 1);
    let (idle, mut body) = (idle(), Vec::new());
    let begin_ns = clock.now_ns();
    until(|| {
        assert_eq!(pool.poll(clock.now_ns(), &idle, &mut body), None);
        (pool.counters().failed >= 6).then_some(())
    });
    // Three attempts on each of two connections: pauses of 50 and 100 ms.
    assert!(clock.now_ns() - begin_ns >= 150_000_000);
}
