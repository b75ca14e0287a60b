//! How long a crossed book is tolerated. The exchange publishes the effects of an order level by level, and the remainder of
//! an aggressing order may be published before the orders that it traded with leave the book. Within one exchange timestamp
//! the best YES bid may therefore be above the best YES ask (crossed) or equal to it (locked) without anything being wrong.
//! A book is wrong if it is still crossed once the exchange's time has moved on, or once nothing more has arrived for
//! [`CROSSED_GRACE_MS`].
//!
//! The time is the one that the exchange stamped on the market's own book frames. Trades do not count: they come on another
//! subscription, whose frames may be ahead of the book's. Nor does the time at which a delta was sent.

use serde::{Deserialize, Serialize};

/// How long a crossed book waits for the rest of its instant if nothing more arrives, in milliseconds of session time.
pub const CROSSED_GRACE_MS: u64 = 250;

/// Tracks one market's book through exchange time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossing {
    /// The exchange time of the newest book frame, in milliseconds; `None` while it is unknown.
    instant_ms: Option<i64>,
    /// While the book is crossed: when to stop waiting for the rest of the instant, on the caller's clock.
    until: Option<u64>,
    /// Whether this instant was already counted as crossed.
    counted: bool,
}

impl Crossing {
    /// Starts over after the whole book was replaced. `sent_ms` is the time at which the snapshot was sent, if it has one;
    /// without it, the next delta that has a time may still belong to the snapshot's instant.
    pub fn replace(&mut self, sent_ms: Option<i64>) {
        *self = Self { instant_ms: sent_ms, until: None, counted: false };
    }

    /// Whether the book is crossed.
    #[must_use]
    #[inline]
    pub fn is_open(&self) -> bool {
        self.until.is_some()
    }

    /// When to stop waiting for the rest of the instant, on the caller's clock; `None` while the book is not crossed.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.until
    }

    /// Whether the book is still crossed although the next frame's exchange time is later. To be called before that frame is
    /// applied.
    #[must_use]
    #[inline]
    pub fn outlasts(&self, next_ms: Option<i64>) -> bool {
        self.is_open() && next_ms > self.instant_ms && self.instant_ms.is_some()
    }

    /// Records the state of the book after a frame. `until` is [`CROSSED_GRACE_MS`] after the frame's arrival, on the
    /// caller's clock and in its unit. A frame without a time belongs to the latest instant, and does not show that the instant continues.
    /// Returns whether this is the first crossed state of its instant.
    #[inline]
    pub fn follow(&mut self, is_crossed: bool, frame_ms: Option<i64>, until: u64) -> bool {
        let moves_on = match self.instant_ms {
            Some(_) => frame_ms > self.instant_ms,
            // As long as no time is known, every crossing counts as an instant of its own.
            None => frame_ms.is_none() && !self.is_open(),
        };
        self.instant_ms = self.instant_ms.max(frame_ms);
        self.counted &= !moves_on;
        if !is_crossed {
            self.until = None;
            return false;
        }
        if self.until.is_none() || frame_ms.is_some() {
            self.until = Some(until);
        }
        !std::mem::replace(&mut self.counted, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crossed_book_is_tolerated_within_one_timestamp_only() {
        let mut crossing = Crossing::default();
        assert!(!crossing.follow(false, Some(1_000), 250));
        assert!(!crossing.outlasts(Some(1_001)), "not crossed");
        assert!(crossing.follow(true, Some(1_001), 251));
        assert!(!crossing.outlasts(Some(1_001)) && !crossing.outlasts(Some(900)) && !crossing.outlasts(None));
        assert!(crossing.outlasts(Some(1_002)));
        assert!(!crossing.follow(true, Some(1_001), 255), "another state of the same instant");
        assert!(!crossing.follow(false, Some(1_001), 256));
        assert!(!crossing.is_open() && !crossing.outlasts(Some(1_002)));
    }

    #[test]
    fn an_instant_counts_once_however_often_it_crosses() {
        let mut crossing = Crossing::default();
        let states = [(true, 5), (false, 5), (true, 5), (false, 5), (true, 6), (true, 6), (false, 7), (true, 8)];
        let first = states.map(|(is_crossed, ms)| crossing.follow(is_crossed, Some(ms), 0));
        assert_eq!(first, [true, false, false, false, true, false, false, true]);
    }

    #[test]
    fn a_time_that_runs_backwards_counts_as_the_current_one() {
        let mut crossing = Crossing::default();
        crossing.follow(true, Some(1_000), 0);
        assert!(!crossing.follow(true, Some(990), 0));
        assert!(crossing.outlasts(Some(1_001)) && !crossing.outlasts(Some(999)));
    }

    #[test]
    fn frames_of_the_instant_are_waited_for_again_and_those_without_a_time_are_not() {
        let mut crossing = Crossing::default();
        crossing.follow(true, Some(1_000), 250);
        crossing.follow(true, Some(1_000), 300);
        assert_eq!(crossing.deadline(), Some(300));
        crossing.follow(true, None, 400);
        assert_eq!(crossing.deadline(), Some(300));
        crossing.follow(false, None, 410);
        assert_eq!(crossing.deadline(), None);
    }

    #[test]
    fn without_times_only_the_wait_ends_a_crossing_and_each_crossing_counts() {
        let mut crossing = Crossing::default();
        assert!(crossing.follow(true, None, 250));
        assert!(!crossing.outlasts(None));
        assert!(!crossing.follow(true, None, 260));
        assert_eq!(crossing.deadline(), Some(250));
        crossing.follow(false, None, 270);
        assert!(crossing.follow(true, None, 280));
    }

    #[test]
    fn a_snapshot_begins_a_new_instant_and_one_without_a_time_takes_the_next() {
        let mut crossing = Crossing::default();
        crossing.follow(true, Some(1_000), 0);
        crossing.replace(Some(5_000));
        assert!(crossing.follow(true, Some(5_000), 0));
        assert!(crossing.outlasts(Some(5_001)) && !crossing.outlasts(Some(4_990)));
        crossing.replace(None);
        assert!(crossing.follow(true, None, 0));
        assert!(!crossing.outlasts(Some(9_000)), "the snapshot's instant is not known");
        assert!(!crossing.follow(true, Some(9_000), 0));
        assert!(crossing.outlasts(Some(9_001)));
    }
}
