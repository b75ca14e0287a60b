//! Features 35 to 46: the account.

use crate::decide::observation::Portfolio;

/// An account worth at most $0.0001 counts as empty. In half micro-dollars.
const VALUE2_MIN: i128 = 200;
/// The count feature is 1 at this many positions.
const COUNT_FULL: f64 = 10.0;
/// The size features are 1 at this many hundredths of a contract.
const SIZE_FULL_UNITS: f64 = 100_000.0;

/// Writes the block.
pub(super) fn write(portfolio: &Portfolio, out: &mut [f64; 12]) {
    let sums = portfolio.sums();
    let available2 = 2 * i128::from(portfolio.available().micros());
    let value2 = available2 + 2 * i128::from(portfolio.reserved().micros()) + sums.worth2;
    if value2 <= VALUE2_MIN {
        *out = [0.0; 12];
        out[0] = 1.0;
        return;
    }
    let value = value2 as f64;
    out[0] = (available2 as f64 / value).clamp(0.0, 1.0);
    out[1] = ((value2 - available2) as f64 / value).clamp(0.0, 1.0);
    if sums.count == 0 {
        out[2..].fill(0.0);
        return;
    }
    let count = sums.count as f64;
    let absolute = sums.absolute as f64;
    out[2] = (count / COUNT_FULL).min(1.0);
    out[3] = (absolute / count / SIZE_FULL_UNITS).min(1.0);
    out[4] = sums.longs as f64 / count;
    out[5] = (sums.count - sums.longs) as f64 / count;
    out[6] = libm::tanh(sums.signed as f64 / absolute);
    out[7] = (portfolio.largest_worth2() as f64 / value).min(1.0);
    out[8] = (portfolio.largest_position().units() as f64 / SIZE_FULL_UNITS).clamp(-1.0, 1.0);
    out[9] = libm::tanh((sums.worth2 - 2 * sums.cost) as f64 / value);
    out[10] = if sums.count == 1 {
        1.0
    } else {
        let concentration = sums.squares as f64 / (absolute * absolute);
        1.0 - (concentration - 1.0 / count) / (1.0 - 1.0 / count)
    };
    out[11] = (sums.worth2 as f64 / value).min(2.0) / 2.0;
}
