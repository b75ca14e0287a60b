//! What the real exchange leaves open or varies, as named settings. The defaults are those suggested by the protocol page.

use super::limits::Tier;
use crate::exchange::engine::Collateral;

/// The gateway's settings. Times are session milliseconds unless stated otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewaySettings {
    /// How far a request's timestamp may be from the wall clock. Measured on demo: 5 s are accepted, 30 s are not.
    pub clock_skew_ms: i64,
    /// The delay of an order write before it reaches the engine, which then answers at once.
    pub order_latency_ms: i64,
    /// How far reads of orders, fills, positions and balance lag behind the engine. Captured: more than 360 ms.
    pub read_lag_ms: i64,
    /// The tier of every account.
    pub tier: Tier,
    /// The time between the pings of a session, in wall-clock milliseconds.
    pub ping_interval_ms: i64,
    /// The most markets that a subscription may name; more are error 26. Undocumented on the exchange.
    pub subscription_markets_max: usize,
    /// The most orders in a batch. Undocumented on the exchange.
    pub batch_orders_max: usize,
    /// How long a cancel-all remains in force: it may take orders that are placed within this time. Documented as a minute.
    pub cancel_all_window_ms: i64,
    /// How often it is repeated within that time. Undocumented on the exchange.
    pub cancel_all_every_ms: i64,
    /// How cash covers orders. Unverified on the exchange.
    pub collateral: Collateral,
    /// The `last_update_reason` of an order cancelled by its owner or its order group. Undocumented on the exchange.
    pub owner_cancel_reason: &'static str,
    /// The most commands per second of a WebSocket session, with bursts of one second's worth; more are error 27.
    pub commands_per_s: u32,
    /// Whether the remainder of an order that traded is published before the orders that it traded with leave the book. The
    /// book is then crossed or locked in between, as it is on production.
    pub remainder_first: bool,
    /// Whether accounts are clearing members, the only ones that may ask for the value of their resting orders.
    pub clearing_member: bool,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            clock_skew_ms: 10_000,
            order_latency_ms: 50,
            read_lag_ms: 300,
            tier: Tier::default(),
            ping_interval_ms: 10_000,
            subscription_markets_max: 20_000,
            batch_orders_max: 100,
            cancel_all_window_ms: 60_000,
            cancel_all_every_ms: 15_000,
            collateral: Collateral::default(),
            owner_cancel_reason: "Decrease",
            commands_per_s: 10_000,
            remainder_first: false,
            clearing_member: false,
        }
    }
}
