//! Whatever a client sends gets one response of a documented kind: never a panic, never silence.

use proptest::prelude::*;

use super::*;

const STATUSES: [u16; 11] = [200, 201, 204, 400, 401, 403, 404, 409, 410, 429, 503];

/// Paths of every call, with something in their variable parts.
fn paths() -> impl Strategy<Value = String> {
    let id = prop_oneof![
        Just("00000000-0000-0000-0000-000000000000".to_owned()),
        Just(CENTS.to_owned()),
        Just("KXSIMCENT-0001".to_owned()),
        Just("KXSIMCENT".to_owned()),
        "[ -~]{0,40}",
        any::<String>(),
    ];
    let call = prop::sample::select(vec![
        "/exchange/status",
        "/exchange/schedule",
        "/exchange/user_data_timestamp",
        "/markets",
        "/markets/trades",
        "/markets/orderbooks",
        "/markets/{}",
        "/markets/{}/orderbook",
        "/events",
        "/events/multivariate",
        "/events/fee_changes",
        "/events/{}",
        "/events/{}/metadata",
        "/series",
        "/series/fee_changes",
        "/series/{}",
        "/account/limits",
        "/account/endpoint_costs",
        "/portfolio/balance",
        "/portfolio/positions",
        "/portfolio/orders",
        "/portfolio/orders/queue_positions",
        "/portfolio/orders/{}",
        "/portfolio/orders/{}/queue_position",
        "/portfolio/fills",
        "/portfolio/settlements",
        "/portfolio/subaccounts/netting",
        "/portfolio/summary/total_resting_order_value",
        "/portfolio/events/orders",
        "/portfolio/events/orders/batched",
        "/portfolio/events/orders/{}",
        "/portfolio/events/orders/{}/amend",
        "/portfolio/events/orders/{}/decrease",
        "/{}",
    ]);
    (call, id).prop_map(|(call, id)| format!("/trade-api/v2{}", call.replace("{}", &id)))
}

fn queries() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "limit",
        "cursor",
        "status",
        "ticker",
        "tickers",
        "event_ticker",
        "series_ticker",
        "market_ticker",
        "market_tickers",
        "mve_filter",
        "depth",
        "min_ts",
        "max_ts",
        "min_close_ts",
        "min_created_ts",
        "max_settled_ts",
        "min_updated_ts",
        "with_nested_markets",
        "exclude_markets",
        "include_volume",
        "is_block_trade",
        "settlement_status",
        "count_filter",
        "subaccount",
        "exchange_index",
        "order_id",
    ]);
    let value = prop_oneof![
        Just(String::new()),
        any::<i64>().prop_map(|number| number.to_string()),
        (-2i64..=70).prop_map(|number| number.to_string()),
        "[0-9]{1,30}",
        prop::sample::select(vec!["true", "open", "all", "position", "p9", "up5", "t9.0.x", "exclude", CENTS])
            .prop_map(str::to_owned),
        "[ -~]{0,20}",
        any::<String>(),
    ];
    prop::collection::vec((name, value), 0..4).prop_map(|pairs| {
        let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    })
}

fn json_values() -> impl Strategy<Value = Value> + Clone {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::from(Vec::<Value>::new())),
        Just(serde_json::json!({ "error": {} })),
        prop::sample::select(vec![
            "bid",
            "ask",
            "1",
            "1.00",
            "0.4",
            "0.4000",
            "0.40001",
            "-1",
            "1e5",
            "",
            "immediate_or_cancel",
            "good_till_canceled",
            "maker",
            "taker_at_cross",
            CENTS,
            "99999999999999999999",
            "00000000-0000-0000-0000-000000000000",
        ])
        .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ]
}

/// Bodies: random bytes, and orders with some fields wrong, missing or unknown.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let keys = prop::sample::select(vec![
        "ticker",
        "client_order_id",
        "side",
        "count",
        "price",
        "time_in_force",
        "self_trade_prevention_type",
        "expiration_time",
        "post_only",
        "reduce_only",
        "cancel_order_on_pause",
        "subaccount",
        "order_group_id",
        "exchange_index",
        "reduce_by",
        "reduce_to",
        "market_ticker",
        "orders",
        "order_id",
        "updated_client_order_id",
    ]);
    let object = prop::collection::vec((keys, json_values()), 0..4).prop_map(|changes| {
        let mut body: Value = serde_json::from_str(&order(CENTS, "bid", "1.00", "0.4000")).unwrap();
        for (key, value) in changes {
            body[key] = value;
        }
        body
    });
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        json_values().prop_map(|value| value.to_string().into_bytes()),
        object.clone().prop_map(|body| body.to_string().into_bytes()),
        prop::collection::vec(object, 0..4)
            .prop_map(|orders| serde_json::json!({ "orders": orders }).to_string().into_bytes()),
    ]
}

/// What is wrong with the signature.
#[derive(Clone, Copy, Debug)]
enum Signing {
    Right,
    Absent,
    Mixed,
}

