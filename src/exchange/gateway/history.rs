//! A list that only grows and is read from its newest entry back: the orders or fills of an account. Entries that may still
//! change and the newest of the others are in memory. The rest are in an unnamed file, each in a slot of its own, so that an
//! exchange that has run for days needs no more memory than one that has just started.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How many ended entries are kept in memory.
pub(super) const KEPT_MAX: usize = 4_096;
/// The size of a slot in the file. An order with texts of maximum length takes less than 300 bytes.
const SLOT_BYTES: usize = 384;
/// How many entries are read from the file at a time.
const READ_AHEAD: usize = 64;

/// The list. Positions count from the oldest entry and never change.
#[derive(Debug)]
pub(super) struct History<T> {
    length: usize,
    kept: BTreeMap<usize, T>,
    /// The ended entries among those in memory, in the order in which they ended.
    ended: VecDeque<usize>,
    file: Option<Slots<T>>,
    /// The file failed, so new entries are kept in memory.
    full: bool,
}

impl<T> Default for History<T> {
    fn default() -> Self {
        Self { length: 0, kept: BTreeMap::new(), ended: VecDeque::new(), file: None, full: false }
    }
}

impl<T: Clone + Serialize + DeserializeOwned> History<T> {
    /// Adds an entry that may change. Returns its position.
    pub(super) fn push(&mut self, entry: T) -> usize {
        let position = self.length;
        self.kept.insert(position, entry);
        self.length += 1;
        position
    }

    /// An entry that has not ended, or ended recently.
    pub(super) fn get_mut(&mut self, position: usize) -> Option<&mut T> {
        self.kept.get_mut(&position)
    }

    /// Marks an entry as final. Returns the entry that was moved from memory to the file because of that, if any.
    pub(super) fn end(&mut self, position: usize) -> Option<T> {
        self.ended.push_back(position);
        if self.ended.len() <= KEPT_MAX || self.full {
            return None;
        }
        let oldest = self.ended.pop_front()?;
        match self.write(oldest) {
            Ok(()) => self.kept.remove(&oldest),
            Err(error) => {
                tracing::warn!(%error, "the history of accounts stays in memory: the file for it failed");
                self.full = true;
                None
            }
        }
    }

    fn write(&mut self, position: usize) -> io::Result<()> {
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(Slots::new()?),
        };
        self.kept.get(&position).map_or(Ok(()), |entry| file.write(position, entry))
    }

    /// The entries in memory before a position, newest first. They include all that may still change.
    pub(super) fn kept(&self, end: usize) -> impl Iterator<Item = (usize, &T)> {
        self.kept.range(..end).rev().map(|(position, entry)| (*position, entry))
    }

    /// The number of entries, including those in the file.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// All entries before a position, newest first.
    pub(super) fn newest_first(&self, end: usize) -> impl Iterator<Item = io::Result<(usize, Cow<'_, T>)>> {
        let mut ahead: VecDeque<Option<T>> = VecDeque::new();
        (0..end.min(self.length)).rev().map(move |position| {
            if let Some(entry) = self.kept.get(&position) {
                // Its slot in the file is empty.
                ahead.pop_back();
                return Ok((position, Cow::Borrowed(entry)));
            }
            if ahead.is_empty() {
                let first = position.saturating_sub(READ_AHEAD - 1);
                ahead = self.slots()?.read(first, position + 1 - first)?;
            }
            let entry = ahead.pop_back().flatten().ok_or_else(nothing_there)?;
            Ok((position, Cow::Owned(entry)))
        })
    }

    /// The entry with a number. The list must be sorted by these numbers.
    pub(super) fn find(&self, number: u64, number_of: impl Fn(&T) -> u64) -> io::Result<Option<Cow<'_, T>>> {
        let (mut low, mut high) = (0, self.length);
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = match self.kept.get(&middle) {
                Some(entry) => Cow::Borrowed(entry),
                None => Cow::Owned(self.slots()?.read(middle, 1)?.pop_back().flatten().ok_or_else(nothing_there)?),
            };
            match number_of(&entry).cmp(&number) {
                std::cmp::Ordering::Equal => return Ok(Some(entry)),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    fn slots(&self) -> io::Result<&Slots<T>> {
        self.file.as_ref().ok_or_else(nothing_there)
    }
}

