//! Puts an [`Exchange`] on loopback sockets: one thread, one epoll, REST and WebSocket on one port. Owns the sockets and
//! the clocks; decides nothing about trading.
//!
//! | file | concept |
//! |---|---|
//! | `event_loop`, `connection`, `input` | sockets and their buffers |
//! | `intake`, `sweep` | what came in on them, and what takes too long |
//! | `http`, `websocket` | the two protocols, over buffers |
//! | `requests`, `local` | what a request leads to, and what a web page may do |
//! | `limits`, `timeouts` | how much and how long a client may send |

mod connection;
mod event_loop;
pub mod http;
mod input;
mod intake;
mod limits;
mod local;
mod requests;
mod sweep;
mod timeouts;
mod websocket;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use crossbeam::channel::{Sender, bounded, unbounded};
use mio::{Poll, Waker};
use thiserror::Error;

use crate::clock::SessionClock;
use crate::exchange::engine::{ListError, MarketSpec};
use crate::exchange::faults::Fault;
use crate::exchange::venue::Exchange;
use crate::wire::{REST_PREFIX, WS_PATH};
use event_loop::{Control, EventLoop, Look, WAKER};
pub use timeouts::Timeouts;

/// How the server runs.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The session clock, over nanoseconds since `origin`.
    pub clock: SessionClock,
    /// The instant at which monotonic time is zero.
    pub origin: Instant,
    /// A WebSocket with more unwritten bytes gets error 25: its subscriptions end, and no further command is read until
    /// there are fewer. The answer to a command that came while there were fewer does not count, however long it is. While
    /// there are more on an HTTP connection, no further request is read.
    pub buffer_max: usize,
    /// How long clients may take.
    pub timeouts: Timeouts,
    /// Whether web pages that this machine serves may read answers (CORS).
    pub cors: bool,
    /// Offers the core to others between turns instead of sleeping until a socket has something. It costs a core, and
    /// spares who writes to the exchange the waking of its thread: for latency runs, where the two share a machine.
    pub yields: bool,
}

impl ServerConfig {
    /// Listens on a free loopback port, with session time equal to wall time.
    #[must_use]
    pub fn local() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            clock: SessionClock::new(0, jiff::Timestamp::now().as_millisecond(), 1_000),
            origin: Instant::now(),
            buffer_max: 8 * 1024 * 1024,
            timeouts: Timeouts::default(),
            cors: false,
            yields: false,
        }
    }

    /// Session time now.
    #[must_use]
    pub fn session_ms(&self) -> i64 {
        self.clock.session_ms(self.mono_ns())
    }

    fn mono_ns(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Why the server did not start.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The address can't be listened on: a port in use, for one.
    #[error("the exchange can't listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The system refused a poll, a thread or the like.
    #[error("the exchange's server can't start: {0}")]
    System(#[from] io::Error),
}

/// The server's thread ended by a panic, which it printed.
#[derive(Clone, Copy, Debug, Error)]
#[error("the exchange's thread panicked")]
pub struct ServerPanicked;

/// The way into a running server's loop.
#[derive(Clone, Debug)]
struct ControlLine {
    sender: Sender<Control>,
    waker: Arc<Waker>,
}

impl ControlLine {
    fn send(&self, control: Control) {
        // A server that has stopped has nothing to control.
        if self.sender.send(control).is_ok() {
            let _ = self.waker.wake();
        }
    }
}

/// Arms faults in a running server. Cheap to clone; acts within a turn of the server's loop.
#[derive(Clone, Debug)]
pub struct FaultControl(ControlLine);

impl FaultControl {
    /// Arms a fault.
    pub fn arm(&self, fault: Fault) {
        self.0.send(Control::Arm(fault));
    }
}

/// Feeds the recorded markets of a running server from another venue's live feed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FeedControl(ControlLine);

impl FeedControl {
    /// Hands over a frame, received at this session time. Never blocks.
    pub fn frame(&self, text: Vec<u8>, received_ms: i64) {
        self.0.send(Control::Frame(text, received_ms));
    }

    /// Lists a market and waits until that is done. A server that has stopped lists nothing, which is no error.
    ///
    /// # Errors
    /// When its name is taken, or it closes before it opens.
    pub fn list(&self, spec: MarketSpec) -> Result<(), ListError> {
        let (reply, done) = bounded(1);
        self.0.send(Control::List(Box::new(spec), reply));
        done.recv().unwrap_or(Ok(()))
    }
}

/// A running server. Dropping the handle without [`stop`](ServerHandle::stop) stops it too, without its final state.
#[derive(Debug)]
pub struct ServerHandle {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What a REST client's base URL is.
    pub rest_url: String,
    /// What a WebSocket client connects to.
    pub ws_url: String,
    control: ControlLine,
    thread: Option<JoinHandle<Exchange>>,
}

/// The way to start a server.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Listens, and runs the exchange on a thread of its own.
    ///
    /// # Errors
    /// When the address can't be listened on or the system refuses a poll or a thread.
    pub fn start(exchange: Exchange, mut config: ServerConfig) -> Result<ServerHandle, ServerError> {
        let address = config.listen;
        let listen_error = |source| ServerError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(listen_error)?;
        listener.set_nonblocking(true).map_err(listen_error)?;
        let addr = listener.local_addr().map_err(listen_error)?;
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let (sender, receiver) = unbounded();
        config.listen = addr;
        let event_loop = EventLoop::new(exchange, config, poll, listener, receiver)?;
        let thread = std::thread::Builder::new().name("exchange".into()).spawn(move || event_loop.run())?;
        Ok(ServerHandle {
            addr,
            rest_url: format!("http://{addr}{REST_PREFIX}"),
            ws_url: format!("ws://{addr}{WS_PATH}"),
            control: ControlLine { sender, waker },
            thread: Some(thread),
        })
    }
}

impl ServerHandle {
    /// The control of faults.
    #[must_use]
    pub fn faults(&self) -> FaultControl {
        FaultControl(self.control.clone())
    }

    /// The way in for another venue's live feed.
    #[must_use]
    pub fn feed(&self) -> FeedControl {
        FeedControl(self.control.clone())
    }

    /// Writes what is due, closes every connection and gives the exchange back in its final state.
    ///
    /// # Errors
    /// When the server's thread panicked.
    ///
    /// # Panics
    /// Never: the thread is taken once, by value.
    pub fn stop(mut self) -> Result<Exchange, ServerPanicked> {
        self.control.send(Control::Stop);
        let thread = self.thread.take().expect("only stop and drop take the thread, and both consume the handle");
        thread.join().map_err(|_| ServerPanicked)
    }

    /// Looks at the running exchange between two turns of its loop; none of one that has stopped.
    pub fn look<T: Send + 'static>(&self, look: impl FnOnce(&Exchange) -> T + Send + 'static) -> Option<T> {
        let (reply, seen) = bounded(1);
        // Nobody waits for the reply of a server that stops meanwhile.
        self.control.send(Control::Look(Look(Box::new(move |exchange| drop(reply.send(look(exchange)))))));
        seen.recv().ok()
    }

    /// Whether its thread still runs: it ends early only by a panic.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for ServerHandle {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.control.send(Control::Stop);
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
