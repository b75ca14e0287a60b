//! Bodies about an account, from what reads may see of it (`visible`): lists newest first, with cursors that new
//! entries don't move.

use std::collections::BTreeMap;

use serde_json::json as value;

use super::decode;
use super::directory::user_id;
use super::frames::{result_name, rfc3339, status_name};
use super::market_reads::{Answer, json};
use super::route::{Query, cursor};
use super::{Gateway, HttpResponse, Refusal};
use crate::exchange::engine::{AccountId, Engine, FillRecord, MarketIndex, OrderRecord, SettlementRecord};
use crate::market::{Count, Liquidity, Money, OrderId, OrderStatus, Price};
use crate::wire::Dollars4;
use crate::wire::account::{
    EventPosition, Fill, FillsPage, MarketPosition, Order, OrderBody, OrdersPage, PositionsPage, Settlement,
    SettlementsPage,
};
use crate::wire::markets::{Balance, ShardBalance};

/// The filters that lists share.
struct Filter<'q> {
    tickers: Option<Vec<&'q str>>,
    event: Option<Vec<&'q str>>,
    min_ms: i64,
    max_ms: i64,
    shard: Option<i64>,
    subaccount: Option<i64>,
}

impl<'q> Filter<'q> {
    fn new(query: &'q Query<'_>) -> Result<Self, Refusal> {
        let min_ts = query.integer("min_ts", "MinTs")?;
        let max_ts = query.integer("max_ts", "MaxTs")?;
        Ok(Self {
            tickers: query.list("ticker"),
            event: query.list("event_ticker"),
            min_ms: min_ts.map_or(i64::MIN, |seconds| seconds.saturating_mul(1_000)),
            max_ms: max_ts.map_or(i64::MAX, |seconds| seconds.saturating_add(1).saturating_mul(1_000)),
            shard: query.integer("exchange_index", "ExchangeIndex")?,
            subaccount: query.integer("subaccount", "Subaccount")?,
        })
    }

    fn market(&self, engine: &Engine, market: MarketIndex) -> bool {
        let spec = engine.market(market).spec();
        self.tickers.as_ref().is_none_or(|tickers| tickers.contains(&spec.ticker.as_str()))
            && self.event.as_ref().is_none_or(|events| events.contains(&spec.event_ticker.as_str()))
            && self.shard.is_none_or(|shard| shard == i64::from(spec.exchange_index))
    }

    fn time(&self, time_ms: i64) -> bool {
        time_ms >= self.min_ms && time_ms < self.max_ms
    }

    fn subaccount(&self, subaccount: u32) -> bool {
        self.subaccount.is_none_or(|wanted| wanted == i64::from(subaccount))
    }
}

/// A page of a list that is kept oldest first and shown newest first, and the cursor of the next.
pub(super) fn page<'r, T>(
    query: &Query<'_>,
    list: &'r [T],
    wanted: impl Fn(&T) -> bool,
) -> Result<(Vec<&'r T>, String), Refusal> {
    let limit = query.limit(1)?;
    let end = query.position().unwrap_or(list.len()).min(list.len());
    let mut found = list[..end].iter().enumerate().rev().filter(|(_, entry)| wanted(entry));
    let entries: Vec<(usize, &T)> = found.by_ref().take(limit).collect();
    let more = found.next().is_some();
    let next = entries.last().filter(|_| more).map_or_else(String::new, |(position, _)| cursor(*position));
    Ok((entries.into_iter().map(|(_, entry)| entry).collect(), next))
}

fn order_body(engine: &Engine, order: &OrderRecord) -> Order {
    let spec = engine.market(order.market).spec();
    Order {
        order_id: order.order.to_string(),
        user_id: user_id(order.account),
        client_order_id: order.client_order_id.clone().unwrap_or_default(),
        ticker: spec.ticker.clone(),
        side: Some(order.side.outcome()),
        action: Some("buy".to_owned()),
        outcome_side: order.side.outcome(),
        book_side: order.side,
        order_type: "limit".to_owned(),
        status: order.status,
        yes_price_dollars: order.price,
        no_price_dollars: order.price.complement(),
        fill_count_fp: order.filled,
        remaining_count_fp: order.remaining,
        initial_count_fp: order.initial,
        taker_fill_cost_dollars: order.taker_cost,
        maker_fill_cost_dollars: order.maker_cost,
        taker_fees_dollars: order.taker_fees,
        maker_fees_dollars: order.maker_fees,
        expiration_time: order.expiration_ms.map(rfc3339),
        created_time: Some(rfc3339(order.created_ms)),
        last_update_time: Some(rfc3339(order.updated_ms)),
        self_trade_prevention_type: Some(order.self_trade_prevention),
        order_group_id: order.group.map(|group| group.to_string()),
        cancel_order_on_pause: order.cancel_on_pause,
        subaccount_number: Some(order.subaccount),
        exchange_index: spec.exchange_index,
    }
}

