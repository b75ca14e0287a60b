//! Queries, none of which changes anything.

use super::market::Market;
use super::orders::List;
use super::{AccountId, Engine, FillRecord, MarketIndex, OrderRecord, PositionRecord, SettlementRecord, TradeRecord};
use crate::market::{BookLevels, BookSide, Count, Money, OrderId, OrderStatus, Price};

impl Engine {
    /// The number of markets ever listed; their indices run from 0.
    pub fn market_count(&self) -> u32 {
        MarketIndex::try_from(self.markets.len()).expect("there are fewer than 2^32 markets")
    }

    /// The market with an index.
    ///
    /// # Panics
    /// If there is no such market.
    pub fn market(&self, market: MarketIndex) -> &Market {
        &self.markets[market as usize]
    }

    /// The index of the market with a ticker.
    pub fn market_by_ticker(&self, ticker: &str) -> Option<MarketIndex> {
        self.market_of.get(ticker).copied()
    }

    /// Writes the published book into `levels`: bids for both outcomes on their own scales, lowest price first.
    pub fn levels(&self, market: MarketIndex, levels: &mut BookLevels) {
        levels.clear();
        let place = &self.markets[market as usize];
        let size = |side, level| Some(place.published(side, level)).filter(|count| !count.is_zero());
        for level in 0..place.grid().slots() {
            levels.yes.extend(size(BookSide::Bid, level).map(|count| (place.grid().price(level), count)));
        }
        for level in (0..place.grid().slots()).rev() {
            levels.no.extend(size(BookSide::Ask, level).map(|count| (place.grid().price(level).complement(), count)));
        }
    }

    /// The best YES price of a side of the published book, and its size.
    pub fn best(&self, market: MarketIndex, side: BookSide) -> Option<(Price, Count)> {
        let place = &self.markets[market as usize];
        place.best_level(side).map(|level| (place.grid().price(level), place.published(side, level)))
    }

    /// Whether a shard accepts orders.
    pub fn trading_active(&self, exchange_index: u8) -> bool {
        self.exchange_active(exchange_index) && !self.paused_shards.contains(&exchange_index)
    }

    /// Whether a shard accepts commands at all.
    pub fn exchange_active(&self, exchange_index: u8) -> bool {
        !self.halted_shards.contains(&exchange_index)
    }

    /// An order, if it is open or among the newest ended ones. Ended orders of unlimited accounts are not kept.
    pub fn order(&self, order: OrderId) -> Option<&OrderRecord> {
        self.order_of.get(&order).map(|&slot| &self.orders[slot].record)
    }

    /// The open orders of an account and the newest of its ended ones, newest first. Unlimited accounts have no history.
    pub fn orders_of(&self, account: AccountId) -> impl Iterator<Item = &OrderRecord> {
        self.accounts[account as usize].orders.values().rev().map(|&slot| &self.orders[slot].record)
    }

    /// The open orders of an account: market by market in the order of first use, oldest first within each.
    pub fn open_orders_of(&self, account: AccountId) -> impl Iterator<Item = &OrderRecord> {
        let holdings = self.accounts[account as usize].holdings.iter();
        let open = holdings.flat_map(|&holding| self.orders.walk(List::Own, self.holdings[holding as usize].open));
        open.map(|slot| &self.orders[slot].record)
    }

    /// The newest fills of an account, newest first.
    pub fn fills_of(&self, account: AccountId) -> impl Iterator<Item = &FillRecord> {
        self.accounts[account as usize].fills.iter().rev()
    }

    /// The settlements of an account, newest first.
    pub fn settlements_of(&self, account: AccountId) -> impl Iterator<Item = &SettlementRecord> {
        self.accounts[account as usize].settlements.iter().rev()
    }

    /// The number of settlements an account has had.
    pub fn settlement_count(&self, account: AccountId) -> usize {
        self.accounts[account as usize].settlements.len()
    }

    /// The newest trades of a market, newest first.
    pub fn trades_of(&self, market: MarketIndex) -> impl Iterator<Item = &TradeRecord> {
        self.markets[market as usize].trades.iter().rev()
    }

    /// The position of the primary subaccount in a market.
    pub fn position(&self, account: AccountId, market: MarketIndex) -> PositionRecord {
        self.subaccount_position(account, 0, market)
    }

    /// The position of a subaccount in a market.
    pub fn subaccount_position(&self, account: AccountId, subaccount: u32, market: MarketIndex) -> PositionRecord {
        let holding = self.holding_of.get(&(account, subaccount, market));
        holding.map_or_else(PositionRecord::default, |&holding| self.holdings[holding as usize].position)
    }

    /// The primary subaccount's position in each market in which it ever placed an order, oldest first.
    pub fn positions_of(&self, account: AccountId) -> impl Iterator<Item = (MarketIndex, &PositionRecord)> {
        let owner = &self.accounts[account as usize];
        let holdings = owner.holdings.iter().map(|&holding| &self.holdings[holding as usize]);
        holdings.filter(|held| owner.wallets[held.wallet].subaccount == 0).map(|held| (held.market, &held.position))
    }

    /// The cash of the primary subaccount on a shard. Resting orders do not reduce it.
    pub fn balance(&self, account: AccountId, exchange_index: u8) -> Money {
        self.subaccount_balance(account, 0, exchange_index)
    }

    /// The cash of a subaccount on a shard. Resting orders do not reduce it.
    pub fn subaccount_balance(&self, account: AccountId, subaccount: u32, exchange_index: u8) -> Money {
        let owner = &self.accounts[account as usize];
        let wallet = owner.find_wallet(exchange_index, subaccount);
        wallet.map_or(Money::ZERO, |wallet| owner.wallets[wallet].cash)
    }

    /// The collateral reserved for resting orders of the primary subaccount on a shard.
    pub fn reserved(&self, account: AccountId, exchange_index: u8) -> Money {
        self.subaccount_reserved(account, 0, exchange_index)
    }

    /// The collateral reserved for resting orders of a subaccount on a shard.
    pub fn subaccount_reserved(&self, account: AccountId, subaccount: u32, exchange_index: u8) -> Money {
        let owner = &self.accounts[account as usize];
        let wallet = owner.find_wallet(exchange_index, subaccount);
        wallet.map_or(Money::ZERO, |wallet| owner.wallets[wallet].reserved)
    }

    /// The cash of an account as (subaccount, shard, amount), in the order in which each was first used.
    pub fn cash_of(&self, account: AccountId) -> impl Iterator<Item = (u32, u8, Money)> + '_ {
        self.accounts[account as usize].wallets.iter().map(|w| (w.subaccount, w.exchange_index, w.cash))
    }

    /// The shards on which an account has a balance, lowest first.
    pub fn shards_of(&self, account: AccountId) -> Vec<u8> {
        let mut shards: Vec<u8> = self.accounts[account as usize].wallets.iter().map(|w| w.exchange_index).collect();
        shards.sort_unstable();
        shards.dedup();
        shards
    }

    /// The total of all fees ever booked.
    pub fn fees_collected(&self) -> Money {
        self.fees_collected
    }

    /// How many contracts trade before a resting order at its price. `None` if the order does not rest.
    pub fn queue_position(&self, order: OrderId) -> Option<Count> {
        let slot = *self.order_of.get(&order)?;
        let order = &self.orders[slot];
        if order.record.status != OrderStatus::Resting {
            return None;
        }
        let queue = self.markets[order.record.market as usize].book.queue_at(order.record.side, order.level as usize);
        let before = self.orders.walk(List::Queue, queue).take_while(|&other| other != slot);
        Some(order.ahead + before.map(|other| self.orders[other].record.remaining).sum())
    }
}
