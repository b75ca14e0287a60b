//! Passes input from the sockets to the exchange: complete requests and messages, and the end of a client's half.

use super::connection::{Connection, Protocol};
use super::event_loop::{EventLoop, TICKET_BITS};
use super::http::{self, Manner, Parsed, Reply};
use super::local;
use super::requests::{self, Caller, Outcome};
use super::websocket::{Framing, Incoming};
use crate::exchange::gateway::{ExchangeNow, Ticket};

impl EventLoop {
    /// Passes complete requests and messages to the exchange.
    pub(super) fn understand(&mut self, token: usize) {
        let now = self.now();
        while let Some(connection) = self.connections.get_mut(&token) {
            if !connection.takes_input(self.config.buffer_max) {
                return;
            }
            let goes_on = match connection.protocol {
                Protocol::Http(_) => self.understand_request(token, now),
                Protocol::WebSocket(_) => self.understand_message(token, now),
            };
            if !goes_on {
                break;
            }
        }
        if self.connections.get(&token).is_some_and(Connection::has_said_all) {
            self.hear_the_end(token, now);
        }
    }

    /// Handles the end of a client's half of the connection.
    fn hear_the_end(&mut self, token: usize, now: ExchangeNow) {
        let date = self.date(now);
        let ticket = self.next_ticket(token);
        let Some(connection) = self.connections.get_mut(&token) else { return };
        if connection.is_within_request() {
            connection.refuse(ticket, Reply::error(400, "the request ends before it is complete"), &date);
        }
        self.end(token);
    }

    /// The ticket for a request.
    pub(super) fn next_ticket(&mut self, token: usize) -> Ticket {
        self.requests += 1;
        (token as Ticket) << TICKET_BITS | (self.requests & u64::from(u32::MAX))
    }

    /// Handles the request at the start of a connection's input. Returns whether there was one.
    fn understand_request(&mut self, token: usize, now: ExchangeNow) -> bool {
        let date = self.date(now);
        let ticket = self.next_ticket(token);
        let Some(connection) = self.connections.get_mut(&token) else { return false };
        let owes_answers = connection.owes_answers();
        let Connection { protocol: Protocol::Http(reader), input, .. } = connection else { return false };
        let (taken, parsed) = reader.read(input.bytes());
        let request = match parsed {
            Parsed::Incomplete => {
                input.consume(taken);
                connection.invite_body();
                return false;
            }
            Parsed::Refused(refusal) => {
                connection.refuse(ticket, refusal.into(), &date);
                return false;
            }
            // The output of a session must not come before the responses that are still due.
            Parsed::Complete(request) if request.handshake.is_some() && owes_answers => {
                let taken = reader.put_back(taken);
                input.consume(taken);
                connection.wait_for_turn();
                return false;
            }
            Parsed::Complete(request) => request,
        };
        let (port, cors) = (self.config.listen.port(), self.config.cors);
        let caller = Caller { ticket, session: token as u64, is_local: connection.is_local, port, cors };
        let manner = Manner::of(&request, local::reader(cors, request.sender.origin));
        let writes = !matches!(request.http.method, "GET" | "HEAD");
        let outcome = requests::answer(&mut self.exchange, caller, &request, now);
        input.consume(taken);
        match outcome {
            Outcome::Handed => {
                connection.carried_orders |= writes;
                connection.expect(ticket, manner);
                // A response that is available already counts before the next request is examined.
                self.deliver(now, None);
            }
            Outcome::Answered(reply) => {
                connection.expect(ticket, manner);
                connection.respond(ticket, reply, &date);
            }
            Outcome::Upgraded(key) => {
                http::upgrade_to_websocket(&mut connection.output, &key);
                connection.protocol = Protocol::WebSocket(Box::new(Framing::new(self.message_max)));
            }
        }
        true
    }

    /// Handles the next message of a session. Returns whether there was one.
    fn understand_message(&mut self, token: usize, now: ExchangeNow) -> bool {
        let Some(connection) = self.connections.get_mut(&token) else { return false };
        let Connection { protocol: Protocol::WebSocket(framing), input, output, .. } = connection else { return false };
        match framing.read(input, output) {
            Incoming::Message(text) => {
                // What is due comes first, so that what follows is what the message requested.
                self.exchange.advance(now);
                self.deliver(now, None);
                let reads = self.connections.get(&token).is_some_and(|connection| {
                    // A client that leaves replies unread does not get any number of further ones.
                    connection.backlog() <= self.config.buffer_max
                });
                self.exchange.text(token as u64, &text, now);
                self.deliver(now, reads.then_some(token));
                return true;
            }
            Incoming::Nothing => return false,
            Incoming::Closed => {}
            Incoming::Refused(code, reason) => connection.say_close(code, &reason),
        }
        self.end(token);
        false
    }

    /// Accepts no further input from a connection. It ends when its output has been written; its session is over at once.
    pub(super) fn end(&mut self, token: usize) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        connection.end();
        self.touched.insert(token);
        if matches!(connection.protocol, Protocol::WebSocket(_)) {
            self.exchange.closed(token as u64);
        }
    }
}
