//! Schema `touch8/1`: eight features of one market at one time, for small policies and as an example of a schema.
//!
//! | Feature | What it is | If unknown |
//! |---|---|---|
//! | `mid` | mid of the YES book in dollars | 0.5 |
//! | `spread` | best ask minus best bid in dollars | 1 |
//! | `touch_imbalance` | (bid size - ask size) / (bid size + ask size) at the best prices | 0 |
//! | `mid_change` | mid minus the mid of the last closed point, in units of 10 cents, clamped to -1 and 1 | 0 |
//! | `position` | signed contracts held in this market, in units of 100, clamped to -1 and 1 | |
//! | `bid_open` | 1 while our bid is open in this market, else 0 | |
//! | `ask_open` | 1 while our ask is open in this market, else 0 | |
//! | `time_to_close` | time to the market's close in hours, clamped to 0 and 1 | 1 |
//!
//! Everything is computed in `f64` from exact integers with sums, differences and quotients only, and stored as `f32`.

use super::{ObservationInput, Schema};
use crate::market::Outcome;

/// The schema `touch8/1`.
pub const TOUCH8: Schema = Schema::new("touch8", 1, &NAMES, 1, observe);

/// The names of the features, in order.
pub const NAMES: [&str; 8] =
    ["mid", "spread", "touch_imbalance", "mid_change", "position", "bid_open", "ask_open", "time_to_close"];

/// A dollar in the units of [`Book::mid2`](crate::book::Book::mid2).
const MID2_ONE: f64 = 20_000.0;
/// Ten cents in those units.
const MOVE_FULL: f64 = 2_000.0;
/// A hundred contracts in hundredths.
const POSITION_FULL: f64 = 10_000.0;
const HOUR_MS: f64 = 3_600_000.0;

#[expect(clippy::cast_possible_truncation, reason = "the schema stores what it computes in f64 as f32")]
fn observe(input: &ObservationInput<'_>, features: &mut [f32]) {
    let book = input.book;
    let touch = book.best_bid().zip(book.best_ask());
    let mid2 = book.mid2();
    let last_mid2 = if input.points.is_empty() { None } else { input.points.back(0).mid2 };
    let values = [
        mid2.map_or(0.5, |mid2| mid2 as f64 / MID2_ONE),
        touch.map_or(1.0, |(bid, ask)| (ask.units() - bid.units()) as f64 / 10_000.0),
        touch.map_or(0.0, |(bid, ask)| {
            let bids = book.size(Outcome::Yes, bid).units();
            let asks = book.size(Outcome::No, ask.complement()).units();
            (bids - asks) as f64 / (bids + asks) as f64
        }),
        mid2.zip(last_mid2).map_or(0.0, |(mid2, last)| ((mid2 - last) as f64 / MOVE_FULL).clamp(-1.0, 1.0)),
        (input.position.units() as f64 / POSITION_FULL).clamp(-1.0, 1.0),
        f64::from(u8::from(input.orders.bid.is_some())),
        f64::from(u8::from(input.orders.ask.is_some())),
        input
            .close_time_ms
            .map_or(1.0, |close_ms| (close_ms.saturating_sub(input.time_ms) as f64 / HOUR_MS).clamp(0.0, 1.0)),
    ];
    for (feature, value) in features.iter_mut().zip(values) {
        *feature = value as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::observation::{ExchangeZone, OpenOrders, PointHistory, Portfolio};
    use crate::decide::policy::testing::book;
    use crate::market::{Count, Price};

    fn same(seen: &[f32], expected: &[f32]) -> bool {
        seen.len() == expected.len() && seen.iter().zip(expected).all(|(seen, expected)| (seen - expected).abs() < 1e-6)
    }

    #[test]
    fn features_are_those_of_the_table() {
        let portfolio = Portfolio::new(1);
        let mut points = PointHistory::new(1_000, TOUCH8.points());
        let mut features = [f32::NAN; 8];
        let mut see = |book: &crate::book::Book, points: &PointHistory, position, orders, close_time_ms| {
            let input = ObservationInput {
                time_ms: 5_000,
                hour: ExchangeZone::new().hour(5_000),
                book,
                points,
                portfolio: &portfolio,
                position: Count::from_contracts(position),
                orders,
                close_time_ms,
            };
            TOUCH8.observe(&input, &mut features);
            features
        };
        let empty = book(&[], &[]);
        let seen = see(&empty, &points, 0, OpenOrders::default(), None);
        assert!(same(&seen, &[0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]), "{seen:?}");
        let before = book(&[(40, 10)], &[(42, 10)]);
        points.record(&before, 3_999);
        let now = book(&[(44, 30), (43, 900)], &[(46, 10)]);
        points.record(&now, 5_000);
        let orders = OpenOrders { bid: Some(Price::from_cents(44)), ..OpenOrders::default() };
        let seen = see(&now, &points, 25, orders, Some(5_000 + 1_800_000));
        assert!(same(&seen, &[0.45, 0.02, 0.5, 0.4, 0.25, 1.0, 0.0, 0.5]), "{seen:?}");
        let far = see(&now, &points, -1_000, OpenOrders::default(), Some(4_000));
        assert_eq!((far[4], far[7]), (-1.0, 0.0));
    }
}
