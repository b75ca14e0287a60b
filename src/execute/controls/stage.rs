//! What the stage does with the controls: messages and executions are counted, and the stops that only a person lifts
//! trip.

use super::Placed;
use crate::clock::Now;
use crate::execute::ExecuteStage;
use crate::market::{MarketKey, Money};

impl ExecuteStage {
    /// So many creates, amends or cancelled orders were written.
    pub(in crate::execute) fn count_messages(&mut self, messages: usize, now: Now) {
        self.messages.sent(now.session_ms, u32::try_from(messages).unwrap_or(u32::MAX));
    }

    /// A create was written.
    pub(in crate::execute) fn remember_create(&mut self, key: MarketKey, placed: Placed, now: Now) {
        if let Some(market) = self.directory.get_mut(key) {
            market.recent.push(placed, now.session_ms);
        }
    }

    /// An order of this run was executed, that is, it had its first fill. A market in which that happens too often within the
    /// window stops everything: the policy may be trading with itself or against a loop of its own making, which no limit
    /// on positions sees.
    pub(in crate::execute) fn count_execution(&mut self, key: MarketKey, now: Now) {
        let limits = &self.config.limits;
        let (executions_max, window_ms) = (limits.executions_max, limits.executions_window_ms);
        let Some(market) = self.directory.get_mut(key) else { return };
        market.executions.add(now.session_ms, 1);
        let count = market.executions.count(now.session_ms);
        if executions_max == 0 || count <= executions_max || self.loss_stop.sticky().repeated {
            return;
        }
        let reason = format!(
            "repeated automated execution: {count} orders executed in {} within about {} s, the limit is {executions_max}",
            market.ticker,
            window_ms / 1_000
        );
        self.loss_stop.repeated();
        self.trip_now(reason, now);
    }

    /// Trips on a drawdown that has just reached its limit.
    pub(in crate::execute) fn watch_drawdown(&mut self, was_drawn_down: bool, now: Now) {
        let sticky = self.loss_stop.sticky();
        if !was_drawn_down && sticky.drawn_down {
            self.trip_now(
                format!(
                    "drawdown stop: {} below the best result of {}, the limit is {}",
                    sticky.drawdown(self.unrealized),
                    sticky.high_water,
                    self.config.limits.drawdown_max
                ),
                now,
            );
        }
    }

    /// The worst-case loss of the event of a market: its positions, and its open and unknown orders at their worst. None for
    /// a market that is not listed.
    #[must_use]
    pub fn event_loss(&self, key: MarketKey) -> Option<Money> {
        self.directory.get(key).map(|market| self.events.worst(market.seat))
    }
}
