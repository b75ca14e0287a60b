//! Order writes: decoded and checked on arrival, carried out by the engine after the order latency, answered then.
//! Requests keep the order in which they arrived.

use serde_json::Value;

use super::decode::{self, CreateRequest, Object};
use super::faults::WriteFate;
use super::limits::{CHEAP_COST, DEFAULT_COST, WriteBucket};
use super::market_reads::{Answer, json};
use super::route::{Query, Route};
use super::{ExchangeNow, Gateway, HttpRequest, HttpResponse, Refusal, Ticket};
use crate::exchange::engine::{AccountId, AmendExpiration, AmendSpec, Decrease, Engine, NewOrder, Placed};
use crate::market::{Count, Money, OrderId};
use crate::wire::Dollars4;
use crate::wire::orders::{
    AmendedOrder, CanceledBatch, CanceledBatchItem, CanceledOrder, CreatedOrder, DecreasedOrder,
};

/// An order write on its way to the engine.
#[derive(Clone, Debug)]
pub(super) struct DelayedWrite {
    pub(super) due_ms: i64,
    /// None when nobody hears of the answer.
    ticket: Option<Ticket>,
    account: AccountId,
    write: Write,
}

#[derive(Clone, Debug)]
enum Write {
    Create(NewOrder),
    CreateBatch(Vec<Result<NewOrder, Refusal>>),
    Cancel(Target),
    CancelBatch(Vec<(String, Result<Target, Refusal>)>),
    CancelAll,
    Amend(Target, AmendSpec, Option<String>),
    Decrease(Target, Decrease),
}

/// An existing order as a request points at it.
#[derive(Clone, Copy, Debug)]
struct Target {
    order: OrderId,
    shard: u8,
    subaccount: u32,
}

/// Which bucket pays for a call about one order.
const fn bucket(named: Option<u8>) -> WriteBucket {
    match named {
        None => WriteBucket::Every,
        Some(0) => WriteBucket::Unscoped,
        Some(shard) => WriteBucket::Shard(shard),
    }
}

/// Sums over the fills of a command become averages a contract, and a fee over them too.
fn averages(placed: &Placed) -> Option<(Dollars4, Dollars4)> {
    let units = placed.filled.units();
    let average = |total: Money| Dollars4(Money::from_micros(total.micros().saturating_mul(100).div_euclid(units)));
    (units > 0).then(|| (average(placed.filled_value), average(placed.fees)))
}

impl Gateway {
    /// Takes an order write: refused at once, or answered when the engine has carried it out.
    pub(super) fn write(
        &mut self,
        engine: &Engine,
        ticket: Ticket,
        account: AccountId,
        route: Route<'_>,
        request: &HttpRequest<'_>,
        now: ExchangeNow,
    ) -> Result<(), Refusal> {
        let (write, bucket, cost) = self.decode_write(engine, account, route, request)?;
        if !self.limits.write(account, bucket, cost, now.session_ms) {
            return Err(Refusal::too_many_requests());
        }
        let due_ms = now.session_ms.saturating_add(self.settings.order_latency_ms);
        self.depart(DelayedWrite { due_ms, ticket: Some(ticket), account, write });
        Ok(())
    }

    /// Puts a write on its way, as faults let it.
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

    /// At its place by time; behind what is due at the same time.
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
    ) -> Result<(Write, WriteBucket, u32), Refusal> {
        let query = Query::new(request.target, "WriteOrder");
        match route {
            Route::Create => {
                let create = decode::create(&decode::json(request.body)?, account)?;
                let bucket = bucket(create.shard);
                Ok((Write::Create(placed_in(engine, create)?), bucket, DEFAULT_COST))
            }
            Route::CreateBatch => {
                let body = decode::json(request.body)?;
                let items = self.batch(&body, "BatchCreateOrdersV2Request")?;
                let orders: Vec<_> = items
                    .iter()
                    .map(|item| decode::create(item, account).and_then(|create| placed_in(engine, create)))
                    .collect();
                let cost = DEFAULT_COST.saturating_mul(u32::try_from(orders.len()).unwrap_or(u32::MAX));
                Ok((Write::CreateBatch(orders), WriteBucket::Unscoped, cost))
            }
            Route::Cancel(id) => {
                let named = query_shard(&query)?;
                let target = target(engine, id, query.get("market_ticker"), named, query_subaccount(&query)?)?;
                Ok((Write::Cancel(target), bucket(named), CHEAP_COST))
            }
            Route::CancelBatch => {
                let body = decode::json(request.body)?;
                let items = self.batch(&body, "BatchCancelOrdersV2Request")?;
                let targets: Vec<_> = items.iter().map(|item| cancel_item(engine, item)).collect::<Result<_, _>>()?;
                let cost = CHEAP_COST.saturating_mul(u32::try_from(targets.len()).unwrap_or(u32::MAX));
                Ok((Write::CancelBatch(targets), WriteBucket::Unscoped, cost))
            }
            Route::Amend(id) => {
                let body = decode::json(request.body)?;
                decode_amend(engine, id, &body, query_subaccount(&query)?)
            }
            Route::Decrease(id) => {
                let body = decode::json(request.body)?;
                decode_decrease(engine, id, &body, query_subaccount(&query)?)
            }
            _ => Ok((Write::CancelAll, WriteBucket::Unscoped, CHEAP_COST)),
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
        let response = execute(engine, delayed.account, delayed.write, now.session_ms)
            .unwrap_or_else(|refusal| refusal.response());
        if let Some(ticket) = delayed.ticket {
            self.faults.answer(&mut self.outputs, ticket, response, now.session_ms);
        }
        true
    }
}

