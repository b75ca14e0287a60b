//! How long a crossed book is excused. The exchange publishes what one order did level by level, and what is left of an
//! order that aggressed may come before the orders that it traded with leave the book. Within one exchange time the best
//! YES bid may therefore stand above the best YES ask (crossed) or at it (locked), and nothing is wrong. A book that is
//! still so when the exchange's time has moved on, or when nothing more came for [`CROSSED_GRACE_MS`], is.
//!
//! The time is the one that the exchange gave to the market's own book frames. Trades do not count: they come on another
//! subscription, whose frames may be ahead of the book's. Neither does the time at which a delta was sent.

use serde::{Deserialize, Serialize};

/// How long a crossed book waits for the rest of its instant when nothing more comes, in session milliseconds.
pub const CROSSED_GRACE_MS: u64 = 250;

/// Follows one market's book through the exchange's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossing {
    /// The newest time of a book frame; none while it is not known.
    instant_ms: Option<i64>,
    /// While the book is crossed: how long more of the instant is waited for, on the clock by which frames arrive.
    until: Option<u64>,
    /// Whether a crossed state of this instant was counted.
    counted: bool,
}

impl Crossing {
    /// The whole book is replaced: what came before says nothing about it. A snapshot has the time at which it was sent, or
    /// none; without one the next delta that has a time may still belong to its instant.
    pub fn replace(&mut self, sent_ms: Option<i64>) {
        *self = Self { instant_ms: sent_ms, until: None, counted: false };
    }

    /// Whether the book is crossed.
    #[must_use]
    #[inline]
    pub fn is_open(&self) -> bool {
        self.until.is_some()
    }

    /// Until when the rest of the instant is waited for; none while the book is not crossed.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.until
    }

    /// Whether the book is crossed although the exchange's time has moved on to that of the next frame. To be asked
    /// before the frame is applied.
    #[must_use]
    #[inline]
    pub fn outlasts(&self, next_ms: Option<i64>) -> bool {
        self.is_open() && next_ms > self.instant_ms && self.instant_ms.is_some()
    }

    /// Takes note of the state that a frame led to. `until` is [`CROSSED_GRACE_MS`] after its arrival. A frame without a
    /// time belongs to the last instant, and does not show that the instant goes on. Returns whether the state is the
    /// first crossed one of its instant.
    #[inline]
    pub fn follow(&mut self, is_crossed: bool, frame_ms: Option<i64>, until: u64) -> bool {
        let moves_on = match self.instant_ms {
            Some(_) => frame_ms > self.instant_ms,
            // Where no time is known every crossing is an instant.
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
    fn within_one_time_a_crossed_book_is_excused_and_after_it_it_is_not() {
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
    fn a_time_that_runs_backwards_is_the_current_one() {
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
    fn where_no_time_is_known_only_the_wait_ends_a_crossing_and_each_one_counts() {
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
