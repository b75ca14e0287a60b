//! The server's loop: the exchange gets the time, its outputs go to the connections' buffers and from there to the sockets,
//! and input from the sockets goes to the exchange.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::TcpListener;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam::channel::{Receiver, Sender};
use mio::event::Event;
use mio::{Events, Interest, Poll, Token};

use super::ServerConfig;
use super::connection::{Connection, Protocol};
use super::limits;
use super::sweep::SWEEP_NS;
use super::websocket::{self, CloseCode};
use crate::exchange::engine::{ListError, MarketSpec};
use crate::exchange::faults::Fault;
use crate::exchange::gateway::{ExchangeNow, Output};
use crate::exchange::venue::Exchange;
use crate::wire::http_date::HttpDate;

const LISTENER: Token = Token(0);
pub(super) const WAKER: Token = Token(1);
const FIRST_CLIENT: usize = 2;
/// The longest sleep.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// The number of the connection is in the bits of a ticket above these.
pub(super) const TICKET_BITS: u32 = 32;

/// Requests to the loop from other threads.
#[derive(Debug)]
pub(super) enum Control {
    Arm(Fault),
    /// A market to list, and where to send the result.
    List(Box<MarketSpec>, Sender<Result<(), ListError>>),
    /// A frame of a live feed, with the session time at which it was received.
    Frame(Vec<u8>, i64),
    Look(Look),
    Stop,
}

/// A function to call with the exchange, from another thread.
pub(super) struct Look(pub(super) Box<dyn FnOnce(&Exchange) + Send>);

impl std::fmt::Debug for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Look")
    }
}

pub(super) struct EventLoop {
    pub(super) exchange: Exchange,
    pub(super) config: ServerConfig,
    poll: Poll,
    listener: mio::net::TcpListener,
    control: Receiver<Control>,
    pub(super) connections: BTreeMap<usize, Connection>,
    next_token: usize,
    pub(super) requests: u64,
    /// The date for responses.
    date: HttpDate,
    /// Connections with output, or that may have ended.
    pub(super) touched: BTreeSet<usize>,
    /// Connections whose input was not read completely, and for which the socket will not report readiness again.
    unread: BTreeSet<usize>,
    /// The longest message of a session, in bytes.
    pub(super) message_max: usize,
    pub(super) next_sweep_ns: u64,
}

impl EventLoop {
    pub(super) fn new(
        exchange: Exchange,
        config: ServerConfig,
        poll: Poll,
        listener: TcpListener,
        control: Receiver<Control>,
    ) -> io::Result<Self> {
        let mut listener = mio::net::TcpListener::from_std(listener);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let message_max = limits::message_max(exchange.gateway().settings().subscription_markets_max);
        Ok(Self {
            message_max,
            next_sweep_ns: config.mono_ns().saturating_add(SWEEP_NS),
            exchange,
            config,
            poll,
            listener,
            control,
            connections: BTreeMap::new(),
            next_token: FIRST_CLIENT,
            requests: 0,
            date: HttpDate::new(0),
            touched: BTreeSet::new(),
            unread: BTreeSet::new(),
        })
    }

