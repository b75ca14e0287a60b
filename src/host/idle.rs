//! How a thread waits when a turn of its loop found nothing to do. None of the ways of waiting needs a wake-up from
//! another thread, so a hot thread never pays for waking one.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest that a parked thread sleeps, and so the longest that a message on a ring may wait for it.
pub const PARK_MAX: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IdleKind {
    /// The thread never gives up its core: for production, with a core for each pinned thread.
    Spin,
    /// The thread yields its core between turns: for threads that share cores.
    Yield,
    /// The thread sleeps up to [`PARK_MAX`], or until one of its sockets is readable: for tests and idle machines.
    Park,
}

/// Spinning was configured without a core for each pinned thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "idle = \"spin\" needs a core for each of the {threads} pinned threads, and this process may use {cores}: spinning \
     threads that share a core wait milliseconds for each other; use idle = \"yield\", or give the process more cores"
)]
pub struct TooFewCores {
    pub threads: usize,
    pub cores: usize,
}

impl IdleKind {
    /// Refuses a way of waiting that cannot work for this many threads on this many cores.
    ///
    /// # Errors
    /// [`TooFewCores`] for spinning on fewer cores than threads.
    pub fn check(self, threads: usize, cores: usize) -> Result<(), TooFewCores> {
        match self {
            Self::Spin if cores < threads => Err(TooFewCores { threads, cores }),
            _ => Ok(()),
        }
    }

    /// The default for this many threads on this many cores.
    #[must_use]
    pub fn default_for(threads: usize, cores: usize) -> Self {
        if cores > threads { Self::Spin } else { Self::Yield }
    }
}

/// One thread's way of waiting. Each thread creates its own.
#[derive(Debug)]
pub struct Idle {
    strategy: Strategy,
}

#[derive(Debug)]
enum Strategy {
    Spin,
    Yield,
    Park { poll: Poll, events: Events },
}

impl Idle {
    /// # Errors
    /// When the kernel refuses an epoll instance, which [`IdleKind::Park`] needs.
    pub fn new(kind: IdleKind) -> io::Result<Self> {
        let strategy = match kind {
            IdleKind::Spin => Strategy::Spin,
            IdleKind::Yield => Strategy::Yield,
            IdleKind::Park => Strategy::Park { poll: Poll::new()?, events: Events::with_capacity(16) },
        };
        Ok(Self { strategy })
    }

    /// Lets a socket end a park early, until it is closed. The trigger is on edges, so the socket's owner must read
    /// until nothing is left before each wait, as every loop here does.
    ///
    /// # Errors
    /// When the kernel refuses to watch the socket.
    pub fn watch(&self, socket: BorrowedFd<'_>) -> io::Result<()> {
        match &self.strategy {
            Strategy::Spin | Strategy::Yield => Ok(()),
            Strategy::Park { poll, .. } => {
                poll.registry().register(&mut SourceFd(&socket.as_raw_fd()), Token(0), Interest::READABLE)
            }
        }
    }

    /// Waits as this kind waits, for [`PARK_MAX`] at most.
    pub fn wait(&mut self) {
        match &mut self.strategy {
            Strategy::Spin => std::hint::spin_loop(),
            Strategy::Yield => std::thread::yield_now(),
            Strategy::Park { poll, events } => {
                if poll.poll(events, Some(PARK_MAX)).is_err() {
                    // Interrupted by a signal or out of resources: go on with the next turn of the loop.
                    std::thread::yield_now();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;
    use std::time::Instant;

    #[test]
    fn spinning_without_a_core_for_each_thread_is_refused_and_says_what_to_use() {
        let error = IdleKind::Spin.check(4, 2).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("4 pinned threads") && text.contains("use idle = \"yield\""), "{text}");
        IdleKind::Spin.check(4, 4).unwrap();
        IdleKind::Yield.check(4, 1).unwrap();
        IdleKind::Park.check(4, 1).unwrap();
    }

    #[test]
    fn the_default_spins_only_with_a_core_to_spare() {
        assert_eq!(IdleKind::default_for(4, 2), IdleKind::Yield);
        assert_eq!(IdleKind::default_for(4, 4), IdleKind::Yield);
        assert_eq!(IdleKind::default_for(4, 8), IdleKind::Spin);
    }

    #[test]
    fn a_park_ends_by_itself() {
        let mut idle = Idle::new(IdleKind::Park).unwrap();
        let begin = Instant::now();
        for _ in 0..5 {
            idle.wait();
        }
        assert!(begin.elapsed() < Duration::from_secs(2));
    }

    #[test]
    fn a_watched_socket_ends_a_park() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (theirs, _) = listener.accept().unwrap();
        let mut idle = Idle::new(IdleKind::Park).unwrap();
        idle.watch(theirs.as_fd()).unwrap();
        ours.write_all(b"x").unwrap();
        // The first wait reports the byte; nothing here may fail or hang.
        idle.wait();
    }
}
