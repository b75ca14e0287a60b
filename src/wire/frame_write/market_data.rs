//! Writers of the public order book, trade and ticker channels' frames.

use super::{data_frame, rfc3339};
use crate::market::{BookLevels, Count, Outcome, Price, TradeId};
use crate::wire::frame::Envelope;
use crate::wire::json::{Object, write_array};

/// `orderbook_snapshot`.
#[derive(Clone, Copy, Debug)]
pub struct SnapshotOut<'a> {
    pub ticker: &'a str,
    /// The market's id, a UUID.
    pub market_id: &'a str,
    /// The newest exchange clock included.
    pub clock: u64,
    /// The book. A side without levels gets no key.
    pub levels: &'a BookLevels,
}

/// `orderbook_delta`.
#[derive(Clone, Copy, Debug)]
pub struct DeltaOut<'a> {
    pub ticker: &'a str,
    /// The market's id, a UUID.
    pub market_id: &'a str,
    pub clock: u64,
    /// The level's price, on the outcome's own scale.
    pub price: Price,
    /// The change of the level's size.
    pub change: Count,
    /// The outcome that the level bids for.
    pub side: Outcome,
    /// The client order id of the order that caused the change; only for its owner's connections.
    pub client_order_id: Option<&'a str>,
    /// The exchange's time.
    pub ts_ms: i64,
    /// The owner's subaccount; only for its owner's connections.
    pub subaccount: Option<u32>,
}

/// `trade`.
#[derive(Clone, Copy, Debug)]
pub struct TradeOut<'a> {
    pub trade: TradeId,
    pub ticker: &'a str,
    pub yes_price: Price,
    pub count: Count,
    /// The outcome that the taker bought.
    pub taker: Outcome,
    pub is_block_trade: bool,
    /// The exchange's time.
    pub ts_ms: i64,
}

/// `ticker`.
#[derive(Clone, Copy, Debug)]
pub struct TickerOut<'a> {
    pub ticker: &'a str,
    /// The market's id, a UUID.
    pub market_id: &'a str,
    /// The last traded YES price.
    pub price: Price,
    /// The best YES bid, or 0 if there is none.
    pub yes_bid: Price,
    /// The best YES ask, or 1 if there is none.
    pub yes_ask: Price,
    /// Contracts traded.
    pub volume: Count,
    /// Contracts outstanding.
    pub open_interest: Count,
    /// Whole dollars traded.
    pub dollar_volume: i64,
    /// Whole dollars outstanding.
    pub dollar_open_interest: i64,
    /// The size of the best bid.
    pub yes_bid_size: Count,
    /// The size of the best ask.
    pub yes_ask_size: Count,
    pub last_trade_size: Count,
    /// The exchange's time.
    pub ts_ms: i64,
}

pub fn write_snapshot(buffer: &mut Vec<u8>, envelope: &Envelope, snapshot: &SnapshotOut<'_>) {
    data_frame(buffer, "orderbook_snapshot", envelope, |msg| {
        msg.text("market_ticker", snapshot.ticker);
        msg.text("market_id", snapshot.market_id);
        msg.integer("clock", snapshot.clock);
        write_side(msg, "yes_dollars_fp", &snapshot.levels.yes);
        write_side(msg, "no_dollars_fp", &snapshot.levels.no);
    });
}

fn write_side(msg: &mut Object<'_>, key: &str, levels: &[(Price, Count)]) {
    if levels.is_empty() {
        return;
    }
    write_array(msg.value(key), levels, |buffer, &(price, count)| {
        buffer.extend_from_slice(b"[\"");
        price.write_to(buffer);
        buffer.extend_from_slice(b"\",\"");
        count.write_to(buffer);
        buffer.extend_from_slice(b"\"]");
    });
}

pub fn write_delta(buffer: &mut Vec<u8>, envelope: &Envelope, delta: &DeltaOut<'_>) {
    data_frame(buffer, "orderbook_delta", envelope, |msg| {
        msg.text("market_ticker", delta.ticker);
        msg.text("market_id", delta.market_id);
        msg.integer("clock", delta.clock);
        msg.quoted("price_dollars", |text| delta.price.write_to(text));
        msg.quoted("delta_fp", |text| delta.change.write_to(text));
        msg.text("side", delta.side.as_str());
        msg.optional_text("client_order_id", delta.client_order_id);
        rfc3339(msg, "ts", delta.ts_ms);
        msg.integer("ts_ms", delta.ts_ms);
        msg.optional_integer("subaccount", delta.subaccount);
    });
}

pub fn write_trade(buffer: &mut Vec<u8>, envelope: &Envelope, trade: &TradeOut<'_>) {
    data_frame(buffer, "trade", envelope, |msg| {
        msg.quoted("trade_id", |text| trade.trade.write_to(text));
        msg.text("market_ticker", trade.ticker);
        msg.quoted("yes_price_dollars", |text| trade.yes_price.write_to(text));
        msg.quoted("no_price_dollars", |text| trade.yes_price.complement().write_to(text));
        msg.quoted("count_fp", |text| trade.count.write_to(text));
        msg.text("taker_side", trade.taker.as_str());
        msg.text("taker_outcome_side", trade.taker.as_str());
        msg.text("taker_book_side", trade.taker.book_side().as_str());
        msg.boolean("is_block_trade", trade.is_block_trade);
        msg.integer("ts", trade.ts_ms.div_euclid(1_000));
        msg.integer("ts_ms", trade.ts_ms);
    });
}

