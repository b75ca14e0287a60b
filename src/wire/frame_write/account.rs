//! Writers of the private channels' frames.

use super::{data_frame, rfc3339};
use crate::market::{BookSide, Count, Money, OrderGroupId, OrderId, OrderStatus, Price, TradeId};
use crate::wire::frame::Envelope;
use crate::wire::orders::SelfTradePrevention;

/// `fill`.
#[derive(Clone, Copy, Debug)]
pub struct FillOut<'a> {
    pub trade: TradeId,
    pub order: OrderId,
    /// The id that the client gave the order.
    pub client_order_id: Option<&'a str>,
    pub ticker: &'a str,
    pub exchange_index: u8,
    pub is_taker: bool,
    /// The order's side of the YES book.
    pub side: BookSide,
    /// The trade's YES price.
    pub yes_price: Price,
    pub count: Count,
    /// The fee booked for the fill.
    pub fee_cost: Money,
    /// The exchange's time.
    pub ts_ms: i64,
    /// The signed position after the fill.
    pub post_position: Count,
    pub subaccount: Option<u32>,
}

/// `user_order`.
#[derive(Clone, Copy, Debug)]
pub struct UserOrderOut<'a> {
    pub order: OrderId,
    /// The account, a UUID.
    pub user_id: &'a str,
    pub ticker: &'a str,
    pub exchange_index: u8,
    pub status: OrderStatus,
    /// The order's side of the YES book.
    pub side: BookSide,
    /// The limit price, as a YES price.
    pub yes_price: Price,
    pub filled: Count,
    /// The open count.
    pub remaining: Count,
    /// The count that was asked for.
    pub initial: Count,
    /// The cost of its fills as a taker.
    pub taker_fill_cost: Money,
    /// The cost of its fills as a maker.
    pub maker_fill_cost: Money,
    pub taker_fees: Money,
    pub maker_fees: Money,
    /// The id that the client gave the order; empty if it gave none.
    pub client_order_id: &'a str,
    pub order_group_id: Option<&'a str>,
    /// What happens when it would trade with an order of the same account.
    pub self_trade_prevention: Option<SelfTradePrevention>,
    pub created_ts_ms: i64,
    pub last_updated_ts_ms: Option<i64>,
    pub expiration_ts_ms: Option<i64>,
    /// Why the order changed.
    pub last_update_reason: Option<&'a str>,
    pub subaccount_number: Option<u32>,
}

/// `market_position`.
#[derive(Clone, Copy, Debug)]
pub struct MarketPositionOut<'a> {
    pub user_id: &'a str,
    pub ticker: &'a str,
    /// Signed contracts.
    pub position: Count,
    /// The cost of the position.
    pub position_cost: Money,
    pub realized_pnl: Money,
    pub fees_paid: Money,
    /// The fees of the open position.
    pub position_fee_cost: Money,
    /// Contracts traded.
    pub volume: Count,
    pub subaccount: Option<u32>,
}

/// `order_group_updates`.
#[derive(Clone, Copy, Debug)]
pub struct OrderGroupUpdateOut {
    /// `created`, `triggered`, `reset`, `deleted` or `limit_updated`.
    pub event: &'static str,
    pub group: OrderGroupId,
    /// The limit, if the group was created or its limit changed.
    pub contracts_limit: Option<Count>,
    /// The exchange's time.
    pub ts_ms: i64,
}

pub fn write_fill(buffer: &mut Vec<u8>, envelope: &Envelope, fill: &FillOut<'_>) {
    let outcome = fill.side.outcome().as_str();
    data_frame(buffer, "fill", envelope, |msg| {
        msg.quoted("trade_id", |text| fill.trade.write_to(text));
        msg.quoted("order_id", |text| fill.order.write_to(text));
        msg.optional_text("client_order_id", fill.client_order_id);
        msg.text("market_ticker", fill.ticker);
        msg.integer("exchange_index", fill.exchange_index);
        msg.boolean("is_taker", fill.is_taker);
        msg.text("side", outcome);
        msg.quoted("yes_price_dollars", |text| fill.yes_price.write_to(text));
        msg.quoted("count_fp", |text| fill.count.write_to(text));
        msg.quoted("fee_cost", |text| fill.fee_cost.write_to(text));
        msg.text("action", "buy");
        msg.integer("ts", fill.ts_ms.div_euclid(1_000));
        msg.integer("ts_ms", fill.ts_ms);
        msg.quoted("post_position_fp", |text| fill.post_position.write_to(text));
        msg.text("purchased_side", outcome);
        msg.text("outcome_side", outcome);
        msg.text("book_side", fill.side.as_str());
        msg.optional_integer("subaccount", fill.subaccount);
    });
}

