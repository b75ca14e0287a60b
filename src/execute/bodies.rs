//! Order bodies and their answers, written into and read from buffers without allocating. The shapes are those of
//! `wire::orders`.

use serde::Deserialize;

use super::requests::RequestItem;
use crate::market::{BookSide, ClientOrderId, Count, Price, Ticker, TimeInForce};
use crate::wire::orders::ORDERS_PATH;

/// The market's part of every body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub ticker: Ticker,
    pub exchange_index: u8,
}

/// What a create says.
#[derive(Clone, Copy, Debug)]
pub(super) struct CreateBody {
    pub place: Place,
    pub client: ClientOrderId,
    pub side: BookSide,
    pub count: Count,
    pub price: Price,
    pub time_in_force: TimeInForce,
    pub post_only: bool,
    pub reduce_only: bool,
}

/// What an amend says. `count` is the new total.
#[derive(Clone, Copy, Debug)]
pub(super) struct AmendBody {
    pub place: Place,
    pub side: BookSide,
    pub price: Price,
    pub count: Count,
}

struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    fn text(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn index(&mut self, index: u8) -> &mut Self {
        Count::from_units(i64::from(index) * 100).write_to(self.0);
        // A whole number's two decimals are not part of an integer.
        self.0.truncate(self.0.len() - 3);
        self
    }

    fn terms(&mut self, side: BookSide, price: Price, count: Count) -> &mut Self {
        self.text("\",\"side\":\"").text(side.as_str()).text("\",\"count\":\"");
        count.write_to(self.0);
        self.text("\",\"price\":\"");
        price.write_to(self.0);
        self.text("\"")
    }
}

/// Writes the body of a create, in place of what the buffer held.
pub(super) fn write_create(buffer: &mut Vec<u8>, create: &CreateBody) {
    buffer.clear();
    let mut writer = Writer(buffer);
    writer.text("{\"ticker\":\"").text(create.place.ticker.as_str()).text("\",\"client_order_id\":\"");
    create.client.write_to(writer.0);
    writer.terms(create.side, create.price, create.count);
    writer.text(",\"time_in_force\":\"").text(create.time_in_force.as_str());
    writer.text("\",\"self_trade_prevention_type\":\"taker_at_cross\",\"cancel_order_on_pause\":true");
    if create.post_only {
        writer.text(",\"post_only\":true");
    }
    if create.reduce_only {
        writer.text(",\"reduce_only\":true");
    }
    writer.text(",\"exchange_index\":").index(create.place.exchange_index).text("}");
}

/// Writes the body of an amend.
pub(super) fn write_amend(buffer: &mut Vec<u8>, amend: &AmendBody) {
    buffer.clear();
    let mut writer = Writer(buffer);
    writer.text("{\"ticker\":\"").text(amend.place.ticker.as_str()).terms(amend.side, amend.price, amend.count);
    writer.text(",\"exchange_index\":").index(amend.place.exchange_index).text("}");
}

/// Writes the path of an amend, which names the order.
pub(super) fn write_amend_path(buffer: &mut Vec<u8>, order: crate::market::OrderId) {
    buffer.clear();
    buffer.extend_from_slice(ORDERS_PATH.as_bytes());
    buffer.push(b'/');
    order.write_to(buffer);
    buffer.extend_from_slice(b"/amend");
}

/// Begins the body of a batched cancel.
pub(super) fn begin_cancels(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.extend_from_slice(b"{\"orders\":[");
}

/// Adds an order to a batched cancel.
pub(super) fn write_cancel(buffer: &mut Vec<u8>, item: &RequestItem, place: Place) {
    if buffer.last() == Some(&b'}') {
        buffer.push(b',');
    }
    let mut writer = Writer(buffer);
    writer.text("{\"order_id\":\"");
    item.id.write_to(writer.0);
    writer.text("\",\"market_ticker\":\"").text(place.ticker.as_str()).text("\",\"exchange_index\":");
    writer.index(place.exchange_index).text("}");
}

/// Ends the body of a batched cancel.
pub(super) fn end_cancels(buffer: &mut Vec<u8>) {
    buffer.extend_from_slice(b"]}");
}

/// The answer to a create, as far as the ledger needs it.
#[derive(Debug, Deserialize)]
pub(super) struct CreateAnswer<'a> {
    pub order_id: &'a str,
    pub fill_count: Count,
    pub remaining_count: Count,
    pub ts_ms: i64,
}

/// The answer to an amend.
#[derive(Debug, Deserialize)]
pub(super) struct AmendAnswer {
    #[serde(default)]
    pub remaining_count: Option<Count>,
    pub ts_ms: i64,
}

/// One answer of a batched cancel.
#[derive(Debug, Deserialize)]
pub(super) struct CancelAnswer<'a> {
    #[serde(borrow)]
    pub order_id: &'a str,
    pub reduced_by: Count,
    #[serde(default)]
    pub error: Option<serde::de::IgnoredAny>,
}

