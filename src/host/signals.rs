//! Signals as flags, and which signal ends a session how. This module owns the handlers and the dispositions of the
//! process; `docs/signals.md` lists every signal for users.
//!
//! A first signal asks for a clean stop. A second SIGINT, SIGTERM or SIGQUIT asks for haste: the session cancels over
//! the kill line and ends. A third ends the process at once, and so does a second while no order can be resting.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use libc::c_int;
use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGHUP, SIGINT, SIGPIPE, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2,
    SIGVTALRM, SIGXCPU, SIGXFSZ,
};
use signal_hook::{flag, low_level};

/// The exit status of a process that was told to stop more than once.
pub const FORCED_EXIT_STATUS: u8 = 130;

/// Signals that a person sends to stop a session. A second one asks for haste.
const URGENT: [c_int; 3] = [SIGINT, SIGTERM, SIGQUIT];
/// Signals that systems send: for a closed terminal (from both the shell and the kernel, so it may come twice), a
/// time-out, a limit on processor time, a watchdog. They always ask for a clean stop, however often they come.
const STOPPING: [c_int; 4] = [SIGHUP, SIGALRM, SIGXCPU, SIGABRT];
/// Signals that would end or freeze the process and are ignored. A write beyond a file-size limit or into a closed pipe
/// fails with an error instead, and a frozen trader could not cancel its orders.
const IGNORED: [c_int; 8] = [SIGUSR2, SIGPIPE, SIGXFSZ, SIGPROF, SIGVTALRM, SIGTSTP, SIGTTIN, SIGTTOU];
/// On Linux, the signal of a failing power supply also stops.
#[cfg(target_os = "linux")]
const STOPPING_HERE: [c_int; 1] = [libc::SIGPWR];
#[cfg(not(target_os = "linux"))]
const STOPPING_HERE: [c_int; 0] = [];

/// On Linux, further signals without a meaning of their own, which would end the process.
#[cfg(target_os = "linux")]
fn ignored_here() -> impl Iterator<Item = c_int> {
    [libc::SIGIO, libc::SIGSTKFLT].into_iter().chain(libc::SIGRTMIN()..=libc::SIGRTMAX())
}
#[cfg(not(target_os = "linux"))]
fn ignored_here() -> impl Iterator<Item = c_int> {
    std::iter::empty()
}

/// What signals have asked for. Clones share their state.
#[derive(Clone, Debug)]
pub struct Signals {
    flags: Arc<Flags>,
    user: Arc<AtomicBool>,
}

// Relaxed ordering throughout: no other data depends on the flags.
#[derive(Debug, Default)]
struct Flags {
    stop: AtomicBool,
    hurry: AtomicBool,
    /// Whether a session is watching for haste, so that a second signal must not end the process.
    guarded: AtomicBool,
}

impl Flags {
    /// Records an urgent signal. Returns whether the process is to end at once.
    fn urgent(&self) -> bool {
        let again = self.stop.swap(true, Ordering::Relaxed);
        again && (!self.guarded.load(Ordering::Relaxed) || self.hurry.swap(true, Ordering::Relaxed))
    }
}

/// While this value lives, a second signal asks for haste instead of ending the process.
#[derive(Debug)]
pub struct Guard {
    flags: Arc<Flags>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.flags.guarded.store(false, Ordering::Relaxed);
    }
}

impl Signals {
    /// Installs the handlers. Call it once in a process, since handlers accumulate.
    ///
    /// # Errors
    /// When the kernel refuses a handler.
    pub fn install() -> io::Result<Self> {
        let signals = Self::detached();
        for signal in IGNORED.into_iter().chain(ignored_here()) {
            ignore(signal)?;
        }
        for signal in URGENT {
            let flags = Arc::clone(&signals.flags);
            // SAFETY: the action loads and stores atomics and may call `_exit`, all of which a signal handler may do.
            let registered = unsafe {
                low_level::register(signal, move || {
                    if flags.urgent() {
                        low_level::exit(i32::from(FORCED_EXIT_STATUS));
                    }
                })
            };
            registered?;
        }
        for signal in STOPPING.into_iter().chain(STOPPING_HERE) {
            // A program started under `nohup` should outlive its terminal.
            if signal == SIGHUP && ignore(signal)? {
                continue;
            }
            let flags = Arc::clone(&signals.flags);
            // SAFETY: the action stores an atomic, which a signal handler may do.
            unsafe { low_level::register(signal, move || flags.stop.store(true, Ordering::Relaxed)) }?;
        }
        flag::register(SIGUSR1, Arc::clone(&signals.user))?;
        Ok(signals)
    }

