//! Both ends of the virtual network: arriving messages are passed to a stage or, signed like real requests, to the
//! exchange, and the exchange's output is sent.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::Simulation;
use super::network::{Asker, Packet, Role};
use super::network_faults::NetworkFault;
use super::trouble::Instruments;
use crate::clock::Now;
use crate::decide::policy::Policy;
use crate::exchange::gateway::{ExchangeNow, HttpRequest, Output, SessionId, Ticket};
use crate::exchange::venue::Exchange;
use crate::ports::{ConnectionLost, NoAnswer, SocketInput};
use crate::tape::{ExecuteInput, FeedInput, ReconcileInput};
use crate::wire::WS_PATH;
use crate::wire::sign::SignatureText;

/// A delay longer than in any working network, in milliseconds. The sender has given up on the request, or will soon.
const LATE_MS: i64 = 3_500;

impl<P: Policy, I: Instruments> Simulation<P, I> {
    /// Passes an arriving message to its receiver, and handles everything that follows from it.
    pub(super) fn deliver(&mut self, packet: Packet, now: Now) {
        let for_trader = !matches!(
            packet,
            Packet::Open { .. } | Packet::Text { .. } | Packet::HungUp { .. } | Packet::Request { .. }
        );
        if for_trader && !self.wires.record() {
            return;
        }
        let public = matches!(packet, Packet::Frame { role: Role::Feed, .. });
        self.wires.instruments.delivered(public, &packet);
        self.trace.write_u64(now.mono_ns);
        packet.hash(&mut self.trace);
        match packet {
            Packet::Open { session } => self.open(session),
            Packet::Text { session, text } => self.exchange.text(session, text.as_bytes(), self.exchange_now()),
            Packet::HungUp { session } => self.exchange.closed(session),
            Packet::Request { ticket, method, target, body, sent_wall_ms, signed_wall_ms } => {
                if now.session_ms - sent_wall_ms > LATE_MS {
                    self.wires.link.network.faults_mut().note(NetworkFault::RequestLate);
                }
                let hand_in =
                    |exchange: &mut Exchange, request: &HttpRequest<'_>, now| exchange.http(ticket, request, now);
                self.signed(method, &target, &body, signed_wall_ms, hand_in);
            }
            Packet::Opened { role, connection } => self.socket(role, SocketInput::Opened(connection), now),
            Packet::Lost { role, connection, reason, http_status } => {
                let lost = ConnectionLost { reason, http_status };
                self.socket(role, SocketInput::Closed(connection, lost), now);
            }
            Packet::Frame { role, connection, text } => {
                if role == Role::Feed {
                    self.wires.instruments.frame(connection, &text);
                }
                self.socket(role, SocketInput::Frame { connection, read_ns: now.mono_ns, bytes: &text }, now);
            }
            Packet::Ping { role, connection } => self.socket(role, SocketInput::Ping(connection), now),
            Packet::Answer { ticket, status, body } => self.answer(ticket, status, &body, now),
            Packet::NoAnswer { ticket, why } => self.no_answer(ticket, why, now),
        }
        self.flush_exchange();
        // Everything that follows from an input is handled before the next one, as in a live driver with idle threads.
        self.settle();
    }

    fn socket(&mut self, role: Role, input: SocketInput<&[u8]>, now: Now) {
        match role {
            Role::Feed => self.feed(FeedInput::Socket(input), now),
            Role::Reconcile => self.reconcile(ReconcileInput::Socket(input), now),
        }
    }

    /// Passes an answer to its stage, unless the request was given up.
    fn answer(&mut self, ticket: Ticket, status: u16, body: &[u8], now: Now) {
        let read_ns = now.mono_ns;
        match self.wires.link.answered(ticket) {
            Some(Asker::Execute(request)) => {
                self.execute(ExecuteInput::Answer { request, status, read_ns, body }, now);
            }
            Some(Asker::Reconcile(request)) => {
                self.reconcile(ReconcileInput::Answer { request, status, read_ns, body }, now);
            }
            None => {}
        }
    }

