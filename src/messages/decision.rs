//! Decisions on their way from `decide` to `execute`, and what becomes of them.

use serde::{Deserialize, Serialize};

use crate::market::{BookSide, Count, MarketKey, Price};

/// The policy's choice. The discriminants are the model's action ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Action {
    /// Nothing.
    Hold = 0,
    /// A bid.
    BuyYes = 1,
    /// An ask that reduces a YES position.
    SellYes = 2,
    /// An ask.
    BuyNo = 3,
    /// A bid that reduces a NO position.
    SellNo = 4,
}

impl Action {
    /// How many actions there are.
    pub const COUNT: usize = 5;
    /// All actions in the order of their ids.
    pub const ALL: [Self; Self::COUNT] = [Self::Hold, Self::BuyYes, Self::SellYes, Self::BuyNo, Self::SellNo];

    /// The side of the single YES book on which the action's order goes; none for a hold.
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

/// How the price of an action's order is formed, which decides how the order may rest.
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

/// How long a wanted order is good for, and whether it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum QuoteLife {
    /// Post-only. It rests while it is wanted, on leases that are renewed, and goes when it was not wanted for the policy's
    /// `order_ttl_ms`.
    Resting = 0,
    /// Immediate or cancel: it fills what it can at its price or better, and the rest is cancelled.
    Immediate = 1,
}

/// An order that is wanted on one side of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct Quote {
    /// How many contracts.
    pub count: Count,
    /// The limit, as a YES price.
    pub price: Price,
    /// How long it is good for.
    pub life: QuoteLife,
    /// Whether it may only reduce the position: it is cut to what is held, and withdrawn when less is held.
    pub reduce_only: bool,
}

impl Quote {
    /// An order that rests.
    #[must_use]
    pub const fn resting(price: Price, count: Count) -> Self {
        Self { count, price, life: QuoteLife::Resting, reduce_only: false }
    }

    /// An order that takes what is there at once.
    #[must_use]
    pub const fn immediate(price: Price, count: Count) -> Self {
        Self { count, price, life: QuoteLife::Immediate, reduce_only: false }
    }

    /// The same order, that may only reduce the position.
    #[must_use]
    pub const fn reducing(self) -> Self {
        Self { reduce_only: true, ..self }
    }

    /// Whether it rests.
    #[must_use]
    pub const fn is_resting(&self) -> bool {
        matches!(self.life, QuoteLife::Resting)
    }
}

/// The orders wanted in one market: at most one bid and one ask. A side without a quote wants no order there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The order to buy YES.
    pub bid: Option<Quote>,
    /// The order to sell YES.
    pub ask: Option<Quote>,
}

impl Wanted {
    /// One order.
    #[must_use]
    pub const fn one(side: BookSide, quote: Quote) -> Self {
        match side {
            BookSide::Bid => Self { bid: Some(quote), ask: None },
            BookSide::Ask => Self { bid: None, ask: Some(quote) },
        }
    }

    /// The quote of a side.
    #[must_use]
    pub const fn on(&self, side: BookSide) -> Option<Quote> {
        match side {
            BookSide::Bid => self.bid,
            BookSide::Ask => self.ask,
        }
    }
}

/// When the parts of a decision were done, in monotonic nanoseconds. They measure; nothing decides by them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct DecisionStamps {
    /// The oldest frame since the market's last decision had been read.
    pub oldest_read_ns: u64,
    /// The newest frame had been read.
    pub newest_read_ns: u64,
    /// It had been applied to the book.
    pub applied_ns: u64,
    /// The observation was complete.
    pub observed_ns: u64,
    /// The policy had answered.
    pub inferred_ns: u64,
    /// The intent was ready.
    pub decided_ns: u64,
}

/// From `decide` to `execute`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecideToExecute {
    /// A decision that may become an order.
    Intent(OrderIntent),
}

/// A decision that may become an order. Gets exactly one verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct OrderIntent {
    /// Counts the intents of this run, from one.
    pub id: u64,
    /// Which market.
    pub market: MarketKey,
    /// The side of the YES book.
    pub side: BookSide,
    /// The order; none when no order is wanted in the market and what rests has to go.
    pub quote: Option<Quote>,
    /// The best bid without our own orders, for the price collar; none when that side is empty.
    pub best_bid: Option<Price>,
    /// The best ask without our own orders.
    pub best_ask: Option<Price>,
    /// The decision's time: that of the frame it was taken on.
    pub time_ms: i64,
    /// The portfolio version it was decided on.
    pub portfolio_version: u64,
    /// When its parts were done.
    pub stamps: DecisionStamps,
}

/// What became of an intent. From [`Verdict::RefusedOrderSize`] on: a refusal by the risk gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Verdict {
    /// No intent yet.
    None = 0,
    /// What rests, or that nothing does, is what is wanted: kept, an order's time to live renewed.
    Kept,
    /// A new order was accepted.
    Placed,
    /// The resting order was amended.
    Amended,
    /// The resting order was cancelled because the other side, or nothing, is wanted.
    Cancelled,
    /// The exchange rejected the write.
    Rejected,
    /// The outcome is not known yet; the market takes no new risk until it is.
    Unknown,
    /// Nothing to reduce, or all of it is already being sold.
    NothingToReduce,
    /// More contracts than an order may have.
    RefusedOrderSize,
    /// The position would exceed its limit.
    RefusedPosition,
    /// More cash at risk than allowed.
    RefusedCashAtRisk,
    /// The account cannot pay for it.
    RefusedBalance,
    /// Too many open orders.
    RefusedOpenOrders,
    /// Too far from the mid.
    RefusedCollar,
    /// The book is stale, crossed or one-sided.
    RefusedBook,
    /// No write tokens left above the reserve for cancelling.
    RefusedRate,
    /// Too close to the close, or past it.
    RefusedCloseTime,
    /// The market is not open.
    RefusedPhase,
    /// The daily loss stop.
    RefusedLossStop,
    /// The market's breaker is open.
    RefusedBreaker,
    /// An order of unknown outcome, a disconnected private stream, a pause: no new risk.
    RefusedDegraded,
    /// The actor is stopping or has tripped.
    RefusedStopping,
    /// Every connection for orders is busy or down.
    RefusedNoConnection,
    /// The event could lose more than allowed.
    RefusedEventLoss,
    /// The drawdown stop; `kalshi-actor resume` lifts it.
    RefusedDrawdown,
    /// Too many messages in a second or a minute.
    RefusedMessageRate,
    /// The same order was placed a moment ago.
    RefusedDuplicate,
    /// Orders were executed in a market too often; `kalshi-actor resume` lifts it.
    RefusedRepeated,
    /// The configuration forbids orders in the market.
    RefusedRestricted,
}

impl Verdict {
    /// How many verdicts there are.
    pub const COUNT: usize = Self::RefusedRestricted as usize + 1;
    /// All verdicts, in the order of their numbers.
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

    /// Whether nothing of the intent was done, or what was done was refused.
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
