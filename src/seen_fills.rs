//! Recognises duplicate fills, in memory of a fixed size that is allocated at the start. Fills are identified by trade
//! and order, since both orders of a trade may be ours; the newest are remembered.
//!
//! A read that reaches further back than the memory brings fills that may or may not have been booked. They count as
//! duplicates, since booking a fill twice is worse than missing one that the next comparison with the exchange shows.
//! The stream never repeats a fill that old.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::market::{OrderId, TradeId};
use crate::messages::Source;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    trade: TradeId,
    order: OrderId,
    time_ms: i64,
}

impl Seen {
    /// Hashes without a random seed, so that runs are repeatable.
    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.trade, self.order).hash(&mut hasher);
        hasher.finish()
    }

    fn is(&self, trade: TradeId, order: OrderId) -> bool {
        self.trade == trade && self.order == order
    }
}

/// An unused entry of the index.
const EMPTY: u32 = u32::MAX;

/// The newest fills. When it is full, a new fill replaces the oldest.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Kept")]
pub struct SeenFills {
    /// A ring buffer once it is full.
    fills: Vec<Seen>,
    /// Position of the oldest fill in a full ring; 0 before.
    oldest: usize,
    bound: usize,
    /// Open-addressing hash index of positions in `fills`, with linear probing. Its length is a power of two, and it is
    /// at most half full.
    index: Box<[u32]>,
    /// The newest time of all fills that were forgotten.
    forgotten_ms: i64,
}

/// The form in which a checkpoint keeps the memory.
#[derive(Serialize, Deserialize)]
struct Kept<F = Vec<Seen>> {
    bound: usize,
    forgotten_ms: i64,
    /// Oldest first.
    fills: F,
}

/// Serializes the fills oldest first without copying them, since a hot thread writes the checkpoint.
struct OldestFirst<'a>(&'a SeenFills);

impl Serialize for OldestFirst<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (newer, older) = self.0.fills.split_at(self.0.oldest);
        serializer.collect_seq(older.iter().chain(newer))
    }
}

impl Serialize for SeenFills {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Kept { bound: self.bound, forgotten_ms: self.forgotten_ms, fills: OldestFirst(self) }.serialize(serializer)
    }
}

impl TryFrom<Kept> for SeenFills {
    type Error = String;

    fn try_from(kept: Kept) -> Result<Self, String> {
        let Kept { bound, forgotten_ms, fills } = kept;
        if fills.len() > bound || !(1..=Self::BOUND_MAX).contains(&bound) {
            return Err(format!(
                "{} fills of at most {bound}; expected a memory of 1 to {}",
                fills.len(),
                Self::BOUND_MAX
            ));
        }
        let mut seen = Self::new(bound);
        for fill in fills {
            seen.push(fill);
        }
        seen.forgotten_ms = forgotten_ms;
        Ok(seen)
    }
}

impl SeenFills {
    /// The largest bound allowed.
    pub const BOUND_MAX: usize = 1 << 20;

    /// Allocates room for `bound` fills.
    ///
    /// # Panics
    /// When `bound` is 0 or more than [`SeenFills::BOUND_MAX`].
    #[must_use]
    pub fn new(bound: usize) -> Self {
        assert!((1..=Self::BOUND_MAX).contains(&bound), "a memory of fills has a size that makes sense");
        Self {
            fills: Vec::with_capacity(bound),
            oldest: 0,
            bound,
            index: vec![EMPTY; (2 * bound).next_power_of_two()].into_boxed_slice(),
            forgotten_ms: i64::MIN,
        }
    }

    /// Remembers a fill. Returns `true` if it is new.
    pub fn insert(&mut self, trade: TradeId, order: OrderId, time_ms: i64, source: Source) -> bool {
        let fill = Seen { trade, order, time_ms };
        if self.place_of(&fill).is_some() || (source == Source::Read && time_ms <= self.forgotten_ms) {
            return false;
        }
        self.push(fill);
        true
    }

    /// Whether a fill is remembered.
    #[must_use]
    pub fn contains(&self, trade: TradeId, order: OrderId) -> bool {
        self.place_of(&Seen { trade, order, time_ms: 0 }).is_some()
    }

