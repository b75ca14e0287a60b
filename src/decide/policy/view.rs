//! What a policy sees of one market in a decision.

use crate::book::Book;
use crate::decide::trades::Trades;
use crate::market::{BookSide, Count, MarketKey, Money, Price, Ticker};
use crate::messages::OpenOrder;

/// One market in one decision, as of the newest frame. Nothing is allocated for the call.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The market's key. Its index is below `markets.max_markets`, and may later be reused for another market with
    /// another generation.
    pub market: MarketKey,
    /// The market's ticker.
    pub ticker: &'a Ticker,
    /// The frame's time in session milliseconds, which is Unix time unless the session plays a recording.
    pub time_ms: i64,
    /// When the market closes, in session milliseconds.
    pub close_time_ms: i64,
    /// The market's published book with its tick grid, including our own orders.
    pub book: &'a Book,
    /// The best prices of that book without our own orders.
    pub touch: Touch,
    /// The trades printed in this market since the last decision on it.
    pub trades: &'a Trades,
    /// The observation in the schema of the policy's [`PolicyTerms`](super::PolicyTerms); empty without one.
    pub observation: &'a [f32],
    /// Signed contracts held in the market: positive for YES, negative for NO.
    pub position: Count,
    /// The cost of the position, without fees.
    pub cost: Money,
    /// Our open orders in the market.
    pub orders: OwnOrders,
    /// Whether the market takes no new risk now, so that only orders that reduce the position are possible.
    pub blocked: bool,
    /// Sums over the whole account.
    pub account: AccountSums,
}

impl View<'_> {
    /// The time until the market closes, in session milliseconds; 0 after its close.
    #[must_use]
    pub fn time_to_close_ms(&self) -> i64 {
        self.close_time_ms.saturating_sub(self.time_ms).max(0)
    }

    /// How many contracts of the position an order on this side can close.
    #[must_use]
    pub fn reducible(&self, side: BookSide) -> Count {
        reducible(side, self.position)
    }
}

/// How many contracts of a position an order on this side can close.
pub(in crate::decide) fn reducible(side: BookSide, position: Count) -> Count {
    match side {
        BookSide::Bid => (-position).max(Count::ZERO),
        BookSide::Ask => position.max(Count::ZERO),
    }
}

/// The best prices of a book without our own order: a level that consists of that order alone is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The best YES bid.
    pub bid: Option<Price>,
    /// The best YES ask.
    pub ask: Option<Price>,
}

impl Touch {
    /// The touch of a book without our own order, if there is one.
    #[must_use]
    pub fn without_own(book: &Book, own: Option<OpenOrder>) -> Self {
        let mut touch = Self { bid: book.best_bid(), ask: book.best_ask() };
        if let Some(own) = own {
            match own.side {
                BookSide::Bid => touch.bid = book.best_bid_without(own.price, own.remaining),
                BookSide::Ask => touch.ask = book.best_ask_without(own.price, own.remaining),
            }
        }
        touch
    }
}

/// Our open orders in one market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnOrders {
    /// The order to buy YES.
    pub bid: Option<OwnOrder>,
    /// The order to sell YES.
    pub ask: Option<OwnOrder>,
}

impl OwnOrders {
    /// From the one order that a market can have, and the bound on the contracts ahead of it.
    pub(in crate::decide) fn of(order: Option<OpenOrder>, ahead: Option<Count>) -> Self {
        let Some(OpenOrder { remaining, acked_ms, price, side }) = order else { return Self::default() };
        let own = Some(OwnOrder { price, remaining, acked_ms, ahead });
        match side {
            BookSide::Bid => Self { bid: own, ask: None },
            BookSide::Ask => Self { bid: None, ask: own },
        }
    }

    /// The order on a side.
    #[must_use]
    pub const fn on(&self, side: BookSide) -> Option<OwnOrder> {
        match side {
            BookSide::Bid => self.bid,
            BookSide::Ask => self.ask,
        }
    }
}

/// An open order of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnOrder {
    /// The limit price, as a YES price.
    pub price: Price,
    /// Contracts that have not filled yet.
    pub remaining: Count,
    /// The exchange's time of its last acknowledgement in session milliseconds, once there is one.
    pub acked_ms: Option<i64>,
    /// The most contracts that can be ahead of it at its price: an upper bound, none until the book of its time is known.
    /// The exchange does not say which order was cancelled, so every cancel counts as one behind it; a trade at its price and whatever
    /// shrinks the level below the bound lower it.
    pub ahead: Option<Count>,
}

impl OwnOrder {
    /// The time since the last acknowledgement at this session time, in milliseconds; 0 before the first.
    #[must_use]
    pub fn age_ms(&self, time_ms: i64) -> i64 {
        self.acked_ms.map_or(0, |acked_ms| time_ms.saturating_sub(acked_ms).max(0))
    }
}

/// The account's sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountSums {
    /// Cash that is not reserved.
    pub available: Money,
    /// Cash reserved by open orders.
    pub reserved: Money,
    /// Cash and the value of all positions at their mids, each clamped to $0.01 to $0.99.
    pub equity: Money,
}
