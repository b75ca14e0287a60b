//! One market's book: the resting bids for both outcomes, as the wire carries them. It owns the levels and what is derived
//! from them (best prices, mid, volumes, level counts, largest levels), all updated with each change. It knows nothing of
//! sequence numbers, connections or staleness: if a change is rejected, the caller must request a snapshot.

mod bids;
mod crossing;
mod largest;

use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use crate::market::{BookLevels, Count, Grid, GridBands, Outcome, Price};
use crate::messages::ResyncReason;

use bids::Bids;
pub use crossing::{CROSSED_GRACE_MS, Crossing};

/// Why a change was rejected. Any of these means that a frame was lost or is wrong.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BookError {
    /// The change would make a level's size negative.
    #[error("{side:?} bid at {price}: a change of {change} would make the size of {size} negative")]
    NegativeSize {
        /// The outcome that the level bids for.
        side: Outcome,
        /// The level's price, on the outcome's own scale.
        price: Price,
        /// The level's present size.
        size: Count,
        /// The rejected change.
        change: Count,
    },
    /// The level's price is not on the market's grid, or is $0 or $1.
    #[error("{side:?} bid at {price}: not a price of the market's grid between $0 and $1")]
    OffGrid {
        /// The outcome that the level bids for.
        side: Outcome,
        /// The level's price, on the outcome's own scale.
        price: Price,
    },
    /// The best bids for both outcomes still add up to a dollar or more after the instant in which they may. [`Crossing`]
    /// reports this; no change is rejected because of it.
    #[error("best bids of {yes} for YES and {no} for NO: together they must be below $1 once the instant is over")]
    StaysCrossed {
        /// The best bid for YES.
        yes: Price,
        /// The best bid for NO, at its NO price.
        no: Price,
    },
    /// A snapshot lists a level twice or with a size of zero or less, or a size exceeds [`Count::LIMIT`].
    #[error("{side:?} bid at {price}: invalid size {size}: expected each level once, above zero and within limits")]
    BadLevel {
        /// The outcome that the level bids for.
        side: Outcome,
        /// The level's price, on the outcome's own scale.
        price: Price,
        /// The size, as listed or as it would become.
        size: Count,
    },
}

impl BookError {
    /// The reason to give when requesting a snapshot because of this error.
    #[must_use]
    pub const fn reason(&self) -> ResyncReason {
        match self {
            Self::NegativeSize { .. } => ResyncReason::NegativeSize,
            Self::OffGrid { .. } => ResyncReason::OffGrid,
            Self::StaysCrossed { .. } => ResyncReason::Crossed,
            Self::BadLevel { .. } => ResyncReason::BadLevel,
        }
    }
}

/// The book of one market on one grid. Its memory is fixed: 16 bytes for each price of the grid.
///
/// Every NO bid at `p` is also a YES ask at `1 - p` of the same size. Invariants: every size is above zero and at most
/// [`Count::LIMIT`], and every price is on the grid and strictly between $0 and $1. The best bids for both outcomes add up
/// to less than $1, except within an instant: see [`Book::is_crossed`], and [`Crossing`] for how long.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "BookState")]
pub struct Book {
    grid: Arc<Grid>,
    yes: Bids,
    no: Bids,
}

/// A book's grid and levels, from which everything else is derived.
#[derive(Serialize, Deserialize)]
struct BookState {
    bands: GridBands,
    levels: BookLevels,
}

impl Serialize for Book {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let levels = BookLevels { yes: self.levels(Outcome::Yes).collect(), no: self.levels(Outcome::No).collect() };
        BookState { bands: *self.grid.bands(), levels }.serialize(serializer)
    }
}

impl TryFrom<BookState> for Book {
    type Error = BookError;

    fn try_from(state: BookState) -> Result<Self, BookError> {
        let mut book = Self::new(Grid::new(state.bands));
        book.apply_snapshot(&state.levels)?;
        Ok(book)
    }
}

