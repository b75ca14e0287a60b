//! Looks after the order groups: what the exchange says of them, what follows for their shards' orders, and the writes that
//! they need.

use super::ExecuteStage;
use crate::clock::{NEVER_NS, Now};
use crate::execute::orders::groups::{GroupChange, GroupNeed, GroupView};
use crate::market::{Count, MarketKey};
use crate::messages::{GroupReport, KnownGroup};
use crate::ports::{ExecuteEffect, ExecutePort, RequestId};
use crate::wire::error::ErrorBody;

impl ExecuteStage {
    /// The groups that the last run left. Before the first input.
    pub fn know_groups(&mut self, known: &[KnownGroup]) {
        self.orders.groups.know(known);
    }

    /// The groups of the shards that are traded.
    pub fn groups(&self) -> impl Iterator<Item = GroupView> {
        self.orders.groups.views()
    }

    /// What the exchange says of a group.
    pub(super) fn group_reported(&mut self, report: &GroupReport, now: Now) {
        let (reading, asked_ms) = (self.readings.reading(), self.readings.asked_ms());
        let shows_ms = asked_ms.map_or(i64::MIN, |asked_ms| asked_ms.saturating_sub(self.config.read_lag_ms));
        let change = self.orders.groups.reported(report, reading, shows_ms, now);
        self.group_changed(change, now);
    }

    /// A complete reading of the account: a group that it does not show is gone.
    pub(super) fn groups_read(&mut self, query: u32, asked_ms: i64, now: Now) {
        let shows_ms = asked_ms.saturating_sub(self.config.read_lag_ms);
        for position in 0..self.orders.groups.len() {
            let change = self.orders.groups.miss(position, query, shows_ms, now);
            self.group_changed(change, now);
        }
        self.orders.groups.wake();
    }

    /// A create was refused: perhaps because of its group.
    pub(super) fn group_refused(&mut self, key: MarketKey, body: &[u8], now: Now) {
        let exchange_index = self.place_of(key).1;
        let change = self.orders.groups.refused(exchange_index, ErrorBody::parse(409, body).code.as_str(), now);
        self.group_changed(change, now);
    }

    fn group_changed(&mut self, change: Option<GroupChange>, now: Now) {
        let Some(change) = change else { return };
        self.counters.groups_triggered += u64::from(change.triggered);
        if !change.takes_orders {
            self.await_group_cancels(change.exchange_index, now);
        }
        self.all_conditions_changed(now);
    }

    /// The exchange cancels the orders of the group by itself and says so: what it has not reported after a while is
    /// cancelled like any order that has to go.
    fn await_group_cancels(&mut self, exchange_index: u8, now: Now) {
        let at_ns = now.mono_ns.saturating_add(self.config.retry_first_ns);
        for slot in 0..self.orders.table.slots() {
            let Some(at) = self.orders.table.at(slot) else { continue };
            let order = self.orders.table.get(at).expect("listed just now");
            let concerned = order.is_ours() && order.state.is_open() && !order.want_cancel;
            if concerned && self.place_of(order.market).1 == exchange_index {
                let order = self.orders.table.get_mut(at).expect("listed just now");
                order.want_cancel = true;
                order.retry_at_ns = order.retry_at_ns.max(at_ns);
                self.orders.cancels_due(at_ns, &mut self.alarm);
            }
        }
    }

    /// Makes, limits and resets groups where that is due.
    pub(super) fn tend_groups(&mut self, now: Now, port: &mut impl ExecutePort) {
        if !self.orders.groups.is_enabled() || !self.readings.is_synced() || self.stops.ending.is_stopping() {
            return;
        }
        if self.orders.groups.due_ns() <= now.mono_ns {
            let positions = 0..self.orders.groups.len();
            let due_ns = positions.map(|position| self.tend_group(position, now, port)).min();
            self.orders.groups.set_due_ns(due_ns.unwrap_or(NEVER_NS));
        }
        self.alarm.at_ns(self.orders.groups.due_ns());
    }

    /// Does what one group needs. Returns when to look again; never, when an event will tell.
    fn tend_group(&mut self, position: usize, now: Now, port: &mut impl ExecutePort) -> u64 {
        let limit = self.group_limit(self.orders.groups.address(position).1);
        let write = match self.orders.groups.need(position, limit, now, self.alarm.clock()) {
            GroupNeed::Write(write) => write,
            GroupNeed::At(at_ns) => return at_ns,
            GroupNeed::Nothing => return NEVER_NS,
        };
        let sent = self.orders.allows_group(now)
            && self.orders.write_group(position, write, now, &mut self.alarm, port).is_some();
        if sent { NEVER_NS } else { now.mono_ns.saturating_add(self.config.retry_first_ns) }
    }

    fn group_limit(&self, exchange_index: u8) -> Count {
        let limits = &self.config.limits;
        let markets = self.markets.traded().filter(|market| market.exchange_index() == exchange_index).count();
        self.orders.groups.limit(markets.clamp(1, limits.open_orders_max.max(1)), limits.order_size_max)
    }

    /// The answer to a write about a group; without a status when none came.
    pub(super) fn group_answered(
        &mut self,
        request: RequestId,
        http_status: Option<u16>,
        body: &[u8],
        now: Now,
        port: &mut impl ExecutePort,
    ) {
        let answer = self.orders.groups.answered(request, http_status, body, self.config.retry_ns(), now);
        self.counters.groups_reset += u64::from(answer.reset);
        self.group_changed(answer.change, now);
        if answer.made {
            port.tell(ExecuteEffect::Groups(self.orders.groups.keep()));
        }
    }
}
