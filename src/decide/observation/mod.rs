//! The observation of a market as a policy sees it: the state that observations are computed from (the history of
//! points, the portfolio's sums, the exchange's civil time) and the schemas that turn it into numbers.
//!
//! A [`Schema`] is a value: a policy asks for one, and any crate can define its own. The built-in ones are [`OBS52`],
//! which the shipped models use, and the small [`TOUCH8`].

mod civil_time;
pub mod obs52;
mod points;
mod portfolio;
mod schema;
pub mod touch8;
mod tournament;

pub use civil_time::{CivilHour, ExchangeZone};
pub use obs52::OBS52;
pub use points::{POINTS_MAX, Point, PointHistory};
pub use portfolio::{Holding, Portfolio, Sums};
pub use schema::{Observe, Schema, SchemaError, WIDTH_MAX};
pub use touch8::TOUCH8;

use crate::book::Book;
use crate::market::{BookSide, Count, Price};
use crate::messages::OpenOrder;

/// The built-in schemas.
pub const SCHEMAS: [Schema; 2] = [OBS52, TOUCH8];

/// The built-in schema with this name and version, such as `obs52/1`.
#[must_use]
pub fn built_in(text: &str) -> Option<Schema> {
    SCHEMAS.into_iter().find(|schema| schema.is(text))
}

/// Everything that an observation of one market at one time is computed from.
#[derive(Clone, Copy, Debug)]
pub struct ObservationInput<'a> {
    /// The time of the frame that led to this state, in session milliseconds.
    pub time_ms: i64,
    /// The civil hour of that time at the exchange.
    pub hour: CivilHour,
    /// The market's published book, including our own orders.
    pub book: &'a Book,
    /// The market's points up to and including this state.
    pub points: &'a PointHistory,
    /// Cash and positions of the whole account.
    pub portfolio: &'a Portfolio,
    /// Signed contracts held in this market.
    pub position: Count,
    /// Our open orders in this market.
    pub orders: OpenOrders,
    /// When the market closes, in session milliseconds, where that is known.
    pub close_time_ms: Option<i64>,
}

/// Our open orders in one market, as an observation shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenOrders {
    /// The highest limit among our bids.
    pub bid: Option<Price>,
    /// The lowest limit among our asks, as a YES price.
    pub ask: Option<Price>,
    /// When the exchange acknowledged the newest of them, in session milliseconds, once it did.
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
