//! What a policy sees of one market when it decides.

use crate::book::Book;
use crate::decide::trades::Trades;
use crate::market::{BookSide, Count, MarketKey, Money, Price, Ticker};
use crate::messages::OpenOrder;

/// One market at one decision. Everything is as of the newest frame; nothing in it is allocated for the call.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Which market: its index is below `markets.max_markets`, and used again by a later market with another generation.
    pub market: MarketKey,
    /// Its name.
    pub ticker: &'a Ticker,
    /// The frame's time in session milliseconds: Unix time, unless a session plays what was recorded.
    pub time_ms: i64,
    /// When the market closes, in session milliseconds.
    pub close_time_ms: i64,
    /// The market's published book, our own orders in it included, with its tick grid.
    pub book: &'a Book,
    /// The best prices of that book without our own orders.
    pub touch: Touch,
    /// The trades printed in this market since the last decision on it.
    pub trades: &'a Trades,
    /// The observation in the schema of the policy's [`PolicyTerms`](super::PolicyTerms); empty without one.
    pub observation: &'a [f32],
    /// Signed contracts held in the market: above zero YES, below zero NO.
    pub position: Count,
    /// What they cost, fees excluded.
    pub cost: Money,
    /// Our open orders in the market.
    pub orders: OwnOrders,
    /// Whether the market takes no new risk now: only orders that reduce the position are useful.
    pub blocked: bool,
    /// The account.
    pub account: AccountSums,
}

impl View<'_> {
    /// How long the market is still open, in session milliseconds; 0 past its close.
    #[must_use]
    pub fn time_to_close_ms(&self) -> i64 {
        self.close_time_ms.saturating_sub(self.time_ms).max(0)
    }

    /// How many contracts an order on a side can close.
    #[must_use]
    pub fn reducible(&self, side: BookSide) -> Count {
        reducible(side, self.position)
    }
}

/// How many contracts of a position an order on that side can close.
pub(in crate::decide) fn reducible(side: BookSide, position: Count) -> Count {
    match side {
        BookSide::Bid => (-position).max(Count::ZERO),
        BookSide::Ask => position.max(Count::ZERO),
    }
}

/// The best prices of a book without our own order: a level that only we hold is not the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// The best YES bid.
    pub bid: Option<Price>,
    /// The best YES ask.
    pub ask: Option<Price>,
}

impl Touch {
    /// That of a book in which this order of ours may be.
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
    /// Of the one order that a market can have, and the contracts that may be ahead of it.
    pub(in crate::decide) fn of(order: Option<OpenOrder>, ahead: Option<Count>) -> Self {
        let Some(OpenOrder { remaining, acked_ms, price, side }) = order else { return Self::default() };
        let own = Some(OwnOrder { price, remaining, acked_ms, ahead });
        match side {
            BookSide::Bid => Self { bid: own, ask: None },
            BookSide::Ask => Self { bid: None, ask: own },
        }
    }

    /// The order of a side.
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
    /// Its limit, as a YES price.
    pub price: Price,
    /// What has not filled yet.
    pub remaining: Count,
    /// The exchange's time of its last acknowledgement in session milliseconds, once there is one.
    pub acked_ms: Option<i64>,
    /// The most contracts that can be ahead of it at its price: an upper bound, none until the book of its time is known.
    /// The exchange does not say which order was cancelled, so every cancel counts as one behind it; a trade at its price and whatever
    /// shrinks the level below the bound lower it.
    pub ahead: Option<Count>,
}

impl OwnOrder {
    /// How long ago the exchange acknowledged it last, at a session time; 0 before it did.
    #[must_use]
    pub fn age_ms(&self, time_ms: i64) -> i64 {
        self.acked_ms.map_or(0, |acked_ms| time_ms.saturating_sub(acked_ms).max(0))
    }
}

/// The account's sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountSums {
    /// Cash that no order has claimed.
    pub available: Money,
    /// Cash promised to open orders.
    pub reserved: Money,
    /// Cash and the worth of all positions at their mids, each between $0.01 and $0.99.
    pub equity: Money,
}
