//! Kills on venues whose lists are malformed, endless or unanswered.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::kill::{Kill, KillReport, KillSettings, KillWays, KnownOrder, Trigger};
use crate::market::OrderId;
use crate::network::rest::RestClient;
use crate::network::testing::{credentials, read_request, server, trust};

const OURS: &str = "kact-00000000000000aa-00000001";
const SETTINGS: KillSettings =
    KillSettings { read_lag: Duration::from_millis(1), patience: Duration::from_millis(1_500) };

fn id(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// The requests that a venue has received: request line and body.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

/// A venue that computes the status and body of its answer from the request's line and body.
fn venue(answer: impl Fn(&str, &str) -> (u16, String) + Send + Sync + 'static) -> (RestClient, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let endpoint = server("http", move |_, mut peer| {
        loop {
            let request = read_request(&mut *peer);
            if request.is_empty() {
                return;
            }
            let line = request.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
            let sent = request.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
            let (status, body) = answer(&line, &sent);
            log.lock().unwrap().push((line, sent));
            let response = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            peer.write_all(response.as_bytes()).unwrap();
        }
    });
    (RestClient::new(&endpoint, &trust(), Some(credentials()), Duration::from_secs(3)), seen)
}

/// The answer that confirms all cancels of a batch.
fn confirmed(body: &str) -> String {
    let request: serde_json::Value = serde_json::from_str(body).unwrap();
    let items: Vec<_> = request["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| serde_json::json!({ "order_id": item["order_id"], "reduced_by": "1.00", "ts_ms": 1 }))
        .collect();
    serde_json::json!({ "orders": items }).to_string()
}

fn run(client: &RestClient, settings: KillSettings, triggers: &[Trigger], known: &[KnownOrder]) -> KillReport {
    let mut known_orders = || known.to_vec();
    let ways = KillWays { everything: false, known_orders: &mut known_orders, tell: &mut |_| () };
    Kill::new(client, settings, triggers, ways).run().report
}

/// The id, market and shard of each cancel that a venue has received.
fn cancels(seen: &Seen) -> Vec<(String, Option<String>, Option<i64>)> {
    let seen = seen.lock().unwrap();
    let bodies = seen.iter().filter(|(line, _)| line.starts_with("DELETE") && line.ends_with("/batched"));
    let items = bodies.flat_map(|(_, body)| {
        let request: serde_json::Value = serde_json::from_str(body).unwrap();
        request["orders"].as_array().unwrap().clone()
    });
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    items
        .map(|item| (text(&item["order_id"]).unwrap(), text(&item["market_ticker"]), item["exchange_index"].as_i64()))
        .collect()
}

#[test]
fn what_is_ours_is_cancelled_whatever_else_is_on_the_page_and_whatever_it_says_of_itself() {
    let page = [
        format!(
            r#"{{"order_id":"{}","client_order_id":"{OURS}","ticker":"KXA","exchange_index":2,"status":"parked","yes_price_dollars":null}}"#,
            id(1)
        ),
        r#"{"order_id":"x","client_order_id":"someone","status":"parked","self_trade_prevention_type":"both"}"#
            .to_owned(),
        format!(r#"{{"order_id":"{}","client_order_id":17,"ticker":[]}}"#, id(2)),
        "null".to_owned(),
        format!(r#"{{"order_id":"{}","client_order_id":"{OURS}","exchange_index":-1}}"#, id(3)),
    ];
    let first = std::sync::atomic::AtomicBool::new(true);
    let (client, seen) = venue(move |line, body| match line {
        line if line.starts_with("DELETE") => (200, confirmed(body)),
        _ if first.swap(false, std::sync::atomic::Ordering::Relaxed) => {
            (200, format!(r#"{{"orders":[{}]}}"#, page.join(",")))
        }
        _ => (200, r#"{"orders":null}"#.to_owned()),
    });
    let report = run(&client, SETTINGS, &[], &[]);
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.found, report.cancelled, report.foreign), (2, 2, 0), "{report}");
    let mut expected = vec![(id(1), Some("KXA".to_owned()), Some(2))];
    expected.extend((0..=3).map(|shard| (id(3), None, Some(shard))));
    let mut found = cancels(&seen);
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "an order that names neither its market nor its shard is looked for on all of them");
    assert!(report.problems.iter().any(|problem| problem.contains("order x (number 2 of its list) cannot be used")));
}

#[test]
fn an_order_of_ours_without_an_id_is_left_and_named() {
    let (client, _) =
        venue(|_, _| (200, format!(r#"{{"orders":[{{"order_id":null,"client_order_id":"{OURS}","ticker":"KXA"}}]}}"#)));
    let report = run(&client, SETTINGS, &[], &[]);
    assert!(!report.is_clean());
    assert!(report.to_string().contains(&format!("still open: order without an id ({OURS}) in KXA")), "{report}");
}

#[test]
fn a_cursor_that_comes_again_costs_no_order_and_ends_with_its_name() {
    let order = format!(r#"{{"order_id":"{}","client_order_id":"{OURS}","ticker":"KXA","exchange_index":0}}"#, id(1));
    let (client, seen) = venue(move |line, body| match line {
        line if line.starts_with("DELETE") => (200, confirmed(body)),
        line if line.ends_with("cursor=p2") => (200, format!(r#"{{"orders":[{order}],"cursor":"p2"}}"#)),
        _ => (200, r#"{"orders":[],"cursor":"p2"}"#.to_owned()),
    });
    let report = run(&client, SETTINGS, &[], &[]);
    assert_eq!(report.cancelled, 1);
    assert!(cancels(&seen).contains(&(id(1), Some("KXA".to_owned()), Some(0))));
    let text = report.to_string();
    assert!(!report.is_clean() && text.contains("cursor=p2: the list does not end: cursor `p2` came before"), "{text}");
}

#[test]
fn a_list_without_end_is_left_when_the_time_is_over() {
    let pages = std::sync::atomic::AtomicU64::new(0);
    let (client, _) = venue(move |_, _| {
        let page = pages.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(20));
        (200, format!(r#"{{"orders":[],"cursor":"p{page}"}}"#))
    });
    let report = run(&client, SETTINGS, &[], &[]);
    assert!(report.unseen.as_ref().is_some_and(|problem| problem.contains("the time is over")), "{report}");
}

#[test]
fn when_the_list_cannot_be_read_groups_and_known_ids_are_used() {
    let (client, seen) = venue(|line, body| match line {
        line if line.starts_with("DELETE") && line.ends_with("/batched") => {
            (200, confirmed(body).replace(&format!(r#""order_id":"{}""#, id(9)), r#""order_id":null"#))
        }
        line if line.starts_with("DELETE") => (200, "{}".to_owned()),
        line if line.starts_with("PUT") => (500, String::new()),
        _ => (200, r#"{"orders":{}}"#.to_owned()),
    });
    let trigger = Trigger {
        exchange_index: 2,
        path: "/groups/g/trigger?exchange_index=2".to_owned(),
        delete_path: "/groups/g?exchange_index=2".to_owned(),
        signature: None,
    };
    let known = [(9, None), (1, Some("KXA".to_owned()))];
    let known = known.map(|(number, ticker)| KnownOrder { order: OrderId::parse(&id(number)).unwrap(), ticker });
    let mut known_orders = || known.to_vec();
    let mut told = Vec::new();
    let ways =
        KillWays { everything: false, known_orders: &mut known_orders, tell: &mut |what| told.push(what.to_owned()) };
    let triggers = [trigger];
    let killed = Kill::new(&client, SETTINGS, &triggers, ways).run();
    assert_eq!((killed.triggered, killed.report.cancelled), (1, 1), "{}", killed.report);
    let lines: Vec<_> = seen.lock().unwrap().iter().map(|(line, _)| line.clone()).collect();
    assert!(lines.contains(&"DELETE /groups/g?exchange_index=2".to_owned()), "{lines:?}");
    assert!(cancels(&seen).contains(&(id(1), Some("KXA".to_owned()), None)));
    assert!(!killed.report.is_clean() && killed.report.to_string().contains("some of ours may be open"));
    assert!(told[0].contains("resting orders cannot be read") && told[0].contains("trying for another"), "{told:?}");
}

#[test]
fn a_kill_ends_within_its_time_however_long_reads_may_lag() {
    let (client, _) = venue(|_, _| (200, r#"{"orders":[]}"#.to_owned()));
    let settings = KillSettings { read_lag: Duration::from_hours(1), patience: Duration::from_millis(300) };
    let report = run(&client, settings, &[], &[]);
    assert!(!report.is_clean() && report.unconfirmed.is_some(), "{report}");
    assert!(report.to_string().contains("reads may lag for longer"), "{report}");
}
