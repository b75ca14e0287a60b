//! The virtual network: messages arrive after a delay, and in order on each connection. Faults come from
//! [`super::network_faults`].

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::sync::Arc;

use super::network_faults::{Fate, NetworkFaults};
use crate::exchange::gateway::{SessionId, Ticket};
use crate::ports::{ConnectionId, NoAnswer, RequestId};

/// The stage that a WebSocket belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Role {
    /// The feed's public stream.
    Feed,
    /// The reconciler's private stream.
    Reconcile,
}

/// The stage that is waiting for a REST answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// An order write.
    Execute(RequestId),
    /// A cold read.
    Reconcile(RequestId),
}

/// A message in flight.
#[derive(Clone, Debug, Hash)]
pub(super) enum Packet {
    /// A WebSocket handshake reaches the exchange.
    Open { session: SessionId },
    /// A text frame reaches the exchange.
    Text { session: SessionId, text: String },
    /// The client closed the connection, or it was cut.
    HungUp { session: SessionId },
    /// A request reaches the exchange.
    Request {
        ticket: Ticket,
        method: &'static str,
        target: String,
        body: Vec<u8>,
        sent_wall_ms: i64,
        signed_wall_ms: i64,
    },
    /// The handshake's success reaches the client.
    Opened { role: Role, connection: ConnectionId },
    /// The handshake was refused, or the connection ended.
    Lost { role: Role, connection: ConnectionId, reason: String, http_status: Option<u16> },
    /// A frame reaches the client.
    Frame { role: Role, connection: ConnectionId, text: Arc<[u8]> },
    /// A ping reaches the client.
    Ping { role: Role, connection: ConnectionId },
    /// A response reaches the client.
    Answer { ticket: Ticket, status: u16, body: Vec<u8> },
    /// The connection of a request ended without a response.
    NoAnswer { ticket: Ticket, why: NoAnswer },
}

/// One direction of one WebSocket, in which messages stay in order. Each request has its own connection while it is in
/// flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lane {
    Up(SessionId),
    Down(Role, ConnectionId),
}

impl Packet {
    fn lane(&self) -> Option<Lane> {
        match self {
            Self::Open { session } | Self::Text { session, .. } | Self::HungUp { session } => Some(Lane::Up(*session)),
            Self::Opened { role, connection }
            | Self::Lost { role, connection, .. }
            | Self::Frame { role, connection, .. }
            | Self::Ping { role, connection } => Some(Lane::Down(*role, *connection)),
            Self::Request { .. } | Self::Answer { .. } | Self::NoAnswer { .. } => None,
        }
    }
}

/// For logs.
impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes| String::from_utf8_lossy(bytes);
        match self {
            Self::Open { session } => write!(f, "handshake of session {session}"),
            Self::Text { session, text } => write!(f, "command of session {session}: {text}"),
            Self::HungUp { session } => write!(f, "session {session} hung up"),
            Self::Request { ticket, method, target, body, .. } => {
                write!(f, "request {ticket}: {method} {target} {}", text(body))
            }
            Self::Opened { role, connection } => write!(f, "{role:?}: connection {connection} is open"),
            Self::Lost { role, connection, reason, .. } => {
                write!(f, "{role:?}: connection {connection} ended: {reason}")
            }
            Self::Frame { role, connection, text: frame } => {
                write!(f, "{role:?}: frame on connection {connection}: {}", text(frame))
            }
            Self::Ping { role, connection } => write!(f, "{role:?}: ping on connection {connection}"),
            Self::Answer { ticket, status, body } => write!(f, "answer to request {ticket}: {status} {}", text(body)),
            Self::NoAnswer { ticket, why } => write!(f, "no answer to request {ticket}: {why:?}"),
        }
    }
}

struct InFlight {
    arrival_ns: u64,
    /// Breaks ties by order of sending, so that a connection is first-in, first-out.
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
pub(super) struct Network {
    queue: BinaryHeap<Reverse<InFlight>>,
    latency_ns: u64,
    sent: u64,
    /// When the newest message of a connection arrives. Later ones must not overtake it.
    newest: BTreeMap<Lane, u64>,
    faults: NetworkFaults,
}

impl Network {
    pub(super) fn new(latency_ns: u64, faults: NetworkFaults) -> Self {
        Self { queue: BinaryHeap::new(), latency_ns, sent: 0, newest: BTreeMap::new(), faults }
    }

