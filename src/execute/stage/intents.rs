//! From a decision to an order: keep what rests, amend it, cancel it for the other side, or place a new one. Everything
//! that adds risk passes the gate first.

use super::ExecuteStage;
use crate::clock::Now;
use crate::execute::account::cash::Terms;
use crate::execute::account::exposure::{self, Exposure};
use crate::execute::config::RiskLimits;
use crate::execute::orders::lease::Lease;
use crate::execute::orders::life::{OrderEvent, OrderState};
use crate::execute::orders::order::{Order, Whose};
use crate::execute::orders::table::OrderRef;
use crate::execute::stops::risk::{Question, check};
use crate::execute::stops::{OutcomeLosses, Placed};
use crate::market::{BookSide, Count, MarketKey, Price, Ticker, TimeInForce};
use crate::messages::{OrderIntent, Quote, Verdict};
use crate::ports::ExecutePort;
use crate::record::Span;
use crate::wire::orders::body::Create;

/// An order that is proposed to the gate, and the open order that it would replace.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) side: BookSide,
    pub(super) price: Price,
    pub(super) count: Count,
    pub(super) replaces: Option<OrderRef>,
}

impl ExecuteStage {
    /// A decision. It gets exactly one verdict, in a portfolio update.
    pub fn on_intent(&mut self, intent: &OrderIntent, now: Now, port: &mut impl ExecutePort) {
        self.counters.intents += 1;
        self.rehearsed = Some(*intent);
        self.begun_ns = port.stamp_ns();
        let key = intent.market;
        let Some(market) = self.markets.get_mut(key) else {
            self.counters.stale_keys += 1;
            return self.finish(now, port);
        };
        self.account.quote(&mut market.holding, intent.best_bid, intent.best_ask);
        self.caused(key, intent.stamps.newest_read_ns);
        match self.consider(intent, now, port) {
            Ok(()) => self.markets.get_mut(key).expect("looked up above").intent = Some(intent.id),
            Err(verdict) => self.give_verdict(key, intent.id, verdict),
        }
        self.refresh(key, now);
        self.finish(now, port);
    }

    /// Writes what the intent asks for, or says why nothing is written.
    fn consider(&mut self, intent: &OrderIntent, now: Now, port: &mut impl ExecutePort) -> Result<(), Verdict> {
        let key = intent.market;
        let market = self.markets.get(key).expect("looked up by the caller");
        if market.writes > 0 || market.intent.is_some() {
            self.counters.intents_while_busy += 1;
            return Err(Verdict::RefusedDegraded);
        }
        let position = market.holding.position();
        let own = self.orders.own(key);
        let resting = match own.and_then(|at| Some((at, *self.orders.table.get(at)?))) {
            Some((_, order)) if order.state != OrderState::Resting || order.want_cancel => {
                return Err(Verdict::RefusedDegraded);
            }
            resting => resting,
        };
        let Some(quote) = intent.quote else {
            return resting.map_or(Err(Verdict::Kept), |(at, _)| self.cancel_for_intent(at, now, port));
        };
        self.orders.exposures(key, own, &mut self.exposures);
        let unclaimed = exposure::unclaimed(&self.exposures, position, intent.side);
        let count = if quote.reduce_only { quote.count.min(unclaimed) } else { quote.count };
        let quote = Quote { count, ..quote };
        match resting {
            Some((at, order)) if order.side != intent.side => self.cancel_for_intent(at, now, port),
            _ if count.is_zero() && quote.reduce_only => Err(Verdict::NothingToReduce),
            Some((at, order)) => self.keep_or_amend(at, &order, intent, quote, now, port),
            None => self.place(intent, quote, now, port),
        }
    }

    fn keep_or_amend(
        &mut self,
        at: OrderRef,
        order: &Order,
        intent: &OrderIntent,
        quote: Quote,
        now: Now,
        port: &mut impl ExecutePort,
    ) -> Result<(), Verdict> {
        let market = self.markets.get(intent.market).expect("looked up by the caller");
        if market.within_a_tick(order.price, quote.price) {
            self.want(at, quote, now);
            self.renew(at, now, port);
            return Err(Verdict::Kept);
        }
        if !quote.is_resting() {
            return self.cancel_for_intent(at, now, port);
        }
        let wanted = Wanted { side: order.side, price: quote.price, count: quote.count, replaces: Some(at) };
        self.gate(intent, wanted, now)?;
        // The exchange counts the total from the order's beginning: what fills meanwhile is not wanted again.
        let total = order.filled + quote.count;
        let gate_ns = self.passed(port);
        let written_ns = self.amend(at, quote.price, total, now, port)?;
        self.want(at, quote, now);
        written(intent, gate_ns, written_ns, port);
        Ok(())
    }

