//! What a recorded book displays, and how much of it clients' orders have consumed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::exchange::engine::{Occupancy, best_occupied, crosses, own_price};
use crate::market::{BookLevels, BookSide, Count, Grid, Outcome};

use super::Entry;

/// Counts of what a sound recording does not have. The frames concerned are applied as far as they make sense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFaults {
    /// Deltas that would have made a level negative.
    pub negative_levels: u64,
    /// Steps that left the best YES bid at or above the best YES ask.
    pub crossed_books: u64,
    /// Prices off the market's grid.
    pub off_grid_prices: u64,
}

impl std::ops::AddAssign for RecordedFaults {
    fn add_assign(&mut self, other: Self) {
        self.negative_levels += other.negative_levels;
        self.crossed_books += other.crossed_books;
        self.off_grid_prices += other.off_grid_prices;
    }
}

impl fmt::Display for RecordedFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { negative_levels, crossed_books, off_grid_prices } = self;
        write!(
            f,
            "recorded changes that did not fit: {negative_levels} below nothing at a level, {off_grid_prices} off the \
             grid; {crossed_books} moments ended with a crossed book"
        )
    }
}

/// The recorded side of a recorded market's book, by grid slot on the YES scale. *Displayed* is what the recording shows,
/// *consumed* what clients' orders took of it, and *available* the difference, which is what others still see.
#[derive(Debug)]
pub struct RecordedBook {
    sides: [Half; 2],
    /// Levels touched by the current step, with what was available before.
    touched: Vec<Touched>,
    faults: RecordedFaults,
}

#[derive(Debug)]
struct Half {
    levels: Box<[Level]>,
    displayed: Occupancy,
    available: Occupancy,
}

#[derive(Clone, Copy, Debug, Default)]
struct Level {
    displayed: Count,
    consumed: Count,
    touched: bool,
}

impl Level {
    fn available(self) -> Count {
        (self.displayed - self.consumed).max(Count::ZERO)
    }
}

#[derive(Clone, Copy, Debug)]
struct Touched {
    side: BookSide,
    slot: usize,
    before: Count,
}

/// A change of what is available at a recorded level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exchange) struct AvailableChange {
    pub(in crate::exchange) side: BookSide,
    pub(in crate::exchange) slot: usize,
    pub(in crate::exchange) change: Count,
}

impl RecordedBook {
    /// An empty book on a grid.
    #[must_use]
    pub fn new(grid: &Grid) -> Self {
        let half = || Half {
            levels: vec![Level::default(); grid.slots()].into_boxed_slice(),
            displayed: Occupancy::new(grid.slots()),
            available: Occupancy::new(grid.slots()),
        };
        Self { sides: [half(), half()], touched: Vec::new(), faults: RecordedFaults::default() }
    }

    /// What was wrong with the recording so far.
    #[must_use]
    pub fn faults(&self) -> RecordedFaults {
        self.faults
    }

    /// How much the recording displays at a level.
    #[must_use]
    pub fn displayed(&self, side: BookSide, slot: usize) -> Count {
        self.sides[side as usize].levels[slot].displayed
    }

    /// How much of it is available.
    #[must_use]
    pub fn available(&self, side: BookSide, slot: usize) -> Count {
        self.sides[side as usize].levels[slot].available()
    }

    /// The slot of the best price with something available.
    #[must_use]
    pub fn best(&self, side: BookSide) -> Option<usize> {
        best_occupied(&self.sides[side as usize].available, side)
    }

    /// What an order on side `taker` could take within its limit.
    #[must_use]
    pub fn volume_within(&self, taker: BookSide, limit: usize) -> Count {
        let side = taker.opposite();
        let slots = self.sides[side as usize].available.iter().filter(|&slot| crosses(taker, limit, slot));
        slots.map(|slot| self.available(side, slot)).sum()
    }

