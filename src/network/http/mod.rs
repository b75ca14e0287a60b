//! The HTTP/1.1 client for order writes. It keeps a fixed number of warm keep-alive connections, with one request at a
//! time on each, and one more that is reserved for cancels. It never blocks: the connector makes the connections, and a
//! request is handed to the kernel in one call. The execute stage decides what an answer means.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;

use crate::host::idle::Idle;
use crate::network::connect::{Connector, Pending};
use crate::network::endpoint::Endpoint;
use crate::network::net::NetStream;
use crate::network::response::{self, Response};
use crate::network::signing::Signature;
use crate::ports::{NoAnswer, NotSent, OrderRequest, RequestId};
use crate::wire::sign::{KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER};

const REQUEST_BYTES: usize = 4 << 10;
const RESPONSE_BYTES: usize = 16 << 10;
const RETRY_MIN_NS: u64 = 50_000_000;
const RETRY_MAX_NS: u64 = 5_000_000_000;
/// Extra delay per connection, in nanoseconds, so that connections that failed together do not reconnect together.
const RETRY_SPREAD_NS: u64 = 13_000_000;

/// The outcome of a request. The body of an answer is in the buffer that was passed to [`HttpPool::poll`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpEvent {
    Answer {
        request: RequestId,
        /// The HTTP status.
        status: u16,
        /// When the last bytes of the answer were read from the kernel, on the driver's monotonic clock.
        read_ns: u64,
    },
    /// No answer will come.
    NoAnswer { request: RequestId, why: NoAnswer },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HttpCounters {
    /// Requests handed to the kernel.
    pub sent: u64,
    /// Requests refused because no connection could take them.
    pub not_sent: u64,
    /// Connections established.
    pub connected: u64,
    /// Attempts to connect that failed.
    pub failed: u64,
    /// Connections lost while idle.
    pub lost_idle: u64,
    /// Connections lost with a request in flight.
    pub lost_busy: u64,
}

/// The connections for order writes.
#[derive(Debug)]
pub struct HttpPool {
    connector: Connector,
    endpoint: Endpoint,
    /// The headers that are the same in every request, rendered.
    constant_headers: Vec<u8>,
    /// The order connections, then the one for cancels.
    lines: Vec<Line>,
    request: Vec<u8>,
    next_probe: usize,
    /// The time of the last poll.
    now_ns: u64,
    counters: HttpCounters,
}

#[derive(Debug)]
struct Line {
    state: LineState,
    /// The part of the answer received so far.
    received: Vec<u8>,
    /// The part of the request that the kernel has not taken yet.
    unsent: Vec<u8>,
    failures: u32,
}

#[derive(Debug)]
enum LineState {
    Down {
        retry_ns: u64,
    },
    Connecting(Pending<NetStream>),
    Idle(NetStream),
    Busy {
        stream: NetStream,
        request: RequestId,
    },
    /// The write failed. The stage is told at the next poll.
    Cut {
        request: RequestId,
    },
}

impl HttpPool {
    /// Creates a pool that starts to connect at its first poll. `key_id` is sent with every request.
    #[must_use]
    pub fn new(connector: Connector, endpoint: Endpoint, key_id: &str, connections: usize) -> Self {
        let constant_headers = format!(
            "host: {}\r\nuser-agent: {}\r\ncontent-type: application/json\r\n{}: {key_id}\r\n",
            endpoint.authority(),
            crate::network::USER_AGENT,
            KEY_HEADER,
        );
        let line = || Line {
            state: LineState::Down { retry_ns: 0 },
            received: Vec::with_capacity(RESPONSE_BYTES),
            unsent: Vec::with_capacity(REQUEST_BYTES),
            failures: 0,
        };
        Self {
            connector,
            endpoint,
            constant_headers: constant_headers.into_bytes(),
            lines: std::iter::repeat_with(line).take(connections.max(1) + 1).collect(),
            request: Vec::with_capacity(REQUEST_BYTES),
            next_probe: 0,
            now_ns: 0,
            counters: HttpCounters::default(),
        }
    }

    /// Sends a request on a connection that is free and alive. A request whose write fails counts as sent, since part
    /// of it may have left; [`NoAnswer::Cut`] follows.
    ///
    /// # Errors
    /// [`NotSent`] when there is no such connection. Nothing has been sent then.
    pub fn request(&mut self, request: &OrderRequest<'_>, signature: &Signature) -> Result<(), NotSent> {
        self.render(request, signature);
        while let Some(index) = self.free_line(request.cancels) {
            let line = &mut self.lines[index];
            if !line.is_alive() {
                line.drop_connection(self.now_ns);
                self.counters.lost_idle += 1;
                continue;
            }
            line.send(request.id, &self.request);
            self.counters.sent += 1;
            return Ok(());
        }
        self.counters.not_sent += 1;
        Err(NotSent)
    }

