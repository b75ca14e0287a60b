//! Faults that need real sockets and threads, injected over the control endpoint while a session trades.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use crate::common::{Trading, config};

/// Calls the control endpoint at `origin`, such as `http://127.0.0.1:1234`.
fn control(origin: &str, method: &str, path: &str, body: &str) -> Value {
    let address = origin.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{response}");
    serde_json::from_str(body).unwrap()
}

#[test]
fn one_fault_after_another_is_survived_over_real_sockets() {
    let mut config = config(3);
    config.orders.answer_timeout_ms = 1_000;
    config.risk.breaker_ms = 1_000;
    let mut trading = Trading::start(311, config);
    let origin = trading.origin();
    trading.wait_for_more(1, 1);
    for fault in [
        r#"{"fault":"cut_answer","times":2}"#,
        r#"{"fault":"truncate_answer","times":2}"#,
        r#"{"fault":{"fail_answer":{"status":500}},"times":2}"#,
        r#"{"fault":{"refuse_request":{"status":503}}}"#,
        r#"{"fault":{"refuse_request":{"status":429}},"times":2}"#,
        r#"{"fault":"double_request","times":2}"#,
        r#"{"fault":{"truncate_frame":{"channel":"orderbook_delta"}}}"#,
        r#"{"fault":{"malform_frame":{"channel":"fill"}}}"#,
        r#"{"fault":{"delay_channel":{"channel":"user_orders","by_ms":500,"for_ms":2000}}}"#,
        r#"{"fault":{"cancel_before_fill":{"within_ms":2000}},"times":2}"#,
        r#"{"fault":{"refuse_read":{"status":503}},"times":2}"#,
        r#"{"fault":{"stall_sessions":{"for_ms":1500}}}"#,
        r#"{"fault":{"pause_trading":{"for_ms":1500}}}"#,
        r#"{"fault":{"offset_clock":{"by_ms":-60000,"for_ms":1000}}}"#,
        r#"{"fault":{"refuse_sessions":{"for_ms":1000}}}"#,
        r#"{"fault":"cut_sessions"}"#,
    ] {
        control(&origin, "POST", "/control/faults", fault);
        trading.wait_for_more(2, 1);
    }
    let overview = control(&origin, "GET", "/control", "");
    let took_effect = overview["took_effect"].as_object().unwrap();
    println!("{took_effect:?}, still armed {}", overview["armed"]);
    for name in ["cut_answer", "truncate_answer", "fail_answer", "refuse_request", "stall_sessions", "cut_sessions"] {
        assert!(took_effect.get(name).is_some_and(|count| count.as_u64() >= Some(1)), "{name}: {took_effect:?}");
    }
    let state = control(&origin, "DELETE", "/control/faults", "");
    assert_eq!(state["armed"], Value::Array(Vec::new()));
    trading.wait_for_more(2, 1);
    trading.stop().assert_agrees();
}
