//! Writes: decoded and checked on arrival, carried out after the order latency, and answered then. Requests keep their order
//! of arrival. The individual calls are in `order_writes`, `order_groups` and `subaccounts`.

use serde_json::Value;

use super::decode::{self, Object, ShardName};
use super::faults::WriteFate;
use super::limits::{CHEAP_COST, DEFAULT_COST, WriteBucket};
use super::market_reads::{Answer, json};
use super::order_groups::{self, GroupWrite};
use super::order_writes::{self, Amend, NewItem, Target};
use super::route::{Query, Route};
use super::subaccounts::SubaccountWrite;
use super::{ExchangeNow, Gateway, HttpRequest, HttpResponse, Refusal, Ticket, subaccounts};
use crate::exchange::engine::{AccountId, CancelAll, Decrease, Engine, NewOrder};
use crate::wire::orders::{CanceledBatch, CanceledOrder, DecreasedOrder};

/// A write in flight to the engine.
#[derive(Clone, Debug)]
pub(super) struct DelayedWrite {
    pub(super) due_ms: i64,
    /// `None` if nobody gets the response.
    ticket: Option<Ticket>,
    account: AccountId,
    write: Write,
}

#[derive(Clone, Debug)]
enum Write {
    Create(NewOrder),
    CreateBatch(Vec<NewItem>),
    Cancel(Target),
    CancelBatch(Vec<(String, Result<Target, Refusal>)>),
    CancelAll(CancelAll),
    Amend(Amend),
    Decrease(Target, Decrease),
    Group(GroupWrite),
    Subaccount(SubaccountWrite),
}

/// A write and its cost.
struct Priced {
    write: Write,
    bucket: WriteBucket,
    cost: u32,
}

impl Priced {
    /// A write charged to the unscoped bucket.
    fn unscoped(write: Write, cost: u32) -> Self {
        Self { write, bucket: WriteBucket::Unscoped, cost }
    }
}

/// The bucket that a call about one order is charged to. A call that the exchange has to route itself is charged to every
/// bucket; it can be routed only by a market's ticker.
const fn bucket(named: ShardName, has_ticker: bool) -> WriteBucket {
    match named {
        ShardName::Index(0) => WriteBucket::Unscoped,
        ShardName::Index(shard) => WriteBucket::Shard(shard),
        ShardName::Absent if !has_ticker => WriteBucket::Unscoped,
        ShardName::Absent | ShardName::ByTicker => WriteBucket::Every,
    }
}

/// The cost of a batch.
fn batch_cost(each: u32, items: usize) -> u32 {
    each.saturating_mul(u32::try_from(items).unwrap_or(u32::MAX))
}

impl Gateway {
    /// Accepts a write: it is rejected at once, or answered after the engine has carried it out.
    pub(super) fn write(
        &mut self,
        engine: &Engine,
        ticket: Ticket,
        account: AccountId,
        route: Route<'_>,
        request: &HttpRequest<'_>,
        now: ExchangeNow,
    ) -> Result<(), Refusal> {
        let Priced { write, bucket, cost } = self.decode_write(engine, account, route, request)?;
        if !self.limits.write(account, bucket, cost, now.session_ms) {
            self.cancels_throttled += u64::from(request.method == "DELETE");
            return Err(Refusal::too_many_requests());
        }
        let due_ms = now.session_ms.saturating_add(self.settings.order_latency_ms);
        self.depart(DelayedWrite { due_ms, ticket: Some(ticket), account, write });
        Ok(())
    }

    /// Sends a write on its way, subject to the armed faults.
    fn depart(&mut self, write: DelayedWrite) {
        match self.faults.write() {
            WriteFate::Passed => self.queue(write),
            WriteFate::Lost => {}
            WriteFate::Doubled => {
                self.queue(DelayedWrite { ticket: None, ..write.clone() });
                self.queue(write);
            }
            WriteFate::Delayed(by_ms) => {
                self.queue(DelayedWrite { due_ms: write.due_ms.saturating_add(by_ms), ..write });
            }
        }
    }

    /// Inserts a write by its time, after those due at the same time.
    fn queue(&mut self, write: DelayedWrite) {
        let position = self.delayed.partition_point(|other| other.due_ms <= write.due_ms);
        self.delayed.insert(position, write);
    }

