//! The general frame parser: any key order, unknown keys, white space and escapes. The envelope is walked once, which
//! finds the type and the place of `msg` wherever they stand; then `msg` is walked by type.

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
            "sending_ts_ms" => envelope.sending_ts_ms = scanner.integer("sending_ts_ms")?,
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
        "trade" => Message::Trade(market_data::trade(body("trade")?)?),
        "orderbook_snapshot" => Message::Snapshot(market_data::snapshot(body("orderbook_snapshot")?, levels)?),
        "fill" => Message::Fill(account::fill(body("fill")?)?),
        "user_order" => Message::UserOrder(account::user_order(body("user_order")?)?),
        "market_position" => Message::MarketPosition(account::market_position(body("market_position")?)?),
        "order_group_updates" => Message::OrderGroup(account::order_group(body("order_group_updates")?)?),
        "market_lifecycle_v2" => Message::Lifecycle(control::lifecycle(body("market_lifecycle_v2")?)?),
        "subscribed" => control::subscribed(body("subscribed")?)?,
        "unsubscribed" => Message::Unsubscribed,
        "ok" => Message::Ok,
        "error" => control::error(body("error")?)?,
        _ => Message::Other(kind.as_sent()),
    };
    Ok(Frame { envelope, message })
}
