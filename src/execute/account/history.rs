//! What a value was, and when: enough to tell whether a reading of the exchange, which is never taken at the same instant
//! as ours, agrees with the ledger at some instant of the reading. Owns a bounded list for each value.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The newest changes of a value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct History<T> {
    /// Value and the session time from which it held, oldest first.
    changes: VecDeque<(i64, T)>,
    bound: usize,
}

/// Whether a reading agrees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreed {
    /// The value was held within the window.
    Yes,
    /// It was not.
    No,
    /// The history does not reach back to the window's start.
    Unclear,
}

impl<T: Copy + PartialEq> History<T> {
    /// A value that has always been `value`; keeps `bound` changes.
    #[must_use]
    pub fn new(value: T, bound: usize) -> Self {
        let mut changes = VecDeque::with_capacity(bound);
        changes.push_back((i64::MIN, value));
        Self { changes, bound }
    }

    /// The value changed.
    pub fn push(&mut self, session_ms: i64, value: T) {
        if self.changes.back().is_some_and(|&(_, newest)| newest == value) {
            return;
        }
        if self.changes.len() == self.bound {
            self.changes.pop_front();
        }
        self.changes.push_back((session_ms, value));
    }

    /// Whether the value was `value` at some instant from `from_ms` on.
    #[must_use]
    pub fn held(&self, value: T, from_ms: i64) -> Agreed {
        for &(since_ms, held) in self.changes.iter().rev() {
            if held == value {
                return Agreed::Yes;
            }
            if since_ms <= from_ms {
                return Agreed::No;
            }
        }
        Agreed::Unclear
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_agrees_if_it_was_held_within_the_window() {
        let mut history = History::new(10, 4);
        history.push(100, 20);
        history.push(200, 30);
        assert_eq!(history.held(10, 99), Agreed::Yes);
        assert_eq!(history.held(10, 100), Agreed::No);
        assert_eq!(history.held(20, 150), Agreed::Yes);
        assert_eq!(history.held(30, 500), Agreed::Yes);
        assert_eq!(history.held(40, 0), Agreed::No);
    }

    #[test]
    fn a_window_older_than_the_memory_is_unclear() {
        let mut history = History::new(0, 2);
        for n in 1..10 {
            history.push(n * 100, n);
        }
        assert_eq!(history.held(3, 250), Agreed::Unclear);
        assert_eq!(history.held(3, 850), Agreed::No);
    }
}
