//! Both parsers against `serde_json` as the oracle, and against documented and captured frames.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

/// What a frame means according to `serde_json`; an error if it should be rejected.
type Expected<T> = Result<T, ()>;

/// A key's value; `null` counts as absent.
fn get<'v>(object: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    object.get(key).filter(|value| !value.is_null())
}

fn optional<'v, T>(object: &'v Map<String, Value>, key: &str, read: fn(&'v Value) -> Option<T>) -> Expected<Option<T>> {
    get(object, key).map(|value| read(value).ok_or(())).transpose()
}

fn required<'v, T>(object: &'v Map<String, Value>, key: &str, read: fn(&'v Value) -> Option<T>) -> Expected<T> {
    optional(object, key, read)?.ok_or(())
}

/// A value that its reader can do without.
fn lenient<'v, T>(object: &'v Map<String, Value>, key: &str, read: fn(&'v Value) -> Option<T>) -> Option<T> {
    get(object, key).and_then(read)
}

/// A message of a known type that lacks something required; comparisons ignore the reason.
fn unusable<'v>() -> Message<'v> {
    Message::Unusable(WireError::Missing { what: "", field: "" })
}

fn without_reason(frame: Frame<'_>) -> Frame<'_> {
    match frame.message {
        Message::Unusable(_) => Frame { message: unusable(), ..frame },
        _ => frame,
    }
}

fn typed<T: serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

fn levels_of(msg: &Map<String, Value>, key: &str) -> Expected<Vec<(Price, Count)>> {
    let levels = optional(msg, key, Value::as_array)?.map_or(&[][..], |levels| levels);
    levels.iter().map(|level| typed(level).ok_or(())).collect()
}

fn oracle(frame: &Value) -> Expected<(Frame<'_>, BookLevels)> {
    let frame = frame.as_object().ok_or(())?;
    let mut levels = BookLevels::default();
    let envelope = Envelope {
        sid: optional(frame, "sid", Value::as_u64)?,
        seq: optional(frame, "seq", Value::as_u64)?,
        id: optional(frame, "id", Value::as_u64)?,
        sending_ts_ms: lenient(frame, "sending_ts_ms", Value::as_i64),
    };
    let kind = required(frame, "type", Value::as_str)?;
    let msg = || required(frame, "msg", Value::as_object);
    let message = match kind {
        "orderbook_delta" => Message::Delta(oracle_delta(msg()?)?),
        "trade" => msg().and_then(oracle_trade).map_or_else(|()| unusable(), Message::Trade),
        "orderbook_snapshot" => {
            let msg = msg()?;
            levels = BookLevels { yes: levels_of(msg, "yes_dollars_fp")?, no: levels_of(msg, "no_dollars_fp")? };
            Message::Snapshot(Snapshot {
                ticker: required(msg, "market_ticker", Value::as_str)?,
                clock: lenient(msg, "clock", Value::as_u64).unwrap_or(0),
            })
        }
        "fill" => msg().and_then(oracle_fill).map_or_else(|()| unusable(), Message::Fill),
        "user_order" => msg().and_then(oracle_user_order).map_or_else(|()| unusable(), Message::UserOrder),
        "market_position" => msg().and_then(oracle_position).map_or_else(|()| unusable(), Message::MarketPosition),
        "order_group_updates" => msg().and_then(oracle_group).map_or_else(|()| unusable(), Message::OrderGroup),
        other => Message::Other(other),
    };
    Ok((Frame { envelope, message }, levels))
}

fn oracle_position(msg: &Map<String, Value>) -> Expected<MarketPosition<'_>> {
    Ok(MarketPosition {
        ticker: required(msg, "market_ticker", Value::as_str)?,
        position: required(msg, "position_fp", typed)?,
    })
}

fn oracle_group(msg: &Map<String, Value>) -> Expected<OrderGroupUpdate<'_>> {
    Ok(OrderGroupUpdate {
        group: required(msg, "order_group_id", Value::as_str)?,
        event: account::group_event(required(msg, "event_type", Value::as_str)?),
        limit: lenient(msg, "contracts_limit_fp", typed),
    })
}