/// Checks that a response is of a documented kind.
fn assert_documented(answer: &Answer, told: &str) {
    assert!(STATUSES.contains(&answer.status), "{} for {told}", answer.status);
    if answer.status == 204 {
        assert_eq!(answer.text, "", "{told}");
    } else if answer.status != 404 || answer.text != "404 page not found" {
        let body = answer.json();
        let keys: Vec<&String> =
            body.as_object().unwrap_or_else(|| panic!("{} for {told}", answer.text)).keys().collect();
        let shaped = match answer.status {
            200 | 201 => !keys.is_empty(),
            429 => body["error"] == "too many requests",
            _ => body["error"]["code"].is_string() || body["code"].is_string() || body["msg"].is_string(),
        };
        assert!(shaped, "{} {} for {told}", answer.status, answer.text);
    }
}

/// Commands of which any part may be wrong, and texts that are not commands at all.
fn commands() -> impl Strategy<Value = String> {
    let command =
        prop::sample::select(vec!["subscribe", "unsubscribe", "update_subscription", "list_subscriptions", "x"]);
    let keys = prop::sample::select(vec![
        "channels",
        "market_ticker",
        "market_tickers",
        "sid",
        "sids",
        "action",
        "send_initial_snapshot",
        "use_yes_price",
        "skip_ticker_ack",
    ]);
    let word = prop::sample::select(vec![
        "orderbook_delta",
        "ticker",
        "trade",
        "fill",
        "user_orders",
        "market_positions",
        "market_lifecycle_v2",
        "multivariate",
        "add_markets",
        "delete_markets",
        "get_snapshot",
        CENTS,
        "",
    ]);
    let value = prop_oneof![
        4 => prop::collection::vec(word.clone(), 0..3).prop_map(Value::from),
        4 => word.prop_map(Value::from),
        2 => prop::collection::vec(0u64..6, 0..3).prop_map(Value::from),
        2 => (0u64..6).prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => json_values(),
    ];
    let parts = (command, prop_oneof![4 => any::<u8>().prop_map(Value::from), 1 => json_values()]);
    prop_oneof![
        9 => (parts, prop::collection::vec((keys, value), 0..4)).prop_map(|((cmd, id), params)| {
            let params: serde_json::Map<String, Value> =
                params.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            serde_json::json!({ "id": id, "cmd": cmd, "params": params }).to_string()
        }),
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn every_request_gets_one_answer_of_a_documented_kind(
        requests in prop::collection::vec(
            (
                prop_oneof![
                    8 => prop::sample::select(vec!["GET", "POST", "DELETE", "PUT"]).prop_map(str::to_owned),
                    1 => "[A-Z]{1,8}",
                ],
                prop_oneof![9 => paths(), 1 => "[ -~]{0,60}"],
                queries(),
                bodies(),
                prop::sample::select(vec![Signing::Right, Signing::Right, Signing::Right, Signing::Absent, Signing::Mixed]),
                "[ -~]{0,30}",
            ),
            40..80,
        ),
        limited in any::<bool>(),
    ) {
        let tier = if limited { Tier::Basic } else { Tier::Unlimited };
        let mut venue = Venue::new(GatewaySettings { tier, ..GatewaySettings::default() });
        for (method, path, query, body, signing, junk) in requests {
            let target = format!("{path}{query}");
            let signed = target.split('?').next().unwrap().to_owned();
            let timestamp = venue.now.wall_ms.to_string();
            let signature = venue.clients[0].sign(venue.now.wall_ms, &method, &signed);
            let key_id = venue.clients[0].key_id.clone();
            let request = HttpRequest { method: &method, target: &target, key_id: None, timestamp: None, signature: None, body: &body };
            let request = match signing {
                Signing::Absent => request,
                Signing::Right => HttpRequest { key_id: Some(&key_id), timestamp: Some(&timestamp), signature: Some(&signature), ..request },
                Signing::Mixed => HttpRequest { key_id: Some(&key_id), timestamp: Some(&junk), signature: Some(&junk), ..request },
            };
            let ticket = venue.send_raw(&request);
            let told = format!("{method} {target} {}", String::from_utf8_lossy(&body));
            let at_once = venue.response(ticket);
            venue.pass(60);
            let late = venue.response(ticket);
            prop_assert!(at_once.is_some() != late.is_some(), "one answer for {told}");
            assert_documented(&at_once.or(late).unwrap(), &told);
        }
    }
    #[test]
    fn every_command_gets_a_reply_of_a_documented_type(texts in prop::collection::vec(commands(), 1..40)) {
        let mut venue = Venue::immediate();
        venue.open(0, 1);
        for text in texts {
            let frames = venue.command(1, &text);
            let types: Vec<&str> = frames.iter().map(|frame| frame["type"].as_str().unwrap_or_default()).collect();
            let replies = ["subscribed", "unsubscribed", "ok", "error"];
            prop_assert!(types.first().is_some_and(|first| replies.contains(first)), "{types:?} to {text}");
            let data = ["orderbook_snapshot", "ticker"];
            prop_assert!(types.iter().all(|other| replies.contains(other) || data.contains(other)), "{types:?} to {text}");
        }
    }
}
