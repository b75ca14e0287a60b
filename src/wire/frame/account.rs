//! Parsers of the private channels' messages, for any key order.

use super::market_data::outcome;
use super::{Fill, MarketPosition, OrderGroupEvent, OrderGroupUpdate, UserOrder};
use crate::market::{BookSide, Count, Money, OrderStatus, Outcome, Price};
use crate::wire::WireError;
use crate::wire::scan::{RawText, Scanner};

fn book_side(scanner: &mut Scanner<'_>) -> Result<Option<BookSide>, WireError> {
    scanner.word("book_side", "`bid` or `ask`", |word| match word {
        "bid" => Some(BookSide::Bid),
        "ask" => Some(BookSide::Ask),
        _ => None,
    })
}

pub(super) fn fill(mut scanner: Scanner<'_>) -> Result<Fill<'_>, WireError> {
    let (mut trade_id, mut order_id, mut client_order_id, mut ticker) = (None, None, None, None);
    let (mut is_taker, mut side, mut outcome_side) = (None, None, None);
    let (mut yes_price, mut count, mut fee_cost, mut post_position, mut ts_ms) = (None, None, None, None, None);
    scanner.object(|scanner, key| {
        match key {
            "trade_id" => trade_id = scanner.identifier("trade_id")?,
            "order_id" => order_id = scanner.identifier("order_id")?,
            "client_order_id" => client_order_id = scanner.lenient(|scanner| scanner.string("client_order_id"))?,
            "market_ticker" => ticker = scanner.identifier("market_ticker")?,
            "is_taker" => is_taker = scanner.boolean("is_taker")?,
            "book_side" => side = scanner.lenient(book_side)?,
            "outcome_side" => outcome_side = scanner.lenient(|scanner| outcome(scanner, "outcome_side"))?,
            "yes_price_dollars" => yes_price = scanner.decimal("yes_price_dollars", Price::parse_bytes)?,
            "count_fp" => count = scanner.decimal("count_fp", Count::parse_bytes)?,
            "fee_cost" => fee_cost = scanner.decimal("fee_cost", Money::parse_bytes)?,
            "post_position_fp" => {
                post_position = scanner.lenient(|scanner| scanner.decimal("post_position_fp", Count::parse_bytes))?;
            }
            "ts_ms" => ts_ms = scanner.lenient(|scanner| scanner.integer("ts_ms"))?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(Fill {
        trade_id: scanner.required(trade_id, "trade_id")?,
        order_id: scanner.required(order_id, "order_id")?,
        client_order_id: client_order_id.map(RawText::as_sent),
        ticker: scanner.required(ticker, "market_ticker")?,
        is_taker: scanner.required(is_taker, "is_taker")?,
        book_side: scanner.required(side.or(outcome_side.map(Outcome::book_side)), "book_side")?,
        yes_price: scanner.required(yes_price, "yes_price_dollars")?,
        count: scanner.required(count, "count_fp")?,
        fee_cost: scanner.required(fee_cost, "fee_cost")?,
        post_position,
        ts_ms,
    })
}

pub(super) fn user_order(mut scanner: Scanner<'_>) -> Result<UserOrder<'_>, WireError> {
    let (mut order_id, mut client_order_id, mut ticker, mut reason) = (None, None, None, None);
    let (mut status, mut side, mut outcome_side, mut yes_price) = (None, None, None, None);
    let (mut filled, mut remaining, mut initial) = (None, None, None);
    let (mut created, mut updated, mut expires) = (None, None, None);
    scanner.object(|scanner, key| {
        match key {
            "order_id" => order_id = scanner.identifier("order_id")?,
            "client_order_id" => client_order_id = scanner.lenient(|scanner| scanner.string("client_order_id"))?,
            "ticker" => ticker = scanner.identifier("ticker")?,
            "status" => status = scanner.lenient(order_status)?,
            "book_side" => side = scanner.lenient(book_side)?,
            "outcome_side" => outcome_side = scanner.lenient(|scanner| outcome(scanner, "outcome_side"))?,
            "yes_price_dollars" => yes_price = scanner.decimal("yes_price_dollars", Price::parse_bytes)?,
            "fill_count_fp" => filled = scanner.decimal("fill_count_fp", Count::parse_bytes)?,
            "remaining_count_fp" => remaining = scanner.decimal("remaining_count_fp", Count::parse_bytes)?,
            "initial_count_fp" => {
                initial = scanner.lenient(|scanner| scanner.decimal("initial_count_fp", Count::parse_bytes))?;
            }
            "last_update_reason" => reason = scanner.lenient(|scanner| scanner.string("last_update_reason"))?,
            "expiration_ts_ms" => expires = scanner.lenient(|scanner| scanner.integer("expiration_ts_ms"))?,
            "created_ts_ms" => created = scanner.lenient(|scanner| scanner.integer("created_ts_ms"))?,
            "last_updated_ts_ms" => updated = scanner.lenient(|scanner| scanner.integer("last_updated_ts_ms"))?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(UserOrder {
        order_id: scanner.required(order_id, "order_id")?,
        client_order_id: client_order_id.map_or("", RawText::as_sent),
        ticker: scanner.required(ticker, "ticker")?,
        status,
        book_side: scanner.required(side.or(outcome_side.map(Outcome::book_side)), "book_side")?,
        yes_price: scanner.required(yes_price, "yes_price_dollars")?,
        filled: scanner.required(filled, "fill_count_fp")?,
        remaining: scanner.required(remaining, "remaining_count_fp")?,
        initial,
        reason: reason.map(RawText::as_sent),
        expires_ms: expires,
        ts_ms: scanner.required(updated.or(created), "created_ts_ms")?,
    })
}

fn order_status(scanner: &mut Scanner<'_>) -> Result<Option<OrderStatus>, WireError> {
    scanner.word("status", "`resting`, `canceled` or `executed`", |word| match word {
        "resting" => Some(OrderStatus::Resting),
        "canceled" => Some(OrderStatus::Canceled),
        "executed" => Some(OrderStatus::Executed),
        _ => None,
    })
}

pub(super) fn market_position(mut scanner: Scanner<'_>) -> Result<MarketPosition<'_>, WireError> {
    let (mut ticker, mut position) = (None, None);
    scanner.object(|scanner, key| {
        match key {
            "market_ticker" => ticker = scanner.identifier("market_ticker")?,
            "position_fp" => position = scanner.decimal("position_fp", Count::parse_bytes)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(MarketPosition {
        ticker: scanner.required(ticker, "market_ticker")?,
        position: scanner.required(position, "position_fp")?,
    })
}

pub(super) fn group_event(word: &str) -> OrderGroupEvent {
    match word {
        "triggered" => OrderGroupEvent::Triggered,
        "reset" => OrderGroupEvent::Reset,
        "deleted" => OrderGroupEvent::Deleted,
        _ => OrderGroupEvent::Other,
    }
}

pub(super) fn order_group(mut scanner: Scanner<'_>) -> Result<OrderGroupUpdate<'_>, WireError> {
    let (mut group, mut event, mut limit) = (None, None, None);
    scanner.object(|scanner, key| {
        match key {
            "order_group_id" => group = scanner.identifier("order_group_id")?,
            "event_type" => event = scanner.word("event_type", "a word", |word| Some(group_event(word)))?,
            "contracts_limit_fp" => {
                limit = scanner.lenient(|scanner| scanner.decimal("contracts_limit_fp", Count::parse_bytes))?;
            }
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(OrderGroupUpdate {
        group: scanner.required(group, "order_group_id")?,
        event: scanner.required(event, "event_type")?,
        limit,
    })
}
