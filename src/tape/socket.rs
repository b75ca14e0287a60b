//! What a stage's WebSocket brings it and is told, in the same form for both stages that have one.

use super::form::{InputError, frame, frame_prefix, message, unexpected};
use super::{Recorded, Tape};
use crate::ports::{ConnectionId, ConnectionLost, SocketPort};
use crate::record::journal::{Flags, Kind};

/// Something that happens to a stage's WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketInput<'a> {
    /// A connection is open.
    Opened(ConnectionId),
    /// A connection is gone.
    Closed(ConnectionId, ConnectionLost),
    /// The exchange pinged.
    Ping(ConnectionId),
    /// A text frame.
    Frame {
        /// On which connection.
        connection: ConnectionId,
        /// When it had been read.
        read_ns: u64,
        /// The frame.
        bytes: &'a [u8],
    },
}

impl<'a> SocketInput<'a> {
    #[inline]
    pub(super) fn write(&self, tape: &mut Tape) {
        match self {
            Self::Opened(connection) => tape.message(Kind::Connect, Flags::Input, connection),
            Self::Closed(connection, lost) => tape.message(Kind::Closed, Flags::Input, &(connection, lost)),
            Self::Ping(connection) => tape.message(Kind::Ping, Flags::Input, connection),
            Self::Frame { connection, read_ns, bytes } => {
                tape.bytes(Kind::Frame, &frame_prefix(*connection, *read_ns), bytes);
            }
        }
    }

    /// Reads an input back.
    ///
    /// # Errors
    /// When the record is no input of a socket.
    pub(super) fn read(kind: Kind, payload: &'a [u8]) -> Result<Self, InputError> {
        Ok(match kind {
            Kind::Connect => Self::Opened(message(kind, payload)?),
            Kind::Closed => {
                let (connection, lost) = message(kind, payload)?;
                Self::Closed(connection, lost)
            }
            Kind::Ping => Self::Ping(message(kind, payload)?),
            Kind::Frame => {
                let (connection, read_ns, bytes) = frame(payload)?;
                Self::Frame { connection, read_ns, bytes }
            }
            _ => return Err(unexpected(kind)),
        })
    }
}

impl<P: SocketPort> SocketPort for Recorded<'_, P> {
    fn connect(&mut self, connection: ConnectionId) {
        self.tape.message(Kind::Connect, Flags::Output, &connection);
        self.port.connect(connection);
    }

    fn send(&mut self, connection: ConnectionId, text: &str) {
        self.tape.message(Kind::Frame, Flags::Output, &(connection, text));
        self.port.send(connection, text);
    }

    fn close(&mut self, connection: ConnectionId) {
        self.tape.message(Kind::Closed, Flags::Output, &connection);
        self.port.close(connection);
    }
}
