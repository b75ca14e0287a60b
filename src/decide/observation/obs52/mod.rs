//! Schema `obs52/1`: 52 features of one market at one time. One file a block.
//!
//! Everything is computed in `f64` from exact integers, with `libm`'s logarithm and hyperbolic tangent, which give the
//! same bits on every machine, and stored as `f32`.
//!
//! A state in which the book is crossed or locked is not observed, nor is it a point of the history: what feeds the
//! book leaves it out, by the rule of [`Crossing`](crate::book::Crossing).

mod market;
mod open_orders;
mod portfolio;
mod temporal;

#[cfg(test)]
mod tests;

use super::{ObservationInput, Schema, points};

/// The schema `obs52/1`.
pub const OBS52: Schema = Schema::new("obs52", 1, &NAMES, POINTS, observe_slice);

/// How many closed points the schema looks back on.
pub const POINTS: usize = 10;

/// The number of features.
pub const LENGTH: usize = 52;

/// The names of the features, in order.
pub const NAMES: [&str; LENGTH] = [
    "best_yes_bid",
    "best_yes_ask",
    "best_no_bid",
    "best_no_ask",
    "yes_spread",
    "no_spread",
    "yes_mid",
    "no_mid",
    "yes_volume",
    "no_volume",
    "total_volume",
    "volume_imbalance",
    "yes_side_imbalance",
    "no_side_imbalance",
    "yes_depth",
    "no_depth",
    "yes_concentration",
    "no_concentration",
    "arbitrage",
    "efficiency",
    "cross_side_efficiency",
    "time_since_last_update",
    "time_of_day",
    "day_of_week",
    "activity",
    "activity_change",
    "update_frequency",
    "activity_burst",
    "quiet_period",
    "activity_trend",
    "price_momentum",
    "volatility",
    "activity_consistency",
    "price_stability",
    "activity_persistence",
    "cash_ratio",
    "position_ratio",
    "position_count",
    "average_position_size",
    "long_ratio",
    "short_ratio",
    "net_position_bias",
    "position_concentration",
    "largest_position",
    "unrealized_pnl_ratio",
    "position_diversity",
    "leverage",
    "has_open_buy",
    "has_open_sell",
    "buy_distance",
    "sell_distance",
    "time_since_order",
];

/// Features are clamped to this range in both directions.
const BOUND: f64 = 2.0;

/// Computes the observation. It does not allocate, and takes the same time however many markets there are.
pub fn observe(input: &ObservationInput<'_>, features: &mut [f32; LENGTH]) {
    let mut values = [0.0f64; LENGTH];
    let log_volume = points::log_volume(points::total_volume(input.book));
    let (market, rest) = values.split_at_mut(21);
    let (temporal, rest) = rest.split_at_mut(14);
    let (portfolio, orders) = rest.split_at_mut(12);
    market::write(input.book, log_volume, block(market));
    temporal::write(input, log_volume, block(temporal));
    portfolio::write(input.portfolio, block(portfolio));
    open_orders::write(input, block(orders));
    for (feature, value) in features.iter_mut().zip(values) {
        *feature = bounded(value);
    }
}

fn observe_slice(input: &ObservationInput<'_>, features: &mut [f32]) {
    observe(input, features.try_into().expect("a schema is given as many features as it is wide"));
}

fn block<const WIDTH: usize>(values: &mut [f64]) -> &mut [f64; WIDTH] {
    values.try_into().expect("the blocks' widths are those of the schema")
}

/// The last step of the schema: replaces NaN and infinities, and clamps to the bound.
#[expect(clippy::cast_possible_truncation, reason = "the schema stores what it computes in f64 as f32")]
fn bounded(value: f64) -> f32 {
    if value.is_nan() {
        0.0
    } else if value.is_infinite() {
        value.signum() as f32
    } else {
        value.clamp(-BOUND, BOUND) as f32
    }
}
