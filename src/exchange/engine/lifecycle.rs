//! The life cycle of markets, and everything driven by time: opening, expiry, closing, settlement. As on the exchange, steps
//! that are driven by time are not announced; the others are.

use super::booking::balance_step;
use super::market::Market;
use super::orders::{List, Slot};
use super::{
    AccountId, CancelAll, Engine, Event, ListError, MarketIndex, MarketSpec, MarketState, OrderRecord, Reject,
    SettlementRecord, UpdateReason,
};
use crate::market::{BookSide, Count, Money, Price};
use crate::wire::time::is_writable;

/// Something that happens at a time. At equal times, in the order of the variants, then by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Fees(u32),
    Waiver(MarketIndex),
    Open(MarketIndex),
    Expire(Slot),
    Sweep { account: AccountId, spec: CancelAll, until_ms: i64 },
    Close(MarketIndex),
    Settle(MarketIndex),
}

impl Engine {
    /// Lists a market. It opens at its time, or at once if that has passed.
    ///
    /// # Errors
    /// If the ticker is taken, the market would close before it opens, or one of its times cannot be written.
    pub fn list_market(&mut self, spec: MarketSpec, now_ms: i64) -> Result<MarketIndex, ListError> {
        self.begin(now_ms);
        if self.market_of.contains_key(&spec.ticker) {
            return Err(ListError::DuplicateTicker(spec.ticker));
        }
        let (open_ms, close_ms) = (spec.open_ms, spec.close_ms);
        if close_ms <= open_ms {
            return Err(ListError::ClosesBeforeOpening { ticker: spec.ticker, open_ms, close_ms });
        }
        if let Some(at_ms) = [open_ms, close_ms].into_iter().find(|at_ms| !is_writable(*at_ms)) {
            return Err(ListError::UnwritableTime { ticker: spec.ticker, at_ms });
        }
        let market = MarketIndex::try_from(self.markets.len()).expect("there are fewer than 2^32 markets");
        let grid = self.grid(spec.bands);
        self.market_of.insert(spec.ticker.clone(), market);
        self.markets.push(Market::new(spec, grid));
        self.settle_fees(market, now_ms);
        self.events.push(Event::Created { market });
        self.timers.insert((open_ms, Timer::Open(market)));
        self.timers.insert((close_ms, Timer::Close(market)));
        self.advance(now_ms);
        Ok(market)
    }

