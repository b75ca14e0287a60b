//! Order writes as the execute stage makes them.

use kalshi_actor::market::{BookSide, ClientOrderId, Count, OrderGroupId, OrderId, Price, TimeInForce};
use kalshi_actor::wire::orders::body::{Cancel, Create};

const TICKER: &str = "KXGOLD15M-26AUG050000-00";

pub fn create() -> Create<'static> {
    Create {
        ticker: TICKER,
        client_order_id: ClientOrderId { nonce: 0x1234_5678_9abc_def0, counter: 77 },
        side: BookSide::Bid,
        count: Count::from_contracts(10),
        price: Price::from_cents(42),
        time_in_force: TimeInForce::GoodTillCanceled,
        post_only: true,
        reduce_only: false,
        expiration_s: Some(1_795_233_616),
        group: Some(OrderGroupId::from_bits(u128::MAX / 5)),
        exchange_index: 2,
    }
}

pub fn cancel() -> Cancel<'static> {
    Cancel { order: OrderId::from_bits(u128::MAX / 3), ticker: TICKER, exchange_index: 2 }
}
