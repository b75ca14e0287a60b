//! Amending an order.

use super::collateral::Exposure;
use super::create::check_expiration;
use super::lifecycle::Timer;
use super::matching::Matched;
use super::orders::Slot;
use super::{AccountId, AmendExpiration, AmendSpec, Engine, Placed, Reject, UpdateReason};
use crate::market::{Count, Money, OrderId, TimeInForce};

impl Engine {
    /// Gives an open order a new price, total count, expiration or client order id. It keeps its own id. It also keeps its
    /// place in the queue if its price stays the same and its size does not grow; otherwise it loses it, and may trade at
    /// once. A new client order id is used up like that of a create, and the old one stays used. A post-only order that
    /// would cross is cancelled, and the result has nothing remaining ([`UpdateReason::PostOnlyCrossCancel`] is the
    /// exchange's reason for it).
    ///
    /// # Errors
    /// The reason for the rejection. The order is unchanged, but a new client order id may have been used up.
    pub fn amend_order(
        &mut self,
        account: AccountId,
        order: OrderId,
        spec: &AmendSpec,
        now_ms: i64,
    ) -> Result<Placed, Reject> {
        self.begin(now_ms);
        let slot = self.own_open_order(account, order)?;
        let level = self.check_amend(slot, spec, now_ms)?;
        let renamed = self.renamed(slot, spec);
        self.burn_client_order_id(account, renamed)?;
        let record = &self.orders[slot].record;
        let (market, side, remaining) = (record.market, record.side, record.remaining);
        let wanted = spec.total_count - record.filled;
        let same_price = record.price == spec.price;
        let exposure = Exposure { side, price: spec.price, count: wanted };
        if !self.affords(self.orders[slot].holding, Some((slot, exposure)), None) {
            return Err(Reject::InsufficientBalance);
        }
        self.set_expiration(slot, spec.expiration);
        let record = &mut self.orders[slot].record;
        record.initial = spec.total_count;
        if let Some(id) = renamed {
            record.client_order_id = Some(id.to_owned());
        }
        if same_price && wanted <= remaining {
            self.shrink_or_touch(slot, remaining - wanted, now_ms);
            return Ok(Placed {
                order,
                filled: Count::ZERO,
                remaining: wanted,
                filled_value: Money::ZERO,
                fees: Money::ZERO,
            });
        }
        self.unrest(slot, now_ms);
        let changed = &mut self.orders[slot];
        changed.record.price = spec.price;
        changed.record.remaining = wanted;
        changed.record.updated_ms = now_ms;
        changed.level = u32::try_from(level).expect("a grid has at most 10,001 slots");
        let post_only = changed.post_only;
        self.reserve(slot);
        let matched = if post_only && self.would_cross(market, side, level) {
            Matched { stopped: Some(UpdateReason::PostOnlyCrossCancel), ..Matched::default() }
        } else {
            self.match_incoming(slot, now_ms)
        };
        Ok(self.settle_in(slot, matched, TimeInForce::GoodTillCanceled, UpdateReason::Amend, now_ms))
    }

    /// Checks everything except cash. Returns the grid slot of the new price.
    fn check_amend(&self, slot: Slot, spec: &AmendSpec, now_ms: i64) -> Result<usize, Reject> {
        let record = &self.orders[slot].record;
        if record.market != spec.market {
            return Err(Reject::TickerMismatch);
        }
        if record.side != spec.side {
            return Err(Reject::SideMismatch);
        }
        self.check_open(spec.market)?;
        let level = self.check_price(spec.market, spec.price)?;
        if spec.total_count > Count::LIMIT {
            return Err(Reject::InvalidSize);
        }
        if spec.total_count <= record.filled {
            return Err(Reject::InvalidAmendCount);
        }
        let expiration_ms = match spec.expiration {
            AmendExpiration::Keep => record.expiration_ms,
            AmendExpiration::Remove => None,
            AmendExpiration::At(at_ms) => check_expiration(at_ms, now_ms).map(|()| Some(at_ms))?,
        };
        let same_terms = record.price == spec.price && record.remaining == spec.total_count - record.filled;
        if same_terms && record.expiration_ms == expiration_ms && self.renamed(slot, spec).is_none() {
            return Err(Reject::NoChange);
        }
        Ok(level)
    }

    /// The new client order id, if it differs from the order's present one.
    fn renamed<'s>(&self, slot: Slot, spec: &'s AmendSpec) -> Option<&'s str> {
        let old = self.orders[slot].record.client_order_id.as_deref();
        spec.new_client_order_id.as_deref().filter(|new| Some(*new) != old)
    }

    fn set_expiration(&mut self, slot: Slot, expiration: AmendExpiration) {
        let record = &mut self.orders[slot].record;
        let wanted_ms = match expiration {
            AmendExpiration::Keep => return,
            AmendExpiration::Remove => None,
            AmendExpiration::At(at_ms) => Some(at_ms),
        };
        if let Some(old_ms) = std::mem::replace(&mut record.expiration_ms, wanted_ms) {
            self.timers.remove(&(old_ms, Timer::Expire(slot)));
        }
        if let Some(new_ms) = wanted_ms {
            self.timers.insert((new_ms, Timer::Expire(slot)));
        }
    }

    /// Makes a change that keeps the place in the queue.
    fn shrink_or_touch(&mut self, slot: Slot, less: Count, now_ms: i64) {
        if less > Count::ZERO {
            self.shrink(slot, less, UpdateReason::Amend, now_ms);
        } else {
            let record = &mut self.orders[slot].record;
            record.reason = UpdateReason::Amend;
            record.updated_ms = now_ms;
            self.report_order(slot);
        }
    }
}
