//! Order groups: orders of one subaccount on one shard that are cancelled together if too many of their contracts trade within
//! 15 seconds (protocol page 3.5). A triggered group accepts no orders until it is reset.

use std::collections::VecDeque;

use super::orders::{Ends, List, Slot};
use super::{AccountId, Engine, Event, GroupChange, MarketIndex, Reject, UpdateReason};
use crate::market::{Count, OrderGroupId, OrderId};

/// The window over which a group counts the contracts that trade.
const WINDOW_MS: i64 = 15_000;
const LIMIT_MIN: Count = Count::from_contracts(1);
/// The highest limit.
const LIMIT_MAX: Count = Count::from_contracts(1_000_000);
/// The largest number of groups per account.
const GROUPS_MAX: usize = 100_000;

/// An order group of the engine.
#[derive(Debug)]
pub(super) struct Group {
    record: GroupRecord,
    account: AccountId,
    /// Its key among the account's groups.
    number: u64,
    /// What traded within the window, oldest first, and the sum. Entries that are too old are removed when the next one is
    /// added.
    recent: VecDeque<(i64, Count)>,
    matched: Count,
    /// Its open orders, oldest first.
    pub(super) open: Ends,
}

impl Group {
    fn forget_before_window(&mut self, now_ms: i64) {
        while let Some((_, count)) = self.recent.pop_front_if(|(time_ms, _)| *time_ms <= now_ms - WINDOW_MS) {
            self.matched -= count;
        }
    }

    fn is_exceeded(&self) -> bool {
        self.matched > self.record.limit
    }
}

/// An order group as seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupRecord {
    /// The id assigned by the engine.
    pub group: OrderGroupId,
    /// The subaccount whose orders it holds.
    pub subaccount: u32,
    /// The shard of its orders.
    pub exchange_index: u8,
    /// The most contracts that may trade within 15 seconds; one more triggers it.
    pub limit: Count,
    /// Whether it is triggered, and so accepts no orders.
    pub triggered: bool,
}

/// A group as addressed by a request: its id, owner and shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupTarget {
    /// The id of the group.
    pub group: OrderGroupId,
    /// The account that must own it.
    pub account: AccountId,
    /// The subaccount that it must belong to.
    pub subaccount: u32,
    /// The shard that it must be on.
    pub exchange_index: u8,
}

/// A change of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupCommand {
    /// Count from zero, and accept orders again.
    Reset,
    /// Cancel its orders, and accept no more.
    Trigger,
    /// Cancel its orders, and remove it.
    Delete,
    /// Change its limit. If the new limit is exceeded already, the group is triggered.
    Limit(Count),
}

fn check_limit(limit: Count) -> Result<(), Reject> {
    if (LIMIT_MIN..=LIMIT_MAX).contains(&limit) { Ok(()) } else { Err(Reject::InvalidGroupLimit) }
}

impl Engine {
    /// Creates an order group.
    ///
    /// # Errors
    /// [`Reject::InvalidGroupLimit`] outside 1 to 1,000,000 contracts, [`Reject::TooManyGroups`] beyond 100,000 per account,
    /// [`Reject::UserNotFound`] if the account has no balance on the shard, or [`Reject::ExchangePaused`].
    pub fn create_group(
        &mut self,
        account: AccountId,
        subaccount: u32,
        exchange_index: u8,
        limit: Count,
        now_ms: i64,
    ) -> Result<OrderGroupId, Reject> {
        self.begin(now_ms);
        self.check_exchange(exchange_index)?;
        check_limit(limit)?;
        self.check_user(account, exchange_index)?;
        let owned = &mut self.accounts[account as usize].groups;
        if owned.len() >= GROUPS_MAX {
            return Err(Reject::TooManyGroups);
        }
        let group = self.ids.group();
        let number = owned.last_key_value().map_or(0, |(last, _)| last + 1);
        owned.insert(number, group);
        let record = GroupRecord { group, subaccount, exchange_index, limit, triggered: false };
        let (recent, matched, open) = (VecDeque::new(), Count::ZERO, Ends::EMPTY);
        self.groups.insert(group, Group { record, account, number, recent, matched, open });
        self.report_group(account, group, GroupChange::Created(limit), now_ms);
        Ok(group)
    }

    /// Resets, triggers or deletes a group, or changes its limit. Triggering a triggered group does nothing and sends no event.
    ///
    /// # Errors
    /// [`Reject::GroupNotFound`] if there is no such group of that account and subaccount on that shard,
    /// [`Reject::InvalidGroupLimit`], or [`Reject::ExchangePaused`].
    pub fn change_group(&mut self, target: &GroupTarget, command: GroupCommand, now_ms: i64) -> Result<(), Reject> {
        self.begin(now_ms);
        self.check_exchange(target.exchange_index)?;
        let GroupTarget { group: id, account, subaccount, exchange_index } = *target;
        self.own_group(id, account, subaccount, exchange_index)?;
        match command {
            GroupCommand::Reset => {
                let group = self.known_group(id);
                group.record.triggered = false;
                group.recent.clear();
                group.matched = Count::ZERO;
                self.report_group(account, id, GroupChange::Reset, now_ms);
            }
            GroupCommand::Trigger => self.trigger(id, None, now_ms),
            GroupCommand::Delete => {
                self.cancel_group(id, None, now_ms);
                if let Some(group) = self.groups.remove(&id) {
                    self.accounts[account as usize].groups.remove(&group.number);
                }
                self.report_group(account, id, GroupChange::Deleted, now_ms);
            }
            GroupCommand::Limit(limit) => {
                check_limit(limit)?;
                let group = self.known_group(id);
                group.record.limit = limit;
                group.forget_before_window(now_ms);
                let exceeded = group.is_exceeded();
                self.report_group(account, id, GroupChange::LimitUpdated(limit), now_ms);
                if exceeded {
                    self.trigger(id, None, now_ms);
                }
            }
        }
        Ok(())
    }

