//! Collateral: cash that covers the worst case of a subaccount's orders on a shard, together or one by one ([`Collateral`]).
//! An order's worst case is the own price of the contracts it would open, the highest known fee on them at its limit from
//! now on, and one balance step for rounding. Contracts that close a position need no collateral, since they bring their own
//! cash. Where orders are covered together, each contract of the position is closed by only one of them, the oldest.

use super::Engine;
use super::booking::{closable, own_price};
use super::orders::{List, Slot};
use super::{AccountId, Collateral, UpdateReason};
use crate::market::{BookSide, Count, FeeSchedule, Money, Price};

/// The properties of an order that determine its collateral.
#[derive(Clone, Copy)]
pub(super) struct Exposure {
    pub(super) side: BookSide,
    pub(super) price: Price,
    pub(super) count: Count,
}

/// The collateral for opening `count` contracts.
fn worst_case(order: Exposure, count: Count, fees: FeeSchedule, step: Money) -> Money {
    if count.is_zero() {
        return Money::ZERO;
    }
    own_price(order.side, order.price).times(count) + fees.worst_fee(count, order.price) + step
}

impl Engine {
    /// The collateral for a holding's open orders, with one of them replaced by `changed`, and `added` after them: what they
    /// would need if all of them opened, less what the position saves the oldest orders of the side that closes it.
    fn reservation(&self, holding: u32, changed: Option<(Slot, Exposure)>, added: Option<Exposure>) -> Money {
        let held = &self.holdings[holding as usize];
        let fees = self.markets[held.market as usize].fees_ahead;
        let step = self.accounts[held.account as usize].step();
        let all = |order: Exposure| worst_case(order, order.count, fees, step);
        let replaced = changed.map_or(Money::ZERO, |(slot, exposure)| all(exposure) - self.orders[slot].needs);
        let needs = held.needs + replaced + added.map_or(Money::ZERO, all);

        let closing_side = if held.position.contracts > Count::ZERO { BookSide::Ask } else { BookSide::Bid };
        let mut unclaimed = closable(held.position.contracts, closing_side);
        if unclaimed.is_zero() {
            return needs;
        }
        let open = self.orders.walk(List::Side, held.sides[closing_side as usize]).map(|slot| match changed {
            Some((changed, exposure)) if changed == slot => exposure,
            _ => self.exposure(slot),
        });
        let mut spared = Money::ZERO;
        for order in open.chain(added.filter(|order| order.side == closing_side)) {
            let closing = order.count.min(unclaimed);
            unclaimed -= closing;
            spared += all(order) - worst_case(order, order.count - closing, fees, step);
            if unclaimed.is_zero() {
                break;
            }
        }
        needs - spared
    }

    fn exposure(&self, slot: Slot) -> Exposure {
        let record = &self.orders[slot].record;
        Exposure { side: record.side, price: record.price, count: record.remaining }
    }

    /// What an order of a holding needs by itself.
    fn alone(&self, holding: u32, order: Exposure) -> Money {
        let holding = &self.holdings[holding as usize];
        let closing = order.count.min(closable(holding.position.contracts, order.side));
        let fees = self.markets[holding.market as usize].fees_ahead;
        worst_case(order, order.count - closing, fees, self.accounts[holding.account as usize].step())
    }

    /// Whether the cash of a holding's wallet covers its orders after one was changed or added.
    pub(super) fn affords(&self, holding: u32, changed: Option<(Slot, Exposure)>, added: Option<Exposure>) -> bool {
        let held = &self.holdings[holding as usize];
        let account = &self.accounts[held.account as usize];
        if account.unlimited {
            return true;
        }
        let wallet = &account.wallets[held.wallet];
        if self.collateral == Collateral::PerOrder {
            let asked = changed.map(|(_, exposure)| exposure).or(added);
            return asked.is_none_or(|order| self.alone(holding, order) <= wallet.cash);
        }
        wallet.reserved - held.reserved + self.reservation(holding, changed, added) <= wallet.cash
    }

