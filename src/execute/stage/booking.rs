//! Keeps the account in step with facts: fills, determinations, payments, and what each order reserves. A fill is booked at
//! once, whatever is known about its order; its order is told when it is known.

use super::ExecuteStage;
use crate::clock::Now;
use crate::execute::account::Account;
use crate::execute::account::exposure::Exposure;
use crate::execute::orders::life::OrderEvent;
use crate::execute::orders::table::OrderRef;
use crate::execute::stops::OutcomeLosses;
use crate::market::{MarketKey, Money, OrderId, Price};
use crate::messages::{Fill, OwnSettlement};

impl ExecuteStage {
    /// A fill of the account, of whatever order.
    pub(super) fn book_fill(&mut self, fill: &Fill, now: Now) {
        if self.markets.get(fill.market).is_none() {
            // The cash moved all the same: the next comparison will name it.
            self.counters.stale_keys += 1;
            return self.readings.compare_soon();
        }
        if !Account::is_bookable(fill) {
            self.counters.absurd_fills += 1;
            return self.readings.compare_soon();
        }
        if !self.account.is_new(fill) {
            self.counters.duplicate_fills += 1;
            return;
        }
        if planted!(EarlyFillDropped) && self.orders.table.by_id(fill.order).is_none() {
            return;
        }
        if self.readings.is_in_baseline(fill.time_ms) {
            self.counters.baseline_fills += 1;
            return;
        }
        let market = self.markets.get_mut(fill.market).expect("looked up above");
        let cash = self.account.book_fill(&mut market.holding, fill, now.session_ms);
        self.counters.fills += 1;
        let begun = self.attach(fill, cash, now);
        self.check_position(fill);
        self.settle_late_fill(fill.market, now);
        self.caused(fill.market, fill.read_ns);
        self.refresh(fill.market, now);
        if begun && !planted!(ExecutionsNotCounted) {
            self.count_execution(fill.market, now);
        }
    }

    /// Tells the fill's order, or keeps it until the exchange tells whose it is. Returns whether it is the first fill of an
    /// order of this run, or of one that may be.
    fn attach(&mut self, fill: &Fill, cash: Money, now: Now) -> bool {
        let market = self.markets.get(fill.market).expect("looked up by the caller");
        let trade_fee = market.fees_at(fill.time_ms).trade_fee(fill.count, fill.price, fill.liquidity);
        self.counters.fee_errors += u64::from(!self.account.explains_fee(fill.fee, trade_fee));
        if let Some(at) = self.orders.table.by_id(fill.order) {
            let order = self.orders.table.get_mut(at).expect("found by its id");
            if !order.is_ours() {
                self.counters.foreign_fills += 1;
                // Fills before the report that introduced the order are in the report's count.
                if fill.time_ms > order.exchange_ms {
                    order.filled += fill.count;
                }
                return false;
            }
            order.filled += fill.count;
            order.fills += 1;
            let begun = order.fills == 1;
            let surprise = order.fees.net_fee(cash, trade_fee, self.account.balance_step()) != fill.fee;
            self.counters.fee_surprises += u64::from(surprise);
            self.counters.partial_fills += u64::from(!order.pending_max().is_zero());
            self.counters.overfills += u64::from(order.filled > order.final_filled.unwrap_or(order.most()));
            self.account.own_fill(fill);
            self.step(at, OrderEvent::FillBooked, now);
            self.touch(at, now);
            begun
        } else if self.orders.is_placing(fill.market, fill.side) && !self.orders.table.is_gone(fill.order) {
            let kept = self.account.keep_fill(fill, cash, trade_fee);
            self.counters.early_fills += 1;
            self.counters.early_forgotten += u64::from(kept.forgot);
            kept.begins
        } else {
            self.counters.foreign_fills += 1;
            false
        }
    }

