//! Tracks the largest of many numbers that change one at a time.

use serde::{Deserialize, Serialize};

/// A tournament tree over a fixed number of entries. A change takes one comparison per level of the tree, ten for a
/// thousand entries, and the winner is always known. Among equals the lowest entry wins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tournament {
    values: Box<[i64]>,
    /// The winning entry below each inner node. Node 1 is the root, and the children of `n` are `2n` and `2n + 1`.
    winners: Box<[u32]>,
    /// The number of leaves, a power of two; those beyond the entries stay at zero.
    leaves: usize,
}

impl Tournament {
    pub(super) fn new(entries: usize) -> Self {
        let leaves = entries.next_power_of_two().max(2);
        let mut this =
            Self { values: vec![0; leaves].into_boxed_slice(), winners: vec![0; leaves].into_boxed_slice(), leaves };
        for node in (1..leaves).rev() {
            this.winners[node] = this.play(node);
        }
        this
    }

    /// Sets an entry's value and replays the matches on the path to the root.
    pub(super) fn set(&mut self, entry: usize, value: i64) {
        if self.values[entry] == value {
            return;
        }
        self.values[entry] = value;
        // The leaf of an entry would be node `leaves + entry`; this is its parent.
        let mut node = self.leaves / 2 + entry / 2;
        while node > 0 {
            self.winners[node] = self.play(node);
            node /= 2;
        }
    }

    /// The entry with the largest value, and the value.
    #[inline]
    pub(super) fn winner(&self) -> (usize, i64) {
        let entry = self.winners[1] as usize;
        (entry, self.values[entry])
    }

    #[inline]
    fn play(&self, node: usize) -> u32 {
        let (one, other) = (self.champion(2 * node), self.champion(2 * node + 1));
        if self.values[one as usize] >= self.values[other as usize] { one } else { other }
    }

    #[inline]
    fn champion(&self, node: usize) -> u32 {
        if node < self.leaves {
            self.winners[node]
        } else {
            u32::try_from(node - self.leaves).expect("markets are numbered in 16 bits")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_winner_is_the_first_of_the_largest(
            entries in 1usize..40,
            changes in prop::collection::vec((any::<prop::sample::Index>(), 0i64..8), 0..100),
        ) {
            let mut tournament = Tournament::new(entries);
            let mut naive = vec![0i64; entries];
            for (index, value) in changes {
                let entry = index.index(entries);
                tournament.set(entry, value);
                naive[entry] = value;
                let largest = *naive.iter().max().unwrap();
                let first = naive.iter().position(|&value| value == largest).unwrap();
                prop_assert_eq!(tournament.winner(), (first, largest));
            }
        }
    }
}
