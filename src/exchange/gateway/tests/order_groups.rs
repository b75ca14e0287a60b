//! Order groups over REST and on their channel.

use super::*;

const GROUPS: &str = "/trade-api/v2/portfolio/order_groups";

/// Creates a group of the first client. Returns its id.
fn group(venue: &mut Venue, body: &str) -> String {
    let answer = venue.call(0, "POST", &format!("{GROUPS}/create"), body);
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.json()["order_group_id"].as_str().unwrap().to_owned()
}

fn within(group: &str, body: &str) -> String {
    with(body, &format!(r#""order_group_id":"{group}""#))
}

#[test]
fn a_group_is_made_listed_read_and_deleted() {
    let mut venue = Venue::immediate();
    let made = venue.call(0, "POST", &format!("{GROUPS}/create"), r#"{"contracts_limit":5}"#).json();
    let id = made["order_group_id"].as_str().unwrap().to_owned();
    assert_eq!((&made["subaccount"], &made["exchange_index"]), (&0.into(), &0.into()));
    let order_id = venue.placed(0, &within(&id, &order(CENTS, "bid", "3.00", "0.4000")));
    let listed = venue.get(0, GROUPS);
    assert_eq!(
        listed.to_string(),
        format!(
            r#"{{"order_groups":[{{"contracts_limit_fp":"5.00","exchange_index":0,"id":"{id}","is_auto_cancel_enabled":false}}]}}"#
        )
    );
    let read = venue.get(0, &format!("{GROUPS}/{id}"));
    assert_eq!((&read["orders"][0], &read["contracts_limit_fp"]), (&order_id.as_str().into(), &"5.00".into()));
    let shown = venue.get(0, &format!("/trade-api/v2/portfolio/orders/{order_id}"));
    assert_eq!(shown["order"]["order_group_id"], id);
    let deleted = venue.call(0, "DELETE", &format!("{GROUPS}/{id}"), "");
    assert_eq!((deleted.status, deleted.text.as_str()), (200, "{}"));
    let shown = venue.get(0, &format!("/trade-api/v2/portfolio/orders/{order_id}"));
    assert_eq!(
        (&shown["order"]["status"], &shown["order"]["order_group_id"]),
        (&"canceled".into(), &id.as_str().into())
    );
    assert_eq!(venue.call(0, "GET", &format!("{GROUPS}/{id}"), "").status, 404);
}

#[test]
fn limits_are_whole_or_fixed_point_and_must_agree() {
    let mut venue = Venue::immediate();
    let fixed = group(&mut venue, r#"{"contracts_limit_fp":"2.50"}"#);
    assert_eq!(venue.get(0, &format!("{GROUPS}/{fixed}"))["contracts_limit_fp"], "2.50");
    group(&mut venue, r#"{"contracts_limit":2,"contracts_limit_fp":"2.00"}"#);
    let empty = venue.refused(0, "POST", &format!("{GROUPS}/create"), "{}");
    assert_eq!(empty, (400, "missing_parameters".to_owned()));
    for refused in [
        r#"{"contracts_limit":0}"#,
        r#"{"contracts_limit":1000001}"#,
        r#"{"contracts_limit":9223372036854775807}"#,
        r#"{"contracts_limit_fp":"0.99"}"#,
        r#"{"contracts_limit_fp":"x"}"#,
        r#"{"contracts_limit":2,"contracts_limit_fp":"2.01"}"#,
        r#"{"contracts_limit":2,"exchange_index":-1}"#,
        r#"{"contracts_limit":2,"subaccount":64}"#,
    ] {
        let answer = venue.refused(0, "POST", &format!("{GROUPS}/create"), refused);
        assert_eq!(answer, (400, "invalid_parameters".to_owned()), "{refused}");
    }
    let number = venue.call(0, "POST", &format!("{GROUPS}/create"), r#"{"contracts_limit":"5"}"#);
    assert_eq!((number.status, number.json()["code"].as_str()), (400, Some("bad_request")));
    let nowhere = venue.refused(0, "POST", &format!("{GROUPS}/create"), r#"{"contracts_limit":2,"exchange_index":1}"#);
    assert_eq!(nowhere, (404, "user_not_found".to_owned()));
}

#[test]
fn a_triggered_group_refuses_orders_until_its_reset_and_its_channel_tells() {
    let mut venue = Venue::immediate();
    venue.open(0, 7);
    venue.open(1, 8);
    let subscribe = r#"{"id":1,"cmd":"subscribe","params":{"channels":["order_group_updates"]}}"#;
    for session in [7, 8] {
        assert_eq!(venue.command(session, subscribe)[0]["type"], "subscribed");
    }
    let id = group(&mut venue, r#"{"contracts_limit":2}"#);
    let resting = venue.placed(0, &within(&id, &order(CENTS, "bid", "9.00", "0.4000")));
    venue.placed(1, &order(CENTS, "ask", "3.00", "0.4000"));
    assert_eq!(venue.get(0, &format!("{GROUPS}/{id}"))["is_auto_cancel_enabled"], true);
    let shown = venue.get(0, &format!("/trade-api/v2/portfolio/orders/{resting}"));
    assert_eq!((&shown["order"]["status"], &shown["order"]["fill_count_fp"]), (&"canceled".into(), &"3.00".into()));
    let body = within(&id, &order(CENTS, "bid", "1.00", "0.3000"));
    assert_eq!(venue.refused(0, "POST", ORDERS, &body), (409, "EXCEEDED_ORDER_GROUP_RISK_LIMIT".to_owned()));
    for (call, body) in [("reset", "{}"), ("trigger", ""), ("reset", ""), ("limit", r#"{"contracts_limit_fp":"7.00"}"#)]
    {
        let answer = venue.call(0, "PUT", &format!("{GROUPS}/{id}/{call}"), body);
        assert_eq!((answer.status, answer.text.as_str()), (200, "{}"), "{call}");
    }
    assert_eq!(venue.create(0, &body).status, 201);
    let told = venue.frames(7);
    let events: Vec<_> = told.iter().map(|frame| frame["msg"]["event_type"].as_str().unwrap()).collect();
    assert_eq!(events, ["created", "triggered", "reset", "triggered", "reset", "limit_updated"]);
    let seqs: Vec<_> = told.iter().map(|frame| frame["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
    assert_eq!(
        (&told[0]["type"], &told[0]["msg"]["order_group_id"]),
        (&"order_group_updates".into(), &id.as_str().into())
    );
    assert_eq!(
        (&told[0]["msg"]["contracts_limit_fp"], told[1]["msg"].get("contracts_limit_fp")),
        (&"2.00".into(), None)
    );
    assert_eq!((&told[5]["msg"]["contracts_limit_fp"], &told[5]["msg"]["ts_ms"]), (&"7.00".into(), &START_MS.into()));
    assert!(venue.frames(8).is_empty(), "the other account has no groups");
}

#[test]
fn a_group_is_looked_up_where_the_request_says_and_never_routed() {
    let mut venue = Venue::immediate();
    let id = group(&mut venue, r#"{"contracts_limit":2,"exchange_index":2}"#);
    let reset = |place: &str| format!("{GROUPS}/{id}/reset{place}");
    let not_found = (404, "not_found".to_owned());
    assert_eq!(venue.refused(0, "PUT", &reset(""), ""), not_found, "shard 0 is assumed");
    assert_eq!(venue.refused(0, "PUT", &reset("?exchange_index=2&subaccount=1"), ""), not_found);
    assert_eq!(venue.refused(1, "PUT", &reset("?exchange_index=2"), ""), not_found);
    assert_eq!(venue.refused(0, "PUT", &reset("?exchange_index=-1"), ""), (400, "invalid_parameters".to_owned()));
    assert_eq!(venue.call(0, "PUT", &reset("?exchange_index=2"), "").status, 200);
    assert_eq!(venue.refused(0, "PUT", &format!("{GROUPS}/none/reset"), ""), not_found);
    let body = within(&id, &order(CENTS, "bid", "1.00", "0.3000"));
    assert_eq!(venue.refused(0, "POST", ORDERS, &body), (404, "ORDER_GROUP_NOT_FOUND".to_owned()), "another shard");
    assert_eq!(venue.create(0, &within(&id, &order(TAPER, "bid", "1.00", "0.3000"))).status, 201);
    assert_eq!(venue.get(0, &format!("{GROUPS}?subaccount=1"))["order_groups"].as_array().unwrap().len(), 0);
    assert_eq!(venue.get(1, GROUPS)["order_groups"].as_array().unwrap().len(), 0);
}
