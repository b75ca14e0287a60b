//! Order groups over REST (protocol page 3.5): their writes on the way to the engine, and their reads, which query the engine
//! directly. A group is looked up on the shard and in the subaccount that the request names, both 0 by default, because group
//! requests are not routed.

use serde_json::json as value;

use super::decode::{self, Object, ShardName};
use super::market_reads::{Answer, json};
use super::route::{Query, Route};
use super::{Gateway, Refusal};
use crate::exchange::engine::{AccountId, Engine, GroupCommand, GroupTarget, Reject};
use crate::market::{Count, OrderGroupId};

/// A write of an order group.
#[derive(Clone, Copy, Debug)]
pub(super) enum GroupWrite {
    Create { subaccount: u32, exchange_index: u8, limit: Count },
    Change(GroupTarget, GroupCommand),
}

/// Decodes a request that creates or changes a group.
pub(super) fn decode(
    route: Route<'_>,
    query: &Query<'_>,
    body: &[u8],
    account: AccountId,
) -> Result<GroupWrite, Refusal> {
    let (id, command) = match route {
        Route::CreateGroup => {
            let body = decode::json(body)?;
            let body = Object::new(&body, "CreateOrderGroupRequest")?;
            let exchange_index = shard(body.shard()?)?;
            return Ok(GroupWrite::Create { subaccount: body.subaccount()?, exchange_index, limit: limit(&body)? });
        }
        Route::DeleteGroup(id) => (id, GroupCommand::Delete),
        Route::ResetGroup(id) => (id, GroupCommand::Reset),
        Route::TriggerGroup(id) => (id, GroupCommand::Trigger),
        Route::LimitGroup(id) => {
            let body = decode::json(body)?;
            (id, GroupCommand::Limit(limit(&Object::new(&body, "UpdateOrderGroupLimitRequest")?)?))
        }
        _ => return Err(Refusal::not_found()),
    };
    if matches!(command, GroupCommand::Reset | GroupCommand::Trigger) && !body.is_empty() {
        Object::new(&decode::json(body)?, "EmptyResponse")?;
    }
    let group = OrderGroupId::parse(id).map_err(|_| Refusal::not_found())?;
    let exchange_index = shard(ShardName::new(query.integer("exchange_index")?)?)?;
    let subaccount = decode::query_subaccount(query)?;
    Ok(GroupWrite::Change(GroupTarget { group, account, subaccount, exchange_index }, command))
}

/// The shard of a group.
fn shard(named: ShardName) -> Result<u8, Refusal> {
    match named {
        ShardName::Absent => Ok(0),
        ShardName::Index(shard) => Ok(shard),
        ShardName::ByTicker => Err(Refusal::invalid("order groups are not routed, so exchange_index must not be -1")),
    }
}

/// The limit, given in whole contracts, in fixed point, or in both if they agree.
fn limit(body: &Object<'_>) -> Result<Count, Refusal> {
    // Clamped so that a number out of range stays out of range without overflowing.
    let whole =
        body.integer("contracts_limit")?.map(|contracts| Count::from_contracts(contracts.clamp(-1, 10_000_000)));
    let exact = body
        .text("contracts_limit_fp")?
        .map(|text| Count::parse(text).map_err(|error| Refusal::invalid(&format!("contracts_limit_fp: {error}"))))
        .transpose()?;
    match (whole, exact) {
        (Some(whole), Some(exact)) if whole != exact => {
            Err(Refusal::invalid("contracts_limit and contracts_limit_fp must match"))
        }
        (Some(limit), _) | (None, Some(limit)) => Ok(limit),
        (None, None) => Err(body.missing("contracts_limit")),
    }
}

/// Carries out a write of a group.
pub(super) fn execute(engine: &mut Engine, account: AccountId, write: GroupWrite, now_ms: i64) -> Answer {
    match write {
        GroupWrite::Create { subaccount, exchange_index, limit } => {
            let group = engine.create_group(account, subaccount, exchange_index, limit, now_ms)?;
            let body = value!({ "order_group_id": group, "subaccount": subaccount, "exchange_index": exchange_index });
            Ok(json(201, &body))
        }
        GroupWrite::Change(target, command) => match engine.change_group(&target, command, now_ms) {
            Ok(()) => Ok(json(200, &value!({}))),
            Err(Reject::GroupNotFound) => Err(Refusal::not_found()),
            Err(reject) => Err(reject.into()),
        },
    }
}

impl Gateway {
    /// `GET /portfolio/order_groups`, oldest first.
    ///
    /// `is_auto_cancel_enabled` is true while a group is triggered: it was captured as false for a new group.
    pub(super) fn order_groups(engine: &Engine, account: AccountId, target: &str) -> Answer {
        let query = Query::new(target, "GetOrderGroups");
        let wanted = query.integer("subaccount")?;
        let groups: Vec<_> = engine
            .groups_of(account)
            .filter(|group| wanted.is_none_or(|wanted| wanted == i64::from(group.subaccount)))
            .map(|group| {
                value!({
                    "id": group.group,
                    "contracts_limit_fp": group.limit,
                    "is_auto_cancel_enabled": group.triggered,
                    "exchange_index": group.exchange_index,
                })
            })
            .collect();
        Ok(json(200, &value!({ "order_groups": groups })))
    }

    /// `GET /portfolio/order_groups/{order_group_id}`, with its open orders, oldest first.
    pub(super) fn order_group(engine: &Engine, account: AccountId, id: &str, target: &str) -> Answer {
        let query = Query::new(target, "GetOrderGroup");
        let wanted = query.integer("subaccount")?;
        let id = OrderGroupId::parse(id).map_err(|_| Refusal::not_found())?;
        let group = engine
            .group(account, id)
            .filter(|group| wanted.is_none_or(|wanted| wanted == i64::from(group.subaccount)))
            .ok_or_else(Refusal::not_found)?;
        let body = value!({
            "is_auto_cancel_enabled": group.triggered,
            "contracts_limit_fp": group.limit,
            "orders": engine.group_orders(id).collect::<Vec<_>>(),
            "exchange_index": group.exchange_index,
        });
        Ok(json(200, &body))
    }
}
