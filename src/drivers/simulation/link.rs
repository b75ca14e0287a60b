//! The trader's side of the virtual network: which WebSocket session belongs to which connection, and which stage is
//! waiting for which REST answer.

use std::collections::BTreeMap;

use super::network::{Asker, Network, Packet, Role};
use crate::clock::Now;
use crate::exchange::gateway::{SessionId, Ticket};
use crate::ports::ConnectionId;

/// A REST request to be sent.
pub(super) struct Outgoing<'a> {
    pub(super) asker: Asker,
    pub(super) method: &'static str,
    pub(super) target: &'a str,
    pub(super) body: &'a [u8],
    /// The trader's wall clock when it was signed.
    pub(super) signed_wall_ms: i64,
}

/// The trader's connections and requests.
pub(super) struct Link {
    pub(super) network: Network,
    sessions: BTreeMap<SessionId, (Role, ConnectionId)>,
    tickets: BTreeMap<Ticket, Asker>,
    next_session: SessionId,
    next_ticket: Ticket,
}

impl Link {
    pub(super) fn new(network: Network) -> Self {
        Self { network, sessions: BTreeMap::new(), tickets: BTreeMap::new(), next_session: 1, next_ticket: 1 }
    }

    /// Drops the client and everything in flight to it. The exchange sees its sessions end.
    pub(super) fn crash(&mut self, now_ns: u64) {
        self.tickets.clear();
        self.network.forget_client();
        for (session, _) in std::mem::take(&mut self.sessions) {
            self.network.send(now_ns, Packet::HungUp { session });
        }
    }

    pub(super) fn request(&mut self, now: Now, request: &Outgoing<'_>) {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.tickets.insert(ticket, request.asker);
        let packet = Packet::Request {
            ticket,
            method: request.method,
            target: request.target.to_owned(),
            body: request.body.to_vec(),
            sent_wall_ms: now.session_ms,
            signed_wall_ms: request.signed_wall_ms,
        };
        self.network.send(now.mono_ns, packet);
    }

    /// The stage that is waiting for an answer, unless it has given up on the request.
    pub(super) fn asker(&self, ticket: Ticket) -> Option<Asker> {
        self.tickets.get(&ticket).copied()
    }

    /// As [`Link::asker`], when the answer has arrived.
    pub(super) fn answered(&mut self, ticket: Ticket) -> Option<Asker> {
        self.tickets.remove(&ticket)
    }

    /// Stops waiting for an answer.
    pub(super) fn abandon(&mut self, given_up: Asker) {
        self.tickets.retain(|_, asker| *asker != given_up);
    }

    /// The order writes that are waiting for an answer.
    pub(super) fn order_writes(&self) -> Vec<Ticket> {
        let waiting = self.tickets.iter().filter(|(_, asker)| matches!(asker, Asker::Execute(_)));
        waiting.map(|(ticket, _)| *ticket).collect()
    }

    pub(super) fn connect(&mut self, now_ns: u64, role: Role, connection: ConnectionId) {
        let session = self.next_session;
        self.next_session += 1;
        self.sessions.insert(session, (role, connection));
        self.network.send(now_ns, Packet::Open { session });
    }

    /// The session of a connection, unless it was given up.
    pub(super) fn session_of(&self, role: Role, connection: ConnectionId) -> Option<SessionId> {
        self.sessions.iter().find(|(_, owner)| **owner == (role, connection)).map(|(session, _)| *session)
    }

    /// The connection of a session, unless it was given up.
    pub(super) fn connection_of(&self, session: SessionId) -> Option<(Role, ConnectionId)> {
        self.sessions.get(&session).copied()
    }

    /// Removes a session that has ended and returns its connection.
    pub(super) fn ended(&mut self, session: SessionId) -> Option<(Role, ConnectionId)> {
        self.sessions.remove(&session)
    }

    pub(super) fn send_text(&mut self, now_ns: u64, session: SessionId, text: &str) {
        self.network.send(now_ns, Packet::Text { session, text: text.to_owned() });
    }

    pub(super) fn hang_up(&mut self, now_ns: u64, session: SessionId) {
        self.sessions.remove(&session);
        self.network.send(now_ns, Packet::HungUp { session });
    }

    /// Cuts a session.
    pub(super) fn cut(&mut self, now_ns: u64, session: SessionId) {
        if let Some((role, connection)) = self.sessions.remove(&session) {
            self.network.cut(now_ns, session, role, connection);
        }
    }
}