pub fn write_user_order(buffer: &mut Vec<u8>, envelope: &Envelope, order: &UserOrderOut<'_>) {
    let outcome = order.side.outcome().as_str();
    data_frame(buffer, "user_order", envelope, |msg| {
        msg.quoted("order_id", |text| order.order.write_to(text));
        msg.text("user_id", order.user_id);
        msg.text("ticker", order.ticker);
        msg.integer("exchange_index", order.exchange_index);
        msg.text(
            "status",
            match order.status {
                OrderStatus::Resting => "resting",
                OrderStatus::Canceled => "canceled",
                OrderStatus::Executed => "executed",
            },
        );
        msg.text("side", outcome);
        msg.boolean("is_yes", order.side == BookSide::Bid);
        msg.text("outcome_side", outcome);
        msg.text("book_side", order.side.as_str());
        msg.quoted("yes_price_dollars", |text| order.yes_price.write_to(text));
        msg.quoted("fill_count_fp", |text| order.filled.write_to(text));
        msg.quoted("remaining_count_fp", |text| order.remaining.write_to(text));
        msg.quoted("initial_count_fp", |text| order.initial.write_to(text));
        msg.quoted("taker_fill_cost_dollars", |text| order.taker_fill_cost.write_to(text));
        msg.quoted("maker_fill_cost_dollars", |text| order.maker_fill_cost.write_to(text));
        msg.quoted("taker_fees_dollars", |text| order.taker_fees.write_to(text));
        msg.quoted("maker_fees_dollars", |text| order.maker_fees.write_to(text));
        msg.text("client_order_id", order.client_order_id);
        msg.optional_text("order_group_id", order.order_group_id);
        let prevention = order.self_trade_prevention.map(|prevention| match prevention {
            SelfTradePrevention::TakerAtCross => "taker_at_cross",
            SelfTradePrevention::Maker => "maker",
        });
        msg.optional_text("self_trade_prevention_type", prevention);
        rfc3339(msg, "created_time", order.created_ts_ms);
        msg.integer("created_ts_ms", order.created_ts_ms);
        if let Some(updated) = order.last_updated_ts_ms {
            rfc3339(msg, "last_update_time", updated);
            msg.integer("last_updated_ts_ms", updated);
        }
        if let Some(expiration) = order.expiration_ts_ms {
            rfc3339(msg, "expiration_time", expiration);
            msg.integer("expiration_ts_ms", expiration);
        }
        msg.optional_text("last_update_reason", order.last_update_reason);
        msg.optional_integer("subaccount_number", order.subaccount_number);
    });
}

pub fn write_market_position(buffer: &mut Vec<u8>, envelope: &Envelope, position: &MarketPositionOut<'_>) {
    data_frame(buffer, "market_position", envelope, |msg| {
        msg.text("user_id", position.user_id);
        msg.text("market_ticker", position.ticker);
        msg.quoted("position_fp", |text| position.position.write_to(text));
        msg.quoted("position_cost_dollars", |text| position.position_cost.write_to(text));
        msg.quoted("realized_pnl_dollars", |text| position.realized_pnl.write_to(text));
        msg.quoted("fees_paid_dollars", |text| position.fees_paid.write_to(text));
        msg.quoted("position_fee_cost_dollars", |text| position.position_fee_cost.write_to(text));
        msg.quoted("volume_fp", |text| position.volume.write_to(text));
        msg.optional_integer("subaccount", position.subaccount);
    });
}

