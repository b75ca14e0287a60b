//! Rehearsals: a delta frame is parsed for nothing in an idle moment, so that the next real one finds the parser in the
//! processor's caches. Uses a copy of an earlier frame and nothing else.

use super::stage::FeedStage;
use crate::market::BookLevels;
use crate::wire::frame::{Frame, Message, parse};

/// Longer frames are not kept: a delta has some 300 bytes.
const FRAME_BYTES: usize = 1_024;
/// Of so many frames one is looked at, so that keeping it costs next to nothing.
const EVERY: u64 = 64;

/// The frame that is rehearsed.
#[derive(Debug)]
pub(super) struct Rehearsal {
    text: Vec<u8>,
    levels: BookLevels,
}

impl Default for Rehearsal {
    fn default() -> Self {
        Self::new()
    }
}

impl Rehearsal {
    pub(super) fn new() -> Self {
        Self { text: Vec::with_capacity(FRAME_BYTES), levels: BookLevels::default() }
    }

    /// Keeps a frame now and then.
    pub(super) fn keep(&mut self, number: u64, bytes: &[u8], frame: &Frame<'_>) {
        let due = self.text.is_empty() || number.is_multiple_of(EVERY);
        if due && bytes.len() <= FRAME_BYTES && matches!(frame.message, Message::Delta(_)) {
            self.text.clear();
            self.text.extend_from_slice(bytes);
        }
    }
}

impl FeedStage {
    /// Rehearses a frame. Changes no result, now or later.
    pub fn rehearse(&mut self) {
        let _ = std::hint::black_box(parse(&self.rehearsal.text, &mut self.rehearsal.levels));
    }
}
