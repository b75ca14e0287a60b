//! What the process that started an exchange holds of it: its addresses and accounts, and the ways into its loop.

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

/// The server's thread ended by a panic, which it printed.
#[derive(Clone, Copy, Debug, Error)]
#[error("the exchange's thread panicked")]
pub struct ServerPanicked;

/// The way into a running server's loop.
#[derive(Clone, Debug)]
pub(super) struct ControlLine {
    pub(super) sender: Sender<Control>,
    pub(super) waker: Arc<Waker>,
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

/// An exchange on a thread of its own: see [`Builder::start`](crate::exchange::Builder::start). Dropping it stops it too,
/// without its final state.
#[derive(Debug)]
pub struct RunningExchange {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What a REST client's base URL is.
    pub rest_url: String,
    /// What a WebSocket client connects to.
    pub ws_url: String,
    /// The clients' accounts, with the keys that sign for them.
    pub accounts: Vec<Account>,
    /// Its session clock, over nanoseconds since [`Builder::origin`](crate::exchange::Builder::origin).
    pub clock: SessionClock,
    pub(super) control: ControlLine,
    pub(super) thread: Option<JoinHandle<Exchange>>,
}

impl RunningExchange {
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

impl Drop for RunningExchange {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.control.send(Control::Stop);
            let _ = thread.join();
        }
    }
}
