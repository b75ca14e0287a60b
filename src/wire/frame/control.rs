//! Parsers of the market life cycle and of the replies to commands, for any key order.

use super::{EventFees, Lifecycle, LifecycleEvent, Message};
use crate::market::Price;
use crate::wire::markets::PriceRange;
use crate::wire::scan::{RawText, Scanner};
use crate::wire::{WireError, fees};

pub(super) fn subscribed(mut scanner: Scanner<'_>) -> Result<Message<'_>, WireError> {
    let (mut channel, mut sid) = (None, None);
    scanner.object(|scanner, key| {
        match key {
            "channel" => channel = scanner.identifier("channel")?,
            "sid" => sid = scanner.integer("sid")?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(Message::Subscribed { channel: scanner.required(channel, "channel")?, sid: scanner.required(sid, "sid")? })
}

pub(super) fn error(mut scanner: Scanner<'_>) -> Result<Message<'_>, WireError> {
    let (mut code, mut text) = (None, None);
    scanner.object(|scanner, key| {
        match key {
            "code" => code = scanner.lenient(|scanner| scanner.integer("code"))?,
            "msg" => text = scanner.lenient(|scanner| scanner.string("msg"))?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    Ok(Message::Error { code: code.unwrap_or(0), text: text.map_or("", RawText::as_sent) })
}

pub(super) fn lifecycle(mut scanner: Scanner<'_>) -> Result<Lifecycle<'_>, WireError> {
    let (mut ticker, mut event_type, mut open_ts, mut close_ts) = (None, None, None, None);
    let (mut settlement_value, mut result, mut price_ranges) = (None, None, None);
    scanner.object(|scanner, key| {
        match key {
            "market_ticker" => ticker = scanner.identifier("market_ticker")?,
            "event_type" => event_type = scanner.string("event_type")?,
            "open_ts" => open_ts = scanner.lenient(|scanner| scanner.integer("open_ts"))?,
            "close_ts" => close_ts = scanner.lenient(|scanner| scanner.integer("close_ts"))?,
            "settlement_value" => {
                settlement_value =
                    scanner.lenient(|scanner| scanner.decimal("settlement_value", Price::parse_bytes))?;
            }
            "result" => result = scanner.lenient(|scanner| scanner.string("result"))?,
            "price_ranges" => price_ranges = scanner.lenient(ranges)?,
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    let event = match &*scanner.required(event_type, "event_type")?.decoded() {
        "created" => LifecycleEvent::Created {
            open_ts: scanner.required(open_ts, "open_ts")?,
            close_ts: scanner.required(close_ts, "close_ts")?,
        },
        "activated" => LifecycleEvent::Activated,
        "deactivated" => LifecycleEvent::Deactivated,
        "close_date_updated" => LifecycleEvent::CloseDateUpdated { close_ts: scanner.required(close_ts, "close_ts")? },
        "determined" => {
            // The value is optional in the spec; a plain result implies it.
            let implied = match result.map(RawText::decoded).as_deref() {
                Some("yes") => Some(Price::ONE),
                Some("no") => Some(Price::ZERO),
                _ => None,
            };
            let settlement_value = scanner.required(settlement_value.or(implied), "settlement_value")?;
            LifecycleEvent::Determined { settlement_value }
        }
        "settled" => LifecycleEvent::Settled,
        "price_level_structure_updated" => {
            LifecycleEvent::PriceLevelStructureUpdated { price_ranges: scanner.required(price_ranges, "price_ranges")? }
        }
        _ => LifecycleEvent::Other,
    };
    Ok(Lifecycle { ticker: scanner.required(ticker, "market_ticker")?, event })
}

pub(super) fn event_fees(mut scanner: Scanner<'_>) -> Result<EventFees<'_>, WireError> {
    let (mut event_ticker, mut fee_type, mut multiplier) = (None, None, None);
    scanner.object(|scanner, key| {
        match key {
            "event_ticker" => event_ticker = scanner.identifier("event_ticker")?,
            "fee_type_override" => fee_type = scanner.string("fee_type_override")?,
            "fee_multiplier_override" => multiplier = Some(scanner.raw_value()?).filter(|text| *text != "null"),
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    let schedule = match (fee_type, multiplier) {
        (None, None) => None,
        (fee_type, multiplier) => {
            let fee_type = scanner.required(fee_type, "fee_type_override")?.decoded();
            Some(fees::schedule(&fee_type, scanner.required(multiplier, "fee_multiplier_override")?))
        }
    };
    Ok(EventFees { event_ticker: scanner.required(event_ticker, "event_ticker")?, schedule })
}

fn ranges(scanner: &mut Scanner<'_>) -> Result<Option<Vec<PriceRange>>, WireError> {
    if scanner.null() {
        return Ok(None);
    }
    let mut ranges = Vec::new();
    scanner.array(|scanner| {
        let (mut start, mut end, mut step) = (None, None, None);
        scanner.object(|scanner, key| {
            match key {
                "start" => start = scanner.decimal("start", Price::parse_bytes)?,
                "end" => end = scanner.decimal("end", Price::parse_bytes)?,
                "step" => step = scanner.decimal("step", Price::parse_bytes)?,
                _ => scanner.skip()?,
            }
            Ok(())
        })?;
        ranges.push(PriceRange {
            start: scanner.required(start, "start")?,
            end: scanner.required(end, "end")?,
            step: scanner.required(step, "step")?,
        });
        Ok(())
    })?;
    Ok(Some(ranges))
}
