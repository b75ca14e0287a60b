//! Rehearsals: the gate, the body and the request of an order that is not sent, computed in an idle moment so that the
//! next real one finds code and tables in the processor's caches. Only scratch buffers change.

use std::hint::black_box;

use super::ExecuteStage;
use super::intents::Wanted;
use crate::clock::Now;
use crate::market::TimeInForce;
use crate::ports::ExecutePort;
use crate::wire::orders::body::Create;

impl ExecuteStage {
    /// Rehearses the last intent as if it placed an order. Changes no result, now or later.
    pub fn rehearse(&mut self, now: Now, port: &mut impl ExecutePort) {
        let Some(intent) = self.rehearsed else { return };
        let (side, Some(quote)) = (intent.side, intent.quote) else { return };
        if self.markets.get(intent.market).is_none() {
            return;
        }
        let replaces = self.orders.own(intent.market);
        let wanted = Wanted { side, price: quote.price, count: quote.count, replaces };
        let _ = black_box(self.gate(&intent, wanted, now));
        let (ticker, exchange_index) = self.place_of(intent.market);
        let create = Create {
            ticker: ticker.as_str(),
            client_order_id: self.orders.next_client(),
            side,
            count: quote.count,
            price: quote.price,
            time_in_force: TimeInForce::GoodTillCanceled,
            post_only: true,
            reduce_only: false,
            expiration_s: Some(self.orders.leases.expiration_s(now.session_ms)),
            group: self.orders.groups.id(exchange_index),
            exchange_index,
        };
        self.orders.rehearse_create(&create, port);
    }
}
