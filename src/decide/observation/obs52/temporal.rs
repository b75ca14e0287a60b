//! Features 21 to 34: time, and the market's last ten points compared with the current one.

use super::super::points::activity;
use super::super::{CivilHour, ObservationInput, Point, PointHistory};
use super::POINTS;

/// The age features are 1 after five minutes.
const AGE_FULL_S: f64 = 300.0;
/// The length of the short windows, in points.
const RECENT: usize = 5;
/// Units of `mid2` in a cent.
const MID2_CENT: f64 = 200.0;
/// The price features are 1 at this many cents of movement.
const MOVE_FULL_CENTS: f64 = 5.0;

/// Writes the block. `log_volume` is that of the current point.
pub(super) fn write(input: &ObservationInput<'_>, log_volume: f64, out: &mut [f64; 14]) {
    let points = input.points;
    let now = activity(log_volume);
    // Activities are compared as differences from the current one, so that an unchanged activity is exactly zero and
    // the rounding of a mean cannot set a flag.
    let mut changes = [0.0f64; POINTS + 1];
    let length = points.len();
    for (age, change) in (0..length).zip(changes[..length].iter_mut().rev()) {
        *change = points.back(age).activity - now;
    }
    let window = &changes[..=length];

    out[0] = if points.is_empty() { 0.0 } else { (seconds_since(input, points.back(0)) / AGE_FULL_S).min(1.0) };
    out[1] = time_of_day(input.hour);
    out[2] = f64::from(input.hour.weekday) / 6.0;
    out[3] = now;
    out[4] = if points.is_empty() { 0.0 } else { libm::tanh(-window[length - 1]) };
    out[5] = update_frequency(input);
    let (burst, quiet) = burst_and_quiet(window);
    out[6] = f64::from(burst);
    out[7] = f64::from(quiet);
    out[8] = if window.len() >= 5 { libm::tanh(10.0 * slope(window)) } else { 0.0 };
    let mids = Mids::of(points);
    out[9] = mids.momentum();
    out[10] = if length >= RECENT { mids.volatility() } else { 0.1 };
    out[11] = if length >= RECENT { (1.0 - deviation(&window[length - RECENT..]).1 / 0.3).max(0.0) } else { 0.5 };
    out[12] = if length >= 3 { mids.stability() } else { 0.5 };
    out[13] = if length >= 3 { persistence(&window[..length]) } else { 0.0 };
}

fn seconds_since(input: &ObservationInput<'_>, point: &Point) -> f64 {
    input.time_ms.saturating_sub(point.time_ms) as f64 / 1000.0
}

fn time_of_day(civil: CivilHour) -> f64 {
    if (9..=16).contains(&civil.hour) { (f64::from(civil.hour) - 9.0) / 7.0 } else { 0.0 }
}

fn update_frequency(input: &ObservationInput<'_>) -> f64 {
    let recent = input.points.len().min(RECENT);
    if recent < 2 {
        return 0.1;
    }
    let seconds = seconds_since(input, input.points.back(recent - 1)).max(1.0);
    (recent as f64 / seconds / 2.0).min(1.0)
}

/// Mean and population standard deviation.
fn deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
    (mean, libm::sqrt(variance))
}

/// Whether the current activity, which is zero in the window of differences, is far above or far below the window.
fn burst_and_quiet(window: &[f64]) -> (bool, bool) {
    if window.len() < 3 {
        return (false, false);
    }
    let (mean, spread) = deviation(window);
    (0.0 > mean + 1.5 * spread, 0.0 < mean - spread)
}

/// The least-squares slope of values against 0, 1, 2, ...
fn slope(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let centre = (count - 1.0) / 2.0;
    let weighted: f64 = values.iter().enumerate().map(|(at, value)| (at as f64 - centre) * value).sum();
    weighted / (count * (count * count - 1.0) / 12.0)
}

/// Counts the newest point and up to eight before it, as long as each is near the current activity.
fn persistence(history: &[f64]) -> f64 {
    let run = history.iter().rev().take(9).take_while(|change| change.abs() <= 0.1).count();
    ((1 + run) as f64 / 10.0).min(1.0)
}

/// The mids of the history and the current point, oldest first, in units of $0.00005.
struct Mids {
    values: [Option<i64>; POINTS + 1],
    length: usize,
}

impl Mids {
    fn of(points: &PointHistory) -> Self {
        let length = points.len();
        let mut values = [None; POINTS + 1];
        for (age, mid) in (0..length).zip(values[..length].iter_mut().rev()) {
            *mid = points.back(age).mid2;
        }
        values[length] = points.current().and_then(|point| point.mid2);
        Self { values, length: length + 1 }
    }

    /// Compares the last change of the mid with the one before.
    fn momentum(&self) -> f64 {
        let mut known = self.values[..self.length].iter().rev().flatten();
        let (Some(newest), Some(middle), Some(oldest)) = (known.next(), known.next(), known.next()) else {
            return 0.0;
        };
        let (first, second) = (middle - oldest, newest - middle);
        // The smallest change, 0.005 cents, is already above the schema's threshold of 0.001.
        if first == 0 { 0.0 } else { libm::tanh((second - first) as f64 / first.abs() as f64) }
    }

    /// The absolute changes in cents between neighbours that both have a mid, and their number.
    fn moves(mids: &[Option<i64>]) -> ([f64; RECENT], usize) {
        let mut moves = [0.0; RECENT];
        let mut count = 0;
        for pair in mids.windows(2) {
            if let [Some(before), Some(after)] = pair {
                moves[count] = (after - before).abs() as f64 / MID2_CENT;
                count += 1;
            }
        }
        (moves, count)
    }

    /// The volatility over the last five points and the current one.
    fn volatility(&self) -> f64 {
        let (moves, count) = Self::moves(&self.values[self.length - 1 - RECENT..self.length]);
        if count == 0 { 0.1 } else { (deviation(&moves[..count]).1 / MOVE_FULL_CENTS).min(1.0) }
    }

    /// The stability over the last three pairs of points, without the current one.
    fn stability(&self) -> f64 {
        let history = self.length - 1;
        let (moves, count) = Self::moves(&self.values[history.saturating_sub(4)..history]);
        if count == 0 {
            return 0.5;
        }
        let mean = moves[..count].iter().sum::<f64>() / count as f64;
        (1.0 - mean / MOVE_FULL_CENTS).max(0.0)
    }
}
