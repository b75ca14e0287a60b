//! Hands order writes over: renders creates, amends, batched cancels and what is written about groups, takes the write
//! tokens, and keeps a slot for each answer. What is needed to cancel every open order is never spent on anything else.

use super::groups::GroupWrite;
use super::life::{OrderEvent, next};
use super::requests::{CANCEL_BATCH_MAX, Request, RequestItem, RequestKind};
use super::table::OrderRef;
use super::tokens::Charge;
use super::{Orders, life::OrderState};
use crate::clock::{NEVER_NS, Now};
use crate::execute::alarm::Alarm;
use crate::market::{MarketKey, OrderId};
use crate::ports::{ExecuteEffect, ExecutePort, NotSent, OrderRequest, RequestId};
use crate::wire::order_groups::{CREATE_GROUP_PATH, set_group_path, write_create_group, write_limit_group};
use crate::wire::orders::body::{Amend, Cancel, Create, write_amend, write_cancel_batch, write_create};
use crate::wire::orders::{BATCHED_PATH, ORDERS_PATH};

/// The orders of one batched cancel.
#[derive(Clone, Copy, Debug)]
pub(in crate::execute) struct CancelBatch {
    items: [RequestItem; CANCEL_BATCH_MAX],
    count: usize,
}

impl CancelBatch {
    pub fn items(&self) -> &[RequestItem] {
        &self.items[..self.count]
    }
}

fn set_amend_path(path: &mut String, order: OrderId) {
    path.clear();
    path.push_str(ORDERS_PATH);
    path.push('/');
    order.push_to(path);
    path.push_str("/amend");
}

impl Orders {
    /// Whether the write buckets allow a create on a shard and, after it, all cancels, that of the new order included.
    pub fn allows_create(&self, exchange_index: u8, now: Now) -> bool {
        let (cost, cancels) = (self.tokens.budget().create, self.table.ours_open() + 1);
        self.tokens.allows(exchange_index, cost, cancels, now.mono_ns)
    }

    /// Whether the write buckets allow an amend on a shard and, after it, all cancels.
    pub fn allows_amend(&self, exchange_index: u8, now: Now) -> bool {
        self.tokens.allows(exchange_index, self.tokens.budget().amend, self.table.ours_open(), now.mono_ns)
    }

    /// Whether the account's write bucket allows a write about a group and, after it, all cancels.
    pub fn allows_group(&self, now: Now) -> bool {
        self.tokens.allows(0, self.tokens.budget().create, self.table.ours_open(), now.mono_ns)
    }

    /// Writes a create; the order is in the table already. Returns when the kernel had it.
    pub fn write_create(
        &mut self,
        at: OrderRef,
        create: &Create<'_>,
        now: Now,
        alarm: &mut Alarm,
        port: &mut impl ExecutePort,
    ) -> Result<u64, NotSent> {
        self.body.clear();
        write_create(&mut self.body, create);
        let market = self.table.get(at).expect("inserted by the caller").market;
        // The exchange's id is not known yet: answers to creates go by the slot.
        let item = RequestItem { at, market, id: OrderId::default() };
        self.write(RequestKind::Create, &[item], create.exchange_index, now, alarm, port)
    }

    /// Writes an amend, whose terms the order holds beside its own from then on. Returns when the kernel had it.
    pub fn write_amend(
        &mut self,
        at: OrderRef,
        amend: &Amend<'_>,
        now: Now,
        alarm: &mut Alarm,
        port: &mut impl ExecutePort,
    ) -> Result<u64, NotSent> {
        self.body.clear();
        write_amend(&mut self.body, amend);
        let order = self.table.get(at).expect("looked up by the caller");
        let item = RequestItem { at, market: order.market, id: order.id.expect("only known orders are amended") };
        let written_ns = self.write(RequestKind::Amend, &[item], amend.exchange_index, now, alarm, port)?;
        let order = self.table.get_mut(at).expect("looked up above");
        order.amend = Some((amend.price, amend.count));
        order.lease.asked_ms = amend.expiration_s.map_or(order.lease.ends_ms, |seconds| seconds.saturating_mul(1_000));
        order.sent_ms = now.session_ms;
        Ok(written_ns)
    }

    /// Renders a create that is not sent and shows it to the port, so that the next real one finds everything in the
    /// processor's caches. It has none of the numbers of requests: those are for what is sent.
    pub fn rehearse_create(&mut self, create: &Create<'_>, port: &mut impl ExecutePort) {
        self.body.clear();
        write_create(&mut self.body, create);
        port.rehearse(&OrderRequest { id: 0, method: "POST", path: ORDERS_PATH, body: &self.body, cancels: false });
    }

    /// A round of cancels begins: whatever is not sent in it makes itself due again.
    pub fn begin_cancels(&mut self) {
        self.cancels_due_ns = NEVER_NS;
    }

    /// The next batch of orders to cancel, from a slot of the table on, as far as the write tokens go. `is_over` says of
    /// which markets the exchange ends the orders by itself.
    ///
    /// # Errors
    /// Without anything to cancel now: when there is, which is never when nothing is left in the table.
    pub fn next_cancels(
        &mut self,
        slot: &mut u32,
        is_over: impl Fn(MarketKey) -> bool,
        now: Now,
        alarm: &mut Alarm,
    ) -> Result<CancelBatch, u64> {
        let (allowed, next_ns) = self.tokens.cancels(now.mono_ns);
        let batch_max = allowed.min(CANCEL_BATCH_MAX);
        let mut batch: Option<CancelBatch> = None;
        while *slot < self.table.slots() {
            let due = self.table.at(*slot).and_then(|at| self.cancel_item(at, &is_over, now, alarm));
            if let Some(item) = due {
                if batch_max == 0 {
                    return Err(next_ns.max(now.mono_ns + 1));
                }
                let batch = batch.get_or_insert(CancelBatch { items: [item; CANCEL_BATCH_MAX], count: 0 });
                batch.items[batch.count] = item;
                batch.count += 1;
            }
            *slot += 1;
            if batch.is_some_and(|batch| batch.count == batch_max) {
                break;
            }
        }
        batch.ok_or(NEVER_NS)
    }

