//! Placing new orders.

use super::collateral::Exposure;
use super::lifecycle::Timer;
use super::matching::Matched;
use super::orders::{Links, List, Order, Slot};
use super::{
    AccountId, Engine, MarketIndex, MarketState, NewOrder, OrderRecord, Placed, Reject, UpdateReason, booking,
};
use crate::market::{BookSide, Count, Money, OrderStatus, Price, TimeInForce};
use crate::wire::time::is_writable;

impl Engine {
    /// Places an order and matches it.
    ///
    /// A client order id is used up by every order that passes the checks of its form, whatever happens then: the exchange
    /// is known to do so for a fill-or-kill that was killed, and orders that cannot be afforded and post-only orders that
    /// cross are rejected at the same stage. If self-trade prevention, reduce-only or immediate-or-cancel cancels the
    /// remainder, the result is a success with nothing remaining.
    ///
    /// # Errors
    /// The reason for the rejection; then nothing has changed except that the client order id may have been used up.
    ///
    /// # Panics
    /// If the account was not opened by [`Engine::open_account`].
    pub fn create_order(&mut self, new: &NewOrder, now_ms: i64) -> Result<Placed, Reject> {
        self.begin(now_ms);
        self.check_open(new.market)?;
        let level = self.check_form(new, now_ms)?;
        self.check_user(new.account, self.markets[new.market as usize].spec.exchange_index)?;
        self.check_group(new.group, new.account, new.subaccount, new.market)?;
        self.burn_client_order_id(new.account, new.client_order_id.as_deref())?;
        let holding = self.holding(new.account, new.subaccount, new.market);
        let tradable = self.tradable_count(new, holding);
        let exposure = Exposure { side: new.side, price: new.price, count: tradable };
        if !self.affords(holding, None, Some(exposure)) {
            return Err(Reject::InsufficientBalance);
        }
        if new.post_only && self.would_cross(new.market, new.side, level) {
            return Err(Reject::PostOnlyCross);
        }
        if new.time_in_force == TimeInForce::FillOrKill
            && self.markets[new.market as usize].volume_within(new.side, level) < tradable
        {
            return Err(Reject::FillOrKill);
        }
        let slot = self.admit(new, tradable, level, holding, now_ms);
        let matched = self.match_incoming(slot, now_ms);
        Ok(self.settle_in(slot, matched, new.time_in_force, UpdateReason::Created, now_ms))
    }

    /// Checks that a market accepts orders now.
    pub(super) fn check_open(&self, market: MarketIndex) -> Result<(), Reject> {
        let place = self.markets.get(market as usize).ok_or(Reject::MarketNotFound)?;
        self.check_exchange(place.spec.exchange_index)?;
        match place.state {
            MarketState::Active if self.paused_shards.contains(&place.spec.exchange_index) => {
                Err(Reject::TradingPaused)
            }
            MarketState::Active => Ok(()),
            MarketState::Inactive => Err(Reject::TradingPaused),
            _ => Err(Reject::MarketInactive),
        }
    }

    /// The checks that need only the order and the market's grid. Returns the grid slot of the price.
    fn check_form(&self, new: &NewOrder, now_ms: i64) -> Result<usize, Reject> {
        let level = self.check_price(new.market, new.price)?;
        if new.count <= Count::ZERO || new.count > Count::LIMIT {
            return Err(Reject::InvalidSize);
        }
        if new.reduce_only && new.time_in_force != TimeInForce::ImmediateOrCancel {
            return Err(Reject::ReduceOnlyNeedsIoc);
        }
        match new.expiration_ms {
            Some(_) if new.time_in_force != TimeInForce::GoodTillCanceled => Err(Reject::ExpirationWithIoc),
            Some(expiration_ms) => check_expiration(expiration_ms, now_ms).map(|()| level),
            None => Ok(level),
        }
    }

    pub(super) fn check_price(&self, market: MarketIndex, price: Price) -> Result<usize, Reject> {
        let grid = self.markets[market as usize].grid();
        let accepted = price > Price::ZERO && price < Price::ONE;
        grid.slot(price).filter(|_| accepted).ok_or(Reject::InvalidPrice)
    }

    /// Uses up a client order id of an account.
    pub(super) fn burn_client_order_id(&mut self, account: AccountId, id: Option<&str>) -> Result<(), Reject> {
        match id {
            Some(id) if !self.client_order_ids.insert(account, id) => Err(Reject::DuplicateClientOrderId),
            _ => Ok(()),
        }
    }

