//! Everything behind the stages' ports.

use super::Ring;
use super::link::{Link, Outgoing};
use super::network::{Asker, Network, Role};
use super::rings::{Queue, Rings};
use super::trouble::Instruments;
use crate::clock::Now;
use crate::messages::{DayState, DecisionRecord, FeedToDecide, KnownGroup};
use crate::ports::SocketOutput;

/// Rings, network, disk and instruments.
pub(super) struct Wires<I> {
    pub(super) now: Now,
    pub(super) rings: Rings,
    pub(super) link: Link,
    pub(super) disk: Disk,
    /// The decisions of the current instant.
    pub(super) decisions: Vec<DecisionRecord<'static>>,
    pub(super) instruments: I,
    /// Whether the trader was killed and has not been replaced.
    pub(super) killed: bool,
}

/// The trader's disk, which survives it.
#[derive(Default)]
pub(super) struct Disk {
    /// The day's loss.
    pub(super) day: DayState,
    /// The order groups.
    pub(super) groups: Vec<KnownGroup>,
}

/// Puts a message into a ring, unless the ring is full or the instruments make it refuse.
pub(super) fn push<T, I: Instruments>(
    instruments: &mut I,
    ring: Ring,
    queue: &mut Queue<T>,
    message: T,
) -> Result<(), T> {
    if instruments.has_room(ring) { queue.push(message) } else { Err(message) }
}

impl<I: Instruments> Wires<I> {
    pub(super) fn new(rings: Rings, network: Network, instruments: I) -> Self {
        Self {
            now: Now { mono_ns: 0, session_ms: 0 },
            rings,
            link: Link::new(network),
            disk: Disk::default(),
            decisions: Vec::new(),
            instruments,
            killed: false,
        }
    }

    /// Removes the trader's rings and connections.
    pub(super) fn kill(&mut self, rings: Rings) {
        self.killed = true;
        self.rings = rings;
        self.link.crash(self.now.mono_ns);
        self.instruments.killed();
    }

    pub(super) fn set_time(&mut self, now: Now) {
        self.now = now;
        self.instruments.tick(now);
    }

    /// The trader's wall clock for signatures, in milliseconds.
    pub(super) fn wall_ms(&mut self) -> i64 {
        self.now.session_ms + self.instruments.wall_offset_ms()
    }

    /// The next message for `decide`.
    pub(super) fn next_for_decide(&mut self) -> Option<FeedToDecide> {
        let message = self.rings.feed_to_decide.pop()?;
        self.instruments.fed(&message);
        Some(message)
    }

    /// Whether the trader's process is dead.
    pub(super) fn is_dead(&self) -> bool {
        self.killed || self.instruments.is_dead()
    }

    /// Counts a record of the trader if it is alive. Returns whether it is.
    pub(super) fn record(&mut self) -> bool {
        let alive = !self.is_dead();
        if alive {
            self.instruments.recorded();
        }
        alive
    }

    pub(super) fn request(&mut self, asker: Asker, method: &'static str, target: &str, body: &[u8]) {
        if self.record() {
            let signed_wall_ms = self.wall_ms();
            self.link.request(self.now, &Outgoing { asker, method, target, body, signed_wall_ms });
        }
    }

    /// Carries out a stage's request to its socket. Requests to a connection that was given up are ignored.
    pub(super) fn socket(&mut self, role: Role, output: SocketOutput<'_>) {
        match output {
            SocketOutput::Connect(connection) => {
                if self.record() {
                    self.link.connect(self.now.mono_ns, role, connection);
                }
            }
            SocketOutput::Send(connection, text) => {
                if let Some(session) = self.link.session_of(role, connection)
                    && self.record()
                {
                    self.link.send_text(self.now.mono_ns, session, text);
                }
            }
            SocketOutput::Close(connection) => {
                if let Some(session) = self.link.session_of(role, connection)
                    && self.record()
                {
                    self.link.hang_up(self.now.mono_ns, session);
                }
            }
        }
    }
}