    fn no_answer(&mut self, ticket: Ticket, why: NoAnswer, now: Now) {
        match self.wires.link.answered(ticket) {
            Some(Asker::Execute(request)) => self.execute(ExecuteInput::NoAnswer(request, why), now),
            Some(Asker::Reconcile(request)) => {
                self.reconcile(ReconcileInput::NoAnswer(request, "the connection was cut".into()), now);
            }
            None => {}
        }
    }

    /// Signs a request and passes it to the exchange.
    fn signed<T>(
        &mut self,
        method: &str,
        target: &str,
        body: &[u8],
        signed_wall_ms: i64,
        hand_in: impl FnOnce(&mut Exchange, &HttpRequest<'_>, ExchangeNow) -> T,
    ) -> T {
        let now = self.exchange_now();
        let path = target.split_once('?').map_or(target, |(path, _)| path);
        let mut signature = SignatureText::default();
        self.credentials
            .signer
            .sign(signed_wall_ms, method, path, &mut signature)
            .expect("a key that was loaded can sign a short text");
        let timestamp = signed_wall_ms.to_string();
        let request = HttpRequest {
            method,
            target,
            key_id: Some(&self.credentials.key_id),
            timestamp: Some(&timestamp),
            signature: Some(signature.as_str()),
            body,
        };
        hand_in(&mut self.exchange, &request, now)
    }

    fn open(&mut self, session: SessionId) {
        let Some((role, connection)) = self.wires.link.connection_of(session) else { return };
        let wall_ms = self.wires.wall_ms();
        let hand_in = |exchange: &mut Exchange, request: &HttpRequest<'_>, now| exchange.open(session, request, now);
        let opened = self.signed("GET", WS_PATH, &[], wall_ms, hand_in);
        let packet = match opened {
            Ok(()) => Packet::Opened { role, connection },
            Err(response) => Packet::Lost {
                role,
                connection,
                reason: String::from_utf8_lossy(&response.body).into_owned(),
                http_status: Some(response.status),
            },
        };
        self.wires.link.network.send(self.now_ns, packet);
    }

    /// Sends the exchange's output on the network.
    pub(super) fn flush_exchange(&mut self) {
        while let Some(output) = self.exchange.poll() {
            let packet = match output {
                Output::Response { ticket, response } => {
                    Some(Packet::Answer { ticket, status: response.status, body: response.body })
                }
                Output::Frame { session, text } => self.frame(session, text),
                Output::Ping { session, .. } => {
                    self.wires.link.connection_of(session).map(|(role, connection)| Packet::Ping { role, connection })
                }
                Output::CutConnection { ticket } => Some(Packet::NoAnswer { ticket, why: NoAnswer::Cut }),
                Output::CutOrderConnections => {
                    self.cut_order_connections();
                    None
                }
                Output::Close { session, reason } => self.wires.link.ended(session).map(|(role, connection)| {
                    Packet::Lost { role, connection, reason: reason.to_owned(), http_status: None }
                }),
            };
            // Messages for a connection that was given up are dropped.
            if let Some(packet) = packet {
                self.wires.link.network.send(self.now_ns, packet);
            }
        }
    }

    /// The packet of a frame, unless the client has gone or its connection is cut now.
    fn frame(&mut self, session: SessionId, text: Arc<[u8]>) -> Option<Packet> {
        let (role, connection) = self.wires.link.connection_of(session)?;
        if self.wires.link.network.faults_mut().cuts() {
            self.wires.link.cut(self.now_ns, session);
            return None;
        }
        Some(Packet::Frame { role, connection, text })
    }

    /// Cuts the connections of all order writes that are waiting for an answer.
    fn cut_order_connections(&mut self) {
        for ticket in self.wires.link.order_writes() {
            self.wires.link.network.send(self.now_ns, Packet::NoAnswer { ticket, why: NoAnswer::Cut });
        }
    }
}