fn fill_body(engine: &Engine, fill: &FillRecord) -> Fill {
    let spec = engine.market(fill.market).spec();
    Fill {
        // One trade can fill two orders of one account: the pair is what identifies a fill.
        fill_id: OrderId::from_bits(fill.trade.bits() ^ fill.order.bits().rotate_left(64)).to_string(),
        trade_id: fill.trade.to_string(),
        order_id: fill.order.to_string(),
        ticker: spec.ticker.clone(),
        market_ticker: spec.ticker.clone(),
        exchange_index: spec.exchange_index,
        side: Some(fill.side.outcome()),
        action: Some("buy".to_owned()),
        outcome_side: fill.side.outcome(),
        book_side: fill.side,
        count_fp: fill.count,
        yes_price_dollars: fill.price,
        no_price_dollars: fill.price.complement(),
        is_taker: fill.liquidity == Liquidity::Taker,
        created_time: Some(rfc3339(fill.time_ms)),
        fee_cost: fill.fee,
        subaccount_number: Some(fill.subaccount),
        ts: Some(fill.time_ms.div_euclid(1_000)),
    }
}

fn settlement_body(engine: &Engine, settlement: &SettlementRecord) -> Settlement {
    let spec = engine.market(settlement.market).spec();
    let (yes, no) = if settlement.contracts >= Count::ZERO {
        ((settlement.contracts, settlement.cost), (Count::ZERO, Money::ZERO))
    } else {
        ((Count::ZERO, Money::ZERO), (settlement.contracts.abs(), settlement.cost))
    };
    let result = result_name(settlement.value);
    Settlement {
        ticker: spec.ticker.clone(),
        exchange_index: spec.exchange_index,
        event_ticker: spec.event_ticker.clone(),
        market_result: result.to_owned(),
        yes_count_fp: yes.0,
        yes_total_cost_dollars: yes.1,
        no_count_fp: no.0,
        no_total_cost_dollars: no.1,
        revenue: settlement.revenue.micros().div_euclid(10_000),
        settled_time: rfc3339(settlement.time_ms),
        fee_cost: settlement.fees,
        value: (result == "scalar").then(|| settlement.value.units().div_euclid(100)),
    }
}

impl Gateway {
    /// `GET /portfolio/balance`: cash by shard, and what the positions are worth at the last price.
    pub(super) fn balance(&mut self, engine: &Engine, account: AccountId, target: &str, now_ms: i64) -> Answer {
        let query = Query::new(target, "GetBalance");
        let shard = query.integer("exchange_index", "ExchangeIndex")?.filter(|shard| *shard >= 0);
        let subaccount = decode::subaccount(query.integer("subaccount", "Subaccount")?)?;
        let view = self.visible.account(account);
        let on_shard = |index: u8| shard.is_none_or(|shard| shard == i64::from(index));
        let breakdown: Vec<ShardBalance> = view
            .cash
            .get(&subaccount)
            .into_iter()
            .flatten()
            .filter(|(index, _)| on_shard(**index))
            .map(|(index, cash)| ShardBalance { exchange_index: *index, balance: Dollars4(*cash) })
            .collect();
        if (shard.is_some() || subaccount > 0) && breakdown.is_empty() {
            return Err(Refusal::new(404, "user_not_found"));
        }
        let total: Money = breakdown.iter().map(|shard| shard.balance.0).sum();
        let worth: Money = view
            .positions(subaccount)
            .filter(|(market, _)| !view.is_settled(**market) && on_shard(engine.market(**market).spec().exchange_index))
            .map(|(market, position)| {
                let last = engine.market(*market).last_price().unwrap_or(Price::from_cents(50));
                let price = if position.contracts >= Count::ZERO { last } else { last.complement() };
                price.times(position.contracts.abs())
            })
            .sum();
        Ok(json(
            200,
            &Balance {
                balance: total.micros().div_euclid(10_000),
                balance_dollars: Dollars4(total),
                portfolio_value: worth.micros().div_euclid(10_000),
                updated_ts: now_ms.div_euclid(1_000),
                balance_breakdown: breakdown,
            },
        ))
    }

