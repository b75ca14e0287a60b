//! The general frame parser: any key order, unknown keys, white space and escapes. A first pass over the envelope finds the
//! type and the position of `msg`, wherever they are; then `msg` is parsed by type.

use super::{Envelope, Frame, Message, account, control, market_data};
use crate::market::BookLevels;
use crate::wire::WireError;
use crate::wire::scan::Scanner;

pub(super) fn parse<'a>(bytes: &'a [u8], levels: &mut BookLevels) -> Result<Frame<'a>, WireError> {
    let mut scanner = Scanner::new("frame", bytes)?;
    let mut envelope = Envelope::default();
    let mut kind = None;
    let mut body = None;
    scanner.object(|scanner, key| {
        match key {
            "type" => kind = scanner.string("type")?,
            "sid" => envelope.sid = scanner.integer("sid")?,
            "seq" => envelope.seq = scanner.integer("seq")?,
            "id" => envelope.id = scanner.integer("id")?,
            "sending_ts_ms" => envelope.sending_ts_ms = scanner.lenient(|scanner| scanner.integer("sending_ts_ms"))?,
            "msg" => {
                body = Some(*scanner);
                scanner.skip()?;
            }
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    scanner.end()?;
    let kind = scanner.required(kind, "type")?;
    let body = |what| body.map(|body| body.named(what)).ok_or(WireError::Missing { what, field: "msg" });
    let message = match &*kind.decoded() {
        "orderbook_delta" => Message::Delta(market_data::delta(body("orderbook_delta")?)?),
        "orderbook_snapshot" => Message::Snapshot(market_data::snapshot(body("orderbook_snapshot")?, levels)?),
        "trade" => usable(body("trade").and_then(market_data::trade).map(Message::Trade)),
        "fill" => usable(body("fill").and_then(account::fill).map(Message::Fill)),
        "user_order" => usable(body("user_order").and_then(account::user_order).map(Message::UserOrder)),
        "market_position" => {
            usable(body("market_position").and_then(account::market_position).map(Message::MarketPosition))
        }
        "order_group_updates" => {
            usable(body("order_group_updates").and_then(account::order_group).map(Message::OrderGroup))
        }
        "market_lifecycle_v2" => {
            usable(body("market_lifecycle_v2").and_then(control::lifecycle).map(Message::Lifecycle))
        }
        "event_fee_update" => usable(body("event_fee_update").and_then(control::event_fees).map(Message::EventFees)),
        "subscribed" => usable(body("subscribed").and_then(control::subscribed)),
        "unsubscribed" => Message::Unsubscribed,
        "ok" => Message::Ok,
        "error" => usable(body("error").and_then(control::error)),
        _ => Message::Other(kind.as_sent()),
    };
    Ok(Frame { envelope, message })
}

fn usable(message: Result<Message<'_>, WireError>) -> Message<'_> {
    message.unwrap_or_else(Message::Unusable)
}
