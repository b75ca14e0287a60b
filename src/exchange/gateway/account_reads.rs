//! Response bodies about an account, built from what reads may see of it (`visible`): lists newest first, with cursors that
//! new entries don't move.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;

use serde_json::json as value;

use super::directory::user_id;
use super::frames::{result_name, rfc3339, status_name};
use super::market_reads::{Answer, SHARDS, json};
use super::route::{PageLimit, Query, cursor};
use super::{Gateway, HttpResponse, Refusal};
use crate::exchange::engine::{AccountId, Engine, FillRecord, MarketIndex, OrderRecord, SettlementRecord};
use crate::market::{BookSide, Count, Liquidity, Money, OrderId, OrderStatus, Outcome};
use crate::wire::Dollars4;
use crate::wire::account::{
    Fill, FillsPage, Order, OrderBody, OrderQueuePosition, OrdersPage, QueuePositionsBody, RestingOrderValue,
    Settlement, SettlementsPage,
};
use crate::wire::markets::ShardBalance;

/// The most tickers or events in a filter that takes several.
const FILTER_MAX: usize = 100;

/// The filters that lists share. Each call uses some of them; the others match everything.
#[derive(Default)]
pub(super) struct Filter<'q> {
    tickers: Option<Vec<&'q str>>,
    events: Option<Vec<&'q str>>,
    min_ms: Option<i64>,
    end_ms: Option<i64>,
    shard: Option<i64>,
    pub(super) subaccount: Option<i64>,
}

impl<'q> Filter<'q> {
    /// Reads the filters for a market, an event and a subaccount.
    pub(super) fn new(query: &'q Query<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            tickers: query.get("ticker").map(|ticker| vec![ticker]),
            events: query.get("event_ticker").map(|event| vec![event]),
            subaccount: query.integer_within("subaccount", "Subaccount", 0..=i64::MAX)?,
            ..Self::default()
        })
    }

    /// Also reads the filter for a shard.
    pub(super) fn with_shard(self, query: &'q Query<'_>) -> Result<Self, Refusal> {
        Ok(Self { shard: query.integer_within("exchange_index", "ExchangeIndex", 0..=i64::MAX)?, ..self })
    }

    /// Also reads the filters for times, in seconds, both ends inclusive.
    fn with_times(self, query: &'q Query<'_>) -> Result<Self, Refusal> {
        let (min_ts, max_ts) = (query.integer("min_ts")?, query.integer("max_ts")?);
        Ok(Self {
            min_ms: min_ts.map(|seconds| seconds.saturating_mul(1_000)),
            end_ms: max_ts.map(|seconds| seconds.saturating_add(1).saturating_mul(1_000)),
            ..self
        })
    }

    pub(super) fn market(&self, engine: &Engine, market: MarketIndex) -> bool {
        let spec = engine.market(market).spec();
        self.tickers.as_ref().is_none_or(|tickers| tickers.contains(&spec.ticker.as_str()))
            && self.events.as_ref().is_none_or(|events| events.contains(&spec.event_ticker.as_str()))
            && self.shard.is_none_or(|shard| shard == i64::from(spec.exchange_index))
    }

    /// Whether this time, and everything older, is before the filter's range.
    fn is_before(&self, time_ms: i64) -> bool {
        self.min_ms.is_some_and(|min_ms| time_ms < min_ms)
    }

    fn time(&self, time_ms: i64) -> bool {
        self.min_ms.is_none_or(|min_ms| time_ms >= min_ms) && self.end_ms.is_none_or(|end_ms| time_ms < end_ms)
    }

    fn subaccount(&self, subaccount: u32) -> bool {
        self.subaccount.is_none_or(|wanted| wanted == i64::from(subaccount))
    }
}

/// A page of a list that is stored oldest first and shown newest first, and the cursor of the next page.
pub(super) fn page<'r, T>(
    query: &Query<'_>,
    list: &'r [T],
    wanted: impl Fn(&T) -> bool,
) -> Result<(Vec<&'r T>, String), Refusal> {
    page_of(query, list.len(), |end| list[..end].iter().enumerate().rev().map(Ok), |entry| wanted(entry))
}

