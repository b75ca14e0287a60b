//! What the execute stage can be told: the limits of the risk gate, the times of the order life cycle, and the bounds of
//! its tables. Owns no state.

use serde::{Deserialize, Serialize};

use super::orders::groups::GroupConfig;
use super::orders::lease::LeaseConfig;
use crate::market::{Count, Money, Price, TickerPattern};

/// The limits of the risk gate. A limit is the last value that is still allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RiskLimits {
    /// Contracts of one order.
    pub order_size_max: Count,
    /// Contracts held in one market either way, open and unknown orders counted as filled.
    pub position_max: Count,
    /// Money in positions and open orders together.
    pub cash_at_risk_max: Money,
    /// Orders of ours that are open or unknown, over all markets.
    pub open_orders_max: usize,
    /// How far a price may be from the mid.
    pub collar: Price,
    /// The loss of one UTC day at which everything stops.
    pub daily_loss_max: Money,
    /// What one event could lose at worst, all its markets together, open and unknown orders at their worst.
    pub event_loss_max: Money,
    /// How far the result may fall below its best, over all runs since the last `resume`; zero for any.
    pub drawdown_max: Money,
    /// Creates, amends and cancelled orders in a second; zero for any. Cancels are never held back.
    pub messages_per_second_max: u32,
    /// The same in a minute.
    pub messages_per_minute_max: u32,
    /// The same order is not placed again in a market for so long, in session milliseconds; zero for any.
    pub duplicate_window_ms: i64,
    /// Orders executed in one market within the window; one more trips. Zero for any.
    pub executions_max: u32,
    /// That window, in session milliseconds.
    pub executions_window_ms: i64,
    /// No opening order this long before a market closes, in session milliseconds.
    pub stop_before_close_ms: i64,
    /// Rejects in a row that open a market's breaker.
    pub breaker_rejects: u32,
    /// How long it stays open, in session milliseconds.
    pub breaker_open_ms: i64,
}

impl Default for RiskLimits {
    /// The small defaults of a first live run: 10 contracts an order, 30 a market, $100 at risk, loss stop $50. What
    /// counts over time is off; `config` has its defaults.
    fn default() -> Self {
        Self {
            order_size_max: Count::from_contracts(10),
            position_max: Count::from_contracts(30),
            cash_at_risk_max: Money::from_dollars(100),
            open_orders_max: 100,
            collar: Price::from_cents(20),
            daily_loss_max: Money::from_dollars(50),
            event_loss_max: Money::from_dollars(60),
            drawdown_max: Money::from_dollars(75),
            messages_per_second_max: 0,
            messages_per_minute_max: 0,
            duplicate_window_ms: 0,
            executions_max: 0,
            executions_window_ms: 60_000,
            stop_before_close_ms: 60_000,
            breaker_rejects: 5,
            breaker_open_ms: 300_000,
        }
    }
}

/// Everything the execute stage is built with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExecuteConfig {
    /// The risk gate.
    pub limits: RiskLimits,
    /// Markets in which no order is written but cancels.
    pub restricted: Vec<TickerPattern>,
    /// Positions of the market table.
    pub markets_max: usize,
    /// Orders that can be followed at once, foreign ones included.
    pub orders_max: usize,
    /// Order writes that may wait for an answer at once.
    pub requests_max: usize,
    /// How many fills are remembered to recognise duplicates.
    pub fills_remembered: usize,
    /// How long an order may rest without being wanted again, in session milliseconds.
    pub order_ttl_ms: i64,
    /// How long orders may rest without us.
    pub leases: LeaseConfig,
    /// Order groups.
    pub groups: GroupConfig,
    /// How long an answer is waited for, in monotonic nanoseconds.
    pub answer_timeout_ns: u64,
    /// How long after its signature a request may still be accepted, in session milliseconds (scaled by the driver).
    pub signature_validity_ms: i64,
    /// How far the exchange's reads may lie behind its matching, in session milliseconds.
    pub read_lag_ms: i64,
    /// From one comparison with the exchange to the next, in monotonic nanoseconds.
    pub compare_every_ns: u64,
    /// How long a difference may be explained by fills still on their way, in monotonic nanoseconds.
    pub compare_grace_ns: u64,
    /// Waiting before a failed step is tried again: the first time, in monotonic nanoseconds. It doubles.
    pub retry_first_ns: u64,
    /// The longest waiting before a failed step is tried again.
    pub retry_max_ns: u64,
    /// How many comparisons the end of a session may take before its differences stand.
    pub final_attempts: u32,
    /// The step in which the account's balance moves: $0.0001 for direct members, a cent for others.
    pub balance_step: Money,
    /// Write tokens a second of session time until the exchange tells the account's tier.
    pub write_refill: u32,
    /// Write tokens at most until the exchange tells the account's tier.
    pub write_capacity: u32,
}

impl Default for ExecuteConfig {
    fn default() -> Self {
        Self {
            limits: RiskLimits::default(),
            restricted: Vec::new(),
            markets_max: 1_024,
            orders_max: 2_048,
            requests_max: 64,
            fills_remembered: 16_384,
            order_ttl_ms: 10_000,
            leases: LeaseConfig::default(),
            groups: GroupConfig::default(),
            answer_timeout_ns: 3_000_000_000,
            signature_validity_ms: 10_000,
            read_lag_ms: 1_000,
            compare_every_ns: 10_000_000_000,
            compare_grace_ns: 500_000_000,
            retry_first_ns: 250_000_000,
            retry_max_ns: 5_000_000_000,
            final_attempts: 5,
            balance_step: Money::from_micros(100),
            write_refill: 100,
            write_capacity: 100,
        }
    }
}

impl ExecuteConfig {
    /// How long a failed step waits before it is tried again: the first time, and at most.
    pub(super) fn retry_ns(&self) -> std::ops::RangeInclusive<u64> {
        self.retry_first_ns..=self.retry_max_ns
    }
}