    /// Consumes some of what is available at a level; it stays consumed as long as the recording displays it.
    ///
    /// # Panics
    /// If less than `count` is available.
    pub fn take(&mut self, side: BookSide, slot: usize, count: Count) {
        assert!(count <= self.available(side, slot), "an order takes at most what a level has available");
        self.update(side, slot, |level| level.consumed += count);
    }

    fn update(&mut self, side: BookSide, slot: usize, change: impl FnOnce(&mut Level)) {
        let half = &mut self.sides[side as usize];
        change(&mut half.levels[slot]);
        half.displayed.set(slot, !half.levels[slot].displayed.is_zero());
        half.available.set(slot, half.levels[slot].available() > Count::ZERO);
    }

    /// Remembers what a level had available before the step, once per step.
    pub(in crate::exchange) fn touch(&mut self, side: BookSide, slot: usize) {
        let level = &mut self.sides[side as usize].levels[slot];
        if !level.touched {
            level.touched = true;
            self.touched.push(Touched { side, slot, before: level.available() });
        }
    }

    /// Applies a frame of a step to what is displayed. Trades change nothing here.
    pub(in crate::exchange) fn apply(&mut self, grid: &Grid, entry: &Entry) {
        match entry {
            Entry::Delta { side, price, change } => {
                let side = side.book_side();
                let Some(slot) = grid.slot(own_price(side, *price)) else {
                    self.faults.off_grid_prices += 1;
                    return;
                };
                let displayed = self.displayed(side, slot) + *change;
                self.faults.negative_levels += u64::from(displayed < Count::ZERO);
                self.show(side, slot, displayed.max(Count::ZERO));
            }
            Entry::Snapshot(levels) => self.reset(grid, levels),
            Entry::Trade { .. } => {}
        }
    }

    fn show(&mut self, side: BookSide, slot: usize, displayed: Count) {
        self.touch(side, slot);
        self.update(side, slot, |level| level.displayed = displayed);
    }

    fn reset(&mut self, grid: &Grid, levels: &BookLevels) {
        for side in [BookSide::Bid, BookSide::Ask] {
            while let Some(slot) = self.sides[side as usize].displayed.lowest_from(0) {
                self.show(side, slot, Count::ZERO);
            }
        }
        for (outcome, levels) in [(Outcome::Yes, &levels.yes), (Outcome::No, &levels.no)] {
            let side = outcome.book_side();
            for &(price, count) in levels {
                match grid.slot(own_price(side, price)) {
                    Some(slot) => self.show(side, slot, count.max(Count::ZERO)),
                    None => self.faults.off_grid_prices += 1,
                }
            }
        }
    }

    /// Called after the frames of a step: reduces what is consumed to at most what is displayed.
    pub(in crate::exchange) fn cap(&mut self) {
        for index in 0..self.touched.len() {
            let Touched { side, slot, .. } = self.touched[index];
            self.update(side, slot, |level| level.consumed = level.consumed.min(level.displayed));
        }
        let displayed = |side| best_occupied(&self.sides[side as usize].displayed, side);
        if let (Some(bid), Some(ask)) = (displayed(BookSide::Bid), displayed(BookSide::Ask)) {
            self.faults.crossed_books += u64::from(bid >= ask);
        }
    }

