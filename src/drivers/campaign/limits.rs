//! Recomputes the limits of the risk gate from what reached the exchange and from its own records. This shares no code
//! with the gate: rates are counted request by request, losses result by result.

use std::collections::{BTreeMap, VecDeque};

use super::instruments::Tried;
use super::invariants::Violation;
use crate::config::RiskConfig;
use crate::decide::policy::Policy;
use crate::drivers::simulation::SentRequest;
use crate::market::{BookSide, Count, Money, Price};

/// The exchange's records are checked once in this many steps, since they grow and what they show lasts.
const EXCHANGE_EVERY: u64 = 32;
/// How long after a restart a write of the previous start may still be accepted, of which the new start cannot know. In
/// milliseconds.
const LATE_WRITES_MS: i64 = 60_000;
/// The tolerance for the exchange's cost of positions, which is rounded in another order than ours.
const ROUNDING: Money = Money::from_cents(1);

type Checked = Result<(), Violation>;

fn hold(holds: bool, detail: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Violation { invariant: "limits_hold", detail: detail() }) }
}

/// The messages of the current start, and the possible losses of events.
#[derive(Debug)]
pub(super) struct LimitChecks {
    risk: RiskConfig,
    requests_seen: usize,
    steps: u64,
    /// The messages of the last minute: their times and numbers.
    messages: VecDeque<(i64, usize)>,
    /// When an order with this ticker, side, price and count was last placed.
    placed_ms: BTreeMap<[String; 4], i64>,
    restarted_ms: Option<i64>,
    /// Losses of events, and cash at risk, that exceed the limit because of writes of a crashed start.
    inherited: BTreeMap<String, Money>,
}

impl LimitChecks {
    pub(super) fn new(risk: &RiskConfig) -> Self {
        Self {
            risk: risk.clone(),
            requests_seen: 0,
            steps: 0,
            messages: VecDeque::new(),
            placed_ms: BTreeMap::new(),
            restarted_ms: None,
            inherited: BTreeMap::new(),
        }
    }

    /// The trader crashed and another starts, which does not know what the first had sent.
    pub(super) fn restart(&mut self, session_ms: i64) {
        self.messages.clear();
        self.placed_ms.clear();
        self.restarted_ms = Some(session_ms);
    }

    /// After every step.
    pub(super) fn step<P: Policy>(&mut self, simulation: &Tried<P>) -> Checked {
        let sent = simulation.instruments().sent();
        for request in &sent[self.requests_seen..] {
            self.requests_seen += 1;
            self.request(request)?;
        }
        self.steps += 1;
        if self.steps.is_multiple_of(EXCHANGE_EVERY) { self.risks(simulation) } else { Ok(()) }
    }

    fn request(&mut self, request: &SentRequest) -> Checked {
        // Requests about order groups are neither orders nor messages in the sense of the limits.
        if request.path.contains("/order_groups") {
            return Ok(());
        }
        let body: serde_json::Value = serde_json::from_str(&request.body).unwrap_or_default();
        let cancelled = (request.method == "DELETE").then(|| body["orders"].as_array().map_or(1, Vec::len));
        self.messages.push_back((request.session_ms, cancelled.unwrap_or(1)));
        if cancelled.is_some() {
            return Ok(());
        }
        self.rates(request.session_ms)?;
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let ticker = text("ticker");
        hold(!self.risk.restricted.iter().any(|pattern| pattern.matches(&ticker)), || {
            format!("an order was sent in restricted {ticker}")
        })?;
        if request.path.ends_with("/orders") {
            let order = [ticker, text("side"), text("price"), text("count")];
            let window_ms = i64::try_from(self.risk.duplicate_window_ms).unwrap_or(i64::MAX);
            let before_ms = self.placed_ms.insert(order.clone(), request.session_ms);
            let again = before_ms.is_some_and(|before_ms| request.session_ms - before_ms < window_ms);
            hold(!again, || format!("{order:?} was placed at {before_ms:?} and again at {}", request.session_ms))?;
        }
        Ok(())
    }

