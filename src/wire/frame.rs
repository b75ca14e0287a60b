//! WebSocket frames, from server to client: their types, and one entry point to parse them.
//!
//! Behind the entry point are two parsers, tried in turn: a positional scan of hot frames exactly as the exchange prints
//! them, and a general scanner that accepts any JSON. The bench `parse` compares them with the usual libraries, and a property
//! test compares both with `serde_json`.
//!
//! Text is borrowed from the frame, so it is returned as sent. Where it identifies something (tickers, order and trade ids,
//! channels), an escape sequence in it is an error; in client order ids, reasons and messages, escapes are kept. A `null`
//! counts as an absent key, and of several equal keys the last one counts.

mod account;
mod control;
mod general;
mod market_data;
mod positional;

use crate::market::{BookLevels, BookSide, Count, FeeSchedule, Money, OrderStatus, Outcome, Price};

use super::WireError;
use super::markets::PriceRange;

/// The fields around a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The subscription; on every data frame.
    pub sid: Option<u64>,
    /// The sequence number within the subscription; on sequenced frames.
    pub seq: Option<u64>,
    /// The command that this answers.
    pub id: Option<u64>,
    /// When the exchange queued the frame.
    pub sending_ts_ms: Option<i64>,
}

/// A parsed frame. Its text borrows from the frame's bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<'a> {
    pub envelope: Envelope,
    pub message: Message<'a>,
}

impl Frame<'_> {
    /// The frame's own time: that of the change it reports if it has one, else when the exchange queued it.
    #[must_use]
    pub fn time_ms(&self) -> Option<i64> {
        let own = match &self.message {
            Message::Delta(delta) => delta.ts_ms,
            Message::Trade(trade) => trade.ts_ms,
            Message::Fill(fill) => fill.ts_ms,
            _ => None,
        };
        own.or(self.envelope.sending_ts_ms)
    }
}