    /// Renders a request without sending it, to warm the caches for the next one.
    pub fn rehearse(&mut self, request: &OrderRequest<'_>, signature: &Signature) {
        self.render(request, signature);
        std::hint::black_box(&self.request);
    }

    /// Finds a free connection. Cancels try the one reserved for them first; other requests never use it.
    fn free_line(&self, cancels: bool) -> Option<usize> {
        let (orders, kept) = (self.lines.len() - 1, self.lines.len() - 1);
        let free = |index: &usize| matches!(self.lines[*index].state, LineState::Idle(_));
        Some(kept).filter(|_| cancels).into_iter().chain(0..orders).find(free)
    }

    fn render(&mut self, request: &OrderRequest<'_>, signature: &Signature) {
        let out = &mut self.request;
        out.clear();
        for part in [request.method.as_bytes(), b" ", request.path.as_bytes(), b" HTTP/1.1\r\n", &self.constant_headers]
        {
            out.extend_from_slice(part);
        }
        write!(
            out,
            "{}: {}\r\n{}: {}\r\ncontent-length: {}\r\n\r\n",
            TIMESTAMP_HEADER,
            signature.timestamp_ms(),
            SIGNATURE_HEADER,
            signature.text(),
            request.body.len()
        )
        .expect("writing into memory cannot fail");
        out.extend_from_slice(request.body);
    }

    /// Gives up on a request. Its connection is dropped, since a late answer could be mistaken for that to another request.
    pub fn abandon(&mut self, request: RequestId) {
        for line in &mut self.lines {
            if line.request() == Some(request) {
                line.drop_connection(self.now_ns);
            }
        }
    }

    /// Returns the next event, or `None`. Never blocks. It also maintains the connections, so call it in every turn
    /// until it returns `None`.
    pub fn poll(&mut self, now_ns: u64, idle: &Idle, body: &mut Vec<u8>) -> Option<HttpEvent> {
        self.now_ns = now_ns;
        self.probe_one();
        for index in 0..self.lines.len() {
            self.keep_up(index, now_ns, idle);
            let line = &mut self.lines[index];
            let Some((request, outcome)) = line.progress(body) else { continue };
            return Some(match outcome {
                Ok((response, read_ns)) => {
                    line.finish(response.keep_alive, now_ns);
                    HttpEvent::Answer { request, status: response.status, read_ns }
                }
                Err(why) => {
                    line.drop_connection(now_ns);
                    self.counters.lost_busy += 1;
                    HttpEvent::NoAnswer { request, why }
                }
            });
        }
        None
    }

    /// Checks one idle connection in each turn, so that a connection closed by the exchange is noticed long before the
    /// next order.
    fn probe_one(&mut self) {
        self.next_probe = (self.next_probe + 1) % self.lines.len();
        let line = &mut self.lines[self.next_probe];
        if matches!(line.state, LineState::Idle(_)) && !line.is_alive() {
            line.drop_connection(self.now_ns);
            self.counters.lost_idle += 1;
        }
    }

    fn keep_up(&mut self, index: usize, now_ns: u64, idle: &Idle) {
        let line = &mut self.lines[index];
        match &mut line.state {
            LineState::Down { retry_ns } if now_ns >= *retry_ns => {
                line.state = LineState::Connecting(self.connector.stream(&self.endpoint));
            }
            LineState::Connecting(pending) => match pending.poll() {
                None => {}
                Some(Ok(stream)) if idle.watch(stream.as_fd()).is_ok() => {
                    line.state = LineState::Idle(stream);
                    line.failures = 0;
                    self.counters.connected += 1;
                }
                Some(_) => {
                    let backoff_ns = RETRY_MIN_NS.saturating_mul(1 << line.failures.min(10)).min(RETRY_MAX_NS);
                    let spread_ns = RETRY_SPREAD_NS * index as u64;
                    line.state = LineState::Down { retry_ns: now_ns + backoff_ns + spread_ns };
                    line.failures += 1;
                    self.counters.failed += 1;
                }
            },
            _ => {}
        }
    }

    /// How many connections could take a request now, including the one for cancels.
    #[cfg(feature = "internals")]
    #[must_use]
    pub fn free(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line.state, LineState::Idle(_))).count()
    }

    /// How many requests are in flight.
    #[cfg(feature = "internals")]
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.lines.iter().filter(|line| line.request().is_some()).count()
    }

    #[must_use]
    #[cfg(feature = "internals")]
    pub fn counters(&self) -> &HttpCounters {
        &self.counters
    }
}

