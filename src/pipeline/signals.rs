//! Signals as flags. Owns the handlers: the first SIGINT or SIGTERM asks for a clean stop, the second ends the process
//! at once. SIGUSR1 asks for a kill: everything is cancelled over the kill line and the actor trips.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;

/// The exit status of a process that was told twice to stop.
pub const FORCED_EXIT_STATUS: i32 = 130;

/// What signals have asked for. Copies share their state.
#[derive(Clone, Debug)]
pub struct Signals {
    stop: Arc<AtomicBool>,
    user: Arc<AtomicBool>,
}

impl Signals {
    /// Installs the handlers. Once for each process: handlers add up.
    ///
    /// # Errors
    /// When the kernel refuses a handler.
    pub fn install() -> io::Result<Self> {
        let signals = Self::detached();
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag clear and only sets it, the second finds it set and exits.
            flag::register_conditional_shutdown(signal, FORCED_EXIT_STATUS, Arc::clone(&signals.stop))?;
            flag::register(signal, Arc::clone(&signals.stop))?;
        }
        flag::register(SIGUSR1, Arc::clone(&signals.user))?;
        Ok(signals)
    }

    /// Flags that no signal sets: for runs inside a test or a library.
    #[must_use]
    pub fn detached() -> Self {
        Self { stop: Arc::new(AtomicBool::new(false)), user: Arc::new(AtomicBool::new(false)) }
    }

    /// Whether a stop was asked for.
    #[must_use]
    pub fn stop_requested(&self) -> bool {
        // Relaxed: the flag carries no data with it.
        self.stop.load(Ordering::Relaxed)
    }

    /// Asks for a stop as a signal would.
    pub fn request_stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Whether SIGUSR1 came since this was last asked.
    #[must_use]
    pub fn take_user(&self) -> bool {
        self.user.swap(false, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_signal_sets_its_flag_and_leaves_the_process_alive() {
        let signals = Signals::install().unwrap();
        signal_hook::low_level::raise(SIGUSR1).unwrap();
        assert!(signals.take_user());
        assert!(!signals.take_user());
        assert!(!signals.stop_requested());
    }

    #[test]
    fn a_stop_is_seen_by_every_copy() {
        let signals = Signals::detached();
        let copy = signals.clone();
        signals.request_stop();
        assert!(copy.stop_requested());
    }
}
