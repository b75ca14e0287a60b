//! The matching engine: a plain state machine over timed commands. It owns books, orders, accounts and the life cycle of
//! markets; it knows nothing of sockets, JSON or clocks.
//!
//! Every command first carries out what is due by its time ([`Engine::advance`]), then checks, then acts, and appends what
//! happened to a list of events that the gateway drains. Commands at the same time take effect in the order of the calls,
//! and the same calls give the same events, identifiers included.
//!
//! | file | concept |
//! |---|---|
//! | `create`, `amend`, `cancel` | the commands on orders |
//! | `groups`, `subaccounts` | order groups, and the subaccounts of an account |
//! | `matching` | matching an incoming order with the book |
//! | `booking`, `collateral` | the effects of fills and resting orders on cash |
//! | `fees` | fees, and how they change |
//! | `lifecycle` | opening, pausing, closing, determining and settling markets; everything driven by time |
//! | `recorded` | steps of recorded markets, matched by `exchange::recorded` |
//! | `reads` | queries |
//! | `types`, `records`, `events` | inputs, stored records, outputs |
//! | `book`, `orders`, `accounts`, `market`, `occupancy`, `ids`, `used_ids` | the data |
//!
//! What it keeps is bounded: for each account the open orders, and the newest of the ended ones.

mod accounts;
mod amend;
mod book;
mod booking;
mod cancel;
mod collateral;
mod create;
mod events;
mod fees;
mod groups;
mod ids;
mod lifecycle;
mod market;
mod matching;
mod occupancy;
mod orders;
mod reads;
mod recorded;
mod records;
mod subaccounts;
#[cfg(test)]
mod tests;
mod types;
mod used_ids;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

pub(in crate::exchange) use book::{best_occupied, crosses};
pub(in crate::exchange) use booking::own_price;
pub use events::*;
pub use fees::{FeeChange, FeeScope};
pub use groups::{GroupCommand, GroupRecord, GroupTarget};
pub(in crate::exchange) use ids::number_of;
pub use market::Market;
pub(in crate::exchange) use occupancy::Occupancy;
pub use records::*;
pub use subaccounts::Transfer;
pub use types::*;

use crate::exchange::recorded::AvailableChange;
use crate::market::{BookSide, Count, Grid, GridBands, Money, OrderGroupId, OrderId, OrderStatus};
use accounts::{Account, Holding};
use groups::Group;
use ids::IdSource;
use lifecycle::Timer;
use orders::{Ends, List, OrderSlab, Slot};
use used_ids::UsedIds;

/// The exchange's matching engine.
#[derive(Debug)]
pub struct Engine {
    ids: IdSource,
    accounts: Vec<Account>,
    holdings: Vec<Holding>,
    holding_of: HashMap<(AccountId, u32, MarketIndex), u32>,
    client_order_ids: UsedIds,
    markets: Vec<Market>,
    market_of: HashMap<String, MarketIndex>,
    grids: Vec<Arc<Grid>>,
    orders: OrderSlab,
    order_of: HashMap<OrderId, Slot>,
    groups: HashMap<OrderGroupId, Group>,
    /// Every scheduled change of fees, also those in the past.
    fee_changes: Vec<FeeChange>,
    timers: BTreeSet<(i64, Timer)>,
    /// Shards that accept no orders.
    paused_shards: BTreeSet<u8>,
    /// Shards that accept no commands at all.
    halted_shards: BTreeSet<u8>,
    collateral: Collateral,
    fees_collected: Money,
    /// Counts commands, so that a market's clock moves only once per command.
    command: u64,
    events: Vec<Event>,
    /// Scratch space for recorded steps.
    recorded_changes: Vec<AvailableChange>,
}

impl Engine {
    /// The account on the other side of every fill against a recorded book.
    pub const HOUSE: AccountId = 0;