pub fn write_order_group_update(buffer: &mut Vec<u8>, envelope: &Envelope, update: &OrderGroupUpdateOut) {
    data_frame(buffer, "order_group_updates", envelope, |msg| {
        msg.text("event_type", update.event);
        msg.quoted("order_group_id", |text| update.group.write_to(text));
        if let Some(limit) = update.contracts_limit {
            msg.quoted("contracts_limit_fp", |text| limit.write_to(text));
        }
        msg.integer("ts_ms", update.ts_ms);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::BookLevels;
    use crate::wire::frame::{self, Fill, MarketPosition, Message, UserOrder};

    const ID: &str = "00000000-0000-0000-0000-000000000007";
    const ENVELOPE: Envelope = Envelope { sid: Some(3), seq: None, id: None, sending_ts_ms: None };

    fn read(bytes: &[u8]) -> Message<'_> {
        let frame = frame::parse(bytes, &mut BookLevels::default()).unwrap();
        assert_eq!(frame.envelope, ENVELOPE);
        frame.message
    }

    #[test]
    fn a_written_fill_is_read_with_the_same_values() {
        for client_order_id in [None, Some("kact-0000000000000001-00000001")] {
            let fill = FillOut {
                trade: TradeId::from_bits(7),
                order: OrderId::from_bits(7),
                client_order_id,
                ticker: "KXTEST-A",
                exchange_index: 2,
                is_taker: true,
                side: BookSide::Ask,
                yes_price: Price::parse("0.1600").unwrap(),
                count: Count::parse("1.16").unwrap(),
                fee_cost: Money::parse("0.011000").unwrap(),
                ts_ms: 1_782_873_396_915,
                post_position: Count::parse("-4.36").unwrap(),
                subaccount: Some(0),
            };
            let mut buffer = Vec::new();
            write_fill(&mut buffer, &ENVELOPE, &fill);
            let expected = Fill {
                trade_id: ID,
                order_id: ID,
                client_order_id,
                ticker: "KXTEST-A",
                is_taker: true,
                book_side: BookSide::Ask,
                yes_price: fill.yes_price,
                count: fill.count,
                fee_cost: fill.fee_cost,
                post_position: Some(fill.post_position),
                ts_ms: Some(fill.ts_ms),
            };
            assert_eq!(read(&buffer), Message::Fill(expected));
        }
    }

    #[test]
    fn a_written_order_is_read_with_the_same_values() {
        let mut order = UserOrderOut {
            order: OrderId::from_bits(7),
            user_id: "u",
            ticker: "KXTEST-A",
            exchange_index: 0,
            status: OrderStatus::Resting,
            side: BookSide::Bid,
            yes_price: Price::parse("0.4100").unwrap(),
            filled: Count::ZERO,
            remaining: Count::from_contracts(10),
            initial: Count::from_contracts(10),
            taker_fill_cost: Money::ZERO,
            maker_fill_cost: Money::ZERO,
            taker_fees: Money::ZERO,
            maker_fees: Money::ZERO,
            client_order_id: "c-1",
            order_group_id: None,
            self_trade_prevention: Some(SelfTradePrevention::TakerAtCross),
            created_ts_ms: 5,
            last_updated_ts_ms: None,
            expiration_ts_ms: Some(60_000),
            last_update_reason: None,
            subaccount_number: Some(0),
        };
        let mut expected = UserOrder {
            order_id: ID,
            client_order_id: "c-1",
            ticker: "KXTEST-A",
            status: Some(OrderStatus::Resting),
            book_side: BookSide::Bid,
            yes_price: order.yes_price,
            filled: order.filled,
            remaining: order.remaining,
            initial: Some(order.initial),
            reason: None,
            expires_ms: Some(60_000),
            ts_ms: 5,
        };
        let mut buffer = Vec::new();
        write_user_order(&mut buffer, &ENVELOPE, &order);
        assert_eq!(read(&buffer), Message::UserOrder(expected));

        order.status = OrderStatus::Canceled;
        order.last_updated_ts_ms = Some(9);
        order.last_update_reason = Some("ExpiryCancel");
        (expected.status, expected.ts_ms, expected.reason) = (Some(OrderStatus::Canceled), 9, Some("ExpiryCancel"));
        buffer.clear();
        write_user_order(&mut buffer, &ENVELOPE, &order);
        assert_eq!(read(&buffer), Message::UserOrder(expected));
    }

    #[test]
    fn a_written_position_is_read_with_the_same_values() {
        let position = MarketPositionOut {
            user_id: "u",
            ticker: "KXTEST-A",
            position: Count::parse("-3.50").unwrap(),
            position_cost: Money::from_micros(1_750_000),
            realized_pnl: Money::from_micros(-20),
            fees_paid: Money::from_micros(17_500),
            position_fee_cost: Money::ZERO,
            volume: Count::from_contracts(15),
            subaccount: None,
        };
        let mut buffer = Vec::new();
        write_market_position(&mut buffer, &ENVELOPE, &position);
        let expected = MarketPosition { ticker: "KXTEST-A", position: position.position };
        assert_eq!(read(&buffer), Message::MarketPosition(expected));
        let frame: serde_json::Value = serde_json::from_slice(&buffer).unwrap();
        let written =
            ["position_cost_dollars", "realized_pnl_dollars", "fees_paid_dollars"].map(|key| &frame["msg"][key]);
        assert_eq!(written, ["1.750000", "-0.000020", "0.017500"]);
    }
}
