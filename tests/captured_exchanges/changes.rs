//! What the exchange has changed since the captures, with the date of each change (changelog and spec 3.34.0). The
//! comparison accepts no other differences.

/// A key that was added or removed.
pub struct KeyChange {
    /// The date of the change.
    pub date: &'static str,
    /// The key, at any place in a body.
    pub key: &'static str,
}

const fn key(date: &'static str, key: &'static str) -> KeyChange {
    KeyChange { date, key }
}

/// Keys in the captures of June that have since been removed.
pub const REMOVED_SINCE_JUNE: &[KeyChange] = &[
    key("2026-07-09", "fractional_trading_enabled"),
    key("2026-07-09", "response_price_units"),
    key("2026-08-06", "service"),
    key("2026-09-26", "liquidity_dollars"),
    // Announced for 2025-11-13, still sent in June 2026, not in spec 3.34.0 of 2026-10-26.
    key("2026-10-26", "resting_orders_count"),
];

/// Keys that have been added since the captures of June.
pub const ADDED_SINCE_JUNE: &[KeyChange] = &[
    key("2026-07-09", "exchange_index_statuses"),
    key("2026-07-09", "intra_exchange_transfers_active"),
    key("2026-08-27", "exchange_index"),
    key("2026-09-29", "settlement_bounds_type"),
    key("2026-09-30", "sending_ts_ms"),
    key("2026-10-26", "clock"),
    // Orders of the first API version, which has been shut down, had none.
    key("2026-06-18", "self_trade_prevention_type"),
];

/// Lists that have more entries than captured: `balance_breakdown` now has four shards.
pub const LONGER_SINCE_JUNE: &[KeyChange] = &[key("2026-08-10", "balance_breakdown")];

/// Requests that now get another status: order writes of the first API version were shut down on 2026-06-18.
pub const STATUS_SINCE_JUNE: &[(&str, u16)] = &[("orders__legacy_create", 410), ("orders__legacy_cancel", 410)];

/// Keys in the captures of January that have since been removed.
pub const REMOVED_SINCE_JANUARY: &[KeyChange] = &[
    // Counts and cents became fixed-point strings.
    key("2026-03-12", "queue_position"),
    key("2026-03-12", "yes_count"),
    key("2026-03-12", "no_count"),
    key("2026-03-12", "count"),
    key("2026-03-12", "price"),
    key("2026-03-12", "yes_price"),
    key("2026-03-12", "no_price"),
    key("2026-03-12", "fill_count"),
    key("2026-03-12", "initial_count"),
    key("2026-03-12", "remaining_count"),
    key("2026-03-12", "maker_fees"),
    key("2026-03-12", "taker_fees"),
    key("2026-03-12", "maker_fill_cost"),
    key("2026-03-12", "taker_fill_cost"),
    key("2026-03-12", "position"),
    key("2026-03-12", "total_traded"),
    key("2026-03-12", "market_exposure"),
    key("2026-03-12", "realized_pnl"),
    key("2026-03-12", "fees_paid"),
    key("2026-03-12", "total_cost"),
    key("2026-03-12", "total_cost_shares"),
    key("2026-03-12", "event_exposure"),
    key("2026-04-02", "yes_total_cost"),
    key("2026-04-02", "no_total_cost"),
    key("2026-04-02", "yes_price_fixed"),
    key("2026-04-02", "no_price_fixed"),
    // Sent only where there is one, or on request.
    key("2026-10-26", "strike_period"),
    key("2026-10-26", "milestones"),
    // Not in spec 3.34.0 of that day.
    key("2026-10-26", "available_on_brokers"),
    key("2026-10-26", "resting_orders_count"),
];
