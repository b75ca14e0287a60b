//! Collateral, policy `reserved`: the worst case of all resting orders of a subaccount on a shard fits its cash, always.
//! (Which policy the real exchange has is unverified; this one is the strictest.) An order's worst case is the own price
//! of the contracts it would open, the taker fee on them at its limit and one balance step for rounding; contracts that
//! close a position that no older order closes cost nothing, they bring their own cash.

use super::Engine;
use super::UpdateReason;
use super::booking::{closable, own_price};
use super::orders::{List, Slot};
use crate::market::{BookSide, Count, FeeSchedule, Liquidity, Money, Price};

/// An order as collateral sees it.
#[derive(Clone, Copy)]
pub(super) struct Exposure {
    pub(super) side: BookSide,
    pub(super) price: Price,
    pub(super) count: Count,
}

/// The worst case of opening `count` contracts.
fn worst_case(order: Exposure, count: Count, fees: FeeSchedule, step: Money) -> Money {
    if count.is_zero() {
        return Money::ZERO;
    }
    own_price(order.side, order.price).times(count) + fees.trade_fee(count, order.price, Liquidity::Taker) + step
}

impl Engine {
    /// What a holding's open orders need, with one of them as `changed` says and one `added` behind them.
    fn reservation(&self, holding: u32, changed: Option<(Slot, Exposure)>, added: Option<Exposure>) -> Money {
        let holding = &self.holdings[holding as usize];
        let fees = self.markets[holding.market as usize].spec.fees;
        let step = self.accounts[holding.account as usize].step();
        let mut unclaimed = [BookSide::Bid, BookSide::Ask].map(|side| closable(holding.position.contracts, side));
        let open = self.orders.walk(List::Own, holding.open).map(|slot| match changed {
            Some((changed, exposure)) if changed == slot => exposure,
            _ => self.exposure(slot),
        });
        open.chain(added)
            .map(|order| {
                let unclaimed = &mut unclaimed[order.side as usize];
                let closing = order.count.min(*unclaimed);
                *unclaimed -= closing;
                worst_case(order, order.count - closing, fees, step)
            })
            .sum()
    }

    fn exposure(&self, slot: Slot) -> Exposure {
        let record = &self.orders[slot].record;
        Exposure { side: record.side, price: record.price, count: record.remaining }
    }

    /// Whether the cash behind a holding covers all orders after a new or a changed one.
    pub(super) fn affords(&self, holding: u32, changed: Option<(Slot, Exposure)>, added: Option<Exposure>) -> bool {
        let held = &self.holdings[holding as usize];
        let account = &self.accounts[held.account as usize];
        if account.unlimited {
            return true;
        }
        let wallet = &account.wallets[held.wallet];
        wallet.reserved - held.reserved + self.reservation(holding, changed, added) <= wallet.cash
    }

    /// Brings a holding's reservation up to date after its orders or its position changed.
    pub(super) fn reserve(&mut self, holding: u32) {
        let held = &self.holdings[holding as usize];
        if self.accounts[held.account as usize].unlimited {
            return;
        }
        let reserved = self.reservation(holding, None, None);
        let held = &mut self.holdings[holding as usize];
        let wallet = &mut self.accounts[held.account as usize].wallets[held.wallet];
        wallet.reserved += reserved - held.reserved;
        held.reserved = reserved;
    }

    /// Cancels the newest orders of the wallet behind a holding until the rest is covered. Under this policy that takes
    /// a series of fills so small that rounding to whole balance steps outgrows the one step that was set aside.
    /// `incoming`, an order that is matching and on no queue, is left to the matching loop, which stops when told.
    pub(super) fn cover(&mut self, holding: u32, incoming: Option<Slot>, now_ms: i64) -> Covered {
        let held = &self.holdings[holding as usize];
        let (account, wallet) = (held.account, held.wallet);
        if self.accounts[account as usize].unlimited {
            return Covered::Yes;
        }
        loop {
            let owner = &self.accounts[account as usize];
            if owner.wallets[wallet].reserved <= owner.wallets[wallet].cash {
                return Covered::Yes;
            }
            let drawing = owner.holdings.iter().map(|&h| &self.holdings[h as usize]).filter(|h| h.wallet == wallet);
            let newest = drawing
                .flat_map(|h| self.orders.walk(List::Own, h.open))
                .filter(|&slot| Some(slot) != incoming)
                .max_by_key(|&slot| (self.orders[slot].record.created_ms, slot));
            match newest {
                Some(slot) => self.cancel_resting(slot, UpdateReason::MarginCancel, now_ms),
                None => return Covered::No,
            }
        }
    }
}

/// Whether cash covers the orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Covered {
    /// It does, after cancels perhaps.
    Yes,
    /// Only the incoming order is left, and it is too much.
    No,
}