impl Book {
    /// An empty book on a grid.
    #[must_use]
    pub fn new(grid: Arc<Grid>) -> Self {
        let slots = grid.slots();
        Self { grid, yes: Bids::new(slots), no: Bids::new(slots) }
    }

    /// The market's tick grid.
    #[must_use]
    pub fn grid(&self) -> &Arc<Grid> {
        &self.grid
    }

    /// Removes all levels and keeps the allocated memory.
    pub fn clear(&mut self) {
        self.yes.clear();
        self.no.clear();
    }

    /// Replaces the whole book.
    ///
    /// # Errors
    /// If a level is off the grid, listed twice, or has a size of zero or less. The book is then empty.
    pub fn apply_snapshot(&mut self, levels: &BookLevels) -> Result<(), BookError> {
        self.clear();
        let filled = self.fill(Outcome::Yes, &levels.yes).and_then(|()| self.fill(Outcome::No, &levels.no));
        if filled.is_err() {
            self.clear();
        }
        filled
    }

    fn fill(&mut self, side: Outcome, levels: &[(Price, Count)]) -> Result<(), BookError> {
        for &(price, size) in levels {
            let slot = self.slot(side, price)?;
            if size <= Count::ZERO || size > Count::LIMIT || self.bids(side).size(slot) != 0 {
                return Err(BookError::BadLevel { side, price, size });
            }
            self.bids_mut(side).set(slot, 0, size.units());
        }
        Ok(())
    }

    /// Changes the size of one level, and removes the level if its size becomes zero.
    ///
    /// # Errors
    /// If the level is off the grid, or its size would become negative or exceed [`Count::LIMIT`]. The book is then unchanged.
    #[inline]
    pub fn apply_delta(&mut self, side: Outcome, price: Price, change: Count) -> Result<(), BookError> {
        let slot = self.slot(side, price)?;
        let size = self.bids(side).size(slot);
        let new = size.saturating_add(change.units());
        if new < 0 {
            return Err(BookError::NegativeSize { side, price, size: Count::from_units(size), change });
        }
        if new > Count::LIMIT.units() {
            return Err(BookError::BadLevel { side, price, size: Count::from_units(new) });
        }
        self.bids_mut(side).set(slot, size, new);
        Ok(())
    }

    /// Moves the levels to another grid, which allocates. Meant for a market whose tick size is reduced.
    ///
    /// # Errors
    /// If a level is not on the new grid. The book is then empty, and on the new grid.
    pub fn regrid(&mut self, grid: Arc<Grid>) -> Result<(), BookError> {
        let old = std::mem::replace(self, Self::new(grid));
        for side in [Outcome::Yes, Outcome::No] {
            for (price, size) in old.levels(side) {
                match self.slot(side, price) {
                    Ok(slot) => self.bids_mut(side).set(slot, 0, size.units()),
                    Err(error) => {
                        self.clear();
                        return Err(error);
                    }
                }
            }
        }
        Ok(())
    }

    /// The best bid for an outcome, on the outcome's own scale.
    #[must_use]
    #[inline]
    pub fn best(&self, side: Outcome) -> Option<Price> {
        self.bids(side).best().map(|slot| self.grid.price(slot))
    }

    /// The best YES bid.
    #[must_use]
    #[inline]
    pub fn best_bid(&self) -> Option<Price> {
        self.best(Outcome::Yes)
    }

    /// The best YES ask: the complement of the best NO bid.
    #[must_use]
    #[inline]
    pub fn best_ask(&self) -> Option<Price> {
        self.best(Outcome::No).map(Price::complement)
    }

    /// Whether the best YES ask is below the best YES bid (crossed) or equal to it (locked), so that both outcomes could be
    /// bought for a dollar or less. Prices are meaningless in this state.
    #[must_use]
    #[inline]
    pub fn is_crossed(&self) -> bool {
        match (self.best(Outcome::Yes), self.best(Outcome::No)) {
            (Some(yes), Some(no)) => yes.units() + no.units() >= Price::ONE.units(),
            _ => false,
        }
    }

