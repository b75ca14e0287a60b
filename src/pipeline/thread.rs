//! The hot threads: starting, pinning, the loop, and what happens when one panics. Owns no stage: a thread runs a
//! [`HotLoop`], which is one stage with its ports.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::idle::{Idle, IdleKind};
use super::pin::pin_current;

/// What a turn of a loop found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Something was done: the next turn follows at once.
    Busy,
    /// There was nothing to do: the thread waits a little.
    Quiet,
    /// The loop has ended in good order.
    Done,
}

/// A stage with its ports, as a hot thread runs it.
pub trait HotLoop: Send + 'static {
    /// One look at every input. Never blocks. New sockets go under `idle`'s watch.
    fn turn(&mut self, idle: &Idle) -> Progress;
}

/// Says to every thread that one of them has failed. Copies share their state.
#[derive(Clone, Debug, Default)]
pub struct Alarm {
    raised: Arc<AtomicBool>,
}

impl Alarm {
    /// Whether a thread has failed. Each [`HotLoop`] asks in every turn and ends its work as its stage's rules say.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        // Relaxed: the flag carries no data with it; the reason comes with the thread's end.
        self.raised.load(Ordering::Relaxed)
    }

    /// Says that a thread has failed.
    pub fn raise(&self) {
        self.raised.store(true, Ordering::Relaxed);
    }
}

/// How a hot thread runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HotThreadConfig {
    /// The thread's name, for tools and messages.
    pub name: &'static str,
    /// The core it stays on; anywhere without one.
    pub core: Option<usize>,
    /// What it does when it has nothing to do.
    pub idle: IdleKind,
}

/// A running hot thread.
#[derive(Debug)]
pub struct HotThread<L> {
    name: &'static str,
    thread: JoinHandle<Result<L, String>>,
}

impl<L> HotThread<L> {
    /// Whether it has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for its end and gives back the loop with its counters.
    ///
    /// # Errors
    /// Why the thread failed: a panic's message, or that it could not be pinned.
    pub fn join(self) -> Result<L, String> {
        let ended = self.thread.join().unwrap_or_else(|payload| Err(panic_message(&*payload)));
        ended.map_err(|reason| format!("the {} thread failed: {reason}", self.name))
    }
}

/// Starts a hot thread. A panic in it raises the alarm and drops the loop, its ring ends and sockets included.
///
/// # Errors
/// When no thread can be started.
pub fn start_hot_thread<L: HotLoop>(config: HotThreadConfig, hot_loop: L, alarm: Alarm) -> io::Result<HotThread<L>> {
    let HotThreadConfig { name, core, idle } = config;
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        // The loop is moved in and dropped by the unwinding: nobody sees it half changed.
        let ended = catch_unwind(AssertUnwindSafe(move || run(core, idle, hot_loop)));
        let ended = ended.unwrap_or_else(|payload| Err(panic_message(&*payload)));
        if ended.is_err() {
            alarm.raise();
        }
        ended
    })?;
    Ok(HotThread { name, thread })
}

fn run<L: HotLoop>(core: Option<usize>, idle: IdleKind, mut hot_loop: L) -> Result<L, String> {
    if let Some(core) = core {
        pin_current(core).map_err(|error| error.to_string())?;
    }
    let mut idle = Idle::new(idle).map_err(|error| error.to_string())?;
    loop {
        match hot_loop.turn(&idle) {
            Progress::Busy => {}
            Progress::Quiet => idle.wait(),
            Progress::Done => return Ok(hot_loop),
        }
    }
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("no message"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::pin::available_cores;
    use crate::pipeline::ring::{Sender, ring};

    struct Count {
        left: u32,
        panics: bool,
        ring: Sender<u32>,
    }

    impl HotLoop for Count {
        fn turn(&mut self, _: &Idle) -> Progress {
            assert!(!self.panics || self.left != 1, "one left");
            if self.left == 0 {
                return Progress::Done;
            }
            self.left -= 1;
            match self.ring.push(self.left) {
                Ok(()) => Progress::Busy,
                Err(_) => Progress::Quiet,
            }
        }
    }

    fn config(core: Option<usize>) -> HotThreadConfig {
        HotThreadConfig { name: "count", core, idle: IdleKind::Yield }
    }

    #[test]
    fn a_loop_runs_on_its_core_until_it_is_done_and_comes_back_with_its_counters() {
        let (sender, mut receiver) = ring(2);
        let alarm = Alarm::default();
        let core = available_cores().first().copied();
        let count = Count { left: 5, panics: false, ring: sender };
        let count = start_hot_thread(config(core), count, alarm.clone()).unwrap().join().unwrap();
        assert_eq!((count.left, count.ring.refused(), alarm.is_raised()), (0, 3, false));
        assert_eq!((receiver.pop(), receiver.pop(), receiver.pop()), (Some(4), Some(3), None));
    }

    #[test]
    fn a_panic_raises_the_alarm_drops_the_ring_ends_and_keeps_its_message() {
        let (sender, receiver) = ring(8);
        let alarm = Alarm::default();
        let count = Count { left: 5, panics: true, ring: sender };
        let failed = start_hot_thread(config(None), count, alarm.clone()).unwrap().join();
        assert_eq!(failed.err().as_deref(), Some("the count thread failed: panic: one left"));
        assert!(alarm.is_raised() && receiver.is_abandoned());
    }

    #[test]
    fn a_thread_that_cannot_be_pinned_fails_with_the_reason() {
        let (sender, _receiver) = ring(1);
        let alarm = Alarm::default();
        let count = Count { left: 1, panics: false, ring: sender };
        let failed = start_hot_thread(config(Some(1_000)), count, alarm.clone()).unwrap().join();
        assert!(failed.err().unwrap().contains("core 1000") && alarm.is_raised());
    }
}
