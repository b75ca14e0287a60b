//! What answers to order writes mean. An answer says accepted, rejected, or nothing certain: time-outs, cut connections,
//! 5xx, `order_already_exists` and a 409 that can't be read, and "not found" on a cancel or an amend leave an order
//! unknown.

use super::ExecuteStage;
use crate::clock::Now;
use crate::execute::orders::groups::{GROUP_NOT_FOUND, GROUP_TRIGGERED};
use crate::execute::orders::life::OrderEvent;
use crate::execute::orders::requests::{Request, RequestItem, RequestKind};
use crate::execute::orders::table::OrderRef;
use crate::market::{Count, MarketKey};
use crate::messages::{Refusal, Verdict};
use crate::ports::{ExecutePort, NoAnswer, RequestId};
use crate::record::Span;
use crate::wire::error::ErrorBody;
use crate::wire::orders::answer::{parse_amended, parse_canceled_batch, parse_created};

/// What a status says about a write, before its body is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Accepted,
    Rejected,
    /// Refused for what holds for every order: a pause, or a clock that differs.
    Withheld,
    Throttled,
    NotFound,
    Uncertain,
}

/// How long a market is left alone after a refusal that holds for every order, in session milliseconds.
const WITHHELD_MS: i64 = 1_000;

fn outcome(kind: RequestKind, http_status: u16, body: &[u8]) -> Outcome {
    match http_status {
        200 | 201 => Outcome::Accepted,
        404 if kind != RequestKind::Create => Outcome::NotFound,
        404 if ErrorBody::parse(404, body).code == GROUP_NOT_FOUND => Outcome::Withheld,
        408 => Outcome::Uncertain,
        401 => Outcome::Withheld,
        409 => match ErrorBody::parse(409, body).code.as_str() {
            // Without a code it may be that one, in a body that was cut short.
            "order_already_exists" | "" => Outcome::Uncertain,
            "trading_is_paused" | GROUP_TRIGGERED => Outcome::Withheld,
            _ => Outcome::Rejected,
        },
        429 => Outcome::Throttled,
        400 if kind == RequestKind::Amend => match ErrorBody::parse(400, body).code.as_str() {
            // The order has these terms already: the amend came twice, and this is not the answer to the first. Without a
            // code it may be that one.
            "AMEND_ORDER_NO_OP" | "" => Outcome::Uncertain,
            _ => Outcome::Rejected,
        },
        400..=499 => Outcome::Rejected,
        _ => Outcome::Uncertain,
    }
}

impl ExecuteStage {
    /// The answer to an order write.
    pub fn on_answer(
        &mut self,
        request: RequestId,
        http_status: u16,
        body: &[u8],
        read_ns: u64,
        now: Now,
        port: &mut impl ExecutePort,
    ) {
        let Some(request) = self.orders.requests.take(request) else {
            self.counters.late_answers += 1;
            return self.finish(now, port);
        };
        self.orders.tokens.answered(request.charge, now.mono_ns);
        port.latency(Span::OrderRoundTrip, read_ns.saturating_sub(request.written_ns));
        self.access(http_status, body, now);
        let outcome = outcome(request.kind, http_status, body);
        match request.kind {
            RequestKind::Cancel if outcome == Outcome::Accepted => self.cancels_answered(&request, body, now),
            RequestKind::Group => self.group_answered(request.id, Some(http_status), body, now, port),
            _ => {
                for item in request.items() {
                    self.item_answered(request.kind, item, outcome, body, now);
                }
            }
        }
        self.request_done(&request, read_ns, now);
        self.finish(now, port);
        if request.kind != RequestKind::Cancel {
            for item in request.items() {
                self.orders.announce_amend(item.at, port);
            }
        }
    }

    /// What an answer says about our credentials. An exchange that has too many requests, or in which something failed, may
    /// not have looked at them.
    fn access(&mut self, http_status: u16, body: &[u8], now: Now) {
        match http_status {
            401 | 403 => {
                if let Some(refusal) = Refusal::of(http_status, &ErrorBody::parse(http_status, body).code) {
                    self.access_refused(refusal, now);
                }
            }
            408 | 429 | 500.. => {}
            _ => self.stops.refusals.let_in(),
        }
    }

    /// The exchange refused our credentials. When it keeps doing so, the session trips.
    pub(super) fn access_refused(&mut self, refusal: Refusal, now: Now) {
        if planted!(RefusedKeyIgnored) {
            return;
        }
        if let Some(reason) = self.stops.refusals.refused(refusal, now.session_ms) {
            self.trip_now(reason, now);
        }
    }

    /// A request has no answer: whether it was carried out is unknown.
    pub fn on_no_answer(&mut self, request: RequestId, _why: NoAnswer, now: Now, port: &mut impl ExecutePort) {
        if let Some(request) = self.orders.requests.take(request) {
            self.unanswered(&request, now, port);
        }
        self.finish(now, port);
    }

