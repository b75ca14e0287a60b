//! Order writes over REST.

use super::*;
use crate::exchange::engine::UpdateReason;
use crate::exchange::keys::issue_rsa;

#[test]
fn an_order_rests_trades_and_is_answered_with_averages() {
    let mut venue = Venue::immediate();
    let resting = venue.create(0, &order(CENTS, "bid", "2.50", "0.4200"));
    assert_eq!(resting.status, 201, "{}", resting.text);
    assert_eq!(resting.json()["remaining_count"], "2.50");
    assert!(resting.json().get("average_fill_price").is_none());
    let taking = venue.create(1, &order(CENTS, "ask", "1.00", "0.4200")).json();
    assert_eq!((&taking["fill_count"], &taking["remaining_count"]), (&"1.00".into(), &"0.00".into()));
    assert_eq!(taking["average_fill_price"], "0.4200");
    // 0.07 x 0.42 x 0.58 = 0.017052, booked in steps of $0.0001.
    assert_eq!(taking["average_fee_paid"], "0.0171");
}

#[test]
fn the_captured_refusals_have_their_status_and_code() {
    let mut venue = Venue::immediate();
    venue.create(1, &order(CENTS, "ask", "1.00", "0.5000"));
    let first = with(&order(CENTS, "bid", "1.00", "0.4000"), r#""client_order_id":"once""#);
    assert_eq!(venue.create(0, &first).status, 201);
    let cases = [
        (first, 409, "order_already_exists"),
        (order(CENTS, "bid", "1.00", "0.4050"), 400, "invalid_price"),
        (order(CENTS, "bid", "1.00", "1.0000"), 400, "invalid_price"),
        (order(CENTS, "bid", "0.00", "0.4000"), 400, "invalid_order_size"),
        (order(CENTS, "bid", "10000.00", "0.4000"), 400, "insufficient_balance"),
        (with(&order(CENTS, "bid", "1.00", "0.5000"), r#""post_only":true"#), 400, "invalid_order"),
        (order("KXNONE", "bid", "1.00", "0.5000"), 404, "market_not_found"),
        (with(&order(CENTS, "bid", "1.00", "0.4000"), r#""exchange_index":2"#), 404, "market_not_found"),
        (
            order(CENTS, "bid", "9.00", "0.5000").replace("good_till_canceled", "fill_or_kill"),
            409,
            "fill_or_kill_insufficient_resting_volume",
        ),
        (with(&order(CENTS, "bid", "1.00", "0.4000"), r#""expiration_time":1"#), 400, "invalid_parameters"),
    ];
    for (body, status, code) in cases {
        let answer = venue.create(0, &body);
        assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (status, Some(code)), "{body}");
    }
    let numbers = venue.create(0, r#"{"ticker":"A","side":"bid","count":1}"#);
    assert_eq!((numbers.status, numbers.json()["code"].as_str()), (400, Some("bad_request")));
}

#[test]
fn cancels_amends_and_decreases_answer_with_what_is_left() {
    let mut venue = Venue::immediate();
    let id = venue.create(0, &order(CENTS, "bid", "5.00", "0.4000")).json()["order_id"].as_str().unwrap().to_owned();
    let body = format!(r#"{{"ticker":"{CENTS}","side":"bid","price":"0.4100","count":"6.00"}}"#);
    let amended = venue.call(0, "POST", &format!("{ORDERS}/{id}/amend"), &body);
    assert_eq!((amended.status, &amended.json()["remaining_count"]), (200, &"6.00".into()), "{}", amended.text);
    let same = venue.call(0, "POST", &format!("{ORDERS}/{id}/amend"), &body);
    assert_eq!((same.status, same.json()["error"]["code"].as_str()), (400, Some("AMEND_ORDER_NO_OP")));
    let decreased = venue.call(0, "POST", &format!("{ORDERS}/{id}/decrease"), r#"{"reduce_to":"2.00"}"#);
    assert_eq!((decreased.status, &decreased.json()["remaining_count"]), (200, &"2.00".into()));
    let canceled = venue.call(0, "DELETE", &format!("{ORDERS}/{id}"), "");
    assert_eq!((canceled.status, &canceled.json()["reduced_by"]), (200, &"2.00".into()));
    let again = venue.call(0, "DELETE", &format!("{ORDERS}/{id}"), "");
    assert_eq!((again.status, again.json()["error"]["code"].as_str()), (404, Some("not_found")));
}

#[test]
fn an_amend_gives_a_new_client_order_id_that_is_used_once() {
    let mut venue = Venue::immediate();
    let named =
        |id: &str, price: &str| with(&order(CENTS, "bid", "5.00", price), &format!(r#""client_order_id":"{id}""#));
    let id = venue.placed(0, &named("first", "0.4000"));
    let amend = |rest: &str| format!(r#"{{"ticker":"{CENTS}","side":"bid","price":"0.4000","count":"5.00",{rest}}}"#);
    let target = format!("{ORDERS}/{id}/amend");
    let wrong = amend(r#""client_order_id":"other","updated_client_order_id":"second""#);
    assert_eq!(venue.refused(0, "POST", &target, &wrong), (400, "order_id_and_client_order_id_mismatch".to_owned()));
    let ill_formed = amend(r#""updated_client_order_id":"se.cond""#);
    assert_eq!(venue.refused(0, "POST", &target, &ill_formed), (400, "invalid_parameters".to_owned()));
    let renaming = amend(r#""client_order_id":"first","updated_client_order_id":"second""#);
    let renamed = venue.call(0, "POST", &target, &renaming);
    assert_eq!((renamed.status, &renamed.json()["client_order_id"]), (200, &"second".into()), "{}", renamed.text);
    let shown = venue.get(0, &format!("/trade-api/v2/portfolio/orders/{id}"));
    assert_eq!(shown["order"]["client_order_id"], "second");
    for used in ["first", "second"] {
        assert_eq!(venue.refused(0, "POST", ORDERS, &named(used, "0.3900")), (409, "order_already_exists".to_owned()));
    }
    let back = amend(r#""updated_client_order_id":"first""#);
    assert_eq!(venue.refused(0, "POST", &target, &back), (409, "order_already_exists".to_owned()));
    let canceled = venue.call(0, "DELETE", &format!("{ORDERS}/{id}"), "").json();
    assert_eq!(canceled.get("client_order_id"), None, "left out here, as captured");
}

#[test]
fn an_order_of_another_shard_or_account_is_not_found() {
    let mut venue = Venue::immediate();
    let id = venue.create(0, &order(TAPER, "bid", "5.00", "0.4000")).json()["order_id"].as_str().unwrap().to_owned();
    assert_eq!(venue.call(0, "DELETE", &format!("{ORDERS}/{id}"), "").status, 404, "shard 0 is assumed");
    assert_eq!(venue.call(1, "DELETE", &format!("{ORDERS}/{id}?exchange_index=2"), "").status, 404);
    let routed = format!("{ORDERS}/{id}?exchange_index=-1");
    assert_eq!(venue.refused(0, "DELETE", &routed, ""), (400, "invalid_parameters".to_owned()), "by which name?");
    let amend = format!(r#"{{"ticker":"{TAPER}","side":"bid","price":"0.4100","count":"6.00","exchange_index":0}}"#);
    assert_eq!(venue.call(0, "POST", &format!("{ORDERS}/{id}/amend"), &amend).status, 404);
    let decrease = |place: &str| format!(r#"{{"reduce_by":"1.00"{place}}}"#);
    let target = format!("{ORDERS}/{id}/decrease");
    assert_eq!(venue.call(0, "POST", &target, &decrease("")).status, 404);
    let routed = decrease(&format!(r#","market_ticker":"{TAPER}","exchange_index":-1"#));
    assert_eq!(venue.call(0, "POST", &target, &routed).status, 200);
    assert_eq!(venue.call(0, "DELETE", &format!("{ORDERS}/{id}?market_ticker={TAPER}"), "").status, 200);
}

#[test]
fn a_cancel_all_takes_what_is_placed_within_the_next_minute() {
    let mut venue = Venue::immediate();
    let body = order(CENTS, "bid", "1.00", "0.4000");
    let before = venue.placed(0, &body);
    assert_eq!(venue.call(0, "DELETE", &format!("{ORDERS}?subaccount=64"), "").status, 400);
    assert_eq!(venue.call(0, "DELETE", ORDERS, "").status, 204);
    venue.pass(1_000);
    let within = venue.placed(0, &body);
    venue.pass(60_000);
    let after = venue.placed(0, &body);
    venue.pass(600_000);
    let statuses = [before, within, after].map(|id| {
        let shown = venue.get(0, &format!("/trade-api/v2/portfolio/orders/{id}"));
        shown["order"]["status"].as_str().unwrap().to_owned()
    });
    assert_eq!(statuses, ["canceled", "canceled", "resting"]);
}

#[test]
fn an_exchange_pause_answers_503_to_every_write_and_shows_in_the_status() {
    let mut venue = Venue::immediate();
    let id = venue.placed(0, &order(CENTS, "bid", "1.00", "0.4000"));
    let now = venue.now;
    venue.exchange.command(now, |engine, now_ms| engine.set_exchange(0, false, now_ms));
    let unavailable = (503, "service_unavailable".to_owned());
    assert_eq!(venue.refused(0, "POST", ORDERS, &order(CENTS, "bid", "1.00", "0.4000")), unavailable);
    assert_eq!(venue.refused(0, "DELETE", &format!("{ORDERS}/{id}"), ""), unavailable);
    assert_eq!(venue.refused(0, "DELETE", &format!("{ORDERS}/00000000-0000-0000-0000-000000000000"), ""), unavailable);
    assert_eq!(venue.refused(0, "DELETE", ORDERS, ""), unavailable);
    assert_eq!(venue.create(0, &order(TAPER, "bid", "1.00", "0.4000")).status, 201, "shard 2 trades on");
    let status = venue.get(0, "/trade-api/v2/exchange/status");
    assert_eq!((&status["exchange_active"], &status["trading_active"]), (&false.into(), &false.into()));
    let shard = &status["exchange_index_statuses"][2];
    assert_eq!((&shard["exchange_active"], &shard["trading_active"]), (&true.into(), &true.into()));
    venue.exchange.command(now, |engine, now_ms| engine.set_exchange(0, true, now_ms));
    assert_eq!(venue.call(0, "DELETE", &format!("{ORDERS}/{id}"), "").status, 200);
}

#[test]
fn the_bucket_charged_depends_on_how_the_shard_is_named() {
    let settings = GatewaySettings { order_latency_ms: 0, tier: Tier::Basic, ..GatewaySettings::default() };
    let unknown = "00000000-0000-0000-0000-000000000000";
    // Basic write buckets have 100 tokens: a cancel costs 2, a create 10, and batches are charged to the unscoped bucket.
    let drain = |venue: &mut Venue, target: &str| {
        (0..60).take_while(|_| venue.call(0, "DELETE", target, "").status != 429).count()
    };
    let creates = |venue: &mut Venue, ticker: &str, shard: &str| {
        let body = with(&order(ticker, "bid", "1.00", "0.0100"), &format!(r#""exchange_index":{shard}"#));
        (0..20).take_while(|_| venue.create(0, &body).status != 429).count()
    };
    let mut venue = Venue::new(settings.clone());
    assert_eq!(drain(&mut venue, &format!("{ORDERS}/{unknown}")), 50, "without a name the call goes to shard 0");
    assert_eq!((creates(&mut venue, CENTS, "0"), creates(&mut venue, TAPER, "2")), (0, 10));
    let mut venue = Venue::new(settings.clone());
    assert_eq!(drain(&mut venue, &format!("{ORDERS}/{unknown}?market_ticker={TAPER}")), 50);
    assert_eq!(
        (creates(&mut venue, CENTS, "0"), creates(&mut venue, TAPER, "2")),
        (0, 0),
        "routing is paid everywhere"
    );
    let mut venue = Venue::new(settings.clone());
    assert_eq!(drain(&mut venue, &format!("{ORDERS}/{unknown}?exchange_index=2")), 50);
    assert_eq!((creates(&mut venue, TAPER, "2"), creates(&mut venue, CENTS, "0")), (0, 10));
    let mut venue = Venue::new(settings);
    let items = vec![with(&order(TAPER, "bid", "1.00", "0.0100"), r#""exchange_index":2"#); 10].join(",");
    assert_eq!(venue.call(0, "POST", &format!("{ORDERS}/batched"), &format!(r#"{{"orders":[{items}]}}"#)).status, 201);
    assert_eq!((creates(&mut venue, CENTS, "0"), creates(&mut venue, TAPER, "2")), (0, 10));
}

#[test]
fn a_batched_cancel_answers_each_item_in_order() {
    let mut venue = Venue::immediate();
    let id = venue.create(0, &order(TAPER, "bid", "5.00", "0.4000")).json()["order_id"].as_str().unwrap().to_owned();
    let unknown = "00000000-0000-0000-0000-000000000000";
    let body = format!(r#"{{"orders":[{{"order_id":"{unknown}"}},{{"order_id":"{id}","market_ticker":"{TAPER}"}}]}}"#);
    let answer = venue.call(0, "DELETE", &format!("{ORDERS}/batched"), &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let items = answer.json();
    assert_eq!(items["orders"][0]["error"]["code"], "not_found");
    assert_eq!(items["orders"][0]["reduced_by"], "0.00");
    assert_eq!((&items["orders"][1]["reduced_by"], &items["orders"][1]["order_id"]), (&"5.00".into(), &id.into()));
}

#[test]
fn a_batched_create_is_not_atomic_and_cancel_all_has_no_body() {
    let mut venue = Venue::immediate();
    let body = format!(
        r#"{{"orders":[{},{}]}}"#,
        order(CENTS, "bid", "1.00", "0.4000"),
        order(CENTS, "bid", "1.00", "0.4050")
    );
    let answer = venue.call(0, "POST", &format!("{ORDERS}/batched"), &body);
    assert_eq!(answer.status, 201);
    assert_eq!(answer.json()["orders"][0]["remaining_count"], "1.00");
    assert_eq!(answer.json()["orders"][1]["error"]["code"], "invalid_price");
    let named =
        |id: &str, price: &str| with(&order(CENTS, "bid", "1.00", price), &format!(r#""client_order_id":"{id}""#));
    let (off_grid, ill_named) = (named("one", "0.4050"), named("t.wo", "0.4000"));
    let failed =
        venue.call(0, "POST", &format!("{ORDERS}/batched"), &format!(r#"{{"orders":[{off_grid},{ill_named}]}}"#));
    let ids = failed.json()["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["client_order_id"].clone())
        .collect::<Vec<_>>();
    assert_eq!(ids, ["one", "t.wo"], "a refused entry has its client's id");
    let undecodable = order(CENTS, "bid", "1.00", "0.4000").replace(r#""1.00""#, "1");
    let refused =
        venue.call(0, "POST", &format!("{ORDERS}/batched"), &format!(r#"{{"orders":[{off_grid},{undecodable}]}}"#));
    assert_eq!((refused.status, refused.json()["code"].as_str()), (400, Some("bad_request")), "the whole batch");
    let canceled = venue.call(0, "DELETE", ORDERS, "");
    assert_eq!((canceled.status, canceled.text.as_str()), (204, ""));
    let orders = venue.get(0, "/trade-api/v2/portfolio/orders?status=resting");
    assert_eq!(orders["orders"].as_array().unwrap().len(), 0);
}

#[test]
fn an_order_reaches_the_engine_after_the_latency_and_is_answered_then() {
    let mut venue = Venue::new(GatewaySettings::default());
    let ticket = venue.send(0, "POST", ORDERS, &order(CENTS, "bid", "1.00", "0.4000"));
    venue.pass(49);
    assert_eq!(venue.response(ticket), None);
    assert!(venue.exchange.engine().orders_of(1).next().is_none());
    assert_eq!(venue.exchange.next_deadline_ms().map(|due_ms| due_ms <= START_MS + 50), Some(true));
    venue.pass(30);
    let answer = venue.response(ticket).expect("80 ms are more than 50");
    assert_eq!(answer.json()["ts_ms"], START_MS + 50, "at its own time, not when somebody looked");
    assert_eq!(venue.exchange.engine().orders_of(1).next().unwrap().reason, UpdateReason::Created);
}

#[test]
fn a_pause_rejects_orders_and_accepts_cancels() {
    let mut venue = Venue::immediate();
    let id = venue.create(0, &order(CENTS, "bid", "1.00", "0.4000")).json()["order_id"].as_str().unwrap().to_owned();
    let now = venue.now;
    venue.exchange.command(now, |engine, now_ms| engine.set_trading(0, false, now_ms));
    let refused = venue.create(0, &order(CENTS, "bid", "1.00", "0.4000"));
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (409, Some("trading_is_paused")));
    assert_eq!(venue.call(0, "DELETE", &format!("{ORDERS}/{id}"), "").status, 200);
}

#[test]
fn an_empty_token_bucket_gives_a_bare_429() {
    let mut venue =
        Venue::new(GatewaySettings { tier: Tier::Basic, order_latency_ms: 0, ..GatewaySettings::default() });
    let body = order(CENTS, "bid", "1.00", "0.0100").replace('}', r#","exchange_index":0}"#);
    for _ in 0..10 {
        assert_eq!(venue.create(0, &body).status, 201);
    }
    let refused = venue.create(0, &body);
    assert_eq!((refused.status, refused.text.as_str()), (429, r#"{"error":"too many requests"}"#));
    venue.pass(100);
    assert_eq!(venue.create(0, &body).status, 201);
}

#[test]
fn first_version_writes_say_where_to_go() {
    let mut venue = Venue::immediate();
    let answer = venue.call(0, "POST", "/trade-api/v2/portfolio/orders", "{}");
    assert_eq!(answer.status, 410);
    assert!(answer.text.contains("Please switch to the V2 endpoints"));
}

#[test]
fn each_wrong_header_gets_its_captured_answer() {
    let mut venue = Venue::immediate();
    let path = "/trade-api/v2/portfolio/balance";
    let mut ask = |key: Option<&str>, timestamp_ms: i64, signed_ms: i64, has_signature: bool| {
        let (timestamp, signature) = (timestamp_ms.to_string(), venue.clients[0].sign(signed_ms, "GET", path));
        let own = venue.clients[0].key_id.clone();
        let ticket = venue.send_raw(&HttpRequest {
            method: "GET",
            target: path,
            key_id: Some(key.unwrap_or(&own)),
            timestamp: Some(&timestamp),
            signature: has_signature.then_some(&signature),
            body: b"",
        });
        let answer = venue.response(ticket).unwrap();
        (answer.status, answer.text)
    };
    let now = START_MS;
    assert_eq!(ask(None, now, now, true).0, 200);
    assert_eq!(ask(None, now - 5_000, now - 5_000, true).0, 200);
    let expired = r#"{"error":{"code":"header_timestamp_expired","message":"header timestamp expired"}}"#;
    assert_eq!(ask(None, now - 30_000, now - 30_000, true), (401, expired.into()));
    assert_eq!(ask(None, now + 30_000, now + 30_000, true), (401, expired.into()));
    let missing =
        r#"{"error":{"code":"signature_is_missing_from_headers","message":"signature is missing from headers"}}"#;
    assert_eq!(ask(None, now, now, false), (401, missing.into()));
    let (status, text) = ask(None, now, now + 1, true);
    assert!(status == 401 && text.contains("INCORRECT_API_KEY_SIGNATURE"), "{text}");
    let (status, text) = ask(Some("nobody"), now, now, true);
    assert!(status == 401 && text.contains(r#""details":"NOT_FOUND""#), "{text}");
}

#[test]
fn an_rsa_key_signs_for_its_account_too() {
    let mut venue = Venue::with_keys(GatewaySettings::default(), &[issue_rsa().unwrap(), issue_ed25519().unwrap()]);
    let balance = venue.get(0, "/trade-api/v2/portfolio/balance");
    assert_eq!(balance["balance_dollars"], "2000.0000");
}

#[test]
fn an_expiration_that_cannot_be_written_is_refused_and_every_other_is_shown_as_it_was_given() {
    let mut venue = Venue::immediate();
    let until = |seconds: i64| with(&order(CENTS, "bid", "1.00", "0.4000"), &format!(r#""expiration_time":{seconds}"#));
    // Milliseconds instead of seconds, the first second after the last date, and the largest values.
    for seconds in [1_790_000_100_000, 253_402_207_201, i64::MAX / 1_000, i64::MAX] {
        let answer = venue.create(0, &until(seconds));
        assert_eq!(answer.status, 400, "{seconds}: {}", answer.text);
        assert_eq!(answer.json()["error"]["code"], "invalid_parameters");
        let batch =
            venue.call(0, "POST", &format!("{ORDERS}/batched"), &format!(r#"{{"orders":[{}]}}"#, until(seconds)));
        assert_eq!(batch.json()["orders"][0]["error"]["code"], "invalid_parameters", "{seconds}: {}", batch.text);
    }
    let id = venue.placed(0, &until(253_402_207_200));
    let shown = |venue: &mut Venue| venue.get(0, &format!("/trade-api/v2/portfolio/orders/{id}"))["order"].clone();
    assert_eq!(shown(&mut venue)["expiration_time"], "9999-12-30T22:00:00Z");
    let amend = |seconds: i64| {
        format!(r#"{{"ticker":"{CENTS}","side":"bid","price":"0.4000","count":"1.00","expiration_time":{seconds}}}"#)
    };
    let target = format!("{ORDERS}/{id}/amend");
    for seconds in [1_790_000_100_000, i64::MAX] {
        assert_eq!(venue.refused(0, "POST", &target, &amend(seconds)), (400, "invalid_parameters".to_owned()));
    }
    assert_eq!(shown(&mut venue)["expiration_time"], "9999-12-30T22:00:00Z", "a refused amend changes nothing");
}

#[test]
fn a_required_field_that_is_not_there_is_a_missing_parameter() {
    let mut venue = Venue::immediate();
    let whole = order(CENTS, "bid", "1.00", "0.4000");
    for (field, named) in [("time_in_force", "TimeInForce"), ("self_trade_prevention_type", "SelfTradePreventionType")]
    {
        let mut body: Value = serde_json::from_str(&whole).unwrap();
        body.as_object_mut().unwrap().remove(field);
        let answer = venue.create(0, &body.to_string());
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &"missing_parameters".into()));
        assert!(answer.text.contains(&format!("CreateOrderV2Request.{named}")), "{}", answer.text);
    }
}
