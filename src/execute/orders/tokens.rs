//! The exchange's write buckets, mirrored: one for the whole account and one for each shard above zero. A create or an
//! amend is charged to its shard's bucket (shard 0: the account's), a batched cancel always to the account's. Owns the
//! mirror and what the exchange said of rates and costs. Refill runs on session time, as every throttle does.
//!
//! The exchange charges a write when it arrives, the mirror when it is sent. A bucket that is full while a write is under
//! way gains nothing, and pays afterwards; a mirror that has paid already refills in the meantime, and would end up ahead.
//! So a second level refills only to the capacity less what is unanswered: it is never above the exchange's. Creates and
//! amends are paid from that one. Cancels, which must not wait for the answers of others, go by the first.
//!
//! A start begins with empty buckets, since what an earlier one has spent is not known; and once more when nothing can arrive
//! any more that an earlier one had under way.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::clock::SessionClock;

const SHARDS: usize = 256;
/// Levels are in units of a trillionth of a token, so that `rate x speed x nanoseconds` is exact.
const UNIT: u64 = 1_000_000_000_000;
/// How many writes without an answer are told apart. More count as late as the last of them.
const LATE_MAX: usize = 256;

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

/// What a write costs, and whose bucket pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::execute) struct Charge {
    pub exchange_index: u8,
    pub tokens: u32,
}

impl Charge {
    fn shard(self) -> usize {
        usize::from(self.exchange_index)
    }

    fn units(self) -> u64 {
        u64::from(self.tokens) * UNIT
    }
}

/// A bucket.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Bucket {
    /// What it holds if every write arrived when it was sent.
    level: u64,
    /// What it holds at least.
    sure: u64,
    /// What writes cost that may not have arrived yet.
    unanswered: u64,
    filled_ns: u64,
}

impl Bucket {
    fn fill(&mut self, capacity: u64, per_ns: u64, mono_ns: u64) {
        let gained = mono_ns.saturating_sub(self.filled_ns).saturating_mul(per_ns);
        self.level = self.level.saturating_add(gained).min(capacity);
        self.sure = self.sure.saturating_add(gained).min(capacity.saturating_sub(self.unanswered));
        self.filled_ns = self.filled_ns.max(mono_ns);
    }
}

/// A write that has no answer: it may arrive until its signature is too old.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Late {
    charge: Charge,
    until_ns: u64,
}

/// The write buckets of the account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::execute) struct WriteTokens {
    budget: WriteBudget,
    /// Thousandths of session time that pass in a unit of monotonic time.
    speed_milli: u32,
    buckets: Box<[Bucket]>,
    /// In the order of their ends.
    late: VecDeque<Late>,
    late_ns: u64,
    /// When nothing of an earlier start can arrive any more, until that has passed.
    alone_ns: Option<u64>,
}

impl WriteTokens {
    /// Empty buckets, which fill from the base of `clock` on. A write may arrive as long as `signature_validity_ms` after it
    /// was sent. Times are monotonic.
    pub fn new(budget: WriteBudget, clock: &SessionClock, signature_validity_ms: i64) -> Self {
        let bucket = Bucket { level: 0, sure: 0, unanswered: 0, filled_ns: clock.base_mono_ns() };
        let late_ns = clock.duration_ns(u64::try_from(signature_validity_ms).unwrap_or(0));
        let buckets = vec![bucket; SHARDS].into_boxed_slice();
        let alone_ns = Some(clock.base_mono_ns().saturating_add(late_ns));
        let late = VecDeque::with_capacity(LATE_MAX);
        Self { budget, speed_milli: clock.speed_milli(), buckets, late, late_ns, alone_ns }
    }

    /// What the exchange said.
    pub fn budget(&self) -> WriteBudget {
        self.budget
    }

