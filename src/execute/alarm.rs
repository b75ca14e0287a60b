//! The next moment at which time alone changes something in the stage.

use serde::{Deserialize, Serialize};

use crate::clock::{NEVER_NS, SessionClock};

/// When the stage has to be woken.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Alarm {
    clock: SessionClock,
    due_ns: u64,
}

impl Alarm {
    /// Due at once.
    pub fn new(clock: &SessionClock) -> Self {
        Self { clock: *clock, due_ns: 0 }
    }

    /// How session time runs.
    pub fn clock(&self) -> &SessionClock {
        &self.clock
    }

    /// Makes sure that the stage is woken at a monotonic time.
    pub fn at_ns(&mut self, at_ns: u64) {
        self.due_ns = self.due_ns.min(at_ns);
    }

    /// Makes sure that the stage is woken at a session time.
    pub fn at_session_ms(&mut self, session_ms: i64) {
        self.at_ns(self.clock.mono_ns(session_ms));
    }

    pub fn due_ns(&self) -> u64 {
        self.due_ns
    }

    /// Nothing is due, once the stage has been woken.
    pub fn clear(&mut self) {
        self.due_ns = NEVER_NS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_of_what_was_asked_for_wakes() {
        let mut alarm = Alarm::new(&SessionClock::new(0, 1_000, 2_000));
        assert_eq!(alarm.due_ns(), 0);
        alarm.clear();
        alarm.at_ns(5_000_000);
        // Four milliseconds of session time are two of monotonic time at twice the speed.
        alarm.at_session_ms(1_004);
        alarm.at_ns(NEVER_NS);
        assert_eq!(alarm.due_ns(), 2_000_000);
    }
}
