//! The client order ids ever used. An exchange that runs for days takes millions of them, and none may be used again. The
//! first few are kept in memory; beyond that, they are in a hash table in an unnamed file, no part of which is in memory.
//!
//! An id is stored as a 128-bit digest, for which collisions are negligible. The table has buckets of 4 KiB, selected by the
//! highest bits of the digest, so that a table twice as large can be written from front to back.

use std::collections::HashSet;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::FileExt;

use super::AccountId;

/// How many ids are kept in memory before there is a file.
const KEPT_MAX: usize = 8_192;
const DIGEST_BYTES: usize = 16;
/// The number of ids that fit a bucket.
const SLOTS: usize = 256;
const BUCKET_BYTES: usize = SLOTS * DIGEST_BYTES;
/// The number of buckets of a new table, as a power of two.
const BITS_FIRST: u32 = 7;
/// The average number of ids per bucket at which the table is enlarged: well below a full bucket, because buckets fill
/// unevenly.
const FILLED_MAX: u64 = 128;

/// The set of used ids.
#[derive(Debug, Default)]
pub(super) struct UsedIds {
    kept: HashSet<u128>,
    table: Option<Table>,
    /// The disk failed, so new ids are kept in memory.
    full: bool,
}

impl UsedIds {
    /// Uses up an id of an account. Returns whether it was new.
    pub(super) fn insert(&mut self, account: AccountId, id: &str) -> bool {
        let digest = digest(account, id);
        if self.kept.contains(&digest) {
            return false;
        }
        match self.insert_on_disk(digest) {
            Ok(Some(new)) => new,
            Ok(None) => self.kept.insert(digest),
            Err(error) => {
                if !std::mem::replace(&mut self.full, true) {
                    tracing::warn!(%error, "used client order ids stay in memory: the file for them failed");
                }
                self.kept.insert(digest)
            }
        }
    }

    /// Whether the id is new, if the file can tell and stores it; `None` if it has to be kept in memory.
    fn insert_on_disk(&mut self, digest: u128) -> io::Result<Option<bool>> {
        if self.table.is_none() && self.kept.len() == KEPT_MAX && !self.full {
            self.table = Some(Table::of(&self.kept)?);
            self.kept = HashSet::new();
        }
        match &mut self.table {
            None => Ok(None),
            Some(table) if self.full => Ok(table.contains(digest)?.then_some(false)),
            Some(table) => table.insert(digest).map(Some),
        }
    }

    /// The number of ids kept in memory.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.kept.len()
    }
}

/// Never zero, which marks an empty slot.
fn digest(account: AccountId, id: &str) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, account, id).hash(&mut hasher);
        hasher.finish()
    };
    (u128::from(half(0)) << 64 | u128::from(half(1))).max(1)
}

/// The hash table in the file.
#[derive(Debug)]
struct Table {
    file: File,
    /// It has two to the power of `bits` buckets.
    bits: u32,
    ids: u64,
}

impl Table {
    fn new(bits: u32) -> io::Result<Self> {
        let file = tempfile::tempfile()?;
        file.set_len((BUCKET_BYTES as u64) << bits)?;
        Ok(Self { file, bits, ids: 0 })
    }

    fn of(digests: &HashSet<u128>) -> io::Result<Self> {
        let mut table = Self::new(BITS_FIRST)?;
        for digest in digests {
            table.insert(*digest)?;
        }
        Ok(table)
    }

    /// Adds an id unless it is present. Returns whether it was added.
    fn insert(&mut self, digest: u128) -> io::Result<bool> {
        if self.ids >= FILLED_MAX << self.bits {
            *self = self.doubled()?;
        }
        loop {
            let at = self.place(digest);
            let bucket = read_bucket(&self.file, at)?;
            let mut filled = 0;
            for found in ids_of(&bucket) {
                if found == digest {
                    return Ok(false);
                }
                filled += 1;
            }
            if filled < SLOTS {
                self.file.write_all_at(&digest.to_le_bytes(), at + (filled * DIGEST_BYTES) as u64)?;
                self.ids += 1;
                return Ok(true);
            }
            *self = self.doubled()?;
        }
    }

    fn contains(&self, digest: u128) -> io::Result<bool> {
        let bucket = read_bucket(&self.file, self.place(digest))?;
        Ok(ids_of(&bucket).any(|found| found == digest))
    }

    /// The file offset of a digest's bucket.
    fn place(&self, digest: u128) -> u64 {
        let bucket = u64::try_from(digest >> (u128::BITS - self.bits)).expect("a table has fewer than 2^64 buckets");
        bucket * BUCKET_BYTES as u64
    }

    /// The same ids in twice as many buckets: each bucket becomes two adjacent ones.
    fn doubled(&self) -> io::Result<Self> {
        let mut larger = Self::new(self.bits + 1)?;
        larger.ids = self.ids;
        let half = u128::BITS - larger.bits;
        for number in 0..1u64 << self.bits {
            let bucket = read_bucket(&self.file, number * BUCKET_BYTES as u64)?;
            let mut two = [0; 2 * BUCKET_BYTES];
            let mut filled = [0; 2];
            for digest in ids_of(&bucket) {
                let side = usize::from(digest >> half & 1 == 1);
                let at = side * BUCKET_BYTES + filled[side] * DIGEST_BYTES;
                two[at..at + DIGEST_BYTES].copy_from_slice(&digest.to_le_bytes());
                filled[side] += 1;
            }
            larger.file.write_all_at(&two, number * two.len() as u64)?;
        }
        Ok(larger)
    }
}

fn read_bucket(file: &File, at: u64) -> io::Result<[u8; BUCKET_BYTES]> {
    let mut bucket = [0; BUCKET_BYTES];
    file.read_exact_at(&mut bucket, at)?;
    Ok(bucket)
}

fn ids_of(bucket: &[u8; BUCKET_BYTES]) -> impl Iterator<Item = u128> + '_ {
    let (slots, _) = bucket.as_chunks::<DIGEST_BYTES>();
    slots.iter().map(|slot| u128::from_le_bytes(*slot)).take_while(|digest| *digest != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_used_once_by_each_account_however_many_there_are() {
        const IDS: usize = 60_000;
        let mut used = UsedIds::default();
        for number in 0..IDS {
            assert!(used.insert(1, &format!("id-{number}")), "{number}");
        }
        assert!(used.insert(2, "id-0"), "another account's");
        for number in (0..IDS).step_by(7) {
            assert!(!used.insert(1, &format!("id-{number}")), "{number}");
        }
        let table = used.table.as_ref().unwrap();
        assert_eq!((used.kept(), table.ids), (0, IDS as u64 + 1));
        assert!(table.bits > BITS_FIRST, "it grew");
    }

    #[test]
    fn after_the_disk_fails_ids_are_still_used_once() {
        let mut used = UsedIds::default();
        for number in 0..=KEPT_MAX {
            assert!(used.insert(1, &number.to_string()));
        }
        used.full = true;
        for number in 0..2 * KEPT_MAX {
            assert_eq!(used.insert(1, &number.to_string()), number > KEPT_MAX, "{number}");
        }
        assert_eq!(used.kept(), KEPT_MAX - 1);
        assert!(!used.insert(1, &(2 * KEPT_MAX - 1).to_string()));
    }

    #[test]
    fn the_first_ids_need_no_file() {
        let mut used = UsedIds::default();
        assert!(used.insert(1, "a") && !used.insert(1, "a") && used.insert(1, "b"));
        assert_eq!((used.kept(), used.table.is_none()), (2, true));
    }
}