    /// Checks the message rates: creates and amends count together with the cancels before them.
    fn rates(&mut self, now_ms: i64) -> Checked {
        while self.messages.front().is_some_and(|(at_ms, _)| *at_ms <= now_ms - 60_000) {
            self.messages.pop_front();
        }
        let within = |ms: i64| -> usize {
            self.messages.iter().filter(|(at_ms, _)| *at_ms > now_ms - ms).map(|(_, count)| count).sum()
        };
        for (ms, max) in [(1_000, self.risk.max_messages_per_s), (60_000, self.risk.max_messages_per_min)] {
            let count = within(ms);
            hold(max == 0 || count <= max as usize, || format!("{count} messages within {ms} ms, the limit is {max}"))?;
        }
        Ok(())
    }

    /// Checks the cash at risk and the worst loss of each event by the exchange's records, which include accepted
    /// orders of unknown outcome.
    fn risks<P: Policy>(&mut self, simulation: &Tried<P>) -> Checked {
        let now_ms = simulation.session_ms();
        let late = self.restarted_ms.is_some_and(|at_ms| now_ms < at_ms + LATE_WRITES_MS);
        let parts = parts(simulation);
        let at_risk = parts.values().map(|part| part.at_risk()).sum();
        let account = ("the account".to_owned(), at_risk, self.risk.max_cash_at_risk);
        let events = worst_losses(simulation, &parts);
        let events = events.into_iter().map(|(event, worst)| (event, worst, self.risk.max_event_loss));
        for (event, worst, limit) in std::iter::once(account).chain(events) {
            let limit = limit + ROUNDING;
            let allowed = self.inherited.get(&event).map_or(limit, |inherited| limit.max(*inherited));
            hold(late || worst <= allowed, || format!("{event} may lose {worst}, the limit is {limit}"))?;
            // An inherited excess only shrinks.
            if worst <= limit {
                self.inherited.remove(&event);
            } else {
                self.inherited.insert(event, worst);
            }
        }
        Ok(())
    }
}

/// One market: the position, and the cost and count of the open orders on each side.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    cost: Money,
    contracts: Count,
    bids: Money,
    asks: Money,
    bid: Count,
    ask: Count,
}

impl Part {
    /// The loss with this result, if the orders fill for which that is worse.
    fn loss(self, yes: bool) -> Money {
        let won = if yes { self.contracts } else { -self.contracts };
        self.cost - Price::ONE.times(won.max(Count::ZERO)) + if yes { self.asks } else { self.bids }
    }

    /// The cost of the position, and of the orders beyond what they close, without fees.
    fn at_risk(self) -> Money {
        let opening = |cost: Money, count: Count, closable: Count| {
            let opens = (count - closable.max(Count::ZERO)).max(Count::ZERO);
            let micros = i128::from(cost.micros()) * i128::from(opens.units()) / i128::from(count.units().max(1));
            Money::from_micros(i64::try_from(micros).expect("a share is no more than the whole"))
        };
        self.cost + opening(self.bids, self.bid, -self.contracts) + opening(self.asks, self.ask, self.contracts)
    }
}

/// The positions and orders by market, from the exchange's records.
fn parts<P: Policy>(simulation: &Tried<P>) -> BTreeMap<u32, Part> {
    let exchange = simulation.exchange();
    let (engine, account) = (exchange.engine(), exchange.clients()[0]);
    let mut parts: BTreeMap<_, Part> = BTreeMap::new();
    for (market, position) in engine.positions_of(account) {
        let part = parts.entry(market).or_default();
        (part.cost, part.contracts) = (position.cost, position.contracts);
    }
    for order in engine.open_orders_of(account) {
        let part = parts.entry(order.market).or_default();
        match order.side {
            BookSide::Bid => {
                part.bids += order.price.times(order.remaining);
                part.bid += order.remaining;
            }
            BookSide::Ask => {
                part.asks += order.price.complement().times(order.remaining);
                part.ask += order.remaining;
            }
        }
    }
    parts
}

/// The worst loss by event: each market at its worse result or, if at most one market resolves YES, all at NO or one at
/// YES.
fn worst_losses<P: Policy>(simulation: &Tried<P>, parts: &BTreeMap<u32, Part>) -> BTreeMap<String, Money> {
    let engine = simulation.exchange().engine();
    let mut events: BTreeMap<String, (bool, Vec<Part>)> = BTreeMap::new();
    for (market, part) in parts {
        let spec = engine.market(*market).spec();
        let (exclusive, of_event) = events.entry(spec.event_ticker.clone()).or_default();
        *exclusive = spec.exclusive;
        of_event.push(*part);
    }
    events.into_iter().map(|(event, (exclusive, parts))| (event, worst_loss(exclusive, &parts))).collect()
}

