//! Checks in the exchange's own records what an absent trader leaves behind, and that the tokens for cancelling it are
//! there.

use std::collections::BTreeMap;

use super::instruments::Tried;
use super::invariants::{Checked, hold};
use crate::decide::policy::Policy;
use crate::market::{ClientOrderId, OrderId};

/// The price of a cancel in write tokens.
const CANCEL_COST: u64 = 2;
/// A cancel without effect after this time is repeated when tokens allow.
const UNDER_WAY_MS: i64 = 5_000;
/// The time in which an empty bucket of any tier refills.
const REFILL_MS: i64 = 2_000;

#[derive(Debug, Default)]
pub(super) struct Leases {
    longest_ms: i64,
    /// Starts that died, by the nonce of their orders, and when.
    died: BTreeMap<u64, i64>,
}

impl Leases {
    /// The start with this nonce in its client order ids has died.
    pub(super) fn died(&mut self, nonce: u64, session_ms: i64) {
        self.died.insert(nonce, session_ms);
    }

    /// The longest lease of any start.
    pub(super) fn longest_ms(&self) -> i64 {
        self.longest_ms
    }

    /// `leases_hold`: every resting order expires within a lease from now, and the orders of a dead trader have ended a
    /// lease after its death, even if its requests arrive later.
    pub(super) fn step<P: Policy>(&mut self, simulation: &Tried<P>) -> Checked {
        self.longest_ms = self.longest_ms.max(simulation.stages().execute.lease_plan().lease_ms);
        let (exchange, now_ms) = (simulation.exchange(), simulation.session_ms());
        for order in exchange.engine().open_orders_of(exchange.clients()[0]) {
            let ends = order.expiration_ms;
            hold("leases_hold", ends.is_some_and(|ends_ms| ends_ms <= now_ms + self.longest_ms), || {
                format!("an order rests at {now_ms} and ends at {ends:?}, with leases of {} ms", self.longest_ms)
            })?;
            let start = order.client_order_id.as_deref().and_then(ClientOrderId::parse).map(|id| id.nonce);
            if let Some(died_ms) = start.and_then(|nonce| self.died.get(&nonce)) {
                hold("leases_hold", now_ms <= died_ms + self.longest_ms, || {
                    format!("an order rests {} ms after its start died", now_ms - died_ms)
                })?;
            }
        }
        Ok(())
    }
}

/// The cost of cancelling everything, and the cancels in flight.
#[derive(Debug)]
pub(super) struct Cancels {
    requests_seen: usize,
    /// Orders for which a cancel was sent, and when.
    sent_ms: BTreeMap<OrderId, i64>,
    /// How long after it was signed a request may be carried out, in milliseconds.
    signature_valid_ms: i64,
    /// Until when writes of a dead start may still be charged.
    haunted_until_ms: i64,
}

impl Cancels {
    /// `signature_valid_ms` is how long after it was signed a request may be carried out.
    pub(super) fn new(signature_valid_ms: i64) -> Self {
        Self { requests_seen: 0, sent_ms: BTreeMap::new(), signature_valid_ms, haunted_until_ms: i64::MIN }
    }

    /// Another start replaced one whose requests may still be carried out.
    pub(super) fn restarted(&mut self, now_ms: i64) {
        self.haunted_until_ms = now_ms.saturating_add(self.signature_valid_ms).saturating_add(REFILL_MS);
    }

    /// `cancels_are_paid_for`: the exchange's own bucket has enough tokens to cancel all our orders, except those whose
    /// cancel is in flight.
    pub(super) fn step<P: Policy>(&mut self, simulation: &Tried<P>) -> Checked {
        let new = &simulation.instruments().sent()[self.requests_seen..];
        self.requests_seen += new.len();
        for request in new.iter().filter(|request| request.method == "DELETE") {
            let body: serde_json::Value = serde_json::from_str(&request.body).unwrap_or_default();
            let orders = body["orders"].as_array().into_iter().flatten();
            let orders = orders.filter_map(|order| OrderId::parse(order["order_id"].as_str()?).ok());
            self.sent_ms.extend(orders.map(|order| (order, request.session_ms)));
        }
        let (exchange, now_ms) = (simulation.exchange(), simulation.session_ms());
        let account = exchange.clients()[0];
        self.sent_ms.retain(|_, sent_ms| now_ms - *sent_ms < UNDER_WAY_MS);
        let open = exchange.engine().open_orders_of(account);
        let resting = open.filter(|order| !self.sent_ms.contains_key(&order.order)).count() as u64;
        let tokens = exchange.gateway().write_tokens(account, now_ms);
        let is_paid = now_ms < self.haunted_until_ms || tokens >= CANCEL_COST * resting;
        hold("cancels_are_paid_for", is_paid, || {
            format!("{resting} orders rest that nothing cancels, and {tokens} write tokens are left")
        })
    }
}
