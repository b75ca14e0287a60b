//! The orders and their writes: which are followed and where each is in its life, which requests wait for an answer, what
//! writes cost, how long orders may rest, and the groups that they belong to. It does not follow
//! cash, markets' conditions or readings: the stage passes on what the exchange said, and sends what comes out.
//!
//! * `order` is one order, `life` the total table of its states and events, `table` the slots of all.
//! * `writes` renders requests and hands them over, `requests` has those without an answer, `tokens` mirrors the exchange's
//!   write buckets.
//! * `lease` measures how long orders rest without us; `groups` has the order group of each shard.

pub(super) mod groups;
pub(super) mod lease;
pub(super) mod life;
pub(super) mod order;
pub(super) mod requests;
pub(super) mod table;
#[cfg(test)]
mod tests;
pub(super) mod tokens;
mod writes;

use serde::{Deserialize, Serialize};

use super::account::exposure::Exposure;
use super::alarm::Alarm;
use super::config::ExecuteConfig;
use super::counters::ExecuteCounters;
use crate::clock::{NEVER_NS, Now, SessionClock};
use crate::market::{BookSide, ClientOrderId, Count, MarketKey, Price};
use crate::messages::OpenOrder;
use groups::Groups;
use lease::LeasePlan;
use life::{Effect, OrderEvent, OrderState};
use order::Order;
use requests::Requests;
use table::{OrderRef, OrderTable};
use tokens::{WriteBudget, WriteTokens};
pub(super) use writes::CancelBatch;

/// The orders and what writes them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Orders {
    pub table: OrderTable,
    pub requests: Requests,
    pub tokens: WriteTokens,
    pub groups: Groups,
    pub leases: LeasePlan,
    /// Drawn for this start; the mark of this run's orders.
    nonce: u64,
    /// How many client order ids are spent.
    placed: u32,
    /// When an order that has to go may be tried; never when none has to.
    cancels_due_ns: u64,
    #[serde(skip)]
    body: Vec<u8>,
    #[serde(skip)]
    path: String,
}

impl Orders {
    /// No orders, and empty write buckets. `nonce` is drawn once for each start.
    pub fn new(config: &ExecuteConfig, clock: &SessionClock, nonce: u64) -> Self {
        let budget = WriteBudget::documented(config.write_refill, config.write_capacity);
        let wanted = config.limits.open_orders_max;
        Self {
            table: OrderTable::new(config.orders_max, config.markets_max),
            requests: Requests::new(config.requests_max, config.answer_timeout_ns),
            tokens: WriteTokens::new(budget, clock, config.signature_validity_ms),
            groups: Groups::new(config.groups),
            leases: LeasePlan::new(budget, config.leases, config.order_ttl_ms, wanted, 0),
            nonce: if planted!(NonceTooCoarse) { nonce >> 8 } else { nonce },
            placed: 0,
            cancels_due_ns: NEVER_NS,
            body: Vec::with_capacity(8 * 1_024),
            path: String::with_capacity(256),
        }
    }

    /// The mark of this start's orders.
    pub fn nonce(&self) -> u64 {
        self.nonce
    }

    /// The client order id of the next order.
    pub fn next_client(&self) -> ClientOrderId {
        ClientOrderId { nonce: self.nonce, counter: self.placed + 1 }
    }

    /// The next client order id is used up, whatever becomes of its request.
    pub fn spend_client(&mut self) {
        self.placed += 1;
    }

    /// The order of this run that is open in a market.
    pub fn own(&self, key: MarketKey) -> Option<OrderRef> {
        let mut orders = self.table.in_market(key.position());
        orders.find(|(_, order)| order.is_ours() && order.state.is_open()).map(|(at, _)| at)
    }

    /// The same, as `decide` is told of it.
    pub fn open_order(&self, key: MarketKey) -> Option<OpenOrder> {
        let order = self.own(key).and_then(|at| self.table.get(at))?;
        Some(OpenOrder {
            remaining: order.terms()[0].pending,
            acked_ms: order.acked_ms,
            price: order.price,
            side: order.side,
        })
    }

    /// Orders of ours, earlier runs' included, that are open or unknown.
    pub fn open(&self) -> impl Iterator<Item = &Order> {
        self.table.iter().map(|(_, order)| order).filter(|order| !order.is_foreign() && order.state.is_open())
    }

    /// Orders of ours that have not ended with all their fills.
    pub fn unfinished(&self) -> impl Iterator<Item = &Order> {
        self.table.iter().map(|(_, order)| order).filter(|order| !order.is_foreign())
    }

