//! The clocks of the live driver. Drivers read them and pass the time to the stages.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Monotonic nanoseconds since the clock was started (from the CPU's time-stamp counter where that is reliable), and
/// the wall clock. Clones of a clock agree with each other.
#[derive(Clone, Debug)]
pub struct Clock {
    counter: quanta::Clock,
    origin: u64,
}

impl Clock {
    /// Starts a clock at zero. The first one in a process takes some milliseconds to calibrate.
    #[must_use]
    pub fn start() -> Self {
        let counter = quanta::Clock::new();
        let origin = counter.raw();
        Self { counter, origin }
    }

    /// Nanoseconds since the start. Reading takes about 10 ns.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.counter.delta_as_nanos(self.origin, self.counter.raw())
    }

    /// The instant at which this clock read zero, for timers that use the system's monotonic clock.
    #[must_use]
    pub fn origin(&self) -> Instant {
        let now = Instant::now();
        now.checked_sub(Duration::from_nanos(self.now_ns())).unwrap_or(now)
    }

    /// Milliseconds since the Unix epoch by the machine's clock, which may jump.
    #[must_use]
    pub fn wall_ms(&self) -> i64 {
        wall_ms()
    }
}

/// Milliseconds since the Unix epoch by the machine's clock; 0 if the clock is set before 1970.
#[must_use]
pub fn wall_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_agree_and_time_never_runs_backwards() {
        let clock = Clock::start();
        let copy = clock.clone();
        let mut last_ns = clock.now_ns();
        for _ in 0..1_000 {
            let now_ns = copy.now_ns();
            assert!(now_ns >= last_ns);
            last_ns = clock.now_ns();
        }
    }

    #[test]
    fn the_clock_counts_nanoseconds() {
        let clock = Clock::start();
        let begin_ns = clock.now_ns();
        std::thread::sleep(Duration::from_millis(20));
        let elapsed_ns = clock.now_ns() - begin_ns;
        assert!((19_000_000..5_000_000_000).contains(&elapsed_ns), "20 ms read as {elapsed_ns} ns");
    }

    #[test]
    fn its_origin_is_when_it_read_zero() {
        let before = Instant::now();
        let clock = Clock::start();
        let after = Instant::now();
        std::thread::sleep(Duration::from_millis(5));
        let slack = Duration::from_millis(1);
        assert!((before..after + 2 * slack).contains(&(clock.origin() + slack)));
    }

    #[test]
    fn the_wall_clock_is_in_this_century() {
        assert!((1_600_000_000_000..4_102_444_800_000).contains(&Clock::start().wall_ms()));
    }
}
