//! The exchange's write buckets, mirrored: one for the whole account and one for each shard above zero. A create or an
//! amend is charged to its shard's bucket (shard 0: the account's), a batched cancel always to the account's. Owns the
//! mirror and what the exchange said of rates and costs. Refill runs on session time, as every throttle does.

use serde::{Deserialize, Serialize};

const SHARDS: usize = 256;
/// Levels are in units of a trillionth of a token, so that `rate x speed x nanoseconds` is exact.
const UNIT: u64 = 1_000_000_000_000;

/// What writes cost and how fast the account may pay for them. Tokens, and tokens a second of session time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteBudget {
    /// Tokens that come back in a second.
    pub refill: u32,
    /// Tokens at most.
    pub capacity: u32,
    /// What a create costs.
    pub create: u32,
    /// What an amend costs.
    pub amend: u32,
    /// What each order of a batched cancel costs.
    pub cancel: u32,
}

impl WriteBudget {
    /// A budget with the documented costs (protocol page, 6): 10 for a create or an amend, 2 for a cancel.
    #[must_use]
    pub const fn documented(refill: u32, capacity: u32) -> Self {
        Self { refill, capacity, create: 10, amend: 10, cancel: 2 }
    }
}

/// A bucket.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Bucket {
    level: u64,
    filled_ns: u64,
}

/// The write buckets of the account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WriteTokens {
    budget: WriteBudget,
    /// Thousandths of session time that pass in a unit of monotonic time.
    speed_milli: u32,
    buckets: Box<[Bucket]>,
}

impl WriteTokens {
    /// Full buckets. Times are monotonic; `speed_milli` says how fast session time runs against them.
    #[must_use]
    pub fn new(budget: WriteBudget, speed_milli: u32) -> Self {
        let level = u64::from(budget.capacity).saturating_mul(UNIT);
        let buckets = vec![Bucket { level, filled_ns: 0 }; SHARDS].into_boxed_slice();
        Self { budget, speed_milli, buckets }
    }

    /// What the exchange said.
    #[must_use]
    pub fn budget(&self) -> WriteBudget {
        self.budget
    }

    /// Rates or costs became known. What is in a bucket stays, cut to the new capacity.
    pub fn set_budget(&mut self, budget: WriteBudget, mono_ns: u64) {
        for shard in 0..SHARDS {
            self.fill(shard, mono_ns);
        }
        let full = self.capacity();
        self.budget = budget;
        let capacity = self.capacity();
        for bucket in &mut self.buckets {
            // An untouched bucket is full at the exchange too.
            bucket.level = if bucket.level == full { capacity } else { bucket.level.min(capacity) };
        }
    }

    /// Whether a create or amend of that cost on a shard leaves enough to cancel `cancels` orders.
    pub fn allows(&self, exchange_index: u8, cost: u32, cancels: usize, mono_ns: u64) -> bool {
        let shard = usize::from(exchange_index);
        let (own, account) = (self.level(shard, mono_ns), self.level(0, mono_ns));
        let cost = u64::from(cost) * UNIT;
        let reserve = u64::try_from(cancels).unwrap_or(u64::MAX).saturating_mul(u64::from(self.budget.cancel) * UNIT);
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
        let one = u64::from(self.budget.cancel.max(1)) * UNIT;
        let level = self.buckets[0].level;
        let count = usize::try_from(level / one).unwrap_or(usize::MAX);
        let wait_ns = one.saturating_sub(level).div_ceil(self.per_ns().max(1));
        (count, mono_ns.saturating_add(wait_ns))
    }

    /// The exchange said that a bucket is empty.
    pub fn emptied(&mut self, exchange_index: u8, mono_ns: u64) {
        self.buckets[usize::from(exchange_index)] = Bucket { level: 0, filled_ns: mono_ns };
    }

    /// What comes back in a nanosecond, in [`UNIT`]s: tokens a second times thousandths of speed.
    fn per_ns(&self) -> u64 {
        u64::from(self.budget.refill) * u64::from(self.speed_milli)
    }

    fn capacity(&self) -> u64 {
        u64::from(self.budget.capacity).saturating_mul(UNIT)
    }

    /// What a bucket holds at a time.
    fn level(&self, shard: usize, mono_ns: u64) -> u64 {
        let bucket = &self.buckets[shard];
        let elapsed_ns = mono_ns.saturating_sub(bucket.filled_ns);
        bucket.level.saturating_add(elapsed_ns.saturating_mul(self.per_ns())).min(self.capacity())
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
    const CREATE: u32 = 10;

    #[test]
    fn a_bucket_empties_with_writes_and_refills_with_time() {
        let mut tokens = WriteTokens::new(WriteBudget::documented(100, 100), 1_000);
        for _ in 0..10 {
            assert!(tokens.allows(0, CREATE, 0, SECOND));
            tokens.take(0, CREATE, SECOND);
        }
        assert!(!tokens.allows(0, CREATE, 0, SECOND));
        assert!(!tokens.allows(0, CREATE, 0, SECOND + 99_999_999));
        assert!(tokens.allows(0, CREATE, 0, SECOND + 100_000_000));
    }

    #[test]
    fn what_cancelling_needs_is_never_spent() {
        let tokens = WriteTokens::new(WriteBudget::documented(100, 100), 1_000);
        assert!(tokens.allows(0, CREATE, 45, 0));
        assert!(!tokens.allows(0, CREATE, 46, 0));
        // Another shard has its own bucket for the create; cancels still come from the account's.
        assert!(tokens.allows(2, CREATE, 50, 0));
        assert!(!tokens.allows(2, CREATE, 51, 0));
    }

    #[test]
    fn a_refusal_for_rate_empties_the_mirror() {
        let mut tokens = WriteTokens::new(WriteBudget::documented(100, 100), 1_000);
        tokens.emptied(0, 7);
        assert_eq!(tokens.cancels(7), (0, 7 + 20_000_000));
        assert_eq!(tokens.cancels(7 + 20_000_000).0, 1);
    }

    #[test]
    fn the_tier_changes_rate_and_capacity() {
        let mut tokens = WriteTokens::new(WriteBudget::documented(100, 100), 1_000);
        tokens.set_budget(WriteBudget::documented(300, 600), 0);
        assert_eq!(tokens.cancels(0).0, 300);
        tokens.emptied(0, 0);
        assert_eq!(tokens.cancels(SECOND).0, 150);
    }

    #[test]
    fn at_twenty_times_the_speed_a_bucket_refills_twenty_times_as_fast() {
        let mut tokens = WriteTokens::new(WriteBudget::documented(100, 100), 20_000);
        tokens.emptied(0, SECOND);
        assert_eq!(tokens.cancels(SECOND), (0, SECOND + 1_000_000));
        assert_eq!(tokens.cancels(SECOND + SECOND / 20).0, 50);
    }
}