    /// Rates or costs became known. What is in a bucket stays, cut to the new capacity.
    pub fn set_budget(&mut self, budget: WriteBudget, mono_ns: u64) {
        for shard in 0..SHARDS {
            self.fill(shard, mono_ns);
        }
        self.budget = budget;
        for shard in 0..SHARDS {
            self.fill(shard, mono_ns);
        }
    }

    /// Whether a create or amend of that cost on a shard leaves enough to cancel `cancels` orders.
    pub fn allows(&self, exchange_index: u8, cost: u32, cancels: usize, mono_ns: u64) -> bool {
        let shard = usize::from(exchange_index);
        let (own, account) = (self.at(shard, mono_ns).sure, self.at(0, mono_ns).sure);
        let cost = u64::from(cost) * UNIT;
        let cancels = if planted!(CancelReserveSpent) { 0 } else { cancels };
        let reserve = u64::try_from(cancels).unwrap_or(u64::MAX).saturating_mul(u64::from(self.budget.cancel) * UNIT);
        if shard == 0 { account >= cost.saturating_add(reserve) } else { own >= cost && account >= reserve }
    }

    /// Takes what a write costs that is sent now; the bucket stops at empty.
    pub fn take(&mut self, charge: Charge, mono_ns: u64) {
        self.fill(charge.shard(), mono_ns);
        let bucket = &mut self.buckets[charge.shard()];
        bucket.level = bucket.level.saturating_sub(charge.units());
        bucket.sure = bucket.sure.saturating_sub(charge.units());
        if !planted!(ChargedWhenSent) {
            bucket.unanswered = bucket.unanswered.saturating_add(charge.units());
        }
    }

    /// The exchange has answered a write.
    pub fn answered(&mut self, charge: Charge, mono_ns: u64) {
        self.fill(charge.shard(), mono_ns);
        let bucket = &mut self.buckets[charge.shard()];
        bucket.unanswered = bucket.unanswered.saturating_sub(charge.units());
    }

    /// The answer to a write is given up. The write may arrive all the same.
    pub fn unanswered(&mut self, charge: Charge, mono_ns: u64) {
        if self.late.len() == LATE_MAX
            && let Some(oldest) = self.late.pop_front()
        {
            self.answered(oldest.charge, mono_ns);
        }
        self.late.push_back(Late { charge, until_ns: mono_ns.saturating_add(self.late_ns) });
    }

    /// Time passed: writes whose signatures are too old now do not arrive any more.
    pub fn forget_late(&mut self, mono_ns: u64) {
        while let Some(late) = self.late.front().copied().filter(|late| late.until_ns <= mono_ns) {
            self.late.pop_front();
            self.answered(late.charge, late.until_ns);
        }
        if let Some(alone_ns) = self.alone_ns.take_if(|alone_ns| *alone_ns <= mono_ns) {
            for shard in 0..SHARDS {
                self.fill(shard, alone_ns);
                self.buckets[shard].sure = 0;
            }
        }
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
        self.fill(usize::from(exchange_index), mono_ns);
        let bucket = &mut self.buckets[usize::from(exchange_index)];
        (bucket.level, bucket.sure) = (0, 0);
    }

    /// What comes back in a nanosecond, in [`UNIT`]s: tokens a second times thousandths of speed.
    fn per_ns(&self) -> u64 {
        u64::from(self.budget.refill) * u64::from(self.speed_milli)
    }

    fn capacity(&self) -> u64 {
        u64::from(self.budget.capacity).saturating_mul(UNIT)
    }

    /// A bucket as it is at a time.
    fn at(&self, shard: usize, mono_ns: u64) -> Bucket {
        let mut bucket = self.buckets[shard];
        bucket.fill(self.capacity(), self.per_ns(), mono_ns);
        bucket
    }