    /// The next time at which something happens by itself.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.timers.first().map(|&(at_ms, _)| at_ms)
    }

    /// Carries out everything that is due by `now_ms`, each at its own time. Early and repeated calls are harmless.
    pub fn advance(&mut self, now_ms: i64) {
        while let Some(&(at_ms, timer)) = self.timers.first()
            && at_ms <= now_ms
        {
            self.timers.pop_first();
            self.command += 1;
            match timer {
                Timer::Fees(number) => self.change_due(number, at_ms),
                Timer::Waiver(market) => self.fees_changed(market, at_ms),
                Timer::Open(market) => self.open(market),
                Timer::Expire(slot) => self.cancel_resting(slot, UpdateReason::ExpiryCancel, at_ms),
                Timer::Sweep { account, spec, until_ms } => self.sweep(account, &spec, until_ms, at_ms),
                Timer::Close(market) => self.close(market, at_ms),
                Timer::Settle(market) => self.settle(market, at_ms),
            }
        }
    }

    /// Deactivates or activates a market. While deactivated, it accepts no orders but lets them be cancelled. Deactivation
    /// cancels the orders that asked for it; activation cancels all that rest. A closed market whose close was moved into
    /// the future is activated the same way. A call that would change nothing has no effect.
    pub fn set_active(&mut self, market: MarketIndex, active: bool, now_ms: i64) {
        self.begin(now_ms);
        let place = &mut self.markets[market as usize];
        match (place.state, active) {
            (MarketState::Active, false) => {
                place.state = MarketState::Inactive;
                self.cancel_book(market, UpdateReason::HaltCancel, now_ms, |order| order.cancel_on_pause);
            }
            (MarketState::Inactive, true) => {
                place.state = MarketState::Active;
                self.cancel_book(market, UpdateReason::HaltCancel, now_ms, |_| true);
            }
            (MarketState::Closed, true) if place.spec.close_ms > now_ms => place.state = MarketState::Active,
            _ => return,
        }
        self.events.push(Event::Activity { market, active, time_ms: now_ms });
    }

    /// Pauses or resumes trading on a shard. While paused, creates and amends are rejected; orders that asked for it are
    /// cancelled.
    pub fn set_trading(&mut self, exchange_index: u8, trading: bool, now_ms: i64) {
        self.begin(now_ms);
        if trading {
            self.paused_shards.remove(&exchange_index);
            return;
        }
        if self.paused_shards.insert(exchange_index) {
            self.cancel_careful(exchange_index, now_ms);
        }
    }

    /// Pauses or resumes a whole shard. While paused, every command on it is rejected, cancels included, but its clock
    /// continues: orders expire, and markets open, close and settle. Orders that asked for it are cancelled.
    pub fn set_exchange(&mut self, exchange_index: u8, active: bool, now_ms: i64) {
        self.begin(now_ms);
        if active {
            self.halted_shards.remove(&exchange_index);
        } else if self.halted_shards.insert(exchange_index) {
            self.cancel_careful(exchange_index, now_ms);
        }
    }

    /// Rejects commands on a halted shard.
    pub(super) fn check_exchange(&self, exchange_index: u8) -> Result<(), Reject> {
        if self.halted_shards.contains(&exchange_index) { Err(Reject::ExchangePaused) } else { Ok(()) }
    }

    /// Cancels the orders of a shard that asked to be cancelled by a pause.
    fn cancel_careful(&mut self, exchange_index: u8, now_ms: i64) {
        for market in 0..self.market_count() {
            if self.markets[market as usize].spec.exchange_index == exchange_index {
                self.cancel_book(market, UpdateReason::HaltCancel, now_ms, |order| order.cancel_on_pause);
            }
        }
    }

    /// Moves a market's close, unless its result is known. A close in the past closes the market at once; a closed market
    /// whose close moves into the future waits for [`Engine::set_active`]. A close that cannot be written has no effect.
    pub fn move_close(&mut self, market: MarketIndex, close_ms: i64, now_ms: i64) {
        self.begin(now_ms);
        let place = &mut self.markets[market as usize];
        let decided = matches!(place.state, MarketState::Determined(_) | MarketState::Finalized(_));
        if decided || !is_writable(close_ms) {
            return;
        }
        self.timers.remove(&(place.spec.close_ms, Timer::Close(market)));
        place.spec.close_ms = close_ms;
        self.timers.insert((close_ms, Timer::Close(market)));
        self.events.push(Event::CloseMoved { market, close_ms });
        self.advance(now_ms);
    }

    /// Sets a market's result: the payout of a YES contract. A market that is still open is closed first. Positions are paid
    /// when the settlement timer ends. A second result is ignored.
    pub fn determine(&mut self, market: MarketIndex, value: Price, now_ms: i64) {
        self.begin(now_ms);
        let place = &self.markets[market as usize];
        if matches!(place.state, MarketState::Determined(_) | MarketState::Finalized(_)) {
            return;
        }
        self.timers.remove(&(place.spec.open_ms, Timer::Open(market)));
        self.timers.remove(&(place.spec.close_ms, Timer::Close(market)));
        self.close(market, now_ms);
        let place = &mut self.markets[market as usize];
        place.state = MarketState::Determined(value);
        let settle_ms = now_ms + place.spec.settlement_timer_ms.max(0);
        self.events.push(Event::Determined { market, value, time_ms: now_ms });
        self.timers.insert((settle_ms, Timer::Settle(market)));
        self.advance(now_ms);
    }

    fn open(&mut self, market: MarketIndex) {
        let place = &mut self.markets[market as usize];
        // If the close was moved before the opening, the market may be closed already.
        if place.state == MarketState::Initialized {
            place.state = MarketState::Active;
        }
    }

    fn close(&mut self, market: MarketIndex, now_ms: i64) {
        self.markets[market as usize].state = MarketState::Closed;
        self.cancel_book(market, UpdateReason::CloseCancel, now_ms, |_| true);
    }

    /// Cancels the orders in a market's book that satisfy `concerned`.
    fn cancel_book(
        &mut self,
        market: MarketIndex,
        reason: UpdateReason,
        now_ms: i64,
        concerned: impl Fn(&OrderRecord) -> bool,
    ) {
        for slot in self.resting(market) {
            if concerned(&self.orders[slot].record) {
                self.cancel_resting(slot, reason, now_ms);
            }
        }
    }

    /// The orders in a market's book: bids, then asks, lowest price first, each queue in order.
    fn resting(&self, market: MarketIndex) -> Vec<Slot> {
        let book = &self.markets[market as usize].book;
        let side = |side| book.occupied(side).map(move |level| book.queue_at(side, level));
        let queues = side(BookSide::Bid).chain(side(BookSide::Ask));
        queues.flat_map(|queue| self.orders.walk(List::Queue, queue)).collect()
    }

    /// Pays a determined market: its value for each YES contract, the complement for each NO contract, rounded down to the
    /// account's balance step. Only a scalar result can be finer than that, and the difference counts as a fee.
    fn settle(&mut self, market: MarketIndex, now_ms: i64) {
        let place = &mut self.markets[market as usize];
        let MarketState::Determined(value) = place.state else {
            unreachable!("the settlement timer is set by the determination, which is the last state before this");
        };
        place.state = MarketState::Finalized(value);
        place.open_interest = Count::ZERO;
        for index in 0..place.holdings.len() {
            self.pay(self.markets[market as usize].holdings[index], market, value, now_ms);
        }
        self.events.push(Event::Settled { market, time_ms: now_ms });
    }

    fn pay(&mut self, holding: u32, market: MarketIndex, value: Price, now_ms: i64) {
        let held = &mut self.holdings[holding as usize];
        let contracts = held.position.contracts;
        if contracts.is_zero() {
            return;
        }
        let worth = if contracts > Count::ZERO { value } else { value.complement() };
        let gross = worth.times(contracts.abs());
        let owner = &mut self.accounts[held.account as usize];
        let revenue = gross.floor_to(balance_step(owner.direct_member));
        let position = &mut held.position;
        let (cost, fees) = (position.cost, position.fees);
        position.realized += gross - cost;
        position.fees += gross - revenue;
        position.contracts = Count::ZERO;
        position.cost = Money::ZERO;
        position.updated_ms = now_ms;
        owner.wallets[held.wallet].cash += revenue;
        self.fees_collected += gross - revenue;
        if !owner.unlimited {
            let (account, subaccount, position) = (held.account, held.subaccount, held.position);
            let settlement = SettlementRecord {
                account,
                subaccount,
                market,
                contracts,
                cost,
                revenue,
                value,
                fees,
                time_ms: now_ms,
            };
            owner.settlements.push(settlement);
            self.events.push(Event::Position { account, subaccount, market, position });
            self.events.push(Event::Settlement(settlement));
        }
    }
}
