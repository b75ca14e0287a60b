//! Recorded markets in the engine. Clients' orders rest in the market's book as in any other; the recorded book is laid over
//! it, and the house takes the other side of what clients trade with it.
//!
//! The rules for each completed step, in order:
//! 1. a recorded trade of `c` contracts at an order's price fills `min(remaining, max(0, c - ahead))` of it and reduces
//!    `ahead` by `c`, where `ahead` starts as the displayed size that the order found on arrival;
//! 2. a recorded trade beyond the order's price fills it up to the trade's count;
//! 3. cancels: `ahead` never exceeds what is displayed;
//! 4. an opposite quote at or through the order's price fills it at its own price, up to the quote's unconsumed size.
//!
//! If several orders meet one trade, they share it by price, then by time.

use super::Engine;
use super::matching::Execution;
use super::orders::{List, Slot};
use super::{MarketIndex, TradeRecord};
use crate::exchange::recorded::{Entry, Step};
use crate::market::{BookSide, Count, Liquidity, Money, OrderStatus, Price, TradeId};

impl Engine {
    /// Applies a completed step to a recorded market: prints its trades, fills orders by the rules above, and publishes the
    /// changes of the published book, removals first. Each level changes at most once per step.
    ///
    /// # Panics
    /// If the market is not a recorded one.
    pub fn recorded_step(&mut self, market: MarketIndex, step: &Step, now_ms: i64) {
        self.begin(now_ms);
        let place = &mut self.markets[market as usize];
        let time_ms = place.published_ms.max(step.ts_ms);
        let recorded = place.recorded.as_mut().expect("steps belong to markets that were listed as recorded");
        for entry in &step.entries {
            recorded.apply(place.book.grid(), entry);
        }
        recorded.cap();
        for entry in &step.entries {
            if let &Entry::Trade { price, count, taker } = entry {
                self.recorded_trade(market, price, count, taker, time_ms);
            }
        }
        for side in [BookSide::Bid, BookSide::Ask] {
            self.recorded_cancels(market, side);
            self.recorded_quotes(market, side, time_ms);
        }
        self.publish_recorded(market, time_ms);
    }

    /// The resting orders of a side, best price first, then by time. Costs nothing if there are none.
    fn by_priority(&self, market: MarketIndex, side: BookSide) -> Vec<Slot> {
        let book = &self.markets[market as usize].book;
        let mut levels: Vec<usize> = book.occupied(side).collect();
        if side == BookSide::Bid {
            levels.reverse();
        }
        levels.into_iter().flat_map(|level| self.orders.walk(List::Queue, book.queue_at(side, level))).collect()
    }

    /// Whether an order still rests; a fill may have cancelled others of its account.
    fn rests(&self, slot: Slot) -> bool {
        self.orders[slot].record.status == OrderStatus::Resting
    }

    /// Prints a recorded trade and lets it fill orders: rules 1 and 2.
    fn recorded_trade(&mut self, market: MarketIndex, price: Price, count: Count, taker: BookSide, time_ms: i64) {
        let trade = self.ids.trade();
        self.print(market, TradeRecord { trade, price, count, taker, time_ms });
        let side = taker.opposite();
        let mut left = count;
        for slot in self.by_priority(market, side) {
            if !self.rests(slot) {
                continue;
            }
            let order = &mut self.orders[slot];
            let (rest, at) = (order.record.remaining, order.record.price);
            let beyond = if side == BookSide::Bid { price < at } else { price > at };
            let filled = if beyond {
                rest.min(left)
            } else if price == at {
                let ahead = order.ahead;
                order.ahead = (ahead - count).max(Count::ZERO);
                rest.min((left - ahead).max(Count::ZERO))
            } else {
                break;
            };
            if filled > Count::ZERO {
                left -= filled;
                let trade = self.ids.trade();
                self.fill_from_house(slot, trade, filled, time_ms);
            }
        }
    }

    /// Applies rule 3.
    fn recorded_cancels(&mut self, market: MarketIndex, side: BookSide) {
        for slot in self.by_priority(market, side) {
            let order = &mut self.orders[slot];
            let recorded = self.markets[market as usize].recorded.as_ref();
            let displayed = recorded.map_or(Count::ZERO, |book| book.displayed(side, order.level as usize));
            order.ahead = order.ahead.min(displayed);
        }
    }

    /// Applies rule 4. The quote came to the resting order, so the quote is the taker of the printed trade.
    fn recorded_quotes(&mut self, market: MarketIndex, side: BookSide, time_ms: i64) {
        for slot in self.by_priority(market, side) {
            while self.rests(slot) {
                let (limit, price) = (self.orders[slot].level as usize, self.orders[slot].record.price);
                let Some(recorded) = &mut self.markets[market as usize].recorded else { return };
                let Some(level) = recorded.best(side.opposite()) else { return };
                if !super::crosses(side, limit, level) {
                    return;
                }
                let available = recorded.available(side.opposite(), level);
                let count = self.orders[slot].record.remaining.min(available);
                recorded.touch(side.opposite(), level);
                recorded.take(side.opposite(), level, count);
                let trade = self.ids.trade();
                self.print(market, TradeRecord { trade, price, count, taker: side.opposite(), time_ms });
                self.fill_from_house(slot, trade, count, time_ms);
            }
        }
    }

    /// Fills a resting order at its price, against the house.
    fn fill_from_house(&mut self, slot: Slot, trade: TradeId, count: Count, time_ms: i64) {
        let record = &self.orders[slot].record;
        let (market, side, price) = (record.market, record.side, record.price);
        self.take_from_queue(slot, count, None, time_ms);
        self.book_fill(slot, Execution { trade, price, count, liquidity: Liquidity::Maker, now_ms: time_ms });
        self.move_house(market, side.opposite(), price, count, time_ms);
        self.after_maker_fill(slot, count, time_ms);
    }

    /// Lets an incoming order take what the recording shows at a level. Returns its fee.
    pub(super) fn trade_with_recording(&mut self, taker: Slot, level: usize, count: Count, now_ms: i64) -> Money {
        let record = &self.orders[taker].record;
        let (market, side) = (record.market, record.side);
        let place = &mut self.markets[market as usize];
        let price = place.book.price(level);
        if let Some(recorded) = &mut place.recorded {
            recorded.take(side.opposite(), level, count);
        }
        let trade = self.ids.trade();
        self.report_level(market, side.opposite(), level, -count, Some(taker), now_ms);
        self.print(market, TradeRecord { trade, price, count, taker: side, time_ms: now_ms });
        let fee = self.book_fill(taker, Execution { trade, price, count, liquidity: Liquidity::Taker, now_ms });
        self.move_house(market, side.opposite(), price, count, now_ms);
        fee
    }

    /// Books the house's side of a trade with a recording. The house pays no fee.
    fn move_house(&mut self, market: MarketIndex, side: BookSide, price: Price, count: Count, now_ms: i64) {
        let holding = self.holding(Self::HOUSE, 0, market);
        let revenue = self.move_position(holding, side, price, count, now_ms);
        let wallet = self.holdings[holding as usize].wallet;
        self.accounts[Self::HOUSE as usize].wallets[wallet].cash += revenue;
    }

    fn publish_recorded(&mut self, market: MarketIndex, time_ms: i64) {
        let mut changes = std::mem::take(&mut self.recorded_changes);
        if let Some(recorded) = &mut self.markets[market as usize].recorded {
            recorded.finish(&mut changes);
        }
        for change in changes.drain(..) {
            self.report_level(market, change.side, change.slot, change.change, None, time_ms);
        }
        self.recorded_changes = changes;
    }
}
