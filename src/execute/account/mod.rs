//! The account: cash, positions, what orders reserve, which fills were booked, and what `decide` has still to be told of
//! them. It does not follow the orders' lives, the markets' conditions or the exchange's answers: the stage says what
//! happened, and this books it. A fill is a fact at once, whatever is known about its order.
//!
//! * `ledger` has the cash by shard and the identities that are asserted after every change; `position` and `holding` have
//!   what is held in one market; `history` tells whether a later reading agrees with what was held.
//! * `cash` and `exposure` compute what orders reserve; `fee_rounding` predicts the fee of a fill.
//! * `early` keeps fills whose order is not known yet, `notes` what `decide` was not told.

pub(super) mod cash;
pub(super) mod early;
pub(super) mod exposure;
pub(super) mod fee_rounding;
pub(super) mod history;
pub(super) mod holding;
pub(super) mod ledger;
pub(super) mod notes;
pub(super) mod position;

use serde::{Deserialize, Serialize};

use crate::market::{BookSide, Count, FeeSchedule, MarketKey, Money, OrderId, Price, TradeId};
use crate::messages::{AccountNote, Fill, OwnSettlement, Source};
use crate::seen_fills::SeenFills;
use early::{EarlyFills, EarlyTable};
use exposure::Exposure;
use holding::Holding;
use ledger::Ledger;
use notes::Notes;
use position::Position;

/// No fill is larger: ten million contracts.
const FILL_MAX: Count = Count::from_contracts(10_000_000);
/// How many balance steps a fill gets back at most before its fee counts as one of another formula.
const REBATE_STEPS: i64 = 8;
/// How many orders whose owner is not known yet may have fills waiting.
const EARLY_ORDERS: usize = 1_024;

/// A fill that was kept until its order is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeptFill {
    /// Whether it is the first of its order.
    pub begins: bool,
    /// Whether the fills of another order gave way.
    pub forgot: bool,
}

/// The account's money and positions.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Account {
    ledger: Ledger,
    seen: SeenFills,
    early: EarlyTable,
    notes: Notes,
    unrealized: Money,
    balance_step: Money,
}

impl Account {
    /// An account of which nothing was read. Its balance moves in steps.
    pub fn new(fills_remembered: usize, balance_step: Money) -> Self {
        Self {
            ledger: Ledger::new(),
            seen: SeenFills::new(fills_remembered),
            early: EarlyTable::new(EARLY_ORDERS),
            notes: Notes::new(),
            unrealized: Money::ZERO,
            balance_step,
        }
    }

    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Open positions at their last known exit prices, less their cost.
    pub fn unrealized(&self) -> Money {
        self.unrealized
    }

    /// Profit realised after fees.
    pub fn result(&self) -> Money {
        self.ledger.realized() - self.ledger.fees()
    }

    /// Money in positions and open orders.
    pub fn at_risk(&self) -> Money {
        self.ledger.cost() + if planted!(ReservedNotAtRisk) { Money::ZERO } else { self.ledger.reserved() }
    }

    /// Cash of a shard that no order has claimed.
    pub fn available(&self, exchange_index: u8) -> Money {
        self.ledger.shard(exchange_index).map_or(Money::ZERO, |shard| shard.available)
    }

    /// Marks a position at the market's best prices without our own orders.
    pub fn quote(&mut self, holding: &mut Holding, best_bid: Option<Price>, best_ask: Option<Price>) {
        holding.quote(best_bid, best_ask);
        self.unrealized += holding.mark();
    }

    /// Takes a shard's cash from the exchange as the baseline.
    pub fn adopt_cash(&mut self, exchange_index: u8, cash: Money) {
        self.ledger.adopt_cash(exchange_index, cash);
    }

    /// Takes a position from the exchange as the baseline.
    pub fn adopt_position(&mut self, holding: &mut Holding, contracts: Count, cost: Money) {
        let contracts = if planted!(PositionsNotRead) { Count::ZERO } else { contracts };
        let cost = if contracts.is_zero() { Money::ZERO } else { cost.max(Money::ZERO) };
        self.ledger.adopt_cost(holding.position.cost, cost);
        holding.adopt(Position { contracts, cost });
        self.unrealized += holding.mark();
    }

