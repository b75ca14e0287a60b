//! Sends order writes and counts them: creates, amends, renewals of leases, batched cancels.

use super::ExecuteStage;
use crate::clock::Now;
use crate::execute::markets::Market;
use crate::execute::orders::CancelBatch;
use crate::execute::orders::life::OrderEvent;
use crate::execute::orders::order::Whose;
use crate::execute::orders::requests::RequestItem;
use crate::execute::orders::table::OrderRef;
use crate::execute::stops::Placed;
use crate::market::{Count, Price};
use crate::messages::Verdict;
use crate::ports::{ExecutePort, NotSent};
use crate::wire::orders::body::{Amend, Cancel, Create};

/// How soon a write that found no connection is tried again.
const NO_CONNECTION_RETRY_NS: u64 = 5_000_000;

impl ExecuteStage {
    /// Writes a create; the order is in the table already. Returns when the kernel had it.
    pub(super) fn create(
        &mut self,
        at: OrderRef,
        create: &Create<'_>,
        now: Now,
        port: &mut impl ExecutePort,
    ) -> Result<u64, Verdict> {
        let written = self.orders.write_create(at, create, now, &mut self.alarm, port);
        let written_ns = written.map_err(|NotSent| Verdict::RefusedNoConnection)?;
        self.counters.sent += 1;
        self.count_messages(1, now);
        let key = self.orders.table.get(at).expect("inserted by the caller").market;
        if let Some(market) = self.markets.get_mut(key) {
            market.writes += 1;
            let placed = Placed { side: create.side, price: create.price, count: create.count };
            market.stops.recent.push(placed, now.session_ms);
        }
        Ok(written_ns)
    }

    /// Writes an amend, which renews the lease, too. Returns when the kernel had it.
    pub(super) fn amend(
        &mut self,
        at: OrderRef,
        price: Price,
        total: Count,
        now: Now,
        port: &mut impl ExecutePort,
    ) -> Result<u64, Verdict> {
        let order = self.orders.table.get(at).expect("looked up by the caller");
        let Whose::Ours(client_order_id) = order.whose else { return Err(Verdict::RefusedDegraded) };
        let (key, side) = (order.market, order.side);
        let from_ms = if planted!(LeaseFromItsEnd) { order.lease.ends_ms } else { now.session_ms };
        let expiration_s = Some(self.orders.leases.expiration_s(from_ms));
        let (ticker, exchange_index) = self.place_of(key);
        let ticker = ticker.as_str();
        let amend = Amend { ticker, client_order_id, side, price, count: total, expiration_s, exchange_index };
        let written = self.orders.write_amend(at, &amend, now, &mut self.alarm, port);
        let written_ns = written.map_err(|NotSent| Verdict::RefusedNoConnection)?;
        if let Some(market) = self.markets.get_mut(key) {
            market.writes += 1;
        }
        self.step(at, OrderEvent::AmendSent, now);
        self.counters.amends_sent += 1;
        self.count_messages(usize::from(!planted!(AmendsNotCounted)), now);
        Ok(written_ns)
    }

    /// A decision wants a resting order just as it is: its lease is renewed if too little is left of it. Without tokens,
    /// a connection or room under the limits of messages the next decision tries again, or the lease ends the order.
    pub(super) fn renew(&mut self, at: OrderRef, now: Now, port: &mut impl ExecutePort) {
        let Some((price, total)) = self.orders.renewal(at, now) else { return };
        let key = self.orders.table.get(at).expect("looked at just now").market;
        let allowed = self.orders.allows_amend(self.place_of(key).1, now);
        if !allowed || !self.stops.messages.allows(now.session_ms) {
            self.counters.renewals_delayed += 1;
            return;
        }
        match self.amend(at, price, total, now, port) {
            Ok(_) => self.counters.renewals_sent += 1,
            Err(_) => self.counters.renewals_delayed += 1,
        }
    }

    /// Rates, costs or markets changed.
    pub(super) fn plan_leases(&mut self) {
        self.orders.plan_leases(&self.config, self.markets.traded().count());
    }

    /// Sends every cancel that is due, in batches, as far as tokens and connections go.
    pub(super) fn send_cancels(&mut self, now: Now, port: &mut impl ExecutePort) {
        self.orders.begin_cancels();
        let mut slot = 0;
        loop {
            let markets = &self.markets;
            let is_over = |key| markets.get(key).is_none_or(Market::is_over);
            let due = self.orders.next_cancels(&mut slot, is_over, now, &mut self.alarm);
            let written = due.and_then(|batch| {
                let written = self.write_cancels(&batch, now, port);
                written.map_err(|NotSent| now.mono_ns.saturating_add(NO_CONNECTION_RETRY_NS))
            });
            if let Err(again_ns) = written {
                return self.orders.cancels_due(again_ns, &mut self.alarm);
            }
        }
    }

    fn write_cancels(&mut self, batch: &CancelBatch, now: Now, port: &mut impl ExecutePort) -> Result<(), NotSent> {
        let markets = &self.markets;
        let cancels = batch.items().iter().map(|item: &RequestItem| {
            let market = markets.get(item.market).expect("an order's market is listed while it is followed");
            Cancel { order: item.id, ticker: market.ticker.as_str(), exchange_index: market.exchange_index() }
        });
        self.orders.write_cancels(batch, cancels, now, &mut self.alarm, port)?;
        for item in batch.items() {
            if let Some(market) = self.markets.get_mut(item.market) {
                market.writes += 1;
            }
        }
        self.count_messages(batch.items().len(), now);
        for item in batch.items() {
            self.counters.cancels_sent += 1;
            self.step(item.at, OrderEvent::CancelSent, now);
            self.markets.mark_dirty(item.market);
        }
        Ok(())
    }
}
