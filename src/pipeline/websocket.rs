//! The client WebSocket of a hot thread. Owns at most one connection: asks the connector for it, then reads and writes
//! without ever blocking. Which connection, when to reconnect and what to say is the stage's business.

use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::sync::Arc;

use tungstenite::{Error as WsError, Message, Utf8Bytes, WebSocket};

use super::connect::{Connector, Pending};
use super::endpoint::Endpoint;
use super::idle::Idle;
use super::net::NetStream;
use crate::ports::{ConnectionId, ConnectionLost};
use crate::wire::sign::Credentials;

/// What a connection gives its stage.
#[derive(Debug)]
pub enum WsInput {
    /// The connection is open.
    Opened,
    /// A text frame, and when the last of its bytes left the kernel.
    Text {
        /// The frame's payload. It owns its bytes, so that the stage may use the socket while it reads them.
        text: Utf8Bytes,
        /// On the driver's monotonic clock.
        read_ns: u64,
    },
    /// The exchange pinged; the answer is on its way.
    Ping,
    /// The connection is gone, or could not be made. Nothing follows.
    Closed(ConnectionLost),
}

/// A stage's WebSocket.
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
        /// The kernel has not taken everything that was sent.
        unflushed: bool,
    },
    /// A send failed: the stage is told at its next poll.
    Broken(ConnectionLost),
}

impl LiveSocket {
    /// A closed socket to that endpoint. Without credentials the handshake is not signed.
    #[must_use]
    pub fn new(connector: Connector, endpoint: Endpoint, credentials: Option<Arc<Credentials>>) -> Self {
        Self { connector, endpoint, credentials, connection: 0, state: State::Closed }
    }

    /// Opens a connection; [`WsInput::Opened`] or [`WsInput::Closed`] follows. An earlier connection ends.
    pub fn connect(&mut self, connection: ConnectionId) {
        self.end();
        self.connection = connection;
        self.state = State::Connecting(self.connector.websocket(&self.endpoint, self.credentials.clone()));
    }

    /// Sends a text frame. Lost without notice when that connection is not open.
    pub fn send(&mut self, connection: ConnectionId, text: &str) {
        if connection != self.connection {
            return;
        }
        let State::Open { socket, unflushed } = &mut self.state else { return };
        let sent = match socket.write(Message::text(text)) {
            // Kept in tungstenite's buffer.
            Err(WsError::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            sent => sent,
        };
        match sent.and_then(|()| flush(socket)) {
            Ok(flushed) => *unflushed = !flushed,
            Err(error) => self.state = State::Broken(lost(&error)),
        }
    }

    /// Ends a connection. No input of it follows.
    pub fn close(&mut self, connection: ConnectionId) {
        if connection == self.connection {
            self.end();
        }
    }

    /// Says good-bye as far as the kernel takes it, and forgets the connection.
    fn end(&mut self) {
        if let State::Open { socket, .. } = &mut self.state {
            // It ends either way, and an exchange that no longer reads must not hold this thread.
            let _ = socket.close(None);
        }
        self.state = State::Closed;
    }

    /// The next input and the connection it belongs to; nothing when the kernel has nothing. Never blocks. A new
    /// connection's socket is put under `idle`'s watch.
    pub fn poll(&mut self, idle: &Idle) -> Option<(ConnectionId, WsInput)> {
        let input = match &mut self.state {
            State::Closed => return None,
            State::Connecting(pending) => {
                let result = pending.poll()?;
                self.opened(result, idle)
            }
            State::Open { socket, unflushed } => match receive(socket, unflushed) {
                Ok(input) => input?,
                Err(error) => self.fail(lost(&error)),
            },
            State::Broken(lost) => {
                let lost = lost.clone();
                self.fail(lost)
            }
        };
        Some((self.connection, input))
    }

    fn opened(&mut self, result: Result<WebSocket<NetStream>, ConnectionLost>, idle: &Idle) -> WsInput {
        let socket = match result {
            Ok(socket) => socket,
            Err(lost) => return self.fail(lost),
        };
        if let Err(error) = idle.watch(socket.get_ref().as_fd()) {
            return self.fail(lost(&WsError::Io(error)));
        }
        self.state = State::Open { socket: Box::new(socket), unflushed: false };
        WsInput::Opened
    }

    fn fail(&mut self, lost: ConnectionLost) -> WsInput {
        self.state = State::Closed;
        WsInput::Closed(lost)
    }
}

fn lost(error: &WsError) -> ConnectionLost {
    ConnectionLost { reason: error.to_string(), http_status: None }
}

/// Whether everything went out.
fn flush(socket: &mut WebSocket<NetStream>) -> Result<bool, WsError> {
    match socket.flush() {
        Ok(()) => Ok(true),
        Err(WsError::Io(error)) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

/// The next frame that means something to a stage. tungstenite answers pings by itself at the read after.
fn receive(socket: &mut WebSocket<NetStream>, unflushed: &mut bool) -> Result<Option<WsInput>, WsError> {
    if *unflushed {
        *unflushed = !flush(socket)?;
    }
    loop {
        match socket.read() {
            Ok(Message::Text(text)) => {
                return Ok(Some(WsInput::Text { text, read_ns: socket.get_ref().read_ns() }));
            }
            Ok(Message::Ping(_)) => {
                // At once rather than at the next read, which a parked thread may make a millisecond later.
                *unflushed |= !flush(socket)?;
                return Ok(Some(WsInput::Ping));
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
