//! How long a client may keep the server waiting. Serving requests costs no timers: once a second, each connection says what
//! it is waiting for, and one that is still waiting for the same thing has waited a second longer.

use std::time::Duration;

/// The longest times that a client may take, in wall-clock time. They are checked once a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first byte of a request to the end of its headers; after that, 408.
    pub head: Duration,
    /// From the end of its headers to the end of its body; after that, 408.
    pub body: Duration,
    /// Without a request on an open connection.
    pub idle: Duration,
    /// Without reading a byte of what was written to it, or after it closed its half of the connection.
    pub unread: Duration,
    /// Without a byte from a WebSocket client, which has to answer pings.
    pub silence: Duration,
    /// Until it closes a connection that the server has closed.
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

/// What a connection is waiting for. The number changes with each step of progress: waiting for the next step does not count
/// as waiting longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Waiting {
    /// For the exchange's response, however long it takes.
    #[default]
    Answer,
    Head(u64),
    Body(u64),
    Request(u64),
    Reader(u64),
    /// For anything from a WebSocket.
    Sign(u64),
    /// For the responses to a client that has closed its half.
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

/// What a connection is waiting for, and since when.
#[derive(Debug, Default)]
pub(super) struct Watch {
    waiting: Waiting,
    since_ns: u64,
}

impl Watch {
    pub(super) fn new(now_ns: u64) -> Self {
        Self { waiting: Waiting::default(), since_ns: now_ns }
    }

    /// Records what is waited for now. Returns it if the wait has been too long.
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
