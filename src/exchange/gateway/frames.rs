//! Frames from server to client. The message is written once; the envelope, which differs for each subscription, is put
//! around it. Key order as in the exchange's captures: envelope first, `sending_ts_ms` after `msg`.

use std::io::Write;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::directory::{Name, user_id};
use crate::exchange::engine::{FillRecord, MarketSpec, OrderRecord, PositionRecord, UpdateReason};
use crate::market::{BookLevels, BookSide, Count, Liquidity, Money, OrderStatus, Outcome, Price, TradeId};
use crate::wire::markets::PriceRange;
use crate::wire::orders::SelfTradePrevention;

/// What stands around a message.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Around<'a> {
    pub(super) kind: &'a str,
    pub(super) id: Option<u64>,
    pub(super) sid: Option<u64>,
    pub(super) seq: Option<u64>,
}

/// A whole frame; an empty message is left out.
pub(super) fn frame(around: Around<'_>, message: &[u8], sending_ts_ms: i64) -> Arc<[u8]> {
    let mut bytes = Vec::with_capacity(message.len() + 128);
    bytes.extend_from_slice(b"{");
    if let Some(id) = around.id {
        put(&mut bytes, format_args!("\"id\":{id},"));
    }
    put(&mut bytes, format_args!("\"type\":\"{}\"", around.kind));
    if let Some(sid) = around.sid {
        put(&mut bytes, format_args!(",\"sid\":{sid}"));
    }
    if let Some(seq) = around.seq {
        put(&mut bytes, format_args!(",\"seq\":{seq}"));
    }
    if !message.is_empty() {
        bytes.extend_from_slice(b",\"msg\":");
        bytes.extend_from_slice(message);
    }
    put(&mut bytes, format_args!(",\"sending_ts_ms\":{sending_ts_ms}}}"));
    bytes.into()
}

fn put(buffer: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    buffer.write_fmt(text).expect("writing to memory does not fail");
}

/// Writes a client's text as a JSON string.
fn put_text(buffer: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(buffer, text).expect("a string is always JSON, and writing to memory does not fail");
}

/// RFC 3339, in whole milliseconds.
pub(super) fn rfc3339(time_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(time_ms).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The text of a time, formatted once a millisecond.
#[derive(Debug, Default)]
pub(super) struct TimeText {
    time_ms: i64,
    text: String,
}

impl TimeText {
    pub(super) fn at(&mut self, time_ms: i64) -> &str {
        if self.text.is_empty() || self.time_ms != time_ms {
            self.time_ms = time_ms;
            self.text = rfc3339(time_ms).to_string();
        }
        &self.text
    }
}

/// A change of a level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    pub(super) side: Outcome,
    pub(super) price: Price,
    pub(super) change: Count,
    pub(super) clock: u64,
    pub(super) time_ms: i64,
}

/// The price of a level as a subscription wants it: NO bids on their own scale, or on the YES scale.
const fn level_price(side: Outcome, price: Price, use_yes_price: bool) -> Price {
    match side {
        Outcome::No if use_yes_price => price.complement(),
        _ => price,
    }
}

/// `orderbook_delta`. `own` is the client order id that caused it, for its owner only.
pub(super) fn delta(
    buffer: &mut Vec<u8>,
    name: &Name,
    level: Level,
    use_yes_price: bool,
    own: Option<&str>,
    time: &str,
) {
    put(
        buffer,
        format_args!(
            "{{\"market_ticker\":\"{}\",\"market_id\":\"{}\",\"clock\":{},\"price_dollars\":\"",
            name.ticker, name.market_id, level.clock
        ),
    );
    level_price(level.side, level.price, use_yes_price).write_to(buffer);
    buffer.extend_from_slice(b"\",\"delta_fp\":\"");
    level.change.write_to(buffer);
    put(buffer, format_args!("\",\"side\":\"{}\"", level.side.as_str()));
    if let Some(own) = own {
        buffer.extend_from_slice(b",\"client_order_id\":");
        put_text(buffer, own);
    }
    put(buffer, format_args!(",\"ts\":\"{time}\",\"ts_ms\":{}}}", level.time_ms));
}