    pub(super) fn now(&self) -> ExchangeNow {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        ExchangeNow {
            session_ms: self.config.session_ms(),
            wall_ms: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// The date for a response at this time.
    pub(super) fn date(&mut self, now: ExchangeNow) -> HttpDate {
        self.date.advance(self.exchange.date_ms(now));
        self.date
    }

    pub(super) fn run(mut self) -> Exchange {
        let mut events = Events::with_capacity(256);
        loop {
            let stopping = self.obey();
            let now = self.now();
            self.exchange.advance(now);
            self.deliver(now, None);
            if stopping {
                self.say_goodbye();
            }
            self.sweep();
            self.flush();
            if stopping {
                return self.exchange;
            }
            let timeout = if self.config.yields { Duration::ZERO } else { self.timeout(self.now()) };
            match self.poll.poll(&mut events, Some(timeout)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // A failing poll will fail again, and without it the server receives nothing.
                Err(error) => panic!("the exchange's poll failed: {error}"),
            }
            if self.config.yields && events.is_empty() && self.unread.is_empty() {
                std::thread::yield_now();
            }
            for event in &events {
                self.handle(event);
            }
            for token in std::mem::take(&mut self.unread) {
                self.read(token);
            }
        }
    }

    /// Carries out the requests of other threads. Returns whether to stop.
    fn obey(&mut self) -> bool {
        loop {
            match self.control.try_recv() {
                Ok(Control::Arm(fault)) => {
                    self.exchange.advance(self.now());
                    self.exchange.arm(fault);
                }
                Ok(Control::List(spec, reply)) => {
                    // The requesting thread may have stopped waiting.
                    let _ = reply.send(self.exchange.list(*spec, self.now()));
                }
                Ok(Control::Frame(text, received_ms)) => self.exchange.live_frame(&text, received_ms, self.now()),
                Ok(Control::Look(look)) => look.0(&self.exchange),
                Ok(Control::Stop) | Err(crossbeam::channel::TryRecvError::Disconnected) => return true,
                Err(crossbeam::channel::TryRecvError::Empty) => return false,
            }
        }
    }

    /// How long to sleep: until the exchange has something to do.
    fn timeout(&self, now: ExchangeNow) -> Duration {
        if !self.unread.is_empty() {
            return Duration::ZERO;
        }
        let mut timeout = SLEEP_MAX;
        if let Some(due_ms) = self.exchange.next_deadline_ms() {
            let wait_ns = self.config.clock.mono_ns(due_ms).saturating_sub(self.config.mono_ns());
            timeout = timeout.min(Duration::from_nanos(wait_ns));
        }
        if let Some(due_ms) = self.exchange.next_ping_wall_ms() {
            let wait_ms = u64::try_from(due_ms.saturating_sub(now.wall_ms)).unwrap_or(0);
            timeout = timeout.min(Duration::from_millis(wait_ms));
        }
        timeout
    }

    fn handle(&mut self, event: &Event) {
        match event.token() {
            LISTENER => self.accept(),
            WAKER => {}
            Token(token) => {
                if event.is_readable() || event.is_read_closed() || event.is_error() {
                    self.read(token);
                }
                if event.is_writable() {
                    self.touched.insert(token);
                }
            }
        }
    }

    pub(super) fn accept(&mut self) {
        loop {
            match self.listener.accept() {
                Ok((mut stream, peer)) => {
                    let token = self.next_token;
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    // Without these the connection is useless; the client sees it closed.
                    if stream.set_nodelay(true).is_err()
                        || self.poll.registry().register(&mut stream, Token(token), interest).is_err()
                    {
                        continue;
                    }
                    self.next_token += 1;
                    let is_local = peer.ip().to_canonical().is_loopback();
                    self.connections.insert(token, Connection::new(stream, is_local, self.config.mono_ns()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // The connection failed before it was accepted, or there are no file descriptors: retried at the next sweep.
                Err(_) => return,
            }
        }
    }

    fn read(&mut self, token: usize) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        self.touched.insert(token);
        let has_more = connection.fill();
        self.understand(token);
        // Held input is read when it is released.
        if has_more && self.connections.get(&token).is_some_and(|connection| !connection.is_held()) {
            self.unread.insert(token);
        }
    }

    /// Moves the exchange's outputs to the connections' buffers. Outputs to the connection that has just requested something
    /// are recorded as requested.
    pub(super) fn deliver(&mut self, now: ExchangeNow, asking: Option<usize>) {
        let date = self.date(now);
        while let Some(output) = self.exchange.poll() {
            let token = match &output {
                Output::Response { ticket, .. } | Output::CutConnection { ticket } => {
                    usize::try_from(ticket >> TICKET_BITS)
                }
                Output::Frame { session, .. } | Output::Ping { session, .. } | Output::Close { session, .. } => {
                    usize::try_from(*session)
                }
                Output::CutOrderConnections => {
                    self.cut_order_connections();
                    continue;
                }
            };
            let token = token.expect("tickets and sessions contain a usize");
            let Some(connection) = self.connections.get_mut(&token) else { continue };
            self.touched.insert(token);
            match output {
                Output::Response { ticket, response } => connection.respond(ticket, response.into(), &date),
                Output::CutConnection { .. } => connection.dead = true,
                // Nothing follows a close.
                _ if connection.is_ending() => {}
                Output::Frame { text, .. } => {
                    let length = websocket::write_text(&mut connection.output, &text);
                    if asking == Some(token) {
                        connection.asked_for(length);
                    }
                    if connection.is_slow(self.config.buffer_max) {
                        connection.flush();
                    }
                    if connection.is_slow(self.config.buffer_max) && !connection.overflowed {
                        connection.overflowed = true;
                        self.exchange.overflowed(token as u64, now);
                    }
                }
                Output::Ping { payload, .. } => websocket::write_ping(&mut connection.output, payload),
                Output::Close { reason, .. } => connection.say_close(CloseCode::Normal, reason),
                Output::CutOrderConnections => {
                    unreachable!("it does not concern a single connection, and was handled above")
                }
            }
        }
    }

    fn cut_order_connections(&mut self) {
        for (token, connection) in &mut self.connections {
            connection.dead |= connection.carried_orders;
            self.touched.insert(*token);
        }
    }

    /// Writes what can be written, and removes connections that are over.
    fn flush(&mut self) {
        for token in std::mem::take(&mut self.touched) {
            let Some(connection) = self.connections.get_mut(&token) else { continue };
            connection.flush();
            if connection.backlog() == 0 {
                connection.overflowed = false;
            }
            if connection.is_released(self.config.buffer_max) {
                self.unread.insert(token);
            }
            if connection.is_over() {
                let mut gone = self.connections.remove(&token).expect("it was found above");
                // Deregistering fails only for a socket that the system no longer knows.
                let _ = self.poll.registry().deregister(gone.stream());
                if matches!(gone.protocol, Protocol::WebSocket(_)) {
                    self.exchange.closed(token as u64);
                }
            }
        }
    }
}