fn oracle_delta(msg: &Map<String, Value>) -> Expected<Delta<'_>> {
    Ok(Delta {
        ticker: required(msg, "market_ticker", Value::as_str)?,
        side: required(msg, "side", typed)?,
        price: required(msg, "price_dollars", typed)?,
        change: required(msg, "delta_fp", typed)?,
        ts_ms: lenient(msg, "ts_ms", Value::as_i64).or_else(|| {
            let date = get(msg, "ts")?.as_str()?;
            Some(date.parse::<jiff::Timestamp>().ok()?.as_millisecond())
        }),
        clock: lenient(msg, "clock", Value::as_u64).unwrap_or(0),
    })
}

fn oracle_trade(msg: &Map<String, Value>) -> Expected<Trade<'_>> {
    let newer = optional(msg, "taker_outcome_side", typed)?;
    let older = optional(msg, "taker_side", typed)?;
    Ok(Trade {
        ticker: required(msg, "market_ticker", Value::as_str)?,
        trade_id: required(msg, "trade_id", Value::as_str)?,
        yes_price: required(msg, "yes_price_dollars", typed)?,
        count: required(msg, "count_fp", typed)?,
        taker_outcome: newer.or(older).ok_or(())?,
        ts_ms: lenient(msg, "ts_ms", Value::as_i64),
    })
}

fn oracle_side(msg: &Map<String, Value>) -> Expected<BookSide> {
    let side = lenient(msg, "book_side", typed);
    let outcome: Option<Outcome> = lenient(msg, "outcome_side", typed);
    side.or(outcome.map(Outcome::book_side)).ok_or(())
}

fn oracle_fill(msg: &Map<String, Value>) -> Expected<Fill<'_>> {
    Ok(Fill {
        trade_id: required(msg, "trade_id", Value::as_str)?,
        order_id: required(msg, "order_id", Value::as_str)?,
        client_order_id: lenient(msg, "client_order_id", Value::as_str),
        ticker: required(msg, "market_ticker", Value::as_str)?,
        is_taker: required(msg, "is_taker", Value::as_bool)?,
        book_side: oracle_side(msg)?,
        yes_price: required(msg, "yes_price_dollars", typed)?,
        count: required(msg, "count_fp", typed)?,
        fee_cost: required(msg, "fee_cost", typed)?,
        post_position: lenient(msg, "post_position_fp", typed),
        ts_ms: lenient(msg, "ts_ms", Value::as_i64),
    })
}

fn oracle_user_order(msg: &Map<String, Value>) -> Expected<UserOrder<'_>> {
    let updated = lenient(msg, "last_updated_ts_ms", Value::as_i64);
    let created = lenient(msg, "created_ts_ms", Value::as_i64);
    Ok(UserOrder {
        order_id: required(msg, "order_id", Value::as_str)?,
        client_order_id: lenient(msg, "client_order_id", Value::as_str).unwrap_or(""),
        ticker: required(msg, "ticker", Value::as_str)?,
        status: lenient(msg, "status", typed),
        book_side: oracle_side(msg)?,
        yes_price: required(msg, "yes_price_dollars", typed)?,
        filled: required(msg, "fill_count_fp", typed)?,
        remaining: required(msg, "remaining_count_fp", typed)?,
        initial: lenient(msg, "initial_count_fp", typed),
        reason: lenient(msg, "last_update_reason", Value::as_str),
        expires_ms: lenient(msg, "expiration_ts_ms", Value::as_i64),
        ts_ms: updated.or(created).ok_or(())?,
    })
}