/// Calls `each` with the items of a batched cancel's answer, in their order.
///
/// # Errors
/// When the body is not such an answer. Items before the fault have been handed over.
pub(super) fn read_cancels(body: &[u8], each: &mut dyn FnMut(&CancelAnswer<'_>)) -> Result<(), serde_json::Error> {
    struct Items<'f>(&'f mut dyn FnMut(&CancelAnswer<'_>));
    impl<'de> serde::de::Visitor<'de> for Items<'_> {
        type Value = ();
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a list of cancelled orders")
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
            while let Some(item) = items.next_element::<CancelAnswer<'de>>()? {
                (self.0)(&item);
            }
            Ok(())
        }
    }
    impl<'de> serde::de::DeserializeSeed<'de> for Items<'_> {
        type Value = ();
        fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
            deserializer.deserialize_seq(self)
        }
    }
    struct Body<'f>(&'f mut dyn FnMut(&CancelAnswer<'_>));
    impl<'de> serde::de::Visitor<'de> for Body<'_> {
        type Value = ();
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the answer to a batched cancel, an object with `orders`")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            let mut found = false;
            while let Some(key) = map.next_key::<&str>()? {
                if key == "orders" {
                    map.next_value_seed(Items(&mut *self.0))?;
                    found = true;
                } else {
                    map.next_value::<serde::de::IgnoredAny>()?;
                }
            }
            if found { Ok(()) } else { Err(serde::de::Error::missing_field("orders")) }
        }
    }
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    serde::Deserializer::deserialize_map(&mut deserializer, Body(each))
}

/// Whether a body of an error, in any of its shapes, has this code.
pub(super) fn has_code(body: &[u8], code: &str) -> bool {
    memchr::memmem::find(body, code.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{MarketKey, OrderId};
    use crate::wire::orders::{AmendOrder, CancelBatch, CreateOrder};

    fn place() -> Place {
        Place { ticker: Ticker::new("KXBTCD-26JUL0317-T60499.99").unwrap(), exchange_index: 2 }
    }

    #[test]
    fn a_create_reads_back_as_the_wires_create() {
        let mut buffer = Vec::new();
        let create = CreateBody {
            place: place(),
            client: ClientOrderId { nonce: 7, counter: 1 },
            side: BookSide::Ask,
            count: Count::from_contracts(10),
            price: Price::from_cents(42),
            time_in_force: TimeInForce::GoodTillCanceled,
            post_only: true,
            reduce_only: false,
        };
        write_create(&mut buffer, &create);
        let read: CreateOrder<'_> = serde_json::from_slice(&buffer).unwrap();
        assert_eq!(read.ticker, "KXBTCD-26JUL0317-T60499.99");
        assert_eq!(read.client_order_id.as_deref(), Some("kact-0000000000000007-00000001"));
        assert_eq!((read.side, read.count, read.price), (create.side, create.count, create.price));
        assert_eq!((read.post_only, read.reduce_only, read.cancel_order_on_pause), (Some(true), None, Some(true)));
        assert_eq!(read.exchange_index, Some(2));
    }

    #[test]
    fn an_amend_and_a_batch_of_cancels_read_back_too() {
        let mut buffer = Vec::new();
        let amend = AmendBody {
            place: place(),
            side: BookSide::Bid,
            price: Price::from_cents(9),
            count: Count::from_units(1_025),
        };
        write_amend(&mut buffer, &amend);
        let read: AmendOrder<'_> = serde_json::from_slice(&buffer).unwrap();
        assert_eq!((read.side, read.price, read.count), (amend.side, amend.price, amend.count));
        let mut table = super::super::table::OrderTable::new(1, 1);
        let order = super::super::table::Order::new(
            super::super::table::Whose::Foreign,
            MarketKey::default(),
            BookSide::Bid,
            Price::from_cents(1),
            Count::ZERO,
            super::super::orders::OrderState::Resting,
        );
        let at = table.insert(order).unwrap();
        begin_cancels(&mut buffer);
        for bits in 1..=3 {
            write_cancel(
                &mut buffer,
                &RequestItem { at, market: MarketKey::default(), id: OrderId::from_bits(bits) },
                place(),
            );
        }
        end_cancels(&mut buffer);
        let read: CancelBatch<'_> = serde_json::from_slice(&buffer).unwrap();
        assert_eq!(read.orders.len(), 3);
        assert_eq!(read.orders[2].order_id, OrderId::from_bits(3).to_string());
        assert_eq!(read.orders[2].exchange_index, Some(2));
    }

    #[test]
    fn the_items_of_a_batched_cancel_are_read_in_order() {
        let body = br#"{"x":1,"orders":[{"order_id":"a","reduced_by":"3.00","ts_ms":5},{"order_id":"b","reduced_by":"0.00","error":{"code":"not_found"}}]}"#;
        let mut read = Vec::new();
        read_cancels(body, &mut |item| read.push((item.order_id.to_owned(), item.reduced_by, item.error.is_some())))
            .unwrap();
        assert_eq!(read, [("a".to_owned(), Count::from_contracts(3), false), ("b".to_owned(), Count::ZERO, true)]);
        assert!(read_cancels(b"{}", &mut |_| ()).is_err());
        assert!(read_cancels(b"nonsense", &mut |_| ()).is_err());
    }
}
