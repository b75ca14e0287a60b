//! Decisions on their way from `decide` to `execute`, and their outcomes.

use serde::{Deserialize, Serialize};

use crate::market::{BookSide, Count, MarketKey, Price};

/// The choice of a five-action policy. The discriminants are the model's action ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Action {
    /// Do nothing.
    Hold = 0,
    /// Bid for YES.
    BuyYes = 1,
    /// Ask, reducing a YES position.
    SellYes = 2,
    /// Bid for NO, which is an ask in the YES book.
    BuyNo = 3,
    /// Bid, reducing a NO position.
    SellNo = 4,
}

impl Action {
    /// The number of actions.
    pub const COUNT: usize = 5;
    /// All actions, in the order of their ids.
    pub const ALL: [Self; Self::COUNT] = [Self::Hold, Self::BuyYes, Self::SellYes, Self::BuyNo, Self::SellNo];

    /// The side of the YES book for the action's order; `None` for a hold.
    #[must_use]
    pub const fn book_side(self) -> Option<BookSide> {
        match self {
            Self::Hold => None,
            Self::BuyYes | Self::SellNo => Some(BookSide::Bid),
            Self::SellYes | Self::BuyNo => Some(BookSide::Ask),
        }
    }

    /// Whether the action may only reduce a position.
    #[must_use]
    pub const fn reduces(self) -> bool {
        matches!(self, Self::SellYes | Self::SellNo)
    }

    /// The word used in files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::BuyYes => "buy_yes",
            Self::SellYes => "sell_yes",
            Self::BuyNo => "buy_no",
            Self::SellNo => "sell_no",
        }
    }
}

/// How the price of an action's order is formed, which also determines its time in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Pricing {
    /// Immediate-or-cancel at the far touch.
    Aggressive = 0,
    /// Post-only at the best price of its own side.
    Passive = 1,
    /// Post-only at the mid, rounded away from the market.
    Mid = 2,
}

/// The time in force of a wanted order, and whether it may take liquidity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum QuoteLife {
    /// Post-only. It rests while it is wanted, on leases that are renewed, and is withdrawn after it has not been wanted for
    /// the policy's `order_ttl_ms`.
    Resting = 0,
    /// Immediate-or-cancel: fills what it can at its price or better, and the remainder is cancelled.
    Immediate = 1,
}

/// An order wanted on one side of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct Quote {
    /// The number of contracts, above zero.
    pub count: Count,
    /// The limit price, as a YES price.
    pub price: Price,
    /// Its time in force.
    pub life: QuoteLife,
    /// Whether it may only reduce the position: its count is capped at the position, and it is withdrawn if that shrinks.
    pub reduce_only: bool,
}

impl Quote {
    /// A post-only order that rests.
    #[must_use]
    pub const fn resting(price: Price, count: Count) -> Self {
        Self { count, price, life: QuoteLife::Resting, reduce_only: false }
    }

    /// An immediate-or-cancel order.
    #[must_use]
    pub const fn immediate(price: Price, count: Count) -> Self {
        Self { count, price, life: QuoteLife::Immediate, reduce_only: false }
    }

    /// The same order, restricted to reducing the position.
    #[must_use]
    pub const fn reducing(self) -> Self {
        Self { reduce_only: true, ..self }
    }

    /// Whether the order may rest.
    #[must_use]
    pub const fn is_resting(&self) -> bool {
        matches!(self.life, QuoteLife::Resting)
    }
}

/// The orders wanted in one market: at most one bid and one ask. `None` means that no order is wanted on that side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The order to buy YES.
    pub bid: Option<Quote>,
    /// The order to sell YES.
    pub ask: Option<Quote>,
}

impl Wanted {
    /// A single order on one side.
    #[must_use]
    pub const fn one(side: BookSide, quote: Quote) -> Self {
        match side {
            BookSide::Bid => Self { bid: Some(quote), ask: None },
            BookSide::Ask => Self { bid: None, ask: Some(quote) },
        }
    }

    /// The quote on a side.
    #[must_use]
    pub const fn on(&self, side: BookSide) -> Option<Quote> {
        match side {
            BookSide::Bid => self.bid,
            BookSide::Ask => self.ask,
        }
    }
}

/// When the parts of a decision were complete, in monotonic nanoseconds. For measurement only: nothing is decided by them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct DecisionStamps {
    /// When the oldest frame since the market's last decision was read.
    pub oldest_read_ns: u64,
    /// When the newest frame was read.
    pub newest_read_ns: u64,
    /// When the newest frame was applied to the book.
    pub applied_ns: u64,
    /// When the observation was complete.
    pub observed_ns: u64,
    /// When the policy had answered.
    pub inferred_ns: u64,
    /// When the intent was ready.
    pub decided_ns: u64,
}

/// Messages from `decide` to `execute`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecideToExecute {
    /// A decision that may become an order.
    Intent(OrderIntent),
}

/// A decision that may become an order. It gets exactly one verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct OrderIntent {
    /// Counts the intents of this run, from 1.
    pub id: u64,
    pub market: MarketKey,
    pub side: BookSide,
    /// The wanted order; `None` if no order is wanted in the market and any resting one has to be cancelled.
    pub quote: Option<Quote>,
    /// The best bid without this program's own orders, for the price collar; `None` if that side is empty.
    pub best_bid: Option<Price>,
    /// The best ask without this program's own orders.
    pub best_ask: Option<Price>,
    /// The time of the frame on which the decision was taken.
    pub time_ms: i64,
    /// The version of the portfolio on which the decision was taken.
    pub portfolio_version: u64,
    pub stamps: DecisionStamps,
}