/// `orderbook_snapshot`: ascending prices; a side without levels has no key.
pub(super) fn snapshot(buffer: &mut Vec<u8>, name: &Name, clock: u64, levels: &mut BookLevels, use_yes_price: bool) {
    put(
        buffer,
        format_args!(
            "{{\"market_ticker\":\"{}\",\"market_id\":\"{}\",\"clock\":{clock}",
            name.ticker, name.market_id
        ),
    );
    levels.yes.sort_unstable();
    levels.no.sort_unstable();
    for (key, side, levels) in
        [("yes_dollars_fp", Outcome::Yes, &levels.yes), ("no_dollars_fp", Outcome::No, &levels.no)]
    {
        if levels.is_empty() {
            continue;
        }
        put(buffer, format_args!(",\"{key}\":"));
        for (position, (price, count)) in levels.iter().enumerate() {
            buffer.extend_from_slice(if position == 0 { b"[[\"" } else { b",[\"" });
            level_price(side, *price, use_yes_price).write_to(buffer);
            buffer.extend_from_slice(b"\",\"");
            count.write_to(buffer);
            buffer.extend_from_slice(b"\"]");
        }
        buffer.push(b']');
    }
    buffer.push(b'}');
}

/// The snapshot of a market that does not exist: no identifier and no levels, as captured.
pub(super) fn snapshot_of_nothing(buffer: &mut Vec<u8>, ticker: &str) {
    buffer.extend_from_slice(b"{\"market_ticker\":");
    put_text(buffer, ticker);
    buffer.extend_from_slice(b",\"market_id\":\"\",\"clock\":0}");
}

/// `trade`.
pub(super) fn trade(
    buffer: &mut Vec<u8>,
    name: &Name,
    (trade, price, count, taker, time_ms): (TradeId, Price, Count, BookSide, i64),
) {
    let outcome = taker.outcome().as_str();
    put(
        buffer,
        format_args!(
            "{{\"trade_id\":\"{trade}\",\"market_ticker\":\"{}\",\"yes_price_dollars\":\"{price}\",\
             \"no_price_dollars\":\"{}\",\"count_fp\":\"{count}\",\"taker_side\":\"{outcome}\",\
             \"taker_outcome_side\":\"{outcome}\",\"taker_book_side\":\"{}\",\"is_block_trade\":false,\
             \"ts\":{},\"ts_ms\":{time_ms}}}",
            name.ticker,
            price.complement(),
            taker.as_str(),
            time_ms.div_euclid(1_000)
        ),
    );
}

/// A market's ticker, compared to tell whether it changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TickerState {
    pub(super) last_price: Price,
    pub(super) bid: Price,
    pub(super) bid_size: Count,
    pub(super) ask: Price,
    pub(super) ask_size: Count,
    pub(super) volume: Count,
    pub(super) open_interest: Count,
    pub(super) last_size: Count,
}

/// `ticker`.
pub(super) fn ticker(buffer: &mut Vec<u8>, name: &Name, state: &TickerState, time_ms: i64, time: &str) {
    // Whole dollars of contracts that pay one.
    let dollars = |count: Count| count.units() / 100;
    put(
        buffer,
        format_args!(
            "{{\"market_id\":\"{}\",\"market_ticker\":\"{}\",\"price_dollars\":\"{}\",\"yes_bid_dollars\":\"{}\",\
             \"yes_ask_dollars\":\"{}\",\"volume_fp\":\"{}\",\"open_interest_fp\":\"{}\",\"dollar_volume\":{},\
             \"dollar_open_interest\":{},\"yes_bid_size_fp\":\"{}\",\"yes_ask_size_fp\":\"{}\",\
             \"last_trade_size_fp\":\"{}\",\"ts\":{},\"ts_ms\":{time_ms},\"time\":\"{time}\"}}",
            name.market_id,
            name.ticker,
            state.last_price,
            state.bid,
            state.ask,
            state.volume,
            state.open_interest,
            dollars(state.volume),
            dollars(state.open_interest),
            state.bid_size,
            state.ask_size,
            state.last_size,
            time_ms.div_euclid(1_000)
        ),
    );
}

