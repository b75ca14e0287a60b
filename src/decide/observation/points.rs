//! The history of one market's points: the state of its book once per time bucket.

use serde::{Deserialize, Serialize};

use crate::book::Book;
use crate::market::{Count, Outcome};

/// The most closed points that a history can keep.
pub const POINTS_MAX: usize = 256;

/// A market that was stale for longer than this starts its history over.
const STALE_SPELL_MAX_MS: i64 = 10_000;

/// The state of a book as the history keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The time of the last book state in its bucket.
    pub time_ms: i64,
    /// The total size of the YES and NO books including asks, so that every resting contract counts twice.
    pub volume: Count,
    /// `min(1, ln(1 + volume in contracts) / 1000)`.
    pub activity: f64,
    /// Best YES bid plus best YES ask in $0.0001, where both sides had a price.
    pub mid2: Option<i64>,
}

impl Point {
    fn of(book: &Book, time_ms: i64) -> Self {
        Self { time_ms, volume: total_volume(book), activity: 0.0, mid2: book.mid2() }
    }
}

/// The total size of all four sides of a book: every resting contract is a bid on one outcome and an ask on the other.
pub(super) fn total_volume(book: &Book) -> Count {
    let resting = book.volume(Outcome::Yes) + book.volume(Outcome::No);
    resting + resting
}

/// The logarithm that the activity and the volume features share.
pub(super) fn log_volume(total: Count) -> f64 {
    libm::log(1.0 + total.contracts())
}

/// A point's activity from the logarithm of its volume.
pub(super) fn activity(log_volume: f64) -> f64 {
    (log_volume / 1000.0).min(1.0)
}

/// The open point and a ring of the last closed ones, as many as the schema looks back on. Recording a book state takes
/// constant time; a point's activity is computed once, when the point is closed. The ring is allocated only when the
/// history is created.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PointHistory {
    point_ms: i64,
    current: Option<Point>,
    /// The first time that no longer belongs to the current point's bucket.
    bucket_end_ms: i64,
    closed: Box<[Point]>,
    /// The position of the oldest closed point.
    oldest: usize,
    length: usize,
}

impl PointHistory {
    /// Creates an empty history with buckets of `point_ms` milliseconds (at least 1) that keeps up to `kept` closed
    /// points (at most [`POINTS_MAX`]).
    #[must_use]
    pub fn new(point_ms: u64, kept: usize) -> Self {
        Self {
            point_ms: i64::try_from(point_ms).unwrap_or(i64::MAX).max(1),
            current: None,
            bucket_end_ms: i64::MIN,
            closed: vec![Point::default(); kept.min(POINTS_MAX)].into_boxed_slice(),
            oldest: 0,
            length: 0,
        }
    }

    /// Records a state of the book, which must not be crossed. A time before that of the current point counts as the
    /// current point's.
    #[inline]
    pub fn record(&mut self, book: &Book, time_ms: i64) {
        if let Some(current) = self.current {
            if time_ms < self.bucket_end_ms {
                self.current = Some(Point::of(book, time_ms.max(current.time_ms)));
                return;
            }
            self.close(current);
        }
        self.bucket_end_ms = time_ms.div_euclid(self.point_ms).saturating_add(1).saturating_mul(self.point_ms);
        self.current = Some(Point::of(book, time_ms));
    }

    /// Called after the book was stale from one time to another. After more than ten seconds the history says nothing
    /// about the present, and is cleared.
    pub fn after_stale_spell(&mut self, from_ms: i64, to_ms: i64) {
        if to_ms.saturating_sub(from_ms) > STALE_SPELL_MAX_MS {
            self.forget();
        }
    }

    /// Removes all points.
    pub fn forget(&mut self) {
        (self.current, self.bucket_end_ms) = (None, i64::MIN);
        (self.oldest, self.length) = (0, 0);
        self.closed.fill(Point::default());
    }

    /// The open point, with the newest state of the book.
    #[must_use]
    #[inline]
    pub fn current(&self) -> Option<&Point> {
        self.current.as_ref()
    }

    /// The number of closed points.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether no point has been closed yet.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// A closed point by age, where 0 is the newest.
    ///
    /// # Panics
    /// When there are not that many closed points.
    #[must_use]
    #[inline]
    pub fn back(&self, age: usize) -> &Point {
        assert!(age < self.length, "a point that was closed");
        &self.closed[self.place(self.oldest + self.length - 1 - age)]
    }

    #[inline]
    fn close(&mut self, mut point: Point) {
        let kept = self.closed.len();
        if kept == 0 {
            return;
        }
        point.activity = activity(log_volume(point.volume));
        let next = self.place(self.oldest + self.length);
        self.closed[next] = point;
        if self.length < kept {
            self.length += 1;
        } else {
            self.oldest = self.place(self.oldest + 1);
        }
    }

    /// Wraps a position in the ring, which must be less than twice its length.
    #[inline]
    fn place(&self, at: usize) -> usize {
        if at < self.closed.len() { at } else { at - self.closed.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{Grid, GridBands, Price};

    const KEPT: usize = 10;

    fn book(contracts: i64) -> Book {
        let mut book = Book::new(Grid::new(GridBands::cents()));
        book.apply_delta(Outcome::Yes, Price::from_cents(40), Count::from_contracts(contracts)).unwrap();
        book
    }

    #[test]
    fn a_state_in_the_same_bucket_replaces_the_point_and_its_time() {
        let mut points = PointHistory::new(1_000, KEPT);
        points.record(&book(1), 5_100);
        points.record(&book(2), 5_999);
        assert_eq!(points.len(), 0);
        points.record(&book(3), 6_000);
        assert_eq!(points.len(), 1);
        assert_eq!((points.back(0).time_ms, points.back(0).volume), (5_999, Count::from_contracts(4)));
        assert_eq!(points.current().unwrap().time_ms, 6_000);
    }

    #[test]
    fn as_many_closed_points_are_kept_as_were_asked_for() {
        for kept in [0, 1, 2, KEPT, 24, 30] {
            let mut points = PointHistory::new(1, kept);
            for time_ms in 0..25 {
                points.record(&book(time_ms + 1), time_ms);
            }
            assert_eq!((points.len(), points.current().unwrap().time_ms), (kept.min(24), 24));
            for age in 0..points.len() {
                assert_eq!(points.back(age).time_ms, 23 - i64::try_from(age).unwrap());
            }
        }
    }

    #[test]
    fn time_never_runs_backwards() {
        let mut points = PointHistory::new(10, KEPT);
        points.record(&book(1), 105);
        points.record(&book(2), 103);
        points.record(&book(2), 90);
        assert_eq!((points.len(), points.current().unwrap().time_ms), (0, 105));
    }

    #[test]
    fn a_stale_spell_of_more_than_ten_seconds_restarts_the_history() {
        let mut points = PointHistory::new(1, KEPT);
        points.record(&book(1), 0);
        points.record(&book(1), 1);
        points.after_stale_spell(1, 10_001);
        assert_eq!(points.len(), 1);
        points.after_stale_spell(1, 10_002);
        assert!(points.is_empty() && points.current().is_none());
    }

    #[test]
    fn times_at_the_ends_of_the_range_do_no_harm() {
        let mut points = PointHistory::new(u64::MAX, KEPT);
        for time_ms in [i64::MIN, -1, 0, i64::MAX] {
            points.record(&book(1), time_ms);
        }
        assert!(points.current().is_some());
    }
}
