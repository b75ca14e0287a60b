//! Features 0 to 20: the market's current book.

use crate::book::Book;
use crate::market::{Outcome, Price};

/// `ln(10001)`: a volume feature is 1 at ten thousand contracts.
const LOG_VOLUME_FULL: f64 = 9.210_440_366_976_517;
/// A depth feature is 1 at this many levels.
const DEPTH_FULL: f64 = 20.0;
/// Used for a missing price or mid.
const PRICE_MISSING: f64 = 0.5;
const SPREAD_MISSING: f64 = 0.1;
const SPREAD_RANGE: (f64, f64) = (0.001, 0.99);
const MID_RANGE: (f64, f64) = (0.01, 0.99);
/// A dollar in the units of [`Book::mid2`].
const MID2_ONE: f64 = 20_000.0;

/// Writes the block. `log_volume` is `ln(1 + V)`, where `V` is the total size of all four sides.
pub(super) fn write(book: &Book, log_volume: f64, out: &mut [f64; 21]) {
    let (bid, ask) = (book.best_bid(), book.best_ask());
    let dollars = |price: Option<Price>| price.map_or(PRICE_MISSING, Price::dollars);
    out[0] = dollars(bid);
    out[1] = dollars(ask);
    out[2] = dollars(ask.map(Price::complement));
    out[3] = dollars(bid.map(Price::complement));

    // Each outcome's ask is the other's bid, so both have the same spread, and their mids add up to a dollar.
    let spread = bid.zip(ask).map_or(SPREAD_MISSING, |(bid, ask)| {
        ((ask.units() - bid.units()) as f64 / 10_000.0).clamp(SPREAD_RANGE.0, SPREAD_RANGE.1)
    });
    let mid = |mid2: f64| (mid2 / MID2_ONE).clamp(MID_RANGE.0, MID_RANGE.1);
    let mids = book.mid2().map(|mid2| mid2 as f64);
    out[4] = spread;
    out[5] = spread;
    out[6] = mids.map_or(PRICE_MISSING, mid);
    out[7] = mids.map_or(PRICE_MISSING, |mid2| mid(MID2_ONE - mid2));

    // An outcome's asks are the other's bids, so both have the same volume, which is half of the total.
    let yes_bids = book.volume(Outcome::Yes).contracts();
    let no_bids = book.volume(Outcome::No).contracts();
    let side = yes_bids + no_bids;
    let side_volume = (libm::log(1.0 + side) / LOG_VOLUME_FULL).min(1.0);
    out[8] = side_volume;
    out[9] = side_volume;
    out[10] = (log_volume / LOG_VOLUME_FULL).min(1.0);
    out[11] = 0.0;
    let imbalance = if side > 0.0 { (yes_bids - no_bids) / side } else { 0.0 };
    out[12] = imbalance;
    out[13] = -imbalance;

    let levels = book.level_count(Outcome::Yes) + book.level_count(Outcome::No);
    let depth = (f64::from(levels) / DEPTH_FULL).min(1.0);
    out[14] = depth;
    out[15] = depth;
    let concentration = if side > 0.0 { book.largest_three().contracts() / side } else { 0.5 };
    out[16] = concentration;
    out[17] = concentration;

    out[18] = (out[6] + out[7] - 1.0).abs();
    out[19] = (1.0 - out[18]).max(0.0);
    out[20] = (1.0 - 5.0 * (out[6] - (1.0 - out[7])).abs()).max(0.0);
}
