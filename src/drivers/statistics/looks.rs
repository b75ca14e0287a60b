//! Sums over samples of a book, taken every [`SAMPLE_MS`] even while nothing happens.

use std::collections::VecDeque;

/// The sampling interval of a book, in milliseconds.
pub const SAMPLE_MS: i64 = 250;
/// After how many samples a move of the mid is measured: one, five and fifteen seconds.
const AFTER: [usize; 3] = [4, 20, 60];

/// A sample of a book with two sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Twice the mid, in price units.
    pub(super) mid2: i64,
    /// The spread in price units.
    pub(super) spread: i64,
    /// The number of levels of both sides.
    pub(super) levels: u32,
    /// The sizes at the touch, in units of 0.01 contract.
    pub(super) touch: [i64; 2],
    pub(super) near: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Moves {
    sum: i128,
    pairs: u64,
}

/// The sums.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// Samples with two sides.
    count: u64,
    spread: i128,
    levels: i128,
    near: i128,
    /// Sizes at the touch, and the number of samples of each.
    touches: Vec<(i64, u64)>,
    /// The mids of the last samples, newest last. A sample without two sides has no mid.
    recent: VecDeque<Option<i64>>,
    moves: [Moves; AFTER.len()],
}

impl Looks {
    /// Adds a number of equal samples, in constant time.
    pub(super) fn add(&mut self, look: Option<Look>, times: u64) {
        if let Some(look) = look {
            let sum = |value: i64| i128::from(value) * i128::from(times);
            self.count += times;
            self.spread += sum(look.spread);
            self.levels += sum(i64::from(look.levels));
            self.near += sum(look.near);
            self.touches.extend(look.touch.map(|size| (size, times)));
        }
        let mid2 = look.map(|look| look.mid2);
        let longest = AFTER[AFTER.len() - 1];
        let one_by_one = usize::try_from(times).map_or(longest, |times| times.min(longest));
        for _ in 0..one_by_one {
            for (moves, after) in self.moves.iter_mut().zip(AFTER) {
                let before = self.recent.len().checked_sub(after).and_then(|at| self.recent[at]);
                if let (Some(before), Some(now)) = (before, mid2) {
                    moves.sum += i128::from((now - before).abs());
                    moves.pairs += 1;
                }
            }
            if self.recent.len() == longest {
                self.recent.pop_front();
            }
            self.recent.push_back(mid2);
        }
        if mid2.is_some() {
            // Nothing moved, so later samples compare with the same mid.
            self.moves.iter_mut().for_each(|moves| moves.pairs += times - one_by_one as u64);
        }
    }

    /// Whether no sample had two sides.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Mean spread, in price units.
    pub(super) fn spread(&self) -> f64 {
        mean(self.spread, self.count)
    }

    /// Mean number of levels, of both sides.
    pub(super) fn levels(&self) -> f64 {
        mean(self.levels, self.count)
    }

    /// Mean size near the touch, of both sides.
    pub(super) fn near(&self) -> f64 {
        mean(self.near, self.count)
    }

    /// Median size at the touch; the upper one of two.
    pub(super) fn touch(&mut self) -> f64 {
        self.touches.sort_unstable();
        let mut passed = 0;
        let middle = self.touches.iter().find(|(_, times)| {
            passed += times;
            passed > self.count
        });
        middle.map_or(f64::NAN, |(size, _)| *size as f64)
    }

    /// Mean absolute moves of twice the mid, in price units, after a second, five and fifteen.
    pub(super) fn moves(&self) -> [f64; AFTER.len()] {
        self.moves.map(|moves| mean(moves.sum, moves.pairs))
    }
}

fn mean(sum: i128, count: u64) -> f64 {
    if count == 0 { f64::NAN } else { sum as f64 / count as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(mid2: i64) -> Look {
        Look { mid2, spread: mid2 % 7 + 1, levels: 4, touch: [mid2 % 5 + 1, mid2 % 3 + 1], near: 9 }
    }

    #[test]
    fn many_looks_at_once_are_as_many_one_by_one() {
        let runs =
            [(Some(100), 3), (None, 2), (Some(120), 61), (Some(90), 1), (Some(95), 200), (None, 70), (Some(1), 9)];
        let (mut together, mut single) = (Looks::default(), Looks::default());
        for (mid2, times) in runs {
            together.add(mid2.map(look), times);
            (0..times).for_each(|_| single.add(mid2.map(look), 1));
        }
        let figures = |looks: &mut Looks| {
            let [one, five, fifteen] = looks.moves();
            [looks.spread(), looks.levels(), looks.near(), looks.touch(), one, five, fifteen]
        };
        let (together, single) = (figures(&mut together), figures(&mut single));
        assert_eq!(together.map(f64::to_bits), single.map(f64::to_bits), "{together:?}, {single:?}");
        assert!(single.iter().all(|figure| figure.is_finite() && *figure > 0.0), "{single:?}");
    }

    #[test]
    fn a_hundred_years_take_no_longer_than_a_minute() {
        let mut looks = Looks::default();
        looks.add(Some(look(100)), 12_623_040_000);
        looks.add(Some(look(104)), 1);
        assert_eq!((looks.touches.len(), looks.moves[0].pairs), (4, 12_623_040_001 - 4));
    }
}