    /// Whether there is an order of ours in a market beside this one.
    pub fn has_others(&self, key: MarketKey, than: Option<OrderRef>) -> bool {
        self.table.in_market(key.position()).any(|(at, order)| !order.is_foreign() && Some(at) != than)
    }

    /// Whether what became of an order of ours in a market is not known yet.
    pub fn is_uncertain(&self, key: MarketKey) -> bool {
        self.table.in_market(key.position()).any(|(_, order)| {
            !order.is_foreign() && (order.state.is_unknown() || order.state == OrderState::Ended || !order.is_ours())
        })
    }

    /// Whether an order of a market has an end that only the exchange can tell. Of a market that is over the exchange ends
    /// the orders by itself.
    pub fn has_open_end(&self, key: MarketKey, is_over: bool) -> bool {
        self.table.in_market(key.position()).any(|(_, order)| {
            let open_end = order.state.is_unknown() || order.awaits_fills() || (is_over && order.state.is_open());
            open_end && !order.is_foreign()
        })
    }

    /// Whether an order of ours whose exchange id is not known yet may be filling on this side.
    pub fn is_placing(&self, key: MarketKey, side: BookSide) -> bool {
        self.table.in_market(key.position()).any(|(_, order)| order.id.is_none() && order.side == side)
    }

    /// When the oldest order of ours in a market was placed.
    pub fn first_placed_ms(&self, key: MarketKey) -> Option<i64> {
        let ours = self.table.in_market(key.position()).filter(|(_, order)| !order.is_foreign());
        ours.map(|(_, order)| order.placed_ms).min()
    }

    /// A create of unknown outcome in a market that was written before a time.
    pub fn unknown_create(&self, key: MarketKey, before_ms: i64) -> Option<OrderRef> {
        let mut orders = self.table.in_market(key.position());
        let found = orders.find(|(_, order)| order.state == OrderState::UnknownCreate && order.sent_ms <= before_ms);
        found.map(|(at, _)| at)
    }

    /// Fills a list with what the orders of a market may still do, one of them left out.
    pub fn exposures(&self, key: MarketKey, without: Option<OrderRef>, exposures: &mut Vec<Exposure>) {
        exposures.clear();
        let orders = self.table.in_market(key.position()).filter(|&(at, _)| Some(at) != without);
        exposures.extend(orders.map(|(at, order)| Exposure::of(at, order)));
    }

    /// Writes down what each order reserves.
    pub fn note_reserved(&mut self, exposures: &[Exposure]) {
        for exposure in exposures {
            if let Some(order) = exposure.order.and_then(|at| self.table.get_mut(at)) {
                order.reserved = exposure.reserved;
            }
        }
    }

    /// Moves an order by an event of its life. Returns its market when what became of it has just become unknown.
    pub fn step(
        &mut self,
        at: OrderRef,
        event: OrderEvent,
        now: Now,
        counters: &mut ExecuteCounters,
        alarm: &mut Alarm,
    ) -> Option<MarketKey> {
        let order = self.table.get_mut(at)?;
        let before = order.state;
        let moves = order.amend.map(|terms| terms != (order.price, order.total));
        let taken = order.advance(event) == Effect::TakeNew;
        counters.amended += u64::from(taken && moves == Some(true));
        counters.renewed += u64::from(taken && moves == Some(false));
        let mut unknown_in = None;
        if order.state.is_unknown() && !before.is_unknown() {
            order.unsure_ms = now.session_ms;
            counters.unknown += 1;
            unknown_in = Some(order.market);
        } else if before.is_unknown() && !order.state.is_unknown() {
            counters.unknown_resolved += 1;
            counters.unknown_never_applied += u64::from(event == OrderEvent::NeverApplied);
        }
        if before.is_open() && !order.state.is_open() {
            counters.cancelled += u64::from(order.is_ours() && order.was_cut_short());
        } else if order.want_cancel && !order.state.is_in_flight() && order.state.is_open() {
            let at_ns = order.retry_at_ns.max(now.mono_ns);
            self.cancels_due(at_ns, alarm);
        }
        unknown_in
    }

    /// Draws the conclusions from an order's numbers: filled entirely, it has ended; ended and all its fills booked, it
    /// leaves. Returns the market and side of an order that left.
    pub fn touch(
        &mut self,
        at: OrderRef,
        now: Now,
        counters: &mut ExecuteCounters,
        alarm: &mut Alarm,
    ) -> Option<(MarketKey, BookSide)> {
        let order = self.table.get(at)?;
        let whole = order.id.is_some() && order.amend.is_none() && order.filled >= order.total;
        if whole && order.state.is_open() && order.is_ours() {
            self.step(at, OrderEvent::FilledWhole, now, counters, alarm);
        }
        let order = self.table.get(at).filter(|order| order.is_complete())?;
        let left = (order.market, order.side);
        self.step(at, OrderEvent::AllBooked, now, counters, alarm);
        self.table.remove(at);
        Some(left)
    }

