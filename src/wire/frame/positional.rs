//! The fast path: hot frames in the key order that the exchange documents and sends, byte for byte. For anything else, be it
//! a new key, another order, an escape or an odd number, it returns `None`, and the general parser decides whether the frame
//! is wrong.

use super::market_data::date_ms;
use super::{Delta, Envelope, Fill, Frame, Message, Snapshot, Trade};
use crate::market::{BookLevels, BookSide, Count, DecimalError, Money, Outcome, Price};
use crate::wire::scan::plain_len;

pub(super) fn parse<'a>(bytes: &'a [u8], levels: &mut BookLevels) -> Option<Frame<'a>> {
    let mut cursor = Cursor { rest: bytes };
    cursor.literal(b"{\"type\":\"")?;
    if cursor.optional(b"orderbook_delta\"") {
        cursor.frame(|cursor| cursor.delta().map(Message::Delta))
    } else if cursor.optional(b"trade\"") {
        cursor.frame(|cursor| cursor.trade().map(Message::Trade))
    } else if cursor.optional(b"fill\"") {
        cursor.frame(|cursor| cursor.fill().map(Message::Fill))
    } else if cursor.optional(b"orderbook_snapshot\"") {
        cursor.frame(|cursor| cursor.snapshot(levels).map(Message::Snapshot))
    } else {
        None
    }
}

