//! The end of the journal that hot threads write to. It never blocks, and allocates only for checkpoints: a record either
//! fits into the thread's own byte ring or is counted as lost.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use serde::Serialize;

use super::{Flags, HEAD_BYTES, Head, Kind, PAYLOAD_BYTES_MAX, StageId};
use crate::clock::Now;

/// The largest encoded message: a page of a thousand fills or orders takes close to 1 MB. Untouched pages cost nothing.
const SCRATCH_BYTES: usize = 4 << 20;

/// State shared by the writers and the record thread, besides the rings.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// The number of records of all stages that found no room.
    pub(super) lost: AtomicU64,
    /// The segment that stages should move to, by writing a checkpoint.
    pub(super) wanted_segment: AtomicU32,
    /// The disk's error, if the journal ended before its writers did.
    pub(super) problem: OnceLock<String>,
}

/// The ends of a writer's rings that belong to the record thread.
#[derive(Debug)]
pub(super) struct DrainEnds {
    pub(super) bytes: rtrb::Consumer<u8>,
    /// Checkpoints and the segments they begin. They may be larger than the byte ring, which carries their heads.
    pub(super) checkpoints: rtrb::Consumer<(u32, Vec<u8>)>,
    /// The checkpoints' buffers on their way back.
    pub(super) returned: rtrb::Producer<Vec<u8>>,
}

/// The capacity for checkpoints on their way to the record thread. A stage writes one per segment.
const CHECKPOINTS: usize = 4;

/// A stage's writer. It belongs to the stage's thread; dropping it tells the record thread that the stage is done.
#[derive(Debug)]
pub struct JournalWriter {
    stage: StageId,
    ring: rtrb::Producer<u8>,
    scratch: Box<[u8]>,
    next_number: u64,
    shared: Arc<Shared>,
    checkpoints: rtrb::Producer<(u32, Vec<u8>)>,
    returned: rtrb::Consumer<Vec<u8>>,
    /// The segment that this stage has moved to.
    segment: u32,
}

/// A message that was encoded and not yet written.
#[derive(Clone, Copy, Debug)]
#[must_use = "what was encoded is written by `JournalWriter::commit`"]
pub struct Encoded(Option<usize>);

impl JournalWriter {
    /// A writer, and the ends of its rings for the record thread.
    pub(super) fn new(stage: StageId, ring_bytes: usize, shared: Arc<Shared>) -> (Self, DrainEnds) {
        let (mut ring, bytes) = rtrb::RingBuffer::new(ring_bytes);
        let (checkpoints, checkpoints_out) = rtrb::RingBuffer::new(CHECKPOINTS);
        let (returned_in, returned) = rtrb::RingBuffer::new(CHECKPOINTS);
        // Zeroes the whole ring without sending anything, so that its pages are mapped now rather than under the hot thread.
        drop(ring.write_chunk(ring_bytes));
        // Not zeros, which the allocator may provide as unmapped pages.
        let scratch = vec![u8::MAX; SCRATCH_BYTES].into_boxed_slice();
        let drain = DrainEnds { bytes, checkpoints: checkpoints_out, returned: returned_in };
        (Self { stage, ring, scratch, next_number: 0, shared, checkpoints, returned, segment: 0 }, drain)
    }

    /// Writes external bytes as they were received, after a prefix that says what they belong to.
    pub fn bytes(&mut self, kind: Kind, flags: Flags, now: Now, prefix: &[u8], payload: &[u8]) {
        let payload_bytes = prefix.len() + payload.len();
        let head = self.head(kind, flags, now, payload_bytes);
        let fits = payload_bytes <= PAYLOAD_BYTES_MAX && self.ring.slots() >= HEAD_BYTES + payload_bytes;
        if fits {
            for part in [head.as_slice(), prefix, payload] {
                self.ring.push_entire_slice(part).expect("the room was checked, and this is the only writer");
            }
        } else {
            self.count_loss();
        }
    }

    /// Writes a message in postcard.
    pub fn message(&mut self, kind: Kind, flags: Flags, now: Now, message: &impl Serialize) {
        let encoded = self.encode(message);
        self.commit(kind, flags, now, encoded);
    }

    /// Encodes a message that is about to be moved away, before its fate is known.
    pub fn encode(&mut self, message: &impl Serialize) -> Encoded {
        Encoded(postcard::to_slice(message, &mut self.scratch[HEAD_BYTES..]).ok().map(|payload| payload.len()))
    }

    /// Writes the message that was encoded last.
    pub fn commit(&mut self, kind: Kind, flags: Flags, now: Now, encoded: Encoded) {
        let head = self.head(kind, flags, now, encoded.0.unwrap_or(0));
        self.scratch[..HEAD_BYTES].copy_from_slice(&head);
        let fits =
            encoded.0.is_some_and(|bytes| self.ring.push_entire_slice(&self.scratch[..HEAD_BYTES + bytes]).is_ok());
        if !fits {
            self.count_loss();
        }
    }

    /// Whether the record thread wants a checkpoint of this stage, so that the segment can end.
    #[must_use]
    pub fn checkpoint_due(&self) -> bool {
        // Relaxed: no other memory depends on it, and noticing it one turn later is soon enough.
        self.shared.wanted_segment.load(Ordering::Relaxed) > self.segment
    }

    /// Writes the stage's whole state. The bytes bypass the ring, which need not have room for them; the buffer comes back
    /// for the next checkpoint.
    pub fn checkpoint(&mut self, now: Now, state: &impl Serialize) {
        let segment = self.shared.wanted_segment.load(Ordering::Relaxed);
        let mut buffer = self.returned.pop().unwrap_or_default();
        buffer.clear();
        let encoded = postcard::to_extend(state, buffer).ok().filter(|bytes| bytes.len() <= PAYLOAD_BYTES_MAX);
        let bytes = encoded.as_ref().map_or(0, Vec::len);
        let head = self.head(Kind::Checkpoint, Flags::Output, now, bytes);
        let room = self.ring.slots() >= HEAD_BYTES;
        // The body goes first, so that whoever finds the head finds the body.
        let sent = encoded.is_some_and(|encoded| room && self.checkpoints.push((segment, encoded)).is_ok());
        if sent {
            self.segment = segment;
            self.ring.push_entire_slice(&head).expect("the room was checked, and this is the only writer");
        } else {
            self.count_loss();
        }
    }

    /// Writes that something happened at this time that has no other content.
    pub fn event(&mut self, kind: Kind, flags: Flags, now: Now) {
        self.bytes(kind, flags, now, &[], &[]);
    }

    /// The number of records of all stages that have found no room so far.
    #[cfg(feature = "internals")]
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// The head of the next record. A lost record takes a number too, so that the gap shows.
    fn head(&mut self, kind: Kind, flags: Flags, now: Now, payload_bytes: usize) -> [u8; HEAD_BYTES] {
        let number = self.next_number;
        self.next_number += 1;
        let payload_bytes = u32::try_from(payload_bytes).unwrap_or(u32::MAX);
        let Now { mono_ns, session_ms } = now;
        Head { payload_bytes, stage: self.stage, kind, flags, number, mono_ns, session_ms }.encode()
    }

    #[cold]
    fn count_loss(&self) {
        // Relaxed: nothing is ordered by this count; the record thread reads it after the ring was abandoned.
        self.shared.lost.fetch_add(1, Ordering::Relaxed);
    }
}
