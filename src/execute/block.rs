//! Why a market takes no new risk, and why a session as a whole does not: one place, which `decide`'s view of a market, the
//! live line and the report all follow. Owns no state. What a single order is refused for is the gate's business.

use super::ExecuteStage;
use super::groups::GroupBlock;
use super::orders::OrderState;
use crate::clock::Now;
use crate::market::MarketKey;
use crate::messages::Phase;

/// What keeps a market from taking new risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Block {
    /// The session stops or has tripped.
    Stopping,
    /// The private stream does not deliver.
    StreamDown,
    /// The account was not read completely yet.
    AccountUnread,
    /// After a gap of the private stream the account was not read again yet.
    GapUnread,
    /// The loss of the day, until its end in session milliseconds.
    DailyLoss {
        /// When the day ends.
        until_ms: i64,
    },
    /// The drawdown, until `resume`.
    Drawdown,
    /// Repeated execution, until `resume`.
    Repeated,
    /// No market is listed to be traded.
    NoMarket,
    /// The market is watched only.
    NotTraded,
    /// A shard takes no orders, by the exchange's status.
    ShardPaused {
        /// The shard.
        exchange_index: u8,
    },
    /// The order group of a shard.
    Group {
        /// The shard.
        exchange_index: u8,
        /// What is the matter with it.
        block: GroupBlock,
    },
    /// The configuration forbids orders there.
    Restricted,
    /// Not open yet.
    NotOpen,
    /// Paused by the exchange.
    Paused,
    /// Past its close.
    Closed,
    /// Too near its close.
    Closing,
    /// Its book cannot be trusted.
    Stale,
    /// After rejects in a row, or a refusal that holds for every order, until a session time in milliseconds.
    Breaker {
        /// When it is tried again.
        until_ms: i64,
    },
    /// What became of an order there is not known.
    Uncertain,
    /// Something of ours there could not be read.
    Unread,
}

impl Block {
    /// In words.
    #[must_use]
    pub fn what(self) -> String {
        let text = match self {
            Self::Stopping => "the session stops",
            Self::StreamDown => "the private stream does not deliver",
            Self::AccountUnread => "the account has not been read yet",
            Self::GapUnread => "the account has not been read again since the private stream was interrupted",
            Self::DailyLoss { .. } => "the daily loss stop was hit",
            Self::Drawdown => "the drawdown stop holds",
            Self::Repeated => "the stop on repeated execution holds",
            Self::NoMarket => "no market to trade is listed",
            Self::NotTraded => "the market is only watched",
            Self::ShardPaused { exchange_index } => {
                return format!("the exchange takes no orders on shard {exchange_index}");
            }
            Self::Group { exchange_index, block } => {
                let state = match block {
                    GroupBlock::Unread => "has not been read yet",
                    GroupBlock::Missing => "has not been made yet",
                    GroupBlock::Triggered { .. } => "is triggered",
                };
                return format!("the order group of shard {exchange_index} {state}");
            }
            Self::Restricted => "the markets are restricted",
            Self::NotOpen => "the markets are not open yet",
            Self::Paused => "the markets are paused",
            Self::Closed => "the markets are closed",
            Self::Closing => "the markets are about to close",
            Self::Stale => "there is no book that can be trusted",
            Self::Breaker { .. } => "the exchange refused orders",
            Self::Uncertain => "what became of an order is not known",
            Self::Unread => "an order of ours, a fill or the position could not be read",
        };
        text.to_owned()
    }

    /// What ends it.
    #[must_use]
    pub fn until(self) -> &'static str {
        match self {
            Self::Stopping => "nothing ends it",
            Self::StreamDown => "it is opened again until it does",
            Self::AccountUnread | Self::GapUnread => "it is read until that succeeds",
            Self::DailyLoss { .. } => "ends with the UTC day (risk.daily_loss_stop)",
            Self::Drawdown => "until `kalshi-actor resume` (risk.max_drawdown)",
            Self::Repeated => "until `kalshi-actor resume` (risk.max_executions)",
            Self::NoMarket => "looked for again every orders.compare_every_ms",
            Self::NotTraded => "until it is asked for",
            Self::ShardPaused { .. } => "until its status says otherwise, read every orders.compare_every_ms",
            Self::Group { block: GroupBlock::Unread, .. } => "it is read with the account",
            Self::Group { block: GroupBlock::Missing, .. } => "tried until the exchange makes it",
            Self::Group { block: GroupBlock::Triggered { reset_ms: Some(_) }, .. } => {
                "reset after orders.group_reset_ms"
            }
            Self::Group { block: GroupBlock::Triggered { reset_ms: None }, .. } => {
                "nothing resets it: orders.group_reset_ms is 0"
            }
            Self::Restricted => "until risk.restricted is changed",
            Self::NotOpen | Self::Paused => "until the exchange opens them, asked every orders.compare_every_ms",
            Self::Closed => "until the next ones open, where a series is followed",
            Self::Closing => "no order that opens within risk.stop_before_close_ms of the close",
            Self::Stale => "snapshots are asked for until they come",
            Self::Breaker { .. } => "tried again after a pause, at most risk.breaker_ms",
            Self::Uncertain => "the exchange is asked until it tells",
            Self::Unread => "until a reading without that agrees",
        }
    }

    /// When it ends by itself, in session milliseconds, where that is known.
    #[must_use]
    pub fn ends_ms(self) -> Option<i64> {
        match self {
            Self::DailyLoss { until_ms } | Self::Breaker { until_ms } => Some(until_ms),
            Self::Group { block: GroupBlock::Triggered { reset_ms }, .. } => reset_ms,
            _ => None,
        }
    }
}