const DELTA: &str = r#"{"type":"orderbook_delta","sid":2,"seq":3,"msg":{"market_ticker":"KXTEST-A","market_id":"9b0f6b43-5b68-4f9f-9f02-9a2d1b8ac1a1","clock":4182061,"price_dollars":"0.9600","delta_fp":"-54.00","side":"yes","ts":"2026-11-21T04:00:00.007Z","ts_ms":1795233600007},"sending_ts_ms":1795233600123}"#;
const TRADE: &str = r#"{"type":"trade","sid":11,"seq":2,"msg":{"trade_id":"d91bc706-ee49-470d-82d8-11418bda6fed","market_ticker":"KXTEST-A","yes_price_dollars":"0.3600","no_price_dollars":"0.6400","count_fp":"136.00","taker_side":"no","taker_outcome_side":"no","taker_book_side":"ask","is_block_trade":false,"ts":1795233600,"ts_ms":1795233600007},"sending_ts_ms":1795233600123}"#;
const FILL: &str = r#"{"type":"fill","sid":13,"msg":{"trade_id":"d91bc706-ee49-470d-82d8-11418bda6fed","order_id":"ee587a1c-8b87-4dcf-b721-9f6f790619fa","client_order_id":"my-order-1","market_ticker":"KXTEST-A","exchange_index":2,"is_taker":true,"side":"yes","yes_price_dollars":"0.7500","count_fp":"278.00","fee_cost":"0.010000","action":"buy","ts":1795233600,"ts_ms":1795233600007,"post_position_fp":"-500.00","purchased_side":"yes","outcome_side":"yes","book_side":"bid","subaccount":3},"sending_ts_ms":1795233600123}"#;
const SNAPSHOT: &str = r#"{"type":"orderbook_snapshot","sid":2,"seq":2,"msg":{"market_ticker":"KXTEST-A","market_id":"","clock":4182057,"yes_dollars_fp":[["0.0800","300.00"],["0.2200","333.00"]],"no_dollars_fp":[["0.5400","20.00"],["0.5605","146.07"]]},"sending_ts_ms":1795233600123}"#;
const USER_ORDER: &str = r#"{"type":"user_order","sid":22,"msg":{"order_id":"ee587a1c-8b87-4dcf-b721-9f6f790619fa","ticker":"KXTEST-A","status":"resting","outcome_side":"yes","book_side":"bid","yes_price_dollars":"0.3500","fill_count_fp":"0.00","remaining_count_fp":"10.00","initial_count_fp":"10.00","client_order_id":"my-order-1","created_ts_ms":1795233600000,"last_updated_ts_ms":1795233600001,"expiration_ts_ms":1795233616000,"last_update_reason":"Amend"}}"#;
const POSITION: &str = r#"{"type":"market_position","sid":14,"msg":{"user_id":"u","market_ticker":"KXTEST-A","position_fp":"100.00","position_cost_dollars":"50.0000","realized_pnl_dollars":"-10.0000","fees_paid_dollars":"1.0000","volume_fp":"15.00"}}"#;
const GROUP: &str = r#"{"type":"order_group_updates","sid":5,"seq":2,"msg":{"event_type":"limit_updated","order_group_id":"ee587a1c-8b87-4dcf-b721-9f6f790619fa","contracts_limit_fp":"300.00","ts_ms":1795233600007}}"#;
const EXAMPLES: [&str; 7] = [DELTA, TRADE, FILL, SNAPSHOT, USER_ORDER, POSITION, GROUP];

/// Whether the text of this key is returned as sent, so that an escape in it is an error or kept.
fn exposed(key: &str) -> bool {
    matches!(
        key,
        "type"
            | "market_ticker"
            | "ticker"
            | "trade_id"
            | "order_id"
            | "order_group_id"
            | "client_order_id"
            | "last_update_reason"
    )
}

/// Prints JSON with random white space and escapes.
struct Printer<'n> {
    noise: std::iter::Cycle<std::slice::Iter<'n, u8>>,
    text: String,
}