    pub(super) fn unanswered(&mut self, request: &Request, now: Now, port: &mut impl ExecutePort) {
        self.orders.tokens.unanswered(request.charge, now.mono_ns);
        if request.kind == RequestKind::Group {
            self.group_answered(request.id, None, &[], now, port);
        }
        for item in request.items() {
            self.item_answered(request.kind, item, Outcome::Uncertain, &[], now);
        }
        self.request_done(request, 0, now);
    }

    /// The markets of a request may be written to again.
    fn request_done(&mut self, request: &Request, read_ns: u64, now: Now) {
        for item in request.items() {
            if let Some(market) = self.markets.get_mut(item.market) {
                market.writes = market.writes.saturating_sub(1);
            }
            self.caused(item.market, read_ns);
            self.touch(item.at, now);
            self.withdraw_if_degraded(item.market, now);
            self.refresh(item.market, now);
        }
    }

    fn item_answered(&mut self, kind: RequestKind, item: RequestItem, outcome: Outcome, body: &[u8], now: Now) {
        match kind {
            RequestKind::Create => self.create_answered(item, outcome, body, now),
            RequestKind::Amend => self.amend_answered(item, outcome, body, now),
            RequestKind::Group => unreachable!("what is written about a group has no items"),
            RequestKind::Cancel => match outcome {
                Outcome::Throttled => {
                    self.orders.tokens.emptied(0, now.mono_ns);
                    self.counters.throttled += 1;
                    self.cancel_refused(item, Verdict::RefusedRate, now);
                }
                Outcome::Rejected | Outcome::Withheld => self.cancel_refused(item, Verdict::Rejected, now),
                Outcome::NotFound => self.cancel_uncertain(item, OrderEvent::NotFound, now),
                Outcome::Accepted | Outcome::Uncertain => self.cancel_uncertain(item, OrderEvent::NoOutcome, now),
            },
        }
    }

    fn create_answered(&mut self, item: RequestItem, outcome: Outcome, body: &[u8], now: Now) {
        let key = item.market;
        let guessed = planted!(TimeoutIsRejection) && outcome == Outcome::Uncertain;
        let outcome = if guessed { Outcome::Rejected } else { outcome };
        let answer = match outcome {
            Outcome::Accepted => self.read(parse_created(body)),
            Outcome::Rejected | Outcome::Withheld | Outcome::Throttled => {
                let verdict = self.refused(key, outcome, now);
                self.group_refused(key, body, now);
                self.step(item.at, OrderEvent::Rejected, now);
                return self.conclude(key, verdict);
            }
            Outcome::NotFound | Outcome::Uncertain => None,
        };
        let Some(answer) = answer else {
            self.step(item.at, OrderEvent::NoOutcome, now);
            let unknown = self.orders.table.get(item.at).is_some_and(|order| order.state.is_unknown());
            return self.conclude(key, if unknown { Verdict::Unknown } else { Verdict::Placed });
        };
        self.link(item.at, answer.order);
        self.accepted(key, item.at);
        if let Some(order) = self.orders.table.get_mut(item.at) {
            order.reported = order.reported.max(answer.filled);
            order.exchange_ms = order.exchange_ms.max(answer.ts_ms);
            order.acked_ms = Some(answer.ts_ms);
            if answer.remaining.is_zero() {
                order.final_filled = order.final_filled.or(Some(answer.filled));
                self.step(item.at, OrderEvent::AcceptedEnded, now);
            } else {
                self.step(item.at, OrderEvent::AcceptedResting, now);
            }
        }
        self.conclude(key, Verdict::Placed);
    }

    fn read<T, E>(&mut self, read: Result<T, E>) -> Option<T> {
        self.counters.malformed_answers += u64::from(read.is_err());
        read.ok()
    }

    /// The exchange took an order: counted once, whether the answer or a report says so first.
    pub(super) fn accepted(&mut self, key: MarketKey, at: OrderRef) {
        if let Some(order) = self.orders.table.get_mut(at)
            && !order.acknowledged
        {
            order.acknowledged = true;
            let is_ours = order.is_ours();
            self.counters.acked += u64::from(is_ours);
            if planted!(IdReused) && is_ours {
                self.orders.spend_client();
            }
            if let Some(market) = self.markets.get_mut(key) {
                market.stops.breaker.succeeded();
            }
        }
    }

    /// A create or amend was refused. Only the exchange's judgement of the order counts for the breaker.
    fn refused(&mut self, key: MarketKey, outcome: Outcome, now: Now) -> Verdict {
        let Some(market) = self.markets.get_mut(key) else { return Verdict::Rejected };
        if outcome == Outcome::Throttled {
            self.counters.throttled += 1;
            self.orders.tokens.emptied(market.exchange_index(), now.mono_ns);
            return Verdict::RefusedRate;
        }
        self.counters.rejected += 1;
        if outcome == Outcome::Withheld {
            let until_ms = now.session_ms.saturating_add(WITHHELD_MS);
            market.stops.breaker.wait_until(until_ms);
            self.alarm.at_session_ms(until_ms);
            return Verdict::Rejected;
        }
        let limits = &self.config.limits;
        if market.stops.breaker.rejected(now.session_ms, limits.breaker_rejects, limits.breaker_open_ms) {
            self.counters.breakers_opened += 1;
            let closes_ms = now.session_ms.saturating_add(limits.breaker_open_ms);
            self.alarm.at_session_ms(closes_ms);
        }
        Verdict::Rejected
    }