    /// `GET /portfolio/positions`, by default those that are not settled.
    pub(super) fn positions(&mut self, engine: &Engine, account: AccountId, target: &str) -> Answer {
        let query = Query::new(target, "GetPositions");
        let filter = Filter::new(&query)?;
        let limit = query.limit(1)?;
        let settlement = query
            .one_of("settlement_status", "SettlementStatus", &["unsettled", "settled", "all"])?
            .unwrap_or("unsettled");
        let subaccount = decode::subaccount(filter.subaccount)?;
        let only_held = query.list("count_filter").is_some_and(|fields| fields.contains(&"position"));
        let view = self.visible.account(account);
        let wanted = |market: MarketIndex, contracts: Count| {
            filter.market(engine, market)
                && (!only_held || !contracts.is_zero())
                && match settlement {
                    "unsettled" => !view.is_settled(market),
                    "settled" => view.is_settled(market),
                    _ => true,
                }
        };
        let start = query.position().unwrap_or(0);
        let mut found =
            view.positions(subaccount).filter(|(market, held)| wanted(**market, held.contracts)).skip(start);
        let mut events: BTreeMap<&str, EventPosition> = BTreeMap::new();
        let mut market_positions = Vec::new();
        for (market, held) in found.by_ref().take(limit) {
            let spec = engine.market(*market).spec();
            market_positions.push(MarketPosition {
                ticker: spec.ticker.clone(),
                exchange_index: spec.exchange_index,
                total_traded_dollars: held.traded,
                position_fp: held.contracts,
                market_exposure_dollars: held.cost,
                realized_pnl_dollars: held.realized,
                fees_paid_dollars: held.fees,
                last_updated_ts: Some(rfc3339(held.updated_ms)),
            });
            let event = events.entry(&spec.event_ticker).or_insert_with(|| EventPosition {
                event_ticker: spec.event_ticker.clone(),
                total_cost_dollars: Money::ZERO,
                total_cost_shares_fp: Count::ZERO,
                event_exposure_dollars: Money::ZERO,
                realized_pnl_dollars: Money::ZERO,
                fees_paid_dollars: Money::ZERO,
            });
            event.total_cost_dollars += held.cost;
            event.total_cost_shares_fp += held.contracts.abs();
            event.event_exposure_dollars += held.cost;
            event.realized_pnl_dollars += held.realized;
            event.fees_paid_dollars += held.fees;
        }
        let next = if found.next().is_some() { cursor(start + limit) } else { String::new() };
        let event_positions = events.into_values().collect();
        Ok(json(200, &PositionsPage { market_positions, event_positions, cursor: next }))
    }

    /// `GET /portfolio/orders`.
    pub(super) fn orders(&mut self, engine: &Engine, account: AccountId, target: &str) -> Answer {
        let query = Query::new(target, "GetOrders");
        let filter = Filter::new(&query)?;
        let statuses = [OrderStatus::Resting, OrderStatus::Canceled, OrderStatus::Executed].map(status_name);
        let status = query.one_of("status", "Status", &statuses)?;
        let (orders, next) = page(&query, self.visible.account(account).orders(), |order| {
            filter.market(engine, order.market)
                && filter.time(order.created_ms)
                && filter.subaccount(order.subaccount)
                && status.is_none_or(|status| status == status_name(order.status))
        })?;
        let orders = orders.into_iter().map(|order| order_body(engine, order)).collect();
        Ok(json(200, &OrdersPage { orders, cursor: next }))
    }

    /// `GET /portfolio/orders/{order_id}`.
    pub(super) fn order(&mut self, engine: &Engine, account: AccountId, id: &str) -> Answer {
        let order = OrderId::parse(id).ok().and_then(|id| self.visible.account(account).order(id));
        let order = order.ok_or_else(Refusal::not_found)?;
        Ok(json(200, &OrderBody { order: order_body(engine, order) }))
    }

    /// `GET /portfolio/orders/{order_id}/queue_position`: contracts ahead, as the engine has them now.
    pub(super) fn queue_position(engine: &Engine, account: AccountId, id: &str) -> Answer {
        let id = OrderId::parse(id).map_err(|_| Refusal::not_found())?;
        let own = engine.order(id).is_some_and(|order| order.account == account);
        let ahead = engine.queue_position(id).filter(|_| own).ok_or_else(Refusal::not_found)?;
        Ok(json(200, &value!({ "queue_position_fp": ahead })))
    }

    /// `GET /portfolio/fills`.
    pub(super) fn fills(&mut self, engine: &Engine, account: AccountId, target: &str) -> Answer {
        let query = Query::new(target, "GetFills");
        let filter = Filter::new(&query)?;
        let order = query.get("order_id").map(OrderId::parse);
        let (fills, next) = page(&query, &self.visible.account(account).fills, |fill| {
            filter.market(engine, fill.market)
                && filter.time(fill.time_ms)
                && filter.subaccount(fill.subaccount)
                && order.as_ref().is_none_or(|order| order.as_ref() == Ok(&fill.order))
        })?;
        let fills = fills.into_iter().map(|fill| fill_body(engine, fill)).collect();
        Ok(json(200, &FillsPage { fills, cursor: next }))
    }

    /// `GET /portfolio/settlements`.
    pub(super) fn settlements(&mut self, engine: &Engine, account: AccountId, target: &str) -> Answer {
        let query = Query::new(target, "GetSettlements");
        let filter = Filter::new(&query)?;
        let (settlements, next) = page(&query, &self.visible.account(account).settlements, |settlement| {
            filter.market(engine, settlement.market)
                && filter.time(settlement.time_ms)
                && filter.subaccount(settlement.subaccount)
        })?;
        let settlements = settlements.into_iter().map(|settlement| settlement_body(engine, settlement)).collect();
        Ok(json(200, &SettlementsPage { settlements, cursor: next }))
    }

    /// `GET /portfolio/subaccounts/netting`: cross-market netting is off for everyone here.
    pub(super) fn netting(engine: &Engine, account: AccountId) -> HttpResponse {
        let configs: Vec<_> = engine
            .cash_of(account)
            .map(|(subaccount, shard, _)| {
                value!({ "subaccount_number": subaccount, "exchange_index": shard, "enabled": false })
            })
            .collect();
        json(200, &value!({ "netting_configs": configs }))
    }
}