/// Why no market at all takes new risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standstill {
    /// What most of the markets are kept from it by.
    pub block: Block,
    /// How many these are.
    pub markets: usize,
    /// How many markets are traded.
    pub traded: usize,
    /// How long it lasts from now on, in milliseconds of session time, where that is known.
    pub left_ms: Option<i64>,
}

impl ExecuteStage {
    /// What keeps a market from taking new risk now, apart from what an order itself decides; none when nothing does.
    #[must_use]
    pub fn block(&self, key: MarketKey, now: Now) -> Option<Block> {
        let Some(market) = self.directory.get(key) else { return Some(Block::NotTraded) };
        if self.ending.is_stopping() {
            return Some(Block::Stopping);
        }
        if let Some(block) = self.stop_block(now).or_else(|| self.outage(key)) {
            return Some(block);
        }
        let entangled = self.orders.in_market(key.position()).any(|(_, order)| {
            !order.is_foreign() && (order.state.is_unknown() || order.state == OrderState::Ended || !order.is_ours())
        });
        let opens_until_ms = market.close_time_ms.saturating_sub(self.config.limits.stop_before_close_ms);
        let of_market = match market.phase {
            _ if market.restricted => Some(Block::Restricted),
            Phase::Listed => Some(Block::NotOpen),
            Phase::Paused => Some(Block::Paused),
            Phase::Closed | Phase::Determined => Some(Block::Closed),
            Phase::Open if now.session_ms >= opens_until_ms => Some(Block::Closing),
            Phase::Open if !market.fresh => Some(Block::Stale),
            Phase::Open => None,
        };
        let breaker = || market.breaker.open_until_ms(now.session_ms).map(|until_ms| Block::Breaker { until_ms });
        of_market.or_else(breaker).or(entangled.then_some(Block::Uncertain))
    }

    /// The stops that hold for every market.
    fn stop_block(&self, now: Now) -> Option<Block> {
        let sticky = self.loss_stop.sticky();
        if sticky.drawn_down {
            Some(Block::Drawdown)
        } else if sticky.repeated {
            Some(Block::Repeated)
        } else if self.loss_stop.is_stopped(now.session_ms) {
            self.loss_stop.ends_ms().map(|until_ms| Block::DailyLoss { until_ms })
        } else {
            None
        }
    }

    /// What is out of order about the account, the market's shard or its group: then the market takes no order at all, not
    /// even one that reduces.
    pub(super) fn outage(&self, key: MarketKey) -> Option<Block> {
        let Some(market) = self.directory.get(key) else { return Some(Block::NotTraded) };
        let exchange_index = market.exchange_index;
        if self.readings.stream_up_ms.is_none() {
            Some(Block::StreamDown)
        } else if !self.readings.is_adopted() {
            Some(Block::AccountUnread)
        } else if !self.readings.is_synced() {
            Some(Block::GapUnread)
        } else if !market.traded {
            Some(Block::NotTraded)
        } else if self.paused[usize::from(exchange_index)] {
            Some(Block::ShardPaused { exchange_index })
        } else if market.withheld {
            Some(Block::Unread)
        } else {
            self.groups.block(exchange_index).map(|block| Block::Group { exchange_index, block })
        }
    }

    /// Why no market takes new risk now; none when one does. Looks at every market: for a driver to ask a few times a
    /// second.
    #[must_use]
    pub fn standstill(&self, now: Now) -> Option<Standstill> {
        let mut blocks = Vec::with_capacity(16);
        for market in self.directory.iter().filter(|market| market.traded && !market.is_over()) {
            let block = self.block(market.key, now)?;
            match blocks.iter_mut().find(|(known, _)| *known == block) {
                Some((_, markets)) => *markets += 1,
                None => blocks.push((block, 1)),
            }
        }
        let traded = blocks.iter().map(|(_, markets)| markets).sum();
        let most = blocks.into_iter().max_by_key(|&(block, markets)| (markets, std::cmp::Reverse(block)));
        let (block, markets) = most.unwrap_or_else(|| (self.without_markets(now), 0));
        let left_ms = block.ends_ms().map(|ends_ms| ends_ms.saturating_sub(now.session_ms).max(0));
        Some(Standstill { block, markets, traded, left_ms })
    }

    /// Why nothing is traded while there is no market to trade: what would be in the way of any, else their absence.
    fn without_markets(&self, now: Now) -> Block {
        if self.ending.is_stopping() {
            Block::Stopping
        } else if self.directory.iter().any(|market| market.traded) {
            Block::Closed
        } else {
            self.stop_block(now).unwrap_or(Block::NoMarket)
        }
    }
}
