//! One client's connection: the input read and not yet handled, the output waiting to be written, and, for HTTP, the
//! requests that still lack a response. Responses are sent in the order of the requests, whatever order they come in.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::Shutdown;

use mio::net::TcpStream;

use super::http::{self, Manner, Reader, Reply};
use super::input::Input;
use super::limits;
use super::timeouts::{Waiting, Watch};
use super::websocket::{self, CloseCode, Framing};
use crate::exchange::gateway::Ticket;
use crate::wire::http_date::HttpDate;

/// The most requests per connection that wait for responses; further ones stay in the socket.
const PIPELINE_MAX: usize = 64;
/// How much input is read before it has to be handled: the longest head, and some more.
const INPUT_MAX: usize = limits::HEAD_MAX + 16 * 1024;

/// The protocol spoken on the connection.
#[derive(Debug)]
pub(super) enum Protocol {
    Http(Box<Reader>),
    WebSocket(Box<Framing>),
}

/// A request that has not been answered.
#[derive(Debug)]
struct Pending {
    ticket: Ticket,
    manner: Manner,
    reply: Option<Reply>,
}

/// What has to happen before more input is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    Nothing,
    /// Fewer unanswered requests, or less unsent output.
    Room,
    /// All responses so far must have been written.
    Turn,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each read on its own")]
