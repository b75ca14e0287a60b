//! Faults of requests and frames, as a client sees them.

use super::*;
use crate::exchange::faults::{Fault, RefusalStatus};
use crate::exchange::gateway::Channel;
use crate::market::OrderStatus;
use crate::wire::WS_PATH;

const FILLS: &str = r#"{"id":1,"cmd":"subscribe","params":{"channels":["fill","user_orders"]}}"#;
const BALANCE: &str = "/trade-api/v2/portfolio/balance";

fn books() -> String {
    format!(r#"{{"id":1,"cmd":"subscribe","params":{{"channels":["orderbook_delta"],"market_tickers":["{CENTS}"]}}}}"#)
}

fn bid(price: &str) -> String {
    order(CENTS, "bid", "1.00", price)
}

/// A venue whose session 7, of client 0, is subscribed to a book.
fn following() -> Venue {
    let mut venue = Venue::immediate();
    venue.open(0, 7);
    venue.command(7, &books());
    venue
}

/// The next frame of the book as sent under a fault, and the two frames after it.
fn frames_under(fault: Fault) -> Vec<Vec<u8>> {
    let mut venue = following();
    venue.exchange.arm(fault);
    for price in ["0.1000", "0.1100", "0.1200"] {
        venue.send(0, "POST", ORDERS, &bid(price));
    }
    std::iter::from_fn(|| venue.exchange.poll())
        .filter_map(|output| match output {
            Output::Frame { text, .. } => Some(text.to_vec()),
            _ => None,
        })
        .collect()
}

fn seqs(frames: &[Vec<u8>]) -> Vec<Option<u64>> {
    let read = |frame: &Vec<u8>| serde_json::from_slice::<Value>(frame).ok().and_then(|frame| frame["seq"].as_u64());
    frames.iter().map(read).collect()
}

#[test]
fn frames_of_a_book_are_lost_doubled_late_cut_off_and_misnumbered() {
    let channel = Channel::OrderbookDelta;
    // The snapshot took number 1.
    assert_eq!(seqs(&frames_under(Fault::DropFrame { channel })), [Some(3), Some(4)]);
    assert_eq!(seqs(&frames_under(Fault::DoubleFrame { channel })), [Some(2), Some(2), Some(3), Some(4)]);
    assert_eq!(seqs(&frames_under(Fault::DelayFrame { channel, by_ms: 5 })), [Some(3), Some(4)]);
    assert_eq!(seqs(&frames_under(Fault::TruncateFrame { channel })), [None, Some(3), Some(4)]);
    assert_eq!(seqs(&frames_under(Fault::SkipSeq { channel })), [Some(3), Some(4), Some(5)]);
    let malformed = frames_under(Fault::MalformFrame { channel }).swap_remove(0);
    let malformed: Value = serde_json::from_slice(&malformed).unwrap();
    assert_eq!((&malformed["seq"], &malformed["msg"]["price_dollars"]), (&2.into(), &"0x1000".into()));
}

#[test]
fn a_late_frame_comes_at_its_time_with_its_old_number() {
    let mut venue = following();
    venue.exchange.arm(Fault::DelayFrame { channel: Channel::OrderbookDelta, by_ms: 100 });
    venue.create(0, &bid("0.1000"));
    assert!(venue.frames(7).is_empty());
    venue.pass(99);
    assert!(venue.frames(7).is_empty());
    venue.pass(1);
    assert_eq!(venue.frames(7)[0]["seq"], 2);
}

#[test]
fn fills_are_altered_lost_doubled_and_held_on_demand() {
    let mut venue = Venue::immediate();
    venue.open(0, 7);
    venue.command(7, r#"{"id":1,"cmd":"subscribe","params":{"channels":["fill"]}}"#);
    let mut trade = |fault: Fault| {
        venue.exchange.arm(fault);
        venue.create(0, &order(CENTS, "bid", "1.00", "0.4000"));
        venue.create(1, &order(CENTS, "ask", "1.00", "0.4000"));
        let at_once = venue.frames(7);
        venue.pass(100);
        (at_once, venue.frames(7).len())
    };
    let channel = Channel::Fill;
    assert_eq!(trade(Fault::DropFrame { channel }).0.len(), 0);
    assert_eq!(trade(Fault::DoubleFrame { channel }).0.len(), 2);
    assert_eq!(trade(Fault::AlterFill).0[0]["msg"]["yes_price_dollars"], "0.6000");
    assert_eq!(trade(Fault::DelayFrame { channel, by_ms: 100 }), (Vec::new(), 1));
    assert_eq!(venue.exchange.gateway().fault_effects().values().sum::<u64>(), 4);
}

#[test]
fn a_hidden_fill_is_neither_sent_nor_listed_and_a_forged_one_is_sent_and_not_listed() {
    let mut venue = Venue::immediate();
    venue.open(0, 7);
    venue.command(7, FILLS);
    let mut trade = |fault: Fault| {
        venue.exchange.arm(fault);
        venue.create(0, &order(CENTS, "bid", "1.00", "0.4000"));
        venue.create(1, &order(CENTS, "ask", "1.00", "0.4000"));
        venue.pass(1_000);
        let frames = venue.frames(7);
        let fills = frames.iter().filter(|frame| frame["type"] == "fill");
        let trades: Vec<_> = fills.map(|frame| frame["msg"]["trade_id"].as_str().unwrap().to_owned()).collect();
        let listed = venue.get(0, "/trade-api/v2/portfolio/fills");
        (trades, listed["fills"].as_array().unwrap().len())
    };
    assert_eq!(trade(Fault::HideFill), (Vec::new(), 0));
    let (trades, listed) = trade(Fault::ForgeFill);
    assert_eq!((trades.len(), listed), (2, 1));
    assert_ne!(trades[0], trades[1]);
    let held = venue.get(0, "/trade-api/v2/portfolio/positions");
    assert_eq!(held["market_positions"][0]["position_fp"], "2.00", "what a hidden fill did is told");
}

#[test]
fn the_end_of_an_order_is_reported_before_its_fill_on_demand() {
    let mut venue = Venue::immediate();
    venue.open(0, 7);
    venue.command(7, FILLS);
    venue.exchange.arm(Fault::CancelBeforeFill { within_ms: 1_000 });
    let resting = venue.create(0, &order(CENTS, "bid", "3.00", "0.4000")).json();
    venue.create(1, &order(CENTS, "ask", "1.00", "0.4000"));
    let id = resting["order_id"].as_str().unwrap();
    venue.call(0, "DELETE", &format!("{ORDERS}/{id}?market_ticker={CENTS}"), "");
    let told = venue.frames(7);
    let told: Vec<(&str, Option<&str>)> =
        told.iter().map(|frame| (frame["type"].as_str().unwrap(), frame["msg"]["status"].as_str())).collect();
    let expected = [
        ("user_order", Some("resting")),
        ("user_order", Some("resting")),
        ("user_order", Some("canceled")),
        ("fill", None),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_channel_falls_behind_the_others_and_catches_up_in_order() {
    let mut venue = Venue::immediate();
    venue.open(0, 7);
    venue.command(7, FILLS);
    venue.exchange.arm(Fault::DelayChannel { channel: Channel::UserOrders, by_ms: 200, for_ms: 100 });
    venue.create(0, &order(CENTS, "bid", "1.00", "0.4000"));
    venue.create(1, &order(CENTS, "ask", "1.00", "0.4000"));
    let kinds = |frames: Vec<Value>| -> Vec<String> {
        frames.iter().map(|f| format!("{} {}", f["type"], f["msg"]["status"]).replace('"', "")).collect()
    };
    assert_eq!(kinds(venue.frames(7)), ["fill null"]);
    venue.pass(200);
    assert_eq!(kinds(venue.frames(7)), ["user_order resting", "user_order executed"]);
}

#[test]
fn a_stalled_session_gets_everything_in_order_in_the_end() {
    let mut venue = following();
    venue.exchange.arm(Fault::StallSessions { for_ms: 500 });
    venue.create(0, &bid("0.1000"));
    venue.pass(499);
    venue.create(0, &bid("0.1100"));
    assert!(venue.frames(7).is_empty());
    venue.pass(1);
    let frames: Vec<u64> = venue.frames(7).iter().map(|frame| frame["seq"].as_u64().unwrap()).collect();
    assert_eq!(frames, [2, 3]);
}

#[test]
fn answers_are_swallowed_late_wrong_or_cut_while_the_order_stands() {
    for (fault, at_once, later) in [
        (Fault::SwallowAnswer, None, None),
        (Fault::CutAnswer, None, None),
        (Fault::DelayAnswer { by_ms: 1_000 }, None, Some(201)),
        (Fault::FailAnswer { status: RefusalStatus::Internal }, Some(500), None),
        (Fault::TruncateAnswer, Some(201), None),
        (Fault::DoubleRequest, Some(409), None),
    ] {
        let mut venue = Venue::immediate();
        venue.exchange.arm(fault);
        let body = bid("0.4000").replace('{', r#"{"client_order_id":"a","#);
        let ticket = venue.send(0, "POST", ORDERS, &body);
        let answer = venue.response(ticket);
        assert_eq!(answer.as_ref().map(|answer| answer.status), at_once, "{fault:?}");
        if fault == Fault::TruncateAnswer {
            assert!(serde_json::from_str::<Value>(&answer.unwrap().text).is_err());
        }
        venue.pass(10_000);
        assert_eq!(venue.response(ticket).map(|answer| answer.status), later, "{fault:?}");
        let orders = venue.exchange.engine().orders_of(1);
        assert_eq!(orders.filter(|order| order.status == OrderStatus::Resting).count(), 1, "{fault:?}");
        assert_eq!(venue.exchange.gateway().fault_effects()[fault.name()], 1);
    }
}

#[test]
fn requests_are_lost_refused_or_late_and_later_ones_overtake() {
    let mut venue = Venue::immediate();
    venue.exchange.arm(Fault::LoseRequest);
    let ticket = venue.send(0, "POST", ORDERS, &bid("0.4000"));
    venue.pass(60_000);
    assert_eq!(venue.response(ticket), None);
    for (status, number) in
        [(RefusalStatus::TooManyRequests, 429), (RefusalStatus::Internal, 500), (RefusalStatus::Unavailable, 503)]
    {
        venue.exchange.arm(Fault::RefuseRequest { status });
        assert_eq!(venue.create(0, &bid("0.4000")).status, number);
    }
    assert_eq!(venue.exchange.engine().orders_of(1).count(), 0);

    venue.exchange.arm(Fault::DelayRequest { by_ms: 20_000 });
    let late = venue.send(0, "POST", ORDERS, &bid("0.4000"));
    assert_eq!(venue.create(0, &bid("0.4100")).status, 201);
    venue.pass(19_999);
    assert_eq!(venue.response(late), None);
    venue.pass(1);
    assert_eq!(venue.response(late).unwrap().status, 201);
}

#[test]
fn reads_are_refused_late_or_never_answered() {
    let mut venue = Venue::immediate();
    venue.exchange.arm(Fault::RefuseRead { status: RefusalStatus::Unavailable });
    assert_eq!(venue.call(0, "GET", BALANCE, "").status, 503);
    // A failure reports the status of the exchange, too.
    venue.exchange.arm(Fault::RefuseRead { status: RefusalStatus::Unavailable });
    let status = venue.call(0, "GET", "/trade-api/v2/exchange/status", "");
    assert_eq!((status.status, &status.json()["exchange_index_statuses"][0]["exchange_index"]), (503, &0.into()));
    venue.exchange.arm(Fault::RefuseRead { status: RefusalStatus::TooManyRequests });
    let status = venue.call(0, "GET", "/trade-api/v2/exchange/status", "");
    assert_eq!((status.status, &status.json()["error"]), (429, &"too many requests".into()));
    venue.exchange.arm(Fault::DelayRead { by_ms: 300 });
    let late = venue.send(0, "GET", BALANCE, "");
    assert_eq!(venue.response(late), None);
    venue.pass(300);
    assert_eq!(venue.response(late).unwrap().status, 200);
    venue.exchange.arm(Fault::SwallowRead);
    let never = venue.send(0, "GET", BALANCE, "");
    venue.pass(60_000);
    assert_eq!(venue.response(never), None);
}

#[test]
fn a_doubled_connection_brings_every_frame_twice_until_its_time_is_over() {
    let mut venue = following();
    venue.exchange.arm(Fault::DoubleSessions { for_ms: 1_000 });
    let mut frames = |cents: u32| -> Vec<Value> {
        venue.send(0, "POST", ORDERS, &bid(&format!("0.{cents}00")));
        let outputs: Vec<Output> = std::iter::from_fn(|| venue.exchange.poll()).collect();
        venue.pass(500);
        outputs
            .iter()
            .filter_map(|output| match output {
                Output::Frame { text, .. } => Some(serde_json::from_slice::<Value>(text).unwrap()["seq"].clone()),
                _ => None,
            })
            .collect()
    };
    assert_eq!(frames(10), [2, 2]);
    assert_eq!(frames(11), [3, 3]);
    assert_eq!(frames(12), [4]);
    assert_eq!(venue.exchange.gateway().fault_effects()["double_sessions"], 2);
}

#[test]
fn pauses_refuse_what_the_page_says_and_end_by_themselves() {
    let mut venue = Venue::immediate();
    let resting = venue.create(0, &bid("0.4000")).json()["order_id"].as_str().unwrap().to_owned();
    let cancel = format!("{ORDERS}/{resting}?market_ticker={CENTS}");
    venue.exchange.arm(Fault::PauseExchange { for_ms: 1_000 });
    assert_eq!(venue.create(0, &bid("0.4000")).status, 503);
    assert_eq!(venue.call(0, "DELETE", &cancel, "").status, 503);
    venue.pass(1_000);
    assert_eq!(venue.create(0, &bid("0.4000")).status, 201);
    venue.exchange.arm(Fault::PauseTrading { for_ms: 1_000 });
    let refused = venue.create(0, &bid("0.4000"));
    assert!(refused.status == 409 && refused.text.contains("trading_is_paused"), "{}", refused.text);
    assert_eq!(venue.call(0, "DELETE", &cancel, "").status, 200);
    venue.exchange.disarm();
    assert_eq!(venue.create(0, &bid("0.4000")).status, 201);
}

#[test]
fn a_wrong_clock_rejects_valid_signatures_while_it_lasts() {
    let mut venue = Venue::immediate();
    venue.exchange.arm(Fault::OffsetClock { by_ms: 60_000, for_ms: 500 });
    let refused = venue.call(0, "GET", BALANCE, "");
    assert!(refused.status == 401 && refused.text.contains("header_timestamp_expired"), "{}", refused.text);
    venue.pass(500);
    assert_eq!(venue.call(0, "GET", BALANCE, "").status, 200);
    assert_eq!(venue.exchange.gateway().fault_effects()["offset_clock"], 1);
}

#[test]
fn a_revoked_key_is_rejected_while_it_lasts_and_open_sessions_continue() {
    let mut venue = following();
    venue.exchange.arm(Fault::RevokeKeys { for_ms: 500 });
    let refused = venue.call(0, "GET", BALANCE, "");
    assert!(refused.status == 401 && refused.text.contains(r#""details":"NOT_FOUND""#), "{}", refused.text);
    assert_eq!(venue.create(0, &bid("0.4000")).status, 401);
    let closed = std::iter::from_fn(|| venue.exchange.poll()).any(|out| matches!(out, Output::Close { .. }));
    assert!(!closed);
    venue.pass(500);
    assert_eq!(venue.call(0, "GET", BALANCE, "").status, 200);
    assert_eq!(venue.exchange.gateway().fault_effects()["revoke_keys"], 2);
}

#[test]
fn sessions_are_cut_at_once_and_refused_for_a_time() {
    let mut venue = following();
    venue.exchange.arm(Fault::CutSessions);
    let closed =
        std::iter::from_fn(|| venue.exchange.poll()).any(|out| matches!(out, Output::Close { session: 7, .. }));
    assert!(closed);
    venue.exchange.arm(Fault::RefuseSessions { for_ms: 100 });
    let request =
        HttpRequest { method: "GET", target: WS_PATH, key_id: None, timestamp: None, signature: None, body: b"" };
    let now = venue.now;
    assert_eq!(venue.exchange.open(8, &request, now).unwrap_err().status, 503);
    venue.pass(100);
    venue.open(0, 8);
}
