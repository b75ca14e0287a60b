//! What stops orders: the rules of the risk gate, the controls that remember something, the stops on losses, breakers,
//! refused credentials, pauses, and the end of the session. It keeps neither orders nor the ledger: the stage reports what was
//! sent, executed, lost and refused, and asks. Memory is fixed once the markets are listed, and no cost grows with their
//! number beyond its logarithm.
//!
//! * `risk` answers one question about one order with the first rule that refuses it.
//! * `event_loss`, `messages`, `duplicates`, `window` and `sticky` are the controls that remember; `loss` has the stops on
//!   the day's loss and on drawdown, `breaker` that of a market after rejects, `refusals` the one of refused credentials.
//! * `block` says why a market, or all of them, take no new risk; `ending` how far the end has come.

pub(super) mod block;
pub(super) mod breaker;
mod duplicates;
mod ending;
mod event_loss;
mod loss;
mod messages;
mod refusals;
pub(super) mod risk;
mod sticky;
#[cfg(test)]
mod tests;
mod window;

use serde::{Deserialize, Serialize};

pub use duplicates::{Placed, RecentOrders};
pub use event_loss::{EventLosses, OutcomeLosses, Seat};
pub use messages::MessageRate;
pub use window::Window;

use super::config::{ExecuteConfig, RiskLimits};
use crate::market::{Money, Ticker};
use crate::messages::DayState;
use block::Block;
use breaker::Breaker;
use ending::Ending;
use loss::LossStop;
use refusals::Refusals;

/// What stops or slows one market.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MarketStops {
    /// Whether the configuration forbids orders there.
    pub restricted: bool,
    /// Its place in its event.
    pub seat: Seat,
    /// The orders that were placed there last.
    pub recent: RecentOrders,
    pub breaker: Breaker,
    /// Orders of this run executed there.
    executions: Window<13>,
}

impl MarketStops {
    pub fn new(seat: Seat, restricted: bool, executions_window_ms: i64) -> Self {
        Self {
            restricted,
            seat,
            recent: RecentOrders::default(),
            breaker: Breaker::default(),
            executions: Window::new(executions_window_ms),
        }
    }
}

/// What stops or slows the account.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stops {
    limits: RiskLimits,
    pub loss: LossStop,
    pub events: EventLosses,
    pub messages: MessageRate,
    pub refusals: Refusals,
    pub ending: Ending,
    /// Shards that take no orders now.
    #[serde(with = "crate::checkpoint::array")]
    paused: [bool; 256],
}

impl Stops {
    /// Continues from what the last run left of the day.
    pub fn new(config: &ExecuteConfig, day: DayState) -> Self {
        let limits = config.limits;
        Self {
            limits,
            loss: LossStop::new(limits.daily_loss_max, limits.drawdown_max, day),
            events: EventLosses::default(),
            messages: MessageRate::new(limits.messages_per_second_max, limits.messages_per_minute_max),
            refusals: Refusals::default(),
            ending: Ending::default(),
            paused: [false; 256],
        }
    }

    /// The exchange says whether a shard takes orders. Returns whether that is news.
    pub fn set_trading(&mut self, exchange_index: u8, active: bool) -> bool {
        let paused = &mut self.paused[usize::from(exchange_index)];
        std::mem::replace(paused, !active) == active
    }

    /// What keeps every market from taking new risk.
    pub fn block(&self, session_ms: i64) -> Option<Block> {
        let sticky = self.loss.sticky();
        if sticky.drawn_down {
            Some(Block::Drawdown)
        } else if sticky.repeated {
            Some(Block::Repeated)
        } else if self.loss.is_stopped(session_ms) {
            self.loss.ends_ms().map(|until_ms| Block::DailyLoss { until_ms })
        } else {
            None
        }
    }

    /// What keeps a shard from taking orders at all.
    pub fn pause(&self, exchange_index: u8) -> Option<Block> {
        self.paused[usize::from(exchange_index)].then_some(Block::ShardPaused { exchange_index })
    }

    /// An order of this run was executed in a market, that is, it had its first fill. Returns why the session has to trip
    /// when that happened too often within the window: the policy may be trading with itself or against a loop of its own
    /// making, which no limit on positions sees.
    pub fn executed(&mut self, market: &mut MarketStops, ticker: Ticker, session_ms: i64) -> Option<String> {
        let (executions_max, window_ms) = (self.limits.executions_max, self.limits.executions_window_ms);
        market.executions.add(session_ms, 1);
        let count = market.executions.count(session_ms);
        if executions_max == 0 || count <= executions_max || self.loss.sticky().repeated {
            return None;
        }
        self.loss.repeated();
        Some(format!(
            "repeated automated execution: {count} orders executed in {ticker} within about {} s, the limit is \
             {executions_max}",
            window_ms / 1_000
        ))
    }

    /// Why the session trips when the daily loss stop was hit.
    pub fn loss_reason(&self, unrealized: Money) -> String {
        format!(
            "daily loss stop: {} realised today and {unrealized} marked, the limit is a loss of {}",
            self.loss.state().realized,
            self.limits.daily_loss_max
        )
    }

    /// Why the session trips when the drawdown has reached its limit.
    pub fn drawdown_reason(&self, unrealized: Money) -> String {
        let sticky = self.loss.sticky();
        format!(
            "drawdown stop: {} below the best result of {}, the limit is {}",
            sticky.drawdown(unrealized),
            sticky.high_water,
            self.limits.drawdown_max
        )
    }
}
