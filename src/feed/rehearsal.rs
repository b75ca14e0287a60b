//! Rehearsals: in idle moments a copy of an earlier delta frame is parsed and the result discarded, so that the parser
//! is in the processor's caches when the next real frame comes.

use super::stage::FeedStage;
use crate::market::BookLevels;
use crate::wire::frame::{Frame, Message, parse};

/// The longest frame that is kept, in bytes. A delta has some 300.
const FRAME_BYTES: usize = 1_024;
/// One in this many frames is considered, so that keeping it costs next to nothing.
const EVERY: u64 = 64;

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

    /// Copies the frame if it is one in [`EVERY`] and a delta.
    pub(super) fn keep(&mut self, number: u64, bytes: &[u8], frame: &Frame<'_>) {
        let due = self.text.is_empty() || number.is_multiple_of(EVERY);
        if due && bytes.len() <= FRAME_BYTES && matches!(frame.message, Message::Delta(_)) {
            self.text.clear();
            self.text.extend_from_slice(bytes);
        }
    }
}

impl FeedStage {
    /// Parses the kept frame. This has no effect on the stage's state.
    pub fn rehearse(&mut self) {
        let _ = std::hint::black_box(parse(&self.rehearsal.text, &mut self.rehearsal.levels));
    }
}