pub fn write_ticker(buffer: &mut Vec<u8>, envelope: &Envelope, ticker: &TickerOut<'_>) {
    data_frame(buffer, "ticker", envelope, |msg| {
        msg.text("market_id", ticker.market_id);
        msg.text("market_ticker", ticker.ticker);
        msg.quoted("price_dollars", |text| ticker.price.write_to(text));
        msg.quoted("yes_bid_dollars", |text| ticker.yes_bid.write_to(text));
        msg.quoted("yes_ask_dollars", |text| ticker.yes_ask.write_to(text));
        msg.quoted("volume_fp", |text| ticker.volume.write_to(text));
        msg.quoted("open_interest_fp", |text| ticker.open_interest.write_to(text));
        msg.integer("dollar_volume", ticker.dollar_volume);
        msg.integer("dollar_open_interest", ticker.dollar_open_interest);
        msg.quoted("yes_bid_size_fp", |text| ticker.yes_bid_size.write_to(text));
        msg.quoted("yes_ask_size_fp", |text| ticker.yes_ask_size.write_to(text));
        msg.quoted("last_trade_size_fp", |text| ticker.last_trade_size.write_to(text));
        msg.integer("ts", ticker.ts_ms.div_euclid(1_000));
        msg.integer("ts_ms", ticker.ts_ms);
        rfc3339(msg, "time", ticker.ts_ms);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{self, Delta, Frame, Message, Snapshot, Trade};

    const TICKER: &str = "KXHIGHNY-26NOV21-T60";
    const MARKET_ID: &str = "9b0f6b43-5b68-4f9f-9f02-9a2d1b8ac1a1";

    fn envelope() -> Envelope {
        Envelope { sid: Some(2), seq: Some(77), id: None, sending_ts_ms: Some(1_795_233_600_123) }
    }

    fn read<'a>(bytes: &'a [u8], levels: &mut BookLevels) -> Message<'a> {
        let Frame { envelope: found, message } = frame::parse(bytes, levels).unwrap();
        assert_eq!(found, envelope());
        message
    }

    #[test]
    fn a_written_delta_is_read_with_the_same_values() {
        for (client_order_id, subaccount) in [(None, None), (Some("a\"b"), Some(0))] {
            let delta = DeltaOut {
                ticker: TICKER,
                market_id: MARKET_ID,
                clock: 41,
                price: Price::parse("0.9605").unwrap(),
                change: Count::parse("-54.07").unwrap(),
                side: Outcome::No,
                client_order_id,
                ts_ms: 1_795_233_600_007,
                subaccount,
            };
            let mut buffer = Vec::new();
            write_delta(&mut buffer, &envelope(), &delta);
            let expected = Delta {
                ticker: TICKER,
                side: Outcome::No,
                price: delta.price,
                change: delta.change,
                ts_ms: Some(1_795_233_600_007),
                clock: 41,
            };
            assert_eq!(read(&buffer, &mut BookLevels::default()), Message::Delta(expected));
            let ts: serde_json::Value = serde_json::from_slice(&buffer).unwrap();
            assert_eq!(ts["msg"]["ts"], "2026-11-21T04:00:00.007Z");
        }
    }

    #[test]
    fn a_written_snapshot_is_read_with_the_same_levels() {
        let level = |price: &str, count: &str| (Price::parse(price).unwrap(), Count::parse(count).unwrap());
        let both = BookLevels {
            yes: vec![level("0.0800", "300.00"), level("0.2200", "0.01")],
            no: vec![level("0.5401", "20.00")],
        };
        for levels in [both, BookLevels::default()] {
            let mut buffer = Vec::new();
            let snapshot = SnapshotOut { ticker: TICKER, market_id: MARKET_ID, clock: 9, levels: &levels };
            write_snapshot(&mut buffer, &envelope(), &snapshot);
            let mut found = BookLevels::with_capacity(4);
            let expected = Message::Snapshot(Snapshot { ticker: TICKER, clock: 9 });
            assert_eq!(read(&buffer, &mut found), expected);
            assert_eq!(found, levels);
        }
    }

    #[test]
    fn a_written_trade_is_read_with_the_same_values() {
        let trade = TradeOut {
            trade: TradeId::from_bits(5),
            ticker: TICKER,
            yes_price: Price::parse("0.3600").unwrap(),
            count: Count::parse("136.00").unwrap(),
            taker: Outcome::No,
            is_block_trade: false,
            ts_ms: 1_795_233_600_007,
        };
        let mut buffer = Vec::new();
        write_trade(&mut buffer, &envelope(), &trade);
        let expected = Trade {
            ticker: TICKER,
            trade_id: "00000000-0000-0000-0000-000000000005",
            yes_price: trade.yes_price,
            count: trade.count,
            taker_outcome: Outcome::No,
            ts_ms: Some(1_795_233_600_007),
        };
        assert_eq!(read(&buffer, &mut BookLevels::default()), Message::Trade(expected));
    }

    #[test]
    fn a_written_ticker_is_json_with_every_documented_key() {
        let ticker = TickerOut {
            ticker: TICKER,
            market_id: MARKET_ID,
            price: Price::from_cents(48),
            yes_bid: Price::from_cents(45),
            yes_ask: Price::from_cents(53),
            volume: Count::from_contracts(33_896),
            open_interest: Count::from_contracts(20_422),
            dollar_volume: 16_948,
            dollar_open_interest: 10_211,
            yes_bid_size: Count::from_contracts(300),
            yes_ask_size: Count::from_contracts(150),
            last_trade_size: Count::from_contracts(25),
            ts_ms: 1_669_149_841_000,
        };
        let mut buffer = Vec::new();
        write_ticker(&mut buffer, &envelope(), &ticker);
        assert_eq!(read(&buffer, &mut BookLevels::default()), Message::Other("ticker"));
        let value: serde_json::Value = serde_json::from_slice(&buffer).unwrap();
        assert_eq!(value["msg"].as_object().unwrap().len(), 15);
        assert_eq!(value["msg"]["time"], "2022-11-22T20:44:01Z");
    }
}
