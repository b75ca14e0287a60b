//! Writes of single orders: from requests to the engine's commands, and from its results to response bodies.

use serde_json::Value;

use super::Refusal;
use super::decode::{self, CreateRequest, Object, ShardName};
use super::market_reads::{Answer, json};
use crate::exchange::engine::{AccountId, AmendExpiration, AmendSpec, Decrease, Engine, NewOrder, Placed, Reject};
use crate::market::{Count, Money, OrderId};
use crate::wire::Dollars4;
use crate::wire::orders::{AmendedOrder, CanceledBatchItem, CreatedOrder};

/// An existing order as a request addresses it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) order: OrderId,
    shard: u8,
    subaccount: u32,
}

/// An item of a batched create.
#[derive(Clone, Debug)]
pub(super) struct NewItem {
    /// As given in the request, whether or not it is well-formed.
    client_order_id: Option<String>,
    order: Result<NewOrder, Refusal>,
}

#[derive(Clone, Debug)]
pub(super) struct Amend {
    target: Target,
    spec: AmendSpec,
    /// The client order id that the order must have, if the request names one.
    expected: Option<String>,
}

/// The average price and fee per contract of a command's fills, if there were any.
fn averages(placed: &Placed) -> Option<(Dollars4, Dollars4)> {
    let units = placed.filled.units();
    let average = |total: Money| Dollars4(Money::from_micros(total.micros().saturating_mul(100).div_euclid(units)));
    (units > 0).then(|| (average(placed.filled_value), average(placed.fees)))
}

/// Looks up a create's market on the shard that it names.
pub(super) fn placed_in(engine: &Engine, create: CreateRequest) -> Result<NewOrder, Refusal> {
    let market = engine.market_by_ticker(&create.ticker).ok_or_else(Refusal::market_not_found)?;
    if matches!(create.shard, ShardName::Index(shard) if shard != engine.market(market).spec().exchange_index) {
        return Err(Refusal::market_not_found());
    }
    Ok(NewOrder { market, ..create.order })
}

/// Where to look for an order: on the shard that the request names, else the market's, else shard 0.
pub(super) fn target(
    engine: &Engine,
    id: &str,
    ticker: Option<&str>,
    named: ShardName,
    subaccount: u32,
) -> Result<Target, Refusal> {
    let order = OrderId::parse(id).map_err(|_| Refusal::not_found())?;
    let shard = match (named, ticker) {
        (ShardName::Index(shard), _) => shard,
        (_, Some(ticker)) => {
            let market = engine.market_by_ticker(ticker).ok_or_else(Refusal::market_not_found)?;
            engine.market(market).spec().exchange_index
        }
        (ShardName::Absent, None) => 0,
        (ShardName::ByTicker, None) => {
            return Err(Refusal::invalid("exchange_index -1 routes by market_ticker, which is required then"));
        }
    };
    Ok(Target { order, shard, subaccount })
}

/// Decodes an item of a batched cancel: the id as given, and the order it addresses.
pub(super) fn cancel_item(engine: &Engine, item: &Value) -> Result<(String, Result<Target, Refusal>), Refusal> {
    let item = Object::new(item, "BatchCancelOrdersV2Request.orders")?;
    let id = item.required("order_id")?;
    let found = target(engine, id, item.text("market_ticker")?, item.shard()?, item.subaccount()?);
    Ok((id.to_owned(), found))
}

/// Decodes the body of an amend.
pub(super) fn amend(engine: &Engine, id: &str, body: &Value, subaccount: u32) -> Result<(Amend, ShardName), Refusal> {
    let body = Object::new(body, "AmendOrderV2Request")?;
    let ticker = body.required("ticker")?;
    let market = engine.market_by_ticker(ticker).ok_or_else(Refusal::market_not_found)?;
    let named = body.shard()?;
    let target = target(engine, id, Some(ticker), named, subaccount)?;
    let given = |key| Ok::<_, Refusal>(body.text(key)?.filter(|id| !id.is_empty()));
    let new_client_order_id = given("updated_client_order_id")?.map(decode::client_order_id).transpose()?;
    let total_count = body.count("count")?.ok_or_else(|| body.missing("count"))?;
    let expiration = match body.integer("expiration_time")? {
        None => AmendExpiration::Keep,
        Some(0) => AmendExpiration::Remove,
        Some(seconds) => AmendExpiration::At(seconds.saturating_mul(1_000)),
    };
    let (side, price) = (body.side()?, body.price("price")?);
    let spec = AmendSpec { market, side, price, total_count, expiration, new_client_order_id };
    let expected = given("client_order_id")?.map(str::to_owned);
    Ok((Amend { target, spec, expected }, named))
}

