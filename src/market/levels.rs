//! The levels of a whole book, as a snapshot carries them.

use serde::{Deserialize, Serialize};

use super::{Count, Price};

/// The resting bids of both outcomes. Memory is kept across uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookLevels {
    /// YES bids, in the order of the source.
    pub yes: Vec<(Price, Count)>,
    /// NO bids at NO prices, in the order of the source.
    pub no: Vec<(Price, Count)>,
}

impl BookLevels {
    /// Empty, with room for that many levels a side.
    #[must_use]
    pub fn with_capacity(levels: usize) -> Self {
        Self { yes: Vec::with_capacity(levels), no: Vec::with_capacity(levels) }
    }

    /// Forgets the levels and keeps the memory.
    pub fn clear(&mut self) {
        self.yes.clear();
        self.no.clear();
    }
}
