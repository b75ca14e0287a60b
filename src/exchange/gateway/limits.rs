//! Token buckets: the tiers, the cost of each call, and the bucket that it is charged to. Owns the buckets of all accounts.
//!
//! Refill is continuous and runs on session time, like every throttle of a session, so a scaled session neither starves nor
//! floods its clients. Rejected calls cost nothing, and there is no penalty window.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::exchange::engine::AccountId;
use crate::wire::markets::{AccountLimits, BucketLimit, EndpointCost, EndpointCosts};

/// An account's usage tier, which sets its read and write budgets in tokens per second (rate limit page, as of 2026-09-24).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// 200 for reads and 100 for writes: the tier of a new account.
    Basic,
    /// 300 for reads and 300 for writes.
    Advanced,
    /// 600 for reads and 600 for writes.
    Expert,
    /// 1,200 for reads and 1,200 for writes.
    #[default]
    Premier,
    /// 2,400 for reads and 2,400 for writes.
    Paragon,
    /// 4,800 for reads and 4,800 for writes.
    Prime,
    /// 12,000 for reads and 9,600 for writes.
    Prestige,
    /// No limit, for load tests. Not a tier of the real exchange.
    Unlimited,
}

/// The limit in `account/limits` for an unlimited account: far more than a connection can carry.
const UNLIMITED: u32 = 1_000_000;

impl Tier {
    /// All tiers, lowest first.
    pub const ALL: [Self; 8] = [
        Self::Basic,
        Self::Advanced,
        Self::Expert,
        Self::Premier,
        Self::Paragon,
        Self::Prime,
        Self::Prestige,
        Self::Unlimited,
    ];

    /// The exchange's name of the tier.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Advanced => "advanced",
            Self::Expert => "expert",
            Self::Premier => "premier",
            Self::Paragon => "paragon",
            Self::Prime => "prime",
            Self::Prestige => "prestige",
            Self::Unlimited => "unlimited",
        }
    }

    /// The tier with a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.as_str() == name)
    }

    /// The read bucket. Buckets hold the tokens of one second or of three: three for reads below `expert`, and for writes
    /// above `basic`.
    fn read(self) -> BucketLimit {
        let (rate, seconds) = match self {
            Self::Basic => (200, 3),
            Self::Advanced => (300, 3),
            Self::Expert => (600, 1),
            Self::Premier => (1_200, 1),
            Self::Paragon => (2_400, 1),
            Self::Prime => (4_800, 1),
            Self::Prestige => (12_000, 1),
            Self::Unlimited => (UNLIMITED, 1),
        };
        BucketLimit { refill_rate: rate, bucket_capacity: rate * seconds }
    }

    fn write(self) -> BucketLimit {
        let (rate, seconds) = match self {
            Self::Basic => (100, 1),
            Self::Advanced => (300, 3),
            Self::Expert => (600, 3),
            Self::Premier => (1_200, 3),
            Self::Paragon => (2_400, 3),
            Self::Prime => (4_800, 3),
            Self::Prestige => (9_600, 3),
            Self::Unlimited => (UNLIMITED, 1),
        };
        BucketLimit { refill_rate: rate, bucket_capacity: rate * seconds }
    }

    /// The rate of `/portfolio/balance`, which has a bucket of its own, without bursts.
    fn balance_calls_per_second(self) -> u32 {
        match self {
            Self::Basic | Self::Advanced => 1,
            _ => 5,
        }
    }

    /// The body of `GET /account/limits`.
    #[must_use]
    pub fn limits(self) -> AccountLimits {
        AccountLimits {
            usage_tier: self.as_str().to_owned(),
            read: self.read(),
            write: self.write(),
            grants: Vec::new(),
        }
    }
}

/// The cost of a call that is not listed, in tokens.
pub const DEFAULT_COST: u32 = 10;
/// The cost of a cancel, of each order of a batched cancel, and of reading one order, in tokens.
pub const CHEAP_COST: u32 = 2;

/// The body of `GET /account/endpoint_costs`: this exchange's calls that don't cost the default.
#[must_use]
pub fn endpoint_costs() -> EndpointCosts {
    let cheap = |method: &str, path: &str| EndpointCost {
        method: method.to_owned(),
        path: format!("/trade-api/v2{path}"),
        cost: CHEAP_COST,
    };
    EndpointCosts {
        default_cost: DEFAULT_COST,
        endpoint_costs: vec![
            cheap("DELETE", "/portfolio/events/orders"),
            cheap("DELETE", "/portfolio/events/orders/:order_id"),
            cheap("DELETE", "/portfolio/events/orders/batched"),
            cheap("GET", "/portfolio/orders/:order_id"),
        ],
    }
}

