//! The exchange's side of a tick, as text: one market, whose best bid moves by three cents with every delta,
//! alternately up and down, one decision bucket apart. And a policy that runs the built-in model and bids whatever it
//! answers, so that every tick amends the resting order and every measured tick includes a write.

use std::hint::black_box;

use kalshi_actor::decide::policy::{Answer, OnnxPolicy, Policy, PolicyIdentity, PolicyTerms, View};
use kalshi_actor::market::{Count, EventKey, FeeSchedule, GridBands, MarketKey, Ticker};
use kalshi_actor::messages::{Listing, Phase};
use serde_json::{Value, json};

const TICKER: &str = "KXBENCH-26NOV21-T1";
pub const MARKET: MarketKey = MarketKey { index: 0, generation: 1 };
/// The time of the first frame; each delta comes one decision bucket later.
pub const START_MS: i64 = 1_795_233_600_000;
pub const DECIDE_MS: i64 = 250;
const ORDER_ID: &str = "3b23c1c7-f4ef-4f0d-8b9a-9e53c61f1a0d";
const BOOK_SID: u64 = 3;

pub fn listing() -> Listing {
    Listing {
        close_time_ms: START_MS + 365 * 86_400_000,
        age_ms: 0,
        event: EventKey::default(),
        exclusive: false,
        market: MARKET,
        fees: FeeSchedule::QUADRATIC,
        event_length: 5,
        exchange_index: 0,
        phase: Phase::Open,
        traded: true,
        ticker: Ticker::new(TICKER).expect("a short name"),
        bands: GridBands::cents(),
    }
}

/// The frame of a tick, with its keys in the exchange's order.
pub fn delta(tick: u64, seq: u64) -> String {
    let size = if tick.is_multiple_of(2) { "500.00" } else { "-500.00" };
    let ts_ms = START_MS + DECIDE_MS * (1 + i64::try_from(tick).expect("a bench ends before that"));
    format!(
        r#"{{"type":"orderbook_delta","sid":{BOOK_SID},"seq":{seq},"msg":{{"market_ticker":"{TICKER}","market_id":"9b0f6b43-5b68-4f9f-9f02-9a2d1b8ac1a1","clock":{clock},"price_dollars":"0.4500","delta_fp":"{size}","side":"yes","ts":"2026-11-21T04:00:00.007Z","ts_ms":{ts_ms}}},"sending_ts_ms":{ts_ms}}}"#,
        clock = 4_182_061 + tick,
    )
}

/// The frames that answer a command of the feed, including a snapshot where one is due.
pub fn replies(command: &str, seq: &mut u64) -> Vec<String> {
    let command: Value = serde_json::from_str(command).expect("a command is JSON");
    let channel = command["params"]["channels"][0].as_str().unwrap_or("");
    let sid = match channel {
        "market_lifecycle_v2" => 1,
        "trade" => 2,
        _ => BOOK_SID,
    };
    let mut frames = Vec::new();
    if command["cmd"] == "subscribe" {
        let msg = json!({"channel": channel, "sid": sid});
        frames.push(json!({"id": command["id"], "type": "subscribed", "msg": msg}).to_string());
    }
    if sid == BOOK_SID {
        *seq += 1;
        let levels = |prices: [&str; 3]| prices.map(|price| json!([price, "500.00"]));
        let snapshot = json!({"type": "orderbook_snapshot", "sid": sid, "seq": *seq, "msg": {
            "market_ticker": TICKER, "market_id": "b0c1",
            "yes_dollars_fp": levels(["0.3000", "0.3500", "0.4200"]),
            "no_dollars_fp": levels(["0.3000", "0.4000", "0.5000"])}, "sending_ts_ms": START_MS});
        frames.push(snapshot.to_string());
    }
    frames
}

/// The answer to an order write whose order rests.
pub fn answer(amends: bool, body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).expect("an order write is JSON");
    let mut answer = json!({"order_id": ORDER_ID, "remaining_count": body["count"], "ts_ms": START_MS});
    if !amends {
        answer["fill_count"] = json!("0.00");
        answer["client_order_id"] = body["client_order_id"].clone();
    }
    answer.to_string()
}

/// The built-in model, whose answer is computed and then overruled.
pub struct AlwaysBid(OnnxPolicy);

impl AlwaysBid {
    pub fn new() -> Self {
        let policy = OnnxPolicy::built_in().expect("the shipped model is accepted");
        assert_eq!(i64::try_from(policy.terms().decide_ms), Ok(DECIDE_MS), "the exchange's ticks are its buckets");
        Self(policy)
    }
}

impl Policy for AlwaysBid {
    fn identity(&self) -> PolicyIdentity {
        self.0.identity()
    }

    fn terms(&self) -> &PolicyTerms {
        self.0.terms()
    }

    fn decide(&mut self, view: &View<'_>) -> Answer {
        black_box(self.0.decide(view));
        let Some(bid) = view.touch.bid else { return Answer::leave() };
        Answer::bid(bid, Count::from_contracts(10))
    }
}