    /// The exchange told an order's id: what came early is its own.
    pub(super) fn link(&mut self, at: OrderRef, id: OrderId) {
        if !self.orders.table.link(at, id) {
            return;
        }
        let Some(early) = self.account.claim_fills(id) else { return };
        let order = self.orders.table.get_mut(at).expect("linked just now");
        order.filled += early.filled;
        order.fills += early.fills;
        order.fees = early.fees;
        self.counters.fee_surprises += u64::from(early.surprises);
        // Each of them but one that filled it entirely had left something open.
        let whole = u32::from(order.filled >= order.most());
        self.counters.partial_fills += u64::from(early.fills - whole.min(early.fills));
    }

    /// The exchange says what the position is after each fill of the stream.
    fn check_position(&mut self, fill: &Fill) {
        let market = self.markets.get(fill.market).expect("looked up by the caller");
        if fill.post_position.is_some_and(|position| position != market.holding.position().contracts) {
            self.counters.position_surprises += 1;
            self.readings.rebuild_soon();
        }
    }

    /// A market's result is known: its position pays. Counted once.
    pub(super) fn determine(&mut self, key: MarketKey, value: Price, now: Now) {
        let Some(market) = self.markets.get_mut(key) else { return };
        if !self.readings.is_adopted() {
            return;
        }
        let settled = self.account.determine(&mut market.holding, key, value, now.session_ms);
        let Some(settlement) = settled else { return };
        self.counters.settlements += u64::from(!settlement.contracts.is_zero());
        self.await_payment(&settlement);
        self.readings.settlements_soon();
    }

    fn await_payment(&mut self, settlement: &OwnSettlement) {
        if settlement.pays != Money::ZERO {
            self.readings.await_payment(&self.config);
        }
    }

    /// The exchange paid for a market.
    pub(super) fn book_payment(&mut self, key: MarketKey, value: Price, fee: Money, now: Now) {
        self.determine(key, value, now);
        let Some(market) = self.markets.get_mut(key) else { return };
        if self.account.book_payment(&mut market.holding, fee, now.session_ms) {
            self.payment_booked();
        }
    }

    /// A fill from before the end that came after it is settled as well.
    fn settle_late_fill(&mut self, key: MarketKey, now: Now) {
        let market = self.markets.get_mut(key).expect("looked up by the caller");
        let settled = self.account.settle_late_fill(&mut market.holding, key, now.session_ms);
        let Some(settlement) = settled else { return };
        self.await_payment(&settlement);
        self.payment_booked();
    }

    fn payment_booked(&mut self) {
        if self.account.ledger().awaiting() == Money::ZERO {
            self.readings.payments_since_ms = None;
        }
    }

    /// Recomputes what a market's orders reserve and could lose, and sends its newest state.
    pub(super) fn refresh(&mut self, key: MarketKey, now: Now) {
        let Some(market) = self.markets.get_mut(key) else { return };
        self.orders.exposures(key, None, &mut self.exposures);
        let change_ms = market.follow_fees(now.session_ms);
        let fees = market.fees_ahead(now.session_ms);
        self.account.reserve(&mut market.holding, &mut self.exposures, fees);
        let orders: &[Exposure] = if planted!(EventWithoutOrders) { &[] } else { &self.exposures };
        self.stops.events.update(market.stops.seat, OutcomeLosses::of(orders, market.holding.position()));
        self.orders.note_reserved(&self.exposures);
        if self.orders.has_open_end(key, market.is_over()) {
            self.resolve_later(key, now);
        }
        self.keep_sells_covered(key, now);
        self.markets.mark_dirty(key);
        if let Some(change_ms) = change_ms {
            self.markets.fees_change_at(change_ms);
            self.wake_for_fees();
        }
    }

    /// When fees have changed, what rests is set aside for by those that are ahead now.
    pub(super) fn follow_fees(&mut self, now: Now) {
        if !self.markets.fees_due(now.session_ms) {
            return self.wake_for_fees();
        }
        for position in 0..self.markets.len() {
            if let Some(key) = self.markets.at(position).map(|market| market.key) {
                self.refresh(key, now);
            }
        }
    }

    fn wake_for_fees(&mut self) {
        if let Some(change_ms) = self.markets.fees_change_ms() {
            self.alarm.at_session_ms(change_ms);
        }
    }
}