    /// Updates the reservation of an order's holding, after the order or the position has changed.
    pub(super) fn reserve(&mut self, slot: Slot) {
        let holding = self.orders[slot].holding;
        let held = &self.holdings[holding as usize];
        let account = &self.accounts[held.account as usize];
        if account.unlimited || self.collateral == Collateral::PerOrder {
            return;
        }
        let (fees, exposure) = (self.markets[held.market as usize].fees_ahead, self.exposure(slot));
        let needs = worst_case(exposure, exposure.count, fees, account.step());
        let before = std::mem::replace(&mut self.orders[slot].needs, needs);
        self.holdings[holding as usize].needs += needs - before;
        let reserved = self.reservation(holding, None, None);
        let held = &mut self.holdings[holding as usize];
        let wallet = &mut self.accounts[held.account as usize].wallets[held.wallet];
        wallet.reserved += reserved - held.reserved;
        held.reserved = reserved;
    }

    /// Cancels orders that draw on a holding's wallet until the others are covered. `incoming`, an order that is matching
    /// and in no queue, is left to the matching loop, which stops if the result is [`Covered::No`].
    pub(super) fn cover(&mut self, holding: u32, incoming: Option<Slot>, now_ms: i64) -> Covered {
        let held = &self.holdings[holding as usize];
        self.cover_wallet(held.account, held.wallet, incoming, now_ms)
    }

    /// Like [`Engine::cover`], for a wallet.
    pub(super) fn cover_wallet(
        &mut self,
        account: AccountId,
        wallet: usize,
        incoming: Option<Slot>,
        now_ms: i64,
    ) -> Covered {
        if self.accounts[account as usize].unlimited {
            return Covered::Yes;
        }
        match self.collateral {
            Collateral::Reserved => self.cover_together(account, wallet, incoming, now_ms),
            Collateral::PerOrder => self.cover_each(account, wallet, incoming, now_ms),
        }
    }

    /// Cancels the newest orders until the others are covered together. This becomes necessary only after fills so small that
    /// their rounding to whole balance steps adds up to more than the one step that was reserved.
    fn cover_together(&mut self, account: AccountId, wallet: usize, incoming: Option<Slot>, now_ms: i64) -> Covered {
        loop {
            let held = &self.accounts[account as usize].wallets[wallet];
            if held.reserved <= held.cash {
                return Covered::Yes;
            }
            let resting = self.drawing(account, wallet).filter(|&slot| Some(slot) != incoming);
            match resting.max_by_key(|&slot| (self.orders[slot].record.created_ms, slot)) {
                Some(slot) => self.cancel_resting(slot, UpdateReason::MarginCancel, now_ms),
                None => return Covered::No,
            }
        }
    }

    /// Cancels every order that is not covered by itself. Cancelling one does not help another.
    fn cover_each(&mut self, account: AccountId, wallet: usize, incoming: Option<Slot>, now_ms: i64) -> Covered {
        let cash = self.accounts[account as usize].wallets[wallet].cash;
        let needs = |slot: Slot| self.alone(self.orders[slot].holding, self.exposure(slot));
        let uncovered: Vec<Slot> = self.drawing(account, wallet).filter(|&slot| needs(slot) > cash).collect();
        let mut covered = Covered::Yes;
        for slot in uncovered {
            if Some(slot) == incoming {
                covered = Covered::No;
            } else {
                self.cancel_resting(slot, UpdateReason::MarginCancel, now_ms);
            }
        }
        covered
    }

    /// The open orders that draw on a wallet, market by market, oldest first within each.
    fn drawing(&self, account: AccountId, wallet: usize) -> impl Iterator<Item = Slot> + '_ {
        let holdings = self.accounts[account as usize].holdings.iter().map(|&h| &self.holdings[h as usize]);
        holdings.filter(move |held| held.wallet == wallet).flat_map(|held| self.orders.walk(List::Own, held.open))
    }
}

/// Whether cash covers the orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Covered {
    /// It does, possibly after cancels.
    Yes,
    /// Only the incoming order is left, and it is not covered.
    No,
}