/// Decodes what a decrease leaves.
pub(super) fn decrease(body: &Object<'_>) -> Result<Decrease, Refusal> {
    match (body.count("reduce_by")?, body.count("reduce_to")?) {
        (Some(by), None) => Ok(Decrease::By(by)),
        (None, Some(to)) => Ok(Decrease::To(to)),
        _ => Err(Refusal::invalid("exactly one of reduce_by and reduce_to is required")),
    }
}

/// Checks that an order is where the request addresses it. Returns its client order id.
pub(super) fn locate(engine: &Engine, account: AccountId, target: Target) -> Result<Option<String>, Refusal> {
    if !engine.exchange_active(target.shard) {
        return Err(Reject::ExchangePaused.into());
    }
    let found = engine.order(target.order).filter(|order| {
        order.account == account
            && order.subaccount == target.subaccount
            && engine.market(order.market).spec().exchange_index == target.shard
    });
    found.map(|order| order.client_order_id.clone()).ok_or_else(Refusal::not_found)
}

/// Carries out an amend. The response has the client order id that the order has afterwards.
pub(super) fn execute_amend(engine: &mut Engine, account: AccountId, amend: Amend, now_ms: i64) -> Answer {
    let Amend { target, spec, expected } = amend;
    let old = locate(engine, account, target)?;
    if expected.is_some() && expected != old {
        return Err(Refusal::new(400, "order_id_and_client_order_id_mismatch"));
    }
    let placed = engine.amend_order(account, target.order, &spec, now_ms)?;
    let averages = averages(&placed);
    let body = AmendedOrder {
        order_id: target.order.to_string(),
        client_order_id: spec.new_client_order_id.or(old),
        remaining_count: Some(placed.remaining),
        fill_count: Some(placed.filled),
        average_fill_price: averages.map(|(price, _)| price),
        average_fee_paid: averages.map(|(_, fee)| fee),
        ts_ms: now_ms,
    };
    Ok(json(200, &body))
}

/// The response body of a create.
pub(super) fn created(placed: &Placed, client_order_id: Option<String>, now_ms: i64) -> CreatedOrder {
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

/// Decodes an item of a batched create. One that does not decode rejects the batch; one that can't be placed rejects only
/// itself.
pub(super) fn create_item(engine: &Engine, item: &Value, account: AccountId) -> Result<NewItem, Refusal> {
    let order = decode::create(item, account).and_then(|create| placed_in(engine, create));
    match order {
        Err(refusal) if refusal.is_undecodable() => Err(refusal),
        order => {
            let client_order_id = item.get("client_order_id").and_then(Value::as_str).map(str::to_owned);
            Ok(NewItem { client_order_id, order })
        }
    }
}

/// Carries out an item of a batched create. Its result is that of a create, or the error with the client order id.
pub(super) fn create_one(engine: &mut Engine, item: NewItem, now_ms: i64) -> Value {
    let NewItem { client_order_id, order } = item;
    let placed = order.and_then(|order| engine.create_order(&order, now_ms).map_err(Refusal::from));
    match placed {
        Ok(placed) => serde_json::to_value(created(&placed, client_order_id, now_ms))
            .expect("bodies consist of strings, numbers and lists"),
        Err(refusal) => serde_json::json!({ "client_order_id": client_order_id, "error": refusal.body() }),
    }
}

/// Carries out an item of a batched cancel.
pub(super) fn cancel_one(
    engine: &mut Engine,
    account: AccountId,
    order_id: String,
    target: Result<Target, Refusal>,
    now_ms: i64,
) -> CanceledBatchItem {
    let canceled = target.and_then(|target| {
        let client_order_id = locate(engine, account, target)?;
        Ok((client_order_id, engine.cancel_order(account, target.order, now_ms)?))
    });
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
