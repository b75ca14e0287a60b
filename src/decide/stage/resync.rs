//! Requests snapshots of books that were found to be wrong.

use crate::clock::{NEVER_NS, Now};
use crate::messages::{DecideToFeed, ResyncReason, ResyncRequest};
use crate::ports::{DecideMessage, DecidePort};

use super::super::market::Resync;
use super::{DecideStage, State};

/// How soon a request is repeated if the ring was full.
pub(super) const RESYNC_RETRY_NS: u64 = 10_000_000;
/// How soon a request is repeated while no snapshot has come.
pub(super) const RESYNC_REPEAT_NS: u64 = 5_000_000_000;

impl State {
    /// Marks a market's book stale because it is wrong, and requests a snapshot.
    pub(super) fn give_up(&mut self, position: usize, reason: ResyncReason, now: Now, port: &mut impl DecidePort) {
        if let Some(market) = self.markets[position].as_mut() {
            market.distrust(now);
        }
        self.counters.book_errors += 1;
        self.request_resync(position, reason, now, port);
    }

    /// Asks `feed` for a snapshot of a market. The request is repeated until a snapshot comes or `feed` reports the
    /// market as stale.
    pub(super) fn request_resync(
        &mut self,
        position: usize,
        reason: ResyncReason,
        now: Now,
        port: &mut impl DecidePort,
    ) {
        let Some(market) = self.markets[position].as_mut() else {
            return;
        };
        let request = ResyncRequest { market: market.key, reason };
        let wait_ns = match port.push(DecideMessage::Feed(DecideToFeed::Resync(request))) {
            Ok(()) => {
                self.counters.resync_requests += 1;
                RESYNC_REPEAT_NS
            }
            Err(_) => RESYNC_RETRY_NS,
        };
        let due_ns = now.mono_ns.saturating_add(wait_ns);
        market.resync = Some(Resync { reason, due_ns });
        self.resync_deadline_ns = self.resync_deadline_ns.min(due_ns);
    }

    fn repeat_requests(&mut self, now: Now, port: &mut impl DecidePort) {
        self.resync_deadline_ns = NEVER_NS;
        for position in 0..self.markets.len() {
            let Some(resync) = self.markets[position].as_ref().and_then(|market| market.resync) else {
                continue;
            };
            if resync.due_ns <= now.mono_ns {
                self.request_resync(position, resync.reason, now, port);
            } else {
                self.resync_deadline_ns = self.resync_deadline_ns.min(resync.due_ns);
            }
        }
    }
}

impl<P> DecideStage<P> {
    /// When [`on_timer`](Self::on_timer) is next due, in monotonic nanoseconds.
    pub fn deadline_ns(&self) -> u64 {
        let State { undrained, crossed_deadline_ns, resync_deadline_ns, .. } = self.state;
        if undrained { resync_deadline_ns } else { resync_deadline_ns.min(crossed_deadline_ns) }
    }

    /// Gives up books that stayed crossed, and repeats the requests for snapshots that are due. Early calls are harmless.
    pub fn on_timer(&mut self, now: Now, port: &mut impl DecidePort) {
        if !self.state.undrained && now.mono_ns >= self.state.crossed_deadline_ns {
            self.state.end_crossings(now, port);
        }
        if now.mono_ns >= self.state.resync_deadline_ns {
            self.state.repeat_requests(now, port);
        }
    }
}
