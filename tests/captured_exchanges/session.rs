//! The demo session of 2026-06-11, request by request.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kalshi_actor::exchange::gateway::Tier;
use kalshi_actor::market::{BookSide, Count, Money, Price};
use serde_json::{Value, json};

use crate::changes::{ADDED_SINCE_JUNE, LONGER_SINCE_JUNE, REMOVED_SINCE_JUNE, STATUS_SINCE_JUNE};
use crate::compare::{Depth, Excuses, Seen, compare};
use crate::market::{CapturedMarket, text, time_ms};
use crate::venue::{ORDERS, Signing, Venue, Who};
use crate::{captures, read_json};

/// The market that was traded, with the other side of its book.
struct Traded {
    ticker: String,
}

/// One captured request with its answer.
struct Capture {
    name: String,
    at_ms: i64,
    facts: Value,
}

impl Capture {
    /// Every request of the folder, in order of time.
    fn all(folder: &Path) -> Vec<Self> {
        let mut all = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".meta.json")) else {
                continue;
            };
            let facts = read_json(&path);
            let at_ms = match facts.get("recorded_at_epoch_ms") {
                Some(at_ms) => at_ms.as_i64().unwrap(),
                None => time_ms(&facts, "captured_at"),
            };
            if facts.get("path").is_some() {
                all.push(Self { name: name.to_owned(), at_ms, facts });
            }
        }
        all.sort_by_key(|capture| capture.at_ms);
        all
    }

    fn signing(&self) -> Signing {
        let off_s = |name: &str| match name {
            "auth__skew_minus5s" => -5,
            "auth__skew_plus5s" => 5,
            "auth__skew_minus30s" => -30,
            "auth__skew_minus5min" => -300,
            "auth__skew_plus5min" => 300,
            other => panic!("{other} is signed at an unknown time"),
        };
        match text(&self.facts, "auth") {
            "signed" => Signing::At(0),
            "signed-skewed" => Signing::At(off_s(&self.name) * 1_000),
            "bad-signature" => Signing::Wrong,
            "unknown-key-id" => Signing::UnknownKey,
            "missing-signature-header" => Signing::Missing,
            _ => Signing::Anonymous,
        }
    }

    /// Reduces a body with markets to what is compared here; market objects are compared separately. What remains is,
    /// for the traded market, every figure that follows from the session, and for a list, the number of markets and the
    /// state asked for.
    fn without_market_objects(&self, mut body: Value) -> Value {
        if let Some(market) = body.get_mut("market") {
            *market = traded_figures(market);
        }
        let Some(markets) = body.get("markets").and_then(Value::as_array) else { return body };
        body["markets"] = if self.name == "markets__single_filter_lastpage" {
            markets.iter().map(traded_figures).collect()
        } else if self.name.starts_with("markets__status_") {
            let states: BTreeSet<&str> = markets.iter().map(|market| text(market, "status")).collect();
            json!({ "count": markets.len(), "states": states })
        } else {
            json!({ "count": markets.len() })
        };
        body
    }
}

/// Every market object of the captures by ticker, and the keys and types of all of them.
fn captured_markets(folder: &Path, captures: &[Capture]) -> (BTreeMap<String, Value>, Seen) {
    let (mut markets, mut seen) = (BTreeMap::new(), Seen::default());
    for capture in captures.iter().filter(|capture| capture.name.starts_with("markets__")) {
        let body = read_json(&folder.join(format!("{}.json", capture.name)));
        let one = body.get("market").into_iter();
        let many = body.get("markets").and_then(Value::as_array).into_iter().flatten();
        for market in one.chain(many) {
            seen.add(market);
            markets.entry(text(market, "ticker").to_owned()).or_insert_with(|| market.clone());
        }
    }
    (markets, seen)
}

/// Repeats the account's orders and cancels before the session, as its own lists show them.
fn repeat_the_past(venue: &mut Venue, folder: &Path, begin_ms: i64, traded: &Traded) {
    let orders = read_json(&folder.join("portfolio__orders_list.json"));
    let fills = read_json(&folder.join("fills__after_taker.json"));
    let before = orders["orders"].as_array().unwrap().iter().rev();
    for order in before.filter(|order| time_ms(order, "created_time") < begin_ms) {
        let at_ms = time_ms(order, "created_time");
        let fill = fills["fills"].as_array().unwrap().iter().find(|fill| fill["order_id"] == order["order_id"]);
        if let Some(fill) = fill {
            let (price, count) = (text(fill, "yes_price_dollars"), text(fill, "count_fp"));
            let (price, count) = (Price::parse(price).unwrap(), Count::parse(count).unwrap());
            venue.move_level(at_ms - 100, &traded.ticker, BookSide::Ask, price, count);
        }
        let body = json!({
            "ticker": order["ticker"], "side": order["book_side"], "count": order["initial_count_fp"],
            "price": order["yes_price_dollars"], "client_order_id": order["client_order_id"],
            "time_in_force": "good_till_canceled", "self_trade_prevention_type": "taker_at_cross",
        });
        let (status, answer) = venue.request(at_ms, Who::Recorder, "POST", ORDERS, &body.to_string(), Signing::At(0));
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(status, 201, "{answer}");
        if fill.is_none() {
            let target = format!("{ORDERS}/{}", text(&answer, "order_id"));
            venue.request(at_ms + 100, Who::Recorder, "DELETE", &target, "", Signing::At(0));
        }
    }
}

