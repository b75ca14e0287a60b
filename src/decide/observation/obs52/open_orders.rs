//! Features 47 to 51: our open orders in this market.

use crate::decide::observation::ObservationInput;
use crate::market::Price;

/// The age feature is 1 after five minutes.
const AGE_FULL_MS: f64 = 300_000.0;
/// The mid in units of $0.00005 where the book has no mid.
const MID2_UNKNOWN: i64 = 10_000;
/// A dollar in those units.
const MID2_ONE: f64 = 20_000.0;

/// Writes the block.
pub(super) fn write(input: &ObservationInput<'_>, out: &mut [f64; 5]) {
    let orders = &input.orders;
    let mid2 = input.book.mid2().unwrap_or(MID2_UNKNOWN);
    let distance = |price: Price| ((mid2 - 2 * price.units()).abs() as f64 / MID2_ONE).min(1.0);
    out[0] = f64::from(u8::from(orders.bid.is_some()));
    out[1] = f64::from(u8::from(orders.ask.is_some()));
    out[2] = orders.bid.map_or(0.0, distance);
    out[3] = orders.ask.map_or(0.0, distance);
    out[4] = orders
        .newest_acked_ms
        .map_or(0.0, |acked_ms| (input.time_ms.saturating_sub(acked_ms).max(0) as f64 / AGE_FULL_MS).min(1.0));
}