    /// The item that cancels an order, if that is wanted, possible and due. Arms what is not due yet.
    fn cancel_item(
        &mut self,
        at: OrderRef,
        is_over: impl Fn(MarketKey) -> bool,
        now: Now,
        alarm: &mut Alarm,
    ) -> Option<RequestItem> {
        let order = self.table.get(at)?;
        let cancelable = next(order.state, OrderEvent::CancelSent) != order.state;
        if !order.want_cancel || !cancelable || order.is_foreign() || is_over(order.market) {
            return None;
        }
        let (id, market, retry_at_ns) = (order.id?, order.market, order.retry_at_ns);
        if retry_at_ns > now.mono_ns {
            self.cancels_due(retry_at_ns, alarm);
            return None;
        }
        Some(RequestItem { at, market, id })
    }

    /// Writes a batched cancel.
    pub fn write_cancels<'a>(
        &mut self,
        batch: &CancelBatch,
        cancels: impl Iterator<Item = Cancel<'a>>,
        now: Now,
        alarm: &mut Alarm,
        port: &mut impl ExecutePort,
    ) -> Result<(), NotSent> {
        self.body.clear();
        write_cancel_batch(&mut self.body, cancels);
        self.write(RequestKind::Cancel, batch.items(), 0, now, alarm, port).map(|_| ())
    }

    /// Writes what a group needs. Returns the request.
    pub fn write_group(
        &mut self,
        position: usize,
        write: GroupWrite,
        now: Now,
        alarm: &mut Alarm,
        port: &mut impl ExecutePort,
    ) -> Option<RequestId> {
        if self.requests.is_full() {
            return None;
        }
        let (id, exchange_index) = self.groups.address(position);
        self.body.clear();
        let method = match (write, id) {
            (GroupWrite::Create(limit), _) => {
                CREATE_GROUP_PATH.clone_into(&mut self.path);
                write_create_group(&mut self.body, limit, exchange_index);
                "POST"
            }
            (GroupWrite::Limit(limit), Some(id)) => {
                set_group_path(&mut self.path, id, "limit", exchange_index);
                write_limit_group(&mut self.body, limit);
                "PUT"
            }
            (GroupWrite::Reset, Some(id)) => {
                set_group_path(&mut self.path, id, "reset", exchange_index);
                "PUT"
            }
            (GroupWrite::Limit(_) | GroupWrite::Reset, None) => return None,
        };
        // Groups of every shard are paid for by the account.
        let charge = Charge { exchange_index: 0, tokens: self.tokens.budget().create };
        let request = Request::new(self.requests.next_id(), RequestKind::Group, charge, &[]);
        let sent = OrderRequest { id: request.id, method, path: &self.path, body: &self.body, cancels: false };
        let written_ns = port.request(&sent).ok()?;
        self.sent(request, written_ns, now, alarm);
        self.groups.written(position, request.id, write);
        Some(request.id)
    }

    /// An order that came to rest, or rests on, may be amended next: its path is the only one of a write that is not
    /// known at the start.
    pub fn announce_amend(&mut self, at: OrderRef, port: &mut impl ExecutePort) {
        let Some(order) = self.table.get(at) else { return };
        if let (OrderState::Resting, true, Some(id)) = (order.state, order.is_ours(), order.id) {
            set_amend_path(&mut self.path, id);
            port.tell(ExecuteEffect::Presign("POST", &self.path));
        }
    }

    /// What a request about orders costs, and which bucket pays.
    fn charge(&self, kind: RequestKind, orders: usize, exchange_index: u8) -> Charge {
        let budget = self.tokens.budget();
        match kind {
            RequestKind::Create => Charge { exchange_index, tokens: budget.create },
            RequestKind::Amend => {
                Charge { exchange_index, tokens: if planted!(AmendForACancel) { budget.cancel } else { budget.amend } }
            }
            RequestKind::Cancel => {
                let orders = u32::try_from(orders).expect("a batch is bounded");
                Charge { exchange_index: 0, tokens: budget.cancel.saturating_mul(orders) }
            }
            RequestKind::Group => unreachable!("groups have paths of their own and write themselves"),
        }
    }

    /// Hands the body over and keeps a slot for its answer. Returns when the kernel had it.
    fn write(
        &mut self,
        kind: RequestKind,
        items: &[RequestItem],
        exchange_index: u8,
        now: Now,
        alarm: &mut Alarm,
        port: &mut impl ExecutePort,
    ) -> Result<u64, NotSent> {
        if self.requests.is_full() {
            return Err(NotSent);
        }
        let charge = self.charge(kind, items.len(), exchange_index);
        let request = Request::new(self.requests.next_id(), kind, charge, items);
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
        let written_ns = port.request(&OrderRequest { id: request.id, method, path, body: &self.body, cancels })?;
        self.sent(request, written_ns, now, alarm);
        Ok(written_ns)
    }

    fn sent(&mut self, mut request: Request, written_ns: u64, now: Now, alarm: &mut Alarm) {
        request.written_ns = written_ns;
        self.tokens.take(request.charge, now.mono_ns);
        alarm.at_ns(self.requests.push(request, now.mono_ns));
    }
}