pub(super) struct Connection {
    stream: TcpStream,
    pub(super) protocol: Protocol,
    pub(super) input: Input,
    pub(super) output: Vec<u8>,
    written: usize,
    pending: VecDeque<Pending>,
    hold: Hold,
    /// How much of the output was requested by the client's own commands, and so is no sign of a slow reader.
    asked: usize,
    /// The client has closed its half of the connection.
    has_ended: bool,
    /// No further input is accepted, and the connection ends when its output has been written.
    ending: bool,
    /// The server has closed its half.
    is_shut: bool,
    /// The client is gone, or the socket failed.
    pub(super) dead: bool,
    /// The client is on this machine.
    pub(super) is_local: bool,
    /// It has carried an order write.
    pub(super) carried_orders: bool,
    /// Its subscriptions were ended because it read too slowly.
    pub(super) overflowed: bool,
    /// Counters that show progress for timeouts: requests, bytes read, bytes written.
    requests: u64,
    bytes_read: u64,
    bytes_written: u64,
    pub(super) watch: Watch,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, is_local: bool, now_ns: u64) -> Self {
        Self {
            stream,
            protocol: Protocol::Http(Box::default()),
            input: Input::default(),
            output: Vec::new(),
            written: 0,
            pending: VecDeque::new(),
            hold: Hold::Nothing,
            asked: 0,
            has_ended: false,
            ending: false,
            is_shut: false,
            dead: false,
            is_local,
            carried_orders: false,
            overflowed: false,
            requests: 0,
            bytes_read: 0,
            bytes_written: 0,
            watch: Watch::new(now_ns),
        }
    }

    pub(super) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// The number of bytes waiting to be written.
    pub(super) fn backlog(&self) -> usize {
        self.output.len() - self.written
    }

    /// Whether the client reads too slowly: more than this is waiting that it did not ask for.
    pub(super) fn is_slow(&self, buffer_max: usize) -> bool {
        self.backlog() > buffer_max.saturating_add(self.asked)
    }

    /// Records that this much of the output was requested by the client.
    pub(super) fn asked_for(&mut self, length: usize) {
        self.asked += length;
    }

    /// Whether more input may be handled now. Input that may not be stays in the socket, which makes the client wait.
    pub(super) fn takes_input(&mut self, buffer_max: usize) -> bool {
        if self.ending || self.dead {
            return false;
        }
        let is_full = self.is_full(buffer_max);
        self.hold = if is_full { Hold::Room } else { Hold::Nothing };
        !is_full
    }

    fn is_full(&self, buffer_max: usize) -> bool {
        let has_much = self.backlog() > buffer_max;
        match self.protocol {
            Protocol::Http(_) => has_much || self.pending.len() >= PIPELINE_MAX,
            // A session that reads too slowly loses its subscriptions first; what it requests after that can wait.
            Protocol::WebSocket(_) => has_much && (self.overflowed || self.is_slow(buffer_max)),
        }
    }

    /// Whether earlier requests still lack their responses.
    pub(super) fn owes_answers(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Holds input until every response so far is on its way to the socket.
    pub(super) fn wait_for_turn(&mut self) {
        self.hold = Hold::Turn;
    }

    /// Sends `100 Continue` to a client that waits for it before sending a body, once it is its turn.
    pub(super) fn invite_body(&mut self) {
        let owes_answers = self.owes_answers();
        let Protocol::Http(reader) = &mut self.protocol else { return };
        if !reader.awaits_continue() {
            return;
        }
        if owes_answers {
            self.wait_for_turn();
        } else {
            reader.said_continue();
            self.output.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
    }

    /// Whether held input may be handled now.
    pub(super) fn is_released(&self, buffer_max: usize) -> bool {
        match self.hold {
            Hold::Nothing => false,
            Hold::Room => !self.is_full(buffer_max),
            Hold::Turn => self.pending.is_empty(),
        }
    }

    /// Whether input is held.
    pub(super) fn is_held(&self) -> bool {
        self.hold != Hold::Nothing
    }

    /// Whether the client closed its half, everything before that was handled, and the connection has not begun to end.
    pub(super) fn has_said_all(&self) -> bool {
        self.has_ended && !self.ending && !self.is_held()
    }

    /// Whether a request has begun and is not complete.
    pub(super) fn is_within_request(&self) -> bool {
        matches!(&self.protocol, Protocol::Http(reader) if reader.is_within_body() || !self.input.is_empty())
    }

    /// Ends the connection: no further input is accepted, and it is closed when its output has been written.
    pub(super) fn end(&mut self) {
        self.ending = true;
        self.hold = Hold::Nothing;
        self.input.clear();
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending
    }

    /// Whether the connection can be removed.
    pub(super) fn is_over(&self) -> bool {
        self.dead || (self.is_shut && self.has_ended)
    }

    /// Reads what the socket has, within bounds. Returns whether it may have more.
    pub(super) fn fill(&mut self) -> bool {
        while self.input.len() < INPUT_MAX {
            match self.input.fill(&mut self.stream) {
                Ok(0) => {
                    self.has_ended = true;
                    return false;
                }
                Ok(length) => self.bytes_read += length as u64,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.dead = true;
                    return false;
                }
            }
            if self.ending {
                self.input.clear();
            }
        }
        true
    }

    /// Records a request, so that its response keeps its place.
    pub(super) fn expect(&mut self, ticket: Ticket, manner: Manner) {
        self.requests += 1;
        if !manner.keep_alive {
            self.end();
        }
        self.pending.push_back(Pending { ticket, manner, reply: None });
    }

    /// Adds a response, and moves every response whose turn it is to the output.
    pub(super) fn respond(&mut self, ticket: Ticket, reply: Reply, date: &HttpDate) {
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.ticket == ticket) {
            pending.reply = Some(reply);
        }
        while let Some(Pending { manner, reply: Some(reply), .. }) =
            self.pending.pop_front_if(|pending| pending.reply.is_some())
        {
            http::write(&mut self.output, &reply, &manner, date);
        }
    }

    /// Answers something that is not a valid request, in its turn, and ends the connection.
    pub(super) fn refuse(&mut self, ticket: Ticket, reply: Reply, date: &HttpDate) {
        self.expect(ticket, Manner::default());
        self.respond(ticket, reply, date);
    }

    /// Closes a WebSocket with a close frame, and ends the connection.
    pub(super) fn say_close(&mut self, code: CloseCode, reason: &str) {
        websocket::write_close(&mut self.output, code, reason);
        self.end();
    }

    /// What the connection is waiting for.
    pub(super) fn waiting(&self) -> Waiting {
        match &self.protocol {
            _ if self.is_shut => Waiting::Goodbye,
            _ if self.backlog() > 0 => Waiting::Reader(self.bytes_written),
            Protocol::WebSocket(_) => Waiting::Sign(self.bytes_read),
            Protocol::Http(_) if self.has_ended => Waiting::LastAnswer(self.requests),
            Protocol::Http(_) if !self.pending.is_empty() => Waiting::Answer,
            Protocol::Http(reader) if reader.is_within_body() => Waiting::Body(self.requests),
            Protocol::Http(_) if !self.input.is_empty() => Waiting::Head(self.requests),
            Protocol::Http(_) => Waiting::Request(self.requests),
        }
    }

    /// Writes as much as the socket accepts, and closes the server's half when nothing is left to be sent.
    pub(super) fn flush(&mut self) {
        while self.written < self.output.len() && !self.dead {
            match self.stream.write(&self.output[self.written..]) {
                Ok(0) => self.dead = true,
                Ok(length) => {
                    self.written += length;
                    self.bytes_written += length as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.dead = true,
            }
        }
        if self.written == self.output.len() {
            self.output.clear();
            self.written = 0;
        } else if self.written > self.output.len() / 2 {
            // Written bytes are dropped only when moving the rest costs less than is freed, so each byte is moved about once.
            self.output.drain(..self.written);
            self.written = 0;
        }
        self.asked = self.asked.min(self.backlog());
        if self.ending && !self.is_shut && self.pending.is_empty() && self.backlog() == 0 {
            // The client may still be sending. Closing a socket with unread bytes would reset the connection, and the last
            // response could be lost. So only this half is closed, and further input is dropped (RFC 9112, 9.6).
            self.is_shut = true;
            self.dead |= self.stream.shutdown(Shutdown::Write).is_err();
        }
    }
}
