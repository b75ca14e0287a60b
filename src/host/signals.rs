//! Signals as flags, and which of them end a session how. Owns the handlers and the dispositions of the process;
//! `docs/signals.md` lists every signal for the person who sends it.
//!
//! A first signal asks for a clean stop. A second SIGINT, SIGTERM or SIGQUIT asks for haste: the session cancels over the
//! kill line and ends. A third ends the process at once, and so does a second while nothing could be resting.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use libc::c_int;
use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGHUP, SIGINT, SIGPIPE, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2,
    SIGVTALRM, SIGXCPU, SIGXFSZ,
};
use signal_hook::{flag, low_level};

/// The exit status of a process that was told more than once to stop.
pub const FORCED_EXIT_STATUS: u8 = 130;

/// What a person sends to stop a session. Sent again, they mean haste.
const URGENT: [c_int; 3] = [SIGINT, SIGTERM, SIGQUIT];
/// What systems send: a closed terminal (from the shell and from the kernel, so that it may come twice), a time-out, a limit
/// on processor time, a watchdog. However often they come, they ask for a clean stop.
const STOPPING: [c_int; 4] = [SIGHUP, SIGALRM, SIGXCPU, SIGABRT];
/// What would end or freeze the process and has no business to. A write beyond a file-size limit or into a closed pipe is an
/// error of that write; a frozen trader could cancel nothing.
const IGNORED: [c_int; 8] = [SIGUSR2, SIGPIPE, SIGXFSZ, SIGPROF, SIGVTALRM, SIGTSTP, SIGTTIN, SIGTTOU];
/// Of Linux: what a failing power supply sends stops.
#[cfg(target_os = "linux")]
const STOPPING_HERE: [c_int; 1] = [libc::SIGPWR];
#[cfg(not(target_os = "linux"))]
const STOPPING_HERE: [c_int; 0] = [];

/// Of Linux: signals without a meaning of their own, which end a process all the same.
#[cfg(target_os = "linux")]
fn ignored_here() -> impl Iterator<Item = c_int> {
    [libc::SIGIO, libc::SIGSTKFLT].into_iter().chain(libc::SIGRTMIN()..=libc::SIGRTMAX())
}
#[cfg(not(target_os = "linux"))]
fn ignored_here() -> impl Iterator<Item = c_int> {
    std::iter::empty()
}

/// What signals have asked for. Copies share their state.
#[derive(Clone, Debug)]
pub struct Signals {
    flags: Arc<Flags>,
    user: Arc<AtomicBool>,
}

// Relaxed throughout: the flags carry no data with them.
#[derive(Debug, Default)]
struct Flags {
    stop: AtomicBool,
    hurry: AtomicBool,
    /// Whether somebody cancels orders when haste is asked for.
    guarded: AtomicBool,
}

impl Flags {
    /// An urgent signal came. Returns whether the process is to end at once.
    fn urgent(&self) -> bool {
        let again = self.stop.swap(true, Ordering::Relaxed);
        again && (!self.guarded.load(Ordering::Relaxed) || self.hurry.swap(true, Ordering::Relaxed))
    }
}

/// As long as this lives, a second signal asks for haste instead of ending the process.
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
    /// Installs the handlers. Once for each process: handlers add up.
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
            // Who starts a program under `nohup` wants it to outlive the terminal.
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

    /// Flags that no signal sets: for runs inside a test or a library.
    #[must_use]
    pub fn detached() -> Self {
        Self { flags: Arc::new(Flags::default()), user: Arc::new(AtomicBool::new(false)) }
    }

    /// Whether a stop was asked for.
    #[must_use]
    pub fn stop_requested(&self) -> bool {
        self.flags.stop.load(Ordering::Relaxed)
    }

    /// Asks for a stop as a signal would.
    pub fn request_stop(&self) {
        self.flags.stop.store(true, Ordering::Relaxed);
    }

    /// Whether a stop was asked for again: what is open is to be cancelled by the shortest way.
    #[must_use]
    pub fn haste_requested(&self) -> bool {
        self.flags.hurry.load(Ordering::Relaxed)
    }

    /// Asks for haste as a second signal would.
    pub fn request_haste(&self) {
        self.request_stop();
        self.flags.hurry.store(true, Ordering::Relaxed);
    }

    /// Says that the caller looks at [`Signals::haste_requested`] until it drops what is returned.
    #[must_use]
    pub fn guard(&self) -> Guard {
        self.flags.guarded.store(true, Ordering::Relaxed);
        Guard { flags: Arc::clone(&self.flags) }
    }

    /// Whether SIGUSR1 came since this was last asked.
    #[must_use]
    pub fn take_user(&self) -> bool {
        self.user.swap(false, Ordering::Relaxed)
    }
}

/// Ignores a signal. Returns whether it was ignored before.
fn ignore(signal: c_int) -> io::Result<bool> {
    // SAFETY: no handler is installed, so nothing of ours runs when the signal comes.
    let before = unsafe { libc::signal(signal, libc::SIG_IGN) };
    if before == libc::SIG_ERR { Err(io::Error::last_os_error()) } else { Ok(before == libc::SIG_IGN) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The handlers belong to the process, so there is one test of them here; `tests/sockets/signals.rs` sends every signal to a
    /// process of its own.
    #[test]
    fn the_user_signal_sets_its_flag_and_ignored_ones_leave_the_process_alive() {
        // Tests that run under `nohup` inherit that SIGHUP is ignored, which `install` would respect.
        // SAFETY: no handler is installed, so nothing of ours runs when the signal comes.
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