    fn fill(&mut self, shard: usize, mono_ns: u64) {
        let filled = self.at(shard, mono_ns);
        let filled_ns = if planted!(RefillCountedAgain) { self.buckets[shard].filled_ns } else { filled.filled_ns };
        self.buckets[shard] = Bucket { filled_ns, ..filled };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const MS: u64 = 1_000_000;
    const CREATE: u32 = 10;
    const VALID_MS: i64 = 30_000;

    /// Buckets that fill from time zero on.
    fn tokens(refill: u32, capacity: u32, speed_milli: u32) -> WriteTokens {
        let clock = SessionClock::new(0, 0, speed_milli);
        WriteTokens::new(WriteBudget::documented(refill, capacity), &clock, VALID_MS)
    }

    fn create(tokens: &mut WriteTokens, mono_ns: u64) -> Charge {
        let charge = Charge { exchange_index: 0, tokens: CREATE };
        tokens.take(charge, mono_ns);
        charge
    }

    #[test]
    fn a_start_has_what_came_back_since_it_began() {
        let tokens = tokens(100, 100, 1_000);
        assert!(!tokens.allows(0, CREATE, 0, 99_999_999));
        assert!(tokens.allows(0, CREATE, 0, 100 * MS));
        assert!(!tokens.allows(0, CREATE, 46, SECOND) && tokens.allows(0, CREATE, 45, SECOND));
    }

    #[test]
    fn what_an_earlier_start_had_under_way_is_paid_when_its_signatures_are_too_old() {
        let mut tokens = tokens(100, 100, 1_000);
        tokens.forget_late(30 * SECOND - 1);
        assert!(tokens.allows(0, CREATE, 45, 30 * SECOND));
        tokens.forget_late(31 * SECOND);
        assert!(tokens.allows(0, CREATE, 45, 31 * SECOND) && !tokens.allows(0, CREATE, 0, 30 * SECOND + 99 * MS));
        assert_eq!(tokens.cancels(30 * SECOND).0, 50);
    }

    #[test]
    fn a_bucket_empties_with_writes_and_refills_with_time() {
        let mut tokens = tokens(100, 100, 1_000);
        for _ in 0..10 {
            assert!(tokens.allows(0, CREATE, 0, SECOND));
            let charge = create(&mut tokens, SECOND);
            tokens.answered(charge, SECOND);
        }
        assert!(!tokens.allows(0, CREATE, 0, SECOND));
        assert!(!tokens.allows(0, CREATE, 0, SECOND + 99_999_999));
        assert!(tokens.allows(0, CREATE, 0, SECOND + 100 * MS));
    }

    #[test]
    fn what_cancelling_needs_is_never_spent() {
        let tokens = tokens(100, 100, 1_000);
        assert!(tokens.allows(0, CREATE, 45, SECOND));
        assert!(!tokens.allows(0, CREATE, 46, SECOND));
        // Another shard has its own bucket for the create; cancels still come from the account's.
        assert!(tokens.allows(2, CREATE, 50, SECOND));
        assert!(!tokens.allows(2, CREATE, 51, SECOND));
    }

    #[test]
    fn a_write_under_way_is_paid_from_a_bucket_that_may_be_full() {
        let mut tokens = tokens(100, 100, 1_000);
        let charge = create(&mut tokens, SECOND);
        // Had it arrived when it was sent, the bucket would be full again; it may arrive now.
        assert!(tokens.allows(0, CREATE, 40, 2 * SECOND) && !tokens.allows(0, CREATE, 41, 2 * SECOND));
        assert_eq!(tokens.cancels(2 * SECOND).0, 50);
        tokens.answered(charge, 2 * SECOND);
        assert!(!tokens.allows(0, CREATE, 41, 2 * SECOND));
        assert!(tokens.allows(0, CREATE, 45, 2 * SECOND + 100 * MS));
    }

    #[test]
    fn a_write_without_an_answer_counts_as_under_way_until_its_signature_is_too_old() {
        let mut tokens = tokens(100, 100, 1_000);
        let charge = create(&mut tokens, SECOND);
        tokens.unanswered(charge, 4 * SECOND);
        tokens.forget_late(34 * SECOND - 1);
        assert!(!tokens.allows(0, CREATE, 41, 35 * SECOND));
        tokens.forget_late(34 * SECOND);
        assert!(tokens.allows(0, CREATE, 45, 35 * SECOND));
    }

    #[test]
    fn more_late_writes_than_are_told_apart_are_let_go_from_the_oldest_on() {
        let mut tokens = tokens(8_000, 16_000, 1_000);
        for _ in 0..=LATE_MAX {
            let charge = create(&mut tokens, 2 * SECOND);
            tokens.unanswered(charge, 2 * SECOND);
        }
        let sure = |tokens: &WriteTokens| tokens.at(0, 20 * SECOND).sure / UNIT;
        assert_eq!(sure(&tokens), 16_000 - 10 * LATE_MAX as u64);
        tokens.forget_late(32 * SECOND);
        assert_eq!(tokens.at(0, 40 * SECOND).sure / UNIT, 16_000);
    }

    /// The exchange's bucket, which charges when a write arrives.
    #[test]
    fn the_mirror_is_never_ahead_of_a_bucket_that_charges_on_arrival() {
        use rand::{Rng, SeedableRng};
        let mut random = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(7);
        let mut ahead_without = false;
        for _ in 0..50 {
            let mut tokens = tokens(100, 100, 1_000);
            let mut real = 100.0_f64;
            let (mut sent, mut arrived) = (Vec::<(u64, Charge)>::new(), Vec::new());
            for ms in 1..60_000_u64 {
                real = (real + 0.1).min(100.0);
                for (_, charge) in sent.extract_if(.., |(at_ms, _)| *at_ms <= ms) {
                    assert!(real >= f64::from(charge.tokens), "a write that the mirror could pay is refused");
                    real -= f64::from(charge.tokens);
                    arrived.push((ms + random.random_range(0..500), charge));
                }
                for (_, charge) in arrived.extract_if(.., |(at_ms, _)| *at_ms <= ms) {
                    tokens.answered(charge, ms * MS);
                }
                if random.random_range(0..40) == 0 && tokens.allows(0, CREATE, 0, ms * MS) {
                    sent.push((ms + random.random_range(0..2_000), create(&mut tokens, ms * MS)));
                }
                let mirror = tokens.at(0, ms * MS);
                let whole = |units: u64| units as f64 / UNIT as f64;
                assert!(whole(mirror.sure) <= real + 1e-6, "{mirror:?} at {ms} ms against {real}");
                ahead_without |= whole(mirror.level) > real + 1.0;
            }
        }
        assert!(ahead_without, "no write was late enough to matter");
    }

    #[test]
    fn a_refusal_for_rate_empties_the_mirror() {
        let mut tokens = tokens(100, 100, 1_000);
        tokens.emptied(0, SECOND);
        assert_eq!(tokens.cancels(SECOND), (0, SECOND + 20 * MS));
        assert_eq!(tokens.cancels(SECOND + 20 * MS).0, 1);
    }

    #[test]
    fn the_tier_changes_rate_and_capacity() {
        let mut tokens = tokens(100, 100, 1_000);
        tokens.set_budget(WriteBudget::documented(300, 600), SECOND);
        assert_eq!(tokens.cancels(SECOND).0, 50);
        tokens.emptied(0, SECOND);
        assert_eq!(tokens.cancels(2 * SECOND).0, 150);
        tokens.set_budget(WriteBudget::documented(100, 100), 2 * SECOND);
        assert_eq!(tokens.cancels(2 * SECOND).0, 50);
    }

    #[test]
    fn at_twenty_times_the_speed_a_bucket_refills_twenty_times_as_fast() {
        let mut tokens = tokens(100, 100, 20_000);
        tokens.emptied(0, SECOND);
        assert_eq!(tokens.cancels(SECOND), (0, SECOND + 1_000_000));
        assert_eq!(tokens.cancels(SECOND + SECOND / 20).0, 50);
    }
}