    /// How much of the order may trade: all of it, or for a reduce-only order as much as there is to reduce.
    fn tradable_count(&self, new: &NewOrder, holding: u32) -> Count {
        if new.reduce_only {
            new.count.min(booking::closable(self.holdings[holding as usize].position.contracts, new.side))
        } else {
            new.count
        }
    }

    /// Whether an order with this limit would trade at once.
    pub(super) fn would_cross(&self, market: MarketIndex, side: BookSide, limit: usize) -> bool {
        let best = self.markets[market as usize].best_level(side.opposite());
        best.is_some_and(|level| super::crosses(side, limit, level))
    }

    /// Gives the order its id, and enters it in all tables except the queue. `tradable` of it may trade.
    fn admit(&mut self, new: &NewOrder, tradable: Count, level: usize, holding: u32, now_ms: i64) -> Slot {
        let order = self.ids.order();
        let record = OrderRecord {
            order,
            account: new.account,
            market: new.market,
            client_order_id: new.client_order_id.clone(),
            side: new.side,
            price: new.price,
            initial: new.count,
            filled: Count::ZERO,
            remaining: tradable,
            status: OrderStatus::Resting,
            reason: UpdateReason::Created,
            taker_cost: Money::ZERO,
            maker_cost: Money::ZERO,
            taker_fees: Money::ZERO,
            maker_fees: Money::ZERO,
            created_ms: now_ms,
            updated_ms: now_ms,
            expiration_ms: new.expiration_ms,
            cancel_on_pause: new.cancel_on_pause,
            self_trade_prevention: new.self_trade_prevention,
            subaccount: new.subaccount,
            group: new.group,
        };
        let slot = self.orders.insert(Order {
            record,
            holding,
            // A command places at most one order.
            number: self.command,
            level: u32::try_from(level).expect("a grid has at most 10,001 slots"),
            post_only: new.post_only,
            rounding: Money::ZERO,
            ahead: Count::ZERO,
            needs: Money::ZERO,
            queue: Links::NONE,
            own: Links::NONE,
            side: Links::NONE,
            group: Links::NONE,
        });
        self.order_of.insert(order, slot);
        let held = &mut self.holdings[holding as usize];
        self.orders.append(List::Own, &mut held.open, slot);
        self.orders.append(List::Side, &mut held.sides[new.side as usize], slot);
        self.join_group(slot);
        self.reserve(slot);
        if let Some(expiration_ms) = new.expiration_ms {
            self.timers.insert((expiration_ms, Timer::Expire(slot)));
        }
        let account = &mut self.accounts[new.account as usize];
        if !account.unlimited {
            account.orders.insert(self.command, slot);
        }
        slot
    }

    /// Finishes an order after matching: the remainder goes to the book or is cancelled, and the owner gets a report.
    /// `untouched` is the reason reported for an order that rests without a fill.
    pub(super) fn settle_in(
        &mut self,
        slot: Slot,
        matched: Matched,
        time_in_force: TimeInForce,
        untouched: UpdateReason,
        now_ms: i64,
    ) -> Placed {
        let Matched { filled, filled_value, fees, stopped } = matched;
        let record = &mut self.orders[slot].record;
        let placed = Placed { order: record.order, filled, remaining: record.remaining, filled_value, fees };
        let reason = if record.remaining.is_zero() {
            // Only reduce-only makes less than the whole order tradable.
            let capped = time_in_force == TimeInForce::ImmediateOrCancel && record.filled < record.initial;
            if capped { UpdateReason::ReduceOnlyCancel } else { UpdateReason::Trade }
        } else if let Some(reason) = stopped {
            reason
        } else if time_in_force == TimeInForce::GoodTillCanceled {
            record.reason = if filled.is_zero() { untouched } else { UpdateReason::Trade };
            self.rest(slot, now_ms);
            self.report_order(slot);
            return placed;
        } else {
            UpdateReason::Decrease
        };
        self.end(slot, reason, now_ms);
        Placed { remaining: Count::ZERO, ..placed }
    }
}

/// Checks an expiration: in the future, and at a time that can be written in responses.
pub(super) const fn check_expiration(expiration_ms: i64, now_ms: i64) -> Result<(), Reject> {
    if expiration_ms <= now_ms {
        Err(Reject::ExpirationInPast)
    } else if is_writable(expiration_ms) {
        Ok(())
    } else {
        Err(Reject::ExpirationTooLate)
    }
}
