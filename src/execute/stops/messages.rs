//! The message rate: creates, amends and cancelled orders, each as one message, over a second and over a minute. Cancels
//! count and are never held back; what they leave no room for is new orders and amends.

use serde::{Deserialize, Serialize};

use super::Window;

/// What was sent lately, and how much may be.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MessageRate {
    second: Window<11>,
    minute: Window<61>,
    per_second_max: u32,
    per_minute_max: u32,
}

impl MessageRate {
    /// Nothing sent yet. A limit of zero allows any rate.
    #[must_use]
    pub fn new(per_second_max: u32, per_minute_max: u32) -> Self {
        Self { second: Window::new(1_000), minute: Window::new(60_000), per_second_max, per_minute_max }
    }

    /// Whether one more create or amend stays within both limits.
    pub fn allows(&self, session_ms: i64) -> bool {
        let within = |sent: u32, max: u32| max == 0 || sent < max;
        within(self.second.count(session_ms), self.per_second_max)
            && within(self.minute.count(session_ms), self.per_minute_max)
    }

    /// So many messages were sent.
    pub fn sent(&mut self, session_ms: i64, messages: u32) {
        self.second.add(session_ms, messages);
        self.minute.add(session_ms, messages);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_and_a_minute_have_limits_of_their_own() {
        let mut rate = MessageRate::new(3, 5);
        for _ in 0..3 {
            assert!(rate.allows(10_000));
            rate.sent(10_000, 1);
        }
        assert!(!rate.allows(10_999));
        assert!(rate.allows(11_100));
        rate.sent(11_100, 2);
        // Five in this minute, and that includes cancels.
        assert!(!rate.allows(40_000));
        assert!(rate.allows(72_100));
    }

    #[test]
    fn a_limit_of_zero_is_none() {
        let mut rate = MessageRate::new(0, 0);
        rate.sent(0, 1_000_000);
        assert!(rate.allows(0));
    }
}