    fn decode_write(
        &self,
        engine: &Engine,
        account: AccountId,
        route: Route<'_>,
        request: &HttpRequest<'_>,
    ) -> Result<Priced, Refusal> {
        let query = Query::new(request.target, "WriteOrder");
        match route {
            Route::Create => {
                let create = decode::create(&decode::json(request.body)?, account)?;
                let bucket = bucket(create.shard, true);
                let write = Write::Create(order_writes::placed_in(engine, create)?);
                Ok(Priced { write, bucket, cost: DEFAULT_COST })
            }
            Route::CreateBatch => {
                let body = decode::json(request.body)?;
                let items = self.batch(&body, "BatchCreateOrdersV2Request")?;
                let orders = items.iter().map(|item| order_writes::create_item(engine, item, account));
                let write = Write::CreateBatch(orders.collect::<Result<_, _>>()?);
                Ok(Priced::unscoped(write, batch_cost(DEFAULT_COST, items.len())))
            }
            Route::Cancel(id) => {
                let named = ShardName::new(query.integer("exchange_index")?)?;
                let ticker = query.get("market_ticker");
                let target = order_writes::target(engine, id, ticker, named, decode::query_subaccount(&query)?)?;
                let bucket = bucket(named, ticker.is_some());
                Ok(Priced { write: Write::Cancel(target), bucket, cost: CHEAP_COST })
            }
            Route::CancelBatch => {
                let body = decode::json(request.body)?;
                let items = self.batch(&body, "BatchCancelOrdersV2Request")?;
                let targets = items.iter().map(|item| order_writes::cancel_item(engine, item));
                let write = Write::CancelBatch(targets.collect::<Result<_, _>>()?);
                Ok(Priced::unscoped(write, batch_cost(CHEAP_COST, items.len())))
            }
            Route::Amend(id) => {
                let body = decode::json(request.body)?;
                let (amend, named) = order_writes::amend(engine, id, &body, decode::query_subaccount(&query)?)?;
                Ok(Priced { write: Write::Amend(amend), bucket: bucket(named, true), cost: DEFAULT_COST })
            }
            Route::Decrease(id) => {
                let body = decode::json(request.body)?;
                let body = Object::new(&body, "DecreaseOrderV2Request")?;
                let (named, ticker) = (body.shard()?, body.text("market_ticker")?);
                let target = order_writes::target(engine, id, ticker, named, decode::query_subaccount(&query)?)?;
                let write = Write::Decrease(target, order_writes::decrease(&body)?);
                Ok(Priced { write, bucket: bucket(named, ticker.is_some()), cost: DEFAULT_COST })
            }
            Route::CancelAll => {
                let named = query.get("subaccount").is_some();
                let subaccount = named.then(|| decode::query_subaccount(&query)).transpose()?;
                let (window_ms, every_ms) = (self.settings.cancel_all_window_ms, self.settings.cancel_all_every_ms);
                let write = Write::CancelAll(CancelAll { subaccount, window_ms, every_ms });
                Ok(Priced::unscoped(write, CHEAP_COST))
            }
            Route::CreateSubaccount | Route::Transfer | Route::SetNetting => {
                let write = subaccounts::decode(route, request.body, self.limits.tier())?;
                Ok(Priced::unscoped(Write::Subaccount(write), DEFAULT_COST))
            }
            group => {
                let write = order_groups::decode(group, &query, request.body, account)?;
                Ok(Priced::unscoped(Write::Group(write), DEFAULT_COST))
            }
        }
    }

    /// The items of a batch.
    fn batch<'v>(&self, body: &'v Value, name: &'static str) -> Result<&'v [Value], Refusal> {
        let items = Object::new(body, name)?.array("orders")?;
        if items.is_empty() || items.len() > self.settings.batch_orders_max {
            let most = self.settings.batch_orders_max;
            return Err(Refusal::invalid(&format!("orders has {} entries, expected 1 to {most}", items.len())));
        }
        Ok(items)
    }

    /// Carries out the next write that is due. Returns whether there was one.
    pub(super) fn execute_next(&mut self, engine: &mut Engine, now: ExchangeNow) -> bool {
        let Some(delayed) = self.delayed.pop_front_if(|delayed| delayed.due_ms <= now.session_ms) else {
            return false;
        };
        let response = self
            .execute(engine, delayed.account, delayed.write, now.session_ms)
            .unwrap_or_else(|refusal| refusal.response());
        if let Some(ticket) = delayed.ticket {
            self.faults.answer(&mut self.outputs, ticket, response, now.session_ms);
        }
        true
    }

    fn execute(&mut self, engine: &mut Engine, account: AccountId, write: Write, now_ms: i64) -> Answer {
        match write {
            Write::Create(order) => {
                let placed = engine.create_order(&order, now_ms)?;
                Ok(json(201, &order_writes::created(&placed, order.client_order_id, now_ms)))
            }
            Write::CreateBatch(orders) => {
                let item = |order| order_writes::create_one(engine, order, now_ms);
                let orders: Vec<Value> = orders.into_iter().map(item).collect();
                Ok(json(201, &serde_json::json!({ "orders": orders })))
            }
            Write::Cancel(target) => {
                order_writes::locate(engine, account, target)?;
                let reduced_by = engine.cancel_order(account, target.order, now_ms)?;
                let order_id = target.order.to_string();
                // The exchange omits the client order id here, as captured, although the order has one.
                Ok(json(200, &CanceledOrder { order_id, client_order_id: None, reduced_by, ts_ms: now_ms }))
            }
            Write::CancelBatch(targets) => {
                let orders = targets
                    .into_iter()
                    .map(|(id, target)| order_writes::cancel_one(engine, account, id, target, now_ms))
                    .collect();
                Ok(json(200, &CanceledBatch { orders }))
            }
            Write::CancelAll(spec) => {
                engine.cancel_all(account, &spec, now_ms)?;
                Ok(HttpResponse { status: 204, body: Vec::new() })
            }
            Write::Amend(amend) => order_writes::execute_amend(engine, account, amend, now_ms),
            Write::Decrease(target, decrease) => {
                let client_order_id = order_writes::locate(engine, account, target)?;
                let remaining_count = engine.decrease_order(account, target.order, decrease, now_ms)?;
                let order_id = target.order.to_string();
                Ok(json(200, &DecreasedOrder { order_id, client_order_id, remaining_count, ts_ms: now_ms }))
            }
            Write::Group(write) => order_groups::execute(engine, account, write, now_ms),
            Write::Subaccount(write) => self.transfers.execute(engine, account, write, now_ms),
        }
    }
}
