//! Keeps the ledger in step with facts: fills, determinations, payments, and what each order reserves. A fill is a fact at
//! once, whatever is known about its order; its order is told when it is known.

use super::ExecuteStage;
use super::controls::OutcomeLosses;
use super::exposure::{self, Exposure};
use super::orders::{Effect, OrderEvent};
use super::position::Position;
use super::table::OrderRef;
use crate::clock::Now;
use crate::market::{BookSide, Count, MarketKey, Money, OrderId, Price, TradeId};
use crate::messages::{Fill, OwnSettlement, Source};

/// No fill is larger: ten million contracts.
const FILL_MAX: Count = Count::from_contracts(10_000_000);
/// How many balance steps a fill gets back at most before its fee counts as one of another formula.
const REBATE_STEPS: i64 = 8;

/// What a payment loses to the balance step: only a scalar result between two cents pays anything finer, and what is
/// finer is a fee (protocol page, 5).
fn payment_rounding(paid: Money, balance_step: Money) -> Money {
    paid - paid.floor_to(balance_step)
}

/// Whether the fee of a fill can be what its formula says: rounding to the balance step adds less than a step, and what it
/// gives back is what earlier fills of the order were rounded by, a few steps at most.
fn is_explained(fee: Money, trade_fee: Money, balance_step: Money) -> bool {
    let slack = Money::from_micros(balance_step.micros().saturating_mul(REBATE_STEPS));
    fee < trade_fee + balance_step && fee + slack >= trade_fee
}