    /// Creates flags that no signal sets, for sessions inside a test or another program.
    #[must_use]
    pub fn detached() -> Self {
        Self { flags: Arc::new(Flags::default()), user: Arc::new(AtomicBool::new(false)) }
    }

    /// Whether a stop has been requested.
    #[must_use]
    pub fn stop_requested(&self) -> bool {
        self.flags.stop.load(Ordering::Relaxed)
    }

    /// Requests a stop, as a signal would.
    pub fn request_stop(&self) {
        self.flags.stop.store(true, Ordering::Relaxed);
    }

    /// Whether a stop has been requested a second time: open orders are to be cancelled in the quickest way.
    #[must_use]
    pub fn haste_requested(&self) -> bool {
        self.flags.hurry.load(Ordering::Relaxed)
    }

    /// Declares that the caller watches [`Signals::haste_requested`] until it drops the guard.
    #[must_use]
    pub fn guard(&self) -> Guard {
        self.flags.guarded.store(true, Ordering::Relaxed);
        Guard { flags: Arc::clone(&self.flags) }
    }

    /// Whether SIGUSR1 has come since the last call.
    #[must_use]
    pub fn take_user(&self) -> bool {
        self.user.swap(false, Ordering::Relaxed)
    }
}

/// Ignores a signal. Returns whether it was ignored before.
fn ignore(signal: c_int) -> io::Result<bool> {
    // SAFETY: no handler is installed, so none of our code runs when the signal comes.
    let before = unsafe { libc::signal(signal, libc::SIG_IGN) };
    if before == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(before == libc::SIG_IGN) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Handlers belong to the whole process, so there is only one test of them here. `tests/sockets/endings.rs` sends
    /// signals to the program itself.
    #[test]
    fn the_user_signal_sets_its_flag_and_ignored_ones_leave_the_process_alive() {
        // Tests run under `nohup` inherit an ignored SIGHUP, which `install` would respect.
        // SAFETY: no handler is installed, so none of our code runs when the signal comes.
        unsafe { libc::signal(SIGHUP, libc::SIG_DFL) };
        let signals = Signals::install().unwrap();
        for signal in IGNORED.into_iter().chain(ignored_here()) {
            low_level::raise(signal).unwrap();
        }
        assert!(!signals.stop_requested() && !signals.take_user());
        low_level::raise(SIGUSR1).unwrap();
        assert!(signals.take_user());
        assert!(!signals.take_user());
        for signal in STOPPING.into_iter().chain(STOPPING_HERE) {
            signals.flags.stop.store(false, Ordering::Relaxed);
            low_level::raise(signal).unwrap();
            low_level::raise(signal).unwrap();
            assert!(signals.stop_requested() && !signals.haste_requested(), "signal {signal}");
        }
    }

    #[test]
    fn a_second_urgent_signal_asks_for_haste_where_somebody_cancels_and_ends_the_process_elsewhere() {
        let signals = Signals::detached();
        let guard = signals.guard();
        assert!(!signals.flags.urgent() && signals.stop_requested() && !signals.haste_requested());
        assert!(!signals.flags.urgent() && signals.haste_requested());
        assert!(signals.flags.urgent(), "the third ends the process");
        drop(guard);
        let signals = Signals::detached();
        assert!(!signals.flags.urgent());
        assert!(signals.flags.urgent());
    }

    #[test]
    fn a_stop_is_seen_by_every_copy() {
        let signals = Signals::detached();
        let copy = signals.clone();
        signals.request_stop();
        assert!(copy.stop_requested());
    }
}