fn query_shard(query: &Query<'_>) -> Result<Option<u8>, Refusal> {
    match query.integer("exchange_index", "ExchangeIndex")? {
        None | Some(-1) => Ok(None),
        Some(index) => u8::try_from(index).map(Some).map_err(|_| Refusal::not_found()),
    }
}

fn query_subaccount(query: &Query<'_>) -> Result<u32, Refusal> {
    decode::subaccount(query.integer("subaccount", "Subaccount")?)
}

/// Finds a create's market, on the shard that it names.
fn placed_in(engine: &Engine, create: CreateRequest) -> Result<NewOrder, Refusal> {
    let market = engine.market_by_ticker(&create.ticker).ok_or_else(Refusal::market_not_found)?;
    if create.shard.is_some_and(|shard| shard != engine.market(market).spec().exchange_index) {
        return Err(Refusal::market_not_found());
    }
    Ok(NewOrder { market, ..create.order })
}

/// Where a request looks for an order: the shard it names, else the market's, else shard 0.
fn target(
    engine: &Engine,
    id: &str,
    ticker: Option<&str>,
    named: Option<u8>,
    subaccount: u32,
) -> Result<Target, Refusal> {
    let order = OrderId::parse(id).map_err(|_| Refusal::not_found())?;
    let shard = match (named, ticker) {
        (Some(shard), _) => shard,
        (None, Some(ticker)) => {
            let market = engine.market_by_ticker(ticker).ok_or_else(Refusal::market_not_found)?;
            engine.market(market).spec().exchange_index
        }
        (None, None) => 0,
    };
    Ok(Target { order, shard, subaccount })
}

fn cancel_item(engine: &Engine, item: &Value) -> Result<(String, Result<Target, Refusal>), Refusal> {
    let item = Object::new(item, "BatchCancelOrdersV2Request.orders")?;
    let id = item.required("order_id")?;
    let found = target(engine, id, item.text("market_ticker")?, item.shard()?, item.subaccount()?);
    Ok((id.to_owned(), found))
}

fn decode_amend(
    engine: &Engine,
    id: &str,
    body: &Value,
    subaccount: u32,
) -> Result<(Write, WriteBucket, u32), Refusal> {
    let body = Object::new(body, "AmendOrderV2Request")?;
    let ticker = body.required("ticker")?;
    let market = engine.market_by_ticker(ticker).ok_or_else(Refusal::market_not_found)?;
    let named = body.shard()?;
    let target = target(engine, id, Some(ticker), named, subaccount)?;
    if body.text("updated_client_order_id")?.is_some_and(|id| !id.is_empty()) {
        let details = "updated_client_order_id is not supported by the embedded exchange";
        return Err(Refusal::invalid(details));
    }
    let total_count = body.count("count")?.ok_or_else(|| decode::missing("count"))?;
    let expiration = match body.integer("expiration_time")? {
        None => AmendExpiration::Keep,
        Some(0) => AmendExpiration::Remove,
        Some(seconds) => AmendExpiration::At(seconds.saturating_mul(1_000)),
    };
    let spec = AmendSpec { market, side: body.side()?, price: body.price("price")?, total_count, expiration };
    let client_order_id = body.text("client_order_id")?.filter(|id| !id.is_empty()).map(str::to_owned);
    Ok((Write::Amend(target, spec, client_order_id), bucket(named), DEFAULT_COST))
}

fn decode_decrease(
    engine: &Engine,
    id: &str,
    body: &Value,
    subaccount: u32,
) -> Result<(Write, WriteBucket, u32), Refusal> {
    let body = Object::new(body, "DecreaseOrderV2Request")?;
    let named = body.shard()?;
    let target = target(engine, id, body.text("market_ticker")?, named, subaccount)?;
    let decrease = match (body.count("reduce_by")?, body.count("reduce_to")?) {
        (Some(by), None) => Decrease::By(by),
        (None, Some(to)) => Decrease::To(to),
        _ => {
            let details = "exactly one of reduce_by and reduce_to is required";
            return Err(Refusal::invalid(details));
        }
    };
    Ok((Write::Decrease(target, decrease), bucket(named), DEFAULT_COST))
}