    fn place(
        &mut self,
        intent: &OrderIntent,
        quote: Quote,
        now: Now,
        port: &mut impl ExecutePort,
    ) -> Result<(), Verdict> {
        let (key, side) = (intent.market, intent.side);
        let Quote { price, count, reduce_only, .. } = quote;
        self.gate(intent, Wanted { side, price, count, replaces: None }, now)?;
        let gate_ns = self.passed(port);
        let immediate = !quote.is_resting();
        let client = self.orders.next_client();
        let mut order = Order::new(Whose::Ours(client), key, side, price, count, OrderState::Creating);
        order.placed_ms = now.session_ms;
        order.sent_ms = now.session_ms;
        order.reducing = reduce_only;
        order.expires_ms = if immediate { i64::MAX } else { now.session_ms.saturating_add(self.config.order_ttl_ms) };
        let expires_ms = order.expires_ms;
        let expiration_s =
            (!immediate && !planted!(LeaseLeftOut)).then(|| self.orders.leases.expiration_s(now.session_ms));
        order.lease = expiration_s.map_or_else(Lease::default, Lease::asked);
        let Some(at) = self.orders.table.insert(order) else {
            self.counters.orders_untracked += 1;
            return Err(Verdict::RefusedOpenOrders);
        };
        // The id is spent whatever becomes of the request.
        if !planted!(IdReused) {
            self.orders.spend_client();
        }
        let (ticker, exchange_index) = self.place_of(key);
        let create = Create {
            ticker: ticker.as_str(),
            client_order_id: client,
            side,
            count,
            price,
            time_in_force: if immediate { TimeInForce::ImmediateOrCancel } else { TimeInForce::GoodTillCanceled },
            post_only: !immediate,
            reduce_only: immediate && reduce_only,
            expiration_s,
            group: self.orders.groups.id(exchange_index).filter(|_| !planted!(GroupLeftOut)),
            exchange_index,
        };
        let written_ns = match self.create(at, &create, now, port) {
            Ok(written_ns) => written_ns,
            Err(verdict) => {
                self.step(at, OrderEvent::NotSent, now);
                self.touch(at, now);
                return Err(verdict);
            }
        };
        if !immediate {
            self.alarm.at_session_ms(expires_ms);
        }
        written(intent, gate_ns, written_ns, port);
        Ok(())
    }

