//! Converts the engine's records to the types of the wire's frame writers.

use std::sync::Arc;

use jiff::Timestamp;

use super::directory::Name;
use crate::exchange::engine::{FillRecord, GroupChange, LevelCause, OrderRecord, PositionRecord, UpdateReason};
use crate::market::{Count, Liquidity, Money, OrderGroupId, OrderStatus, Outcome, Price};
use crate::wire::frame_write::{DeltaOut, FillOut, MarketPositionOut, OrderGroupUpdateOut, TickerOut, UserOrderOut};
use crate::wire::time::timestamp;

/// The bytes of a frame that is written through a reused buffer.
pub(super) fn written(buffer: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> Arc<[u8]> {
    buffer.clear();
    write(buffer);
    Arc::from(buffer.as_slice())
}

/// A time in whole milliseconds, for RFC 3339 text.
pub(super) fn rfc3339(time_ms: i64) -> Timestamp {
    timestamp(time_ms).expect("the engine rejects times that cannot be written, and clocks don't reach them")
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

impl Level {
    /// The frame. `own` is the order that caused the change, and is given only for frames to its owner. With
    /// `use_yes_price`, NO bids are priced on the YES scale.
    pub(super) fn out<'a>(&self, name: &'a Name, use_yes_price: bool, own: Option<&'a LevelCause>) -> DeltaOut<'a> {
        let flips = use_yes_price && self.side == Outcome::No;
        DeltaOut {
            ticker: &name.ticker,
            market_id: &name.market_id,
            clock: self.clock,
            price: if flips { self.price.complement() } else { self.price },
            change: self.change,
            side: self.side,
            client_order_id: own.and_then(|cause| cause.client_order_id.as_deref()),
            ts_ms: self.time_ms,
            subaccount: own.map(|cause| cause.subaccount),
        }
    }
}

/// The content of a market's ticker, compared to detect changes.
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

impl TickerState {
    pub(super) fn out<'a>(&self, name: &'a Name, time_ms: i64) -> TickerOut<'a> {
        // A contract pays a dollar, so numbers of contracts are dollars.
        let dollars = |count: Count| count.units() / 100;
        TickerOut {
            ticker: &name.ticker,
            market_id: &name.market_id,
            price: self.last_price,
            yes_bid: self.bid,
            yes_ask: self.ask,
            volume: self.volume,
            open_interest: self.open_interest,
            dollar_volume: dollars(self.volume),
            dollar_open_interest: dollars(self.open_interest),
            yes_bid_size: self.bid_size,
            yes_ask_size: self.ask_size,
            last_trade_size: self.last_size,
            ts_ms: time_ms,
        }
    }
}

pub(super) fn fill<'a>(name: &'a Name, fill: &'a FillRecord) -> FillOut<'a> {
    FillOut {
        trade: fill.trade,
        order: fill.order,
        client_order_id: fill.client_order_id.as_deref(),
        ticker: &name.ticker,
        exchange_index: name.exchange_index,
        is_taker: fill.liquidity == Liquidity::Taker,
        side: fill.side,
        yes_price: fill.price,
        count: fill.count,
        fee_cost: fill.fee,
        ts_ms: fill.time_ms,
        post_position: fill.post_position,
        subaccount: Some(fill.subaccount),
    }
}

pub(super) const fn status_name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Resting => "resting",
        OrderStatus::Canceled => "canceled",
        OrderStatus::Executed => "executed",
    }
}

/// The exchange's word for a reason; it has none for an order that was just placed.
const fn reason_name(reason: UpdateReason) -> Option<&'static str> {
    Some(match reason {
        UpdateReason::Created => return None,
        UpdateReason::Decrease | UpdateReason::GroupCancel => "Decrease",
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

/// The frame of an order. `group_id` is the text of the order's group; `owner_cancel` is the word for a cancel by the owner,
/// and for one by the order's group, for which the exchange documents none.
pub(super) fn user_order<'a>(
    name: &'a Name,
    user_id: &'a str,
    group_id: Option<&'a str>,
    owner_cancel: &'static str,
    order: &'a OrderRecord,
) -> UserOrderOut<'a> {
    let by_owner = order.status == OrderStatus::Canceled
        && matches!(order.reason, UpdateReason::Decrease | UpdateReason::GroupCancel);
    UserOrderOut {
        order: order.order,
        user_id,
        ticker: &name.ticker,
        exchange_index: name.exchange_index,
        status: order.status,
        side: order.side,
        yes_price: order.price,
        filled: order.filled,
        remaining: order.remaining,
        initial: order.initial,
        taker_fill_cost: order.taker_cost,
        maker_fill_cost: order.maker_cost,
        taker_fees: order.taker_fees,
        maker_fees: order.maker_fees,
        client_order_id: order.client_order_id.as_deref().unwrap_or_default(),
        order_group_id: group_id,
        self_trade_prevention: Some(order.self_trade_prevention),
        created_ts_ms: order.created_ms,
        last_updated_ts_ms: Some(order.updated_ms),
        expiration_ts_ms: order.expiration_ms,
        last_update_reason: if by_owner { Some(owner_cancel) } else { reason_name(order.reason) },
        subaccount_number: Some(order.subaccount),
    }
}

pub(super) fn market_position<'a>(
    name: &'a Name,
    user_id: &'a str,
    subaccount: u32,
    position: &PositionRecord,
) -> MarketPositionOut<'a> {
    MarketPositionOut {
        user_id,
        ticker: &name.ticker,
        position: position.contracts,
        position_cost: position.cost,
        realized_pnl: position.realized,
        fees_paid: position.fees,
        position_fee_cost: if position.contracts.is_zero() { Money::ZERO } else { position.fees },
        volume: position.volume,
        subaccount: Some(subaccount),
    }
}

pub(super) const fn group_update(group: OrderGroupId, change: GroupChange, time_ms: i64) -> OrderGroupUpdateOut {
    let (event, contracts_limit) = match change {
        GroupChange::Created(limit) => ("created", Some(limit)),
        GroupChange::Triggered => ("triggered", None),
        GroupChange::Reset => ("reset", None),
        GroupChange::Deleted => ("deleted", None),
        GroupChange::LimitUpdated(limit) => ("limit_updated", Some(limit)),
    };
    OrderGroupUpdateOut { event, group, contracts_limit, ts_ms: time_ms }
}

/// The word for a result on the wire.
pub(super) fn result_name(value: Price) -> &'static str {
    result_of(value).map_or("scalar", Outcome::as_str)
}

/// The winning outcome; `None` for a scalar result.
pub(super) fn result_of(value: Price) -> Option<Outcome> {
    match value {
        Price::ONE => Some(Outcome::Yes),
        Price::ZERO => Some(Outcome::No),
        _ => None,
    }
}
