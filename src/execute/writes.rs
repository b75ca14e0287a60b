//! Sends order writes: creates, amends, batched cancels. Owns nothing beyond the buffers of the stage. Write tokens are
//! taken when the bytes are handed over; what is needed to cancel every open order is never spent on anything else.

use std::fmt::Write;

use super::ExecuteStage;
use super::controls::Placed;
use super::orders::{OrderEvent, OrderState};
use super::requests::{CANCEL_BATCH_MAX, Request, RequestItem, RequestKind};
use super::table::OrderRef;
use super::tokens::Charge;
use crate::clock::{NEVER_NS, Now};
use crate::market::OrderId;
use crate::messages::Verdict;
use crate::ports::{ExecuteEffect, ExecutePort, NotSent, OrderRequest};
use crate::wire::orders::body::{Amend, Cancel, Create, write_amend, write_cancel_batch, write_create};
use crate::wire::orders::{BATCHED_PATH, ORDERS_PATH};

/// How soon a write that found no connection is tried again.
const NO_CONNECTION_RETRY_NS: u64 = 5_000_000;

fn set_amend_path(path: &mut String, order: OrderId) {
    path.clear();
    write!(path, "{ORDERS_PATH}/{order}/amend").expect("writing to a String cannot fail");
}

impl ExecuteStage {
    /// Writes a create; the order is in the table already. Returns when the kernel had it.
    pub(super) fn create(
        &mut self,
        at: OrderRef,
        create: &Create<'_>,
        now: Now,
        port: &mut impl ExecutePort,
    ) -> Result<u64, Verdict> {
        self.body.clear();
        write_create(&mut self.body, create);
        let market = self.orders.get(at).expect("inserted by the caller").market;
        // The exchange's id is not known yet: answers to creates go by the slot.
        let item = RequestItem { at, market, id: OrderId::default() };
        let written_ns =
            self.write(RequestKind::Create, &[item], now, port).map_err(|NotSent| Verdict::RefusedNoConnection)?;
        self.counters.sent += 1;
        self.count_messages(1, now);
        let placed = Placed { side: create.side, price: create.price, count: create.count };
        self.remember_create(market, placed, now);
        Ok(written_ns)
    }

    /// Writes an amend and holds both its old and its new terms. Returns when the kernel had it.
    pub(super) fn write_amend(
        &mut self,
        at: OrderRef,
        amend: &Amend<'_>,
        now: Now,
        port: &mut impl ExecutePort,
    ) -> Result<u64, Verdict> {
        self.body.clear();
        write_amend(&mut self.body, amend);
        let order = self.orders.get(at).expect("looked up by the caller");
        let item = RequestItem { at, market: order.market, id: order.id.expect("only known orders are amended") };
        let written_ns =
            self.write(RequestKind::Amend, &[item], now, port).map_err(|NotSent| Verdict::RefusedNoConnection)?;
        let order = self.orders.get_mut(at).expect("looked up above");
        order.amend = Some((amend.price, amend.count));
        order.lease.asked_ms = amend.expiration_s.map_or(order.lease.ends_ms, |seconds| seconds.saturating_mul(1_000));
        order.sent_ms = now.session_ms;
        self.step(at, OrderEvent::AmendSent, now);
        self.counters.amends_sent += 1;
        self.count_messages(usize::from(!planted!(AmendsNotCounted)), now);
        Ok(written_ns)
    }

    /// Marks an order to be cancelled as soon as may be.
    pub(super) fn withdraw(&mut self, at: OrderRef, now: Now) {
        let Some(order) = self.orders.get_mut(at) else { return };
        order.want_cancel = true;
        order.retry_at_ns = order.retry_at_ns.max(now.mono_ns);
        self.cancels_due(now.mono_ns);
    }

    /// Makes sure that cancels are tried then.
    pub(super) fn cancels_due(&mut self, at_ns: u64) {
        self.cancels_due_ns = self.cancels_due_ns.min(at_ns);
        self.arm(at_ns);
    }

    /// Sends every cancel that is due, in batches, as far as tokens and connections go.
    pub(super) fn send_cancels(&mut self, now: Now, port: &mut impl ExecutePort) {
        self.cancels_due_ns = NEVER_NS;
        let mut slot = 0;
        while let Some(wait_ns) = self.send_cancel_batch(&mut slot, now, port) {
            if wait_ns > now.mono_ns {
                return self.cancels_due(wait_ns);
            }
        }
    }

    /// Sends one batch, from a slot of the table on. Returns when to go on: now, later, or never.
    fn send_cancel_batch(&mut self, slot: &mut u32, now: Now, port: &mut impl ExecutePort) -> Option<u64> {
        let (allowed, next_ns) = self.tokens.cancels(now.mono_ns);
        let batch_max = allowed.min(CANCEL_BATCH_MAX);
        let mut items = [None; CANCEL_BATCH_MAX];
        let mut count = 0;
        while *slot < self.orders.slots() {
            let due = self.orders.at(*slot).and_then(|at| self.cancel_item(at, now));
            if let Some(item) = due {
                if batch_max == 0 {
                    return Some(next_ns.max(now.mono_ns + 1));
                }
                items[count] = Some(item);
                count += 1;
            }
            *slot += 1;
            if count > 0 && count == batch_max {
                break;
            }
        }
        if count == 0 {
            return None;
        }
        if self.write_cancels(&items[..count], now, port).is_err() {
            return Some(now.mono_ns.saturating_add(NO_CONNECTION_RETRY_NS));
        }
        Some(now.mono_ns)
    }