/// Maps order ids and cursors of the captures to ours.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn learn(&mut self, captured: &Value, ours: &Value) {
        match (captured, ours) {
            (Value::Object(captured), Value::Object(ours)) => {
                for (key, value) in captured {
                    let Some(own) = ours.get(key) else { continue };
                    match (key.as_str(), value, own) {
                        ("order_id" | "cursor", Value::String(captured), Value::String(own))
                            if !captured.is_empty() =>
                        {
                            self.0.insert(captured.clone(), own.clone());
                        }
                        _ => self.learn(value, own),
                    }
                }
            }
            (Value::Array(captured), Value::Array(ours)) => {
                captured.iter().zip(ours).for_each(|(captured, ours)| self.learn(captured, ours));
            }
            _ => {}
        }
    }

    fn translate(&self, target: &str) -> String {
        self.0.iter().fold(target.to_owned(), |target, (captured, own)| target.replace(captured, own))
    }
}

struct Replay {
    venue: Venue,
    names: Names,
    seen: Seen,
    excuses: Excuses,
    differences: Vec<String>,
}

impl Replay {
    fn request(&mut self, folder: &Path, capture: &Capture) {
        let facts = &capture.facts;
        let (method, name) = (text(facts, "method"), &capture.name);
        let target = self.names.translate(text(facts, "path"));
        let body = facts.get("request_body").filter(|body| !body.is_null()).map_or_else(String::new, Value::to_string);
        let (status, answer) =
            self.venue.request(capture.at_ms, Who::Recorder, method, &target, &body, capture.signing());
        let ours: Value = serde_json::from_slice(&answer).unwrap();
        if let Some((_, expected)) = STATUS_SINCE_JUNE.iter().find(|(changed, _)| changed == name) {
            assert_eq!(status, *expected, "{name}");
            return;
        }
        let captured = read_json(&folder.join(format!("{name}.json")));
        if facts["status"] != status {
            self.differences.push(format!("{name}: status {status} {ours}, captured was {}", facts["status"]));
            return;
        }
        self.names.learn(&captured, &ours);
        if name == "account__endpoint_costs" {
            self.compare_costs(&captured, &ours);
            return;
        }
        let own = ours.get("market").into_iter().chain(ours["markets"].as_array().into_iter().flatten());
        for market in own {
            self.seen.compare(name, market, &mut self.excuses, &mut self.differences);
        }
        // The limits of a basic account are compared in `reads`; this account has none, to keep up with the recorder.
        let depth = if name == "account__limits" { Depth::Shape } else { Depth::Values };
        let (captured, ours) = (capture.without_market_objects(captured), capture.without_market_objects(ours));
        compare(name, &captured, &ours, depth, &mut self.excuses, &mut self.differences);
    }

    /// Checks that calls listed by both exchanges cost the same.
    fn compare_costs(&mut self, captured: &Value, ours: &Value) {
        let find = |wanted: &Value| {
            let all = captured["endpoint_costs"].as_array().unwrap().iter();
            all.clone().find(|cost| (&cost["method"], &cost["path"]) == (&wanted["method"], &wanted["path"]))
        };
        assert_eq!(captured["default_cost"], ours["default_cost"]);
        let own = ours["endpoint_costs"].as_array().unwrap();
        let common: Vec<_> = own.iter().filter_map(|cost| Some((find(cost)?, cost))).collect();
        assert!(common.len() >= 3, "{ours}");
        for (captured, own) in common {
            compare("endpoint_costs", captured, own, Depth::Values, &mut self.excuses, &mut self.differences);
        }
    }