/// Checks that the order is where the request looked for it. Returns its client order id.
fn locate(engine: &Engine, account: AccountId, target: Target) -> Result<Option<String>, Refusal> {
    let found = engine.order(target.order).filter(|order| {
        order.account == account
            && order.subaccount == target.subaccount
            && engine.market(order.market).spec().exchange_index == target.shard
    });
    found.map(|order| order.client_order_id.clone()).ok_or_else(Refusal::not_found)
}

fn execute(engine: &mut Engine, account: AccountId, write: Write, now_ms: i64) -> Answer {
    match write {
        Write::Create(order) => {
            let placed = engine.create_order(&order, now_ms)?;
            Ok(json(201, &created(&placed, order.client_order_id, now_ms)))
        }
        Write::CreateBatch(orders) => {
            let orders: Vec<Value> = orders.into_iter().map(|order| create_item(engine, order, now_ms)).collect();
            Ok(json(201, &serde_json::json!({ "orders": orders })))
        }
        Write::Cancel(target) => {
            let client_order_id = locate(engine, account, target)?;
            let reduced_by = engine.cancel_order(account, target.order, now_ms)?;
            let order_id = target.order.to_string();
            Ok(json(200, &CanceledOrder { order_id, client_order_id, reduced_by, ts_ms: now_ms }))
        }
        Write::CancelBatch(targets) => {
            let orders = targets
                .into_iter()
                .map(|(order_id, target)| {
                    let canceled = target.and_then(|target| {
                        let client_order_id = locate(engine, account, target)?;
                        Ok((client_order_id, engine.cancel_order(account, target.order, now_ms)?))
                    });
                    canceled_item(order_id, canceled, now_ms)
                })
                .collect();
            Ok(json(200, &CanceledBatch { orders }))
        }
        Write::CancelAll => {
            engine.cancel_all(account, now_ms);
            Ok(HttpResponse { status: 204, body: Vec::new() })
        }
        Write::Amend(target, spec, expected) => {
            let client_order_id = locate(engine, account, target)?;
            if expected.is_some() && expected != client_order_id {
                return Err(Refusal::new(400, "order_id_and_client_order_id_mismatch"));
            }
            let placed = engine.amend_order(account, target.order, &spec, now_ms)?;
            let averages = averages(&placed);
            Ok(json(
                200,
                &AmendedOrder {
                    order_id: target.order.to_string(),
                    client_order_id,
                    remaining_count: Some(placed.remaining),
                    fill_count: Some(placed.filled),
                    average_fill_price: averages.map(|(price, _)| price),
                    average_fee_paid: averages.map(|(_, fee)| fee),
                    ts_ms: now_ms,
                },
            ))
        }
        Write::Decrease(target, decrease) => {
            let client_order_id = locate(engine, account, target)?;
            let remaining_count = engine.decrease_order(account, target.order, decrease, now_ms)?;
            let order_id = target.order.to_string();
            Ok(json(200, &DecreasedOrder { order_id, client_order_id, remaining_count, ts_ms: now_ms }))
        }
    }
}

fn created(placed: &Placed, client_order_id: Option<String>, now_ms: i64) -> CreatedOrder {
    let averages = averages(placed);
    CreatedOrder {
        order_id: placed.order.to_string(),
        client_order_id,
        fill_count: placed.filled,
        remaining_count: placed.remaining,
        average_fill_price: averages.map(|(price, _)| price),
        average_fee_paid: averages.map(|(_, fee)| fee),
        ts_ms: now_ms,
    }
}

/// An entry of a batched create: like a create's answer, or the error and the client's id.
fn create_item(engine: &mut Engine, order: Result<NewOrder, Refusal>, now_ms: i64) -> Value {
    let (client_order_id, result) = match order {
        Ok(order) => {
            let placed = engine.create_order(&order, now_ms).map_err(Refusal::from);
            (order.client_order_id, placed)
        }
        Err(refusal) => (None, Err(refusal)),
    };
    match result {
        Ok(placed) => serde_json::to_value(created(&placed, client_order_id, now_ms))
            .expect("bodies are made of strings, numbers and lists"),
        Err(refusal) => serde_json::json!({ "client_order_id": client_order_id, "error": refusal.body() }),
    }
}

fn canceled_item(
    order_id: String,
    canceled: Result<(Option<String>, Count), Refusal>,
    now_ms: i64,
) -> CanceledBatchItem {
    match canceled {
        Ok((client_order_id, reduced_by)) => {
            CanceledBatchItem { order_id, client_order_id, reduced_by, ts_ms: Some(now_ms), error: None }
        }
        Err(refusal) => CanceledBatchItem {
            order_id,
            client_order_id: None,
            reduced_by: Count::ZERO,
            ts_ms: None,
            error: Some(refusal.body()),
        },
    }
}
