//! Decides when a demonstration ends: once it has shown every kind of trading. A slow machine needs longer, which is
//! not the trader's fault.

use std::time::{Duration, Instant};

use super::activity::Activity;
use super::embedded::EmbeddedExchange;
use crate::record::live::LiveFigures;

/// How long a demonstration may continue beyond its length.
const LONGER_MAX: Duration = Duration::from_mins(3);
/// How often to check, once the length is over.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub struct Demonstration {
    length: Duration,
    looked: Option<Instant>,
    longer: bool,
}

impl Demonstration {
    #[must_use]
    pub fn new(length: Duration) -> Self {
        Self { length, looked: None, longer: false }
    }

    /// Whether the demonstration may end: after its length, if nothing is missing or it has waited for long enough.
    /// `figures` are the latest of the live line.
    pub fn is_over(&mut self, figures: &LiveFigures, exchange: &EmbeddedExchange) -> bool {
        let elapsed = Duration::from_millis(figures.elapsed_ms);
        if elapsed < self.length || self.looked.is_some_and(|looked| looked.elapsed() < LOOK_EVERY) {
            return false;
        }
        self.looked = Some(Instant::now());
        self.ends(elapsed, exchange.activity(figures.orders, figures.amends))
    }

    fn ends(&mut self, elapsed: Duration, activity: Option<Activity>) -> bool {
        let over = activity.is_none_or(|activity| activity.missing().is_empty());
        self.longer |= !over;
        over || elapsed >= self.length + LONGER_MAX
    }

    /// Whether the demonstration had to continue beyond its length.
    #[must_use]
    pub fn took_longer(&self) -> bool {
        self.longer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_while_something_is_missing_and_not_for_ever() {
        let shown = Activity {
            orders: 50,
            fills: 20,
            bid_fills: 10,
            ask_fills: 10,
            partial_fills: 1,
            closes: 1,
            cancels: 1,
            amends: 1,
        };
        let lacking = Some(Activity { orders: 36, ..shown });
        let seconds = Duration::from_secs;
        let mut demonstration = Demonstration::new(seconds(30));
        assert!(demonstration.ends(seconds(30), Some(shown)) && !demonstration.took_longer());
        assert!(!demonstration.ends(seconds(30), lacking) && demonstration.took_longer());
        assert!(!demonstration.ends(seconds(209), lacking));
        assert!(demonstration.ends(seconds(42), Some(shown)));
        assert!(demonstration.ends(seconds(210), lacking), "it ends for want of what it waits for");
        assert!(demonstration.ends(seconds(30), None), "an exchange that is gone shows nothing more");
    }
}
