//! What the real exchange leaves open or lets vary, as named settings with the protocol page's suggestions as defaults.

use super::limits::Tier;
use crate::exchange::engine::Collateral;

/// The gateway's settings. Times in session milliseconds unless they say otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewaySettings {
    /// How far a request's timestamp may be from the wall clock. Measured on demo: 5 s pass, 30 s don't.
    pub clock_skew_ms: i64,
    /// How much later an order write reaches the engine; its answer is as much later, since it is given at once then.
    pub order_latency_ms: i64,
    /// How far reads of orders, fills, positions and balance lag behind the engine. Captured: more than 360 ms.
    pub read_lag_ms: i64,
    /// The tier of every account.
    pub tier: Tier,
    /// Wall milliseconds between the pings of a session.
    pub ping_interval_ms: i64,
    /// The most markets of a subscription that names them; more is error 26. Undocumented on the exchange.
    pub subscription_markets_max: usize,
    /// The most orders of a batch. Undocumented on the exchange.
    pub batch_orders_max: usize,
    /// How long a cancel-all goes on: it may take orders that are placed that much later. Documented as a minute.
    pub cancel_all_window_ms: i64,
    /// How often it is repeated within that time. Undocumented on the exchange.
    pub cancel_all_every_ms: i64,
    /// How cash covers orders. Unverified on the exchange.
    pub collateral: Collateral,
    /// `last_update_reason` of an order that its owner, or its order group, cancelled. Undocumented on the exchange.
    pub owner_cancel_reason: &'static str,
    /// The most commands a second of a WebSocket session, with a burst of one second; more are error 27.
    pub commands_per_s: u32,
    /// Whether what is left of an order that traded is published before the orders that it traded with leave the book: the
    /// book is crossed or locked in between, as production's is.
    pub remainder_first: bool,
    /// Whether accounts are clearing members, who alone may ask for the value of their resting orders.
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