    /// The gate. Fills the scratch list of exposures with the market's orders and the wanted one.
    pub(super) fn gate(&mut self, intent: &OrderIntent, wanted: Wanted, now: Now) -> Result<(), Verdict> {
        let key = intent.market;
        let entangled = self.orders.has_others(key, wanted.replaces);
        self.orders.exposures(key, wanted.replaces, &mut self.exposures);
        let market = self.markets.get(key).expect("looked up by the caller");
        let terms = Terms { price: wanted.price, pending: wanted.count };
        let unclaimed = exposure::unclaimed(&self.exposures, market.holding.position(), wanted.side);
        let replaced = wanted.replaces.and_then(|at| self.orders.table.get(at));
        // Until the fills come that the exchange has spoken of, the position is not what the rules need to know.
        let in_doubt = entangled || replaced.is_some_and(Order::awaits_fills);
        let old = replaced.map(|order| order.terms()[0]);
        self.exposures.push(Exposure::considered(wanted.side, [old.unwrap_or(terms), terms]));
        let furthest = if planted!(OrderNotCounted) {
            market.holding.position().contracts.abs()
        } else {
            exposure::furthest(&self.exposures, market.holding.position(), wanted.side)
        };
        let fees = market.fees_ahead(now.session_ms);
        let reserved = self.account.reservation(&market.holding, &mut self.exposures, fees);
        let creates = wanted.replaces.is_none();
        let losses = OutcomeLosses::of(&self.exposures, market.holding.position());
        let placed = Placed { side: wanted.side, price: wanted.price, count: wanted.count };
        let limits = &self.config.limits;
        let sticky = self.stops.loss.sticky();
        let open_orders = self.orders.table.ours_open() + usize::from(creates);
        let exchange_index = market.exchange_index();
        let tokens = if creates {
            self.orders.allows_create(exchange_index, now)
        } else {
            self.orders.allows_amend(exchange_index, now)
        };
        let question = Question {
            opens: wanted.count > unclaimed,
            creates,
            price: wanted.price,
            count: wanted.count,
            best_bid: intent.best_bid,
            best_ask: intent.best_ask,
            phase: market.phase,
            fresh: market.fresh,
            close_time_ms: market.close_time_ms,
            session_ms: now.session_ms,
            loss_stopped: self.stops.loss.is_stopped(now.session_ms),
            stopping: self.stops.ending.is_stopping(),
            degraded: in_doubt || self.is_degraded(key),
            breaker_open: market.stops.breaker.is_open(now.session_ms),
            furthest,
            open_orders,
            reserves: reserved - market.holding.reserved(),
            available: self.account.available(exchange_index),
            at_risk: self.account.at_risk(),
            tokens,
            restricted: market.stops.restricted,
            drawn_down: sticky.drawn_down,
            repeated: sticky.repeated,
            duplicate: creates && market.stops.recent.has(placed, now.session_ms, limits.duplicate_window_ms),
            event_loss: self.stops.events.worst_with(market.stops.seat, losses),
            event_loss_now: self.stops.events.worst(market.stops.seat),
            messages: self.stops.messages.allows(now.session_ms),
        };
        let limits = RiskLimits { open_orders_max: self.orders.leases.open_orders_max, ..self.config.limits };
        check(&limits, &question)
    }

    /// The gate is passed: since when. Notes how long it took.
    fn passed(&self, port: &mut impl ExecutePort) -> u64 {
        let gate_ns = port.stamp_ns();
        port.latency(Span::Risk, gate_ns.saturating_sub(self.begun_ns));
        gate_ns
    }

    /// The order is wanted: it lives on.
    fn want(&mut self, at: OrderRef, quote: Quote, now: Now) {
        if let Some(order) = self.orders.table.get_mut(at) {
            order.expires_ms = now.session_ms.saturating_add(self.config.order_ttl_ms);
            order.reducing = quote.reduce_only;
            let expires_ms = order.expires_ms;
            self.alarm.at_session_ms(expires_ms);
        }
    }

    fn cancel_for_intent(&mut self, at: OrderRef, now: Now, port: &mut impl ExecutePort) -> Result<(), Verdict> {
        self.orders.withdraw(at, now, &mut self.alarm);
        self.send_cancels(now, port);
        let sent = self.orders.table.get(at).is_some_and(|order| order.state == OrderState::Canceling);
        if sent { Ok(()) } else { Err(Verdict::RefusedRate) }
    }

    /// Withdraws an order that would close more than is held by now.
    pub(super) fn keep_sells_covered(&mut self, key: MarketKey, now: Now) {
        let Some(at) = self.orders.own(key) else { return };
        let market = self.markets.get(key).expect("an order's market is listed while it is followed");
        let order = self.orders.table.get(at).expect("found just now");
        if !order.reducing || order.state != OrderState::Resting || order.want_cancel {
            return;
        }
        let covered = market.holding.position().closable_by(order.side);
        if order.pending_max() > covered {
            self.counters.decreased += 1;
            // Cancelling costs a fifth of an amend and cannot race with another fill; what is still wanted is placed by
            // the next decision.
            self.orders.withdraw(at, now, &mut self.alarm);
        }
    }

    /// What every body says about its market: the ticker and the shard.
    pub(super) fn place_of(&self, key: MarketKey) -> (Ticker, u8) {
        let market = self.markets.get(key).expect("an order's market is listed while it is followed");
        (market.ticker, market.exchange_index())
    }
}

/// The bytes are handed over: how long that took, and how long ago the decision's frames were read.
fn written(intent: &OrderIntent, gate_ns: u64, written_ns: u64, port: &mut impl ExecutePort) {
    port.latency(Span::Write, written_ns.saturating_sub(gate_ns));
    port.latency(Span::TickToWire, written_ns.saturating_sub(intent.stamps.oldest_read_ns));
    port.latency(Span::NewestToWire, written_ns.saturating_sub(intent.stamps.newest_read_ns));
}