    /// Sets aside what a market's orders reserve together, and writes down the part of each.
    pub fn reserve(&mut self, holding: &mut Holding, orders: &mut [Exposure], fees: FeeSchedule) {
        let sum = self.reservation(holding, orders, fees);
        self.ledger.reserve(holding.exchange_index, holding.reserved, sum);
        holding.reserved = sum;
    }

    /// What a market's orders would reserve together; writes down the part of each.
    pub fn reservation(&self, holding: &Holding, orders: &mut [Exposure], fees: FeeSchedule) -> Money {
        exposure::reserve_all(orders, holding.position, fees, self.balance_step)
    }

    /// Returns an order's cash before its reservation is computed anew. Only a planted mistake does.
    pub fn return_cash(&mut self, exchange_index: u8, reserved: Money) {
        // Returned twice, the cash of a lone order would be less than nothing, which the ledger itself does not survive.
        if self.ledger.reserved() >= reserved + reserved {
            self.ledger.reserve(exchange_index, reserved, Money::ZERO);
        }
    }

    /// Whether a ledger can book a fill: it has a count, and a fee within the trade's value.
    pub fn is_bookable(fill: &Fill) -> bool {
        let value_max = Price::ONE.times(fill.count.max(Count::ZERO).min(FILL_MAX));
        (Count::from_units(1)..=FILL_MAX).contains(&fill.count) && (Money::ZERO..=value_max).contains(&fill.fee)
    }

    /// Whether a fill is told for the first time.
    pub fn is_new(&mut self, fill: &Fill) -> bool {
        let trade = if planted!(PartialFillLost) { TradeId::default() } else { fill.trade };
        let again = planted!(FillDoubled) && fill.source == Source::Read;
        self.seen.insert(trade, fill.order, fill.time_ms, fill.source) || again
    }

    /// Whether the fee of a fill can be what its formula says: rounding to the balance step adds less than a step, and what
    /// it gives back is what earlier fills of the order were rounded by, a few steps at most.
    pub fn explains_fee(&self, fee: Money, trade_fee: Money) -> bool {
        let slack = Money::from_micros(self.balance_step.micros().saturating_mul(REBATE_STEPS));
        fee < trade_fee + self.balance_step && fee + slack >= trade_fee
    }

    /// The step in which the balance moves.
    pub fn balance_step(&self) -> Money {
        self.balance_step
    }

    /// Moves position, cost and cash by a fill. Returns how the cash moved before fees.
    pub fn book_fill(&mut self, holding: &mut Holding, fill: &Fill, now_ms: i64) -> Money {
        let booking = holding.position.fill(fill.side, fill.price, fill.count);
        holding.history.push(now_ms, holding.position.contracts);
        self.unrealized += holding.mark();
        self.ledger.book_fill(holding.exchange_index, booking, fill.fee, now_ms);
        booking.cash
    }

    /// A booked fill is of an order of this run.
    pub fn own_fill(&mut self, fill: &Fill) {
        self.notes.fill(fill.into());
    }

    /// A booked fill, which moved the cash like this, may be of an order of this run that is being placed.
    pub fn keep_fill(&mut self, fill: &Fill, cash: Money, trade_fee: Money) -> KeptFill {
        let (early, evicted) = self.early.entry(fill.order, fill.market, fill.side);
        early.filled += fill.count;
        early.fills += 1;
        let surprise = early.fees.net_fee(cash, trade_fee, self.balance_step) != fill.fee;
        early.surprises += u32::from(surprise);
        let begins = early.fills == 1;
        if let Some(evicted) = evicted {
            self.notes.is_not_ours(evicted);
        }
        self.notes.early_fill(fill.into());
        KeptFill { begins, forgot: evicted.is_some() }
    }

