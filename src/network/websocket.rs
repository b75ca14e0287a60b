//! The client WebSocket of a hot thread. It has at most one connection, which it gets from the connector, and reads and
//! writes without ever blocking. The stage decides when to connect and what to send.

use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::sync::Arc;

use tungstenite::{Error as WsError, Message, Utf8Bytes, WebSocket};

use crate::host::idle::Idle;
use crate::network::connect::{Connector, Pending};
use crate::network::endpoint::Endpoint;
use crate::network::net::NetStream;
use crate::ports::{ConnectionId, ConnectionLost, SocketInput, SocketOutput};
use crate::wire::sign::Credentials;

#[derive(Debug)]
pub struct LiveSocket {
    connector: Connector,
    endpoint: Endpoint,
    credentials: Option<Arc<Credentials>>,
    connection: ConnectionId,
    state: State,
}

#[derive(Debug)]
enum State {
    Closed,
    Connecting(Pending<WebSocket<NetStream>>),
    Open {
        socket: Box<WebSocket<NetStream>>,
        /// Whether the kernel has yet to take some of what was sent.
        unflushed: bool,
    },
    /// A send failed. The stage is told at its next poll.
    Broken(ConnectionLost),
}

impl LiveSocket {
    /// Creates a socket without a connection. Without credentials the handshake is not signed.
    #[must_use]
    pub fn new(connector: Connector, endpoint: Endpoint, credentials: Option<Arc<Credentials>>) -> Self {
        Self { connector, endpoint, credentials, connection: 0, state: State::Closed }
    }

    /// Sends a close frame if the kernel takes it, and drops the connection.
    fn end(&mut self) {
        if let State::Open { socket, .. } = &mut self.state {
            // The connection ends in any case, and an exchange that no longer reads must not hold up this thread.
            let _ = socket.close(None);
        }
        self.state = State::Closed;
    }

    /// Returns the next input, or `None` when there is nothing to read. Never blocks. `idle` watches the socket of a
    /// new connection. A frame owns its bytes, so the stage may use the socket while it reads them.
    pub fn poll(&mut self, idle: &Idle) -> Option<SocketInput<Utf8Bytes>> {
        let input = match &mut self.state {
            State::Closed => return None,
            State::Connecting(pending) => {
                let result = pending.poll()?;
                self.opened(result, idle)
            }
            State::Open { socket, unflushed } => match receive(socket, unflushed, self.connection) {
                Ok(input) => input?,
                Err(error) => self.fail(lost(&error)),
            },
            State::Broken(lost) => {
                let lost = lost.clone();
                self.fail(lost)
            }
        };
        Some(input)
    }

    fn opened(&mut self, result: Result<WebSocket<NetStream>, ConnectionLost>, idle: &Idle) -> SocketInput<Utf8Bytes> {
        let socket = match result {
            Ok(socket) => socket,
            Err(lost) => return self.fail(lost),
        };
        if let Err(error) = idle.watch(socket.get_ref().as_fd()) {
            return self.fail(lost(&WsError::Io(error)));
        }
        self.state = State::Open { socket: Box::new(socket), unflushed: false };
        SocketInput::Opened(self.connection)
    }

    fn fail(&mut self, lost: ConnectionLost) -> SocketInput<Utf8Bytes> {
        self.state = State::Closed;
        SocketInput::Closed(self.connection, lost)
    }
}

impl LiveSocket {
    /// Carries out a stage's request. Opening a new connection closes an earlier one.
    pub fn tell(&mut self, output: SocketOutput<'_>) {
        match output {
            SocketOutput::Connect(connection) => self.connect(connection),
            SocketOutput::Send(connection, text) => self.send(connection, text),
            SocketOutput::Close(connection) => self.close(connection),
        }
    }

    fn connect(&mut self, connection: ConnectionId) {
        self.end();
        self.connection = connection;
        self.state = State::Connecting(self.connector.websocket(&self.endpoint, self.credentials.clone()));
    }