    /// An order group, if it belongs to the account.
    pub fn group(&self, account: AccountId, group: OrderGroupId) -> Option<&GroupRecord> {
        self.groups.get(&group).filter(|group| group.account == account).map(|group| &group.record)
    }

    /// The order groups of an account, oldest first.
    pub fn groups_of(&self, account: AccountId) -> impl Iterator<Item = &GroupRecord> {
        self.accounts[account as usize].groups.values().map(|group| &self.groups[group].record)
    }

    /// The open orders of a group, oldest first. Empty if there is no such group.
    pub fn group_orders(&self, group: OrderGroupId) -> impl Iterator<Item = OrderId> + '_ {
        let open = self.groups.get(&group).map_or(Ends::EMPTY, |group| group.open);
        self.orders.walk(List::Group, open).map(|slot| self.orders[slot].record.order)
    }

    /// Checks that a new order may join a group.
    pub(super) fn check_group(
        &self,
        group: Option<OrderGroupId>,
        account: AccountId,
        subaccount: u32,
        market: MarketIndex,
    ) -> Result<(), Reject> {
        let Some(group) = group else { return Ok(()) };
        let exchange_index = self.markets[market as usize].spec.exchange_index;
        let group = self.own_group(group, account, subaccount, exchange_index)?;
        if group.record.triggered { Err(Reject::GroupTriggered) } else { Ok(()) }
    }

    /// Adds an open order to its group, if it has one.
    pub(super) fn join_group(&mut self, slot: Slot) {
        if let Some(group) = self.orders[slot].record.group.and_then(|group| self.groups.get_mut(&group)) {
            self.orders.append(List::Group, &mut group.open, slot);
        }
    }

    /// Removes an order that ends from its group, if it has one.
    pub(super) fn leave_group(&mut self, slot: Slot) {
        if let Some(group) = self.orders[slot].record.group.and_then(|group| self.groups.get_mut(&group)) {
            self.orders.unlink(List::Group, &mut group.open, slot);
        }
    }

    /// Counts a fill in the group of its order, if it has one, and triggers the group if that exceeds the limit. Returns
    /// whether it did. An order that is `incoming`, in no queue, is left to the matching loop, which stops.
    pub(super) fn count_in_group(
        &mut self,
        group: Option<OrderGroupId>,
        count: Count,
        incoming: Option<Slot>,
        now_ms: i64,
    ) -> bool {
        let Some(id) = group else { return false };
        let Some(group) = self.groups.get_mut(&id) else { return false };
        group.forget_before_window(now_ms);
        group.recent.push_back((now_ms, count));
        group.matched += count;
        let exceeded = group.is_exceeded();
        if exceeded {
            self.trigger(id, incoming, now_ms);
        }
        exceeded
    }

    fn trigger(&mut self, id: OrderGroupId, incoming: Option<Slot>, now_ms: i64) {
        let group = self.known_group(id);
        if std::mem::replace(&mut group.record.triggered, true) {
            return;
        }
        let account = group.account;
        self.report_group(account, id, GroupChange::Triggered, now_ms);
        self.cancel_group(id, incoming, now_ms);
    }

    fn cancel_group(&mut self, id: OrderGroupId, incoming: Option<Slot>, now_ms: i64) {
        let open = self.known_group(id).open;
        let open: Vec<Slot> = self.orders.walk(List::Group, open).collect();
        for slot in open.into_iter().filter(|&slot| Some(slot) != incoming) {
            self.cancel_resting(slot, UpdateReason::GroupCancel, now_ms);
        }
    }

    fn own_group(
        &self,
        group: OrderGroupId,
        account: AccountId,
        subaccount: u32,
        exchange_index: u8,
    ) -> Result<&Group, Reject> {
        let found = self.groups.get(&group).filter(|group| {
            let record = &group.record;
            group.account == account && record.subaccount == subaccount && record.exchange_index == exchange_index
        });
        found.ok_or(Reject::GroupNotFound)
    }

    fn known_group(&mut self, id: OrderGroupId) -> &mut Group {
        self.groups.get_mut(&id).expect("the callers have found the group")
    }

    fn report_group(&mut self, account: AccountId, group: OrderGroupId, change: GroupChange, time_ms: i64) {
        if !self.accounts[account as usize].unlimited {
            self.events.push(Event::Group { account, group, change, time_ms });
        }
    }
}