/// Thousandths per token.
const MILLI: i64 = 1_000;

/// A token bucket, which starts full.
#[derive(Clone, Copy, Debug)]
struct TokenBucket {
    limit: BucketLimit,
    tokens_milli: i64,
    refilled_ms: i64,
}

impl TokenBucket {
    fn new(limit: BucketLimit, now_ms: i64) -> Self {
        Self { limit, tokens_milli: i64::from(limit.bucket_capacity) * MILLI, refilled_ms: now_ms }
    }

    fn refill(&mut self, now_ms: i64) {
        let elapsed_ms = now_ms.saturating_sub(self.refilled_ms).max(0);
        // A token per second is a thousandth of a token per millisecond.
        let gained = elapsed_ms.saturating_mul(i64::from(self.limit.refill_rate));
        let capacity = i64::from(self.limit.bucket_capacity) * MILLI;
        self.tokens_milli = self.tokens_milli.saturating_add(gained).min(capacity);
        self.refilled_ms = self.refilled_ms.max(now_ms);
    }

    fn has(&self, cost: u32) -> bool {
        self.tokens_milli >= i64::from(cost) * MILLI
    }

    fn take(&mut self, cost: u32) {
        self.tokens_milli -= i64::from(cost) * MILLI;
    }
}

/// The budget of a session's WebSocket commands.
#[derive(Clone, Copy, Debug)]
pub struct CommandBudget(TokenBucket);

impl CommandBudget {
    /// A budget of this many commands per second, with bursts of one second's worth.
    #[must_use]
    pub fn new(per_s: u32, now_ms: i64) -> Self {
        Self(TokenBucket::new(BucketLimit { refill_rate: per_s, bucket_capacity: per_s }, now_ms))
    }

    /// Pays for a command. Returns false if there were too many.
    pub fn pay(&mut self, now_ms: i64) -> bool {
        pay(&mut [&mut self.0], 1, now_ms)
    }
}

/// The write bucket that a call is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteBucket {
    /// Shard 0, batches, and everything that names no shard.
    Unscoped,
    /// A call that names a shard above 0.
    Shard(u8),
    /// A call that the exchange has to route itself: charged to every shard's bucket.
    Every,
}

/// The shards with a write bucket of their own.
const SHARDS: [u8; 3] = [1, 2, 3];

#[derive(Debug)]
struct AccountBuckets {
    read: TokenBucket,
    balance: TokenBucket,
    unscoped: TokenBucket,
    shards: [TokenBucket; SHARDS.len()],
}

impl AccountBuckets {
    fn new(tier: Tier, now_ms: i64) -> Self {
        let balance = BucketLimit { refill_rate: tier.balance_calls_per_second(), bucket_capacity: 1 };
        let write = TokenBucket::new(tier.write(), now_ms);
        Self {
            read: TokenBucket::new(tier.read(), now_ms),
            balance: TokenBucket::new(balance, now_ms),
            unscoped: write,
            shards: [write; SHARDS.len()],
        }
    }
}

/// The buckets of all accounts.
#[derive(Debug)]
pub struct Limits {
    tier: Tier,
    accounts: BTreeMap<AccountId, AccountBuckets>,
}

impl Limits {
    /// Buckets for accounts that all have the same tier.
    #[must_use]
    pub fn new(tier: Tier) -> Self {
        Self { tier, accounts: BTreeMap::new() }
    }

    /// The tier of every account.
    #[must_use]
    pub fn tier(&self) -> Tier {
        self.tier
    }

    fn buckets(&mut self, account: AccountId, now_ms: i64) -> &mut AccountBuckets {
        let tier = self.tier;
        self.accounts.entry(account).or_insert_with(|| AccountBuckets::new(tier, now_ms))
    }

    /// Pays for a read. Returns false if there are not enough tokens.
    pub fn read(&mut self, account: AccountId, cost: u32, now_ms: i64) -> bool {
        self.tier == Tier::Unlimited || pay(&mut [&mut self.buckets(account, now_ms).read], cost, now_ms)
    }

    /// Pays for a read of the balance, which has a bucket of its own with one token per call.
    pub fn read_balance(&mut self, account: AccountId, now_ms: i64) -> bool {
        self.tier == Tier::Unlimited || pay(&mut [&mut self.buckets(account, now_ms).balance], 1, now_ms)
    }

