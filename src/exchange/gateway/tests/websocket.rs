//! WebSocket sessions: commands, sequence numbers, and which session gets which frames.

use proptest::prelude::*;

use super::*;

fn subscribe(channels: &str, tickers: &str) -> String {
    format!(r#"{{"id":1,"cmd":"subscribe","params":{{"channels":[{channels}],"market_tickers":[{tickers}]}}}}"#)
}

fn books(tickers: &str) -> String {
    subscribe(r#""orderbook_delta""#, tickers)
}

fn kinds(frames: &[Value]) -> Vec<&str> {
    frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect()
}

fn seqs(frames: &[Value]) -> Vec<Option<u64>> {
    frames.iter().map(|frame| frame["seq"].as_u64()).collect()
}

#[test]
fn a_subscription_begins_with_its_sid_and_a_snapshot_and_counts_densely() {
    let mut venue = Venue::immediate();
    venue.create(0, &order(CENTS, "bid", "1.00", "0.4000"));
    venue.open(0, 7);
    let frames = venue.command(7, &books(&format!(r#""{CENTS}","{TAPER}""#)));
    assert_eq!(kinds(&frames), ["subscribed", "orderbook_snapshot", "orderbook_snapshot"]);
    assert_eq!((&frames[0]["msg"]["sid"], &frames[0]["id"]), (&1.into(), &1.into()));
    assert_eq!(seqs(&frames), [None, Some(1), Some(2)]);
    assert_eq!(frames[1]["msg"]["yes_dollars_fp"].to_string(), r#"[["0.4000","1.00"]]"#);
    assert!(frames[1]["msg"].get("no_dollars_fp").is_none(), "an empty side has no key");
    assert!(frames[1]["msg"]["clock"].as_u64().unwrap() > 0);
    venue.create(0, &order(CENTS, "ask", "2.00", "0.4500"));
    venue.create(0, &order(TAPER, "bid", "2.00", "0.4500"));
    let frames = venue.frames(7);
    assert_eq!(seqs(&frames), [Some(3), Some(4)], "markets share the numbers of their sid");
    assert_eq!(
        (&frames[0]["msg"]["side"], &frames[0]["msg"]["price_dollars"], &frames[0]["msg"]["delta_fp"]),
        (&"no".into(), &"0.5500".into(), &"2.00".into())
    );
    assert_eq!(frames[0]["sending_ts_ms"], START_MS);
}

#[test]
fn a_repeated_subscription_merges_and_only_new_markets_get_snapshots() {
    let mut venue = Venue::immediate();
    venue.open(0, 7);
    venue.command(7, &books(&format!(r#""{CENTS}""#)));
    let frames = venue.command(7, &books(&format!(r#""{CENTS}","{TAPER}""#)));
    assert_eq!(kinds(&frames), ["ok", "orderbook_snapshot"]);
    assert_eq!(seqs(&frames), [Some(2), Some(3)], "ok uses up a number");
    assert_eq!(frames[0]["msg"]["market_tickers"].as_array().unwrap().len(), 2);
    assert_eq!(frames[0]["msg"]["market_ids"].as_array().unwrap().len(), 2);
    assert_eq!(frames[1]["msg"]["market_ticker"], TAPER);
}

#[test]
fn markets_are_added_deleted_and_snapshot_within_the_stream() {
    let mut venue = Venue::immediate();
    venue.open(0, 7);
    venue.command(7, &books(&format!(r#""{CENTS}""#)));
    let update = |action: &str, tickers: &str| {
        format!(
            r#"{{"id":9,"cmd":"update_subscription","params":{{"action":"{action}","sid":1,"market_tickers":[{tickers}]}}}}"#
        )
    };
    let taper = format!(r#""{TAPER}""#);
    let frames = venue.command(7, &update("add_markets", &taper));
    assert_eq!((kinds(&frames), seqs(&frames)), (vec!["ok", "orderbook_snapshot"], vec![Some(2), Some(3)]));
    let frames = venue.command(7, &update("get_snapshot", &taper));
    assert_eq!((kinds(&frames), seqs(&frames)), (vec!["orderbook_snapshot"], vec![Some(4)]));
    assert_eq!(frames[0]["id"], 9);
    let frames = venue.command(7, &update("get_snapshot", ""));
    assert_eq!((&frames[0]["msg"]["code"], &frames[0]["seq"]), (&14.into(), &5.into()), "scoped errors use a number");
    venue.command(7, &update("delete_markets", &taper));
    venue.create(0, &order(TAPER, "bid", "1.00", "0.4000"));
    assert_eq!(venue.frames(7), Vec::<Value>::new());
    let frames = venue.command(7, r#"{"id":3,"cmd":"unsubscribe","params":{"sids":[1]}}"#);
    assert_eq!((kinds(&frames), seqs(&frames)), (vec!["unsubscribed"], vec![Some(7)]));
    let frames = venue.command(7, &books(&taper));
    assert_eq!((&frames[0]["msg"]["sid"], &frames[1]["seq"]), (&2.into(), &1.into()), "a new sid starts at 1");
}

#[test]
fn wrong_commands_get_the_documented_codes() {
    let mut venue = Venue::immediate();
    venue.open(0, 7);
    venue.command(7, &books(&format!(r#""{CENTS}""#)));
    let cases = [
        ("nonsense", 1),
        ("[]", 1),
        (r#"{"id":4}"#, 5),
        (r#"{"id":4,"cmd":"fly"}"#, 5),
        (r#"{"id":4,"cmd":"subscribe"}"#, 2),
        (r#"{"id":4,"cmd":"subscribe","params":{}}"#, 3),
        (r#"{"id":4,"cmd":"subscribe","params":{"channels":["ticker_v2"]}}"#, 8),
        (r#"{"id":4,"cmd":"subscribe","params":{"channels":["orderbook_delta"]}}"#, 14),
        (r#"{"id":4,"cmd":"subscribe","params":{"channels":"ticker"}}"#, 11),
        (r#"{"id":4,"cmd":"unsubscribe","params":{}}"#, 4),
        (r#"{"id":4,"cmd":"unsubscribe","params":{"sids":[99]}}"#, 7),
        (r#"{"id":4,"cmd":"update_subscription","params":{"sid":1}}"#, 15),
        (r#"{"id":4,"cmd":"update_subscription","params":{"action":"add_markets"}}"#, 12),
        (r#"{"id":4,"cmd":"update_subscription","params":{"action":"add_markets","sids":[1,2]}}"#, 12),
        (r#"{"id":4,"cmd":"update_subscription","params":{"action":"add_markets","sid":8}}"#, 7),
        (r#"{"id":4,"cmd":"update_subscription","params":{"action":"fly","sid":1}}"#, 13),
    ];
    for (command, code) in cases {
        let frames = venue.command(7, command);
        assert_eq!((frames.len(), frames[0]["msg"]["code"].as_i64()), (1, Some(code)), "{command}");
    }
    let list = venue.command(7, r#"{"id":5,"cmd":"list_subscriptions"}"#);
    assert_eq!(list[0]["msg"].to_string(), r#"[{"channel":"orderbook_delta","sid":1}]"#);
}

#[test]
fn too_many_commands_a_second_are_refused_one_by_one_with_error_27() {
    let mut venue = Venue::new(GatewaySettings { commands_per_s: 3, ..GatewaySettings::default() });
    venue.open(0, 7);
    venue.open(0, 8);
    let list = |id: u64| format!(r#"{{"id":{id},"cmd":"list_subscriptions"}}"#);
    for id in 1..=3 {
        assert_eq!(venue.command(7, &list(id))[0]["type"], "ok");
    }
    let refused = venue.command(7, &list(4));
    assert_eq!(refused[0]["msg"].to_string(), r#"{"code":27,"msg":"Too many requests"}"#);
    assert_eq!((&refused[0]["id"], &refused[0]["type"]), (&4.into(), &"error".into()));
    assert_eq!(venue.command(7, "garbage")[0]["msg"]["code"], 27, "garbage counts too");
    assert_eq!(venue.command(8, &list(1))[0]["type"], "ok", "each session has its own");
    venue.pass(334);
    assert_eq!(venue.command(7, &list(5))[0]["type"], "ok");
}

#[test]
fn the_yes_scale_and_short_acks_are_given_when_asked_for() {
    let mut venue = Venue::immediate();
    venue.create(0, &order(CENTS, "ask", "2.00", "0.4500"));
    venue.open(0, 7);
    let command = books(&format!(r#""{CENTS}""#))
        .replace(r#""channels""#, r#""use_yes_price":true,"skip_ticker_ack":true,"channels""#);
    let frames = venue.command(7, &command);
    assert_eq!(frames[1]["msg"]["no_dollars_fp"].to_string(), r#"[["0.4500","2.00"]]"#);
    assert!(venue.command(7, &command)[0]["msg"].get("market_tickers").is_none());
    venue.create(0, &order(CENTS, "ask", "2.00", "0.4600"));
    assert_eq!(venue.frames(7)[0]["msg"]["price_dollars"], "0.4600");
}

#[test]
fn private_frames_and_client_order_ids_reach_their_owner_only() {
    let mut venue = Venue::immediate();
    let all =
        subscribe(r#""fill","user_orders","market_positions","orderbook_delta","trade""#, &format!(r#""{CENTS}""#));
    for (client, session) in [(0, 7), (1, 8)] {
        venue.open(client, session);
        venue.command(session, &all);
    }
    let body = order(CENTS, "bid", "1.00", "0.4000").replace('}', r#","client_order_id":"mine"}"#);
    venue.create(0, &body);
    let (own, other) = (venue.frames(7), venue.frames(8));
    let delta =
        |frames: &[Value]| frames.iter().find(|frame| frame["type"] == "orderbook_delta").unwrap()["msg"].clone();
    assert_eq!(delta(&own)["client_order_id"], "mine");
    assert!(delta(&other).get("client_order_id").is_none());
    assert!(kinds(&own).contains(&"user_order") && !kinds(&other).contains(&"user_order"));
    venue.create(1, &order(CENTS, "ask", "1.00", "0.4000"));
    let own = venue.frames(7);
    let fill = own.iter().find(|frame| frame["type"] == "fill").unwrap();
    assert_eq!((&fill["msg"]["post_position_fp"], &fill["msg"]["client_order_id"]), (&"1.00".into(), &"mine".into()));
    assert!(fill.get("seq").is_none() && kinds(&own).contains(&"market_position"));
    let trade = own.iter().find(|frame| frame["type"] == "trade").unwrap();
    assert_eq!((&trade["msg"]["taker_book_side"], trade["seq"].as_u64()), (&"ask".into(), Some(1)));
    assert_eq!(venue.frames(8).iter().filter(|frame| frame["type"] == "fill").count(), 1);
}

#[test]
fn the_ticker_is_sent_when_it_changes() {
    let mut venue = Venue::immediate();
    venue.open(0, 7);
    let command = r#"{"id":1,"cmd":"subscribe","params":{"channels":["ticker"]}}"#;
    assert_eq!(kinds(&venue.command(7, command)), ["subscribed"]);
    venue.create(0, &order(CENTS, "bid", "1.00", "0.4000"));
    let frames = venue.frames(7);
    assert_eq!(
        (frames.len(), &frames[0]["msg"]["yes_bid_dollars"], &frames[0]["msg"]["yes_ask_dollars"]),
        (1, &"0.4000".into(), &"1.0000".into())
    );
    venue.create(0, &order(CENTS, "bid", "1.00", "0.3000"));
    assert_eq!(venue.frames(7).len(), 0, "a level behind the best changes no ticker");
}

#[test]
fn the_life_cycle_of_a_market_is_published_and_late_listings_join_their_subscription() {
    let mut venue = Venue::immediate();
    venue.open(0, 7);
    venue.command(7, &subscribe(r#""market_lifecycle_v2","orderbook_delta""#, r#""KXLATE""#));
    let now = venue.now;
    let spec = venue.exchange.engine().market(0).spec().clone();
    let market = venue.exchange.command(now, |engine, now_ms| {
        let spec = crate::exchange::engine::MarketSpec { ticker: "KXLATE".into(), close_ms: now_ms + 1_000, ..spec };
        engine.list_market(spec, now_ms).unwrap()
    });
    let frames = venue.frames(7);
    assert_eq!(
        (&frames[0]["msg"]["event_type"], &frames[0]["msg"]["market_ticker"]),
        (&"created".into(), &"KXLATE".into())
    );
    venue.create(0, &order("KXLATE", "bid", "1.00", "0.4000"));
    assert_eq!(kinds(&venue.frames(7)), ["orderbook_delta"]);
    venue.pass(1_000);
    let closed = venue.frames(7);
    assert_eq!(kinds(&closed), ["orderbook_delta"], "a close removes the orders and is not an event itself");
    let now = venue.now;
    venue.exchange.command(now, |engine, now_ms| engine.determine(market, crate::market::Price::ZERO, now_ms));
    let frames = venue.frames(7);
    assert_eq!((&frames[0]["msg"]["event_type"], &frames[0]["msg"]["result"]), (&"determined".into(), &"no".into()));
}

#[test]
fn a_slow_reader_loses_its_subscriptions_with_error_25() {
    let mut venue = Venue::immediate();
    venue.open(0, 7);
    venue.command(7, &books(&format!(r#""{CENTS}""#)));
    let now = venue.now;
    venue.exchange.overflowed(7, now);
    let frames = venue.frames(7);
    assert_eq!((&frames[0]["msg"]["code"], &frames[0]["sid"]), (&25.into(), &1.into()));
    venue.create(0, &order(CENTS, "bid", "1.00", "0.4000"));
    assert_eq!(venue.frames(7).len(), 0);
}

#[test]
fn sessions_are_pinged_every_ten_seconds_of_wall_time() {
    let mut venue = Venue::immediate();
    venue.open(0, 7);
    assert_eq!(venue.exchange.next_ping_wall_ms(), Some(START_MS + 10_000));
    venue.pass(10_000);
    let ping = std::iter::from_fn(|| venue.exchange.poll()).find(|output| matches!(output, Output::Ping { .. }));
    assert_eq!(ping, Some(Output::Ping { session: 7, payload: b"heartbeat" }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn whatever_a_client_sends_is_answered(
        texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 1..20),
        words in proptest::collection::vec(r#"(\{|\}|\[|\]|:|,|"id"|"cmd"|"subscribe"|"params"|"channels"|"sid"|1|"trade"|null|-1|1e9){1,14}"#, 1..20),
    ) {
        let mut venue = Venue::immediate();
        venue.open(0, 7);
        for text in texts.iter().map(Vec::as_slice).chain(words.iter().map(String::as_bytes)) {
            let now = venue.now;
            venue.exchange.text(7, text, now);
            prop_assert_eq!(venue.frames(7).len(), 1);
            let body = String::from_utf8_lossy(text).into_owned();
            for (method, path) in [("POST", ORDERS.to_owned()), ("DELETE", format!("{ORDERS}/batched")), ("POST", format!("{ORDERS}/x/amend")), ("POST", format!("{ORDERS}/{}/decrease", "0".repeat(36)))] {
                let answer = venue.call(0, method, &path, &body);
                prop_assert!((400..500).contains(&answer.status), "{}", answer.text);
            }
        }
    }
}
