//! One client's connection: what was read and not yet understood, what waits to be written, and, for HTTP, which
//! requests still lack their response. Responses go out in the order of the requests, whatever order they came in.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use mio::net::TcpStream;

use super::http;
use super::websocket::{self, Framing};
use crate::exchange::gateway::{HttpResponse, Ticket};
use crate::wire::http_date::HttpDate;

/// How much one read takes.
const READ_CHUNK: usize = 16 * 1024;
/// The most requests that wait for responses on one connection; further ones stay in the socket.
pub(super) const PIPELINE_MAX: usize = 64;
/// The most unread input: the longest request, and a chunk.
const INPUT_MAX: usize = http::HEAD_MAX + http::BODY_MAX + READ_CHUNK;

/// What the connection speaks.
#[derive(Debug)]
pub(super) enum Protocol {
    Http,
    WebSocket(Box<Framing>),
}

/// What a request is answered with.
#[derive(Debug)]
enum Reply {
    Response(HttpResponse),
    /// The same request belongs to another path.
    Redirect(String),
}

/// A request whose reply is due.
#[derive(Debug)]
struct Pending {
    ticket: Ticket,
    keep_alive: bool,
    reply: Option<Reply>,
}

/// A connection.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each read on its own")]
pub(super) struct Connection {
    stream: TcpStream,
    pub(super) protocol: Protocol,
    pub(super) input: Vec<u8>,
    pub(super) output: Vec<u8>,
    written: usize,
    pending: VecDeque<Pending>,
    /// No further input is taken, and the connection ends when its output is written.
    pub(super) ending: bool,
    /// The peer is gone or the socket failed.
    pub(super) dead: bool,
    /// The peer is on this machine.
    pub(super) is_local: bool,
    /// It has carried an order write.
    pub(super) carried_orders: bool,
    /// Its subscriptions were ended because it read too slowly.
    pub(super) overflowed: bool,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, is_local: bool) -> Self {
        Self {
            stream,
            protocol: Protocol::Http,
            input: Vec::new(),
            output: Vec::new(),
            written: 0,
            pending: VecDeque::new(),
            ending: false,
            dead: false,
            is_local,
            carried_orders: false,
            overflowed: false,
        }
    }

    pub(super) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Bytes that wait to be written.
    pub(super) fn backlog(&self) -> usize {
        self.output.len() - self.written
    }

    /// Whether more requests may be taken now.
    pub(super) fn takes_requests(&self) -> bool {
        !self.ending && !self.dead && self.pending.len() < PIPELINE_MAX
    }

    /// Whether the connection can be forgotten.
    pub(super) fn is_over(&self) -> bool {
        self.dead || (self.ending && self.pending.is_empty() && self.backlog() == 0)
    }

    /// Reads what the socket has, within bounds. Returns whether the socket may have more.
    pub(super) fn fill(&mut self) -> bool {
        let mut chunk = [0; READ_CHUNK];
        while self.input.len() < INPUT_MAX {
            match self.stream.read(&mut chunk) {
                Ok(0) => {
                    self.dead = true;
                    return false;
                }
                Ok(length) => self.input.extend_from_slice(&chunk[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    self.dead = true;
                    return false;
                }
            }
        }
        true
    }

    /// Notes a request: its response keeps its place.
    pub(super) fn expect(&mut self, ticket: Ticket, keep_alive: bool) {
        self.pending.push_back(Pending { ticket, keep_alive, reply: None });
        self.ending |= !keep_alive;
    }

    /// Notes a request that is answered here: it belongs to another path. It keeps its place like any other.
    pub(super) fn redirect(&mut self, ticket: Ticket, keep_alive: bool, location: String, date: &HttpDate) {
        self.expect(ticket, keep_alive);
        self.reply(ticket, Reply::Redirect(location), date);
    }

    /// Takes a response and moves every response whose turn it is to the output.
    pub(super) fn respond(&mut self, ticket: Ticket, response: HttpResponse, date: &HttpDate) {
        self.reply(ticket, Reply::Response(response), date);
    }

    fn reply(&mut self, ticket: Ticket, reply: Reply, date: &HttpDate) {
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.ticket == ticket) {
            pending.reply = Some(reply);
        }
        while let Some(Pending { keep_alive, reply: Some(reply), .. }) =
            self.pending.pop_front_if(|pending| pending.reply.is_some())
        {
            match reply {
                Reply::Response(response) => http::write_response(&mut self.output, &response, keep_alive, date),
                Reply::Redirect(location) => http::write_redirect(&mut self.output, &location, keep_alive, date),
            }
        }
    }

    /// Answers what was no request and ends.
    pub(super) fn refuse(&mut self, response: &HttpResponse, date: &HttpDate) {
        http::write_response(&mut self.output, response, false, date);
        self.input.clear();
        self.ending = true;
    }

    /// Says goodbye on a WebSocket and ends.
    pub(super) fn say_close(&mut self, reason: &str) {
        websocket::write_close(&mut self.output, reason);
        self.ending = true;
    }

    /// Writes as much as the socket takes.
    pub(super) fn flush(&mut self) {
        while self.written < self.output.len() && !self.dead {
            match self.stream.write(&self.output[self.written..]) {
                Ok(0) => self.dead = true,
                Ok(length) => self.written += length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.dead = true,
            }
        }
        if self.written == self.output.len() {
            self.output.clear();
            self.written = 0;
        } else if self.written > self.output.len() / 2 {
            // What is written is dropped when that moves less than it frees, so each byte is moved about once.
            self.output.drain(..self.written);
            self.written = 0;
        }
    }
}
