//! A small exchange of the tests' own: two markets on two shards, one account, orders that fill, end and are cancelled at
//! random. It books with its own few lines, so that agreeing with it means something. What it tells goes into queues
//! that the test delivers late, twice, or not at all.

use std::collections::{BTreeMap, VecDeque};

use super::harness::{NONCE, Written, market};
use crate::market::{
    BookSide, ClientOrderId, Count, EndReason, Liquidity, MarketKey, Money, OrderId, OrderStatus, Price, TradeId,
};
use crate::messages::{AccountEvent, Fill, OrderReport, Owner, QueryKind, QueryRequest, Source};
use crate::ports::RequestId;

#[derive(Clone, Debug)]
struct VenueOrder {
    id: OrderId,
    client: Option<ClientOrderId>,
    market: MarketKey,
    side: BookSide,
    price: Price,
    total: i64,
    filled: i64,
    status: OrderStatus,
    changed_ms: i64,
    expires_ms: Option<i64>,
}

/// The exchange.
#[derive(Debug, Default)]
pub(super) struct Venue {
    orders: Vec<VenueOrder>,
    by_client: BTreeMap<ClientOrderId, usize>,
    pub cash: BTreeMap<u8, i64>,
    pub position: BTreeMap<u16, i64>,
    fills: Vec<Fill>,
    pub stream: VecDeque<AccountEvent>,
    pub answers: VecDeque<(RequestId, u16, serde_json::Value)>,
    next_id: u128,
}

fn count(units: i64) -> Count {
    Count::from_units(units)
}

impl Venue {
    pub fn new() -> Self {
        Self { cash: BTreeMap::from([(0, 1_000_000_000), (1, 1_000_000_000)]), ..Self::default() }
    }

    fn id(&mut self) -> u128 {
        self.next_id += 1;
        self.next_id
    }

    /// Ends the orders whose time is over.
    pub fn expire(&mut self, session_ms: i64) {
        let over = |order: &&VenueOrder| order.expires_ms.is_some_and(|expires_ms| expires_ms <= session_ms);
        let over: Vec<OrderId> = self.orders.iter().filter(over).map(|order| order.id).collect();
        for id in over {
            self.end(id, session_ms);
        }
    }

    /// Carries out a request and queues its answer.
    pub fn carry_out(&mut self, written: &Written, session_ms: i64) {
        self.expire(session_ms);
        let expires_ms = written.body["expiration_time"].as_i64().map(|seconds| seconds * 1_000);
        if expires_ms.is_some_and(|expires_ms| expires_ms <= session_ms) {
            let error = serde_json::json!({"error": {"code": "invalid_parameters", "message": "in the past"}});
            return self.answers.push_back((written.id, 400, error));
        }
        let (status, body) = if written.method == "DELETE" {
            self.cancel(&written.body, session_ms)
        } else if written.path.ends_with("/amend") {
            let id = written.path.rsplit('/').nth(1).unwrap();
            self.amend(OrderId::parse(id).unwrap(), &written.body, session_ms)
        } else {
            self.create(&written.body, session_ms)
        };
        self.answers.push_back((written.id, status, body));
    }

    fn create(&mut self, body: &serde_json::Value, session_ms: i64) -> (u16, serde_json::Value) {
        let client = ClientOrderId::parse(body["client_order_id"].as_str().unwrap()).unwrap();
        assert!(!self.by_client.contains_key(&client), "no client order id twice");
        let index: u16 = body["ticker"].as_str().unwrap().strip_prefix("KX-").unwrap().parse().unwrap();
        let side = if body["side"] == "bid" { BookSide::Bid } else { BookSide::Ask };
        let price = Price::parse(body["price"].as_str().unwrap()).unwrap();
        let total = Count::parse(body["count"].as_str().unwrap()).unwrap().units();
        let id = self.place(Some(client), market(index), side, price, total, session_ms);
        self.order_mut(id).expires_ms = body["expiration_time"].as_i64().map(|seconds| seconds * 1_000);
        if body["time_in_force"] == "immediate_or_cancel" {
            self.fill(id, total / 2, session_ms);
            self.end(id, session_ms);
        }
        let order = self.order(id);
        let left = if order.status == OrderStatus::Resting { order.total - order.filled } else { 0 };
        let body = serde_json::json!({
            "order_id": id.to_string(), "fill_count": count(order.filled),
            "remaining_count": count(left), "ts_ms": session_ms,
        });
        (201, body)
    }