    fn amend_answered(&mut self, item: RequestItem, outcome: Outcome, body: &[u8], now: Now) {
        let key = item.market;
        let answer = match outcome {
            Outcome::Accepted => self.read(parse_amended(body)),
            Outcome::Rejected | Outcome::Withheld | Outcome::Throttled | Outcome::NotFound => {
                let (event, verdict) = if outcome == Outcome::NotFound {
                    (OrderEvent::NotFound, Verdict::Unknown)
                } else {
                    (OrderEvent::Rejected, self.refused(key, outcome, now))
                };
                self.step(item.at, event, now);
                return self.conclude(key, verdict);
            }
            Outcome::Uncertain => None,
        };
        let Some(answer) = answer else {
            if planted!(AmendAssumedApplied) {
                self.orders.amend_told(item.at, now.session_ms);
                self.step(item.at, OrderEvent::AmendedResting, now);
                return self.conclude(key, Verdict::Amended);
            }
            self.step(item.at, OrderEvent::NoOutcome, now);
            return self.conclude(key, Verdict::Unknown);
        };
        self.orders.amend_told(item.at, answer.ts_ms);
        if let Some(market) = self.markets.get_mut(key) {
            market.stops.breaker.succeeded();
        }
        let ended = answer.remaining.is_some_and(Count::is_zero);
        self.step(item.at, if ended { OrderEvent::AmendedEnded } else { OrderEvent::AmendedResting }, now);
        self.conclude(key, Verdict::Amended);
    }

    fn cancels_answered(&mut self, request: &Request, body: &[u8], now: Now) {
        let mut told = [false; crate::execute::orders::requests::CANCEL_BATCH_MAX];
        let read = parse_canceled_batch(body, |answer| {
            let found = request.items().enumerate().find(|(_, item)| item.id == answer.order);
            let Some((position, item)) = found else { return };
            told[position] = true;
            if planted!(NotFoundIsCancelled) && answer.error.is_some() {
                let left = self.orders.table.get(item.at).map_or(Count::ZERO, |order| order.terms()[0].pending);
                self.canceled(item, left, now);
            } else if answer.error.is_none() && answer.reduced_by > Count::ZERO {
                self.canceled(item, answer.reduced_by, now);
            } else {
                self.cancel_uncertain(item, OrderEvent::NotFound, now);
            }
        });
        let _ = self.read(read);
        for (position, item) in request.items().enumerate() {
            if !told[position] {
                self.cancel_uncertain(item, OrderEvent::NoOutcome, now);
            }
        }
    }

    /// The exchange cancelled `reduced_by` contracts. What it did not cancel has filled: those fills may still come.
    fn canceled(&mut self, item: RequestItem, reduced_by: Count, now: Now) {
        if let Some(order) = self.orders.table.get_mut(item.at) {
            // With an amend of unknown outcome the total is unknown too: the exchange's report will say.
            if order.amend.is_none() && order.is_ours() {
                let reduced_by = if planted!(CancelForgetsFills) { order.total } else { reduced_by };
                let filled = (order.total - reduced_by).max(order.filled);
                order.final_filled = order.final_filled.or(Some(filled));
                order.reported = order.reported.max(filled);
            } else if !order.is_ours() {
                order.final_filled = Some(order.filled);
            }
        }
        if planted!(CashReturnedTwice)
            && let Some((order, market)) = self.orders.table.get(item.at).zip(self.markets.get(item.market))
        {
            self.account.return_cash(market.exchange_index(), order.reserved);
        }
        self.step(item.at, OrderEvent::Canceled, now);
        self.conclude(item.market, Verdict::Cancelled);
    }

    /// The cancel was refused: the order rests on, and it is tried again later.
    fn cancel_refused(&mut self, item: RequestItem, verdict: Verdict, now: Now) {
        self.counters.rejected += u64::from(verdict == Verdict::Rejected);
        self.step(item.at, OrderEvent::Rejected, now);
        self.orders.retry_cancel(item.at, self.config.retry_ns(), now, &mut self.alarm);
        self.conclude(item.market, verdict);
    }

    fn cancel_uncertain(&mut self, item: RequestItem, event: OrderEvent, now: Now) {
        self.step(item.at, event, now);
        let gone = self.orders.table.get(item.at).is_none();
        self.conclude(item.market, if gone { Verdict::Cancelled } else { Verdict::Unknown });
    }
}
