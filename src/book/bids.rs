//! The bids for one outcome by grid slot: sizes, occupancy and running totals. Prices are the caller's business.

use super::largest::Largest;

const WORD_BITS: usize = 64;
/// Enough summary words for the finest grid: 10,001 slots take 157 words, whose bits fill 3 summary words.
const SUMMARY_WORDS: usize = 3;

/// Sizes by slot, with a two-level bitmap of the slots in use: one bit per slot, and one bit per word of those.
#[derive(Clone, Debug)]
pub(super) struct Bids {
    sizes: Box<[i64]>,
    occupied: Box<[u64]>,
    summary: [u64; SUMMARY_WORDS],
    best: Option<u16>,
    levels: u32,
    volume: i64,
    largest: Largest,
}

impl Bids {
    pub(super) fn new(slots: usize) -> Self {
        let words = slots.div_ceil(WORD_BITS);
        assert!(words <= SUMMARY_WORDS * WORD_BITS, "a grid has at most 10,001 slots");
        Self {
            sizes: vec![0; slots].into_boxed_slice(),
            occupied: vec![0; words].into_boxed_slice(),
            summary: [0; SUMMARY_WORDS],
            best: None,
            levels: 0,
            volume: 0,
            largest: Largest::default(),
        }
    }

    /// Visits only occupied slots, so clearing a thin book on a fine grid is cheap.
    pub(super) fn clear(&mut self) {
        while let Some(slot) = self.best {
            let slot = usize::from(slot);
            self.sizes[slot] = 0;
            self.best = self.vacate(slot);
        }
        self.levels = 0;
        self.volume = 0;
        self.largest = Largest::default();
    }

    #[inline]
    pub(super) fn size(&self, slot: usize) -> i64 {
        self.sizes[slot]
    }

    #[inline]
    pub(super) fn best(&self) -> Option<usize> {
        self.best.map(usize::from)
    }

    #[inline]
    pub(super) fn levels(&self) -> u32 {
        self.levels
    }

    #[inline]
    pub(super) fn volume(&self) -> i64 {
        self.volume
    }

    /// The three largest sizes in descending order, padded with zeros if there are fewer levels.
    #[inline]
    pub(super) fn largest_three(&self) -> [i64; 3] {
        self.largest.three()
    }

    /// Sets a slot's size to `new`; `old` is its present size.
    #[inline]
    pub(super) fn set(&mut self, slot: usize, old: i64, new: i64) {
        debug_assert!(self.sizes[slot] == old && new >= 0, "the caller reads the size before it changes it");
        self.sizes[slot] = new;
        self.volume += new - old;
        let narrow = u16::try_from(slot).expect("a grid has at most 10,001 slots");
        if old == 0 && new > 0 {
            self.occupy(slot);
            self.levels += 1;
            self.best = self.best.max(Some(narrow));
        } else if old > 0 && new == 0 {
            let below = self.vacate(slot);
            self.levels -= 1;
            if self.best == Some(narrow) && !planted!(BestLevelKept) {
                self.best = below;
            }
        }
        if self.largest.change(narrow, old, new, self.levels) {
            self.rescan_largest();
        }
    }

    /// The slots in use and their sizes, highest slot first.
    pub(super) fn descending(&self) -> impl Iterator<Item = (usize, i64)> + '_ {
        std::iter::successors(self.best, |&slot| self.below(usize::from(slot)))
            .map(|slot| (usize::from(slot), self.sizes[usize::from(slot)]))
    }

    #[cold]
    fn rescan_largest(&mut self) {
        let mut largest = Largest::default();
        for (slot, size) in self.descending() {
            largest.offer(u16::try_from(slot).expect("a grid has at most 10,001 slots"), size);
        }
        self.largest = largest;
    }

    #[inline]
    fn occupy(&mut self, slot: usize) {
        let word = slot / WORD_BITS;
        self.occupied[word] |= 1 << (slot % WORD_BITS);
        self.summary[word / WORD_BITS] |= 1 << (word % WORD_BITS);
    }

    /// Marks a slot as free and returns the next lower slot in use.
    #[inline]
    fn vacate(&mut self, slot: usize) -> Option<u16> {
        let word = slot / WORD_BITS;
        self.occupied[word] &= !(1 << (slot % WORD_BITS));
        if self.occupied[word] == 0 {
            self.summary[word / WORD_BITS] &= !(1 << (word % WORD_BITS));
        }
        self.below(slot)
    }

    /// The highest slot in use below `slot`.
    #[inline]
    fn below(&self, slot: usize) -> Option<u16> {
        let word = slot / WORD_BITS;
        let within = self.occupied[word] & lower_bits(slot % WORD_BITS);
        if within != 0 {
            return Some(slot_of(word, within));
        }
        let group = word / WORD_BITS;
        let beside = self.summary[group] & lower_bits(word % WORD_BITS);
        let (group, words) = if beside == 0 {
            let group = (0..group).rev().find(|&group| self.summary[group] != 0)?;
            (group, self.summary[group])
        } else {
            (group, beside)
        };
        let word = group * WORD_BITS + highest_bit(words);
        Some(slot_of(word, self.occupied[word]))
    }
}

#[inline]
fn lower_bits(bit: usize) -> u64 {
    (1 << bit) - 1
}

#[inline]
fn highest_bit(word: u64) -> usize {
    WORD_BITS - 1 - word.leading_zeros() as usize
}

#[inline]
fn slot_of(word: usize, bits: u64) -> u16 {
    u16::try_from(word * WORD_BITS + highest_bit(bits)).expect("a grid has at most 10,001 slots")
}
