//! WebSocket frames, from server to client: the types, and one entry to parse them.
//!
//! Two parsers stand behind the entry, tried in turn: a positional scan of the hot frames as the exchange prints them,
//! and a general scanner that takes any JSON. The bench `parse` compares them with the usual libraries; a property test
//! holds both against `serde_json`.
//!
//! Text is borrowed from the frame, so it is exposed as sent. Where it identifies something (tickers, order and trade
//! ids, channels) an escape sequence in it is an error; client order ids, reasons and messages keep theirs. A `null`
//! counts as an absent key, and the last of several equal keys counts.

mod account;
mod control;
mod general;
mod market_data;
mod positional;

use crate::market::{BookLevels, BookSide, Count, FeeSchedule, Money, OrderStatus, Outcome, Price};

use super::WireError;
use super::markets::PriceRange;

/// What stands around a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The subscription, on every data frame.
    pub sid: Option<u64>,
    /// Its running number, on sequenced frames.
    pub seq: Option<u64>,
    /// The command this answers.
    pub id: Option<u64>,
    /// When the exchange queued the frame.
    pub sending_ts_ms: Option<i64>,
}

/// A parsed frame. Text borrows from the frame's bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame<'a> {
    /// What stands around the message.
    pub envelope: Envelope,
    /// The message.
    pub message: Message<'a>,
}

impl Frame<'_> {
    /// The frame's own time: that of the change it tells, else when the exchange queued it.
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
    /// `orderbook_snapshot`; its levels were written to the caller's [`BookLevels`].
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
    Subscribed {
        /// The channel.
        channel: &'a str,
        /// Its sid.
        sid: u64,
    },
    /// `unsubscribed`: the envelope's sid ended.
    Unsubscribed,
    /// `ok`: a command was carried out. Consumes a seq on sequenced channels.
    Ok,
    /// `error`.
    Error {
        /// The documented code.
        code: i64,
        /// Its text.
        text: &'a str,
    },
    /// `order_group_updates`.
    OrderGroup(OrderGroupUpdate<'a>),
    /// A message of a type that is known, which lacks something that it needs. Only what stands around it can be used: its seq
    /// counts. Never a book frame, for which that is an error: a change that is lost makes the book wrong.
    Unusable(WireError),
    /// A type this program has no use for. Its seq still counts.
    Other(&'a str),
}

/// `orderbook_snapshot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot<'a> {
    /// The market.
    pub ticker: &'a str,
    /// The newest exchange clock included; 0 when absent.
    pub clock: u64,
}

/// `orderbook_delta`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta<'a> {
    /// The market.
    pub ticker: &'a str,
    /// The outcome on which the level is a bid.
    pub side: Outcome,
    /// The level, on that outcome's scale unless `use_yes_price` was asked for.
    pub price: Price,
    /// The change of its size.
    pub change: Count,
    /// The exchange's time: `ts_ms`, or `ts` in the frames of before April 2026, which have nothing else.
    pub ts_ms: Option<i64>,
    /// The exchange's clock; 0 when absent.
    pub clock: u64,
}

/// `trade`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade<'a> {
    /// The market.
    pub ticker: &'a str,
    /// The trade.
    pub trade_id: &'a str,
    /// YES price.
    pub yes_price: Price,
    /// Contracts.
    pub count: Count,
    /// What the taker bought.
    pub taker_outcome: Outcome,
    /// The exchange's time.
    pub ts_ms: Option<i64>,
}

/// `fill`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill<'a> {
    /// The trade.
    pub trade_id: &'a str,
    /// The order.
    pub order_id: &'a str,
    /// The id the client gave.
    pub client_order_id: Option<&'a str>,
    /// The market.
    pub ticker: &'a str,
    /// Taker or maker.
    pub is_taker: bool,
    /// The order's side of the YES book.
    pub book_side: BookSide,
    /// The trade's YES price.
    pub yes_price: Price,
    /// Contracts.
    pub count: Count,
    /// The fee booked.
    pub fee_cost: Money,
    /// The signed position afterwards.
    pub post_position: Option<Count>,
    /// The exchange's time.
    pub ts_ms: Option<i64>,
}

/// `user_order`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserOrder<'a> {
    /// The order.
    pub order_id: &'a str,
    /// The id the client gave; empty without one.
    pub client_order_id: &'a str,
    /// The market.
    pub ticker: &'a str,
    /// Its status; none for the exchange's own `unknown`, and for a word that is new.
    pub status: Option<OrderStatus>,
    /// Its side.
    pub book_side: BookSide,
    /// Its limit.
    pub yes_price: Price,
    /// Filled.
    pub filled: Count,
    /// In the book.
    pub remaining: Count,
    /// Asked for, if the frame says.
    pub initial: Option<Count>,
    /// Why it changed.
    pub reason: Option<&'a str>,
    /// When it ends by itself.
    pub expires_ms: Option<i64>,
    /// When it last changed, else when it was created.
    pub ts_ms: i64,
}

/// `market_position`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketPosition<'a> {
    /// The market.
    pub ticker: &'a str,
    /// Signed contracts.
    pub position: Count,
}

/// `order_group_updates`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderGroupUpdate<'a> {
    /// The group.
    pub group: &'a str,
    /// What happened to it.
    pub event: OrderGroupEvent,
    /// The limit, when it was set.
    pub limit: Option<Count>,
}

/// What happened to an order group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderGroupEvent {
    /// Its orders are cancelled, and it takes no more.
    Triggered,
    /// It takes orders again.
    Reset,
    /// It is gone, and its orders with it.
    Deleted,
    /// Something that changes nothing for its orders: made, or given another limit.
    Other,
}

/// `market_lifecycle_v2`. Times in Unix seconds, as sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifecycle<'a> {
    /// The market.
    pub ticker: &'a str,
    /// What happened.
    pub event: LifecycleEvent,
}

/// `event_fee_update`: what an event's markets are charged by from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFees<'a> {
    /// The event.
    pub event_ticker: &'a str,
    /// The override; none when it ended. In words, when its formula is not known.
    pub schedule: Option<Result<FeeSchedule, String>>,
}

/// What happened to a market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LifecycleEvent {
    /// It was listed.
    Created {
        /// When it opens.
        open_ts: i64,
        /// When it closes.
        close_ts: i64,
    },
    /// It was reactivated.
    Activated,
    /// It was deactivated.
    Deactivated,
    /// Its close moved.
    CloseDateUpdated {
        /// The new close.
        close_ts: i64,
    },
    /// Its result is known.
    Determined {
        /// What YES pays.
        settlement_value: Price,
    },
    /// It paid.
    Settled,
    /// Its grid changed.
    PriceLevelStructureUpdated {
        /// The new bands.
        price_ranges: Vec<PriceRange>,
    },
    /// Something this program has no use for.
    Other,
}

/// Parses one frame. The levels of a snapshot are written to `levels`, which is cleared first; for any other frame it
/// is left alone. After an error its contents mean nothing.
///
/// # Errors
/// When the bytes are no JSON object with a type, a number around the message is not what it should be, or a book frame
/// lacks something. The error names the frame type and the key.
pub fn parse<'a>(bytes: &'a [u8], levels: &mut BookLevels) -> Result<Frame<'a>, WireError> {
    match positional::parse(bytes, levels) {
        Some(frame) => Ok(frame),
        None => general::parse(bytes, levels),
    }
}

#[cfg(test)]
mod tests;