    #[cfg(feature = "internals")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.fills.len()
    }

    #[cfg(feature = "internals")]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fills.is_empty()
    }

    fn push(&mut self, fill: Seen) {
        let place = if self.fills.len() < self.bound {
            self.fills.push(fill);
            self.fills.len() - 1
        } else {
            let place = self.oldest;
            let forgotten = self.fills[place];
            if let Some(at) = self.place_of(&forgotten) {
                self.vacate(at);
            }
            self.forgotten_ms = self.forgotten_ms.max(forgotten.time_ms);
            self.fills[place] = fill;
            self.oldest = (place + 1) % self.bound;
            place
        };
        let mut at = self.home(&fill);
        while self.index[at] != EMPTY {
            at = self.next(at);
        }
        self.index[at] = u32::try_from(place).expect("a memory has fewer fills than 2^32");
    }

    /// The fill's home slot in the index: where it is without collisions.
    fn home(&self, fill: &Seen) -> usize {
        usize::try_from(fill.hash() & (self.index.len() as u64 - 1)).expect("the index fits the memory")
    }

    fn next(&self, at: usize) -> usize {
        (at + 1) & (self.index.len() - 1)
    }

    /// The slot of the index that holds the fill.
    fn place_of(&self, fill: &Seen) -> Option<usize> {
        let mut at = self.home(fill);
        while self.index[at] != EMPTY {
            if self.fills[self.index[at] as usize].is(fill.trade, fill.order) {
                return Some(at);
            }
            at = self.next(at);
        }
        None
    }

    /// Removes an entry from the index and moves up the entries behind it that it had displaced.
    fn vacate(&mut self, mut hole: usize) {
        let mut at = self.next(hole);
        while self.index[at] != EMPTY {
            let home = self.home(&self.fills[self.index[at] as usize]);
            let mask = self.index.len() - 1;
            // True if the entry's home slot is at the hole or before it, cyclically.
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(hole) & mask {
                self.index[hole] = self.index[at];
                hole = at;
            }
            at = self.next(at);
        }
        self.index[hole] = EMPTY;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn key(number: u64) -> (TradeId, OrderId) {
        (TradeId::from_bits(u128::from(number)), OrderId::from_bits(u128::from(number % 3)))
    }

    fn insert(seen: &mut SeenFills, number: u64, source: Source) -> bool {
        let (trade, order) = key(number);
        seen.insert(trade, order, number.cast_signed(), source)
    }

    #[test]
    fn a_fill_is_new_once_for_each_of_its_orders() {
        let mut seen = SeenFills::new(8);
        let (trade, one, other) = (TradeId::from_bits(1), OrderId::from_bits(1), OrderId::from_bits(2));
        assert!(seen.insert(trade, one, 5, Source::Stream));
        assert!(!seen.insert(trade, one, 5, Source::Read));
        assert!(!seen.contains(trade, other));
        assert!(seen.insert(trade, other, 5, Source::Read));
        assert!(seen.contains(trade, other));
    }

    #[test]
    fn a_read_that_reaches_behind_the_memory_brings_nothing_new() {
        let mut seen = SeenFills::new(4);
        for number in 0..10_000 {
            assert!(insert(&mut seen, number, Source::Stream));
        }
        assert_eq!(seen.len(), 4);
        for number in 9_990..10_000 {
            assert!(!insert(&mut seen, number, Source::Read), "{number}");
        }
        assert!(insert(&mut seen, 10_000, Source::Read));
        assert!(insert(&mut seen, 3, Source::Stream), "the stream tells what it has not told");
    }

    #[test]
    fn the_memory_has_its_full_size_from_the_start() {
        let mut seen = SeenFills::new(1_000);
        let (fills, index) = (seen.fills.capacity(), seen.index.len());
        for number in 0..5_000 {
            insert(&mut seen, number, Source::Stream);
        }
        assert_eq!((seen.fills.capacity(), seen.index.len()), (fills, index));
    }

    #[test]
    fn a_checkpoint_of_an_impossible_memory_is_refused() {
        for (bound, fills) in [(0, 0), (1, 2), (usize::MAX, 0)] {
            let fill = Seen { trade: TradeId::default(), order: OrderId::default(), time_ms: 0 };
            let kept = Kept { bound, forgotten_ms: 0, fills: vec![fill; fills] };
            let bytes = postcard::to_stdvec(&kept).unwrap();
            assert!(postcard::from_bytes::<SeenFills>(&bytes).is_err(), "{bound}");
        }
    }

    proptest::proptest! {
        #[test]
        fn it_remembers_what_a_list_of_the_newest_would(
            numbers in proptest::collection::vec(0u64..40, 1..400), bound in 1usize..20,
        ) {
            let mut seen = SeenFills::new(bound);
            let mut naive: VecDeque<u64> = VecDeque::new();
            for number in numbers {
                let new = !naive.contains(&number);
                proptest::prop_assert_eq!(insert(&mut seen, number, Source::Stream), new);
                if new {
                    if naive.len() == bound {
                        naive.pop_front();
                    }
                    naive.push_back(number);
                }
                let bytes = postcard::to_stdvec(&seen).unwrap();
                seen = postcard::from_bytes(&bytes).unwrap();
                proptest::prop_assert_eq!(postcard::to_stdvec(&seen).unwrap(), bytes);
            }
        }
    }
}