    /// The exchange told at that time that an amend was applied.
    pub fn amend_told(&mut self, at: OrderRef, ts_ms: i64) {
        if let Some(order) = self.table.get_mut(at)
            && order.amend.is_some()
        {
            order.lease.ends_ms = order.lease.asked_ms;
            order.exchange_ms = order.exchange_ms.max(ts_ms);
            order.acked_ms = Some(ts_ms);
        }
    }

    /// Marks an order to be cancelled as soon as may be.
    pub fn withdraw(&mut self, at: OrderRef, now: Now, alarm: &mut Alarm) {
        let Some(order) = self.table.get_mut(at) else { return };
        order.want_cancel = true;
        order.retry_at_ns = order.retry_at_ns.max(now.mono_ns);
        self.cancels_due(now.mono_ns, alarm);
    }

    /// A cancel was refused: it is tried again after a while, which grows from one refusal to the next.
    pub fn retry_cancel(&mut self, at: OrderRef, wait_ns: std::ops::RangeInclusive<u64>, now: Now, alarm: &mut Alarm) {
        let Some(order) = self.table.get_mut(at) else { return };
        order.want_cancel = true;
        order.retry_wait_ns = (order.retry_wait_ns * 2).clamp(*wait_ns.start(), *wait_ns.end());
        order.retry_at_ns = now.mono_ns.saturating_add(order.retry_wait_ns);
        let retry_at_ns = order.retry_at_ns;
        self.cancels_due(retry_at_ns, alarm);
    }

    /// Marks the open orders of ours in a market to be cancelled that are not wanted any more: those of earlier runs, and
    /// with `all` those of this one.
    pub fn withdraw_market(&mut self, key: MarketKey, all: bool, now: Now, alarm: &mut Alarm) {
        loop {
            let found = self.table.in_market(key.position()).find(|(_, order)| {
                let goes = !order.is_foreign() && order.state.is_open() && !order.want_cancel;
                goes && (all || !order.is_ours())
            });
            let Some((at, _)) = found else { break };
            self.withdraw(at, now, alarm);
        }
    }

    /// Marks orders to be cancelled that were not wanted again in time, and wakes for the others.
    pub fn expire(&mut self, now: Now, counters: &mut ExecuteCounters, alarm: &mut Alarm) {
        for slot in 0..self.table.slots() {
            let Some(at) = self.table.at(slot) else { continue };
            let order = self.table.get(at).expect("listed just now");
            if order.expires_ms == i64::MAX || order.want_cancel || !order.state.is_open() {
                continue;
            }
            if order.expires_ms <= now.session_ms {
                counters.expired += 1;
                self.withdraw(at, now, alarm);
            } else {
                alarm.at_session_ms(order.expires_ms);
            }
        }
    }

    /// Makes sure that cancels are tried then.
    pub fn cancels_due(&mut self, at_ns: u64, alarm: &mut Alarm) {
        self.cancels_due_ns = self.cancels_due_ns.min(at_ns);
        alarm.at_ns(at_ns);
    }

    /// When cancels are tried; never when none has to be.
    pub fn cancels_due_ns(&self) -> u64 {
        self.cancels_due_ns
    }

    /// Price and total of an order whose lease is to be renewed: it rests, and less is left of its lease than a renewal
    /// would find again.
    pub fn renewal(&self, at: OrderRef, now: Now) -> Option<(Price, Count)> {
        let order = self.table.get(at)?;
        let ends_ms = order.lease.ends_ms;
        let left_ms = ends_ms.saturating_sub(now.session_ms);
        let later = self.leases.expiration_s(now.session_ms).saturating_mul(1_000) > ends_ms;
        let due = order.state == OrderState::Resting && ends_ms != 0 && left_ms < self.leases.renew_below_ms && later;
        due.then_some((order.price, order.total))
    }

    /// Rates, costs or the number of markets changed.
    pub fn plan_leases(&mut self, config: &ExecuteConfig, markets: usize) {
        let wanted = config.limits.open_orders_max;
        self.leases = LeasePlan::new(self.tokens.budget(), config.leases, config.order_ttl_ms, wanted, markets);
    }
}
