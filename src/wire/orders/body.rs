//! Writers of the hot order bodies, which do not allocate while the caller's buffer has room. What they write is read by the
//! serde structs of the parent module. Some terms are fixed: self-trade prevention `taker_at_cross`, an explicit shard, and
//! cancellation when trading pauses.

use crate::market::{BookSide, ClientOrderId, Count, OrderGroupId, OrderId, Price, TimeInForce};
use crate::wire::json::{Object, write_array};

/// The variable terms of a create.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Create<'a> {
    pub ticker: &'a str,
    /// Never used twice.
    pub client_order_id: ClientOrderId,
    /// The side of the YES book.
    pub side: BookSide,
    pub count: Count,
    /// The limit price, as a YES price.
    pub price: Price,
    pub time_in_force: TimeInForce,
    /// Whether to reject it rather than let it take liquidity.
    pub post_only: bool,
    /// Whether its count is capped at the position; only with immediate-or-cancel.
    pub reduce_only: bool,
    /// When it expires, in Unix seconds of the venue's time; never together with immediate-or-cancel.
    pub expiration_s: Option<i64>,
    /// The order group it belongs to, which is on the same shard.
    pub group: Option<OrderGroupId>,
    pub exchange_index: u8,
}

/// The content of an amend. `count` is the new total: what has filled plus what is to rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amend<'a> {
    pub ticker: &'a str,
    /// The order's client order id, which the exchange checks.
    pub client_order_id: ClientOrderId,
    pub side: BookSide,
    pub price: Price,
    pub count: Count,
    /// The new expiration in Unix seconds of the venue's time; if absent, the order keeps the one it has.
    pub expiration_s: Option<i64>,
    pub exchange_index: u8,
}

/// One order of a batched cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel<'a> {
    pub order: OrderId,
    pub ticker: &'a str,
    pub exchange_index: u8,
}

/// Appends the body of `POST /portfolio/events/orders`.
pub fn write_create(buffer: &mut Vec<u8>, create: &Create<'_>) {
    let mut body = Object::begin(buffer);
    body.text("ticker", create.ticker);
    body.quoted("client_order_id", |text| create.client_order_id.write_to(text));
    body.text("side", create.side.as_str());
    body.quoted("count", |text| create.count.write_to(text));
    let as_no = planted!(AskSentAsNoPrice) && create.side == BookSide::Ask;
    let price = if as_no { create.price.complement() } else { create.price };
    body.quoted("price", |text| price.write_to(text));
    body.text("time_in_force", create.time_in_force.as_str());
    body.text("self_trade_prevention_type", "taker_at_cross");
    body.boolean("post_only", create.post_only);
    body.boolean("cancel_order_on_pause", true);
    if create.reduce_only {
        body.boolean("reduce_only", true);
    }
    if let Some(expiration_s) = create.expiration_s {
        body.integer("expiration_time", expiration_s);
    }
    if let Some(group) = create.group {
        body.quoted("order_group_id", |text| group.write_to(text));
    }
    body.integer("exchange_index", create.exchange_index);
    body.end();
}

/// Appends the body of `POST /portfolio/events/orders/{order_id}/amend`.
pub fn write_amend(buffer: &mut Vec<u8>, amend: &Amend<'_>) {
    let mut body = Object::begin(buffer);
    body.text("ticker", amend.ticker);
    body.text("side", amend.side.as_str());
    body.quoted("price", |text| amend.price.write_to(text));
    body.quoted("count", |text| amend.count.write_to(text));
    body.quoted("client_order_id", |text| amend.client_order_id.write_to(text));
    if let Some(expiration_s) = amend.expiration_s {
        body.integer("expiration_time", expiration_s);
    }
    body.integer("exchange_index", amend.exchange_index);
    body.end();
}