    pub fn place(
        &mut self,
        client: Option<ClientOrderId>,
        market: MarketKey,
        side: BookSide,
        price: Price,
        total: i64,
        session_ms: i64,
    ) -> OrderId {
        let id = OrderId::from_bits(self.id());
        let status = OrderStatus::Resting;
        if let Some(client) = client {
            self.by_client.insert(client, self.orders.len());
        }
        self.orders.push(VenueOrder {
            id,
            client,
            market,
            side,
            price,
            total,
            filled: 0,
            status,
            changed_ms: session_ms,
            expires_ms: None,
        });
        self.report(id);
        id
    }

    fn order(&self, id: OrderId) -> &VenueOrder {
        self.orders.iter().find(|order| order.id == id).unwrap()
    }

    fn order_mut(&mut self, id: OrderId) -> &mut VenueOrder {
        self.orders.iter_mut().find(|order| order.id == id).unwrap()
    }

    fn is_resting(&self, id: OrderId) -> bool {
        self.orders.iter().any(|order| order.id == id && order.status == OrderStatus::Resting)
    }

    fn amend(&mut self, id: OrderId, body: &serde_json::Value, session_ms: i64) -> (u16, serde_json::Value) {
        let total = Count::parse(body["count"].as_str().unwrap()).unwrap().units();
        if !self.is_resting(id) {
            return (404, serde_json::json!({"error": {"code": "not_found", "message": "not found"}}));
        }
        if total <= self.order(id).filled {
            return (400, serde_json::json!({"error": {"code": "invalid_order", "message": "invalid count"}}));
        }
        let order = self.order_mut(id);
        order.price = Price::parse(body["price"].as_str().unwrap()).unwrap();
        order.total = total;
        order.expires_ms = body["expiration_time"].as_i64().map_or(order.expires_ms, |seconds| Some(seconds * 1_000));
        order.changed_ms = session_ms;
        let remaining = count(order.total - order.filled);
        self.report(id);
        (200, serde_json::json!({"order_id": id.to_string(), "remaining_count": remaining, "ts_ms": session_ms}))
    }

    fn cancel(&mut self, body: &serde_json::Value, session_ms: i64) -> (u16, serde_json::Value) {
        let mut items = Vec::new();
        for item in body["orders"].as_array().unwrap() {
            let id = OrderId::parse(item["order_id"].as_str().unwrap()).unwrap();
            if self.is_resting(id) {
                let reduced = self.order(id).total - self.order(id).filled;
                self.end(id, session_ms);
                items.push(serde_json::json!({
                    "order_id": id.to_string(), "reduced_by": count(reduced), "ts_ms": session_ms,
                }));
            } else {
                items.push(serde_json::json!({
                    "order_id": id.to_string(), "reduced_by": "0.00", "error": {"code": "not_found"},
                }));
            }
        }
        (200, serde_json::json!({ "orders": items }))
    }

    /// Ends an order that rests; what has not filled is gone.
    pub fn end(&mut self, id: OrderId, session_ms: i64) {
        let order = self.order_mut(id);
        if order.status == OrderStatus::Resting {
            order.status = OrderStatus::Canceled;
            order.changed_ms = session_ms;
            self.report(id);
        }
    }

