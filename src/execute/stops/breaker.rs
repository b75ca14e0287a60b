//! A market's breaker: after several rejects in a row it takes no orders for a while. A success resets it.

use serde::{Deserialize, Serialize};

/// Counts rejects in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    rejects_in_row: u32,
    open_until_ms: Option<i64>,
}

impl Breaker {
    /// A write was rejected. Returns whether that opened the breaker.
    pub fn rejected(&mut self, session_ms: i64, limit: u32, open_ms: i64) -> bool {
        self.rejects_in_row += 1;
        if self.rejects_in_row < limit {
            return false;
        }
        self.rejects_in_row = 0;
        self.open_until_ms = Some(session_ms.saturating_add(open_ms));
        true
    }

    /// The exchange takes no orders now, whatever they are: holds them back until a time, and counts nothing.
    pub fn wait_until(&mut self, until_ms: i64) {
        self.open_until_ms = self.open_until_ms.max(Some(until_ms));
    }

    /// A write was accepted.
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Whether orders are held back now.
    #[must_use]
    pub fn is_open(&self, session_ms: i64) -> bool {
        self.open_until_ms.is_some_and(|until_ms| session_ms < until_ms)
    }

    /// Forgets a time that has passed. Returns whether there was one.
    pub fn close(&mut self) -> bool {
        self.open_until_ms.take().is_some()
    }

    /// When it closes again, in session milliseconds, while it is open.
    #[must_use]
    pub fn open_until_ms(&self, session_ms: i64) -> Option<i64> {
        self.open_until_ms.filter(|&until_ms| session_ms < until_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_at_the_fifth_reject_in_a_row_and_closes_after_its_time() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            assert!(!breaker.rejected(1_000, 5, 300_000));
        }
        assert!(!breaker.is_open(1_000));
        assert!(breaker.rejected(1_000, 5, 300_000));
        assert!(breaker.is_open(300_999));
        assert!(!breaker.is_open(301_000));
    }

    #[test]
    fn a_success_starts_the_count_again() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.rejected(0, 5, 300_000);
        }
        breaker.succeeded();
        assert!(!breaker.rejected(0, 5, 300_000));
    }
}