/// The remaining bytes. Each method consumes what it names, or returns `None`.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// What follows the type: part of the envelope, the message, the rest of the envelope.
    fn frame(&mut self, message: impl FnOnce(&mut Self) -> Option<Message<'a>>) -> Option<Frame<'a>> {
        let mut envelope = Envelope::default();
        if self.optional(b",\"sending_ts_ms\":") {
            envelope.sending_ts_ms = Some(self.integer()?);
        }
        if self.optional(b",\"id\":") {
            envelope.id = Some(self.unsigned()?);
        }
        self.literal(b",\"sid\":")?;
        envelope.sid = Some(self.unsigned()?);
        if self.optional(b",\"seq\":") {
            envelope.seq = Some(self.unsigned()?);
        }
        self.literal(b",\"msg\":{")?;
        let message = message(self)?;
        if self.optional(b",\"sending_ts_ms\":") {
            envelope.sending_ts_ms = Some(self.integer()?);
        }
        (self.rest == b"}").then_some(Frame { envelope, message })
    }

    fn delta(&mut self) -> Option<Delta<'a>> {
        self.literal(b"\"market_ticker\":\"")?;
        let ticker = self.text()?;
        self.literal(b",\"market_id\":\"")?;
        self.skip_text()?;
        let clock = if self.optional(b",\"clock\":") { self.unsigned()? } else { 0 };
        self.literal(b",\"price_dollars\":\"")?;
        let price = self.price()?;
        self.literal(b",\"delta_fp\":\"")?;
        let change = self.count()?;
        self.literal(b",\"side\":\"")?;
        let side = self.outcome()?;
        if self.optional(b",\"client_order_id\":\"") {
            self.skip_text()?;
        }
        let mut date = None;
        if self.optional(b",\"ts\":\"") {
            date = Some(Self { rest: self.rest });
            self.skip_text()?;
        }
        let mut ts_ms = None;
        self.ts_ms(&mut ts_ms)?;
        if ts_ms.is_none()
            && let Some(mut date) = date
        {
            ts_ms = date_ms(date.text()?);
        }
        if self.optional(b",\"subaccount\":") {
            self.unsigned()?;
        }
        self.literal(b"}")?;
        Some(Delta { ticker, side, price, change, ts_ms, clock })
    }

    fn trade(&mut self) -> Option<Trade<'a>> {
        self.literal(b"\"trade_id\":\"")?;
        let trade_id = self.text()?;
        self.literal(b",\"market_ticker\":\"")?;
        let ticker = self.text()?;
        self.literal(b",\"yes_price_dollars\":\"")?;
        let yes_price = self.price()?;
        self.literal(b",\"no_price_dollars\":\"")?;
        self.skip_text()?;
        self.literal(b",\"count_fp\":\"")?;
        let count = self.count()?;
        self.literal(b",\"taker_side\":\"")?;
        let mut taker_outcome = self.outcome()?;
        if self.optional(b",\"taker_outcome_side\":\"") {
            taker_outcome = self.outcome()?;
        }
        if self.optional(b",\"taker_book_side\":\"") {
            self.skip_text()?;
        }
        if self.optional(b",\"is_block_trade\":") {
            self.boolean()?;
        }
        if self.optional(b",\"ts\":") {
            self.unsigned()?;
        }
        let mut ts_ms = None;
        self.ts_ms(&mut ts_ms)?;
        self.literal(b"}")?;
        Some(Trade { ticker, trade_id, yes_price, count, taker_outcome, ts_ms })
    }

    fn fill(&mut self) -> Option<Fill<'a>> {
        self.literal(b"\"trade_id\":\"")?;
        let trade_id = self.text()?;
        self.literal(b",\"order_id\":\"")?;
        let order_id = self.text()?;
        let client_order_id = if self.optional(b",\"client_order_id\":\"") { Some(self.text()?) } else { None };
        self.literal(b",\"market_ticker\":\"")?;
        let ticker = self.text()?;
        if self.optional(b",\"exchange_index\":") {
            self.unsigned()?;
        }
        self.literal(b",\"is_taker\":")?;
        let is_taker = self.boolean()?;
        self.literal(b",\"side\":\"")?;
        self.skip_text()?;
        // In captured frames the times are here, in documented ones after `action`.
        let mut ts_ms = None;
        self.fill_times(&mut ts_ms)?;
        self.literal(b",\"yes_price_dollars\":\"")?;
        let yes_price = self.price()?;
        self.literal(b",\"count_fp\":\"")?;
        let count = self.count()?;
        self.literal(b",\"fee_cost\":\"")?;
        let fee_cost = self.decimal(Money::parse_bytes)?;
        let fee_cost = if planted!(FillFeeIgnored) { Money::ZERO } else { fee_cost };
        self.literal(b",\"action\":\"")?;
        self.skip_text()?;
        if ts_ms.is_none() {
            self.fill_times(&mut ts_ms)?;
        }
        self.literal(b",\"post_position_fp\":\"")?;
        let post_position = Some(self.count()?);
        self.literal(b",\"purchased_side\":\"")?;
        self.skip_text()?;
        self.literal(b",\"outcome_side\":\"")?;
        self.outcome()?;
        self.literal(b",\"book_side\":\"")?;
        let book_side = self.book_side()?;
        if self.optional(b",\"subaccount\":") {
            self.unsigned()?;
        }
        self.literal(b"}")?;
        Some(Fill {
            trade_id,
            order_id,
            client_order_id,
            ticker,
            is_taker,
            book_side,
            yes_price,
            count,
            fee_cost,
            post_position,
            ts_ms,
        })
    }

    fn fill_times(&mut self, ts_ms: &mut Option<i64>) -> Option<()> {
        if self.optional(b",\"ts\":") {
            self.unsigned()?;
        }
        self.ts_ms(ts_ms)
    }

    fn snapshot(&mut self, levels: &mut BookLevels) -> Option<Snapshot<'a>> {
        levels.clear();
        self.literal(b"\"market_ticker\":\"")?;
        let ticker = self.text()?;
        self.literal(b",\"market_id\":\"")?;
        self.skip_text()?;
        let clock = if self.optional(b",\"clock\":") { self.unsigned()? } else { 0 };
        if self.optional(b",\"yes_dollars_fp\":[") {
            self.levels(&mut levels.yes)?;
        }
        if self.optional(b",\"no_dollars_fp\":[") {
            self.levels(&mut levels.no)?;
        }
        self.literal(b"}")?;
        Some(Snapshot { ticker, clock })
    }

    /// At least one level, and the end of the array.
    fn levels(&mut self, side: &mut Vec<(Price, Count)>) -> Option<()> {
        loop {
            self.literal(b"[\"")?;
            let price = self.price()?;
            self.literal(b",\"")?;
            let count = self.count()?;
            side.push((price, count));
            if !self.optional(b"],") {
                return self.literal(b"]]");
            }
        }
    }

    /// `,"ts_ms":N` or nothing.
    fn ts_ms(&mut self, ts_ms: &mut Option<i64>) -> Option<()> {
        if self.optional(b",\"ts_ms\":") {
            *ts_ms = Some(self.integer()?);
        }
        Some(())
    }

    fn optional<const N: usize>(&mut self, literal: &[u8; N]) -> bool {
        match self.rest.split_first_chunk::<N>() {
            Some((head, rest)) if head == literal => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn literal<const N: usize>(&mut self, literal: &[u8; N]) -> Option<()> {
        self.optional(literal).then_some(())
    }

    /// Printable ASCII without escapes, up to and including the closing quote.
    fn text(&mut self) -> Option<&'a str> {
        let (text, rest) = self.rest.split_at(plain_len(self.rest));
        self.rest = rest.strip_prefix(b"\"")?;
        std::str::from_utf8(text).ok()
    }

    fn skip_text(&mut self) -> Option<()> {
        self.rest = self.rest[plain_len(self.rest)..].strip_prefix(b"\"")?;
        Some(())
    }

    /// Digits without a leading zero, few enough to fit `i64`.
    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0u64;
        let mut length = 0;
        while let Some(digit) = self.rest.get(length).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit <= 9) {
            if length == 18 {
                return None;
            }
            value = value * 10 + u64::from(digit);
            length += 1;
        }
        if length == 0 || (length > 1 && self.rest[0] == b'0') {
            return None;
        }
        self.rest = &self.rest[length..];
        Some(value)
    }

    fn integer(&mut self) -> Option<i64> {
        self.unsigned()?.try_into().ok()
    }

    fn boolean(&mut self) -> Option<bool> {
        if self.optional(b"true") { Some(true) } else { self.literal(b"false").map(|()| false) }
    }

    fn outcome(&mut self) -> Option<Outcome> {
        if self.optional(b"yes\"") { Some(Outcome::Yes) } else { self.literal(b"no\"").map(|()| Outcome::No) }
    }

    fn book_side(&mut self) -> Option<BookSide> {
        if self.optional(b"bid\"") { Some(BookSide::Bid) } else { self.literal(b"ask\"").map(|()| BookSide::Ask) }
    }

    /// A price and its closing quote. Four decimals, as the exchange prints them, take a shortcut.
    fn price(&mut self) -> Option<Price> {
        if let [whole, b'.', tenths, cents, mills, units, b'"', rest @ ..] = self.rest {
            let digits = [whole, tenths, cents, mills, units].map(|byte| u32::from(byte.wrapping_sub(b'0')));
            if digits.iter().all(|&digit| digit <= 9) {
                let value = digits.iter().fold(0, |value, digit| value * 10 + digit);
                let value = if planted!(SubCentDigitsDropped) { value / 100 * 100 } else { value };
                self.rest = rest;
                return Price::from_units(u16::try_from(value).ok()?);
            }
        }
        self.decimal(Price::parse_bytes)
    }

    /// A count and its closing quote. Two decimals, with at most ten digits before them, take a shortcut: such a count can exceed
    /// neither `i64` nor [`Count::LIMIT`].
    fn count(&mut self) -> Option<Count> {
        let negative = self.rest.first() == Some(&b'-');
        let digits = &self.rest[usize::from(negative)..];
        let mut whole = 0i64;
        let mut length = 0;
        while let Some(digit) = digits.get(length).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit <= 9) {
            if length == 10 {
                return self.decimal(Count::parse_bytes);
            }
            whole = whole * 10 + i64::from(digit);
            length += 1;
        }
        if length > 0
            && let [b'.', tenths, hundredths, b'"', rest @ ..] = &digits[length..]
            && tenths.is_ascii_digit()
            && hundredths.is_ascii_digit()
        {
            let units = whole * 100 + i64::from(tenths - b'0') * 10 + i64::from(hundredths - b'0');
            self.rest = rest;
            let negative = negative && !planted!(MinusSignLost);
            return Some(Count::from_units(if negative { -units } else { units }));
        }
        self.decimal(Count::parse_bytes)
    }

    fn decimal<T>(&mut self, parse: impl FnOnce(&[u8]) -> Result<T, DecimalError>) -> Option<T> {
        parse(self.text()?.as_bytes()).ok()
    }
}