    /// Replays a captured WebSocket session: the same subscription and book changes must give the same frames.
    fn websocket(&mut self, folder: &Path, name: &str, session: u64, ticker: &str) {
        let facts = read_json(&folder.join(format!("{name}.meta.json")));
        let lines = std::fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap();
        let captured: Vec<Value> =
            lines.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect();
        let at_ms = facts["recorded_at_epoch_ms"].as_i64().unwrap();
        let yes_scale = facts["subscribe_cmd"]["params"]["use_yes_price"] == true;
        self.venue.subscribe(at_ms, session, &facts["subscribe_cmd"]);
        let mut ours = self.venue.frames(session);
        for frame in captured.iter().filter(|frame| frame["type"] == "orderbook_delta") {
            let change = &frame["msg"];
            let price = Price::parse(text(change, "price_dollars")).unwrap();
            let (side, price) = match text(change, "side") {
                "yes" => (BookSide::Bid, price),
                _ if yes_scale => (BookSide::Ask, price),
                _ => (BookSide::Ask, price.complement()),
            };
            let delta = Count::parse(text(change, "delta_fp")).unwrap();
            self.venue.move_level(change["ts_ms"].as_i64().unwrap(), ticker, side, price, delta);
            ours.extend(self.venue.frames(session));
        }
        let (captured, ours) = (Value::Array(captured), Value::Array(ours));
        compare(name, &captured, &ours, Depth::Values, &mut self.excuses, &mut self.differences);
    }
}

/// The figures of a market that follow from its trading.
fn traded_figures(market: &Value) -> Value {
    const FIGURES: [&str; 19] = [
        "ticker",
        "event_ticker",
        "market_type",
        "open_time",
        "close_time",
        "status",
        "result",
        "yes_bid_dollars",
        "yes_bid_size_fp",
        "yes_ask_dollars",
        "yes_ask_size_fp",
        "no_bid_dollars",
        "no_ask_dollars",
        "last_price_dollars",
        "volume_fp",
        "open_interest_fp",
        "notional_value_dollars",
        "price_level_structure",
        "price_ranges",
    ];
    FIGURES.iter().map(|key| ((*key).to_owned(), market[*key].clone())).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn the_demo_session_of_june_gets_the_same_answers() {
    let Some(folder) = captures("rest_ws_demo_2026-06") else { return };
    let all = Capture::all(&folder);
    let manifest = read_json(&folder.join("session__manifest.meta.json"));
    let traded = Traded { ticker: text(&manifest, "traded_ticker").to_owned() };
    let begin_ms = all[0].at_ms;
    let (markets, seen) = captured_markets(&folder, &all);
    // An hour before anything that was recorded.
    let listed_ms = begin_ms - 3_600_000;
    let mut venue = Venue::new(Tier::Unlimited, Money::from_dollars(100), listed_ms);
    let mut listed = BTreeSet::new();
    for market in markets.values() {
        let mut market = CapturedMarket::new(market);
        // One more market in each state, since the recorder's pages were not the last.
        if listed.insert(market.status.clone()) {
            let more = market.clone();
            market.spec.ticker.push_str("-MORE");
            venue.act(listed_ms, |engine, now_ms| more.list(engine, now_ms));
        }
        venue.act(listed_ms, |engine, now_ms| market.list(engine, now_ms));
    }
    repeat_the_past(&mut venue, &folder, begin_ms, &traded);
    let book = read_json(&folder.join("orderbook__base.json"));
    for (side, levels) in [(BookSide::Bid, "yes_dollars"), (BookSide::Ask, "no_dollars")] {
        for level in book["orderbook_fp"][levels].as_array().unwrap() {
            let price = Price::parse(level[0].as_str().unwrap()).unwrap();
            let price = if side == BookSide::Bid { price } else { price.complement() };
            let count = Count::parse(level[1].as_str().unwrap()).unwrap();
            venue.move_level(begin_ms - 1_000, &traded.ticker, side, price, count);
        }
    }
    let excuses = Excuses::new("2026-06-11", REMOVED_SINCE_JUNE, ADDED_SINCE_JUNE, LONGER_SINCE_JUNE);
    let mut replay = Replay { venue, names: Names::default(), seen, excuses, differences: Vec::new() };
    let mut answered = 0;
    // The public trades are of another market and day; `reads` compares them.
    for (number, capture) in all.iter().filter(|capture| !capture.name.starts_with("trades__")).enumerate() {
        if capture.name.starts_with("ws__") {
            replay.websocket(&folder, &capture.name, number as u64, &traded.ticker);
        } else {
            replay.request(&folder, capture);
        }
        answered += 1;
    }
    let stale = replay.excuses.idle();
    println!("{answered} captured exchanges, {} differences", replay.differences.len());
    assert!(replay.differences.is_empty(), "{:#?}", replay.differences);
    assert!(stale.is_empty(), "no difference needs {stale:?}");
    assert!(answered > 55, "{answered}");
}