    pub(super) fn faults(&self) -> &NetworkFaults {
        &self.faults
    }

    pub(super) fn faults_mut(&mut self) -> &mut NetworkFaults {
        &mut self.faults
    }

    /// Sends a message, which the network may delay, replace or lose.
    pub(super) fn send(&mut self, now_ns: u64, packet: Packet) {
        match self.faults.fate(&packet) {
            Fate::Arrives => self.carry(now_ns, 0, packet),
            Fate::Late(by_ns) => self.carry(now_ns, by_ns, packet),
            Fate::Becomes(other) => self.carry(now_ns, 0, other),
            Fate::Vanishes => {}
        }
    }

    fn carry(&mut self, now_ns: u64, by_ns: u64, packet: Packet) {
        let mut arrival_ns = now_ns + self.latency_ns + by_ns;
        if let Some(lane) = packet.lane() {
            let newest = self.newest.entry(lane).or_default();
            arrival_ns = arrival_ns.max(*newest);
            *newest = arrival_ns;
        }
        let number = self.sent;
        self.sent += 1;
        self.queue.push(Reverse(InFlight { arrival_ns, number, packet }));
    }

    /// Cuts a connection: what was in flight to the client never arrives, and the exchange sees the connection end.
    pub(super) fn cut(&mut self, now_ns: u64, session: SessionId, role: Role, connection: ConnectionId) {
        let down = Lane::Down(role, connection);
        self.queue.retain(|Reverse(flying)| flying.packet.lane() != Some(down));
        self.newest.remove(&down);
        self.carry(now_ns, 0, Packet::HungUp { session });
        let reason = "the connection was reset".to_owned();
        self.carry(now_ns, 0, Packet::Lost { role, connection, reason, http_status: None });
    }

    /// Drops everything in flight to the client. What it has sent still reaches the exchange.
    pub(super) fn forget_client(&mut self) {
        self.queue.retain(|Reverse(flying)| {
            matches!(
                flying.packet,
                Packet::Open { .. } | Packet::Text { .. } | Packet::HungUp { .. } | Packet::Request { .. }
            )
        });
        self.newest.retain(|lane, _| matches!(lane, Lane::Up(_)));
    }

    /// When the next message arrives.
    pub(super) fn next_ns(&self) -> Option<u64> {
        self.queue.peek().map(|Reverse(first)| first.arrival_ns)
    }

    /// Takes the next message that has arrived by now.
    pub(super) fn arrived(&mut self, now_ns: u64) -> Option<Packet> {
        if self.next_ns()? > now_ns {
            return None;
        }
        self.queue.pop().map(|Reverse(first)| first.packet)
    }
}

#[cfg(test)]
mod tests {
    use super::super::network_faults::FaultRates;
    use super::*;

    #[test]
    fn a_delayed_message_holds_up_its_own_connection_and_no_other() {
        let mut network = Network::new(10, NetworkFaults::new(1, FaultRates::none()));
        let frame = |connection, text: &str| Packet::Frame {
            role: Role::Feed,
            connection,
            text: Arc::from(text.as_bytes().to_vec().into_boxed_slice()),
        };
        network.carry(0, 100, frame(1, "slow"));
        network.carry(1, 0, frame(1, "behind"));
        network.carry(2, 0, frame(2, "other"));
        let mut order = Vec::new();
        while let Some(at_ns) = network.next_ns() {
            let Some(Packet::Frame { text, .. }) = network.arrived(at_ns) else { panic!("only frames were sent") };
            order.push((at_ns, String::from_utf8(text.to_vec()).unwrap()));
        }
        assert_eq!(order, [(12, "other".to_owned()), (110, "slow".to_owned()), (110, "behind".to_owned())]);
    }

    #[test]
    fn a_cut_loses_what_was_on_its_way_to_the_client_and_tells_both_ends() {
        let mut network = Network::new(10, NetworkFaults::new(1, FaultRates::none()));
        network.send(0, Packet::Ping { role: Role::Reconcile, connection: 4 });
        network.cut(5, 9, Role::Reconcile, 4);
        assert!(matches!(network.arrived(15), Some(Packet::HungUp { session: 9 })));
        assert!(matches!(network.arrived(15), Some(Packet::Lost { connection: 4, .. })));
        assert!(network.arrived(u64::MAX).is_none());
    }
}