/// The outcome of an intent. From [`Verdict::RefusedOrderSize`] on: refusals by the risk gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Verdict {
    /// There was no intent yet.
    None = 0,
    /// The resting order (or its absence) already is what is wanted: it was kept and its time to live renewed.
    Kept,
    /// A new order was accepted.
    Placed,
    /// The resting order was amended.
    Amended,
    /// The resting order was cancelled because the other side, or no order, is wanted.
    Cancelled,
    /// The exchange rejected the write.
    Rejected,
    /// The outcome is not known yet; until it is, the market accepts no new risk.
    Unknown,
    /// There is no position to reduce, or all of it is already offered.
    NothingToReduce,
    /// The order has more contracts than allowed.
    RefusedOrderSize,
    /// The position would exceed its limit.
    RefusedPosition,
    /// More cash would be at risk than allowed.
    RefusedCashAtRisk,
    /// The account cannot pay for the order.
    RefusedBalance,
    /// Too many orders are open.
    RefusedOpenOrders,
    /// The price is too far from the mid.
    RefusedCollar,
    /// The book is stale, crossed or one-sided.
    RefusedBook,
    /// No write tokens are left above the reserve for cancelling.
    RefusedRate,
    /// The market's close is too near, or has passed.
    RefusedCloseTime,
    /// The market is not open.
    RefusedPhase,
    /// The daily loss stop was hit.
    RefusedLossStop,
    /// The market's circuit breaker is open.
    RefusedBreaker,
    /// No new risk: an order has an unknown outcome, the private stream is down, or trading is paused.
    RefusedDegraded,
    /// The program is stopping or has tripped.
    RefusedStopping,
    /// Every connection for orders is busy or down.
    RefusedNoConnection,
    /// The possible loss in the event would exceed its limit.
    RefusedEventLoss,
    /// The drawdown stop was hit; `kalshi-actor resume` lifts it.
    RefusedDrawdown,
    /// Too many messages were sent within a second or a minute.
    RefusedMessageRate,
    /// The same order was placed a moment ago.
    RefusedDuplicate,
    /// Orders executed too often in a market; `kalshi-actor resume` lifts it.
    RefusedRepeated,
    /// The configuration forbids orders in the market.
    RefusedRestricted,
}

impl Verdict {
    /// The number of verdicts.
    pub const COUNT: usize = Self::RefusedRestricted as usize + 1;
    /// All verdicts, in the order of their discriminants.
    pub const ALL: [Self; Self::COUNT] = [
        Self::None,
        Self::Kept,
        Self::Placed,
        Self::Amended,
        Self::Cancelled,
        Self::Rejected,
        Self::Unknown,
        Self::NothingToReduce,
        Self::RefusedOrderSize,
        Self::RefusedPosition,
        Self::RefusedCashAtRisk,
        Self::RefusedBalance,
        Self::RefusedOpenOrders,
        Self::RefusedCollar,
        Self::RefusedBook,
        Self::RefusedRate,
        Self::RefusedCloseTime,
        Self::RefusedPhase,
        Self::RefusedLossStop,
        Self::RefusedBreaker,
        Self::RefusedDegraded,
        Self::RefusedStopping,
        Self::RefusedNoConnection,
        Self::RefusedEventLoss,
        Self::RefusedDrawdown,
        Self::RefusedMessageRate,
        Self::RefusedDuplicate,
        Self::RefusedRepeated,
        Self::RefusedRestricted,
    ];

    /// Whether nothing was done about the intent, or the exchange rejected what was done.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        !matches!(self, Self::None | Self::Kept | Self::Placed | Self::Amended | Self::Cancelled | Self::Unknown)
    }

    /// The word used in files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Kept => "kept",
            Self::Placed => "placed",
            Self::Amended => "amended",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
            Self::NothingToReduce => "nothing_to_reduce",
            Self::RefusedOrderSize => "refused_order_size",
            Self::RefusedPosition => "refused_position",
            Self::RefusedCashAtRisk => "refused_cash_at_risk",
            Self::RefusedBalance => "refused_balance",
            Self::RefusedOpenOrders => "refused_open_orders",
            Self::RefusedCollar => "refused_collar",
            Self::RefusedBook => "refused_book",
            Self::RefusedRate => "refused_rate",
            Self::RefusedCloseTime => "refused_close_time",
            Self::RefusedPhase => "refused_phase",
            Self::RefusedLossStop => "refused_loss_stop",
            Self::RefusedBreaker => "refused_breaker",
            Self::RefusedDegraded => "refused_degraded",
            Self::RefusedStopping => "refused_stopping",
            Self::RefusedNoConnection => "refused_no_connection",
            Self::RefusedEventLoss => "refused_event_loss",
            Self::RefusedDrawdown => "refused_drawdown",
            Self::RefusedMessageRate => "refused_message_rate",
            Self::RefusedDuplicate => "refused_duplicate",
            Self::RefusedRepeated => "refused_repeated",
            Self::RefusedRestricted => "refused_restricted",
        }
    }
}