    /// An exchange without markets. The seed only determines the identifiers of orders, trades and groups.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            ids: IdSource::new(seed),
            accounts: vec![Account::new(true, true)],
            holdings: Vec::new(),
            holding_of: HashMap::new(),
            client_order_ids: UsedIds::default(),
            markets: Vec::new(),
            market_of: HashMap::new(),
            grids: Vec::new(),
            orders: OrderSlab::default(),
            order_of: HashMap::new(),
            groups: HashMap::new(),
            fee_changes: Vec::new(),
            timers: BTreeSet::new(),
            paused_shards: BTreeSet::new(),
            halted_shards: BTreeSet::new(),
            collateral: Collateral::default(),
            fees_collected: Money::ZERO,
            command: 0,
            events: Vec::new(),
            recorded_changes: Vec::new(),
        }
    }

    /// Sets how cash covers orders. To be called before any are placed.
    pub fn set_collateral(&mut self, collateral: Collateral) {
        self.collateral = collateral;
    }

    /// Opens an account, with cash in its primary subaccount.
    pub fn open_account(&mut self, spec: &AccountSpec) -> AccountId {
        let id = AccountId::try_from(self.accounts.len()).expect("there are fewer than 2^32 accounts");
        self.accounts.push(Account::new(spec.direct_member, spec.unlimited));
        for &(exchange_index, amount) in &spec.cash {
            self.deposit(id, 0, exchange_index, amount);
        }
        id
    }

    /// Adds cash to a subaccount on a shard.
    ///
    /// # Panics
    /// If the account was not opened by [`Engine::open_account`].
    pub fn deposit(&mut self, account: AccountId, subaccount: u32, exchange_index: u8, amount: Money) {
        let owner = &mut self.accounts[account as usize];
        owner.subaccounts = owner.subaccounts.max(subaccount);
        let wallet = owner.wallet(exchange_index, subaccount);
        owner.wallets[wallet].cash += amount;
        self.events.push(Event::Cash { account });
    }

    /// Takes the events since the last call, in the order in which they happened.
    pub fn drain_events(&mut self) -> impl Iterator<Item = Event> + '_ {
        self.events.drain(..)
    }

    /// Begins a command at a time: what is due by then happens first.
    fn begin(&mut self, now_ms: i64) {
        self.advance(now_ms);
        self.command += 1;
    }

    /// The lookup tables of a grid, shared by all markets with that grid.
    fn grid(&mut self, bands: GridBands) -> Arc<Grid> {
        if let Some(grid) = self.grids.iter().find(|grid| *grid.bands() == bands) {
            return Arc::clone(grid);
        }
        let grid = Grid::new(bands);
        self.grids.push(Arc::clone(&grid));
        grid
    }

    /// The holding of a subaccount in a market, which is created empty if it does not exist.
    fn holding(&mut self, account: AccountId, subaccount: u32, market: MarketIndex) -> u32 {
        let key = (account, subaccount, market);
        if let Some(&holding) = self.holding_of.get(&key) {
            return holding;
        }
        let holding = u32::try_from(self.holdings.len()).expect("there are fewer than 2^32 holdings");
        let exchange_index = self.markets[market as usize].spec.exchange_index;
        let owner = &mut self.accounts[account as usize];
        let wallet = owner.wallet(exchange_index, subaccount);
        owner.holdings.push(holding);
        self.markets[market as usize].holdings.push(holding);
        self.holdings.push(Holding {
            account,
            subaccount,
            market,
            wallet,
            position: PositionRecord::default(),
            open: Ends::EMPTY,
            sides: [Ends::EMPTY; 2],
            needs: Money::ZERO,
            reserved: Money::ZERO,
        });
        self.holding_of.insert(key, holding);
        holding
    }

    /// Reports the state of an order to its owner.
    fn report_order(&mut self, slot: Slot) {
        let record = &self.orders[slot].record;
        if !self.accounts[record.account as usize].unlimited {
            self.events.push(Event::Order(record.clone()));
        }
    }

    /// Publishes the change of a level. `cause` is the order behind it, if there is one.
    fn report_level(
        &mut self,
        market: MarketIndex,
        side: BookSide,
        level: usize,
        change: Count,
        cause: Option<Slot>,
        now_ms: i64,
    ) {
        let place = &mut self.markets[market as usize];
        if place.clock_command != self.command {
            place.clock_command = self.command;
            place.clock += 1;
        }
        place.published_ms = place.published_ms.max(now_ms);
        let time_ms = place.published_ms;
        let price = booking::own_price(side, place.book.price(level));
        let cause = cause.map(|slot| &self.orders[slot].record);
        let cause = cause.map(|record| LevelCause {
            account: record.account,
            subaccount: record.subaccount,
            client_order_id: record.client_order_id.clone(),
        });
        let clock = place.clock;
        self.events.push(Event::Level { market, side: side.outcome(), price, change, clock, cause, time_ms });
    }

    /// Puts what is left of an order at the end of the queue of its price.
    fn rest(&mut self, slot: Slot, now_ms: i64) {
        let order = &self.orders[slot];
        let (market, side, level, count) =
            (order.record.market, order.record.side, order.level as usize, order.record.remaining);
        let place = &mut self.markets[market as usize];
        if let Some(recorded) = &place.recorded {
            self.orders[slot].ahead = recorded.displayed(side, level);
        }
        place.book.push(&mut self.orders, slot);
        self.report_level(market, side, level, count, Some(slot), now_ms);
    }

    /// Takes a resting order off the book but leaves it open.
    fn unrest(&mut self, slot: Slot, now_ms: i64) {
        let order = &self.orders[slot];
        let (market, side, level, count) =
            (order.record.market, order.record.side, order.level as usize, order.record.remaining);
        self.markets[market as usize].book.remove(&mut self.orders, slot);
        self.report_level(market, side, level, -count, Some(slot), now_ms);
    }

    /// Ends an open order that is in no queue any more, and reports its last state. It counts as executed if its last trade
    /// ended it; for any other reason, what is left of it is cancelled.
    fn end(&mut self, slot: Slot, reason: UpdateReason, now_ms: i64) {
        let order = &mut self.orders[slot];
        let record = &mut order.record;
        record.status = if reason == UpdateReason::Trade { OrderStatus::Executed } else { OrderStatus::Canceled };
        record.remaining = Count::ZERO;
        record.reason = reason;
        record.updated_ms = now_ms;
        let (id, account, side, expiration_ms) = (record.order, record.account, record.side, record.expiration_ms);
        let holding = order.holding;
        if let Some(expiration_ms) = expiration_ms {
            self.timers.remove(&(expiration_ms, Timer::Expire(slot)));
        }
        let held = &mut self.holdings[holding as usize];
        self.orders.unlink(List::Own, &mut held.open, slot);
        self.orders.unlink(List::Side, &mut held.sides[side as usize], slot);
        self.leave_group(slot);
        self.reserve(slot);
        self.report_order(slot);
        if self.accounts[account as usize].unlimited {
            self.order_of.remove(&id);
            self.orders.release(slot);
        } else {
            self.keep_ended(slot, account);
        }
    }

    /// Keeps an ended order, and drops the oldest one if the account has too many; older history is kept elsewhere.
    fn keep_ended(&mut self, slot: Slot, account: AccountId) {
        let owner = &mut self.accounts[account as usize];
        owner.ended.push_back(slot);
        if owner.ended.len() <= accounts::KEPT_MAX {
            return;
        }
        if let Some(oldest) = owner.ended.pop_front() {
            let order = &self.orders[oldest];
            owner.orders.remove(&order.number);
            self.order_of.remove(&order.record.order);
            self.orders.release(oldest);
        }
    }

    /// Ends a resting order: takes it off the book and cancels what is left of it.
    fn cancel_resting(&mut self, slot: Slot, reason: UpdateReason, now_ms: i64) {
        self.unrest(slot, now_ms);
        self.end(slot, reason, now_ms);
    }
}
