//! An order as this side knows it: what was asked for, what the exchange has told, and where it is in its life.

use serde::{Deserialize, Serialize};

use super::lease::Lease;
use super::life::{Effect, OrderEvent, OrderState, transition};
use crate::execute::account::cash::Terms;
use crate::execute::account::fee_rounding::FeeAccumulator;
use crate::market::{BookSide, ClientOrderId, Count, MarketKey, Money, OrderId, Price};

/// Whose order it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whose {
    /// Placed by this run: every fill of it is counted here.
    Ours(ClientOrderId),
    /// Placed by an earlier run: to be cancelled.
    Earlier(ClientOrderId),
    /// Placed by another program or person on this account: it reserves cash, and is left alone.
    Foreign,
}

/// An order as this side knows it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Order {
    /// Whose it is.
    pub whose: Whose,
    /// The exchange's id, once known.
    pub id: Option<OrderId>,
    /// Where.
    pub market: MarketKey,
    /// Bid or ask.
    pub side: BookSide,
    /// The limit.
    pub price: Price,
    /// All it may fill, fills so far included.
    pub total: Count,
    /// Limit and total that an amend asked for, until its outcome is known.
    pub amend: Option<(Price, Count)>,
    /// Filled, by the fills that were booked.
    pub filled: Count,
    /// How many fills that were.
    pub fills: u32,
    /// The most the exchange has said it filled; more than `filled` while fills are on their way.
    pub reported: Count,
    /// What it will have filled when every fill has come, once the exchange has told.
    pub final_filled: Option<Count>,
    /// Where it is in its life.
    pub state: OrderState,
    /// Cash it reserves now.
    pub reserved: Money,
    /// It has to be cancelled.
    pub want_cancel: bool,
    /// It was placed to reduce the position, and must not exceed it.
    pub reducing: bool,
    /// Whether its acceptance was counted.
    pub acknowledged: bool,
    /// When it was placed, in session milliseconds; zero for orders of others.
    pub placed_ms: i64,
    /// When its last create or amend was written, in session milliseconds.
    pub sent_ms: i64,
    /// Since when its state is unknown.
    pub unsure_ms: i64,
    /// The exchange's time of the newest thing it told about the order.
    pub exchange_ms: i64,
    /// The exchange's time of its last acknowledgement.
    pub acked_ms: Option<i64>,
    /// When it is cancelled unless wanted again, in session milliseconds.
    pub expires_ms: i64,
    /// When the exchange ends it by itself.
    pub lease: Lease,
    /// No cancel is tried before.
    pub retry_at_ns: u64,
    /// How long the next failed cancel will wait.
    pub retry_wait_ns: u64,
    /// Where the prediction of its fees stands.
    pub fees: FeeAccumulator,
    /// The last reading that showed it in the book.
    pub seen_in: u32,
}

impl Order {
    /// A new order of no size, to be filled in.
    #[must_use]
    pub fn new(whose: Whose, market: MarketKey, side: BookSide, price: Price, total: Count, state: OrderState) -> Self {
        Self {
            whose,
            id: None,
            market,
            side,
            price,
            total,
            amend: None,
            filled: Count::ZERO,
            fills: 0,
            reported: Count::ZERO,
            final_filled: None,
            state,
            reserved: Money::ZERO,
            want_cancel: false,
            reducing: false,
            acknowledged: false,
            placed_ms: 0,
            sent_ms: 0,
            unsure_ms: 0,
            exchange_ms: 0,
            acked_ms: None,
            expires_ms: i64::MAX,
            lease: Lease::default(),
            retry_at_ns: 0,
            retry_wait_ns: 0,
            fees: FeeAccumulator::default(),
            seen_in: 0,
        }
    }

    /// Runs the life-cycle table on an event: the one place where an order's state changes. What the exchange told with
    /// the event (how much filled, what an amend asked for) has been noted in the order's fields before. Returns what the
    /// table said of its claim; the reservation follows from the fields.
    pub fn advance(&mut self, event: OrderEvent) -> Effect {
        let transition = transition(self.state, event);
        match transition.effect {
            Effect::Keep | Effect::Return | Effect::Spend | Effect::Leave => (),
            Effect::HoldBoth => debug_assert!(self.amend.is_some(), "an amend's terms are noted before it is sent"),
            Effect::TakeNew => {
                if let Some((price, total)) = self.amend.take() {
                    (self.price, self.total) = (price, total);
                }
            }
            Effect::TakeOld => self.amend = None,
            Effect::ReturnRest => self.final_filled = Some(self.filled),
        }
        self.state = transition.next;
        transition.effect
    }

    /// Whether this run placed it.
    #[must_use]
    pub const fn is_ours(&self) -> bool {
        matches!(self.whose, Whose::Ours(_))
    }

    /// Whether another program or person on this account placed it.
    #[must_use]
    pub const fn is_foreign(&self) -> bool {
        matches!(self.whose, Whose::Foreign)
    }

    /// What may still fill under the older and, during an amend, the newer terms.
    #[must_use]
    pub fn terms(&self) -> [Terms; 2] {
        if planted!(UnknownNotCounted) && self.state.is_unknown() {
            return [Terms { price: self.price, pending: Count::ZERO }; 2];
        }
        let pending = |total: Count| (self.final_filled.unwrap_or(total) - self.filled).max(Count::ZERO);
        let old = Terms { price: self.price, pending: pending(self.total) };
        let new = self.amend.map_or(old, |(price, total)| Terms { price, pending: pending(total) });
        [old, new]
    }

    /// The most that may still fill.
    #[must_use]
    pub fn pending_max(&self) -> Count {
        let [old, new] = self.terms();
        old.pending.max(new.pending)
    }

    /// The most it may fill in all.
    #[must_use]
    pub fn most(&self) -> Count {
        self.amend.map_or(self.total, |(_, total)| self.total.max(total))
    }

    /// Whether it ended, by what the exchange told, with something unfilled.
    #[must_use]
    pub fn was_cut_short(&self) -> bool {
        self.acknowledged && self.final_filled.is_some_and(|filled| filled < self.total)
    }

    /// Whether fills that the exchange has spoken of have not come, or it has not said how it ended.
    #[must_use]
    pub fn awaits_fills(&self) -> bool {
        self.reported > self.filled || (self.state == OrderState::Ended && !self.is_complete())
    }

    /// Whether nothing of it is open: it ended and every fill was booked.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state == OrderState::Ended && self.final_filled.is_some_and(|filled| self.filled >= filled)
    }
}
