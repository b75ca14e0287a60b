//! The virtual network: messages that arrive later, in the order of their arrival times.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::exchange::gateway::{SessionId, Ticket};
use crate::ports::{ConnectionId, RequestId};

/// Which stage's WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Role {
    /// The feed's public stream.
    Feed,
    /// The reconciler's private stream.
    Reconcile,
}

/// Who waits for a REST answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// An order write.
    Execute(RequestId),
    /// A cold read.
    Reconcile(RequestId),
}

/// A message in flight.
#[derive(Clone, Debug)]
pub(crate) enum Packet {
    /// A WebSocket handshake reaches the exchange.
    Open { session: SessionId },
    /// A text frame reaches the exchange.
    Text { session: SessionId, text: String },
    /// The client hung up.
    HungUp { session: SessionId },
    /// A request reaches the exchange.
    Request { ticket: Ticket, method: &'static str, target: String, body: Vec<u8> },
    /// The handshake's success reaches the client.
    Opened { role: Role, connection: ConnectionId },
    /// The handshake was refused, or the connection ended.
    Lost { role: Role, connection: ConnectionId, reason: String, http_status: Option<u16> },
    /// A frame reaches the client.
    Frame { role: Role, connection: ConnectionId, text: Arc<[u8]> },
    /// A ping reaches the client.
    Ping { role: Role, connection: ConnectionId },
    /// The client finds that its connection was cut before the response.
    NoAnswer { asker: Asker },
    /// A response reaches the client.
    Answer { asker: Asker, status: u16, body: Vec<u8> },
}

struct InFlight {
    arrival_ns: u64,
    /// Breaks ties in the order of sending, so that a connection stays first-in, first-out.
    number: u64,
    packet: Packet,
}

impl PartialEq for InFlight {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for InFlight {}

impl PartialOrd for InFlight {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for InFlight {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.arrival_ns, self.number).cmp(&(other.arrival_ns, other.number))
    }
}

/// Everything in flight.
pub(crate) struct Network {
    queue: BinaryHeap<Reverse<InFlight>>,
    latency_ns: u64,
    sent: u64,
}

impl Network {
    pub(crate) fn new(latency_ns: u64) -> Self {
        Self { queue: BinaryHeap::new(), latency_ns, sent: 0 }
    }

    pub(crate) fn send(&mut self, now_ns: u64, packet: Packet) {
        let number = self.sent;
        self.sent += 1;
        self.queue.push(Reverse(InFlight { arrival_ns: now_ns + self.latency_ns, number, packet }));
    }

    /// When the next message arrives.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse(first)| first.arrival_ns)
    }

    /// The next message that has arrived by now.
    pub(crate) fn arrived(&mut self, now_ns: u64) -> Option<Packet> {
        if self.next_ns()? > now_ns {
            return None;
        }
        self.queue.pop().map(|Reverse(first)| first.packet)
    }
}