/// The file: one slot for each entry, which starts with the entry's length. An empty slot is all zeros.
#[derive(Debug)]
struct Slots<T> {
    file: File,
    entries: PhantomData<T>,
}

impl<T: Serialize + DeserializeOwned> Slots<T> {
    fn new() -> io::Result<Self> {
        Ok(Self { file: tempfile::tempfile()?, entries: PhantomData })
    }

    fn write(&self, position: usize, entry: &T) -> io::Result<()> {
        let mut slot = [0; SLOT_BYTES];
        let (length, content) = slot.split_at_mut(2);
        let written = postcard::to_slice(entry, content).map_err(io::Error::other)?.len();
        length.copy_from_slice(&u16::try_from(written).expect("a slot has fewer than 2^16 bytes").to_le_bytes());
        self.file.write_all_at(&slot, offset(position))
    }

    fn read(&self, first: usize, count: usize) -> io::Result<VecDeque<Option<T>>> {
        let mut slots = vec![0; count * SLOT_BYTES];
        self.file.read_exact_at(&mut slots, offset(first))?;
        slots.chunks(SLOT_BYTES).map(Self::entry).collect()
    }

    fn entry(slot: &[u8]) -> io::Result<Option<T>> {
        let (length, content) = slot.split_at(2);
        match usize::from(u16::from_le_bytes([length[0], length[1]])) {
            0 => Ok(None),
            length => postcard::from_bytes(&content[..length.min(content.len())]).map(Some).map_err(io::Error::other),
        }
    }
}

fn offset(position: usize) -> u64 {
    (position * SLOT_BYTES) as u64
}

fn nothing_there() -> io::Error {
    io::Error::other("the file has nothing in an entry's slot")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: usize = 3 * KEPT_MAX;

    /// A history in which entries are their positions times ten, and every thousandth stays open.
    fn history() -> History<u64> {
        let mut history = History::default();
        for number in 0..ENTRIES as u64 {
            let position = history.push(number);
            *history.get_mut(position).unwrap() *= 10;
            if number % 1_000 != 0 {
                history.end(position);
            }
        }
        history
    }

    #[test]
    fn a_list_is_read_whole_while_only_its_open_and_newest_entries_are_in_memory() {
        let history = history();
        assert_eq!(history.kept.len(), KEPT_MAX + ENTRIES.div_ceil(1_000));
        let read: Vec<(usize, u64)> =
            history.newest_first(usize::MAX).map(|entry| entry.map(|(at, entry)| (at, *entry)).unwrap()).collect();
        let expected: Vec<(usize, u64)> = (0..ENTRIES).rev().map(|at| (at, at as u64 * 10)).collect();
        assert_eq!(read, expected);
        let first = history.newest_first(130).next().unwrap().unwrap();
        assert_eq!((first.0, *first.1), (129, 1_290));
        let open: Vec<usize> = history.kept(KEPT_MAX).map(|(at, _)| at).collect();
        assert_eq!(open, [4_000, 3_000, 2_000, 1_000, 0]);
    }

    #[test]
    fn an_entry_is_found_by_its_number_wherever_it_is() {
        let history = history();
        for number in [0, 10, 990, 10_000, 40_950, ENTRIES as u64 * 10 - 10] {
            assert_eq!(history.find(number, |entry| *entry).unwrap().as_deref(), Some(&number));
        }
        assert_eq!(history.find(15, |entry| *entry).unwrap(), None);
        assert_eq!(history.find(u64::MAX, |entry| *entry).unwrap(), None);
    }

    #[test]
    fn an_entry_that_has_ended_leaves_the_memory_and_is_handed_over() {
        let mut history = History::default();
        let mut left = Vec::new();
        for number in 0..KEPT_MAX as u64 + 3 {
            let position = history.push(number);
            left.extend(history.end(position));
        }
        assert_eq!(left, [0, 1, 2]);
    }
}
