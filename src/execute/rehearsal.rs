//! Rehearsals: the gate, the body and the request of an order that is not sent, computed in an idle moment so that the
//! next real one finds code and tables in the processor's caches. Uses scratch buffers only.

use std::hint::black_box;

use super::ExecuteStage;
use super::intents::Wanted;
use crate::clock::Now;
use crate::market::{ClientOrderId, TimeInForce};
use crate::ports::{ExecutePort, OrderRequest};
use crate::wire::orders::ORDERS_PATH;
use crate::wire::orders::body::{Create, write_create};

impl ExecuteStage {
    /// Rehearses the last intent as if it placed an order. Changes no result, now or later.
    pub fn rehearse(&mut self, now: Now, port: &mut impl ExecutePort) {
        let Some(intent) = self.rehearsed else { return };
        let (side, Some(quote)) = (intent.side, intent.quote) else { return };
        if self.directory.get(intent.market).is_none() {
            return;
        }
        let replaces = self.own_order(intent.market);
        let wanted = Wanted { side, price: quote.price, count: quote.count, replaces };
        let _ = black_box(self.gate(&intent, wanted, now));
        let (ticker, exchange_index) = self.place_of(intent.market);
        self.body.clear();
        write_create(
            &mut self.body,
            &Create {
                ticker: ticker.as_str(),
                client_order_id: ClientOrderId { nonce: self.nonce, counter: self.orders_placed },
                side,
                count: quote.count,
                price: quote.price,
                time_in_force: TimeInForce::GoodTillCanceled,
                post_only: true,
                reduce_only: false,
                expiration_s: Some(self.leases.expiration_s(now.session_ms)),
                group: self.groups.id(exchange_index),
                exchange_index,
            },
        );
        // Not one of the requests' own numbers: those are for what is sent.
        port.rehearse(&OrderRequest { id: 0, method: "POST", path: ORDERS_PATH, body: &self.body, cancels: false });
    }
}
