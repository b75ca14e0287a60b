//! Matching: price-time priority, trades at the price of the resting order, and no trades of an account with itself.

use super::booking::{booked_fee, net, own_price};
use super::collateral::Covered;
use super::orders::Slot;
use super::{Engine, Event, FillRecord, MarketIndex, TradeRecord, UpdateReason};
use crate::market::{BookSide, Count, Liquidity, Money, Price, TradeId};
use crate::wire::orders::SelfTradePrevention;

/// The result of matching an incoming order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Matched {
    pub(super) filled: Count,
    pub(super) filled_value: Money,
    pub(super) fees: Money,
    /// Why matching stopped before the order or the book was exhausted.
    pub(super) stopped: Option<UpdateReason>,
}

/// One side of a trade to be booked.
#[derive(Clone, Copy)]
pub(super) struct Execution {
    pub(super) trade: TradeId,
    pub(super) price: Price,
    pub(super) count: Count,
    pub(super) liquidity: Liquidity,
    pub(super) now_ms: i64,
}

impl Engine {
    /// Matches an open order that is in no queue, as far as it can trade.
    pub(super) fn match_incoming(&mut self, taker: Slot, now_ms: i64) -> Matched {
        let mut matched = Matched::default();
        let record = &self.orders[taker].record;
        let (market, side, account, group, prevention) =
            (record.market, record.side, record.account, record.group, record.self_trade_prevention);
        let limit = self.orders[taker].level as usize;
        while !self.orders[taker].record.remaining.is_zero() {
            let place = &self.markets[market as usize];
            let Some(level) = place.best_level(side.opposite()) else { break };
            if !super::crosses(side, limit, level) {
                break;
            }
            let price = place.book.price(level);
            let wanted = self.orders[taker].record.remaining;
            // Recorded contracts at a price have priority over orders there, because they were there first.
            let recorded = place.recorded.as_ref().map_or(Count::ZERO, |book| book.available(side.opposite(), level));
            let (count, fee) = if recorded > Count::ZERO {
                let count = wanted.min(recorded);
                (count, self.trade_with_recording(taker, level, count, now_ms))
            } else {
                let maker = place.book.first_at(side.opposite(), level);
                if self.orders[maker].record.account == account {
                    match prevention {
                        SelfTradePrevention::TakerAtCross => {
                            matched.stopped = Some(UpdateReason::SelfTradeCancel);
                            break;
                        }
                        SelfTradePrevention::Maker => {
                            self.cancel_resting(maker, UpdateReason::SelfTradeCancel, now_ms);
                            continue;
                        }
                    }
                }
                let count = wanted.min(self.orders[maker].record.remaining);
                (count, self.trade(maker, taker, price, count, now_ms))
            };
            matched.filled += count;
            matched.filled_value += price.times(count);
            matched.fees += fee;
            let over_limit = self.count_in_group(group, count, Some(taker), now_ms);
            // Even if the order ends here: the owner's other orders now have less cash behind them.
            let covered = self.cover(self.orders[taker].holding, Some(taker), now_ms);
            if over_limit {
                matched.stopped = Some(UpdateReason::GroupCancel);
                break;
            }
            if covered == Covered::No {
                matched.stopped = Some(UpdateReason::MarginCancel);
                break;
            }
        }
        matched
    }

    /// Trades `count` contracts between the first order of a queue and an incoming order. Returns the taker's fee.
    fn trade(&mut self, maker: Slot, taker: Slot, price: Price, count: Count, now_ms: i64) -> Money {
        let trade = self.ids.trade();
        let (market, side) = (self.orders[maker].record.market, self.orders[maker].record.side);
        self.take_from_queue(maker, count, Some(taker), now_ms);
        self.print(market, TradeRecord { trade, price, count, taker: side.opposite(), time_ms: now_ms });
        let execution = Execution { trade, price, count, liquidity: Liquidity::Maker, now_ms };
        self.book_fill(maker, execution);
        let fee = self.book_fill(taker, Execution { liquidity: Liquidity::Taker, ..execution });
        self.after_maker_fill(maker, count, now_ms);
        fee
    }

