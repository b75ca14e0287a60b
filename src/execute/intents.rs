//! From a decision to an order: keep what rests, amend it, cancel it for the other side, or place a new one. Everything
//! that adds risk passes the gate first. Owns no state.

use super::ExecuteStage;
use super::cash::Terms;
use super::config::RiskLimits;
use super::controls::{OutcomeLosses, Placed};
use super::exposure::{self, Exposure};
use super::lease::Lease;
use super::orders::{OrderEvent, OrderState};
use super::risk::{Question, check};
use super::table::{Order, OrderRef, Whose};
use crate::clock::Now;
use crate::market::{BookSide, ClientOrderId, Count, MarketKey, Money, Price, Ticker, TimeInForce};
use crate::messages::{OrderIntent, Quote, Verdict};
use crate::ports::ExecutePort;
use crate::record::Span;
use crate::wire::orders::body::{Amend, Create};

/// What the gate needs to know beside the intent: which order it would replace, and whether it reduces only.
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
        let Some(market) = self.directory.get_mut(key) else {
            self.counters.stale_keys += 1;
            return self.finish(now, port);
        };
        market.best_bid = intent.best_bid;
        market.best_ask = intent.best_ask;
        self.unrealized += market.mark();
        self.caused(key, intent.stamps.newest_read_ns);
        match self.consider(intent, now, port) {
            Ok(()) => self.directory.get_mut(key).expect("looked up above").intent = Some(intent.id),
            Err(verdict) => self.give_verdict(key, intent.id, verdict),
        }
        self.refresh(key, now);
        self.finish(now, port);
    }

    /// Writes what the intent asks for, or says why nothing is written.
    fn consider(&mut self, intent: &OrderIntent, now: Now, port: &mut impl ExecutePort) -> Result<(), Verdict> {
        let key = intent.market;
        let market = self.directory.get(key).expect("looked up by the caller");
        if market.writes > 0 || market.intent.is_some() {
            self.counters.intents_while_busy += 1;
            return Err(Verdict::RefusedDegraded);
        }
        let position = market.position;
        let own = self.own_order(key);
        let resting = match own.and_then(|at| Some((at, *self.orders.get(at)?))) {
            Some((_, order)) if order.state != OrderState::Resting || order.want_cancel => {
                return Err(Verdict::RefusedDegraded);
            }
            resting => resting,
        };
        let Some(quote) = intent.quote else {
            return resting.map_or(Err(Verdict::Kept), |(at, _)| self.cancel_for_intent(at, now, port));
        };
        self.gather(key, own);
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
        let market = self.directory.get(intent.market).expect("looked up by the caller");
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
        let client = ClientOrderId { nonce: self.nonce, counter: self.orders_placed + 1 };
        let mut order = Order::new(Whose::Ours(client), key, side, price, count, OrderState::Creating);
        order.placed_ms = now.session_ms;
        order.sent_ms = now.session_ms;
        order.reducing = reduce_only;
        order.expires_ms = if immediate { i64::MAX } else { now.session_ms.saturating_add(self.config.order_ttl_ms) };
        let expires_ms = order.expires_ms;
        let expiration_s = (!immediate && !planted!(LeaseLeftOut)).then(|| self.leases.expiration_s(now.session_ms));
        order.lease = expiration_s.map_or_else(Lease::default, Lease::asked);
        let Some(at) = self.orders.insert(order) else {
            self.counters.orders_untracked += 1;
            return Err(Verdict::RefusedOpenOrders);
        };
        // The id is spent whatever becomes of the request.
        self.orders_placed += u32::from(!planted!(IdReused));
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
            group: self.groups.id(exchange_index).filter(|_| !planted!(GroupLeftOut)),
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
            self.arm_session(expires_ms);
        }
        written(intent, gate_ns, written_ns, port);
        Ok(())
    }

    /// The gate. Fills the scratch list of exposures with the market's orders and the wanted one.
    pub(super) fn gate(&mut self, intent: &OrderIntent, wanted: Wanted, now: Now) -> Result<(), Verdict> {
        let key = intent.market;
        let entangled =
            self.orders.in_market(key.position()).any(|(at, order)| !order.is_foreign() && Some(at) != wanted.replaces);
        self.gather(key, wanted.replaces);
        let market = self.directory.get(key).expect("looked up by the caller");
        let terms = Terms { price: wanted.price, pending: wanted.count };
        let unclaimed = exposure::unclaimed(&self.exposures, market.position, wanted.side);
        let replaced = wanted.replaces.and_then(|at| self.orders.get(at));
        // Until the fills come that the exchange has spoken of, the position is not what the rules need to know.
        let in_doubt = entangled || replaced.is_some_and(Order::awaits_fills);
        let old = replaced.map(|order| order.terms()[0]);
        self.exposures.push(Exposure::considered(wanted.side, [old.unwrap_or(terms), terms]));
        let furthest = if planted!(OrderNotCounted) {
            market.position.contracts.abs()
        } else {
            exposure::furthest(&self.exposures, market.position, wanted.side)
        };
        let fees = market.fees_ahead(now.session_ms);
        let reserved = exposure::reserve_all(&mut self.exposures, market.position, fees, self.config.balance_step);
        let creates = wanted.replaces.is_none();
        let losses = OutcomeLosses::of(&self.exposures, market.position);
        let placed = Placed { side: wanted.side, price: wanted.price, count: wanted.count };
        let limits = &self.config.limits;
        let sticky = self.loss_stop.sticky();
        let open_orders = self.orders.ours_open() + usize::from(creates);
        let budget = self.tokens.budget();
        let cost = if creates { budget.create } else { budget.amend };
        let available = self.ledger.shard(market.exchange_index).map_or(Money::ZERO, |shard| shard.available);
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
            loss_stopped: self.loss_stop.is_stopped(now.session_ms),
            stopping: self.ending.is_stopping(),
            degraded: in_doubt || self.is_degraded(key),
            breaker_open: market.breaker.is_open(now.session_ms),
            furthest,
            open_orders,
            reserves: reserved - market.reserved,
            available,
            at_risk: self.ledger.cost()
                + if planted!(ReservedNotAtRisk) { Money::ZERO } else { self.ledger.reserved() },
            tokens: self.tokens.allows(market.exchange_index, cost, open_orders, now.mono_ns),
            restricted: market.restricted,
            drawn_down: sticky.drawn_down,
            repeated: sticky.repeated,
            duplicate: creates && market.recent.has(placed, now.session_ms, limits.duplicate_window_ms),
            event_loss: self.events.worst_with(market.seat, losses),
            event_loss_now: self.events.worst(market.seat),
            messages: self.messages.allows(now.session_ms),
        };
        let limits = RiskLimits { open_orders_max: self.leases.open_orders_max, ..self.config.limits };
        check(&limits, &question)
    }

    /// The gate is passed: since when. Notes how long it took.
    fn passed(&self, port: &mut impl ExecutePort) -> u64 {
        let gate_ns = port.stamp_ns();
        port.latency(Span::Risk, gate_ns.saturating_sub(self.begun_ns));
        gate_ns
    }

    /// Fills the scratch list with the market's orders, one left out.
    fn gather(&mut self, key: MarketKey, without: Option<OrderRef>) {
        self.exposures.clear();
        let orders = self.orders.in_market(key.position()).filter(|&(at, _)| Some(at) != without);
        self.exposures.extend(orders.map(|(at, order)| Exposure::of(at, order)));
    }

    /// The order is wanted: it lives on.
    fn want(&mut self, at: OrderRef, quote: Quote, now: Now) {
        if let Some(order) = self.orders.get_mut(at) {
            order.expires_ms = now.session_ms.saturating_add(self.config.order_ttl_ms);
            order.reducing = quote.reduce_only;
            let expires_ms = order.expires_ms;
            self.arm_session(expires_ms);
        }
    }

    fn cancel_for_intent(&mut self, at: OrderRef, now: Now, port: &mut impl ExecutePort) -> Result<(), Verdict> {
        self.withdraw(at, now);
        self.send_cancels(now, port);
        let sent = self.orders.get(at).is_some_and(|order| order.state == OrderState::Canceling);
        if sent { Ok(()) } else { Err(Verdict::RefusedRate) }
    }

    /// An order whose position fell below it is decreased to the position, or withdrawn when nothing is left.
    pub(super) fn keep_sells_covered(&mut self, key: MarketKey, now: Now) {
        let Some(at) = self.own_order(key) else { return };
        let market = self.directory.get(key).expect("an order's market is listed while it is followed");
        let order = self.orders.get(at).expect("found just now");
        if !order.reducing || order.state != OrderState::Resting || order.want_cancel {
            return;
        }
        let covered = market.position.closable_by(order.side);
        if order.pending_max() > covered {
            self.counters.decreased += 1;
            // Cancelling costs a fifth of an amend and cannot race with another fill; what is still wanted is placed by
            // the next decision.
            self.withdraw(at, now);
        }
    }

    /// What every body says about its market: the ticker and the shard.
    pub(super) fn place_of(&self, key: MarketKey) -> (Ticker, u8) {
        let market = self.directory.get(key).expect("an order's market is listed while it is followed");
        (market.ticker, market.exchange_index)
    }

    /// Writes an amend, which renews the lease, too. Returns when the kernel had it.
    pub(super) fn amend(
        &mut self,
        at: OrderRef,
        price: Price,
        total: Count,
        now: Now,
        port: &mut impl ExecutePort,
    ) -> Result<u64, Verdict> {
        let order = self.orders.get(at).expect("looked up by the caller");
        let Whose::Ours(client_order_id) = order.whose else { return Err(Verdict::RefusedDegraded) };
        let (ticker, exchange_index) = self.place_of(order.market);
        let (ticker, side) = (ticker.as_str(), order.side);
        let from_ms = if planted!(LeaseFromItsEnd) { order.lease.ends_ms } else { now.session_ms };
        let expiration_s = Some(self.leases.expiration_s(from_ms));
        let amend = Amend { ticker, client_order_id, side, price, count: total, expiration_s, exchange_index };
        self.write_amend(at, &amend, now, port)
    }
}

/// The bytes are handed over: how long that took, and how long ago the decision's frames were read.
fn written(intent: &OrderIntent, gate_ns: u64, written_ns: u64, port: &mut impl ExecutePort) {
    port.latency(Span::Write, written_ns.saturating_sub(gate_ns));
    port.latency(Span::TickToWire, written_ns.saturating_sub(intent.stamps.oldest_read_ns));
    port.latency(Span::NewestToWire, written_ns.saturating_sub(intent.stamps.newest_read_ns));
}
