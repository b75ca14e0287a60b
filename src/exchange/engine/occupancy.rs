//! Which slots of a grid are in use: one bit per slot, searched a word at a time.

/// A set of grid slots.
#[derive(Debug)]
pub(in crate::exchange) struct Occupancy {
    words: Box<[u64]>,
}

impl Occupancy {
    pub(in crate::exchange) fn new(slots: usize) -> Self {
        Self { words: vec![0; slots.div_ceil(64)].into_boxed_slice() }
    }

    pub(in crate::exchange) fn set(&mut self, slot: usize, occupied: bool) {
        let bit = 1 << (slot % 64);
        if occupied {
            self.words[slot / 64] |= bit;
        } else {
            self.words[slot / 64] &= !bit;
        }
    }

    /// The lowest occupied slot at or above `from`.
    pub(in crate::exchange) fn lowest_from(&self, from: usize) -> Option<usize> {
        let mut index = from / 64;
        let mut word = *self.words.get(index)? & u64::MAX << (from % 64);
        while word == 0 {
            index += 1;
            word = *self.words.get(index)?;
        }
        Some(index * 64 + word.trailing_zeros() as usize)
    }

    /// The highest occupied slot at or below `from`, which may be beyond the last slot.
    pub(in crate::exchange) fn highest_to(&self, from: usize) -> Option<usize> {
        let last = self.words.len() * 64 - 1;
        let from = from.min(last);
        let mut index = from / 64;
        let mut word = self.words[index] & u64::MAX >> (63 - from % 64);
        while word == 0 {
            index = index.checked_sub(1)?;
            word = self.words[index];
        }
        Some(index * 64 + 63 - word.leading_zeros() as usize)
    }

    /// All occupied slots, lowest first.
    pub(in crate::exchange) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.lowest_from(0), |&slot| self.lowest_from(slot + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_agree_with_a_list_of_slots() {
        let mut set = Occupancy::new(201);
        let slots = [0, 1, 63, 64, 65, 127, 128, 200];
        for slot in slots {
            set.set(slot, true);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), slots);
        for from in 0..=210 {
            assert_eq!(set.lowest_from(from), slots.into_iter().find(|&slot| slot >= from), "from {from}");
            assert_eq!(set.highest_to(from), slots.into_iter().rev().find(|&slot| slot <= from), "to {from}");
        }
        for slot in slots {
            set.set(slot, false);
        }
        assert_eq!((set.lowest_from(0), set.highest_to(usize::MAX)), (None, None));
    }
}
