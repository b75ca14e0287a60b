//! Whatever a client sends as a write gets exactly one response, and nothing panics.

use proptest::prelude::*;

use super::*;

/// Values for fields: correct ones, wrong types, and the ends of ranges.
fn value() -> impl Strategy<Value = String> {
    let texts = ["", "bid", "ask", "0.4000", "0.40", "1.00", "0.01", "-1.00", "1e3", "99999999999999999999", "0.00001"];
    let words = ["good_till_canceled", "immediate_or_cancel", "fill_or_kill", "taker_at_cross", "maker", CENTS, TAPER];
    let uuid = "00000000-0000-4000-8000-000000000001";
    let quoted: Vec<String> = texts.into_iter().chain(words).chain([uuid]).map(|text| format!(r#""{text}""#)).collect();
    prop_oneof![
        4 => proptest::sample::select(quoted),
        2 => (-2i64..70).prop_map(|number| number.to_string()),
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(1_790_000_100)].prop_map(|number| number.to_string()),
        1 => Just("1.5".to_owned()),
        1 => any::<bool>().prop_map(|flag| flag.to_string()),
        1 => Just("null".to_owned()),
        1 => Just("[]".to_owned()),
    ]
}

const FIELDS: [&str; 27] = [
    "ticker",
    "client_order_id",
    "side",
    "count",
    "price",
    "expiration_time",
    "time_in_force",
    "post_only",
    "self_trade_prevention_type",
    "cancel_order_on_pause",
    "reduce_only",
    "subaccount",
    "order_group_id",
    "exchange_index",
    "updated_client_order_id",
    "reduce_by",
    "reduce_to",
    "market_ticker",
    "order_id",
    "contracts_limit",
    "contracts_limit_fp",
    "client_transfer_id",
    "from_subaccount",
    "to_subaccount",
    "amount_cents",
    "subaccount_number",
    "enabled",
];

/// A body of random fields, often on top of a complete order.
fn body() -> impl Strategy<Value = String> {
    let fields = proptest::collection::btree_map(proptest::sample::select(FIELDS.to_vec()), value(), 0..8);
    (fields, any::<bool>()).prop_map(|(mut fields, is_order)| {
        if is_order {
            let whole: serde_json::Map<String, Value> =
                serde_json::from_str(&order(CENTS, "bid", "1.00", "0.4000")).unwrap();
            for (key, value) in whole {
                if let Some(key) = FIELDS.iter().find(|field| **field == key) {
                    fields.entry(key).or_insert_with(|| value.to_string());
                }
            }
        }
        let fields: Vec<String> = fields.into_iter().map(|(key, value)| format!(r#""{key}":{value}"#)).collect();
        format!("{{{}}}", fields.join(","))
    })
}

/// A write with the id of a resting order, of a group, or of nothing.
fn target(write: usize, id: &str) -> (&'static str, String) {
    let groups = "/trade-api/v2/portfolio/order_groups";
    let subaccounts = "/trade-api/v2/portfolio/subaccounts";
    match write {
        0 => ("POST", ORDERS.to_owned()),
        1 => ("POST", format!("{ORDERS}/{id}/amend")),
        2 => ("POST", format!("{ORDERS}/{id}/decrease")),
        3 => ("DELETE", format!("{ORDERS}/{id}")),
        4 => ("POST", format!("{groups}/create")),
        5 => ("PUT", format!("{groups}/{id}/limit")),
        6 => ("PUT", format!("{groups}/{id}/reset")),
        7 => ("PUT", format!("{groups}/{id}/trigger")),
        8 => ("POST", subaccounts.to_owned()),
        9 => ("POST", format!("{subaccounts}/transfer")),
        10 => ("PUT", format!("{subaccounts}/netting")),
        11 => ("POST", format!("{ORDERS}/batched")),
        _ => ("DELETE", format!("{ORDERS}/batched")),
    }
}

proptest! {
    #[test]
    fn whatever_a_client_writes_is_answered_with_a_documented_status(
        writes in proptest::collection::vec((0usize..13, 0usize..3, body(), ".{0,20}"), 1..12),
    ) {
        let mut venue = Venue::immediate();
        let group = venue.call(0, "POST", "/trade-api/v2/portfolio/order_groups/create", r#"{"contracts_limit":5}"#);
        let group = group.json()["order_group_id"].as_str().unwrap().to_owned();
        let within = with(&order(CENTS, "bid", "2.00", "0.3000"), &format!(r#""order_group_id":"{group}""#));
        let resting = venue.placed(0, &within);
        for (write, id, body, junk) in writes {
            let (method, target) = target(write, [&resting, &group, "nothing"][id]);
            let batch = format!(r#"{{"orders":[{body}]}}"#);
            for body in [&body, &batch, &junk] {
                let answer = venue.call(0, method, &target, body);
                let documented = [200, 201, 400, 403, 404, 409];
                prop_assert!(documented.contains(&answer.status), "{method} {target} {body}: {}", answer.text);
                prop_assert!(answer.json().is_object(), "{method} {target} {body}: {}", answer.text);
            }
        }
    }
}
