//! Resting orders are leases: each is sent with an end of its own, which the exchange enforces, and an amend moves that
//! end on only while decisions want the order. An actor that stops deciding, by a crash or a cut cable, has nothing in the
//! book once the lease is over. Owns how long a lease is, and how many orders the write tokens can keep alive.
//!
//! The end is a moment of the venue's time, which is session time: the embedded exchange runs on it at any speed, and on
//! venues outside the two are the wall clock. It is absolute, so that a write that arrives late does not rest any longer,
//! and in whole seconds (protocol page, 3.2), rounded down: an order never rests beyond its lease.
//!
//! A decision that wants an order finds it with at least `order_ttl` of its lease left or renews it. So an order
//! that is not wanted is cancelled after `order_ttl` while the actor lives, and ended by its lease soon after when it doesn't. An amend that moves
//! the price carries the new end, too; a renewal keeps price and size, and with them the place in the queue.

use serde::{Deserialize, Serialize};

use super::tokens::WriteBudget;

/// The end of a lease is sent in whole seconds, rounded down.
const ROUNDING_MS: i64 = 1_000;
/// A renewal that fails can be tried again before the lease is over.
const RENEW_MIN_MS: i64 = 5_000;

/// What decides about leases besides the write tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LeaseConfig {
    /// The share of the write tokens that renewals may use, in percent.
    pub share_percent: u32,
    /// The longest lease, in session milliseconds.
    pub longest_ms: i64,
}

impl Default for LeaseConfig {
    fn default() -> Self {
        Self { share_percent: 25, longest_ms: 60_000 }
    }
}

/// The leases that the write tokens allow. Times in session milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeasePlan {
    /// No order rests longer after its last write.
    pub lease_ms: i64,
    /// With less left, a decision that wants the order renews it.
    pub renew_below_ms: i64,
    /// Orders that may be open at once: all of them can be renewed in time and, out of a full bucket, cancelled.
    pub open_orders_max: usize,
    /// The rates and costs that this follows from.
    pub budget: WriteBudget,
}

impl LeasePlan {
    /// Computes the plan. `wanted` orders are allowed by the risk limits, of which `markets` can be open, one in each.
    #[must_use]
    pub fn new(budget: WriteBudget, config: LeaseConfig, order_ttl_ms: i64, wanted: usize, markets: usize) -> Self {
        let longest_ms = config.longest_ms.max(2 * RENEW_MIN_MS + ROUNDING_MS);
        // Shortened when decisions may keep an order longer than a lease may last: then the lease ends it.
        let renew_below_ms = order_ttl_ms.clamp(0, longest_ms - RENEW_MIN_MS - ROUNDING_MS);
        let cancelable = budget.capacity.saturating_sub(budget.create.max(budget.amend)) / budget.cancel.max(1);
        // Tokens for renewals in a second, in hundredths.
        let share = (u64::from(budget.refill) * u64::from(config.share_percent)).max(1);
        let amend = u64::from(budget.amend.max(1));
        let interval_max_ms = u64::try_from(longest_ms - ROUNDING_MS - renew_below_ms).unwrap_or(0);
        let renewable = share * interval_max_ms / (100_000 * amend);
        let admissible = u64::from(cancelable).min(renewable);
        let open_orders_max = wanted.min(usize::try_from(admissible.max(1)).unwrap_or(usize::MAX));
        let renewed = u64::try_from(open_orders_max.min(markets).max(1)).unwrap_or(u64::MAX);
        let interval_ms = renewed.saturating_mul(100_000 * amend).div_ceil(share).min(interval_max_ms);
        let interval_ms = i64::try_from(interval_ms).unwrap_or(i64::MAX).max(RENEW_MIN_MS);
        Self { lease_ms: renew_below_ms + interval_ms + ROUNDING_MS, renew_below_ms, open_orders_max, budget }
    }

    /// The end of an order that is written now: Unix seconds of the venue's time.
    #[must_use]
    pub fn expiration_s(&self, session_ms: i64) -> i64 {
        let ends_ms = session_ms.saturating_add(self.lease_ms);
        let up_ms = if planted!(LeaseRoundedUp) { 999 } else { 0 };
        ends_ms.saturating_add(up_ms).div_euclid(1_000)
    }
}