impl ExecuteStage {
    /// A fill of the account, of whatever order.
    pub(super) fn book_fill(&mut self, fill: &Fill, now: Now) {
        let Some(market) = self.directory.get(fill.market) else {
            // The cash moved all the same: the next comparison will name it.
            self.counters.stale_keys += 1;
            return self.readings.compare_soon();
        };
        let value_max = Price::ONE.times(fill.count.max(Count::ZERO).min(FILL_MAX));
        if fill.count <= Count::ZERO || fill.count > FILL_MAX || fill.fee < Money::ZERO || fill.fee > value_max {
            self.counters.absurd_fills += 1;
            return self.readings.compare_soon();
        }
        let trade = if planted!(PartialFillLost) { TradeId::default() } else { fill.trade };
        let again = planted!(FillDoubled) && fill.source == Source::Read;
        if !self.seen.insert(trade, fill.order, fill.time_ms, fill.source) && !again {
            self.counters.duplicate_fills += 1;
            return;
        }
        if planted!(EarlyFillDropped) && self.orders.by_id(fill.order).is_none() {
            return;
        }
        if self.readings.is_in_baseline(fill.time_ms) {
            self.counters.baseline_fills += 1;
            return;
        }
        let exchange_index = market.exchange_index;
        let cash = self.book_position(fill, exchange_index, now);
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

    /// Moves position, cost and cash. Returns how the cash moved before fees.
    fn book_position(&mut self, fill: &Fill, exchange_index: u8, now: Now) -> Money {
        let market = self.directory.get_mut(fill.market).expect("looked up by the caller");
        let booking = market.position.fill(fill.side, fill.price, fill.count);
        market.positions.push(now.session_ms, market.position.contracts);
        self.unrealized += market.mark();
        self.ledger.book_fill(exchange_index, booking, fill.fee, now.session_ms);
        booking.cash
    }

    /// Tells the fill's order, or keeps it until the exchange tells whose it is. Returns whether it is the first fill of an
    /// order of this run, or of one that may be.
    fn attach(&mut self, fill: &Fill, cash: Money, now: Now) -> bool {
        let market = self.directory.get(fill.market).expect("looked up by the caller");
        let trade_fee = market.fees_at(fill.time_ms).trade_fee(fill.count, fill.price, fill.liquidity);
        let step = self.config.balance_step;
        self.counters.fee_errors += u64::from(!is_explained(fill.fee, trade_fee, step));
        if let Some(at) = self.orders.by_id(fill.order) {
            let order = self.orders.get_mut(at).expect("found by its id");
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
            let surprise = order.fees.net_fee(cash, trade_fee, step) != fill.fee;
            self.counters.fee_surprises += u64::from(surprise);
            self.counters.partial_fills += u64::from(order.pending_max() > Count::ZERO);
            self.counters.overfills += u64::from(order.filled > order.final_filled.unwrap_or(order.most()));
            self.notes.fill(fill.into());
            self.step(at, OrderEvent::FillBooked, now);
            self.touch(at, now);
            begun
        } else if self.is_placing(fill.market, fill.side) && !self.orders.is_gone(fill.order) {
            let (early, evicted) = self.early.entry(fill.order, fill.market, fill.side);
            early.filled += fill.count;
            early.fills += 1;
            let surprise = early.fees.net_fee(cash, trade_fee, step) != fill.fee;
            self.counters.early_fills += 1;
            self.counters.early_forgotten += u64::from(evicted.is_some());
            early.surprises += u32::from(surprise);
            let begun = early.fills == 1;
            if let Some(evicted) = evicted {
                self.notes.is_not_ours(evicted);
            }
            self.notes.early_fill(fill.into());
            begun
        } else {
            self.counters.foreign_fills += 1;
            false
        }
    }

    /// Whether an order of ours whose exchange id is not known yet may be filling on this side.
    fn is_placing(&self, key: MarketKey, side: BookSide) -> bool {
        self.orders.in_market(key.position()).any(|(_, order)| order.id.is_none() && order.side == side)
    }

    /// The exchange told an order's id: what came early is its own.
    pub(super) fn link(&mut self, at: OrderRef, id: OrderId) {
        if !self.orders.link(at, id) {
            return;
        }
        let Some(early) = self.early.take(id) else { return };
        self.notes.is_ours(id);
        let order = self.orders.get_mut(at).expect("linked just now");
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
        let market = self.directory.get(fill.market).expect("looked up by the caller");
        if fill.post_position.is_some_and(|position| position != market.position.contracts) {
            self.counters.position_surprises += 1;
            self.readings.rebuild_soon();
        }
    }

    /// A market's result is known: its position pays. Counted once.
    pub(super) fn determine(&mut self, key: MarketKey, value: Price, now: Now) {
        let Some(market) = self.directory.get_mut(key) else { return };
        if market.settled.is_some() || !self.readings.is_adopted() {
            return;
        }
        market.settled = Some(value);
        market.settled_position = market.position.contracts;
        self.counters.settlements += u64::from(!market.position.contracts.is_zero());
        self.close_at(key, value, now);
        self.readings.settlements_soon();
    }

    fn close_at(&mut self, key: MarketKey, value: Price, now: Now) {
        let market = self.directory.get_mut(key).expect("looked up by the caller");
        let Position { contracts, cost } = market.position;
        let booking = market.position.settle(value);
        market.awaiting += booking.cash;
        self.unrealized += market.mark();
        self.ledger.book_determination(market.exchange_index, booking);
        let time_ms = now.session_ms;
        self.notes.settlement(OwnSettlement { contracts, cost, pays: booking.cash, time_ms, market: key, value });
        if booking.cash != Money::ZERO {
            self.readings.await_payment(&self.config);
        }
    }

    /// The exchange paid for a market.
    pub(super) fn book_payment(&mut self, key: MarketKey, value: Price, fee: Money, now: Now) {
        self.determine(key, value, now);
        let Some(market) = self.directory.get_mut(key) else { return };
        if market.paid || market.settled.is_none() {
            return;
        }
        market.paid = true;
        let paid = std::mem::take(&mut market.awaiting);
        // A market settled before the baseline is told again by reads: its fee is in the baseline too.
        let fee = if market.settled_position.is_zero() { Money::ZERO } else { fee };
        let fee = fee + payment_rounding(paid, self.config.balance_step);
        let exchange_index = market.exchange_index;
        self.paid(exchange_index, paid, fee, now);
    }

    /// A fill from before the end that came after it. The exchange pays for the whole position: the pairs that this fill
    /// closed brought their dollar when it filled, and nothing will be told of that again.
    fn settle_late_fill(&mut self, key: MarketKey, now: Now) {
        let market = self.directory.get_mut(key).expect("looked up by the caller");
        let Some(value) = market.settled else { return };
        market.settled_position += market.position.contracts;
        self.close_at(key, value, now);
        let market = self.directory.get_mut(key).expect("looked up above");
        let whole = Position { contracts: market.settled_position, cost: Money::ZERO }.settle(value).cash;
        let owed = if market.paid { Money::ZERO } else { whole };
        let had = market.awaiting - owed;
        market.awaiting = owed;
        // A dollar a pair needs no rounding; what a settlement paid late does.
        let fee = if market.paid { payment_rounding(had, self.config.balance_step) } else { Money::ZERO };
        let exchange_index = market.exchange_index;
        self.paid(exchange_index, had, fee, now);
    }

    fn paid(&mut self, exchange_index: u8, paid: Money, fee: Money, now: Now) {
        self.ledger.book_payment(exchange_index, paid, fee, now.session_ms);
        if self.ledger.awaiting() == Money::ZERO {
            self.readings.payments_since_ms = None;
        }
    }

    /// Moves an order by an event of its life.
    pub(super) fn step(&mut self, at: OrderRef, event: OrderEvent, now: Now) {
        let Some(order) = self.orders.get_mut(at) else { return };
        let before = order.state;
        let moves = order.amend.map(|terms| terms != (order.price, order.total));
        let taken = order.advance(event) == Effect::TakeNew;
        self.counters.amended += u64::from(taken && moves == Some(true));
        self.counters.renewed += u64::from(taken && moves == Some(false));
        let key = order.market;
        if order.state.is_unknown() && !before.is_unknown() {
            order.unsure_ms = now.session_ms;
            self.counters.unknown += 1;
            self.resolve_now(key, now);
        } else if before.is_unknown() && !order.state.is_unknown() {
            self.counters.unknown_resolved += 1;
            self.counters.unknown_never_applied += u64::from(event == OrderEvent::NeverApplied);
        }
        let Some(order) = self.orders.get(at) else { return };
        if before.is_open() && !order.state.is_open() {
            self.counters.cancelled += u64::from(order.is_ours() && order.was_cut_short());
        } else if order.want_cancel && !order.state.is_in_flight() && order.state.is_open() {
            let at_ns = order.retry_at_ns.max(now.mono_ns);
            self.cancels_due(at_ns);
        }
    }

    /// Draws the conclusions from an order's numbers: filled entirely, it has ended; ended and all its fills booked, it
    /// leaves.
    pub(super) fn touch(&mut self, at: OrderRef, now: Now) {
        let Some(order) = self.orders.get_mut(at) else { return };
        let whole = order.id.is_some() && order.amend.is_none() && order.filled >= order.total;
        if whole && order.state.is_open() && order.is_ours() {
            self.step(at, OrderEvent::FilledWhole, now);
        }
        let Some(order) = self.orders.get(at) else { return };
        let (key, side) = (order.market, order.side);
        if order.is_complete() {
            self.step(at, OrderEvent::AllBooked, now);
            self.orders.remove(at);
            if !self.is_placing(key, side) {
                self.early.clear(key, side);
                self.notes.none_placed(key, side);
            }
        }
    }

    /// Recomputes what a market's orders reserve and sends its newest state.
    pub(super) fn refresh(&mut self, key: MarketKey, now: Now) {
        self.exposures.clear();
        self.exposures.extend(self.orders.in_market(key.position()).map(|(at, order)| Exposure::of(at, order)));
        let Some(market) = self.directory.get_mut(key) else { return };
        let fees = market.fees_ahead(now.session_ms);
        let sum = exposure::reserve_all(&mut self.exposures, market.position, fees, self.config.balance_step);
        self.ledger.reserve(market.exchange_index, market.reserved, sum);
        market.reserved = sum;
        let orders: &[Exposure] = if planted!(EventWithoutOrders) { &[] } else { &self.exposures };
        self.events.update(market.seat, OutcomeLosses::of(orders, market.position));
        for exposure in &self.exposures {
            if let Some(order) = exposure.order.and_then(|at| self.orders.get_mut(at)) {
                order.reserved = exposure.reserved;
            }
        }
        let change_ms = market.fees.next_change_ms(now.session_ms);
        if self.has_open_end(key) {
            self.resolve_later(key, now);
        }
        self.keep_sells_covered(key, now);
        self.mark_dirty(key);
        if let Some(change_ms) = change_ms {
            self.fees_change_ms = self.fees_change_ms.min(change_ms);
            self.arm_session(self.fees_change_ms);
        }
    }

    /// When fees have changed, what rests is set aside for by those that are ahead now.
    pub(super) fn follow_fees(&mut self, now: Now) {
        if now.session_ms < self.fees_change_ms {
            if self.fees_change_ms != i64::MAX {
                self.arm_session(self.fees_change_ms);
            }
            return;
        }
        self.fees_change_ms = i64::MAX;
        for position in 0..self.directory.len() {
            if let Some(key) = self.directory.at(position).map(|market| market.key) {
                self.refresh(key, now);
            }
        }
    }
}
