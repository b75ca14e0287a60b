//! Runs an [`Exchange`] on loopback sockets: one thread, one epoll, REST and WebSocket on the same port. Owns the sockets
//! and the clocks; makes no decisions about trading.
//!
//! | file | concept |
//! |---|---|
//! | `handle` | handles for the process that started it |
//! | `event_loop`, `connection`, `input` | sockets and their buffers |
//! | `intake`, `sweep` | input from the sockets, and timeouts |
//! | `http`, `websocket` | the two protocols, over buffers |
//! | `requests`, `local` | responses to requests, and restrictions for web pages |
//! | `limits`, `timeouts` | how much a client may send, and how long it may take |

mod connection;
mod event_loop;
mod handle;
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
use std::time::Instant;

use crossbeam::channel::unbounded;
use mio::{Poll, Waker};
use thiserror::Error;

use super::Account;
use super::venue::Exchange;
use crate::clock::SessionClock;
use crate::wire::{REST_PREFIX, WS_PATH};
use event_loop::{EventLoop, WAKER};
use handle::ControlLine;
pub use handle::{FaultControl, FeedControl, RunningExchange, ServerPanicked};
pub use timeouts::Timeouts;

/// How the server runs. See [`Builder`](super::Builder), which sets everything.
#[derive(Clone, Debug)]
pub(super) struct ServerConfig {
    pub(super) listen: SocketAddr,
    pub(super) clock: SessionClock,
    /// The instant at which monotonic time is zero.
    pub(super) origin: Instant,
    pub(super) buffer_max: usize,
    pub(super) timeouts: Timeouts,
    pub(super) cors: bool,
    pub(super) yields: bool,
}

impl ServerConfig {
    /// Listens on a free loopback port, with session time equal to wall time.
    pub(super) fn local() -> Self {
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

    /// The present session time.
    pub(super) fn session_ms(&self) -> i64 {
        self.clock.session_ms(self.mono_ns())
    }

    pub(super) fn mono_ns(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Why the server did not start.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The address can't be listened on, for example because the port is in use.
    #[error("the exchange can't listen on {address}: {source}")]
    Listen {
        /// The address to listen on.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The system could not provide a poll, a thread or another resource.
    #[error("the exchange's server can't start: {0}")]
    System(#[from] io::Error),
}

/// Listens, and runs the exchange on a thread of its own.
///
/// # Errors
/// If the address can't be listened on, or the system can't provide a poll or a thread.
pub(super) fn serve(
    exchange: Exchange,
    accounts: Vec<Account>,
    mut config: ServerConfig,
) -> Result<RunningExchange, ServerError> {
    let address = config.listen;
    let listen_error = |source| ServerError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(listen_error)?;
    listener.set_nonblocking(true).map_err(listen_error)?;
    let addr = listener.local_addr().map_err(listen_error)?;
    let poll = Poll::new()?;
    let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
    let (sender, receiver) = unbounded();
    config.listen = addr;
    let clock = config.clock;
    let event_loop = EventLoop::new(exchange, config, poll, listener, receiver)?;
    let thread = std::thread::Builder::new().name("exchange".into()).spawn(move || event_loop.run())?;
    Ok(RunningExchange {
        addr,
        rest_url: format!("http://{addr}{REST_PREFIX}"),
        ws_url: format!("ws://{addr}{WS_PATH}"),
        accounts,
        clock,
        control: ControlLine { sender, waker },
        thread: Some(thread),
    })
}

#[cfg(test)]
mod tests;