/// `fill`. The deprecated direction fields say what the new ones do.
pub(super) fn fill(buffer: &mut Vec<u8>, name: &Name, fill: &FillRecord) {
    let outcome = fill.side.outcome().as_str();
    put(buffer, format_args!("{{\"trade_id\":\"{}\",\"order_id\":\"{}\"", fill.trade, fill.order));
    if let Some(client_order_id) = &fill.client_order_id {
        buffer.extend_from_slice(b",\"client_order_id\":");
        put_text(buffer, client_order_id);
    }
    put(
        buffer,
        format_args!(
            ",\"market_ticker\":\"{}\",\"exchange_index\":{},\"is_taker\":{},\"side\":\"{outcome}\",\
             \"yes_price_dollars\":\"{}\",\"count_fp\":\"{}\",\"fee_cost\":\"{}\",\"action\":\"buy\",\"ts\":{},\
             \"ts_ms\":{},\"post_position_fp\":\"{}\",\"purchased_side\":\"{outcome}\",\"outcome_side\":\"{outcome}\",\
             \"book_side\":\"{}\",\"subaccount\":{}}}",
            name.ticker,
            name.exchange_index,
            fill.liquidity == Liquidity::Taker,
            fill.price,
            fill.count,
            fill.fee,
            fill.time_ms.div_euclid(1_000),
            fill.time_ms,
            fill.post_position,
            fill.side.as_str(),
            fill.subaccount
        ),
    );
}

pub(super) const fn status_name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Resting => "resting",
        OrderStatus::Canceled => "canceled",
        OrderStatus::Executed => "executed",
    }
}

/// The exchange's word; it has none for an order that was just placed.
const fn reason_name(reason: UpdateReason) -> Option<&'static str> {
    Some(match reason {
        UpdateReason::Created => return None,
        UpdateReason::Decrease => "Decrease",
        UpdateReason::Amend => "Amend",
        UpdateReason::Trade => "Trade",
        UpdateReason::MarginCancel => "MarginCancel",
        UpdateReason::SelfTradeCancel => "SelfTradeCancel",
        UpdateReason::ExpiryCancel => "ExpiryCancel",
        UpdateReason::CloseCancel => "CloseCancel",
        UpdateReason::HaltCancel => "HaltCancel",
        UpdateReason::PostOnlyCrossCancel => "PostOnlyCrossCancel",
        UpdateReason::ReduceOnlyCancel => "ReduceOnlyCancel",
    })
}

/// `user_order`.
pub(super) fn user_order(buffer: &mut Vec<u8>, name: &Name, order: &OrderRecord) {
    let outcome = order.side.outcome();
    put(
        buffer,
        format_args!(
            "{{\"order_id\":\"{}\",\"user_id\":\"{}\",\"ticker\":\"{}\",\"exchange_index\":{},\"status\":\"{}\",\
             \"side\":\"{}\",\"is_yes\":{},\"outcome_side\":\"{}\",\"book_side\":\"{}\",\"yes_price_dollars\":\"{}\",\
             \"fill_count_fp\":\"{}\",\"remaining_count_fp\":\"{}\",\"initial_count_fp\":\"{}\",\
             \"taker_fill_cost_dollars\":\"{}\",\"maker_fill_cost_dollars\":\"{}\",\"taker_fees_dollars\":\"{}\",\
             \"maker_fees_dollars\":\"{}\",\"client_order_id\":",
            order.order,
            user_id(order.account),
            name.ticker,
            name.exchange_index,
            status_name(order.status),
            outcome.as_str(),
            outcome == Outcome::Yes,
            outcome.as_str(),
            order.side.as_str(),
            order.price,
            order.filled,
            order.remaining,
            order.initial,
            order.taker_cost,
            order.maker_cost,
            order.taker_fees,
            order.maker_fees,
        ),
    );
    put_text(buffer, order.client_order_id.as_deref().unwrap_or_default());
    let prevention = match order.self_trade_prevention {
        SelfTradePrevention::TakerAtCross => "taker_at_cross",
        SelfTradePrevention::Maker => "maker",
    };
    put(
        buffer,
        format_args!(
            ",\"self_trade_prevention_type\":\"{prevention}\",\"created_time\":\"{}\",\"created_ts_ms\":{},\
             \"last_update_time\":\"{}\",\"last_updated_ts_ms\":{}",
            rfc3339(order.created_ms),
            order.created_ms,
            rfc3339(order.updated_ms),
            order.updated_ms
        ),
    );
    if let Some(expiration_ms) = order.expiration_ms {
        let time = rfc3339(expiration_ms);
        put(buffer, format_args!(",\"expiration_time\":\"{time}\",\"expiration_ts_ms\":{expiration_ms}"));
    }
    if let Some(reason) = reason_name(order.reason) {
        put(buffer, format_args!(",\"last_update_reason\":\"{reason}\""));
    }
    put(buffer, format_args!(",\"subaccount_number\":{}}}", order.subaccount));
}

