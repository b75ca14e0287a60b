//! Writers of life-cycle frames and of the replies to commands.

use super::data_frame;
use crate::market::{FeeSchedule, Outcome, Price};
use crate::wire::fees::multiplier;
use crate::wire::frame::Envelope;
use crate::wire::json::{Object, write_array, write_text};
use crate::wire::markets::{PriceRange, fee_type_name};

/// The content of a `created` event. Times are in Unix seconds.
#[derive(Clone, Copy, Debug)]
pub struct CreatedMarket<'a> {
    pub exchange_index: u8,
    pub open_ts: i64,
    pub close_ts: i64,
    pub event_ticker: &'a str,
    pub title: &'a str,
    /// The name of the price structure.
    pub price_level_structure: &'a str,
    /// The bands of the tick grid.
    pub price_ranges: &'a [PriceRange],
}

/// The content of an `event_lifecycle`. Events of the embedded exchange never net collateral across their markets.
#[derive(Clone, Copy, Debug)]
pub struct CreatedEvent<'a> {
    pub event_ticker: &'a str,
    pub exchange_index: u8,
    pub title: &'a str,
    pub series_ticker: &'a str,
}

pub fn write_event_lifecycle(buffer: &mut Vec<u8>, envelope: &Envelope, event: &CreatedEvent<'_>) {
    data_frame(buffer, "event_lifecycle", envelope, |msg| {
        msg.text("event_ticker", event.event_ticker);
        msg.integer("exchange_index", event.exchange_index);
        msg.text("title", event.title);
        msg.text("subtitle", "");
        msg.text("collateral_return_type", "");
        msg.text("series_ticker", event.series_ticker);
    });
}

/// Appends an `event_fee_update`: the override of an event's fees from now on, or its end if `schedule` is `None`.
pub fn write_event_fee_update(
    buffer: &mut Vec<u8>,
    envelope: &Envelope,
    event_ticker: &str,
    schedule: Option<FeeSchedule>,
) {
    data_frame(buffer, "event_fee_update", envelope, |msg| {
        msg.text("event_ticker", event_ticker);
        if let Some(schedule) = schedule {
            msg.text("fee_type_override", fee_type_name(schedule.fee_type()));
            let number = multiplier(schedule).to_string();
            msg.value("fee_multiplier_override").extend_from_slice(number.as_bytes());
        } else {
            msg.value("fee_type_override").extend_from_slice(b"null");
            msg.value("fee_multiplier_override").extend_from_slice(b"null");
        }
    });
}

/// An event of `market_lifecycle_v2`. Times are in Unix seconds.
#[derive(Clone, Copy, Debug)]
pub enum LifecycleOut<'a> {
    /// It was listed.
    Created(CreatedMarket<'a>),
    /// It was reactivated.
    Activated,
    Deactivated,
    /// Its close was moved.
    CloseDateUpdated {
        close_ts: i64,
    },
    /// Its result is known.
    Determined {
        determination_ts: i64,
        /// The winning outcome; `None` for a scalar result.
        result: Option<Outcome>,
        /// The payout of a YES contract.
        settlement_value: Price,
    },
    /// It was paid.
    Settled {
        settled_ts: i64,
    },
    /// Its tick grid changed.
    #[cfg_attr(
        not(feature = "internals"),
        expect(dead_code, reason = "the embedded exchange never changes a grid; only tests write this")
    )]
    PriceLevelStructureUpdated {
        price_level_structure: &'a str,
        price_ranges: &'a [PriceRange],
    },
}

pub fn write_lifecycle(buffer: &mut Vec<u8>, envelope: &Envelope, ticker: &str, event: &LifecycleOut<'_>) {
    data_frame(buffer, "market_lifecycle_v2", envelope, |msg| {
        msg.text("market_ticker", ticker);
        match event {
            LifecycleOut::Created(market) => {
                msg.integer("exchange_index", market.exchange_index);
                msg.integer("open_ts", market.open_ts);
                msg.integer("close_ts", market.close_ts);
                write_metadata(msg, market);
                msg.text("event_type", "created");
                write_structure(msg, market.price_level_structure, market.price_ranges);
            }
            LifecycleOut::Activated | LifecycleOut::Deactivated => {
                let deactivated = matches!(event, LifecycleOut::Deactivated);
                msg.boolean("is_deactivated", deactivated);
                msg.text("event_type", if deactivated { "deactivated" } else { "activated" });
            }
            LifecycleOut::CloseDateUpdated { close_ts } => {
                msg.integer("close_ts", *close_ts);
                msg.text("event_type", "close_date_updated");
            }
            LifecycleOut::Determined { determination_ts, result, settlement_value } => {
                msg.integer("determination_ts", *determination_ts);
                msg.text("result", result.map_or("scalar", Outcome::as_str));
                msg.quoted("settlement_value", |text| settlement_value.write_to(text));
                msg.text("event_type", "determined");
            }
            LifecycleOut::Settled { settled_ts } => {
                msg.integer("settled_ts", *settled_ts);
                msg.text("event_type", "settled");
            }
            LifecycleOut::PriceLevelStructureUpdated { price_level_structure, price_ranges } => {
                msg.text("event_type", "price_level_structure_updated");
                write_structure(msg, price_level_structure, price_ranges);
            }
        }
    });
}