    /// An order turned out to be of this run: takes the fills that were kept for it.
    pub fn claim_fills(&mut self, order: OrderId) -> Option<EarlyFills> {
        let early = self.early.take(order)?;
        self.notes.is_ours(order);
        Some(early)
    }

    /// An order turned out not to be of this run.
    pub fn disown_fills(&mut self, order: OrderId) {
        let _ = self.early.take(order);
        self.notes.is_not_ours(order);
    }

    /// No order of this run is being placed on that side of a market: what was kept there is of others.
    pub fn disown_side(&mut self, market: MarketKey, side: BookSide) {
        self.early.clear(market, side);
        self.notes.none_placed(market, side);
    }

    /// A market's result is known: its position becomes money that the exchange owes. Once for each market; returns what
    /// was settled then.
    pub fn determine(
        &mut self,
        holding: &mut Holding,
        market: MarketKey,
        value: Price,
        now_ms: i64,
    ) -> Option<OwnSettlement> {
        if holding.settled.is_some() {
            return None;
        }
        holding.settled = Some(value);
        holding.settled_position = holding.position.contracts;
        Some(self.close_at(holding, market, value, now_ms))
    }

    fn close_at(&mut self, holding: &mut Holding, market: MarketKey, value: Price, now_ms: i64) -> OwnSettlement {
        let Position { contracts, cost } = holding.position;
        let booking = holding.position.settle(value);
        holding.awaiting += booking.cash;
        self.unrealized += holding.mark();
        self.ledger.book_determination(holding.exchange_index, booking);
        let settlement = OwnSettlement { contracts, cost, pays: booking.cash, time_ms: now_ms, market, value };
        self.notes.settlement(settlement);
        settlement
    }

    /// The exchange paid for a determined market. Once for each market; returns whether this was it.
    pub fn book_payment(&mut self, holding: &mut Holding, fee: Money, now_ms: i64) -> bool {
        if holding.paid || holding.settled.is_none() {
            return false;
        }
        holding.paid = true;
        let paid = std::mem::take(&mut holding.awaiting);
        // A market settled before the baseline is told again by reads: its fee is in the baseline too.
        let fee = if holding.settled_position.is_zero() { Money::ZERO } else { fee };
        let fee = fee + payment_rounding(paid, self.balance_step);
        self.ledger.book_payment(holding.exchange_index, paid, fee, now_ms);
        true
    }

    /// A fill from before the end was booked after it. The exchange pays for the whole position: the pairs that this fill
    /// closed brought their dollar when it filled, and nothing will be told of that again. Returns what was settled, if
    /// the market has been.
    pub fn settle_late_fill(&mut self, holding: &mut Holding, market: MarketKey, now_ms: i64) -> Option<OwnSettlement> {
        let value = holding.settled?;
        holding.settled_position += holding.position.contracts;
        let settlement = self.close_at(holding, market, value, now_ms);
        let whole = Position { contracts: holding.settled_position, cost: Money::ZERO }.settle(value).cash;
        let owed = if holding.paid { Money::ZERO } else { whole };
        let had = holding.awaiting - owed;
        holding.awaiting = owed;
        // A dollar a pair needs no rounding; what a settlement paid late does.
        let fee = if holding.paid { payment_rounding(had, self.balance_step) } else { Money::ZERO };
        self.ledger.book_payment(holding.exchange_index, had, fee, now_ms);
        Some(settlement)
    }

    /// The oldest fill or settlement that `decide` was not told of.
    pub fn first_note(&self) -> Option<AccountNote> {
        self.notes.first()
    }

    /// `decide` was told of the oldest.
    pub fn note_told(&mut self) {
        self.notes.told();
    }
}

/// What a payment loses to the balance step: only a scalar result between two cents pays anything finer, and what is
/// finer is a fee (protocol page, 5).
fn payment_rounding(paid: Money, balance_step: Money) -> Money {
    paid - paid.floor_to(balance_step)
}

#[cfg(test)]
mod tests;