/// `market_position`.
pub(super) fn market_position(buffer: &mut Vec<u8>, name: &Name, user: &str, position: &PositionRecord) {
    put(
        buffer,
        format_args!(
            "{{\"user_id\":\"{user}\",\"market_ticker\":\"{}\",\"position_fp\":\"{}\",\"position_cost_dollars\":\"{}\",\
             \"realized_pnl_dollars\":\"{}\",\"fees_paid_dollars\":\"{}\",\"position_fee_cost_dollars\":\"{}\",\
             \"volume_fp\":\"{}\"}}",
            name.ticker,
            position.contracts,
            position.cost,
            position.realized,
            position.fees,
            if position.contracts.is_zero() { Money::ZERO } else { position.fees },
            position.volume
        ),
    );
}

/// `market_lifecycle_v2`: a market was listed.
pub(super) fn created(buffer: &mut Vec<u8>, spec: &MarketSpec) {
    let ranges: Vec<PriceRange> = spec.bands.bands().iter().map(|band| PriceRange::from(*band)).collect();
    put_json(
        buffer,
        &json!({
            "market_ticker": spec.ticker,
            "exchange_index": spec.exchange_index,
            "open_ts": spec.open_ms.div_euclid(1_000),
            "close_ts": spec.close_ms.div_euclid(1_000),
            "additional_metadata": {
                "name": spec.title,
                "title": spec.title,
                "yes_sub_title": spec.title,
                "no_sub_title": spec.title,
                "rules_primary": "",
                "rules_secondary": "",
                "can_close_early": false,
                "event_ticker": spec.event_ticker,
                "expected_expiration_ts": spec.close_ms.div_euclid(1_000),
            },
            "event_type": "created",
            "price_level_structure": spec.structure,
            "price_ranges": ranges,
        }),
    );
}

/// The wire's word for a result.
pub(super) fn result_name(value: Price) -> &'static str {
    match value {
        Price::ONE => "yes",
        Price::ZERO => "no",
        _ => "scalar",
    }
}

/// `market_lifecycle_v2`: anything after the listing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lifecycle {
    Activity { active: bool },
    CloseMoved { close_ms: i64 },
    Determined { value: Price, time_ms: i64 },
    Settled { time_ms: i64 },
}

pub(super) fn lifecycle(buffer: &mut Vec<u8>, name: &Name, what: Lifecycle) {
    let ticker = &name.ticker;
    let value = match what {
        Lifecycle::Activity { active } => json!({
            "market_ticker": ticker,
            "is_deactivated": !active,
            "event_type": if active { "activated" } else { "deactivated" },
        }),
        Lifecycle::CloseMoved { close_ms } => json!({
            "market_ticker": ticker,
            "close_ts": close_ms.div_euclid(1_000),
            "event_type": "close_date_updated",
        }),
        Lifecycle::Determined { value, time_ms } => json!({
            "market_ticker": ticker,
            "determination_ts": time_ms.div_euclid(1_000),
            "result": result_name(value),
            "settlement_value": value,
            "event_type": "determined",
        }),
        Lifecycle::Settled { time_ms } => json!({
            "market_ticker": ticker,
            "settled_ts": time_ms.div_euclid(1_000),
            "event_type": "settled",
        }),
    };
    put_json(buffer, &value);
}

pub(super) fn put_json(buffer: &mut Vec<u8>, value: &serde_json::Value) {
    serde_json::to_writer(buffer, value).expect("a JSON value is always JSON, and writing to memory does not fail");
}
