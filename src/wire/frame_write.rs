//! Writers of WebSocket frames, from server to client: the exchange's counterpart of [`super::frame`]. Each appends one frame
//! to a buffer, in the documented key order (`sending_ts_ms` before `msg`), and does not allocate while the buffer has room.
//! Deprecated keys are included, derived from those that replaced them.

mod account;
mod control;
mod market_data;

pub use account::{
    FillOut, MarketPositionOut, OrderGroupUpdateOut, UserOrderOut, write_fill, write_market_position,
    write_order_group_update, write_user_order,
};
pub use control::{
    CreatedEvent, CreatedMarket, LifecycleOut, write_error, write_event_fee_update, write_event_lifecycle,
    write_lifecycle, write_ok, write_ok_list, write_subscribed, write_unsubscribed,
};
pub use market_data::{
    DeltaOut, SnapshotOut, TickerOut, TradeOut, write_delta, write_snapshot, write_ticker, write_trade,
};

use std::io::Write;

use super::frame::Envelope;
use super::json::Object;

/// Writes the envelope of a data message, and the message through `fields`.
fn data_frame(buffer: &mut Vec<u8>, kind: &str, envelope: &Envelope, fields: impl FnOnce(&mut Object<'_>)) {
    let mut frame = Object::begin(buffer);
    frame.text("type", kind);
    frame.optional_integer("sending_ts_ms", envelope.sending_ts_ms);
    frame.optional_integer("id", envelope.id);
    frame.optional_integer("sid", envelope.sid);
    frame.optional_integer("seq", envelope.seq);
    let mut message = frame.object("msg");
    fields(&mut message);
    message.end();
    frame.end();
}

/// A time as RFC 3339 text. A time that cannot be written is left out with its key.
fn rfc3339(object: &mut Object<'_>, key: &str, ts_ms: i64) {
    if let Some(time) = super::time::timestamp(ts_ms) {
        object.quoted(key, |text| write!(text, "{time}").expect("writing to a Vec cannot fail"));
    }
}
