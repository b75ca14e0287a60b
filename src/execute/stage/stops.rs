//! What the stage tells the stops, and what follows when they are hit.

use super::ExecuteStage;
use crate::clock::Now;
use crate::market::{MarketKey, Money};
use crate::ports::{ExecuteEffect, ExecutePort};

impl ExecuteStage {
    /// So many creates, amends or cancelled orders were written.
    pub(super) fn count_messages(&mut self, messages: usize, now: Now) {
        self.stops.messages.sent(now.session_ms, u32::try_from(messages).unwrap_or(u32::MAX));
    }

    /// An order of this run had its first fill.
    pub(super) fn count_execution(&mut self, key: MarketKey, now: Now) {
        let Some(market) = self.markets.get_mut(key) else { return };
        if let Some(reason) = self.stops.executed(&mut market.stops, market.ticker, now.session_ms) {
            self.trip_now(reason, now);
        }
    }

    /// Updates the stops on losses and trips on them.
    pub(super) fn watch_loss(&mut self, now: Now, port: &mut impl ExecutePort) {
        let was_drawn_down = self.stops.loss.sticky().drawn_down;
        let was_stopped = self.stops.loss.is_stopped(now.session_ms);
        let held = self.stops.loss.ends_ms().is_some();
        let (result, unrealized) = (self.account.result(), self.account.unrealized());
        if let Some(state) = self.stops.loss.update(now.session_ms, result, unrealized) {
            port.tell(ExecuteEffect::Day(&state));
        }
        if !was_stopped && self.stops.loss.is_stopped(now.session_ms) {
            self.trip_now(self.stops.loss_reason(unrealized), now);
        }
        if !was_drawn_down && self.stops.loss.sticky().drawn_down {
            self.trip_now(self.stops.drawdown_reason(unrealized), now);
        }
        match self.stops.loss.ends_ms() {
            Some(ends_ms) => self.alarm.at_session_ms(ends_ms),
            // Its day is over: what was blocked is not any more.
            None if held => self.all_conditions_changed(now),
            None => (),
        }
    }

    /// Something that concerns many markets changed.
    pub(super) fn all_conditions_changed(&mut self, now: Now) {
        for slot in 0..self.orders.table.slots() {
            let order = self.orders.table.at(slot).and_then(|at| self.orders.table.get(at));
            if let Some(key) = order.map(|order| order.market) {
                self.withdraw_if_degraded(key, now);
            }
        }
        self.markets.mark_all_dirty();
    }

    /// Withdraws the market's orders of ours when it may take no new risk, and orders of earlier runs always.
    pub(super) fn withdraw_if_degraded(&mut self, key: MarketKey, now: Now) {
        let Some(market) = self.markets.get(key) else { return };
        let degraded = self.is_degraded(key)
            || self.stops.ending.is_stopping()
            || self.stops.loss.is_stopped(now.session_ms)
            || market.phase != crate::messages::Phase::Open
            || !market.fresh
            || market.stops.breaker.is_open(now.session_ms);
        self.orders.withdraw_market(key, degraded, now, &mut self.alarm);
    }

    /// Whether the account, the market's shard or its group is in such doubt that the market takes no order at all.
    pub(super) fn is_degraded(&self, key: MarketKey) -> bool {
        self.outage(key).is_some()
    }

    /// The worst-case loss of the event of a listed market: its positions, and its open and unknown orders at their worst.
    #[must_use]
    pub fn event_loss(&self, key: MarketKey) -> Option<Money> {
        self.markets.get(key).map(|market| self.stops.events.worst(market.stops.seat))
    }
}