/// A market of the embedded exchange uses one name for everything, has no rules, and expires when it closes.
fn write_metadata(msg: &mut Object<'_>, market: &CreatedMarket<'_>) {
    let mut metadata = msg.object("additional_metadata");
    for key in ["name", "title", "yes_sub_title", "no_sub_title"] {
        metadata.text(key, market.title);
    }
    for key in ["rules_primary", "rules_secondary"] {
        metadata.text(key, "");
    }
    metadata.boolean("can_close_early", false);
    metadata.text("event_ticker", market.event_ticker);
    metadata.integer("expected_expiration_ts", market.close_ts);
    metadata.end();
}

fn write_structure(msg: &mut Object<'_>, name: &str, ranges: &[PriceRange]) {
    msg.text("price_level_structure", name);
    write_array(msg.value("price_ranges"), ranges, |buffer, range| {
        let mut object = Object::begin(buffer);
        object.quoted("start", |text| range.start.write_to(text));
        object.quoted("end", |text| range.end.write_to(text));
        object.quoted("step", |text| range.step.write_to(text));
        object.end();
    });
}

/// Begins a reply to a command: the keys of the envelope, and the type.
fn answer<'b>(buffer: &'b mut Vec<u8>, kind: &str, envelope: &Envelope) -> Object<'b> {
    let mut frame = Object::begin(buffer);
    frame.optional_integer("id", envelope.id);
    frame.optional_integer("sid", envelope.sid);
    frame.optional_integer("seq", envelope.seq);
    frame.text("type", kind);
    frame.optional_integer("sending_ts_ms", envelope.sending_ts_ms);
    frame
}

/// Appends a `subscribed`: `sid` of `channel` was opened. The sid is part of the message, so the envelope has none.
pub fn write_subscribed(buffer: &mut Vec<u8>, envelope: &Envelope, channel: &str, sid: u64) {
    let mut frame = answer(buffer, "subscribed", envelope);
    let mut msg = frame.object("msg");
    msg.text("channel", channel);
    msg.integer("sid", sid);
    msg.end();
    frame.end();
}

/// Appends an `unsubscribed`: the subscription in the envelope ended.
pub fn write_unsubscribed(buffer: &mut Vec<u8>, envelope: &Envelope) {
    answer(buffer, "unsubscribed", envelope).end();
}

/// Appends an `ok` with the subscription's full lists. `None` leaves a list out; under `skip_ticker_ack` both are `None`.
pub fn write_ok<'a>(
    buffer: &mut Vec<u8>,
    envelope: &Envelope,
    market_tickers: Option<impl IntoIterator<Item = &'a str>>,
    market_ids: Option<impl IntoIterator<Item = &'a str>>,
) {
    let mut frame = answer(buffer, "ok", envelope);
    let mut msg = frame.object("msg");
    if let Some(tickers) = market_tickers {
        write_array(msg.value("market_tickers"), tickers, write_text);
    }
    if let Some(ids) = market_ids {
        write_array(msg.value("market_ids"), ids, write_text);
    }
    msg.end();
    frame.end();
}

/// Appends the `ok` that answers `list_subscriptions`: channels and their sids.
pub fn write_ok_list<'a>(
    buffer: &mut Vec<u8>,
    envelope: &Envelope,
    subscriptions: impl IntoIterator<Item = (&'a str, u64)>,
) {
    let mut frame = answer(buffer, "ok", envelope);
    write_array(frame.value("msg"), subscriptions, |buffer, (channel, sid)| {
        let mut item = Object::begin(buffer);
        item.text("channel", channel);
        item.integer("sid", sid);
        item.end();
    });
    frame.end();
}

