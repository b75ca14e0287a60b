//! The journal: what entered and left each stage, in the order in which that stage saw it. This module owns the format, which
//! is little-endian throughout.
//!
//! A journal is a folder of segments, `000000.kaj` and on. A segment starts with a header:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `KALSHIAJ` |
//! | 4 | format version, [`FORMAT_VERSION`] |
//! | 4 | segment number |
//! | 4 | length of the description |
//! | n | the description of the session, the same in every segment |
//! | 4 | CRC-32 of all of the above |
//!
//! and continues with records:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | length of the payload |
//! | 1 | stage, a [`StageId`] |
//! | 1 | kind, a [`Kind`] |
//! | 1 | flags, see [`Flags`] |
//! | 1 | zero |
//! | 8 | number of the record within its stage, from zero |
//! | 8 | monotonic nanoseconds |
//! | 8 | session milliseconds |
//! | n | payload: external bytes as they were received, or a message in postcard |
//! | 4 | CRC-32 of all of the above |
//!
//! Records of different stages are stored in the order in which the record thread found them; only the order within a stage
//! is meaningful. A record that found no room leaves a gap in its stage's numbers. Request headers and keys never get here:
//! the writer is only given frames, bodies and messages. The payload of each kind, and its meaning for a replay, is documented
//! where it is written, in [`tape`](crate::tape).
//!
//! # Segments and checkpoints
//! The first record of each stage in a segment is a checkpoint of its whole state, so each segment can be replayed alone. When
//! a segment is nearly full, the record thread requests checkpoints. A stage writes its own between two inputs, and from that
//! record on its records go to the *next* segment. While only some of the stages have done so, both files are open; the
//! older one is closed when the last stage has moved on. A crash can therefore tear the last two files.

mod frames;
mod inspect;
mod reader;
mod segments;
mod thread;
mod writer;

pub use frames::{FRAME_PREFIX_BYTES, JournalFrames};
pub use inspect::{Inspection, JournalNote, StageSpan, inspect, journal_of};
pub use reader::{JournalError, JournalProblem, JournalReader, Record};
pub use segments::SegmentLimits;
pub use thread::{JournalHandle, JournalReport, Scribe, create_journal, start_journal};
pub use writer::{Encoded, JournalWriter};

use serde::{Deserialize, Serialize};

/// The version of the format that is written, and the only one that is read.
///
/// Version 1 had no checkpoints and did not record what the stages were told by their rings and pools.
/// Version 3 lacked the rejections of credentials in the checkpoint of `execute`; version 4 did not keep the times of fills.
/// In version 5 a book could not be crossed, and its changes lacked the exchange's own time.
/// Version 6 lacked what of the account could not be parsed.
/// Up to version 8 every decision had the 52 features of a single schema.
/// In version 9 each message between stages had a kind of its own; now each pair of stages has one.
/// In version 10 fees never changed.
/// Up to version 11 a decision wanted at most one order, and `decide` received only portfolio updates.
/// In version 12 the checkpoints of `execute` were one list of all its fields.
pub const FORMAT_VERSION: u32 = 13;
/// The largest payload in bytes: a little more than the largest frame that a socket accepts.
pub const PAYLOAD_BYTES_MAX: usize = (16 << 20) + (64 << 10);

const MAGIC: [u8; 8] = *b"KALSHIAJ";
const HEAD_BYTES: usize = 32;
const CRC_BYTES: usize = 4;

/// The stage that a record belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum StageId {
    Feed = 0,
    Decide = 1,
    Execute = 2,
    Reconcile = 3,
    /// The journal itself, which writes the [`Closing`] record.
    Journal = 4,
}

impl StageId {
    pub const COUNT: usize = Self::Journal as usize + 1;
    pub const ALL: [Self; Self::COUNT] = [Self::Feed, Self::Decide, Self::Execute, Self::Reconcile, Self::Journal];
    /// Those with a state of their own, which are the actual stages.
    pub const STAGES: [Self; 4] = [Self::Feed, Self::Decide, Self::Execute, Self::Reconcile];

    /// The word used in files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Feed => "feed",
            Self::Decide => "decide",
            Self::Execute => "execute",
            Self::Reconcile => "reconcile",
            Self::Journal => "journal",
        }
    }
}

