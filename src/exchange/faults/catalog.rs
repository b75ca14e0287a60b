//! Descriptions of the faults, each with an example that can be sent as is. The control endpoint lists them.

use serde::Serialize;

/// A fault in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CatalogEntry {
    /// The fault's name in scenarios and on the control endpoint.
    pub name: &'static str,
    /// What the fault does.
    pub what: &'static str,
    /// How the fault is written in JSON.
    pub example: &'static str,
}

const fn entry(name: &'static str, what: &'static str, example: &'static str) -> CatalogEntry {
    CatalogEntry { name, what, example }
}

/// All faults, in the order of their variants.
pub const CATALOG: &[CatalogEntry] = &[
    entry("cut_sessions", "ends every WebSocket session", r#""cut_sessions""#),
    entry(
        "stall_sessions",
        "holds back everything sent to WebSocket sessions, pings included, for for_ms",
        r#"{"stall_sessions":{"for_ms":3000}}"#,
    ),
    entry(
        "refuse_sessions",
        "answers WebSocket handshakes with 503 for for_ms",
        r#"{"refuse_sessions":{"for_ms":2000}}"#,
    ),
    entry("drop_frame", "loses the channel's next frame", r#"{"drop_frame":{"channel":"orderbook_delta"}}"#),
    entry("double_frame", "sends the channel's next frame twice", r#"{"double_frame":{"channel":"fill"}}"#),
    entry(
        "delay_frame",
        "sends the channel's next frame by_ms later, after those behind it",
        r#"{"delay_frame":{"channel":"fill","by_ms":400}}"#,
    ),
    entry(
        "truncate_frame",
        "sends the first half of the channel's next frame",
        r#"{"truncate_frame":{"channel":"orderbook_delta"}}"#,
    ),
    entry(
        "malform_frame",
        "sends the channel's next frame with letters in its numbers",
        r#"{"malform_frame":{"channel":"user_orders"}}"#,
    ),
    entry(
        "skip_seq",
        "skips a seq number of the channel without losing a frame",
        r#"{"skip_seq":{"channel":"orderbook_delta"}}"#,
    ),
    entry(
        "delay_channel",
        "sends the channel's frames by_ms later than those of other channels, for for_ms",
        r#"{"delay_channel":{"channel":"user_orders","by_ms":500,"for_ms":10000}}"#,
    ),
    entry(
        "alter_fill",
        "sends the next fill with another price: a client that believes it must find out",
        r#""alter_fill""#,
    ),
    entry(
        "hide_fill",
        "neither sends nor lists the next fill, although it moved order, position and balance",
        r#""hide_fill""#,
    ),
    entry("forge_fill", "sends the next fill once more, as that of a trade that there never was", r#""forge_fill""#),
    entry(
        "cancel_before_fill",
        "sends the next fill after the end of its order was reported, or within_ms later",
        r#"{"cancel_before_fill":{"within_ms":5000}}"#,
    ),
    entry("lose_request", "loses the next order write before it arrives", r#""lose_request""#),
    entry(
        "delay_request",
        "lets the next order write reach the engine by_ms later",
        r#"{"delay_request":{"by_ms":20000}}"#,
    ),
    entry(
        "double_request",
        "lets the next order write reach the engine twice and responds with the second result",
        r#""double_request""#,
    ),
    entry(
        "refuse_request",
        "answers the next order write with 429, 500 or 503 without carrying it out",
        r#"{"refuse_request":{"status":429}}"#,
    ),
    entry("swallow_answer", "carries out the next order write and never answers it", r#""swallow_answer""#),
    entry("cut_answer", "carries out the next order write and cuts its connection", r#""cut_answer""#),
    entry(
        "delay_answer",
        "answers the next order write by_ms later than its fills are published",
        r#"{"delay_answer":{"by_ms":1200}}"#,
    ),
    entry(
        "fail_answer",
        "carries out the next order write and answers 429, 500 or 503",
        r#"{"fail_answer":{"status":500}}"#,
    ),
    entry("truncate_answer", "carries out the next order write and sends half of its answer", r#""truncate_answer""#),
    entry(
        "cut_order_connections",
        "cuts every connection that has carried an order write",
        r#""cut_order_connections""#,
    ),
    entry("refuse_read", "answers the next read with 429, 500 or 503", r#"{"refuse_read":{"status":503}}"#),
    entry("delay_read", "answers the next read by_ms later", r#"{"delay_read":{"by_ms":4000}}"#),
    entry("swallow_read", "never answers the next read", r#""swallow_read""#),
    entry(
        "strange_elements",
        "answers reads for for_ms with lists in which optional fields are null, missing or new, and some elements are unreadable",
        r#"{"strange_elements":{"for_ms":10000}}"#,
    ),
    entry(
        "repeat_cursor",
        "answers the next read of a list with a cursor that leads back to itself",
        r#""repeat_cursor""#,
    ),
    entry(
        "pause_trading",
        "pauses trading for for_ms: creates and amends are rejected, cancels work",
        r#"{"pause_trading":{"for_ms":5000}}"#,
    ),
    entry(
        "pause_exchange",
        "pauses the exchange for for_ms: all order writes are rejected",
        r#"{"pause_exchange":{"for_ms":5000}}"#,
    ),
    entry(
        "offset_clock",
        "checks signatures for for_ms against a clock that is by_ms ahead",
        r#"{"offset_clock":{"by_ms":60000,"for_ms":5000}}"#,
    ),
    entry(
        "revoke_keys",
        "rejects every key for for_ms: requests and handshakes get 401, open sessions continue",
        r#"{"revoke_keys":{"for_ms":60000}}"#,
    ),
    entry(
        "double_sessions",
        "sends everything that WebSocket sessions are sent twice, as if the connection were doubled, for for_ms",
        r#"{"double_sessions":{"for_ms":3000}}"#,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::faults::Fault;

    #[test]
    fn every_example_is_the_fault_of_its_name() {
        for entry in CATALOG {
            let fault: Fault = serde_json::from_str(entry.example).unwrap();
            assert_eq!(fault.name(), entry.name);
            assert_eq!(fault.check(), Ok(()), "{}", entry.name);
        }
    }

    #[test]
    fn no_fault_is_missing() {
        let error = serde_json::from_str::<Fault>(r#""none of them""#).unwrap_err().to_string();
        let (_, names) = error.split_once("expected one of ").unwrap();
        let names: Vec<&str> = names.split('`').skip(1).step_by(2).collect();
        let listed: Vec<&str> = CATALOG.iter().map(|entry| entry.name).collect();
        assert_eq!(names, listed);
    }
}
