//! The events of a stage's WebSocket and the orders it is given, in the same form for both stages that have one.

use super::Tape;
use super::form::{InputError, Noted, frame, frame_prefix, message, unexpected};
use crate::ports::{SocketInput, SocketOutput};
use crate::record::journal::{Flags, Kind};

#[inline]
pub(super) fn write(input: &SocketInput<&[u8]>, tape: &mut Tape) {
    match input {
        SocketInput::Opened(connection) => tape.message(Kind::Connect, Flags::Input, connection),
        SocketInput::Closed(connection, lost) => tape.message(Kind::Closed, Flags::Input, &(connection, lost)),
        SocketInput::Ping(connection) => tape.message(Kind::Ping, Flags::Input, connection),
        SocketInput::Frame { connection, read_ns, bytes } => {
            tape.bytes(Kind::Frame, &frame_prefix(*connection, *read_ns), bytes);
        }
    }
}

/// Reads an input back from its record.
///
/// # Errors
/// If the record is not an input of a socket.
pub(super) fn read(kind: Kind, payload: &[u8]) -> Result<SocketInput<&[u8]>, InputError> {
    Ok(match kind {
        Kind::Connect => SocketInput::Opened(message(kind, payload)?),
        Kind::Closed => {
            let (connection, lost) = message(kind, payload)?;
            SocketInput::Closed(connection, lost)
        }
        Kind::Ping => SocketInput::Ping(message(kind, payload)?),
        Kind::Frame => {
            let (connection, read_ns, bytes) = frame(payload)?;
            SocketInput::Frame { connection, read_ns, bytes }
        }
        _ => return Err(unexpected(kind)),
    })
}

impl Noted for SocketOutput<'_> {
    fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Connect(_) => Kind::Connect,
            Self::Send(..) => Kind::Frame,
            Self::Close(_) => Kind::Closed,
        })
    }
}