impl std::fmt::Display for LeasePlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let WriteBudget { refill, capacity, create, amend, cancel } = self.budget;
        write!(
            f,
            "leases: {:.1} s, at most {} open orders (write tokens: {refill}/s, {capacity} at most; create {create}, \
             amend {amend}, cancel {cancel})",
            self.lease_ms as f64 / 1_000.0,
            self.open_orders_max,
        )
    }
}

/// An order's lease. Session milliseconds; zero for an order without one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The end that the exchange is known to have.
    pub ends_ms: i64,
    /// The end that the last write asked for.
    pub asked_ms: i64,
}

impl Lease {
    /// A create was written.
    #[must_use]
    pub fn asked(expiration_s: i64) -> Self {
        let ms = expiration_s.saturating_mul(1_000);
        Self { ends_ms: ms, asked_ms: ms }
    }

    /// Whether an order that the exchange ended at that time was over.
    #[must_use]
    pub fn is_over(&self, time_ms: i64) -> bool {
        self.ends_ms > 0 && time_ms >= self.ends_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(refill: u32, capacity: u32, markets: usize) -> LeasePlan {
        LeasePlan::new(WriteBudget::documented(refill, capacity), LeaseConfig::default(), 10_000, 100, markets)
    }

    #[test]
    fn a_lease_is_as_short_as_the_time_to_live_and_a_second_try_allow() {
        let plan = plan(1_000, 2_000, 8);
        assert_eq!((plan.lease_ms, plan.renew_below_ms, plan.open_orders_max), (16_000, 10_000, 100));
    }

    #[test]
    fn a_small_budget_lengthens_leases_and_admits_fewer_orders() {
        // Of 100 tokens, 10 for the last create and 2 for each cancel: 45 orders. A quarter of 100 tokens a second renews
        // two and a half orders a second, so 45 take 18 s.
        assert_eq!(plan(100, 100, 8).lease_ms, 16_000);
        let many = plan(100, 100, 1_000);
        assert_eq!((many.lease_ms, many.open_orders_max), (29_000, 45));
        // A twentieth of the rate: 49 s between renewals are the most, in which six orders are renewed.
        let few = plan(5, 100, 1_000);
        assert_eq!((few.lease_ms, few.open_orders_max), (59_000, 6));
    }

    #[test]
    fn every_plan_can_renew_all_of_its_orders_and_cancel_them_out_of_what_a_create_leaves() {
        for refill in [1, 5, 40, 100, 300, 8_000] {
            for capacity in [12, 100, 600, 16_000] {
                for markets in [1, 7, 45, 1_000] {
                    let budget = WriteBudget::documented(refill, capacity);
                    let plan = LeasePlan::new(budget, LeaseConfig::default(), 10_000, 10_000, markets);
                    let open = plan.open_orders_max as u64;
                    assert!(10 + 2 * open <= u64::from(capacity) || open == 1, "{plan:?}");
                    let interval_ms = u64::try_from(plan.lease_ms - plan.renew_below_ms - 1_000).unwrap();
                    let renewed = open.min(markets as u64);
                    assert!(renewed * 10 * 100_000 <= 25 * u64::from(refill) * interval_ms || open == 1, "{plan:?}");
                    assert!(plan.lease_ms <= 60_000, "{plan:?}");
                }
            }
        }
    }

    #[test]
    fn an_end_is_rounded_down_so_that_no_order_outlives_its_lease() {
        let plan = plan(1_000, 2_000, 1);
        for session_ms in [1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_999] {
            let ends_ms = plan.expiration_s(session_ms) * 1_000;
            assert!(ends_ms <= session_ms + plan.lease_ms && ends_ms > session_ms + plan.lease_ms - 1_000);
        }
    }

    #[test]
    fn a_time_to_live_beyond_the_longest_lease_is_cut_by_it() {
        let budget = WriteBudget::documented(1_000, 2_000);
        let plan = LeasePlan::new(budget, LeaseConfig::default(), i64::MAX, 100, 4);
        assert_eq!(plan.lease_ms, 60_000);
    }
}