    /// Ends a step and reports the changes of what is available, removals before additions, so that a book to which they are
    /// applied one by one is never crossed in between.
    pub(in crate::exchange) fn finish(&mut self, changes: &mut Vec<AvailableChange>) {
        for Touched { side, slot, before } in self.touched.drain(..) {
            let level = &mut self.sides[side as usize].levels[slot];
            level.touched = false;
            let change = level.available() - before;
            if !change.is_zero() {
                changes.push(AvailableChange { side, slot, change });
            }
        }
        changes.sort_by_key(|change| change.change > Count::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{GridBands, Price};

    fn delta(side: Outcome, cents: u16, contracts: i64) -> Entry {
        Entry::Delta { side, price: Price::from_cents(cents), change: Count::from_contracts(contracts) }
    }

    fn step(book: &mut RecordedBook, grid: &Grid, entries: &[Entry]) -> Vec<(BookSide, usize, i64)> {
        let mut changes = Vec::new();
        for entry in entries {
            book.apply(grid, entry);
        }
        book.cap();
        book.finish(&mut changes);
        changes.into_iter().map(|c| (c.side, c.slot, c.change.units() / 100)).collect()
    }

    #[test]
    fn what_was_consumed_stays_consumed_and_is_capped_by_what_is_displayed() {
        let grid = Grid::new(GridBands::cents());
        let mut book = RecordedBook::new(&grid);
        assert_eq!(step(&mut book, &grid, &[delta(Outcome::No, 55, 10)]), [(BookSide::Ask, 45, 10)]);
        book.take(BookSide::Ask, 45, Count::from_contracts(8));
        assert_eq!(book.available(BookSide::Ask, 45), Count::from_contracts(2));
        // Five more appear and are available; the eight stay consumed.
        assert_eq!(step(&mut book, &grid, &[delta(Outcome::No, 55, 5)]), [(BookSide::Ask, 45, 5)]);
        // The displayed size falls to six: at most six are consumed, and nothing is available.
        assert_eq!(step(&mut book, &grid, &[delta(Outcome::No, 55, -9)]), [(BookSide::Ask, 45, -7)]);
        assert_eq!(step(&mut book, &grid, &[delta(Outcome::No, 55, 4)]), [(BookSide::Ask, 45, 4)]);
        assert_eq!(book.available(BookSide::Ask, 45), Count::from_contracts(4));
    }

    #[test]
    fn consumption_is_capped_after_the_step_and_not_within_it() {
        let grid = Grid::new(GridBands::cents());
        let mut book = RecordedBook::new(&grid);
        step(&mut book, &grid, &[delta(Outcome::Yes, 40, 10)]);
        book.take(BookSide::Bid, 40, Count::from_contracts(8));
        assert_eq!(step(&mut book, &grid, &[delta(Outcome::Yes, 40, -10), delta(Outcome::Yes, 40, 10)]), []);
        assert_eq!(book.available(BookSide::Bid, 40), Count::from_contracts(2));
    }

    #[test]
    fn a_snapshot_publishes_only_the_difference_removals_first() {
        let grid = Grid::new(GridBands::cents());
        let mut book = RecordedBook::new(&grid);
        step(&mut book, &grid, &[delta(Outcome::Yes, 40, 10), delta(Outcome::Yes, 41, 5), delta(Outcome::No, 55, 7)]);
        let levels = BookLevels {
            yes: vec![
                (Price::from_cents(40), Count::from_contracts(10)),
                (Price::from_cents(43), Count::from_contracts(1)),
            ],
            no: vec![],
        };
        let changes = step(&mut book, &grid, &[Entry::Snapshot(Box::new(levels))]);
        assert_eq!(changes, [(BookSide::Bid, 41, -5), (BookSide::Ask, 45, -7), (BookSide::Bid, 43, 1)]);
        assert_eq!(step(&mut book, &grid, &[Entry::Snapshot(Box::default())]).len(), 2);
        assert_eq!((book.best(BookSide::Bid), book.best(BookSide::Ask)), (None, None));
    }

    #[test]
    fn faults_of_a_recording_are_counted_and_never_panic() {
        let grid = Grid::new(GridBands::cents());
        let mut book = RecordedBook::new(&grid);
        let off_grid =
            Entry::Delta { side: Outcome::Yes, price: Price::from_units(4_005).unwrap(), change: Count::from_units(1) };
        step(
            &mut book,
            &grid,
            &[delta(Outcome::Yes, 40, -1), off_grid, delta(Outcome::Yes, 60, 1), delta(Outcome::No, 50, 1)],
        );
        let expected = RecordedFaults { negative_levels: 1, crossed_books: 1, off_grid_prices: 1 };
        assert_eq!(book.faults(), expected);
    }
}
