//! Handles to a running exchange for the process that started it: its addresses and accounts, and access to its loop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam::channel::{Sender, bounded};
use mio::Waker;
use thiserror::Error;

use super::event_loop::{Control, Look};
use crate::clock::SessionClock;
use crate::exchange::Account;
use crate::exchange::engine::{ListError, MarketSpec};
use crate::exchange::faults::Fault;
use crate::exchange::venue::Exchange;

/// The server's thread panicked; it printed the panic.
#[derive(Clone, Copy, Debug, Error)]
#[error("the exchange's thread panicked")]
pub struct ServerPanicked;

/// Sends requests to a running server's loop.
#[derive(Clone, Debug)]
pub(super) struct ControlLine {
    pub(super) sender: Sender<Control>,
    pub(super) waker: Arc<Waker>,
}

impl ControlLine {
    fn send(&self, control: Control) {
        // A server that has stopped needs no control.
        if self.sender.send(control).is_ok() {
            let _ = self.waker.wake();
        }
    }
}

/// Arms faults in a running server, within a turn of its loop. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FaultControl(ControlLine);

impl FaultControl {
    /// Arms a fault, or lets it act at once. Does nothing if the server has stopped.
    pub fn arm(&self, fault: Fault) {
        self.0.send(Control::Arm(fault));
    }
}

/// Feeds the recorded markets of a running server from another venue's live feed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FeedControl(ControlLine);

impl FeedControl {
    /// Passes on a frame that was received at this session time. Never blocks.
    pub fn frame(&self, text: Vec<u8>, received_ms: i64) {
        self.0.send(Control::Frame(text, received_ms));
    }

    /// Lists a market, and waits until that is done. Returns `Ok` without listing it if the server has stopped.
    ///
    /// # Errors
    /// If its ticker is taken, or it would close before it opens.
    pub fn list(&self, spec: MarketSpec) -> Result<(), ListError> {
        let (reply, done) = bounded(1);
        self.0.send(Control::List(Box::new(spec), reply));
        done.recv().unwrap_or(Ok(()))
    }
}

/// An exchange on a thread of its own: see [`Builder::start`](crate::exchange::Builder::start). Dropping it also stops it,
/// without returning its final state.
#[derive(Debug)]
pub struct RunningExchange {
    /// The address it listens on.
    pub addr: SocketAddr,
    /// The base URL for a REST client.
    pub rest_url: String,
    /// The URL for a WebSocket client.
    pub ws_url: String,
    /// The clients' accounts, with their keys.
    pub accounts: Vec<Account>,
    /// Its session clock, as a function of nanoseconds since [`Builder::origin`](crate::exchange::Builder::origin).
    pub clock: SessionClock,
    pub(super) control: ControlLine,
    pub(super) thread: Option<JoinHandle<Exchange>>,
}

impl RunningExchange {
    /// A handle that arms faults.
    #[must_use]
    pub fn faults(&self) -> FaultControl {
        FaultControl(self.control.clone())
    }

    /// A handle for feeding recorded markets from another venue's live feed.
    #[must_use]
    pub fn feed(&self) -> FeedControl {
        FeedControl(self.control.clone())
    }

    /// Writes pending output, closes every connection, and returns the exchange in its final state.
    ///
    /// # Errors
    /// If the server's thread panicked.
    ///
    /// # Panics
    /// Never: the thread is taken only once, by value.
    pub fn stop(mut self) -> Result<Exchange, ServerPanicked> {
        self.control.send(Control::Stop);
        let thread = self.thread.take().expect("only stop and drop take the thread, and both consume the handle");
        thread.join().map_err(|_| ServerPanicked)
    }

    /// Calls a function with the running exchange, between two turns of its loop, and returns its result. `None` if the
    /// exchange has stopped.
    pub fn look<T: Send + 'static>(&self, look: impl FnOnce(&Exchange) -> T + Send + 'static) -> Option<T> {
        let (reply, seen) = bounded(1);
        // If the server stops in the meantime, nothing waits for the reply.
        self.control.send(Control::Look(Look(Box::new(move |exchange| drop(reply.send(look(exchange)))))));
        seen.recv().ok()
    }

    /// Whether its thread is still running; unless stopped, it ends only by a panic.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

impl Drop for RunningExchange {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.control.send(Control::Stop);
            let _ = thread.join();
        }
    }
}
