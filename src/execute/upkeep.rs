//! What time brings, and how the stage ends: time-outs, orders nobody wants any more, stopping, tripping, the last
//! comparison. Owns how far the end has come.

use serde::{Deserialize, Serialize};

use super::ExecuteStage;
use super::report::{Agreement, NotCompared};
use crate::clock::{NEVER_NS, Now};
use crate::ports::{ExecuteEffect, ExecutePort};

/// How far the end has come.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Ending {
    stopping: bool,
    tripped: Option<String>,
    quiet_since_ns: Option<u64>,
    closing: bool,
    attempts: u32,
    agreement: Option<Agreement>,
}

impl Ending {
    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    pub fn tripped(&self) -> Option<&str> {
        self.tripped.as_deref()
    }

    pub fn agreement(&self) -> Option<&Agreement> {
        self.agreement.as_ref()
    }

    /// The last comparison was made.
    pub fn agree(&mut self, agreement: Agreement) {
        self.agreement = self.agreement.take().or(Some(agreement));
    }

    /// Whether the last comparison may be tried once more.
    pub fn may_try_again(&mut self, attempts_max: u32) -> bool {
        self.attempts += 1;
        self.attempts < attempts_max
    }
}

impl ExecuteStage {
    /// Takes no new risk any more and cancels what is open. When all is quiet the ledger is compared with the exchange
    /// once more; [`ExecuteStage::agreement`] then has the result.
    pub fn stop(&mut self, now: Now, port: &mut impl ExecutePort) {
        self.stop_now(now);
        self.advance_end(now);
        self.finish(now, port);
    }

    /// Something is wrong that a person has to look at: as [`ExecuteStage::stop`], with the reason kept. The first reason
    /// stays.
    pub fn trip(&mut self, reason: &str, now: Now, port: &mut impl ExecutePort) {
        self.trip_now(reason.to_owned(), now);
        self.finish(now, port);
    }

    pub(super) fn trip_now(&mut self, reason: String, now: Now) {
        if self.ending.tripped.is_none() {
            self.ending.tripped = Some(reason);
        }
        self.stop_now(now);
    }

    fn stop_now(&mut self, now: Now) {
        if !self.ending.stopping {
            self.ending.stopping = true;
            self.all_conditions_changed(now);
        }
        self.arm(now.mono_ns);
    }

    /// Time passed. Calls that come early or twice do nothing.
    pub fn on_timer(&mut self, now: Now, port: &mut impl ExecutePort) {
        if now.mono_ns < self.due_ns {
            return;
        }
        self.due_ns = NEVER_NS;
        while let Some(overdue) = self.requests.overdue(now.mono_ns) {
            port.tell(ExecuteEffect::Abandon(overdue));
            let request = self.requests.take(overdue).expect("listed as overdue just now");
            self.unanswered(&request, now, port);
        }
        if let Some(timeout_ns) = self.requests.next_timeout_ns() {
            self.arm(timeout_ns);
        }
        self.expire_orders(now);
        self.close_breakers(now);
        self.follow_fees(now);
        if self.cancels_due_ns != NEVER_NS {
            self.arm(self.cancels_due_ns);
        }
        self.advance_end(now);
        self.finish(now, port);
        if !self.dirty.is_empty() {
            self.arm(now.mono_ns.saturating_add(super::FULL_RETRY_NS));
        }
    }

    /// Cancels the orders of this run that were not wanted again in time.
    fn expire_orders(&mut self, now: Now) {
        for slot in 0..self.orders.slots() {
            let Some(at) = self.orders.at(slot) else { continue };
            let order = self.orders.get(at).expect("listed just now");
            if order.expires_ms == i64::MAX || order.want_cancel || !order.state.is_open() {
                continue;
            }
            if order.expires_ms <= now.session_ms {
                self.counters.expired += 1;
                self.withdraw(at, now);
            } else {
                let expires_ms = order.expires_ms;
                self.arm_session(expires_ms);
            }
        }
    }

    /// Tells `decide` about breakers that closed, and wakes for those that will.
    fn close_breakers(&mut self, now: Now) {
        for position in 0..self.directory.len() {
            let Some(market) = self.directory.at(position) else { continue };
            let key = market.key;
            match market.breaker.open_until_ms(now.session_ms) {
                Some(until_ms) => self.arm_session(until_ms),
                None if self.directory.get_mut(key).is_some_and(|market| market.breaker.close()) => {
                    self.mark_dirty(key);
                }
                None => (),
            }
        }
    }

    /// Moves the end on: quiet, then fills that are on their way, then the last comparison.
    fn advance_end(&mut self, now: Now) {
        if self.ending.closing || self.ending.agreement.is_some() || !self.is_quiet() {
            if self.ending.stopping && self.ending.agreement.is_none() {
                self.arm(now.mono_ns.saturating_add(self.config.retry_first_ns));
            }
            return;
        }
        if !self.readings.is_adopted() {
            return self.ending.agree(Agreement::without(NotCompared::NeverRead));
        }
        let since_ns = *self.ending.quiet_since_ns.get_or_insert(now.mono_ns);
        let patience_ns = since_ns.saturating_add(self.config.answer_timeout_ns);
        if self.order_differences().next().is_some() && now.mono_ns < patience_ns {
            return self.arm(now.mono_ns.saturating_add(self.config.retry_first_ns));
        }
        self.ending.closing = true;
        // Reads lag: one that is sent so much later shows the end.
        let lag_ms = u64::try_from(self.config.read_lag_ms).unwrap_or(0);
        self.readings.close(now.mono_ns.saturating_add(self.clock.duration_ns(lag_ms)));
    }
}