/// A page of a list of a given length, for which `newest_first` iterates over everything before a position.
fn page_of<E, I: Iterator<Item = io::Result<(usize, E)>>>(
    query: &Query<'_>,
    length: usize,
    newest_first: impl FnOnce(usize) -> I,
    wanted: impl Fn(&E) -> bool,
) -> Result<(Vec<E>, String), Refusal> {
    let limit = query.limit(PageLimit::ACCOUNT)?;
    let end = query.position().unwrap_or(length).min(length);
    let mut found = newest_first(end).filter(|entry| entry.as_ref().map_or(true, |(_, entry)| wanted(entry)));
    let entries: Vec<(usize, E)> = found.by_ref().take(limit).collect::<io::Result<_>>().map_err(unreadable)?;
    let more = found.next().transpose().map_err(unreadable)?.is_some();
    let next = entries.last().filter(|_| more).map_or_else(String::new, |(position, _)| cursor(*position));
    Ok((entries.into_iter().map(|(_, entry)| entry).collect(), next))
}

/// The response if the file with the history of accounts cannot be read.
#[expect(clippy::needless_pass_by_value, reason = "a function for map_err")]
fn unreadable(error: io::Error) -> Refusal {
    tracing::error!(%error, "the history of an account cannot be read");
    Refusal::new(500, "internal_server_error")
}

fn order_body(engine: &Engine, order: &OrderRecord) -> Order {
    let spec = engine.market(order.market).spec();
    Order {
        order_id: order.order.to_string(),
        user_id: user_id(order.account),
        client_order_id: order.client_order_id.clone().unwrap_or_default(),
        ticker: spec.ticker.clone(),
        // The deprecated pair of an ask is "sell yes" for orders, as captured, and "buy no" for fills.
        side: Some(Outcome::Yes),
        action: Some(if order.side == BookSide::Bid { "buy" } else { "sell" }.to_owned()),
        outcome_side: Some(order.side.outcome()),
        book_side: Some(order.side),
        order_type: "limit".to_owned(),
        status: Some(order.status),
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
        // Two names of the same identifier, as the spec says and captures show.
        fill_id: fill.trade.to_string(),
        trade_id: fill.trade.to_string(),
        order_id: fill.order.to_string(),
        ticker: spec.ticker.clone(),
        market_ticker: spec.ticker.clone(),
        exchange_index: spec.exchange_index,
        side: Some(fill.side.outcome()),
        action: Some("buy".to_owned()),
        outcome_side: Some(fill.side.outcome()),
        book_side: Some(fill.side),
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
        settled_time: Some(rfc3339(settlement.time_ms)),
        fee_cost: settlement.fees,
        value: Some(settlement.value.units().div_euclid(100)),
    }
}

