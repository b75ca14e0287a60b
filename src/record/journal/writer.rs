//! The end of the journal that hot threads write. Never blocks and never allocates: a record goes into the thread's own
//! byte ring whole, or is counted as lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use super::{Flags, HEAD_BYTES, Head, Kind, PAYLOAD_BYTES_MAX, StageId};
use crate::clock::Now;

/// The largest message that is encoded: a page of a thousand fills or orders takes close to 1 MB. Untouched pages cost nothing.
const SCRATCH_BYTES: usize = 4 << 20;

/// A stage's pen. Belongs to the stage's thread; dropping it tells the record thread that the stage is done.
#[derive(Debug)]
pub struct JournalWriter {
    stage: StageId,
    ring: rtrb::Producer<u8>,
    scratch: Box<[u8]>,
    next_number: u64,
    lost: Arc<AtomicU64>,
}

impl JournalWriter {
    /// A pen and the end of its ring that the record thread drains.
    pub(super) fn new(stage: StageId, ring_bytes: usize, lost: Arc<AtomicU64>) -> (Self, rtrb::Consumer<u8>) {
        let (mut ring, drain) = rtrb::RingBuffer::new(ring_bytes);
        // Zeroes the whole ring without sending anything: its pages are mapped now, not under the hot thread's pen.
        drop(ring.write_chunk(ring_bytes));
        // Not zeros, which the allocator may hand out unmapped.
        let scratch = vec![u8::MAX; SCRATCH_BYTES].into_boxed_slice();
        (Self { stage, ring, scratch, next_number: 0, lost }, drain)
    }

    /// Writes bytes as they came from outside, or went there.
    pub fn bytes(&mut self, kind: Kind, flags: Flags, now: Now, payload: &[u8]) {
        let head = self.head(kind, flags, now, payload.len());
        let fits = payload.len() <= PAYLOAD_BYTES_MAX && self.ring.slots() >= HEAD_BYTES + payload.len();
        if fits {
            for part in [head.as_slice(), payload] {
                self.ring.push_entire_slice(part).expect("room was seen, and this is the only writer");
            }
        } else {
            self.count_loss();
        }
    }

    /// Writes a message in postcard.
    pub fn message(&mut self, kind: Kind, flags: Flags, now: Now, message: &impl Serialize) {
        let (head_room, payload_room) = self.scratch.split_at_mut(HEAD_BYTES);
        let Ok(payload) = postcard::to_slice(message, payload_room) else {
            self.next_number += 1;
            self.count_loss();
            return;
        };
        let payload_bytes = payload.len();
        let head = encode_head(self.stage, &mut self.next_number, kind, flags, now, payload_bytes);
        head_room.copy_from_slice(&head);
        if self.ring.push_entire_slice(&self.scratch[..HEAD_BYTES + payload_bytes]).is_err() {
            self.count_loss();
        }
    }

    /// Writes that something happened which has no content but its time.
    pub fn event(&mut self, kind: Kind, flags: Flags, now: Now) {
        self.bytes(kind, flags, now, &[]);
    }

    /// Records of all stages that found no room so far.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn head(&mut self, kind: Kind, flags: Flags, now: Now, payload_bytes: usize) -> [u8; HEAD_BYTES] {
        encode_head(self.stage, &mut self.next_number, kind, flags, now, payload_bytes)
    }

    #[cold]
    fn count_loss(&self) {
        // Relaxed: a count that nothing is ordered by; the record thread reads it after this ring was abandoned.
        self.lost.fetch_add(1, Ordering::Relaxed);
    }
}

/// A lost record has its number too: its absence shows.
fn encode_head(
    stage: StageId,
    next_number: &mut u64,
    kind: Kind,
    flags: Flags,
    now: Now,
    payload_bytes: usize,
) -> [u8; HEAD_BYTES] {
    let number = *next_number;
    *next_number += 1;
    let payload_bytes = u32::try_from(payload_bytes).unwrap_or(u32::MAX);
    Head { payload_bytes, stage, kind, flags, number, mono_ns: now.mono_ns, session_ms: now.session_ms }.encode()
}
