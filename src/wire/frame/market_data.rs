//! Parsers of the public order book and trade channels' messages, for any key order.

use super::{Delta, Snapshot, Trade};
use crate::market::{BookLevels, Count, Outcome, Price};
use crate::wire::WireError;
use crate::wire::scan::Scanner;

pub(super) fn outcome(scanner: &mut Scanner<'_>, field: &'static str) -> Result<Option<Outcome>, WireError> {
    scanner.word(field, "`yes` or `no`", |word| match word {
        "yes" => Some(Outcome::Yes),
        "no" => Some(Outcome::No),
        _ => None,
    })
}

/// An RFC 3339 date, the form of the exchange's time in older frames, in milliseconds; `None` for any other text.
pub(super) fn date_ms(text: &str) -> Option<i64> {
    text.parse().ok().map(jiff::Timestamp::as_millisecond)
}

pub(super) fn delta(mut scanner: Scanner<'_>) -> Result<Delta<'_>, WireError> {
    let (mut ticker, mut side, mut price, mut change, mut clock) = (None, None, None, None, None);
    let (mut ts_ms, mut ts) = (None, None);
    scanner.object(|scanner, key| {
        match key {
            "market_ticker" => ticker = scanner.identifier("market_ticker")?,
            "side" => side = outcome(scanner, "side")?,
            "price_dollars" => price = scanner.decimal("price_dollars", Price::parse_bytes)?,
            "delta_fp" => change = scanner.decimal("delta_fp", Count::parse_bytes)?,
            "ts_ms" => ts_ms = scanner.lenient(|scanner| scanner.integer("ts_ms"))?,
            "ts" => ts = scanner.lenient(|scanner| scanner.string("ts"))?,
            "clock" => clock = scanner.lenient(|scanner| scanner.integer("clock"))?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(Delta {
        ticker: scanner.required(ticker, "market_ticker")?,
        side: scanner.required(side, "side")?,
        price: scanner.required(price, "price_dollars")?,
        change: scanner.required(change, "delta_fp")?,
        ts_ms: ts_ms.or_else(|| date_ms(&ts?.decoded())),
        clock: clock.unwrap_or(0),
    })
}

pub(super) fn trade(mut scanner: Scanner<'_>) -> Result<Trade<'_>, WireError> {
    let (mut ticker, mut trade_id, mut yes_price, mut count, mut ts_ms) = (None, None, None, None, None);
    let (mut taker_outcome, mut taker_side) = (None, None);
    scanner.object(|scanner, key| {
        match key {
            "market_ticker" => ticker = scanner.identifier("market_ticker")?,
            "trade_id" => trade_id = scanner.identifier("trade_id")?,
            "yes_price_dollars" => yes_price = scanner.decimal("yes_price_dollars", Price::parse_bytes)?,
            "count_fp" => count = scanner.decimal("count_fp", Count::parse_bytes)?,
            "taker_outcome_side" => taker_outcome = outcome(scanner, "taker_outcome_side")?,
            "taker_side" => taker_side = outcome(scanner, "taker_side")?,
            "ts_ms" => ts_ms = scanner.lenient(|scanner| scanner.integer("ts_ms"))?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(Trade {
        ticker: scanner.required(ticker, "market_ticker")?,
        trade_id: scanner.required(trade_id, "trade_id")?,
        yes_price: scanner.required(yes_price, "yes_price_dollars")?,
        count: scanner.required(count, "count_fp")?,
        // Frames from before May 2026 only have the older of the two keys.
        taker_outcome: scanner.required(taker_outcome.or(taker_side), "taker_outcome_side")?,
        ts_ms,
    })
}

pub(super) fn snapshot<'a>(mut scanner: Scanner<'a>, levels: &mut BookLevels) -> Result<Snapshot<'a>, WireError> {
    levels.clear();
    let (mut ticker, mut clock) = (None, None);
    scanner.object(|scanner, key| {
        match key {
            "market_ticker" => ticker = scanner.identifier("market_ticker")?,
            "clock" => clock = scanner.lenient(|scanner| scanner.integer("clock"))?,
            "yes_dollars_fp" => side_levels(scanner, "yes_dollars_fp", &mut levels.yes)?,
            "no_dollars_fp" => side_levels(scanner, "no_dollars_fp", &mut levels.no)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(Snapshot { ticker: scanner.required(ticker, "market_ticker")?, clock: clock.unwrap_or(0) })
}

/// One side's `[["price","count"],..]`. If a key occurs several times the last array counts, as for any key.
fn side_levels(
    scanner: &mut Scanner<'_>,
    field: &'static str,
    side: &mut Vec<(Price, Count)>,
) -> Result<(), WireError> {
    side.clear();
    if scanner.null() {
        return Ok(());
    }
    scanner.array(|scanner| {
        scanner.open(b'[', "a level as [\"price\",\"count\"]")?;
        let price = scanner.decimal(field, Price::parse_bytes)?;
        scanner.open(b',', "`,` between a level's price and count")?;
        let count = scanner.decimal(field, Count::parse_bytes)?;
        scanner.open(b']', "`]` after a level's price and count")?;
        let (Some(price), Some(count)) = (price, count) else {
            return Err(scanner.bad_value(field, "expected a price and a count in each level, found null"));
        };
        side.push((price, count));
        Ok(())
    })
}
