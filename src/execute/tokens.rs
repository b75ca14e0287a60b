//! The exchange's write buckets, mirrored: one for the whole account and one for each shard above zero. A create or an
//! amend is charged to its shard's bucket (shard 0: the account's), a batched cancel always to the account's.

use serde::{Deserialize, Serialize};

/// What a create costs.
pub const CREATE_COST: u32 = 10;
/// What an amend costs.
pub const AMEND_COST: u32 = 10;
/// What each order of a batched cancel costs.
pub const CANCEL_COST: u32 = 2;

const SHARDS: usize = 256;
const UNIT: u64 = 1_000_000_000;

/// A bucket in units of a billionth of a token, so that `rate x nanoseconds` is exact.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Bucket {
    level: u64,
    filled_ns: u64,
}

/// The write buckets of the account.
#[derive(Debug, Serialize, Deserialize)]
pub struct WriteTokens {
    refill: u64,
    capacity: u64,
    buckets: Box<[Bucket]>,
}

impl WriteTokens {
    /// Full buckets of that rate a second and that capacity.
    #[must_use]
    pub fn new(refill: u32, capacity: u32) -> Self {
        let capacity = u64::from(capacity) * UNIT;
        let buckets = vec![Bucket { level: capacity, filled_ns: 0 }; SHARDS].into_boxed_slice();
        Self { refill: u64::from(refill), capacity, buckets }
    }

    /// The account's tier became known. What is in a bucket stays, cut to the new capacity.
    pub fn set_limit(&mut self, refill: u32, capacity: u32, mono_ns: u64) {
        for shard in 0..SHARDS {
            self.fill(shard, mono_ns);
        }
        let full = self.capacity;
        self.refill = u64::from(refill);
        self.capacity = u64::from(capacity) * UNIT;
        for bucket in &mut self.buckets {
            // An untouched bucket is full at the exchange too.
            bucket.level = if bucket.level == full { self.capacity } else { bucket.level.min(self.capacity) };
        }
    }

    /// Whether a create or amend on a shard leaves enough to cancel `cancels` orders.
    pub fn allows(&self, exchange_index: u8, cost: u32, cancels: usize, mono_ns: u64) -> bool {
        let shard = usize::from(exchange_index);
        let (own, account) = (self.level(shard, mono_ns), self.level(0, mono_ns));
        let cost = u64::from(cost) * UNIT;
        let reserve = u64::try_from(cancels).unwrap_or(u64::MAX).saturating_mul(u64::from(CANCEL_COST) * UNIT);
        if shard == 0 { account >= cost.saturating_add(reserve) } else { own >= cost && account >= reserve }
    }

    /// Takes what a write on a shard costs; the bucket stops at empty.
    pub fn take(&mut self, exchange_index: u8, cost: u32, mono_ns: u64) {
        let shard = usize::from(exchange_index);
        self.fill(shard, mono_ns);
        self.buckets[shard].level = self.buckets[shard].level.saturating_sub(u64::from(cost) * UNIT);
    }

    /// How many orders could be cancelled now, and when the first could if none can.
    pub fn cancels(&mut self, mono_ns: u64) -> (usize, u64) {
        self.fill(0, mono_ns);
        let one = u64::from(CANCEL_COST) * UNIT;
        let level = self.buckets[0].level;
        let count = usize::try_from(level / one).unwrap_or(usize::MAX);
        let wait_ns = one.saturating_sub(level).div_ceil(self.refill.max(1));
        (count, mono_ns.saturating_add(wait_ns))
    }

    /// The exchange said that a bucket is empty.
    pub fn emptied(&mut self, exchange_index: u8, mono_ns: u64) {
        self.buckets[usize::from(exchange_index)] = Bucket { level: 0, filled_ns: mono_ns };
    }

    /// What a bucket holds at a time.
    fn level(&self, shard: usize, mono_ns: u64) -> u64 {
        let bucket = &self.buckets[shard];
        let elapsed_ns = mono_ns.saturating_sub(bucket.filled_ns);
        bucket.level.saturating_add(elapsed_ns.saturating_mul(self.refill)).min(self.capacity)
    }

    fn fill(&mut self, shard: usize, mono_ns: u64) {
        let level = self.level(shard, mono_ns);
        let bucket = &mut self.buckets[shard];
        *bucket = Bucket { level, filled_ns: bucket.filled_ns.max(mono_ns) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_bucket_empties_with_writes_and_refills_with_time() {
        let mut tokens = WriteTokens::new(100, 100);
        for _ in 0..10 {
            assert!(tokens.allows(0, CREATE_COST, 0, SECOND));
            tokens.take(0, CREATE_COST, SECOND);
        }
        assert!(!tokens.allows(0, CREATE_COST, 0, SECOND));
        assert!(!tokens.allows(0, CREATE_COST, 0, SECOND + 99_999_999));
        assert!(tokens.allows(0, CREATE_COST, 0, SECOND + 100_000_000));
    }

    #[test]
    fn what_cancelling_needs_is_never_spent() {
        let tokens = WriteTokens::new(100, 100);
        assert!(tokens.allows(0, CREATE_COST, 45, 0));
        assert!(!tokens.allows(0, CREATE_COST, 46, 0));
        // Another shard has its own bucket for the create; cancels still come from the account's.
        assert!(tokens.allows(2, CREATE_COST, 50, 0));
        assert!(!tokens.allows(2, CREATE_COST, 51, 0));
    }

    #[test]
    fn a_refusal_for_rate_empties_the_mirror() {
        let mut tokens = WriteTokens::new(100, 100);
        tokens.emptied(0, 7);
        assert_eq!(tokens.cancels(7), (0, 7 + 20_000_000));
        assert_eq!(tokens.cancels(7 + 20_000_000).0, 1);
    }

    #[test]
    fn the_tier_changes_rate_and_capacity() {
        let mut tokens = WriteTokens::new(100, 100);
        tokens.set_limit(300, 600, 0);
        assert_eq!(tokens.cancels(0).0, 300);
        tokens.emptied(0, 0);
        assert_eq!(tokens.cancels(SECOND).0, 150);
    }
}