    /// Removes the filled contracts of a resting order from the book; the order leaves its queue if nothing is left.
    pub(super) fn take_from_queue(&mut self, maker: Slot, count: Count, cause: Option<Slot>, now_ms: i64) {
        let order = &self.orders[maker];
        let (market, side, level) = (order.record.market, order.record.side, order.level);
        let book = &mut self.markets[market as usize].book;
        let whole = count == order.record.remaining;
        if whole {
            book.remove(&mut self.orders, maker);
        } else {
            book.reduce(side, level, count);
        }
        if planted!(LevelKeptOnPartialFill) && !whole {
            return;
        }
        self.report_level(market, side, level as usize, -count, cause, now_ms);
    }

    /// Follows up on a maker's fill: reports the order, ends it if it is filled, counts the fill in its group, and checks
    /// that the owner's other orders are still covered.
    pub(super) fn after_maker_fill(&mut self, maker: Slot, count: Count, now_ms: i64) {
        let holding = self.orders[maker].holding;
        let group = self.orders[maker].record.group;
        if self.orders[maker].record.remaining.is_zero() {
            self.end(maker, UpdateReason::Trade, now_ms);
        } else {
            self.orders[maker].record.reason = UpdateReason::Trade;
            self.report_order(maker);
        }
        self.count_in_group(group, count, None, now_ms);
        self.cover(holding, None, now_ms);
    }

    /// Publishes a trade.
    pub(super) fn print(&mut self, market: MarketIndex, record: TradeRecord) {
        self.markets[market as usize].remember(record);
        let TradeRecord { trade, price, count, taker, time_ms } = record;
        self.events.push(Event::Trade { market, trade, price, count, taker, time_ms });
    }

    /// Books one side of a trade on its order, position and cash. Returns the fee.
    pub(super) fn book_fill(&mut self, slot: Slot, execution: Execution) -> Money {
        let Execution { trade, price, count, liquidity, now_ms } = execution;
        let holding = self.orders[slot].holding;
        let record = &self.orders[slot].record;
        let (account, market, side) = (record.account, record.market, record.side);
        let revenue = self.move_position(holding, side, price, count, now_ms);
        let owner = &mut self.accounts[account as usize];
        let step = owner.step();
        let trade_fee = self.markets[market as usize].fees_now.trade_fee(count, price, liquidity);
        let order = &mut self.orders[slot];
        let fee = booked_fee(revenue, trade_fee, step, &mut order.rounding);
        let cost = own_price(side, price).times(count);
        let record = &mut order.record;
        record.filled += count;
        record.remaining -= count;
        record.updated_ms = now_ms;
        match liquidity {
            Liquidity::Taker => {
                (record.taker_cost, record.taker_fees) = (record.taker_cost + cost, record.taker_fees + fee);
            }
            Liquidity::Maker => {
                (record.maker_cost, record.maker_fees) = (record.maker_cost + cost, record.maker_fees + fee);
            }
        }
        let held = &mut self.holdings[holding as usize];
        held.position.fees += fee;
        let again = if planted!(FeeChargedTwice) && liquidity == Liquidity::Maker { fee } else { Money::ZERO };
        owner.wallets[held.wallet].cash += revenue - fee - again;
        self.fees_collected += fee;
        self.reserve(slot);
        if !self.accounts[account as usize].unlimited {
            let position = self.holdings[holding as usize].position;
            let record = &self.orders[slot].record;
            let subaccount = record.subaccount;
            let fill = FillRecord {
                trade,
                order: record.order,
                client_order_id: record.client_order_id.clone(),
                account,
                market,
                side,
                price,
                count,
                fee,
                liquidity,
                post_position: position.contracts,
                time_ms: now_ms,
                subaccount,
            };
            self.accounts[account as usize].keep_fill(fill.clone());
            self.events.push(Event::Fill(fill));
            self.events.push(Event::Position { account, subaccount, market, position });
        }
        fee
    }

    /// Applies a trade to a position and to the market's open interest. Returns the change of cash before fees.
    pub(super) fn move_position(
        &mut self,
        holding: u32,
        side: BookSide,
        price: Price,
        count: Count,
        now_ms: i64,
    ) -> Money {
        let held = &mut self.holdings[holding as usize];
        let long_before = held.position.contracts.max(Count::ZERO);
        let revenue = net(&mut held.position, side, price, count, now_ms);
        let long_after = held.position.contracts.max(Count::ZERO);
        self.markets[held.market as usize].open_interest += long_after - long_before;
        revenue
    }
}