    fn send(&mut self, connection: ConnectionId, text: &str) {
        if connection != self.connection {
            return;
        }
        let State::Open { socket, unflushed } = &mut self.state else { return };
        let sent = match socket.write(Message::text(text)) {
            // The frame is in tungstenite's buffer.
            Err(WsError::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            sent => sent,
        };
        match sent.and_then(|()| flush(socket)) {
            Ok(flushed) => *unflushed = !flushed,
            Err(error) => self.state = State::Broken(lost(&error)),
        }
    }

    fn close(&mut self, connection: ConnectionId) {
        if connection == self.connection {
            self.end();
        }
    }
}

fn lost(error: &WsError) -> ConnectionLost {
    ConnectionLost { reason: error.to_string(), http_status: None }
}

/// Returns whether everything has been sent.
fn flush(socket: &mut WebSocket<NetStream>) -> Result<bool, WsError> {
    match socket.flush() {
        Ok(()) => Ok(true),
        Err(WsError::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns the next frame that concerns the stage. tungstenite answers pings by itself, at the following read.
fn receive(
    socket: &mut WebSocket<NetStream>,
    unflushed: &mut bool,
    connection: ConnectionId,
) -> Result<Option<SocketInput<Utf8Bytes>>, WsError> {
    if *unflushed {
        *unflushed = !flush(socket)?;
    }
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                let read_ns = socket.get_ref().read_ns();
                return Ok(Some(SocketInput::Frame { connection, read_ns, bytes: text }));
            }
            Ok(Message::Ping(_)) => {
                // Answered now rather than at the next read, which may be a millisecond later on a parked thread.
                *unflushed |= !flush(socket)?;
                return Ok(Some(SocketInput::Ping(connection)));
            }
            Ok(Message::Close(frame)) => {
                let reason = frame.map_or_else(
                    || "closed by the exchange without a reason".to_owned(),
                    |frame| format!("closed by the exchange: {} {}", frame.code, frame.reason),
                );
                let _ = flush(socket);
                return Err(WsError::Io(std::io::Error::other(reason)));
            }
            Ok(Message::Binary(_) | Message::Pong(_) | Message::Frame(_)) => {}
            Err(WsError::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::clock::Clock;
    use crate::network::testing::{Peer, connector, credentials, idle, read_request, server, until};
    use std::io::Write;
    use std::sync::mpsc;
    use std::time::Duration;
    use tungstenite::handshake::server::{Request, Response};
    use tungstenite::protocol::CloseFrame;
    use tungstenite::protocol::frame::coding::CloseCode;

    struct Client {
        socket: LiveSocket,
        clock: Clock,
        idle: Idle,
    }

    impl Client {
        fn new(mut endpoint: Endpoint) -> Self {
            endpoint.path = crate::wire::WS_PATH.to_owned();
            let clock = Clock::start();
            let connector = connector(&clock, Duration::from_secs(2));
            Self { socket: LiveSocket::new(connector, endpoint, Some(credentials())), clock, idle: idle() }
        }

        fn open(endpoint: Endpoint) -> Self {
            let mut client = Self::new(endpoint);
            client.socket.connect(1);
            assert!(matches!(client.next(), SocketInput::Opened(1)));
            client
        }

        fn next(&mut self) -> SocketInput<Utf8Bytes> {
            until(|| self.socket.poll(&self.idle))
        }

        fn text(&mut self) -> String {
            match self.next() {
                SocketInput::Frame { bytes: text, read_ns, .. } => {
                    assert!(read_ns > 0 && read_ns <= self.clock.now_ns());
                    text.as_str().to_owned()
                }
                other => panic!("expected a text frame, got {other:?}"),
            }
        }

        fn closed(&mut self) -> (ConnectionId, ConnectionLost) {
            match self.next() {
                SocketInput::Closed(connection, lost) => (connection, lost),
                other => panic!("expected the end of the connection, got {other:?}"),
            }
        }
    }

    fn accept(peer: Box<dyn Peer>) -> WebSocket<Box<dyn Peer>> {
        tungstenite::accept(peer).unwrap()
    }

    #[test]
    #[expect(clippy::result_large_err, reason = "the callback's type is tungstenite's")]
    fn the_handshake_is_signed_and_frames_go_both_ways_plain_and_over_tls() {
        for scheme in ["ws", "wss"] {
            let (headers, seen) = mpsc::channel();
            let endpoint = server(scheme, move |_, peer| {
                let check = |request: &Request, response: Response| {
                    let header = |name| request.headers()[name].to_str().unwrap().to_owned();
                    let names = ["KALSHI-ACCESS-KEY", "KALSHI-ACCESS-TIMESTAMP", "KALSHI-ACCESS-SIGNATURE"];
                    headers.send((request.uri().path().to_owned(), names.map(header))).unwrap();
                    Ok(response)
                };
                let mut socket = tungstenite::accept_hdr(peer, check).unwrap();
                while let Ok(message) = socket.read() {
                    if message.is_text() {
                        socket.send(message).unwrap();
                    }
                }
            });
            let mut client = Client::open(endpoint);
            let (path, [key, timestamp, signature]) = seen.recv().unwrap();
            assert_eq!((path.as_str(), key.as_str()), (crate::wire::WS_PATH, "test-key"));
            let verifier = client.socket.credentials.as_ref().unwrap().signer.verifier();
            assert_eq!(verifier.verify(&timestamp, "GET", &path, &signature), Ok(()));
            for text in ["{\"id\":1}", "", &"x".repeat(100_000)] {
                client.socket.send(1, text);
                assert_eq!(client.text(), text);
            }
        }
    }

    #[test]
    fn pings_are_answered_with_their_payload_and_reported() {
        let (pongs, seen) = mpsc::channel();
        let endpoint = server("ws", move |_, peer| {
            let mut socket = accept(peer);
            socket.send(Message::Ping("heartbeat".into())).unwrap();
            while let Ok(message) = socket.read() {
                pongs.send(message).unwrap();
            }
        });
        let mut client = Client::open(endpoint);
        assert!(matches!(client.next(), SocketInput::Ping(1)));
        // The pong was sent as soon as the ping was read, without another poll.
        assert_eq!(seen.recv_timeout(Duration::from_secs(5)).unwrap(), Message::Pong("heartbeat".into()));
    }

    #[test]
    fn a_frame_split_over_many_writes_is_delivered_once_and_whole() {
        let endpoint = server("ws", |_, peer| {
            let mut socket = accept(peer);
            let payload = "split".repeat(20);
            let raw = socket.get_mut();
            for byte in [&[0x81, u8::try_from(payload.len()).unwrap()], payload.as_bytes()].concat() {
                raw.write_all(&[byte]).unwrap();
                std::thread::sleep(Duration::from_micros(200));
            }
            let _ = socket.read();
        });
        let mut client = Client::open(endpoint);
        assert_eq!(client.text(), "split".repeat(20));
    }

    #[test]
    fn an_end_by_the_exchange_is_reported_once_with_its_reason() {
        let endpoint = server("ws", |_, peer| {
            let mut socket = accept(peer);
            socket.send(Message::text("last")).unwrap();
            let frame = CloseFrame { code: CloseCode::Restart, reason: "maintenance".into() };
            socket.close(Some(frame)).unwrap();
            while socket.read().is_ok() {}
        });
        let mut client = Client::open(endpoint);
        assert_eq!(client.text(), "last");
        let (connection, lost) = client.closed();
        assert!(connection == 1 && lost.reason.contains("maintenance"), "{lost:?}");
        std::thread::sleep(Duration::from_millis(20));
        assert!(client.socket.poll(&client.idle).is_none());
    }

    #[test]
    fn a_cut_connection_is_reported() {
        let endpoint = server("ws", |_, peer| drop(accept(peer)));
        let mut client = Client::open(endpoint);
        assert_eq!(client.closed().0, 1);
    }

    #[test]
    fn a_refused_handshake_carries_its_status() {
        let endpoint = server("ws", |_, mut peer| {
            read_request(&mut *peer);
            peer.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n").unwrap();
        });
        let mut client = Client::new(endpoint);
        client.socket.connect(3);
        let (connection, lost) = client.closed();
        assert_eq!((connection, lost.http_status), (3, Some(401)));
    }

    #[test]
    fn a_server_that_never_answers_the_handshake_times_out_without_blocking_the_caller() {
        let endpoint = server("ws", |_, _peer| std::thread::sleep(Duration::from_secs(30)));
        let mut client = Client::new(endpoint);
        let begin_ns = client.clock.now_ns();
        client.socket.connect(1);
        assert!(client.socket.poll(&client.idle).is_none());
        assert!(client.clock.now_ns() - begin_ns < 1_000_000_000);
        let (_, lost) = client.closed();
        assert!(lost.reason.contains("timed out"), "{lost:?}");
    }

    #[test]
    fn a_certificate_that_is_not_trusted_is_refused() {
        let endpoint = server("wss", |_, mut peer| drop(peer.read(&mut [0])));
        let clock = Clock::start();
        let tls = crate::network::net::Trust::WebPki.client_config().unwrap();
        let (connector, _) = Connector::start(tls, Duration::from_secs(2), clock.clone()).unwrap();
        let mut client = Client { socket: LiveSocket::new(connector, endpoint, None), clock, idle: idle() };
        client.socket.connect(1);
        assert!(client.closed().1.reason.contains("TLS handshake failed"));
    }

    #[test]
    fn nothing_of_a_closed_connection_is_delivered() {
        let endpoint = server("ws", |number, peer| {
            let mut socket = accept(peer);
            socket.send(Message::text(format!("connection {number}"))).unwrap();
            while socket.read().is_ok() {}
        });
        let mut client = Client::open(endpoint);
        std::thread::sleep(Duration::from_millis(20));
        client.socket.close(1);
        assert!(client.socket.poll(&client.idle).is_none());
        client.socket.connect(2);
        client.socket.close(1);
        client.socket.send(1, "to the wrong connection");
        assert!(matches!(client.next(), SocketInput::Opened(2)));
        assert_eq!(client.text(), "connection 1");
    }

    #[test]
    fn a_peer_that_does_not_read_holds_nobody_up_and_gets_everything_later() {
        const FRAMES: usize = 400;
        let (counts, seen) = mpsc::channel();
        let endpoint = server("ws", move |_, peer| {
            let mut socket = accept(peer);
            std::thread::sleep(Duration::from_millis(200));
            for _ in 0..FRAMES {
                assert_eq!(socket.read().unwrap().len(), 20_000);
            }
            counts.send(()).unwrap();
        });
        let mut client = Client::open(endpoint);
        let text = "y".repeat(20_000);
        let begin_ns = client.clock.now_ns();
        for _ in 0..FRAMES {
            client.socket.send(1, &text);
        }
        assert!(client.clock.now_ns() - begin_ns < 5_000_000_000);
        until(|| {
            if let Some(input) = client.socket.poll(&client.idle) {
                assert!(matches!(input, SocketInput::Closed(..)), "{input:?}");
            }
            seen.try_recv().ok()
        });
    }
}
