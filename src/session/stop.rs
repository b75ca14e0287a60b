//! Divides the time limit of a stop between the execute stage and the kill line.

use std::time::{Duration, Instant};

use super::{Shown, TURN, kill};
use crate::drivers::live::Live;
use crate::host::signals::Signals;
use crate::kill::line::KillLine;

/// A stop in progress. `orders.stop_timeout_ms` bounds all of it: the execute stage gets most of that time, and the
/// kill line the rest, should it be needed.
pub(super) struct Stop {
    began: Instant,
    timeout: Duration,
}

/// The most that is reserved for the kill line, in case the execute stage does not finish; never more than a quarter of
/// the limit.
const KILL_TIME: Duration = Duration::from_secs(10);

impl Stop {
    pub(super) fn begin(timeout: Duration) -> Self {
        Self { began: Instant::now(), timeout }
    }

    pub(super) fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.began.elapsed())
    }

    /// Waits for the execute stage, and shows once a second what it is waiting for.
    pub(super) fn wait(
        &self,
        live: &mut Live,
        kill_line: &mut KillLine,
        signals: &Signals,
        show: &mut impl FnMut(&Shown),
    ) {
        let for_kill = KILL_TIME.min(self.timeout / 4);
        let mut shown = 0;
        while !live.is_done() && live.can_cancel() && !signals.haste_requested() && self.left() > for_kill {
            if signals.take_user() {
                kill(live, kill_line);
            }
            std::thread::sleep(TURN);
            let elapsed_s = self.began.elapsed().as_secs();
            if elapsed_s > shown {
                shown = elapsed_s;
                if let Some(waiting) = live.progress().waiting {
                    show(&Shown::Stopping { waiting, elapsed_s, left: self.left() });
                }
            }
        }
    }
}