fn worst_loss(exclusive: bool, parts: &[Part]) -> Money {
    if !exclusive {
        return parts.iter().map(|part| part.loss(false).max(part.loss(true))).sum();
    }
    let with_yes = |yes: Option<usize>| -> Money {
        parts.iter().enumerate().map(|(position, part)| part.loss(yes == Some(position))).sum()
    };
    let results = std::iter::once(None).chain((0..parts.len()).map(Some));
    results.map(with_yes).max().unwrap_or(Money::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(change: impl Fn(&mut RiskConfig)) -> LimitChecks {
        let mut risk = RiskConfig::default();
        change(&mut risk);
        LimitChecks::new(&risk)
    }

    fn create(session_ms: i64, ticker: &str, price: &str) -> SentRequest {
        let body = serde_json::json!({"ticker": ticker, "side": "bid", "price": price, "count": "10.00"}).to_string();
        SentRequest { session_ms, method: "POST", path: "/trade-api/v2/portfolio/orders".to_owned(), body }
    }

    fn cancel(session_ms: i64, orders: usize) -> SentRequest {
        let body = serde_json::json!({ "orders": vec![0; orders] }).to_string();
        SentRequest { session_ms, method: "DELETE", path: "/batched".to_owned(), body }
    }

    #[test]
    fn a_rate_that_cancels_alone_exceed_is_held_and_an_order_beyond_it_is_not() {
        let mut checks = checks(|risk| risk.max_messages_per_s = 3);
        checks.request(&cancel(0, 20)).unwrap();
        assert!(checks.request(&create(999, "A", "0.4000")).unwrap_err().detail.contains("21 messages"));
        checks.restart(999);
        checks.request(&create(1_000, "A", "0.4100")).unwrap();
    }

    #[test]
    fn duplicates_and_orders_in_restricted_markets_are_seen() {
        let mut checks = checks(|risk| risk.restricted = vec!["B*".parse().unwrap()]);
        checks.request(&create(0, "A", "0.4000")).unwrap();
        checks.request(&create(499, "A", "0.4100")).unwrap();
        assert!(checks.request(&create(499, "A", "0.4000")).unwrap_err().detail.contains("again at 499"));
        assert!(checks.request(&create(600, "B-1", "0.4000")).unwrap_err().detail.contains("restricted B-1"));
    }

    #[test]
    fn a_market_loses_what_was_put_in_and_does_not_come_back() {
        let held = Part { cost: Money::from_dollars(4), contracts: Count::from_contracts(10), ..Part::default() };
        assert_eq!((held.loss(false), held.loss(true)), (Money::from_dollars(4), Money::from_dollars(-6)));
        let asked = Part { asks: Money::from_dollars(12), ..held };
        assert_eq!((asked.loss(false), asked.loss(true)), (Money::from_dollars(4), Money::from_dollars(6)));
    }

    #[test]
    fn one_market_of_an_exclusive_event_resolves_yes_at_most() {
        let yes = Part { cost: Money::from_dollars(4), contracts: Count::from_contracts(10), ..Part::default() };
        let no = Part { cost: Money::from_dollars(7), contracts: Count::from_contracts(-10), ..Part::default() };
        // Independent: 4 if the first resolves NO, and 7 if the second resolves YES.
        assert_eq!(worst_loss(false, &[yes, no]), Money::from_dollars(11));
        // Exclusive: with the second at YES the first is at NO.
        assert_eq!(worst_loss(true, &[yes, no]), Money::from_dollars(11));
        // Two NO positions, at least one of which wins.
        assert_eq!(worst_loss(false, &[no, no]), Money::from_dollars(14));
        assert_eq!(worst_loss(true, &[no, no]), Money::from_dollars(4));
    }

    #[test]
    fn what_an_order_closes_is_not_at_risk() {
        let held = Part { cost: Money::from_dollars(4), contracts: Count::from_contracts(10), ..Part::default() };
        let closing = Part { asks: Money::from_dollars(6), ask: Count::from_contracts(10), ..held };
        assert_eq!(closing.at_risk(), Money::from_dollars(4));
        let turning = Part { asks: Money::from_dollars(9), ask: Count::from_contracts(15), ..held };
        assert_eq!(turning.at_risk(), Money::from_dollars(7));
    }
}