/// Appends an `error`, with the market it concerns where the exchange names it.
pub fn write_error(buffer: &mut Vec<u8>, envelope: &Envelope, code: i64, text: &str, market_ticker: Option<&str>) {
    let mut frame = answer(buffer, "error", envelope);
    let mut msg = frame.object("msg");
    msg.integer("code", code);
    msg.text("msg", text);
    msg.optional_text("market_ticker", market_ticker);
    msg.end();
    frame.end();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::BookLevels;
    use crate::wire::frame::{self, EventFees, Frame, Lifecycle, LifecycleEvent, Message};

    const NONE: Option<[&str; 0]> = None;

    fn read(bytes: &[u8]) -> Frame<'_> {
        frame::parse(bytes, &mut BookLevels::default()).unwrap()
    }

    #[test]
    fn every_written_life_cycle_event_is_read_as_the_same() {
        let ranges = [PriceRange { start: Price::ZERO, end: Price::ONE, step: Price::from_cents(1) }];
        let created = CreatedMarket {
            exchange_index: 1,
            open_ts: 10,
            close_ts: 20,
            event_ticker: "KXTEST",
            title: "a \"title\"",
            price_level_structure: "linear_cent",
            price_ranges: &ranges,
        };
        let updated =
            LifecycleOut::PriceLevelStructureUpdated { price_level_structure: "linear_cent", price_ranges: &ranges };
        let determined =
            LifecycleOut::Determined { determination_ts: 30, result: Some(Outcome::Yes), settlement_value: Price::ONE };
        for (written, expected) in [
            (LifecycleOut::Created(created), LifecycleEvent::Created { open_ts: 10, close_ts: 20 }),
            (LifecycleOut::Activated, LifecycleEvent::Activated),
            (LifecycleOut::Deactivated, LifecycleEvent::Deactivated),
            (LifecycleOut::CloseDateUpdated { close_ts: 25 }, LifecycleEvent::CloseDateUpdated { close_ts: 25 }),
            (determined, LifecycleEvent::Determined { settlement_value: Price::ONE }),
            (LifecycleOut::Settled { settled_ts: 40 }, LifecycleEvent::Settled),
            (updated, LifecycleEvent::PriceLevelStructureUpdated { price_ranges: ranges.to_vec() }),
        ] {
            let envelope = Envelope { sid: Some(5), seq: Some(1), id: None, sending_ts_ms: Some(1) };
            let mut buffer = Vec::new();
            write_lifecycle(&mut buffer, &envelope, "KXTEST-A", &written);
            let message = Message::Lifecycle(Lifecycle { ticker: "KXTEST-A", event: expected });
            assert_eq!(read(&buffer), Frame { envelope, message });
        }
    }

    #[test]
    fn a_written_fee_update_is_read_as_the_same() {
        let half = FeeSchedule { taker_multiplier_e4: 5_000, maker_multiplier_e4: 10_000 };
        for schedule in [None, Some(half), Some(FeeSchedule::FREE), Some(FeeSchedule::QUADRATIC)] {
            let envelope = Envelope { sid: Some(5), seq: Some(1), id: None, sending_ts_ms: Some(1) };
            let mut buffer = Vec::new();
            write_event_fee_update(&mut buffer, &envelope, "KXTEST-1", schedule);
            let message = Message::EventFees(EventFees { event_ticker: "KXTEST-1", schedule: schedule.map(Ok) });
            assert_eq!(read(&buffer), Frame { envelope, message });
        }
    }

    #[test]
    fn every_written_reply_parses_as_the_same() {
        let envelope = Envelope { sid: Some(1), seq: Some(250), id: Some(4), sending_ts_ms: Some(1) };
        let of_command = Envelope { sid: None, seq: None, ..envelope };
        let mut buffer = Vec::new();
        let check = |buffer: &mut Vec<u8>, envelope, message| {
            assert_eq!(read(buffer), Frame { envelope, message });
            buffer.clear();
        };
        write_subscribed(&mut buffer, &of_command, "fill", 2);
        check(&mut buffer, of_command, Message::Subscribed { channel: "fill", sid: 2 });
        write_unsubscribed(&mut buffer, &envelope);
        check(&mut buffer, envelope, Message::Unsubscribed);
        write_ok(&mut buffer, &envelope, Some(["A", "B"]), Some(["1", "2"]));
        check(&mut buffer, envelope, Message::Ok);
        write_ok(&mut buffer, &envelope, NONE, NONE);
        check(&mut buffer, envelope, Message::Ok);
        write_ok_list(&mut buffer, &of_command, [("ticker", 2), ("fill", 3)]);
        check(&mut buffer, of_command, Message::Ok);
        write_error(&mut buffer, &envelope, 14, "Market Ticker required", Some("A"));
        check(&mut buffer, envelope, Message::Error { code: 14, text: "Market Ticker required" });
    }
}
