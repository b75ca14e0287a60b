//! The question to the risk gate about an order that passes every rule.

use kalshi_actor::execute::Question;
use kalshi_actor::market::{Count, Money, Price};
use kalshi_actor::messages::Phase;

pub const START_MS: i64 = 1_790_000_000_000;

pub fn question() -> Question {
    Question {
        opens: true,
        creates: true,
        price: Price::from_cents(40),
        count: Count::from_contracts(10),
        best_bid: Some(Price::from_cents(40)),
        best_ask: Some(Price::from_cents(44)),
        phase: Phase::Open,
        fresh: true,
        close_time_ms: START_MS + 1_000_000,
        session_ms: START_MS,
        loss_stopped: false,
        stopping: false,
        degraded: false,
        breaker_open: false,
        furthest: Count::from_contracts(30),
        open_orders: 100,
        reserves: Money::from_dollars(5),
        available: Money::from_dollars(5),
        at_risk: Money::from_dollars(95),
        tokens: true,
        restricted: false,
        drawn_down: false,
        repeated: false,
        duplicate: false,
        event_loss: Money::from_dollars(60),
        event_loss_now: Money::from_dollars(55),
        messages: true,
    }
}
