//! One market's book: the resting bids of both outcomes, as the wire carries them. Owns the levels and what is derived
//! from them (best prices, mid, volumes, level counts, largest levels), all kept up to date by each change. Knows
//! nothing of sequence numbers, connections or staleness: whoever applies a change that is refused must ask for a
//! snapshot.

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

/// Why a change was refused. It proves that a frame was lost or is wrong.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BookError {
    /// More would leave a level than it has.
    #[error("{side:?} bid at {price}: a change of {change} on a size of {size} leaves less than nothing")]
    NegativeSize {
        /// The outcome.
        side: Outcome,
        /// The level, on the outcome's own scale.
        price: Price,
        /// What the level has.
        size: Count,
        /// The change.
        change: Count,
    },
    /// A level that the market's grid does not have.
    #[error("{side:?} bid at {price}: not a price of the market's grid between $0 and $1")]
    OffGrid {
        /// The outcome.
        side: Outcome,
        /// The level.
        price: Price,
    },
    /// The best bids of both outcomes still cost a dollar or more together when the instant in which they may is over. No
    /// change is refused for it: see [`Crossing`].
    #[error("best bids of {yes} for YES and {no} for NO: together they must be below $1 again when an instant is over")]
    StaysCrossed {
        /// The best YES bid.
        yes: Price,
        /// The best NO bid.
        no: Price,
    },
    /// A snapshot lists a level twice, or with no size, or a size is beyond [`Count::LIMIT`].
    #[error(
        "{side:?} bid at {price}: {size} is no size for it: expected each level once, above zero and within limits"
    )]
    BadLevel {
        /// The outcome.
        side: Outcome,
        /// The level.
        price: Price,
        /// Its listed or resulting size.
        size: Count,
    },
}

impl BookError {
    /// The reason to give when a snapshot is asked for.
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

/// The book of one market on one grid. Memory is proportional to the grid's prices (8 bytes each, twice) and fixed.
///
/// A YES ask at `1 - p` exists for every NO bid at `p`, of the same size. Invariants: every size is above zero and at
/// most [`Count::LIMIT`], and every price is on the grid and strictly between $0 and $1. The best bids of both outcomes
/// together cost less than $1, but for an instant: [`Book::is_crossed`] tells, and [`Crossing`] for how long.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "BookState")]
pub struct Book {
    grid: Arc<Grid>,
    yes: Bids,
    no: Bids,
}

/// A book's grid and levels, from which everything else in it follows.
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
    /// An empty book.
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

    /// Forgets all levels and keeps the memory.
    pub fn clear(&mut self) {
        self.yes.clear();
        self.no.clear();
    }

    /// Replaces the whole book.
    ///
    /// # Errors
    /// When a level is off the grid, listed twice or without size. The book is empty then.
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

    /// Changes the size of one level; a level whose size becomes zero is gone.
    ///
    /// # Errors
    /// When the level is off the grid, or would fall below zero or exceed [`Count::LIMIT`]. The book is as before then.
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

    /// Moves the levels to another grid, which allocates. Meant for a market whose tick became finer.
    ///
    /// # Errors
    /// When a level is not on the new grid: the book is on the new grid and empty then.
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

    /// The best bid of an outcome, on its own scale.
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

    /// The best YES ask, which is the best NO bid seen from the other side.
    #[must_use]
    #[inline]
    pub fn best_ask(&self) -> Option<Price> {
        self.best(Outcome::No).map(Price::complement)
    }

    /// Whether someone could buy both outcomes for a dollar or less: the best YES ask is below the best YES bid (crossed)
    /// or at it (locked). Prices of such a state mean nothing.
    #[must_use]
    #[inline]
    pub fn is_crossed(&self) -> bool {
        match (self.best(Outcome::Yes), self.best(Outcome::No)) {
            (Some(yes), Some(no)) => yes.units() + no.units() >= Price::ONE.units(),
            _ => false,
        }
    }

    /// The error that a crossed book is when its instant is over.
    #[must_use]
    #[cold]
    pub fn stays_crossed(&self) -> BookError {
        let best = |side| self.best(side).unwrap_or(Price::ZERO);
        BookError::StaysCrossed { yes: best(Outcome::Yes), no: best(Outcome::No) }
    }

    /// The best YES bid when an order of ours for `count` rests at `price`: a level held only by it is passed over.
    #[must_use]
    pub fn best_bid_without(&self, price: Price, count: Count) -> Option<Price> {
        self.best_without(Outcome::Yes, price, count)
    }

    /// The best YES ask when an order of ours for `count` asks the YES price `price`.
    #[must_use]
    pub fn best_ask_without(&self, price: Price, count: Count) -> Option<Price> {
        self.best_without(Outcome::No, price.complement(), count).map(Price::complement)
    }

    fn best_without(&self, side: Outcome, price: Price, count: Count) -> Option<Price> {
        self.levels(side).find(|&(level, size)| level != price || size > count).map(|(level, _)| level)
    }

    /// The sum of best YES bid and ask, which is the mid in units of $0.00005; none when a side is empty.
    #[must_use]
    #[inline]
    pub fn mid2(&self) -> Option<i64> {
        Some(self.best_bid()?.units() + self.best_ask()?.units())
    }

    /// How many contracts rest at a price.
    #[must_use]
    pub fn size(&self, side: Outcome, price: Price) -> Count {
        Count::from_units(self.grid.slot(price).map_or(0, |slot| self.bids(side).size(slot)))
    }

    /// How many levels an outcome's bids have.
    #[must_use]
    #[inline]
    pub fn level_count(&self, side: Outcome) -> u32 {
        self.bids(side).levels()
    }

    /// The summed size of an outcome's bids.
    #[must_use]
    #[inline]
    pub fn volume(&self, side: Outcome) -> Count {
        Count::from_units(self.bids(side).volume())
    }

    /// The summed size of the three largest levels, bids of both outcomes pooled.
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

    /// The bids of an outcome, best first, on its own scale.
    pub fn levels(&self, side: Outcome) -> impl Iterator<Item = (Price, Count)> + '_ {
        self.bids(side).descending().map(|(slot, size)| (self.grid.price(slot), Count::from_units(size)))
    }

    #[inline]
    fn slot(&self, side: Outcome, price: Price) -> Result<usize, BookError> {
        // Slots 0 and the last are $0 and $1: no order may rest there.
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
