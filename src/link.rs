//! The connection state of one stage's WebSocket: connecting, open, silent for too long, reconnecting with back-off. It
//! numbers the connections, so that frames of an earlier one can be told apart, and knows nothing of their contents.
//! Its methods return what is to be done with the socket, and the stage passes that to its port.

use serde::{Deserialize, Serialize};

use crate::backoff::{Backoff, BackoffConfig};
use crate::clock::{NEVER_NS, Now};
use crate::ports::{ConnectionId, SocketOutput};

/// The time limits of a link, in monotonic nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkConfig {
    /// How long a handshake may take.
    pub connect_timeout_ns: u64,
    /// How long an open connection may be silent. The exchange pings every 10 s, so this should allow for two lost pings.
    pub silence_ns: u64,
    /// How long a connection must have been open for the back-off to start over.
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
    /// Pausing before the next attempt.
    Waiting { until_ns: u64 },
    /// The handshake is in progress.
    Connecting { since_ns: u64 },
    /// The handshake succeeded. `heard_ns` is when something was last read.
    Open { since_ns: u64, heard_ns: u64 },
}

/// What [`Link::on_timer`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkTimer {
    /// Nothing the stage has to act on.
    Quiet,
    /// The handshake took too long. Another attempt follows.
    TimedOut,
    /// The open connection was silent for too long and has been closed. Another attempt follows.
    Silent,
}

/// A WebSocket that is reconnected whenever it is lost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Link {
    config: LinkConfig,
    connection: ConnectionId,
    state: State,
    backoff: Backoff,
}

impl Link {
    #[must_use]
    pub fn new(config: LinkConfig, seed: u64) -> Self {
        Self { config, connection: 0, state: State::Idle, backoff: Backoff::new(config.backoff, seed) }
    }

    /// Opens the first connection. Later calls do nothing.
    #[must_use]
    pub fn start(&mut self, now: Now) -> Option<SocketOutput<'static>> {
        (self.state == State::Idle).then(|| self.connect(now))
    }

    /// The handshake succeeded. Returns `false` for a connection that has been given up in the meantime.
    pub fn on_opened(&mut self, connection: ConnectionId, now: Now) -> bool {
        let current = connection == self.connection && matches!(self.state, State::Connecting { .. });
        if current {
            self.state = State::Open { since_ns: now.mono_ns, heard_ns: now.mono_ns };
        }
        current
    }

    /// Something was read. Returns `false` if it came from any connection but the open one: the caller must then
    /// discard it.
    pub fn on_heard(&mut self, connection: ConnectionId, now: Now) -> bool {
        if connection != self.connection {
            return false;
        }
        let State::Open { heard_ns, .. } = &mut self.state else { return false };
        *heard_ns = now.mono_ns;
        true
    }

    /// The connection ended or its handshake failed. Returns `false` when it was not the current one.
    pub fn on_closed(&mut self, connection: ConnectionId, now: Now) -> bool {
        let current = connection == self.connection && self.is_up();
        if current {
            self.wait(now);
        }
        current
    }

    /// Closes the connection from this side. Another attempt follows after a pause.
    #[must_use]
    pub fn reconnect(&mut self, now: Now) -> Option<SocketOutput<'static>> {
        self.is_up().then(|| {
            self.wait(now);
            SocketOutput::Close(self.connection)
        })
    }

    /// Connects when a pause is over, and gives up on a handshake that takes too long or a connection that is silent.
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

    /// The monotonic time at which [`Link::on_timer`] has something to do.
    #[must_use]
    pub fn deadline_ns(&self) -> u64 {
        match self.state {
            State::Idle => NEVER_NS,
            State::Waiting { until_ns } => until_ns,
            State::Connecting { since_ns } => since_ns.saturating_add(self.config.connect_timeout_ns),
            State::Open { heard_ns, .. } => heard_ns.saturating_add(self.config.silence_ns),
        }
    }

    /// The number of the newest connection; 0 before the first.
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
