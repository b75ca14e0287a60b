//! What a stop still waits for, to be shown to a person.

use std::fmt;
use std::time::Duration;

use super::ExecuteStage;
use crate::clock::Now;

/// What stands between a stop and its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Orders of ours that are known to rest: their cancels are on their way.
    pub resting: usize,
    /// Orders of ours whose fate is not known.
    pub unknown: usize,
    /// After which time that is certain at the latest: no request can be accepted any more, and reads show it.
    pub certain_within: Duration,
    /// Requests without an answer.
    pub unanswered: usize,
    /// Everything has ended, and the ledger is being compared with the exchange.
    pub comparing: bool,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resting, unknown, certain_within, unanswered, comparing } = *self;
        if comparing || (resting, unknown, unanswered) == (0, 0, 0) {
            return f.write_str("the last comparison with the exchange");
        }
        let mut separator = "";
        let mut part = |f: &mut fmt::Formatter<'_>, text: String| {
            let written = write!(f, "{separator}{text}");
            separator = ", ";
            written
        };
        let orders = |count: usize| if count == 1 { "1 order".to_owned() } else { format!("{count} orders") };
        if resting > 0 {
            part(f, format!("{} to be cancelled", orders(resting)))?;
        }
        if unknown > 0 {
            let within_s = certain_within.as_secs_f64().ceil();
            part(f, format!("what became of {} (certain within {within_s:.0} s)", orders(unknown)))?;
        }
        if unanswered > 0 {
            part(f, format!("{unanswered} answers"))?;
        }
        Ok(())
    }
}

impl ExecuteStage {
    /// What a stop waits for, from its beginning to its end.
    #[must_use]
    pub fn waiting(&self, now: Now) -> Option<Waiting> {
        if !self.stops.ending.is_stopping() || self.stops.ending.agreement().is_some() {
            return None;
        }
        let mut waiting =
            Waiting { unanswered: self.orders.requests.len(), comparing: self.readings.closing, ..Waiting::default() };
        let settles_ms = self.config.signature_validity_ms.saturating_add(self.config.read_lag_ms);
        for order in self.orders.open() {
            if order.state.is_unknown() {
                let left_ms = order.sent_ms.saturating_add(settles_ms).saturating_sub(now.session_ms);
                let left_ns = self.alarm.clock().duration_ns(u64::try_from(left_ms).unwrap_or(0));
                waiting.unknown += 1;
                waiting.certain_within = waiting.certain_within.max(Duration::from_nanos(left_ns));
            } else {
                waiting.resting += 1;
            }
        }
        Some(waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_waited_for_is_said_with_its_end() {
        let waiting = Waiting {
            resting: 1,
            unknown: 2,
            certain_within: Duration::from_millis(13_200),
            unanswered: 1,
            comparing: false,
        };
        assert_eq!(
            waiting.to_string(),
            "1 order to be cancelled, what became of 2 orders (certain within 14 s), 1 answers"
        );
        assert_eq!(Waiting::default().to_string(), "the last comparison with the exchange");
    }
}
