//! The forms shared by several stages' records: external bytes behind a fixed prefix, and messages in postcard.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ports::{ConnectionId, RequestId};
use crate::record::journal::{FRAME_PREFIX_BYTES, Kind};

/// An output of a stage. Its serialised form does not say what it is: the record's kind does.
pub(crate) trait Noted: Serialize {
    /// The kind of its record; `None` if it needs no record because it follows from what was recorded before.
    fn kind(&self) -> Option<Kind>;
}

/// A record that is not a valid input of its stage.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the record is not a valid {kind:?} for this stage: {reason}")]
pub struct InputError {
    /// The kind that the record claims.
    pub kind: Kind,
    pub reason: String,
}

pub(super) fn message<'a, T: Deserialize<'a>>(kind: Kind, payload: &'a [u8]) -> Result<T, InputError> {
    let wrong = |reason: String| InputError { kind, reason };
    let (message, rest) = postcard::take_from_bytes(payload).map_err(|error| wrong(error.to_string()))?;
    if rest.is_empty() { Ok(message) } else { Err(wrong(format!("{} bytes too many", rest.len()))) }
}

pub(super) fn unexpected(kind: Kind) -> InputError {
    InputError { kind, reason: "no input of this stage has that kind".to_owned() }
}

/// A frame's prefix: the connection it came on and when it was read.
pub(crate) fn frame_prefix(connection: ConnectionId, read_ns: u64) -> [u8; FRAME_PREFIX_BYTES] {
    let mut prefix = [0; FRAME_PREFIX_BYTES];
    prefix[..4].copy_from_slice(&connection.to_le_bytes());
    prefix[4..].copy_from_slice(&read_ns.to_le_bytes());
    prefix
}

pub(super) fn frame(payload: &[u8]) -> Result<(ConnectionId, u64, &[u8]), InputError> {
    let (connection, rest) = payload.split_first_chunk::<4>().ok_or_else(|| too_short(Kind::Frame))?;
    let (read_ns, bytes) = rest.split_first_chunk::<8>().ok_or_else(|| too_short(Kind::Frame))?;
    Ok((u32::from_le_bytes(*connection), u64::from_le_bytes(*read_ns), bytes))
}

/// A response's prefix: the request it answers, its status, and when it was read.
pub(crate) fn answer_prefix(request: RequestId, status: u16, read_ns: u64) -> [u8; 14] {
    let mut prefix = [0; 14];
    prefix[..4].copy_from_slice(&request.to_le_bytes());
    prefix[4..6].copy_from_slice(&status.to_le_bytes());
    prefix[6..].copy_from_slice(&read_ns.to_le_bytes());
    prefix
}

pub(super) fn answer(payload: &[u8]) -> Result<(RequestId, u16, u64, &[u8]), InputError> {
    let (request, rest) = payload.split_first_chunk::<4>().ok_or_else(|| too_short(Kind::Answer))?;
    let (status, rest) = rest.split_first_chunk::<2>().ok_or_else(|| too_short(Kind::Answer))?;
    let (read_ns, body) = rest.split_first_chunk::<8>().ok_or_else(|| too_short(Kind::Answer))?;
    Ok((u32::from_le_bytes(*request), u16::from_le_bytes(*status), u64::from_le_bytes(*read_ns), body))
}

fn too_short(kind: Kind) -> InputError {
    InputError { kind, reason: "it ends within its prefix".to_owned() }
}

/// The frame in the payload of a recorded incoming [`Kind::Frame`].
///
/// # Errors
/// If the payload ends within its prefix.
pub fn recorded_frame(payload: &[u8]) -> Result<&[u8], InputError> {
    frame(payload).map(|(_, _, bytes)| bytes)
}

/// The status and the body in the payload of a recorded [`Kind::Answer`].
///
/// # Errors
/// If the payload ends within its prefix.
pub fn recorded_answer(payload: &[u8]) -> Result<(u16, &[u8]), InputError> {
    answer(payload).map(|(_, status, _, body)| (status, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_survive_the_round_trip_and_short_ones_are_rejected() {
        let bytes = [&frame_prefix(7, u64::MAX - 1)[..], b"{}"].concat();
        assert_eq!(frame(&bytes), Ok((7, u64::MAX - 1, b"{}".as_slice())));
        let bytes = [&answer_prefix(9, 429, 5)[..], b"later"].concat();
        assert_eq!(answer(&bytes), Ok((9, 429, 5, b"later".as_slice())));
        assert!((0..12).all(|length| frame(&bytes[..length]).is_err()));
        assert!((0..14).all(|length| answer(&bytes[..length]).is_err()));
    }

    #[test]
    fn a_message_with_trailing_bytes_is_rejected() {
        assert_eq!(message::<u8>(Kind::Timer, &[5]), Ok(5));
        assert!(message::<u8>(Kind::Timer, &[5, 6]).unwrap_err().to_string().contains("1 bytes too many"));
    }
}
