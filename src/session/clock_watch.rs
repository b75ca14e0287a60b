//! Checks the machine's wall clock: against the venue's before a session starts, and against the monotonic clock, on
//! which session time runs, while it trades. Signatures carry wall time and leases end at session time, so a wrong
//! clock gets orders refused or lets them rest for too long.

use std::time::Duration;

use thiserror::Error;

use crate::clock::SessionClock;
use crate::host::clock::{Clock, wall_ms};
use crate::network::rest::{RestClient, RestError};

/// The request that is used to learn the venue's time: public, small, and answered by the same servers as orders.
pub const STATUS_PATH: &str = "/trade-api/v2/exchange/status";
/// The resolution of an HTTP date, in milliseconds.
const DATE_MS: i64 = 1_000;

#[derive(Debug, Error)]
pub enum ClockError {
    /// The machine's clock differs from the venue's by more than is allowed.
    #[error(
        "this machine's clock is at least {:.1} s {} the venue's, {} ms are allowed (venue.max_clock_error_ms): signatures \
         would be refused and leases would end at the wrong time; set it by NTP",
        by_ms.unsigned_abs() as f64 / 1e3, if *by_ms > 0 { "ahead of" } else { "behind" }, allowed_ms
    )]
    Off {
        /// The least that this machine's clock is ahead, in milliseconds; negative if it is behind.
        by_ms: i64,
        allowed_ms: i64,
    },
    /// The venue's time could not be read.
    #[error("the venue's time: {0}")]
    Unread(#[from] RestError),
    /// The response has no date.
    #[error("the venue's time: GET {STATUS_PATH} was answered with status {status} and no date")]
    NoDate { status: u16 },
}

/// Compares the machine's clock with the date of a response from the venue.
///
/// # Errors
/// When they certainly differ by more than `allowed`, given a date in whole seconds and the duration of the request; or
/// when there is no date.
pub fn check_clock(client: &RestClient, allowed: Duration) -> Result<(), ClockError> {
    let asked_ms = wall_ms();
    let answer = client.get(STATUS_PATH)?;
    let answered_ms = wall_ms();
    let date_ms = answer.date_ms.ok_or(ClockError::NoDate { status: answer.status })?;
    let by_ms = ahead_ms(asked_ms, answered_ms, date_ms);
    let allowed_ms = millis(allowed);
    if by_ms.saturating_abs() > allowed_ms { Err(ClockError::Off { by_ms, allowed_ms }) } else { Ok(()) }
}

/// The smallest lead of our clock, in milliseconds, that is consistent with another clock reading `date_ms` some time
/// between our request and its response. Negative for a lag; zero if no difference is needed.
fn ahead_ms(asked_ms: i64, answered_ms: i64, date_ms: i64) -> i64 {
    let (least, most) = (asked_ms.saturating_sub(date_ms.saturating_add(DATE_MS)), answered_ms.saturating_sub(date_ms));
    0.clamp(least.min(most), most)
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Watches the wall clock of a session whose session time is wall time.
#[derive(Clone, Debug)]
pub struct ClockWatch {
    clock: Clock,
    session: SessionClock,
    allowed_ms: i64,
}

impl ClockWatch {
    /// `allowed` is how far session time may differ from wall time.
    #[must_use]
    pub fn new(clock: Clock, session: SessionClock, allowed: Duration) -> Self {
        Self { clock, session, allowed_ms: millis(allowed) }
    }

    /// Why the session has to end, if the clocks have drifted too far apart.
    #[must_use]
    pub fn parted(&self) -> Option<String> {
        let session_ms = self.session.session_ms(self.clock.now_ns());
        self.judge(wall_ms(), session_ms)
    }

    fn judge(&self, wall_ms: i64, session_ms: i64) -> Option<String> {
        let by_ms = wall_ms.saturating_sub(session_ms);
        (by_ms.saturating_abs() > self.allowed_ms).then(|| {
            format!(
                "clock jump: the wall clock moved by {by_ms} ms against the monotonic clock since the start, {} ms are \
                 allowed (venue.max_clock_error_ms)",
                self.allowed_ms
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_date_of_whole_seconds_cannot_explain_counts() {
        // Dated 5.000 s: the venue's clock read 5.000 to 5.999 s while ours read 5.2 to 5.3 s.
        assert_eq!(ahead_ms(5_200, 5_300, 5_000), 0);
        // A clock half a second behind explains it as well as one that is right.
        assert_eq!(ahead_ms(4_900, 5_000, 5_000), 0);
        assert_eq!(ahead_ms(4_300, 4_400, 5_000), -600);
        assert_eq!(ahead_ms(8_000, 8_100, 5_000), 2_000);
        // A slow answer hides as much as it takes.
        assert_eq!(ahead_ms(4_000, 9_000, 5_000), 0);
    }

    #[test]
    fn a_wall_clock_that_leaves_session_time_is_named_with_its_distance() {
        let watch = ClockWatch::new(Clock::start(), SessionClock::new(0, 0, 1_000), Duration::from_secs(1));
        for wall_ms in [9_000, 10_000, 11_000] {
            assert_eq!(watch.judge(wall_ms, 10_000), None);
        }
        for (wall_ms, by) in [(8_999, "-1001 ms"), (70_000, "60000 ms")] {
            let reason = watch.judge(wall_ms, 10_000).unwrap();
            assert!(reason.starts_with("clock jump") && reason.contains(by), "{reason}");
        }
    }
}