/// A message by type.
#[derive(Clone, Debug, PartialEq)]
pub enum Message<'a> {
    /// `orderbook_snapshot`; its levels are written to the caller's [`BookLevels`].
    Snapshot(Snapshot<'a>),
    /// `orderbook_delta`.
    Delta(Delta<'a>),
    /// `trade`.
    Trade(Trade<'a>),
    /// `fill`.
    Fill(Fill<'a>),
    /// `user_order`.
    UserOrder(UserOrder<'a>),
    /// `market_position`.
    MarketPosition(MarketPosition<'a>),
    /// `market_lifecycle_v2`.
    Lifecycle(Lifecycle<'a>),
    /// `event_fee_update`: an event's override of its series' fees began or ended.
    EventFees(EventFees<'a>),
    /// `subscribed`: a subscription was opened.
    Subscribed { channel: &'a str, sid: u64 },
    /// `unsubscribed`: the subscription in the envelope ended.
    Unsubscribed,
    /// `ok`: a command was carried out. It takes a sequence number on sequenced channels.
    Ok,
    /// `error`.
    Error {
        /// The documented error code.
        code: i64,
        text: &'a str,
    },
    /// `order_group_updates`.
    OrderGroup(OrderGroupUpdate<'a>),
    /// A message of a known type that lacks something required. Only its envelope can be used: its sequence number counts. Never
    /// a book frame, for which this is an error, since a lost change makes the book wrong.
    Unusable(WireError),
    /// A type that this program does not use. Its sequence number still counts.
    Other(&'a str),
}

/// `orderbook_snapshot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot<'a> {
    pub ticker: &'a str,
    /// The newest exchange clock included; 0 if absent.
    pub clock: u64,
}

/// `orderbook_delta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta<'a> {
    pub ticker: &'a str,
    /// The outcome that the level bids for.
    pub side: Outcome,
    /// The level's price, on that outcome's scale unless `use_yes_price` was asked for.
    pub price: Price,
    /// The change of the level's size.
    pub change: Count,
    /// The exchange's time: `ts_ms`, or in frames from before April 2026, which lack it, `ts`.
    pub ts_ms: Option<i64>,
    /// The exchange's clock; 0 if absent.
    pub clock: u64,
}

/// `trade`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade<'a> {
    pub ticker: &'a str,
    pub trade_id: &'a str,
    pub yes_price: Price,
    pub count: Count,
    /// The outcome that the taker bought.
    pub taker_outcome: Outcome,
    /// The exchange's time.
    pub ts_ms: Option<i64>,
}

/// `fill`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill<'a> {
    pub trade_id: &'a str,
    pub order_id: &'a str,
    /// The id that the client gave the order.
    pub client_order_id: Option<&'a str>,
    pub ticker: &'a str,
    pub is_taker: bool,
    /// The order's side of the YES book.
    pub book_side: BookSide,
    /// The trade's YES price.
    pub yes_price: Price,
    pub count: Count,
    /// The fee booked for the fill.
    pub fee_cost: Money,
    /// The signed position after the fill.
    pub post_position: Option<Count>,
    /// The exchange's time.
    pub ts_ms: Option<i64>,
}

/// `user_order`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserOrder<'a> {
    pub order_id: &'a str,
    /// The id that the client gave the order; empty if it gave none.
    pub client_order_id: &'a str,
    pub ticker: &'a str,
    /// `None` for the exchange's own `unknown`, and for a new word.
    pub status: Option<OrderStatus>,
    pub book_side: BookSide,
    /// The limit price, as a YES price.
    pub yes_price: Price,
    pub filled: Count,
    /// The open count.
    pub remaining: Count,
    /// The count that was asked for, if the frame says.
    pub initial: Option<Count>,
    /// Why the order changed.
    pub reason: Option<&'a str>,
    /// When the order expires by itself.
    pub expires_ms: Option<i64>,
    /// When the order last changed, or else when it was created.
    pub ts_ms: i64,
}

/// `market_position`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketPosition<'a> {
    pub ticker: &'a str,
    /// Signed contracts.
    pub position: Count,
}

/// `order_group_updates`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderGroupUpdate<'a> {
    pub group: &'a str,
    pub event: OrderGroupEvent,
    /// The new limit, if it was set.
    pub limit: Option<Count>,
}

/// A change of an order group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderGroupEvent {
    /// Its orders are cancelled, and it accepts no more.
    Triggered,
    /// It accepts orders again.
    Reset,
    /// It is gone, and so are its orders.
    Deleted,
    /// Something that does not affect its orders: it was created, or its limit changed.
    Other,
}

/// `market_lifecycle_v2`. Times are in Unix seconds, as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifecycle<'a> {
    pub ticker: &'a str,
    pub event: LifecycleEvent,
}

/// `event_fee_update`: the fees of an event's markets from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFees<'a> {
    pub event_ticker: &'a str,
    /// The override, or a message if its formula is unknown; `None` if the override ended.
    pub schedule: Option<Result<FeeSchedule, String>>,
}

/// A change in a market's life cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LifecycleEvent {
    /// It was listed.
    Created {
        open_ts: i64,
        close_ts: i64,
    },
    /// It was reactivated.
    Activated,
    Deactivated,
    /// Its close was moved.
    CloseDateUpdated {
        close_ts: i64,
    },
    /// Its result is known.
    Determined {
        /// The payout of a YES contract.
        settlement_value: Price,
    },
    /// It was paid.
    Settled,
    /// Its tick grid changed.
    PriceLevelStructureUpdated {
        price_ranges: Vec<PriceRange>,
    },
    /// Something that this program does not use.
    Other,
}

/// Parses one frame. The levels of a snapshot are written to `levels`, which is cleared first; other frames leave it alone.
/// After an error its contents are unspecified.
///
/// # Errors
/// If the bytes are not a JSON object with a type, a number in the envelope is invalid, or a book frame lacks something
/// required. The error names the frame type and the key.
pub fn parse<'a>(bytes: &'a [u8], levels: &mut BookLevels) -> Result<Frame<'a>, WireError> {
    match positional::parse(bytes, levels) {
        Some(frame) => Ok(frame),
        None => general::parse(bytes, levels),
    }
}

#[cfg(test)]
mod tests;
