//! Converts the exchange's frames and bodies to facts. The caller fills in a fact's market key.

use jiff::Timestamp;

use crate::market::{
    ClientOrderId, Count, EndReason, Liquidity, MarketKey, Money, OrderGroupId, OrderId, OrderStatus, Price, TradeId,
};
use crate::messages::{AccountEvent, Fill, GroupReport, GroupState, OrderReport, Owner, Source};
use crate::wire::frame::OrderGroupEvent;
use crate::wire::order_groups::OrderGroup;
use crate::wire::{account, frame};

pub(super) fn stream_fill(fill: &frame::Fill<'_>, session_ms: i64, read_ns: u64) -> Result<Fill, String> {
    Ok(Fill {
        trade: TradeId::parse(fill.trade_id).map_err(|error| format!("fill: trade_id: {error}"))?,
        order: OrderId::parse(fill.order_id).map_err(|error| format!("fill: order_id: {error}"))?,
        count: fill.count,
        fee: fill.fee_cost,
        post_position: fill.post_position,
        time_ms: fill.ts_ms.unwrap_or(session_ms),
        read_ns,
        market: MarketKey::default(),
        price: fill.yes_price,
        side: fill.book_side,
        liquidity: liquidity(fill.is_taker),
        source: Source::Stream,
    })
}

/// `None` for a fill that [`Element::check`](crate::wire::elements::Element::check) would have refused.
pub(super) fn read_fill(fill: &account::Fill, read_ns: u64) -> Option<Fill> {
    Some(Fill {
        trade: fill.trade()?,
        order: OrderId::parse(&fill.order_id).ok()?,
        count: fill.count_fp,
        fee: fill.fee_cost,
        post_position: None,
        time_ms: fill.time_ms()?,
        read_ns,
        market: MarketKey::default(),
        price: fill.yes_price_dollars,
        side: fill.side()?,
        liquidity: liquidity(fill.is_taker),
        source: Source::Read,
    })
}

fn liquidity(is_taker: bool) -> Liquidity {
    if is_taker { Liquidity::Taker } else { Liquidity::Maker }
}

pub(super) fn owner(client_order_id: &str) -> Owner {
    ClientOrderId::parse(client_order_id).map_or(Owner::Foreign, Owner::Ours)
}

/// `None` for an order whose status the exchange gives as unknown, from which nothing follows.
pub(super) fn stream_order(order: &frame::UserOrder<'_>) -> Result<Option<OrderReport>, String> {
    let Some(status) = order.status else { return Ok(None) };
    Ok(Some(OrderReport {
        order: OrderId::parse(order.order_id).map_err(|error| format!("user_order: order_id: {error}"))?,
        owner: owner(order.client_order_id),
        filled: order.filled,
        remaining: order.remaining,
        time_ms: order.ts_ms,
        expires_ms: order.expires_ms,
        market: MarketKey::default(),
        price: order.yes_price,
        side: order.book_side,
        status,
        reason: EndReason::of(status, order.reason),
        source: Source::Stream,
    }))
}

/// The status of an order in a list. An unknown word means resting if the list has only resting orders, and executed or
/// cancelled if nothing of the order remains; otherwise it gives `None`.
fn read_status(order: &account::Order, all_rest: bool) -> Option<OrderStatus> {
    match order.status {
        Some(status) => Some(status),
        None if all_rest => Some(OrderStatus::Resting),
        None if !order.remaining_count_fp.is_zero() => None,
        None if order.fill_count_fp == order.initial_count_fp => Some(OrderStatus::Executed),
        None => Some(OrderStatus::Canceled),
    }
}

/// Converts an order of a list. `all_rest` says that only resting orders were requested.
///
/// # Errors
/// A description, when its status or side cannot be determined.
pub(super) fn read_order(order: &account::Order, all_rest: bool, session_ms: i64) -> Result<OrderReport, String> {
    let time = order.last_update_time.or(order.created_time);
    let status = read_status(order, all_rest).ok_or("`status`: expected `resting`, `canceled` or `executed`")?;
    Ok(OrderReport {
        order: OrderId::parse(&order.order_id).map_err(|error| format!("`order_id`: {error}"))?,
        owner: owner(&order.client_order_id),
        filled: order.fill_count_fp,
        remaining: if status == OrderStatus::Resting { order.remaining_count_fp } else { Count::ZERO },
        time_ms: time.map_or(session_ms, Timestamp::as_millisecond),
        expires_ms: order.expiration_time.map(Timestamp::as_millisecond),
        market: MarketKey::default(),
        price: order.yes_price_dollars,
        side: order.side().ok_or("nothing tells its side")?,
        status,
        reason: EndReason::of(status, None),
        source: Source::Read,
    })
}

/// A group that does not say whether it is triggered counts as triggered, so it is reset and not relied on before that.
pub(super) fn read_group(group: &OrderGroup) -> GroupReport {
    GroupReport {
        group: group.id,
        limit: group.contracts_limit_fp,
        state: if group.is_auto_cancel_enabled == Some(false) { GroupState::Active } else { GroupState::Triggered },
        source: Source::Read,
    }
}

/// `None` for an update that changes no state.
pub(super) fn stream_group(update: &frame::OrderGroupUpdate<'_>) -> Result<Option<GroupReport>, String> {
    let state = match update.event {
        OrderGroupEvent::Triggered => GroupState::Triggered,
        OrderGroupEvent::Reset => GroupState::Active,
        OrderGroupEvent::Deleted => GroupState::Gone,
        OrderGroupEvent::Other => return Ok(None),
    };
    let group =
        OrderGroupId::parse(update.group).map_err(|error| format!("order_group_updates: order_group_id: {error}"))?;
    Ok(Some(GroupReport { group, limit: update.limit, state, source: Source::Stream }))
}

pub(super) fn position(position: &account::MarketPosition, market: MarketKey) -> AccountEvent {
    AccountEvent::Position {
        market,
        position: position.position_fp,
        cost: position.market_exposure_dollars.unwrap_or_default(),
    }
}

/// Whether a market settled at neither $0 nor $1.
pub(super) fn is_scalar(settlement: &account::Settlement) -> bool {
    !matches!(settlement.market_result.as_str(), "yes" | "no")
}

/// Converts a settlement. Its `fee_cost` is the sum of trade fees, which were booked with the fills; settlement itself
/// is free. `exact` is a scalar result as given by the market, since the settlement has it in whole cents only.
pub(super) fn settlement(
    settlement: &account::Settlement,
    exact: Option<Price>,
    market: MarketKey,
) -> Result<AccountEvent, String> {
    let value = match settlement.market_result.as_str() {
        "yes" => Price::ONE,
        "no" => Price::ZERO,
        _ => exact
            .or_else(|| {
                let cents = settlement.value.and_then(|cents| u16::try_from(cents).ok());
                cents.filter(|&cents| cents <= 100).map(Price::from_cents)
            })
            .ok_or_else(|| format!("settlement of {}: expected a value of 0 to 100 cents", settlement.ticker))?,
    };
    Ok(AccountEvent::Settlement { market, value, fee: Money::ZERO })
}

/// The same fact with this market key.
pub(super) fn with_market(event: AccountEvent, market: MarketKey) -> AccountEvent {
    match event {
        AccountEvent::Fill(fill) => AccountEvent::Fill(Fill { market, ..fill }),
        AccountEvent::Order(order) => AccountEvent::Order(OrderReport { market, ..order }),
        other => other,
    }
}
