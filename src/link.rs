//! The life of one stage's WebSocket: connecting, being heard, falling silent, coming back with growing pauses. Owns
//! the numbers of connections, so that frames of an earlier one are told apart; knows nothing of what is said on it. What
//! is to be done with the socket is returned, for the stage to hand to its port.

use serde::{Deserialize, Serialize};

use crate::backoff::{Backoff, BackoffConfig};
use crate::clock::{NEVER_NS, Now};
use crate::ports::{ConnectionId, SocketOutput};

/// The times of a link, in monotonic nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkConfig {
    /// How long a handshake may take.
    pub connect_timeout_ns: u64,
    /// How long an open connection may be silent. The server pings every 10 s (protocol page, 2.1), so this must allow
    /// for at least two lost pings.
    pub silence_ns: u64,
    /// How long a connection must have been open for the next pause to be short again.
    pub stable_ns: u64,
    /// The pauses between attempts.
    pub backoff: BackoffConfig,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            connect_timeout_ns: 10_000_000_000,
            silence_ns: 25_000_000_000,
            stable_ns: 10_000_000_000,
            backoff: BackoffConfig { first_ns: 250_000_000, cap_ns: 30_000_000_000 },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    /// Not started.
    Idle,
    /// Between attempts.
    Waiting { until_ns: u64 },
    /// A handshake is under way.
    Connecting { since_ns: u64 },
    /// Frames may come.
    Open { since_ns: u64, heard_ns: u64 },
}

/// What a timer found out about a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkTimer {
    /// Nothing that concerns the stage.
    Quiet,
    /// The handshake took too long: another attempt follows.
    TimedOut,
    /// The open connection was silent for too long and has been closed: another attempt follows.
    Silent,
}

/// One WebSocket and its successors.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Link {
    config: LinkConfig,
    connection: ConnectionId,
    state: State,
    backoff: Backoff,
}

impl Link {
    /// A link that has not been started.
    #[must_use]
    pub fn new(config: LinkConfig, seed: u64) -> Self {
        Self { config, connection: 0, state: State::Idle, backoff: Backoff::new(config.backoff, seed) }
    }