impl Gateway {
    /// `GET /portfolio/orders`.
    pub(super) fn orders(&mut self, engine: &Engine, account: AccountId, target: &str) -> Answer {
        let query = Query::new(target, "GetOrders");
        let filter = Filter { events: query.list_of("event_ticker", FILTER_MAX)?, ..Filter::new(&query)? };
        let filter = filter.with_shard(&query)?.with_times(&query)?;
        let statuses = [OrderStatus::Resting, OrderStatus::Canceled, OrderStatus::Executed].map(status_name);
        let status = query.status(&statuses)?;
        let history = &self.visible.account(account).orders;
        let newest_first = |end| -> Box<dyn Iterator<Item = io::Result<(usize, Cow<'_, OrderRecord>)>> + '_> {
            match status {
                Some("resting") => {
                    Box::new(history.kept(end).map(|(position, order)| Ok((position, Cow::Borrowed(order)))))
                }
                _ => Box::new(history.newest_first(end)),
            }
        };
        // Orders are sorted by creation: the first that is too old ends the list.
        let young =
            |end| newest_first(end).take_while(|order| !matches!(order, Ok((_, o)) if filter.is_before(o.created_ms)));
        let (orders, next) = page_of(&query, history.len(), young, |order| {
            filter.market(engine, order.market)
                && filter.time(order.created_ms)
                && filter.subaccount(order.subaccount)
                && status.is_none_or(|status| status == status_name(order.status))
        })?;
        let orders = orders.iter().map(|order| order_body(engine, order)).collect();
        Ok(json(200, &OrdersPage { orders, cursor: next }))
    }

    /// `GET /portfolio/orders/{order_id}`.
    pub(super) fn order(&mut self, engine: &Engine, account: AccountId, id: &str) -> Answer {
        let id = OrderId::parse(id).map_err(|_| Refusal::invalid_uuid())?;
        let order = self.visible.account(account).order(id).map_err(unreadable)?.ok_or_else(Refusal::not_found)?;
        Ok(json(200, &OrderBody { order: order_body(engine, &order) }))
    }

    /// `GET /portfolio/orders/{order_id}/queue_position`: the contracts ahead, as they are in the engine now.
    pub(super) fn queue_position(engine: &Engine, account: AccountId, id: &str) -> Answer {
        let id = OrderId::parse(id).map_err(|_| Refusal::invalid_uuid())?;
        let own = engine.order(id).is_some_and(|order| order.account == account);
        let ahead = engine.queue_position(id).filter(|_| own).ok_or_else(Refusal::not_found)?;
        Ok(json(200, &value!({ "queue_position_fp": ahead })))
    }

    /// `GET /portfolio/orders/queue_positions`: the contracts ahead of all resting orders, as they are in the engine now.
    pub(super) fn queue_positions(&self, engine: &Engine, account: AccountId, target: &str) -> Answer {
        let query = Query::new(target, "GetOrderQueuePositions");
        let filter = Filter { tickers: query.list("market_tickers"), ..Filter::new(&query)? };
        let subaccount = filter.subaccount.unwrap_or(0);
        let resting = engine
            .open_orders_of(account)
            .filter(|order| subaccount == i64::from(order.subaccount) && filter.market(engine, order.market));
        let positions = resting.filter_map(|order| {
            Some(OrderQueuePosition {
                order_id: order.order.to_string(),
                market_ticker: self.directory.name(order.market).ticker.clone(),
                queue_position_fp: engine.queue_position(order.order)?,
            })
        });
        Ok(json(200, &QueuePositionsBody { queue_positions: positions.collect() }))
    }

    /// `GET /portfolio/summary/total_resting_order_value`: for clearing members only; everyone else gets the captured 403.
    pub(super) fn resting_order_value(&mut self, engine: &Engine, account: AccountId) -> Answer {
        if !self.settings.clearing_member {
            return Err(Refusal::new(403, "permission_denied"));
        }
        let mut shards: BTreeMap<u8, Money> = SHARDS.map(|(index, _)| (index, Money::ZERO)).into();
        let orders = self.visible.account(account).orders.kept(usize::MAX).map(|(_, order)| order);
        for order in orders.filter(|order| !order.remaining.is_zero()) {
            let price = if order.side == BookSide::Bid { order.price } else { order.price.complement() };
            let shard = engine.market(order.market).spec().exchange_index;
            *shards.entry(shard).or_insert(Money::ZERO) += price.times(order.remaining);
        }
        let total: Money = shards.values().copied().sum();
        let breakdown =
            shards.into_iter().map(|(exchange_index, value)| ShardBalance { exchange_index, balance: Dollars4(value) });
        let resting_order_value_breakdown = breakdown.collect();
        let total_resting_order_value = total.micros().div_euclid(10_000);
        Ok(json(200, &RestingOrderValue { total_resting_order_value, resting_order_value_breakdown }))
    }

    /// `GET /portfolio/fills`.
    pub(super) fn fills(&mut self, engine: &Engine, account: AccountId, target: &str) -> Answer {
        let query = Query::new(target, "GetFills");
        let filter = Filter { tickers: query.list_of("ticker", FILTER_MAX)?, ..Filter::new(&query)? };
        let filter = Filter { events: None, ..filter }.with_shard(&query)?.with_times(&query)?;
        let order = query.get("order_id").map(OrderId::parse);
        let history = &self.visible.account(account).fills;
        let young = |end| {
            history.newest_first(end).take_while(|fill| !matches!(fill, Ok((_, f)) if filter.is_before(f.time_ms)))
        };
        let (fills, next) = page_of(&query, history.len(), young, |fill| {
            filter.market(engine, fill.market)
                && filter.time(fill.time_ms)
                && filter.subaccount(fill.subaccount)
                && order.as_ref().is_none_or(|order| order.as_ref() == Ok(&fill.order))
        })?;
        let fills = fills.iter().map(|fill| fill_body(engine, fill)).collect();
        Ok(json(200, &FillsPage { fills, cursor: next }))
    }

    /// `GET /portfolio/settlements`.
    pub(super) fn settlements(&mut self, engine: &Engine, account: AccountId, target: &str) -> Answer {
        let query = Query::new(target, "GetSettlements");
        let filter = Filter::new(&query)?.with_times(&query)?;
        let (settlements, next) = page(&query, &self.visible.account(account).settlements, |settlement| {
            filter.market(engine, settlement.market)
                && filter.time(settlement.time_ms)
                && filter.subaccount(settlement.subaccount)
        })?;
        let settlements = settlements.into_iter().map(|settlement| settlement_body(engine, settlement)).collect();
        Ok(json(200, &SettlementsPage { settlements, cursor: next }))
    }

    /// `GET /portfolio/subaccounts/netting`: cross-market netting is always off on this exchange.
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
