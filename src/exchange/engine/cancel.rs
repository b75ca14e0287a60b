//! Cancel, cancel-all and decrease.

use super::lifecycle::Timer;
use super::orders::{List, Slot};
use super::{AccountId, CancelAll, Decrease, Engine, MarketIndex, MarketState, Reject, UpdateReason};
use crate::market::{Count, OrderId, OrderStatus};

impl Engine {
    /// Cancels what is left of an order, and returns its count.
    ///
    /// # Errors
    /// [`Reject::OrderNotFound`] if the account has no such open order, [`Reject::MarketInactive`] after the close, or
    /// [`Reject::ExchangePaused`].
    pub fn cancel_order(&mut self, account: AccountId, order: OrderId, now_ms: i64) -> Result<Count, Reject> {
        self.begin(now_ms);
        let slot = self.own_open_order(account, order)?;
        let remaining = self.orders[slot].record.remaining;
        if !planted!(CancelKeepsOrder) {
            self.cancel_resting(slot, UpdateReason::Decrease, now_ms);
        }
        Ok(remaining)
    }

    /// Cancels every order of an account or of one of its subaccounts, on all shards, now and repeatedly until the window of
    /// `spec` has passed. Returns how many were cancelled now.
    ///
    /// # Errors
    /// [`Reject::ExchangePaused`] if one of the orders is on a halted shard. Then none is cancelled.
    pub fn cancel_all(&mut self, account: AccountId, spec: &CancelAll, now_ms: i64) -> Result<usize, Reject> {
        self.begin(now_ms);
        let open = self.open_orders(account, spec.subaccount);
        if open.iter().any(|&slot| self.is_halted(slot)) {
            return Err(Reject::ExchangePaused);
        }
        for &slot in &open {
            self.cancel_resting(slot, UpdateReason::Decrease, now_ms);
        }
        self.sweep_again(account, spec, now_ms.saturating_add(spec.window_ms), now_ms);
        Ok(open.len())
    }

    /// Repeats a cancel-all, skipping halted shards.
    pub(super) fn sweep(&mut self, account: AccountId, spec: &CancelAll, until_ms: i64, now_ms: i64) {
        let open = self.open_orders(account, spec.subaccount);
        for slot in open {
            if !self.is_halted(slot) {
                self.cancel_resting(slot, UpdateReason::Decrease, now_ms);
            }
        }
        self.sweep_again(account, spec, until_ms, now_ms);
    }

    fn sweep_again(&mut self, account: AccountId, spec: &CancelAll, until_ms: i64, now_ms: i64) {
        if now_ms < until_ms {
            let next_ms = now_ms.saturating_add(spec.every_ms.max(1)).min(until_ms);
            self.timers.insert((next_ms, Timer::Sweep { account, spec: *spec, until_ms }));
        }
    }

    fn is_halted(&self, slot: Slot) -> bool {
        let market = self.orders[slot].record.market;
        self.check_exchange(self.markets[market as usize].spec.exchange_index).is_err()
    }

    /// The open orders of an account or of one of its subaccounts, market by market, oldest first within each.
    fn open_orders(&self, account: AccountId, subaccount: Option<u32>) -> Vec<Slot> {
        let holdings = self.accounts[account as usize].holdings.iter().map(|&h| &self.holdings[h as usize]);
        let concerned = holdings.filter(|held| subaccount.is_none_or(|wanted| wanted == held.subaccount));
        concerned.flat_map(|held| self.orders.walk(List::Own, held.open)).collect()
    }

    /// Removes contracts from an order, which keeps its place in the queue. Returns what is left; if nothing is, the order
    /// ends.
    ///
    /// # Errors
    /// [`Reject::InvalidSize`] for a count below zero or above what remains, [`Reject::NoChange`] if nothing would change,
    /// and the errors of [`Engine::cancel_order`].
    pub fn decrease_order(
        &mut self,
        account: AccountId,
        order: OrderId,
        decrease: Decrease,
        now_ms: i64,
    ) -> Result<Count, Reject> {
        self.begin(now_ms);
        let slot = self.own_open_order(account, order)?;
        let remaining = self.orders[slot].record.remaining;
        let left = match decrease {
            Decrease::By(count) if count < Count::ZERO || count > remaining => return Err(Reject::InvalidSize),
            Decrease::By(count) => remaining - count,
            Decrease::To(count) if count < Count::ZERO || count > remaining => return Err(Reject::InvalidSize),
            Decrease::To(count) => count,
        };
        if left == remaining {
            return Err(Reject::NoChange);
        }
        if left.is_zero() {
            self.cancel_resting(slot, UpdateReason::Decrease, now_ms);
        } else {
            self.shrink(slot, remaining - left, UpdateReason::Decrease, now_ms);
        }
        Ok(left)
    }

    /// Removes some contracts from a resting order, which keeps its place, and reports it.
    pub(super) fn shrink(&mut self, slot: Slot, count: Count, reason: UpdateReason, now_ms: i64) {
        let order = &mut self.orders[slot];
        order.record.remaining -= count;
        order.record.reason = reason;
        order.record.updated_ms = now_ms;
        let (market, side, level) = (order.record.market, order.record.side, order.level);
        self.markets[market as usize].book.reduce(side, level, count);
        self.report_level(market, side, level as usize, -count, Some(slot), now_ms);
        self.reserve(slot);
        self.report_order(slot);
    }

    /// The account's open order with this id, in a market in which it can be cancelled.
    pub(super) fn own_open_order(&self, account: AccountId, order: OrderId) -> Result<Slot, Reject> {
        let slot = self.order_of.get(&order).copied().ok_or(Reject::OrderNotFound)?;
        let record = &self.orders[slot].record;
        if record.account != account {
            return Err(Reject::OrderNotFound);
        }
        self.check_exchange(self.markets[record.market as usize].spec.exchange_index)?;
        self.check_cancellable(record.market)?;
        if record.status == OrderStatus::Resting { Ok(slot) } else { Err(Reject::OrderNotFound) }
    }

    fn check_cancellable(&self, market: MarketIndex) -> Result<(), Reject> {
        match self.markets[market as usize].state {
            MarketState::Active | MarketState::Inactive => Ok(()),
            MarketState::Finalized(_) => Err(Reject::OrderNotFound),
            _ => Err(Reject::MarketInactive),
        }
    }
}
