//! The levels of a whole book, as a snapshot carries them.

use serde::{Deserialize, Serialize};

use super::{Count, Price};

/// The resting bids for both outcomes. Its buffers are meant to be reused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookLevels {
    /// Bids for YES, in the order of the source.
    pub yes: Vec<(Price, Count)>,
    /// Bids for NO at NO prices, in the order of the source.
    pub no: Vec<(Price, Count)>,
}

impl BookLevels {
    /// An empty book with room for `levels` levels a side.
    #[must_use]
    pub fn with_capacity(levels: usize) -> Self {
        Self { yes: Vec::with_capacity(levels), no: Vec::with_capacity(levels) }
    }

    /// Removes all levels and keeps the allocated memory.
    pub fn clear(&mut self) {
        self.yes.clear();
        self.no.clear();
    }
}