    /// Fills some of a resting order, at its price.
    pub fn fill(&mut self, id: OrderId, units: i64, session_ms: i64) {
        let order = self.order(id).clone();
        let units = units.min(order.total - order.filled);
        if order.status != OrderStatus::Resting || units <= 0 {
            return;
        }
        let position = self.position.entry(order.market.index).or_default();
        let sign = order.side.sign();
        let closing = units.min((-sign * *position).max(0));
        let yes = order.price.units();
        let (own, other) = if sign > 0 { (yes, 10_000 - yes) } else { (10_000 - yes, yes) };
        let fee = 100;
        *position += sign * units;
        let shard = u8::try_from(order.market.index % 2).unwrap();
        *self.cash.get_mut(&shard).unwrap() += closing * other - (units - closing) * own - fee;
        let post_position = Some(count(*position));
        let fill = Fill {
            trade: TradeId::from_bits(self.id()),
            order: id,
            count: count(units),
            fee: Money::from_micros(fee),
            post_position,
            time_ms: session_ms,
            read_ns: 1,
            market: order.market,
            price: order.price,
            side: order.side,
            liquidity: Liquidity::Maker,
            source: Source::Stream,
        };
        self.fills.push(fill);
        self.stream.push_back(AccountEvent::Fill(fill));
        let order = self.order_mut(id);
        order.filled += units;
        order.changed_ms = session_ms;
        if order.filled == order.total {
            order.status = OrderStatus::Executed;
        }
        self.report(id);
    }

    fn describe(&self, id: OrderId, source: Source) -> OrderReport {
        let order = self.order(id);
        let left = if order.status == OrderStatus::Resting { order.total - order.filled } else { 0 };
        OrderReport {
            order: id,
            owner: order.client.map_or(Owner::Foreign, Owner::Ours),
            filled: count(order.filled),
            remaining: count(left),
            time_ms: order.changed_ms,
            expires_ms: order.expires_ms,
            market: order.market,
            price: order.price,
            side: order.side,
            status: order.status,
            reason: EndReason::of(order.status, None),
            source,
        }
    }

    fn report(&mut self, id: OrderId) {
        let report = self.describe(id, Source::Stream);
        self.stream.push_back(AccountEvent::Order(report));
    }

    pub fn resting(&self) -> Vec<OrderId> {
        self.orders.iter().filter(|order| order.status == OrderStatus::Resting).map(|order| order.id).collect()
    }

    pub fn ours_resting(&self) -> usize {
        let ours = |order: &&VenueOrder| {
            order.status == OrderStatus::Resting && order.client.is_some_and(|client| client.nonce == NONCE)
        };
        self.orders.iter().filter(ours).count()
    }

    /// The facts of a read, between its begin and its end.
    pub fn read(&self, query: &QueryRequest, session_ms: i64, complete: bool) -> Vec<AccountEvent> {
        let mut events = vec![AccountEvent::ReadBegin { query: query.query, kind: query.kind }];
        if query.kind != QueryKind::Resolve && query.kind != QueryKind::Settlements {
            for (&exchange_index, &cash) in &self.cash {
                events.push(AccountEvent::Balance { exchange_index, cash: Money::from_micros(cash) });
            }
            for (&index, &position) in &self.position {
                let (zero, position) = (Money::ZERO, count(position));
                events.push(AccountEvent::Position { market: market(index), position, cost: zero });
            }
        }
        for order in &self.orders {
            let wanted = match query.kind {
                QueryKind::Resolve => order.market == query.market,
                _ => order.status == OrderStatus::Resting,
            };
            if wanted {
                events.push(AccountEvent::Order(self.describe(order.id, Source::Read)));
            }
        }
        if matches!(query.kind, QueryKind::Resolve | QueryKind::Rebuild) {
            let fills = self.fills.iter().filter(|fill| fill.time_ms >= query.since_ms);
            events.extend(
                fills.map(|fill| AccountEvent::Fill(Fill { source: Source::Read, post_position: None, ..*fill })),
            );
        }
        let (query, kind) = (query.query, query.kind);
        events.push(AccountEvent::ReadEnd { query, kind, complete, as_of_ms: session_ms });
        events
    }
}