    /// The number of whole write tokens in an account's unscoped bucket.
    #[must_use]
    pub fn write_tokens(&self, account: AccountId, now_ms: i64) -> u64 {
        if self.tier == Tier::Unlimited {
            return u64::MAX;
        }
        let bucket = self.accounts.get(&account).map(|buckets| buckets.unscoped);
        let mut bucket = bucket.unwrap_or_else(|| TokenBucket::new(self.tier.write(), now_ms));
        bucket.refill(now_ms);
        u64::try_from(bucket.tokens_milli / MILLI).unwrap_or(0)
    }

    /// Pays for an order write, from all buckets concerned or from none.
    pub fn write(&mut self, account: AccountId, bucket: WriteBucket, cost: u32, now_ms: i64) -> bool {
        if self.tier == Tier::Unlimited {
            return true;
        }
        let AccountBuckets { unscoped, shards, .. } = self.buckets(account, now_ms);
        match bucket {
            WriteBucket::Unscoped => pay(&mut [unscoped], cost, now_ms),
            WriteBucket::Shard(shard) => match SHARDS.iter().position(|known| *known == shard) {
                Some(position) => pay(&mut [&mut shards[position]], cost, now_ms),
                None => pay(&mut [unscoped], cost, now_ms),
            },
            WriteBucket::Every => {
                let [one, two, three] = shards;
                pay(&mut [unscoped, one, two, three], cost, now_ms)
            }
        }
    }
}

fn pay(buckets: &mut [&mut TokenBucket], cost: u32, now_ms: i64) -> bool {
    for bucket in buckets.iter_mut() {
        bucket.refill(now_ms);
    }
    let enough = buckets.iter().all(|bucket| bucket.has(cost));
    if enough {
        for bucket in buckets.iter_mut() {
            bucket.take(cost);
        }
    }
    enough
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_refuses_without_charge_and_refills_with_time() {
        let mut limits = Limits::new(Tier::Basic);
        for _ in 0..10 {
            assert!(limits.write(1, WriteBucket::Unscoped, DEFAULT_COST, 0));
        }
        assert!(!limits.write(1, WriteBucket::Unscoped, DEFAULT_COST, 0));
        assert!(!limits.write(1, WriteBucket::Unscoped, DEFAULT_COST, 99));
        assert!(limits.write(1, WriteBucket::Unscoped, DEFAULT_COST, 100));
    }

    #[test]
    fn shards_have_write_buckets_of_their_own_and_routing_charges_them_all() {
        let mut limits = Limits::new(Tier::Basic);
        for _ in 0..10 {
            assert!(limits.write(1, WriteBucket::Shard(2), DEFAULT_COST, 0));
        }
        assert!(!limits.write(1, WriteBucket::Shard(2), DEFAULT_COST, 0));
        assert!(limits.write(1, WriteBucket::Unscoped, DEFAULT_COST, 0));
        assert!(!limits.write(1, WriteBucket::Every, DEFAULT_COST, 0), "one empty bucket refuses the call");
    }

    #[test]
    fn accounts_do_not_share_buckets_and_the_balance_has_no_burst() {
        let mut limits = Limits::new(Tier::Basic);
        assert!(limits.read_balance(1, 0));
        assert!(!limits.read_balance(1, 999));
        assert!(limits.read_balance(2, 999));
        assert!(limits.read_balance(1, 1_000));
    }

    #[test]
    fn every_tier_has_the_published_budgets() {
        // Tokens per second for reads and writes, and the number of seconds' worth that each bucket holds.
        for (name, reads, read_seconds, writes, write_seconds) in [
            ("basic", 200, 3, 100, 1),
            ("advanced", 300, 3, 300, 3),
            ("expert", 600, 1, 600, 3),
            ("premier", 1_200, 1, 1_200, 3),
            ("paragon", 2_400, 1, 2_400, 3),
            ("prime", 4_800, 1, 4_800, 3),
            ("prestige", 12_000, 1, 9_600, 3),
        ] {
            let limits = Tier::from_name(name).unwrap().limits();
            let shown = |bucket: BucketLimit| (bucket.refill_rate, bucket.bucket_capacity);
            assert_eq!(limits.usage_tier, name);
            assert_eq!(shown(limits.read), (reads, reads * read_seconds), "{name}");
            assert_eq!(shown(limits.write), (writes, writes * write_seconds), "{name}");
        }
    }

    #[test]
    fn the_unlimited_tier_never_rejects() {
        let mut limits = Limits::new(Tier::Unlimited);
        assert!((0..10_000).all(|_| limits.write(1, WriteBucket::Every, 1_000_000, 0) && limits.read_balance(1, 0)));
    }

    #[test]
    fn every_tier_is_found_by_its_name() {
        assert_eq!(Tier::from_name("prime"), Some(Tier::Prime));
        assert_eq!(Tier::from_name("gold"), None);
    }
}
