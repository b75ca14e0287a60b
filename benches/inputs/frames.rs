//! The most important frames, formatted as the exchange formats them.

use std::fmt::Write;

pub const DELTA: &str = r#"{"type":"orderbook_delta","sid":2,"seq":1234567,"msg":{"market_ticker":"KXGOLD15M-26AUG050000-00","market_id":"9b0f6b43-5b68-4f9f-9f02-9a2d1b8ac1a1","clock":4182061,"price_dollars":"0.9600","delta_fp":"-54.00","side":"yes","ts":"2026-11-21T04:00:00.007Z","ts_ms":1795233600007},"sending_ts_ms":1795233600123}"#;
pub const TRADE: &str = r#"{"type":"trade","sid":11,"seq":27654,"msg":{"trade_id":"d91bc706-ee49-470d-82d8-11418bda6fed","market_ticker":"KXGOLD15M-26AUG050000-00","yes_price_dollars":"0.3600","no_price_dollars":"0.6400","count_fp":"136.00","taker_side":"no","taker_outcome_side":"no","taker_book_side":"ask","is_block_trade":false,"ts":1795233600,"ts_ms":1795233600007},"sending_ts_ms":1795233600123}"#;
pub const FILL: &str = r#"{"type":"fill","sid":13,"msg":{"trade_id":"d91bc706-ee49-470d-82d8-11418bda6fed","order_id":"ee587a1c-8b87-4dcf-b721-9f6f790619fa","client_order_id":"kact-00000000deadbeef-00000007","market_ticker":"KXGOLD15M-26AUG050000-00","exchange_index":2,"is_taker":true,"side":"yes","yes_price_dollars":"0.7500","count_fp":"278.00","fee_cost":"0.010000","action":"buy","ts":1795233600,"ts_ms":1795233600007,"post_position_fp":"500.00","purchased_side":"yes","outcome_side":"yes","book_side":"bid","subaccount":0},"sending_ts_ms":1795233600123}"#;

/// A snapshot with this many levels per side.
pub fn snapshot(levels: usize) -> String {
    let side = |from: usize| {
        let mut text = String::new();
        for level in 0..levels {
            let comma = if level == 0 { "" } else { "," };
            write!(text, "{comma}[\"0.{:04}\",\"{}.25\"]", from + level * 10, 17 * level + 3).expect("a String grows");
        }
        text
    };
    format!(
        r#"{{"type":"orderbook_snapshot","sid":2,"seq":2,"msg":{{"market_ticker":"KXGOLD15M-26AUG050000-00","market_id":"9b0f6b43-5b68-4f9f-9f02-9a2d1b8ac1a1","clock":4182057,"yes_dollars_fp":[{}],"no_dollars_fp":[{}]}},"sending_ts_ms":1795233600123}}"#,
        side(100),
        side(4_100)
    )
}