impl Printer<'_> {
    fn roll(&mut self) -> u8 {
        *self.noise.next().expect("a cycle of at least one byte never ends")
    }

    fn space(&mut self) {
        let roll = self.roll();
        self.text.push_str(["", "", "", " ", "\n", "\t", "\r", "  "][usize::from(roll % 8)]);
    }

    fn string(&mut self, text: &str, may_escape: bool) {
        self.text.push('"');
        for character in text.chars() {
            if matches!(character, '"' | '\\') || (may_escape && self.roll().is_multiple_of(16)) {
                write!(self.text, "\\u{:04x}", u32::from(character)).unwrap();
            } else {
                self.text.push(character);
            }
        }
        self.text.push('"');
    }

    fn value(&mut self, key: &str, value: &Value) {
        self.space();
        match value {
            Value::Object(fields) => self.object(fields.iter().map(|(key, value)| (key.as_str(), value))),
            Value::Array(elements) => {
                self.text.push('[');
                for (position, element) in elements.iter().enumerate() {
                    if position > 0 {
                        self.text.push(',');
                    }
                    self.value(key, element);
                }
                self.text.push(']');
            }
            Value::String(text) => self.string(text, !exposed(key)),
            other => self.text.push_str(&other.to_string()),
        }
        self.space();
    }

    fn object<'v>(&mut self, fields: impl Iterator<Item = (&'v str, &'v Value)>) {
        self.text.push('{');
        for (position, (key, value)) in fields.enumerate() {
            if position > 0 {
                self.text.push(',');
            }
            self.space();
            self.string(key, true);
            self.space();
            self.text.push(':');
            self.value(key, value);
        }
        self.text.push('}');
    }
}

const ODD_VALUES: &[&str] =
    &["null", "1", "-1", "1.5", "true", "[]", "{}", "18446744073709551616", "9223372036854775808", "0"];
const ODD_TEXTS: &[&str] =
    &["x", "", "0.5", "0.42001", "1.0001", "-0.01", "10000000000.01", "no", "ask", "unknown", "1e2", "05.00"];

fn odd_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::sample::select(ODD_VALUES).prop_map(|text| serde_json::from_str(text).unwrap()),
        prop::sample::select(ODD_TEXTS).prop_map(|text| Value::String(text.to_owned())),
    ]
}