/// Appends the body of `DELETE /portfolio/events/orders/batched`.
pub fn write_cancel_batch<'a>(buffer: &mut Vec<u8>, cancels: impl IntoIterator<Item = Cancel<'a>>) {
    let mut body = Object::begin(buffer);
    write_array(body.value("orders"), cancels, |buffer, cancel| {
        let mut item = Object::begin(buffer);
        item.quoted("order_id", |text| cancel.order.write_to(text));
        item.text("market_ticker", cancel.ticker);
        item.integer("exchange_index", cancel.exchange_index);
        item.end();
    });
    body.end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::orders::{AmendOrder, CancelBatch, CreateOrder, SelfTradePrevention};

    const ID: ClientOrderId = ClientOrderId { nonce: 0xfeed, counter: 3 };

    fn create() -> Create<'static> {
        Create {
            ticker: "KXHIGHNY-26NOV21-T60",
            client_order_id: ID,
            side: BookSide::Ask,
            count: Count::parse("10.50").unwrap(),
            price: Price::parse("0.4205").unwrap(),
            time_in_force: TimeInForce::GoodTillCanceled,
            post_only: true,
            reduce_only: false,
            expiration_s: Some(1_790_000_016),
            group: Some(OrderGroupId::from_bits(0xabc)),
            exchange_index: 2,
        }
    }

    #[test]
    fn a_written_create_parses_as_the_same_order() {
        let mut buffer = Vec::new();
        write_create(&mut buffer, &create());
        let read: CreateOrder<'_> = serde_json::from_slice(&buffer).unwrap();
        let id = ID.to_string();
        let meant = CreateOrder {
            ticker: "KXHIGHNY-26NOV21-T60".into(),
            client_order_id: Some((&*id).into()),
            side: BookSide::Ask,
            count: create().count,
            price: create().price,
            time_in_force: TimeInForce::GoodTillCanceled,
            self_trade_prevention_type: SelfTradePrevention::TakerAtCross,
            expiration_time: Some(1_790_000_016),
            post_only: Some(true),
            cancel_order_on_pause: Some(true),
            reduce_only: None,
            subaccount: None,
            order_group_id: Some(OrderGroupId::from_bits(0xabc).to_string().into()),
            exchange_index: Some(2),
        };
        assert_eq!(read, meant);
        let expected: serde_json::Value = serde_json::to_value(&meant).unwrap();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&buffer).unwrap(), expected);
    }

    #[test]
    fn reduce_only_is_sent_only_if_asked_for() {
        let mut buffer = Vec::new();
        let time_in_force = TimeInForce::ImmediateOrCancel;
        let order = Create { reduce_only: true, time_in_force, expiration_s: None, group: None, ..create() };
        write_create(&mut buffer, &order);
        let read: CreateOrder<'_> = serde_json::from_slice(&buffer).unwrap();
        assert_eq!((read.reduce_only, read.time_in_force), (Some(true), TimeInForce::ImmediateOrCancel));
        assert_eq!((read.expiration_time, read.order_group_id), (None, None));
    }

    #[test]
    fn written_amends_decreases_and_cancels_read_back() {
        let mut buffer = Vec::new();
        let Create { ticker, side, price, count, .. } = create();
        let expiration_s = Some(1_790_000_016);
        let amend = Amend { ticker, client_order_id: ID, side, price, count, expiration_s, exchange_index: 1 };
        write_amend(&mut buffer, &amend);
        let read: AmendOrder<'_> = serde_json::from_slice(&buffer).unwrap();
        assert_eq!((&*read.ticker, read.side, read.price, read.count), (ticker, side, price, count));
        assert_eq!((read.client_order_id.as_deref(), read.exchange_index), (Some(&*ID.to_string()), Some(1)));
        assert_eq!(read.expiration_time, expiration_s);

        buffer.clear();
        let cancels = [1, 2].map(|bits| Cancel { order: OrderId::from_bits(bits), ticker, exchange_index: 3 });
        write_cancel_batch(&mut buffer, cancels);
        let read: CancelBatch<'_> = serde_json::from_slice(&buffer).unwrap();
        assert_eq!(read.orders.len(), 2);
        for (item, cancel) in read.orders.iter().zip(cancels) {
            assert_eq!(item.order_id, cancel.order.to_string());
            assert_eq!((item.market_ticker.as_deref(), item.exchange_index), (Some(ticker), Some(3)));
        }
    }

    #[test]
    fn a_buffer_with_room_is_not_reallocated() {
        let mut buffer = Vec::with_capacity(512);
        let place = buffer.as_ptr();
        write_create(&mut buffer, &create());
        assert_eq!(buffer.as_ptr(), place);
    }
}
