//! Which block holds for a market, and which for all of them.

use super::ExecuteStage;
use crate::clock::Now;
use crate::execute::stops::block::{Block, Standstill};
use crate::market::MarketKey;
use crate::messages::Phase;

impl ExecuteStage {
    /// What keeps a market from taking new risk now, apart from what an order itself decides.
    #[must_use]
    pub fn block(&self, key: MarketKey, now: Now) -> Option<Block> {
        let Some(market) = self.markets.get(key) else { return Some(Block::NotTraded) };
        if self.stops.ending.is_stopping() {
            return Some(Block::Stopping);
        }
        if let Some(block) = self.stops.block(now.session_ms).or_else(|| self.outage(key)) {
            return Some(block);
        }
        let opens_until_ms = market.close_time_ms.saturating_sub(self.config.limits.stop_before_close_ms);
        let of_market = match market.phase {
            _ if market.stops.restricted => Some(Block::Restricted),
            Phase::Listed => Some(Block::NotOpen),
            Phase::Paused => Some(Block::Paused),
            Phase::Closed | Phase::Determined => Some(Block::Closed),
            Phase::Open if now.session_ms >= opens_until_ms => Some(Block::Closing),
            Phase::Open if !market.fresh => Some(Block::Stale),
            Phase::Open => None,
        };
        let breaker = || market.stops.breaker.open_until_ms(now.session_ms).map(|until_ms| Block::Breaker { until_ms });
        of_market.or_else(breaker).or(self.orders.is_uncertain(key).then_some(Block::Uncertain))
    }

    /// What is out of order about the account, the market's shard or its group: then the market takes no order at all, not
    /// even one that reduces.
    pub(super) fn outage(&self, key: MarketKey) -> Option<Block> {
        let Some(market) = self.markets.get(key) else { return Some(Block::NotTraded) };
        let exchange_index = market.exchange_index();
        if self.readings.stream_up_ms.is_none() {
            Some(Block::StreamDown)
        } else if !self.readings.is_adopted() {
            Some(Block::AccountUnread)
        } else if !self.readings.is_synced() {
            Some(Block::GapUnread)
        } else if !market.traded {
            Some(Block::NotTraded)
        } else if let Some(pause) = self.stops.pause(exchange_index) {
            Some(pause)
        } else if market.reading.withheld {
            Some(Block::Unread)
        } else {
            self.orders.groups.block(exchange_index).map(|block| Block::Group { exchange_index, block })
        }
    }

    /// Why no market takes new risk now, when none does. Looks at every market: for a driver to ask a few times a second.
    #[must_use]
    pub fn standstill(&self, now: Now) -> Option<Standstill> {
        let mut blocks = Vec::with_capacity(16);
        for market in self.markets.traded() {
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
        if self.stops.ending.is_stopping() {
            Block::Stopping
        } else if self.markets.iter().any(|market| market.traded) {
            Block::Closed
        } else {
            self.stops.block(now.session_ms).unwrap_or(Block::NoMarket)
        }
    }
}