    /// The error to report when the book is still crossed after its instant.
    #[must_use]
    #[cold]
    pub fn stays_crossed(&self) -> BookError {
        let best = |side| self.best(side).unwrap_or(Price::ZERO);
        BookError::StaysCrossed { yes: best(Outcome::Yes), no: best(Outcome::No) }
    }

    /// The best YES bid, disregarding an own order of `count` contracts at `price`: a level that consists only of it is skipped.
    #[must_use]
    pub fn best_bid_without(&self, price: Price, count: Count) -> Option<Price> {
        self.best_without(Outcome::Yes, price, count)
    }

    /// The best YES ask, disregarding an own order of `count` contracts at the YES price `price`.
    #[must_use]
    pub fn best_ask_without(&self, price: Price, count: Count) -> Option<Price> {
        self.best_without(Outcome::No, price.complement(), count).map(Price::complement)
    }

    fn best_without(&self, side: Outcome, price: Price, count: Count) -> Option<Price> {
        self.levels(side).find(|&(level, size)| level != price || size > count).map(|(level, _)| level)
    }

    /// The sum of the best YES bid and ask, which is the mid in units of $0.00005. `None` if a side is empty.
    #[must_use]
    #[inline]
    pub fn mid2(&self) -> Option<i64> {
        Some(self.best_bid()?.units() + self.best_ask()?.units())
    }

    /// How many contracts rest at a price, on the outcome's own scale.
    #[must_use]
    pub fn size(&self, side: Outcome, price: Price) -> Count {
        Count::from_units(self.grid.slot(price).map_or(0, |slot| self.bids(side).size(slot)))
    }

    /// The number of levels of an outcome's bids.
    #[must_use]
    #[inline]
    pub fn level_count(&self, side: Outcome) -> u32 {
        self.bids(side).levels()
    }

    /// The total size of an outcome's bids.
    #[must_use]
    #[inline]
    pub fn volume(&self, side: Outcome) -> Count {
        Count::from_units(self.bids(side).volume())
    }

    /// The total size of the three largest levels among the bids for both outcomes.
    #[must_use]
    #[inline]
    pub fn largest_three(&self) -> Count {
        let (yes, no) = (self.yes.largest_three(), self.no.largest_three());
        let (mut from_yes, mut from_no, mut total) = (0, 0, 0);
        for _ in 0..3 {
            if yes[from_yes] >= no[from_no] {
                total += yes[from_yes];
                from_yes += 1;
            } else {
                total += no[from_no];
                from_no += 1;
            }
        }
        Count::from_units(total)
    }

    /// The bids for an outcome, best first, at prices on its own scale.
    pub fn levels(&self, side: Outcome) -> impl Iterator<Item = (Price, Count)> + '_ {
        self.bids(side).descending().map(|(slot, size)| (self.grid.price(slot), Count::from_units(size)))
    }

    #[inline]
    fn slot(&self, side: Outcome, price: Price) -> Result<usize, BookError> {
        // The first and the last slot are $0 and $1, where no order can rest.
        match self.grid.slot(price) {
            Some(slot) if slot > 0 && slot + 1 < self.grid.slots() => Ok(slot),
            _ => Err(BookError::OffGrid { side, price }),
        }
    }

    #[inline]
    fn bids(&self, side: Outcome) -> &Bids {
        match side {
            Outcome::Yes => &self.yes,
            Outcome::No => &self.no,
        }
    }

    #[inline]
    fn bids_mut(&mut self, side: Outcome) -> &mut Bids {
        match side {
            Outcome::Yes => &mut self.yes,
            Outcome::No => &mut self.no,
        }
    }
}

#[cfg(test)]
mod tests;
