//! The largest levels of one outcome's bids, maintained without looking at all levels.

/// How many levels are tracked. Only three are asked for; the others are a reserve, so that a full rescan is needed only
/// after six of the tracked levels have dropped out of the set.
const TRACKED: usize = 8;

/// The largest levels in descending order. Untracked levels are at most `floor`, tracked ones at least `floor`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Largest {
    sizes: [i64; TRACKED],
    slots: [u16; TRACKED],
    length: usize,
    floor: i64,
}

impl Largest {
    #[inline]
    pub(super) fn three(&self) -> [i64; 3] {
        [self.sizes[0], self.sizes[1], self.sizes[2]]
    }

    /// Records a level's change; `levels` is the number of levels after it. Returns whether a rescan is needed.
    #[inline]
    pub(super) fn change(&mut self, slot: u16, old: i64, new: i64, levels: u32) -> bool {
        // A level below the floor is untracked before and after, but it may be among the three largest once others have shrunk.
        if old.max(new) >= self.floor {
            if old > 0 {
                self.remove(slot);
            }
            if new > 0 {
                self.offer(slot, new);
            }
        }
        self.length < 3 && self.length < levels as usize
    }

    /// Inserts an untracked level if it is large enough.
    #[inline]
    pub(super) fn offer(&mut self, slot: u16, size: i64) {
        if size < self.floor {
            return;
        }
        if self.length == TRACKED {
            let smallest = self.sizes[TRACKED - 1];
            self.floor = smallest.min(size);
            if size <= smallest {
                return;
            }
            self.length -= 1;
            self.floor = smallest;
        }
        let mut at = self.length;
        while at > 0 && self.sizes[at - 1] < size {
            self.sizes[at] = self.sizes[at - 1];
            self.slots[at] = self.slots[at - 1];
            at -= 1;
        }
        self.sizes[at] = size;
        self.slots[at] = slot;
        self.length += 1;
    }

    #[inline]
    fn remove(&mut self, slot: u16) {
        let Some(at) = self.slots[..self.length].iter().position(|&tracked| tracked == slot) else {
            return;
        };
        self.sizes.copy_within(at + 1..self.length, at);
        self.slots.copy_within(at + 1..self.length, at);
        self.length -= 1;
        self.sizes[self.length] = 0;
    }
}
