//! The observation: what a policy sees. Owns the state that observations are made of (the history of points, the
//! portfolio's sums, the exchange's civil time) and the schema that turns it into numbers.
//!
//! A schema is one replaceable part: [`obs52`] reads [`ObservationInput`] and writes its features. A later schema is
//! a folder beside it.

mod civil_time;
pub mod obs52;
mod points;
mod portfolio;
mod tournament;

pub use civil_time::{CivilHour, ExchangeZone};
pub use obs52::{LENGTH, NAMES, SCHEMA, observe};
pub use points::{HISTORY_LENGTH, Point, PointHistory};
pub use portfolio::{Holding, Portfolio, Sums};

use crate::book::Book;
use crate::market::{BookSide, Price};
use crate::messages::OpenOrder;

/// Everything that an observation of one market at one time is made of.
#[derive(Clone, Copy, Debug)]
pub struct ObservationInput<'a> {
    /// The time of the frame that led to this state, in session milliseconds.
    pub time_ms: i64,
    /// The hour that this time falls in, where the exchange is.
    pub hour: CivilHour,
    /// The market's published book, our own orders in it included.
    pub book: &'a Book,
    /// The market's points up to and including this state.
    pub points: &'a PointHistory,
    /// The account.
    pub portfolio: &'a Portfolio,
    /// Our open orders in this market.
    pub orders: OpenOrders,
}

/// Our open orders in one market, as far as an observation shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenOrders {
    /// The highest limit among our bids.
    pub bid: Option<Price>,
    /// The lowest limit among our asks, as a YES price.
    pub ask: Option<Price>,
    /// When the exchange acknowledged the newest of them, in session milliseconds; none before it did.
    pub newest_acked_ms: Option<i64>,
}

impl From<Option<OpenOrder>> for OpenOrders {
    fn from(order: Option<OpenOrder>) -> Self {
        let Some(order) = order else {
            return Self::default();
        };
        Self {
            bid: (order.side == BookSide::Bid).then_some(order.price),
            ask: (order.side == BookSide::Ask).then_some(order.price),
            newest_acked_ms: order.acked_ms,
        }
    }
}
