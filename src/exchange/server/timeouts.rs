//! How long a client may keep the server waiting. Nothing is timed while requests are served: once a second each
//! connection tells what it waits for, and one that still waits for the same is older by a second.

use std::time::Duration;

/// The longest times that a client may take, on the wall clock. They are looked at once a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first byte of a request to the end of its headers; then 408.
    pub head: Duration,
    /// From there to the end of its body; then 408.
    pub body: Duration,
    /// Without a request on an open connection.
    pub idle: Duration,
    /// Without taking a byte of what was written to it, or after its half of the connection has ended.
    pub unread: Duration,
    /// Without a byte from a WebSocket client, which has to answer pings.
    pub silence: Duration,
    /// Until it ends a connection that the server has ended.
    pub goodbye: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body: Duration::from_secs(30),
            idle: Duration::from_mins(2),
            unread: Duration::from_secs(30),
            silence: Duration::from_mins(1),
            goodbye: Duration::from_secs(2),
        }
    }
}

/// What a connection waits for. The number is different after each step in that: waiting for the next one is not waiting
/// longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Waiting {
    /// For the exchange's answer: as long as it takes.
    #[default]
    Answer,
    Head(u64),
    Body(u64),
    Request(u64),
    Reader(u64),
    /// For anything from a WebSocket.
    Sign(u64),
    /// For the answers to a client that has ended its half.
    LastAnswer(u64),
    Goodbye,
}

impl Waiting {
    fn longest(self, timeouts: &Timeouts) -> Option<Duration> {
        match self {
            Self::Answer => None,
            Self::Head(_) => Some(timeouts.head),
            Self::Body(_) => Some(timeouts.body),
            Self::Request(_) => Some(timeouts.idle),
            Self::Reader(_) | Self::LastAnswer(_) => Some(timeouts.unread),
            Self::Sign(_) => Some(timeouts.silence),
            Self::Goodbye => Some(timeouts.goodbye),
        }
    }
}

/// Since when a connection waits for what it waits for.
#[derive(Debug, Default)]
pub(super) struct Watch {
    waiting: Waiting,
    since_ns: u64,
}

impl Watch {
    pub(super) fn new(now_ns: u64) -> Self {
        Self { waiting: Waiting::default(), since_ns: now_ns }
    }

    /// Notes what is waited for now. Returns it when that has been too long.
    pub(super) fn look(&mut self, waiting: Waiting, now_ns: u64, timeouts: &Timeouts) -> Option<Waiting> {
        if waiting != self.waiting {
            (self.waiting, self.since_ns) = (waiting, now_ns);
        }
        let waited = Duration::from_nanos(now_ns.saturating_sub(self.since_ns));
        waiting.longest(timeouts).filter(|longest| waited >= *longest).map(|_| waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_begins_the_time_anew_and_answers_have_all_of_it() {
        const SECOND: u64 = 1_000_000_000;
        let timeouts = Timeouts::default();
        let mut watch = Watch::new(0);
        assert_eq!(watch.look(Waiting::Head(1), SECOND, &timeouts), None);
        assert_eq!(watch.look(Waiting::Head(1), 10 * SECOND, &timeouts), None);
        assert_eq!(watch.look(Waiting::Head(1), 11 * SECOND, &timeouts), Some(Waiting::Head(1)));
        assert_eq!(watch.look(Waiting::Head(2), 12 * SECOND, &timeouts), None);
        assert_eq!(watch.look(Waiting::Answer, 13 * SECOND, &timeouts), None);
        assert_eq!(watch.look(Waiting::Answer, 9_999 * SECOND, &timeouts), None);
    }
}