    /// The item that cancels an order, if that is wanted, possible and due. Arms what is not due yet.
    fn cancel_item(&mut self, at: OrderRef, now: Now) -> Option<RequestItem> {
        let order = self.orders.get(at)?;
        let cancelable = super::orders::next(order.state, OrderEvent::CancelSent) != order.state;
        let market = self.directory.get(order.market)?;
        if !order.want_cancel || !cancelable || order.is_foreign() || market.is_over() {
            return None;
        }
        let (id, key, retry_at_ns) = (order.id?, order.market, order.retry_at_ns);
        if retry_at_ns > now.mono_ns {
            self.cancels_due(retry_at_ns);
            return None;
        }
        Some(RequestItem { at, market: key, id })
    }

    fn write_cancels(
        &mut self,
        items: &[Option<RequestItem>],
        now: Now,
        port: &mut impl ExecutePort,
    ) -> Result<(), NotSent> {
        let mut list = [items[0].expect("a batch has an item"); CANCEL_BATCH_MAX];
        let mut count = 0;
        for item in items.iter().flatten() {
            list[count] = *item;
            count += 1;
        }
        self.body.clear();
        write_cancel_batch(
            &mut self.body,
            list[..count].iter().map(|item| {
                let market = self.directory.get(item.market).expect("an order's market is listed while it is followed");
                Cancel { order: item.id, ticker: market.ticker.as_str(), exchange_index: market.exchange_index }
            }),
        );
        self.write(RequestKind::Cancel, &list[..count], now, port)?;
        self.count_messages(count, now);
        for item in &list[..count] {
            self.counters.cancels_sent += 1;
            self.step(item.at, OrderEvent::CancelSent, now);
            self.mark_dirty(item.market);
        }
        Ok(())
    }

    /// An order that came to rest, or rests on, may be amended next: its path is the only one of a write that is not
    /// known at the start.
    pub(super) fn announce_amend(&mut self, at: OrderRef, port: &mut impl ExecutePort) {
        let Some(order) = self.orders.get(at) else { return };
        if let (OrderState::Resting, true, Some(id)) = (order.state, order.is_ours(), order.id) {
            set_amend_path(&mut self.path, id);
            port.tell(ExecuteEffect::Presign("POST", &self.path));
        }
    }

    /// What a request about orders costs, and who pays.
    fn charge(&self, kind: RequestKind, items: &[RequestItem]) -> Charge {
        let budget = self.tokens.budget();
        let of_shard = |tokens| Charge { exchange_index: self.place_of(items[0].market).1, tokens };
        match kind {
            RequestKind::Create => of_shard(budget.create),
            RequestKind::Amend => of_shard(if planted!(AmendForACancel) { budget.cancel } else { budget.amend }),
            RequestKind::Cancel => {
                let orders = u32::try_from(items.len()).expect("a batch is bounded");
                Charge { exchange_index: 0, tokens: budget.cancel.saturating_mul(orders) }
            }
            RequestKind::Group => unreachable!("groups have paths of their own and write themselves"),
        }
    }

    /// Hands a request to the port and keeps a slot for its answer. Returns when the kernel had it.
    fn write(
        &mut self,
        kind: RequestKind,
        items: &[RequestItem],
        now: Now,
        port: &mut impl ExecutePort,
    ) -> Result<u64, NotSent> {
        if self.requests.is_full() {
            return Err(NotSent);
        }
        let charge = self.charge(kind, items);
        let mut request = Request::new(self.requests.next_id(), kind, charge, items);
        let (method, path) = match kind {
            RequestKind::Create => ("POST", ORDERS_PATH),
            RequestKind::Cancel => ("DELETE", BATCHED_PATH),
            RequestKind::Amend => {
                set_amend_path(&mut self.path, items[0].id);
                ("POST", self.path.as_str())
            }
            RequestKind::Group => unreachable!("groups have paths of their own and write themselves"),
        };
        let cancels = kind == RequestKind::Cancel;
        request.written_ns = port.request(&OrderRequest { id: request.id, method, path, body: &self.body, cancels })?;
        request.timeout_ns = now.mono_ns.saturating_add(self.config.answer_timeout_ns);
        self.arm(request.timeout_ns);
        self.requests.push(&request);
        self.tokens.take(charge, now.mono_ns);
        for item in items {
            if let Some(market) = self.directory.get_mut(item.market) {
                market.writes += 1;
            }
        }
        Ok(request.written_ns)
    }
}
