//! A set of market positions, iterated in ascending order.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MarketSet {
    words: Box<[u64]>,
    count: usize,
}

impl MarketSet {
    /// Creates an empty set over `0..positions`.
    pub(super) fn new(positions: usize) -> Self {
        Self { words: vec![0; positions.div_ceil(64)].into_boxed_slice(), count: 0 }
    }

    pub(super) fn insert(&mut self, position: usize) {
        let (word, bit) = (&mut self.words[position / 64], 1 << (position % 64));
        self.count += usize::from(*word & bit == 0);
        *word |= bit;
    }

    pub(super) fn remove(&mut self, position: usize) {
        let (word, bit) = (&mut self.words[position / 64], 1 << (position % 64));
        self.count -= usize::from(*word & bit != 0);
        *word &= !bit;
    }

    pub(super) fn contains(&self, position: usize) -> bool {
        self.words[position / 64] & (1 << (position % 64)) != 0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The first member at or after a position.
    pub(super) fn next_from(&self, position: usize) -> Option<usize> {
        let first = position / 64;
        let mut word = *self.words.get(first)? & (u64::MAX << (position % 64));
        let mut index = first;
        while word == 0 {
            index += 1;
            word = *self.words.get(index)?;
        }
        Some(index * 64 + word.trailing_zeros() as usize)
    }

    pub(super) fn first(&self) -> Option<usize> {
        if self.is_empty() { None } else { self.next_from(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_order_whatever_the_order_of_insertion() {
        let mut set = MarketSet::new(200);
        for position in [199, 0, 64, 63, 64] {
            set.insert(position);
        }
        assert_eq!(set.len(), 4);
        let mut members = Vec::new();
        let mut from = 0;
        while let Some(position) = set.next_from(from) {
            members.push(position);
            from = position + 1;
        }
        assert_eq!(members, [0, 63, 64, 199]);
        set.remove(0);
        set.remove(0);
        assert_eq!((set.first(), set.len(), set.contains(63)), (Some(63), 3, true));
    }
}