/// An example's fields in random order, with additional keys, and now and then an odd value.
fn fields(example: &Map<String, Value>) -> impl Strategy<Value = Vec<(String, Value)>> + use<> {
    let known: Vec<(String, Value)> = example.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let count = known.len();
    let extra = prop::sample::select(&[r#"{"a":[1,{"b":null}],"type":"x"}"#, r#"[[],"]}",-0.5e3]"#, r#""\"\\""#][..])
        .prop_map(|text| serde_json::from_str::<Value>(text).unwrap());
    let extras = prop::collection::vec(extra, 0..3);
    let odd = prop_oneof![2 => Just(None), 1 => (0..count, odd_value()).prop_map(Some)];
    (extras, odd).prop_flat_map(move |(extras, odd)| {
        let mut fields = known.clone();
        if let Some((position, value)) = odd {
            fields[position].1 = value;
        }
        fields.extend(extras.into_iter().enumerate().map(|(number, value)| (format!("x_{number}"), value)));
        Just(fields).prop_shuffle()
    })
}

fn noisy_frame() -> impl Strategy<Value = String> {
    prop::sample::select(&EXAMPLES[..]).prop_flat_map(|example| {
        let mut frame: Map<String, Value> = serde_json::from_str(example).unwrap();
        let msg = frame.remove("msg").unwrap();
        let envelope = fields(&frame);
        let noise = prop::collection::vec(any::<u8>(), 1..200);
        (envelope, fields(msg.as_object().unwrap()), any::<prop::sample::Index>(), noise).prop_map(
            |(mut envelope, msg, place, noise)| {
                // serde_json keeps objects sorted here, so the message is printed by hand in its shuffled order.
                envelope.insert(place.index(envelope.len() + 1), (String::from("msg"), Value::Null));
                let mut printer = Printer { noise: noise.iter().cycle(), text: String::new() };
                printer.space();
                printer.text.push('{');
                for (position, (key, value)) in envelope.iter().enumerate() {
                    if position > 0 {
                        printer.text.push(',');
                    }
                    printer.string(key, true);
                    printer.text.push(':');
                    if key == "msg" {
                        printer.space();
                        printer.object(msg.iter().map(|(key, value)| (key.as_str(), value)));
                    } else {
                        printer.value(key, value);
                    }
                }
                printer.text.push('}');
                printer.space();
                printer.text
            },
        )
    })
}

proptest! {
    #[test]
    fn the_chain_and_serde_json_accept_the_same_frames_with_the_same_values(text in noisy_frame()) {
        let value: Value = serde_json::from_str(&text).unwrap();
        let expected = oracle(&value);
        let mut levels = BookLevels::default();
        let found = parse(text.as_bytes(), &mut levels);
        match (found, expected) {
            (Ok(found), Ok((expected, expected_levels))) => {
                prop_assert_eq!(without_reason(found), expected);
                prop_assert_eq!(levels, expected_levels);
            }
            (Err(_), Err(())) => {}
            (found, expected) => prop_assert!(false, "{text}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_damaged_frame_is_refused_or_read_as_serde_json_reads_it(
        example in prop::sample::select(&EXAMPLES[..]),
        damages in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in any::<prop::sample::Index>(),
        truncate in any::<bool>(),
    ) {
        let mut bytes = example.as_bytes().to_vec();
        for (place, byte) in damages {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if truncate {
            bytes.truncate(cut.index(bytes.len()));
        }
        let mut levels = BookLevels::default();
        let found = parse(&bytes, &mut levels);
        let value = serde_json::from_slice::<Value>(&bytes);
        match (found, value.as_ref().map_err(|_| ()).and_then(oracle)) {
            // So little damage cannot produce a life-cycle or reply type; any other type is `Other` for both.
            (Ok(found), Ok((expected, expected_levels))) => {
                if !bytes.contains(&b'\\') {
                    prop_assert_eq!(without_reason(found), expected);
                    prop_assert_eq!(levels, expected_levels);
                }
            }
            (Err(_), Err(())) => {}
            // Identifying text is rejected if it has an escape.
            (Err(_), Ok(_)) => prop_assert!(bytes.contains(&b'\\')),
            // A number too large for a float is an error only for a parser that reads it.
            (Ok(_), Err(())) => prop_assert!(value.is_err() && serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok()),
        }
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        prop_assert!(parse(&bytes, &mut BookLevels::default()).is_err());
    }

    #[test]
    fn positional_and_general_numbers_are_equal(price in "[01]\\.[0-9]{2,5}|[0-9]{1,2}", count in "-?[0-9]{1,14}(\\.[0-9]{1,3})?") {
        let text = DELTA.replace("0.9600", &price).replace("-54.00", &count);
        let mut levels = BookLevels::default();
        let slow = general::parse(text.as_bytes(), &mut levels);
        if let Some(fast) = positional::parse(text.as_bytes(), &mut levels) {
            prop_assert_eq!(Ok(fast), slow);
        } else {
            prop_assert!(slow.is_err());
        }
    }
}

/// The same frame without one of its keys.
fn without(frame: &str, key: &str) -> String {
    let start = frame.find(&format!(",\"{key}\":")).unwrap();
    let end = start + 1 + frame[start + 1..].find([',', '}']).unwrap();
    format!("{}{}", &frame[..start], &frame[end..])
}

#[test]
fn every_generation_of_hot_frames_takes_the_positional_path() {
    let before = |frame: &str| {
        without(frame, "sending_ts_ms").replacen(",\"sid\"", ",\"sending_ts_ms\":1795233600123,\"sid\"", 1)
    };
    let mut frames: Vec<String> = [DELTA, TRADE, FILL, SNAPSHOT].map(String::from).to_vec();
    frames.extend([DELTA, TRADE, FILL, SNAPSHOT].map(before));
    frames.extend([DELTA, TRADE, FILL, SNAPSHOT].map(|frame| without(frame, "sending_ts_ms")));
    frames.extend([DELTA, SNAPSHOT].map(|frame| without(&without(frame, "sending_ts_ms"), "clock")));
    let june_trade = without(&without(TRADE, "sending_ts_ms"), "is_block_trade");
    let march_trade = without(&without(&without(&june_trade, "taker_outcome_side"), "taker_book_side"), "ts_ms");
    frames.extend([june_trade, march_trade, without(FILL, "client_order_id"), without(FILL, "exchange_index")]);
    frames.push(SNAPSHOT.replace(",\"sid\"", ",\"id\":9,\"sid\""));
    frames.push(SNAPSHOT.replace(r#","yes_dollars_fp":[["0.0800","300.00"],["0.2200","333.00"]]"#, ""));
    for frame in frames {
        let (mut fast_levels, mut slow_levels) = (BookLevels::default(), BookLevels::default());
        let fast = positional::parse(frame.as_bytes(), &mut fast_levels);
        let slow = general::parse(frame.as_bytes(), &mut slow_levels);
        assert_eq!(fast, slow.ok(), "{frame}");
        assert!(fast.is_some(), "{frame}");
        assert_eq!(fast_levels, slow_levels);
    }
}

#[test]
fn errors_name_the_frame_and_the_key() {
    let mut levels = BookLevels::default();
    for (frame, expected) in [
        (
            DELTA.replace("\"0.9600\"", "\"0.96001\""),
            "orderbook_delta: `price_dollars`: `0.96001` has more than 4 decimals",
        ),
        (DELTA.replace("\"0.9600\"", "0.96"), "orderbook_delta: `price_dollars`: expected a string, found `0.96,"),
        (without(DELTA, "side"), "orderbook_delta: `side` is missing"),
        (DELTA.replace("\"seq\":3", "\"seq\":\"3\""), "frame: `seq`: expected an integer"),
        (TRADE.replace("KXTEST-A", "KX\\u0041"), "trade: `market_ticker`: expected text without escapes"),
        (String::from("{\"sid\":1}"), "frame: `type` is missing"),
        (String::from("{\"type\":\"fill\"}"), "fill: `msg` is missing"),
        (String::from("[1]"), "frame: at byte 0: expected an object"),
    ] {
        let message = match parse(frame.as_bytes(), &mut levels) {
            Err(error) | Ok(Frame { message: Message::Unusable(error), .. }) => error.to_string(),
            Ok(frame) => panic!("{frame:?}"),
        };
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn only_a_book_frame_with_something_missing_is_an_error_and_new_words_are_accepted() {
    fn read(frame: &str) -> Result<Frame<'_>, WireError> {
        parse(frame.as_bytes(), &mut BookLevels::default())
    }
    for frame in [DELTA.replace(",\"side\":\"yes\"", ""), SNAPSHOT.replace("\"0.0800\"", "null")] {
        assert!(read(&frame).is_err(), "{frame}");
    }
    for frame in [TRADE, FILL, USER_ORDER, POSITION, GROUP] {
        let broken = frame.replace("ticker\":", "ticker_of_old\":").replace("order_group_id", "group");
        let found = read(&broken).unwrap();
        assert!(matches!(found.message, Message::Unusable(_)), "{broken}: {found:?}");
        let whole: Value = serde_json::from_str(frame).unwrap();
        assert_eq!(found.envelope.seq, whole["seq"].as_u64(), "its place in the sequence still counts");
    }
    let strange = USER_ORDER
        .replace("\"resting\"", "\"parked\"")
        .replace("\"Amend\"", "{\"code\":7}")
        .replace("\"initial_count_fp\":\"10.00\"", "\"initial_count_fp\":null");
    let Message::UserOrder(order) = read(&strange).unwrap().message else { panic!("an order") };
    assert_eq!((order.status, order.reason, order.initial), (None, None, None));
    assert_eq!(order.client_order_id, "my-order-1");
    let strange = FILL.replace("\"outcome_side\":\"yes\"", "\"outcome_side\":\"both\"").replace("\"-500.00\"", "[]");
    let Message::Fill(fill) = read(&strange).unwrap().message else { panic!("a fill") };
    assert_eq!((fill.book_side, fill.post_position), (BookSide::Bid, None));
}

#[test]
fn escapes_in_free_text_are_kept_as_sent() {
    let mut levels = BookLevels::default();
    let frame = FILL.replace("my-order-1", "a\\u003cb");
    let Message::Fill(fill) = parse(frame.as_bytes(), &mut levels).unwrap().message else { panic!("a fill") };
    assert_eq!(fill.client_order_id, Some("a\\u003cb"));
}

#[test]
fn the_list_of_subscriptions_is_an_ok() {
    let frame = br#"{"id":3,"type":"ok","msg":[{"channel":"ticker","sid":2}]}"#;
    let found = parse(frame, &mut BookLevels::default()).unwrap();
    assert_eq!((found.envelope.id, found.message), (Some(3), Message::Ok));
}

#[test]
fn a_determination_without_a_value_pays_by_its_result() {
    for (result, expected) in [("yes", Some(Price::ONE)), ("no", Some(Price::ZERO)), ("scalar", None)] {
        let frame = format!(
            r#"{{"type":"market_lifecycle_v2","sid":1,"seq":1,"msg":{{"market_ticker":"A","event_type":"determined","result":"{result}"}}}}"#
        );
        let found = without_reason(parse(frame.as_bytes(), &mut BookLevels::default()).unwrap());
        let event = expected.map(|settlement_value| LifecycleEvent::Determined { settlement_value });
        let expected = event.map_or_else(unusable, |event| Message::Lifecycle(Lifecycle { ticker: "A", event }));
        assert_eq!((found.message, found.envelope.seq), (expected, Some(1)));
    }
}

fn folder(variable: &str, default: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(default), PathBuf::from)
}

#[test]
fn every_documented_and_captured_server_frame_is_read() {
    let path = folder("KALSHI_FRAMES", "../shared/reference/kalshi-frames.jsonl");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: no {}", path.display());
        return;
    };
    let mut count = 0;
    for line in text.lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let frame = &entry["frame"];
        let Some(kind) = frame["type"].as_str() else { continue };
        if !entry["kind"].as_str().is_some_and(|kind| kind.starts_with("ws.msg")) {
            continue;
        }
        let bytes = serde_json::to_vec(frame).unwrap();
        let mut levels = BookLevels::default();
        let found = parse(&bytes, &mut levels).unwrap_or_else(|error| panic!("{error}: {frame}"));
        if let Ok((expected, expected_levels)) = oracle(frame)
            && !matches!(expected.message, Message::Other(_))
        {
            assert_eq!((found, levels), (expected, expected_levels));
        } else if matches!(kind, "subscribed" | "unsubscribed" | "ok" | "error" | "market_lifecycle_v2") {
            assert!(!matches!(found.message, Message::Other(_)), "{frame}");
        }
        count += 1;
    }
    assert!(count > 40, "{count} server frames in {}", path.display());
}

#[test]
fn recorded_sessions_are_read_on_the_positional_path() {
    let path = folder("KALSHI_REAL_DATA", "../shared/data/real").join("ws_demo_session/frames/session.jsonl.zst");
    let Ok(file) = std::fs::File::open(&path) else {
        println!("skipped: no {}", path.display());
        return;
    };
    let text = std::io::read_to_string(zstd::Decoder::new(file).unwrap()).unwrap();
    let mut levels = BookLevels::default();
    let mut hot = 0;
    for line in text.lines() {
        let general = general::parse(line.as_bytes(), &mut levels).unwrap_or_else(|error| panic!("{error}: {line}"));
        if !matches!(general.message, Message::Ok | Message::Subscribed { .. }) {
            assert_eq!(positional::parse(line.as_bytes(), &mut levels), Some(general), "{line}");
            hot += 1;
        }
    }
    assert!(hot > 2_000);
}