/// The kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Kind {
    /// The stage's whole state, in postcard. It starts the stage's part of a segment.
    Checkpoint = 0,
    /// The stage was told to connect and begin.
    Start,
    /// The stage ended in good order.
    End,
    /// A deadline passed.
    Timer,
    /// The input ring was empty.
    Drained,
    /// A stop was requested; for a trip, the payload is the reason.
    Stop,
    /// A connection was requested, or is open.
    Connect,
    /// A connection was to be closed, or is gone.
    Closed,
    /// A text frame, as received or sent.
    Frame,
    /// The exchange sent a ping.
    Ping,
    /// An HTTP request: method, path and body.
    Request,
    /// An HTTP response: the number of its request, status and body.
    Answer,
    /// An HTTP request will not be answered.
    NoAnswer,
    /// A request was abandoned.
    Abandon,
    /// A path whose signature may be needed soon.
    Presign,
    /// The state of the day's loss, to be kept.
    Day,
    /// A message from `feed` to `decide`.
    FeedToDecide,
    /// A message from `reconcile` to `feed`.
    ReconcileToFeed,
    /// A snapshot buffer was requested, and there was one or (refused) none.
    Buffer,
    /// A message from `feed` to `execute`.
    FeedToExecute,
    /// A message from `decide` to `feed`.
    DecideToFeed,
    /// An overflow epoch was raised or read.
    OverflowEpoch,
    /// A decision, with what it was based on: `DecisionRecord`.
    Decision,
    /// A decision that was due but skipped: market, time, reason.
    Skipped,
    /// A checksum of the best prices of the books after each of a number of book events.
    Tops,
    /// A message from `decide` to `execute`.
    DecideToExecute,
    /// A message from `execute` to `decide`.
    AccountNote,
    /// The ledger's sums after a change.
    Ledger,
    /// A message from `reconcile` to `execute`.
    AccountEvent,
    /// A message from `execute` to `reconcile`.
    ExecuteToReconcile,
    /// The journal is complete; the payload is a [`Closing`].
    Closing,
}

impl Kind {
    pub const COUNT: usize = Self::Closing as usize + 1;
    /// All kinds, in the order of their discriminants.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Checkpoint,
        Self::Start,
        Self::End,
        Self::Timer,
        Self::Drained,
        Self::Stop,
        Self::Connect,
        Self::Closed,
        Self::Frame,
        Self::Ping,
        Self::Request,
        Self::Answer,
        Self::NoAnswer,
        Self::Abandon,
        Self::Presign,
        Self::Day,
        Self::FeedToDecide,
        Self::ReconcileToFeed,
        Self::Buffer,
        Self::FeedToExecute,
        Self::DecideToFeed,
        Self::OverflowEpoch,
        Self::Decision,
        Self::Skipped,
        Self::Tops,
        Self::DecideToExecute,
        Self::AccountNote,
        Self::Ledger,
        Self::AccountEvent,
        Self::ExecuteToReconcile,
        Self::Closing,
    ];
}

/// The direction of a record, and whether it was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flags {
    /// It entered the stage.
    Input,
    /// It left the stage.
    Output,
    /// It was to leave the stage, but the ring or the connection had no room for it.
    Refused,
}

impl Flags {
    const fn byte(self) -> u8 {
        match self {
            Self::Input => 0,
            Self::Output => 1,
            Self::Refused => 3,
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Input),
            1 => Some(Self::Output),
            3 => Some(Self::Refused),
            _ => None,
        }
    }
}

/// The journal's last record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// The number of records that found no room.
    pub lost: u64,
    /// The number of segments deleted to stay within the size limit. What is left begins with checkpoints.
    pub segments_dropped: u64,
    /// Whether what is left can be replayed, because nothing was lost.
    pub replayable: bool,
}

/// The part of a record before its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    payload_bytes: u32,
    stage: StageId,
    kind: Kind,
    flags: Flags,
    number: u64,
    mono_ns: u64,
    session_ms: i64,
}

impl Head {
    fn encode(&self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[0..4].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[4] = self.stage as u8;
        bytes[5] = self.kind as u8;
        bytes[6] = self.flags.byte();
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.mono_ns.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.session_ms.to_le_bytes());
        bytes
    }

    /// `None` if a field has a value that no writer gives it.
    fn decode(bytes: &[u8; HEAD_BYTES]) -> Option<Self> {
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("the slice has eight bytes"));
        let payload_bytes = u32::from_le_bytes(bytes[0..4].try_into().expect("the slice has four bytes"));
        if bytes[7] != 0 || payload_bytes as usize > PAYLOAD_BYTES_MAX {
            return None;
        }
        Some(Self {
            payload_bytes,
            stage: *StageId::ALL.get(usize::from(bytes[4]))?,
            kind: *Kind::ALL.get(usize::from(bytes[5]))?,
            flags: Flags::from_byte(bytes[6])?,
            number: word(8),
            mono_ns: word(16),
            session_ms: word(24).cast_signed(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_and_kind_survives_a_head() {
        for (number, stage) in StageId::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, number);
        }
        for (number, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, number);
            for flags in [Flags::Input, Flags::Output, Flags::Refused] {
                let head = Head {
                    payload_bytes: 7,
                    stage: StageId::Execute,
                    kind,
                    flags,
                    number: u64::MAX - 1,
                    mono_ns: 12_345,
                    session_ms: -1,
                };
                assert_eq!(Head::decode(&head.encode()), Some(head));
            }
        }
    }

    #[test]
    fn invalid_heads_are_rejected() {
        let mut bytes = [0; HEAD_BYTES];
        assert!(Head::decode(&bytes).is_some());
        for (at, value) in [(3, 0xff), (4, 9), (5, 200), (6, 2), (7, 1)] {
            bytes[at] = value;
            assert_eq!(Head::decode(&bytes), None, "byte {at}");
            bytes[at] = 0;
        }
    }
}
