//! The control endpoint of a running exchange, which triggers faults on demand over HTTP. It is reachable from this machine
//! only (the server rejects requests from elsewhere or from a web page), lies outside the exchange's own paths, takes no
//! signature, and is not part of Kalshi.
//!
//! | call | what it does |
//! |---|---|
//! | `GET /control` | lists the faults with examples, the armed ones, and how often each took effect |
//! | `POST /control/faults` | arms a fault: `{"fault":"cut_sessions"}`, `{"fault":{"delay_answer":{"by_ms":1200}},"times":3}` |
//! | `DELETE /control/faults` | disarms every armed and planned fault, and ends those in progress, pauses included |

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{CATALOG, Fault};
use super::gateway::{ExchangeNow, HttpRequest, HttpResponse};
use super::venue::Exchange;

/// The path of the endpoint.
pub const CONTROL_PATH: &str = "/control";
/// How often one call may arm a fault.
const TIMES_MAX: u32 = 10_000;

/// The body of a request to arm a fault.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    fault: Fault,
    #[serde(default = "once")]
    times: u32,
}

const fn once() -> u32 {
    1
}

/// Whether a path belongs to the control endpoint.
#[must_use]
pub fn is_control(path: &str) -> bool {
    path.strip_prefix(CONTROL_PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The methods that a path of the control endpoint accepts.
#[must_use]
pub fn methods(path: &str) -> &'static [&'static str] {
    match path {
        CONTROL_PATH => &["GET", "HEAD"],
        "/control/faults" => &["POST", "DELETE"],
        _ => &[],
    }
}

/// Responds to a request.
pub fn answer(exchange: &mut Exchange, request: &HttpRequest<'_>, now: ExchangeNow) -> HttpResponse {
    exchange.advance(now);
    let path = request.target.split('?').next().unwrap_or_default();
    match (request.method, path) {
        ("GET", CONTROL_PATH) => respond(200, &overview(exchange)),
        ("POST", "/control/faults") => match arm(exchange, request.body) {
            Ok(()) => respond(200, &state(exchange)),
            Err(reason) => refuse(400, "bad_request", &reason),
        },
        ("DELETE", "/control/faults") => {
            exchange.disarm();
            respond(200, &state(exchange))
        }
        (_, CONTROL_PATH) => refuse(405, "method_not_allowed", "expected GET"),
        (_, "/control/faults") => refuse(405, "method_not_allowed", "expected POST or DELETE"),
        _ => refuse(404, "not_found", "expected /control or /control/faults"),
    }
}

fn arm(exchange: &mut Exchange, body: &[u8]) -> Result<(), String> {
    let order: Order = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    order.fault.check()?;
    if !(1..=TIMES_MAX).contains(&order.times) {
        return Err(format!("times = {}: expected 1 to {TIMES_MAX}", order.times));
    }
    (0..order.times).for_each(|_| exchange.arm(order.fault));
    Ok(())
}

/// The armed faults, and how often each took effect.
fn state(exchange: &Exchange) -> Value {
    let gateway = exchange.gateway();
    json!({ "armed": gateway.armed_faults(), "took_effect": gateway.fault_effects() })
}

fn overview(exchange: &Exchange) -> Value {
    let faults: Vec<Value> = CATALOG
        .iter()
        .map(|entry| {
            let example: Value = serde_json::from_str(entry.example).expect("a test parses every example as JSON");
            json!({ "name": entry.name, "what": entry.what, "body": { "fault": example } })
        })
        .collect();
    let mut overview = state(exchange);
    overview["faults"] = Value::Array(faults);
    overview
}

fn respond(status: u16, body: &Value) -> HttpResponse {
    HttpResponse { status, body: body.to_string().into_bytes() }
}

fn refuse(status: u16, code: &str, message: &str) -> HttpResponse {
    respond(status, &json!({ "error": { "code": code, "message": message } }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: ExchangeNow = ExchangeNow { session_ms: 1_000, wall_ms: 1_000 };

    fn call(exchange: &mut Exchange, method: &str, target: &str, body: &str) -> (u16, Value) {
        let request =
            HttpRequest { method, target, key_id: None, timestamp: None, signature: None, body: body.as_bytes() };
        let response = answer(exchange, &request, NOW);
        (response.status, serde_json::from_slice(&response.body).unwrap())
    }

    fn exchange() -> Exchange {
        Exchange::builder().start_ms(NOW.session_ms).build().unwrap().0
    }

    #[test]
    fn faults_are_listed_armed_and_forgotten() {
        let mut exchange = exchange();
        let (status, overview) = call(&mut exchange, "GET", "/control", "");
        assert_eq!((status, overview["faults"].as_array().unwrap().len()), (200, CATALOG.len()));
        let body = r#"{"fault":{"delay_answer":{"by_ms":5}},"times":2}"#;
        let (status, state) = call(&mut exchange, "POST", "/control/faults", body);
        assert_eq!((status, state["armed"].as_array().unwrap().len()), (200, 2));
        assert_eq!(state["armed"][0], json!({ "delay_answer": { "by_ms": 5 } }));
        assert_eq!(state["took_effect"], json!({}), "an armed fault has done nothing yet");
        let (_, state) = call(&mut exchange, "DELETE", "/control/faults", "");
        assert_eq!(state["armed"], json!([]));
    }

    #[test]
    fn a_pause_takes_effect_at_once_and_ends_by_itself() {
        let mut exchange = exchange();
        let body = r#"{"fault":{"pause_trading":{"for_ms":500}}}"#;
        let (_, state) = call(&mut exchange, "POST", "/control/faults", body);
        assert_eq!(state["took_effect"]["pause_trading"], 1);
        assert!(!exchange.engine().trading_active(0));
        exchange.advance(ExchangeNow { session_ms: 1_499, ..NOW });
        assert!(!exchange.engine().trading_active(0));
        exchange.advance(ExchangeNow { session_ms: 1_500, ..NOW });
        assert!(exchange.engine().trading_active(0));
    }

    #[test]
    fn invalid_orders_are_rejected_with_what_was_expected() {
        let mut exchange = exchange();
        for (method, target, body, status, expectation) in [
            ("POST", "/control/faults", "", 400, "EOF"),
            ("POST", "/control/faults", r#"{"fault":"nonsense"}"#, 400, "expected one of `cut_sessions`"),
            ("POST", "/control/faults", r#"{"fault":"cut_answer","when":1}"#, 400, "expected `fault` or `times`"),
            ("POST", "/control/faults", r#"{"fault":"cut_answer","times":0}"#, 400, "times = 0: expected 1 to 10000"),
            ("POST", "/control/faults", r#"{"fault":{"delay_read":{"by_ms":-1}}}"#, 400, "expected 0 to 3600000"),
            ("POST", "/control", "", 405, "expected GET"),
            ("GET", "/control/x", "", 404, "expected /control"),
        ] {
            let (found, error) = call(&mut exchange, method, target, body);
            let message = error["error"]["message"].as_str().unwrap();
            assert!(found == status && message.contains(expectation), "{method} {target} {body}: {found} {message}");
        }
        assert!(exchange.gateway().armed_faults().is_empty());
        assert!(is_control("/control") && is_control("/control/faults") && !is_control("/controls"));
    }
}