/// A response and the time at which it was read, or why there is none.
type Outcome = Result<(Response, u64), NoAnswer>;

impl Line {
    fn request(&self) -> Option<RequestId> {
        match self.state {
            LineState::Busy { request, .. } | LineState::Cut { request } => Some(request),
            _ => None,
        }
    }

    /// Whether an idle connection is still open and silent. Unsolicited bytes make it unusable.
    fn is_alive(&mut self) -> bool {
        let LineState::Idle(stream) = &mut self.state else { return false };
        matches!(stream.read(&mut [0; 1]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Drops the connection and schedules the next attempt. The pause prevents a tight loop against an exchange that
    /// accepts and hangs up.
    fn drop_connection(&mut self, now_ns: u64) {
        self.state = LineState::Down { retry_ns: now_ns + RETRY_MIN_NS };
        self.received.clear();
        self.unsent.clear();
    }

    /// Hands the request to the kernel. What the kernel does not take at once is sent by the next poll.
    fn send(&mut self, request: RequestId, bytes: &[u8]) {
        let LineState::Idle(mut stream) = std::mem::replace(&mut self.state, LineState::Cut { request }) else {
            return;
        };
        match write_some(&mut stream, bytes) {
            Ok(count) => {
                self.unsent.extend_from_slice(&bytes[count..]);
                self.state = LineState::Busy { stream, request };
            }
            Err(error) => tracing::debug!(%error, "an order write failed"),
        }
    }

    /// Sends the rest of the request and reads what has arrived. Returns the request's outcome once there is one.
    fn progress(&mut self, body: &mut Vec<u8>) -> Option<(RequestId, Outcome)> {
        let (stream, request) = match &mut self.state {
            LineState::Busy { stream, request } => (stream, *request),
            LineState::Cut { request } => return Some((*request, Err(NoAnswer::Cut))),
            _ => return None,
        };
        let sent = send_rest(stream, &mut self.unsent);
        let outcome = match receive(stream, &mut self.received, body) {
            // An exchange may refuse a request before it has read all of it, so an answer takes precedence over a
            // failed write.
            Ok(None) if sent.is_err() => Err(NoAnswer::Cut),
            Ok(None) => return None,
            Ok(Some(response)) => Ok((response, stream.read_ns())),
            Err(why) => Err(why),
        };
        Some((request, outcome))
    }

    /// Frees the connection for the next request, or drops it if it cannot be reused.
    fn finish(&mut self, keep_alive: bool, now_ns: u64) {
        let clean = keep_alive && self.unsent.is_empty();
        match std::mem::replace(&mut self.state, LineState::Down { retry_ns: now_ns }) {
            LineState::Busy { stream, .. } if clean => self.state = LineState::Idle(stream),
            _ => {}
        }
        self.received.clear();
        self.unsent.clear();
    }
}

/// Writes what the kernel takes now and returns the number of bytes, which may be 0.
fn write_some(stream: &mut NetStream, bytes: &[u8]) -> std::io::Result<usize> {
    let mut taken = 0;
    while taken < bytes.len() {
        match stream.write(&bytes[taken..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => taken += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}

fn send_rest(stream: &mut NetStream, unsent: &mut Vec<u8>) -> std::io::Result<()> {
    if !unsent.is_empty() {
        let taken = write_some(stream, unsent)?;
        unsent.drain(..taken);
    }
    if stream.wants_flush() {
        match stream.flush() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Reads until the kernel has no more. Returns the response once it is complete.
fn receive(stream: &mut NetStream, received: &mut Vec<u8>, body: &mut Vec<u8>) -> Result<Option<Response>, NoAnswer> {
    let before = received.len();
    let ended = loop {
        let mut piece = [0; 4 << 10];
        match stream.read(&mut piece) {
            Ok(0) => break true,
            Ok(count) => received.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break false,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break true,
        }
        if received.len() > response::RESPONSE_BYTES_MAX {
            return Err(NoAnswer::Garbled);
        }
    };
    if received.len() == before && !ended {
        return Ok(None);
    }
    match response::parse(received, ended, body)? {
        Some(response) => {
            // Bytes beyond the answer belong to no request: requests and answers no longer match on this connection.
            let keep_alive = response.keep_alive && !ended && response.bytes == received.len();
            Ok(Some(Response { keep_alive, ..response }))
        }
        None if ended => Err(NoAnswer::Cut),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests;
