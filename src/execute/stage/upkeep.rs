//! What time brings, and how the stage ends: time-outs, orders that are not wanted any more, stopping, tripping, the last
//! comparison.

use super::{ExecuteStage, FULL_RETRY_NS};
use crate::clock::Now;
use crate::execute::readings::agreement::{Agreement, NotCompared};
use crate::ports::{ExecuteEffect, ExecutePort};

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
        self.stops.ending.trip(reason);
        self.stop_now(now);
    }

    fn stop_now(&mut self, now: Now) {
        if self.stops.ending.stop() {
            self.all_conditions_changed(now);
        }
        self.alarm.at_ns(now.mono_ns);
    }

    /// Time passed. Calls that come early or twice do nothing.
    pub fn on_timer(&mut self, now: Now, port: &mut impl ExecutePort) {
        if now.mono_ns < self.alarm.due_ns() {
            return;
        }
        self.alarm.clear();
        while let Some(overdue) = self.orders.requests.overdue(now.mono_ns) {
            port.tell(ExecuteEffect::Abandon(overdue));
            let request = self.orders.requests.take(overdue).expect("listed as overdue just now");
            self.unanswered(&request, now, port);
        }
        if let Some(timeout_ns) = self.orders.requests.next_timeout_ns() {
            self.alarm.at_ns(timeout_ns);
        }
        self.orders.expire(now, &mut self.counters, &mut self.alarm);
        self.close_breakers(now);
        self.follow_fees(now);
        self.alarm.at_ns(self.orders.cancels_due_ns());
        self.advance_end(now);
        self.finish(now, port);
        if self.markets.has_dirty() {
            self.alarm.at_ns(now.mono_ns.saturating_add(FULL_RETRY_NS));
        }
    }

    /// Tells `decide` about breakers that closed, and wakes for those that will.
    fn close_breakers(&mut self, now: Now) {
        for position in 0..self.markets.len() {
            let Some(market) = self.markets.at(position) else { continue };
            let key = market.key;
            match market.stops.breaker.open_until_ms(now.session_ms) {
                Some(until_ms) => self.alarm.at_session_ms(until_ms),
                None if self.markets.get_mut(key).is_some_and(|market| market.stops.breaker.close()) => {
                    self.markets.mark_dirty(key);
                }
                None => (),
            }
        }
    }

    /// Moves the end on: quiet, then fills that are on their way, then the last comparison.
    fn advance_end(&mut self, now: Now) {
        if self.stops.ending.is_closing() || !self.is_quiet() {
            if self.stops.ending.is_stopping() && self.stops.ending.agreement().is_none() {
                self.alarm.at_ns(now.mono_ns.saturating_add(self.config.retry_first_ns));
            }
            return;
        }
        if !self.readings.is_adopted() {
            return self.stops.ending.agree(Agreement::without(NotCompared::NeverRead));
        }
        let since_ns = self.stops.ending.quiet_since_ns(now.mono_ns);
        let patience_ns = since_ns.saturating_add(self.config.answer_timeout_ns);
        if self.orders.unfinished().next().is_some() && now.mono_ns < patience_ns {
            return self.alarm.at_ns(now.mono_ns.saturating_add(self.config.retry_first_ns));
        }
        self.stops.ending.close();
        // Reads lag: one that is sent so much later shows the end.
        let lag_ms = u64::try_from(self.config.read_lag_ms).unwrap_or(0);
        self.readings.close(now.mono_ns.saturating_add(self.alarm.clock().duration_ns(lag_ms)));
    }
}