    /// Opens the first connection. Does nothing when called again.
    #[must_use]
    pub fn start(&mut self, now: Now) -> Option<SocketOutput<'static>> {
        (self.state == State::Idle).then(|| self.connect(now))
    }

    /// The handshake succeeded. False for a connection that was given up meanwhile.
    pub fn on_opened(&mut self, connection: ConnectionId, now: Now) -> bool {
        let current = connection == self.connection && matches!(self.state, State::Connecting { .. });
        if current {
            self.state = State::Open { since_ns: now.mono_ns, heard_ns: now.mono_ns };
        }
        current
    }

    /// Something was read. False for a connection that is not the open one: what was read is not to be applied.
    pub fn on_heard(&mut self, connection: ConnectionId, now: Now) -> bool {
        if connection != self.connection {
            return false;
        }
        let State::Open { heard_ns, .. } = &mut self.state else { return false };
        *heard_ns = now.mono_ns;
        true
    }

    /// The connection ended or its handshake failed. False when it was not the current one.
    pub fn on_closed(&mut self, connection: ConnectionId, now: Now) -> bool {
        let current = connection == self.connection && self.is_up();
        if current {
            self.wait(now);
        }
        current
    }

    /// Ends the connection from this side; another attempt follows after a pause.
    #[must_use]
    pub fn reconnect(&mut self, now: Now) -> Option<SocketOutput<'static>> {
        self.is_up().then(|| {
            self.wait(now);
            SocketOutput::Close(self.connection)
        })
    }

    /// Looks at the times: connects when the pause is over, gives up on a handshake or a silent connection.
    #[must_use]
    pub fn on_timer(&mut self, now: Now) -> (LinkTimer, Option<SocketOutput<'static>>) {
        if now.mono_ns < self.deadline_ns() {
            return (LinkTimer::Quiet, None);
        }
        match self.state {
            State::Idle => (LinkTimer::Quiet, None),
            State::Waiting { .. } => (LinkTimer::Quiet, Some(self.connect(now))),
            State::Connecting { .. } => (LinkTimer::TimedOut, self.reconnect(now)),
            State::Open { .. } => (LinkTimer::Silent, self.reconnect(now)),
        }
    }

    /// When [`Link::on_timer`] has something to do.
    #[must_use]
    pub fn deadline_ns(&self) -> u64 {
        match self.state {
            State::Idle => NEVER_NS,
            State::Waiting { until_ns } => until_ns,
            State::Connecting { since_ns } => since_ns.saturating_add(self.config.connect_timeout_ns),
            State::Open { heard_ns, .. } => heard_ns.saturating_add(self.config.silence_ns),
        }
    }

    /// The newest connection's number; 0 before the first.
    #[must_use]
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// Whether the newest connection is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    fn is_up(&self) -> bool {
        matches!(self.state, State::Open { .. } | State::Connecting { .. })
    }

    fn connect(&mut self, now: Now) -> SocketOutput<'static> {
        self.connection += 1;
        self.state = State::Connecting { since_ns: now.mono_ns };
        SocketOutput::Connect(self.connection)
    }

    fn wait(&mut self, now: Now) {
        if let State::Open { since_ns, .. } = self.state
            && now.mono_ns.saturating_sub(since_ns) >= self.config.stable_ns
        {
            self.backoff.reset();
        }
        self.state = State::Waiting { until_ns: now.mono_ns.saturating_add(self.backoff.next_ns()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono_ns: u64) -> Now {
        Now { mono_ns, session_ms: 0 }
    }

    #[test]
    fn refused_handshakes_are_retried_with_growing_pauses_for_ever() {
        let mut link = Link::new(LinkConfig::default(), 1);
        let mut now_ns = 0;
        let mut told = link.start(at(now_ns));
        let mut pauses_ns = Vec::new();
        for attempt in 1..=50 {
            assert_eq!(told, Some(SocketOutput::Connect(attempt)));
            assert!(link.on_closed(link.connection(), at(now_ns)));
            pauses_ns.push(link.deadline_ns() - now_ns);
            now_ns = link.deadline_ns();
            let (timer, next) = link.on_timer(at(now_ns));
            assert_eq!(timer, LinkTimer::Quiet);
            told = next;
        }
        assert!(pauses_ns[0] <= 250_000_000 && pauses_ns[3] > 900_000_000);
        assert!(pauses_ns[20..].iter().all(|&pause_ns| (15_000_000_000..=30_000_000_000).contains(&pause_ns)));
    }

    #[test]
    fn a_connection_that_held_makes_the_next_pause_short() {
        let mut link = Link::new(LinkConfig::default(), 1);
        assert!(link.start(at(0)).is_some());
        for _ in 0..10 {
            link.on_closed(link.connection(), at(0));
            assert!(link.on_timer(at(link.deadline_ns())).1.is_some());
        }
        assert!(link.on_opened(link.connection(), at(0)));
        link.on_closed(link.connection(), at(10_000_000_000));
        assert!(link.deadline_ns() - 10_000_000_000 <= 250_000_000);
    }

    #[test]
    fn silence_closes_an_open_connection_and_a_slow_handshake_is_given_up() {
        let mut link = Link::new(LinkConfig::default(), 1);
        assert_eq!((link.start(at(0)), link.start(at(0))), (Some(SocketOutput::Connect(1)), None));
        let given_up = (LinkTimer::TimedOut, Some(SocketOutput::Close(1)));
        assert_eq!(link.on_timer(at(10_000_000_000)), given_up);
        assert_eq!(link.on_timer(at(link.deadline_ns())).1, Some(SocketOutput::Connect(2)));
        assert!(!link.on_opened(1, at(20_000_000_000)), "the first attempt was given up");
        assert!(link.on_opened(2, at(20_000_000_000)));
        assert!(link.on_heard(2, at(30_000_000_000)));
        assert_eq!(link.on_timer(at(54_999_999_999)), (LinkTimer::Quiet, None));
        assert_eq!(link.on_timer(at(55_000_000_000)), (LinkTimer::Silent, Some(SocketOutput::Close(2))));
        assert!(!link.on_heard(2, at(55_000_000_001)), "frames of a closed connection are not applied");
    }
}
