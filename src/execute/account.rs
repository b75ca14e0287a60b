//! Facts about the account, from the private stream and from reads. Owns no state: facts become bookings, events of
//! orders, and parts of the reading in progress.

use super::ExecuteStage;
use super::directory::Market;
use super::orders::{OrderEvent, OrderState};
use super::table::{Order, OrderRef, Whose};
use super::tokens::WriteBudget;
use crate::clock::Now;
use crate::market::{FeeTerms, MarketKey, OrderStatus};
use crate::messages::{AccountEvent, Listing, OrderReport, Owner, QueryKind, Source, Unread, Unsupported};
use crate::ports::ExecutePort;

impl ExecuteStage {
    /// A fact about the account.
    pub fn on_account(&mut self, event: &AccountEvent, now: Now, port: &mut impl ExecutePort) {
        match *event {
            AccountEvent::Listing(ref listing) => self.listed(listing, now),
            AccountEvent::Fees { market, fees } => self.fees_read(market, fees, now),
            AccountEvent::Fill(ref fill) => {
                self.readings.fill_seen(fill.time_ms);
                self.book_fill(fill, now);
            }
            AccountEvent::Order(ref report) => self.reported(report, now),
            AccountEvent::Balance { exchange_index, cash } => self.readings.balance_read(exchange_index, cash),
            AccountEvent::Position { market, position, cost } => {
                let reading = self.readings.reading();
                match self.directory.get_mut(market) {
                    Some(market) if reading != 0 => {
                        market.read_position = (reading, position);
                        market.read_cost = cost;
                    }
                    Some(_) => (),
                    None => self.counters.stale_keys += 1,
                }
            }
            AccountEvent::Unusable { market, what } => self.unread(market, what, now),
            AccountEvent::Settlement { market, value, fee } => {
                self.book_payment(market, value, fee, now);
                self.refresh(market, now);
            }
            AccountEvent::WriteLimit { refill, capacity } => {
                self.budget(WriteBudget { refill, capacity, ..self.tokens.budget() }, now);
            }
            AccountEvent::Group(ref report) => self.group_reported(report, now),
            AccountEvent::WriteCosts { create, amend, cancel } => {
                self.budget(WriteBudget { create, amend, cancel, ..self.tokens.budget() }, now);
            }
            AccountEvent::Trading { exchange_index, active } => self.trading(exchange_index, active, now),
            AccountEvent::Stream { up } => {
                if self.readings.stream(up, now) {
                    self.all_conditions_changed(now);
                }
            }
            AccountEvent::ReadBegin { query, kind } => self.read_began(query, kind),
            AccountEvent::ReadEnd { query, kind, complete, as_of_ms } => {
                if complete {
                    self.refusals.let_in();
                }
                self.read_ended(query, kind, complete, as_of_ms, now);
            }
            AccountEvent::Refused(refusal) => self.access_refused(refusal, now),
            AccountEvent::Unsupported(Unsupported::Netting) => self.trip_now(
                "the account nets positions across markets, which the ledger cannot model: turn netting off".to_owned(),
                now,
            ),
        }
        self.finish(now, port);
    }

    /// Something of ours in a market is there and could not be read: until a reading without that agrees, nothing is placed
    /// there, and nothing is concluded from what is absent.
    fn unread(&mut self, key: MarketKey, what: Unread, now: Now) {
        let reading = self.readings.reading();
        let Some(market) = self.directory.get_mut(key) else {
            self.counters.stale_keys += 1;
            return;
        };
        let before = market.unread.0 == reading && market.unread.1;
        market.unread = (reading, before || what != Unread::Fill);
        if !std::mem::replace(&mut market.withheld, true) {
            self.counters.markets_withheld += 1;
            self.withdraw_if_degraded(key, now);
            self.refresh(key, now);
        }
    }

    /// A market's fees were read. Only others than those that are known change anything.
    fn fees_read(&mut self, key: MarketKey, fees: FeeTerms, now: Now) {
        let Some(market) = self.directory.get_mut(key) else {
            self.counters.stale_keys += 1;
            return;
        };
        if market.learn_fees(fees, None) {
            self.refresh(key, now);
        }
    }

    fn budget(&mut self, budget: WriteBudget, now: Now) {
        if budget != self.tokens.budget() {
            self.tokens.set_budget(budget, now.mono_ns);
            self.plan_leases();
        }
    }

    fn listed(&mut self, listing: &Listing, now: Now) {
        if let Some(market) = self.directory.get_mut(listing.market) {
            // The same market again: its terms may have changed, its position has not. `feed` knows whether this or a
            // life-cycle frame is the newest about its close, its phase and its grid, and tells.
            market.learn_fees(listing.fees.into(), None);
            market.traded = listing.traded;
            let seat = market.seat;
            self.events.set_exclusive(seat, listing.exclusive || planted!(ExclusiveAssumed));
            self.traded_markets_changed(listing);
            return self.refresh(listing.market, now);
        }
        let position = listing.market.position();
        if let Some(former) = self.directory.at(position) {
            let followed = self.orders.in_market(position).next().is_some();
            if followed || !former.position.contracts.is_zero() || former.awaiting != crate::market::Money::ZERO {
                let reason = format!("market {} left the directory with a position or an order", former.ticker);
                return self.trip_now(reason, now);
            }
        }
        if position >= self.directory.len() {
            self.counters.stale_keys += 1;
            return;
        }
        if let Some(former) = self.directory.at(position) {
            self.events.leave(former.seat);
        }
        let seat = self.events.join(listing.event, listing.exclusive || planted!(ExclusiveAssumed));
        let restricted = self.config.restricted.iter().any(|pattern| pattern.matches(listing.ticker.as_str()));
        let market = Market::new(listing, seat, restricted, self.config.limits.executions_window_ms);
        let _ = self.directory.insert(market);
        self.counters.markets_traded += u64::from(listing.traded);
        self.traded_markets_changed(listing);
        self.mark_dirty(listing.market);
        if let Some(status) = self.directory.take_early(listing.market) {
            self.apply_status(&status, now);
        }
    }

    fn traded_markets_changed(&mut self, listing: &Listing) {
        self.plan_leases();
        if listing.traded {
            self.groups.need(listing.exchange_index);
        }
        self.groups.wake();
    }

    fn trading(&mut self, exchange_index: u8, active: bool, now: Now) {
        let paused = &mut self.paused[usize::from(exchange_index)];
        if *paused == active {
            *paused = !active;
            self.all_conditions_changed(now);
        }
    }

    /// Something that concerns many markets changed.
    pub(super) fn all_conditions_changed(&mut self, now: Now) {
        for slot in 0..self.orders.slots() {
            if let Some(key) = self.orders.at(slot).and_then(|at| self.orders.get(at)).map(|order| order.market) {
                self.withdraw_if_degraded(key, now);
            }
        }
        self.mark_all_dirty();
    }

    /// Withdraws the market's orders of ours when it may take no new risk, and orders of earlier runs always.
    pub(super) fn withdraw_if_degraded(&mut self, key: MarketKey, now: Now) {
        let Some(market) = self.directory.get(key) else { return };
        let degraded = self.is_degraded(key)
            || self.ending.is_stopping()
            || self.loss_stop.is_stopped(now.session_ms)
            || market.phase != crate::messages::Phase::Open
            || !market.fresh
            || market.breaker.is_open(now.session_ms);
        loop {
            let found = self.orders.in_market(key.position()).find(|(_, order)| {
                let goes = !order.is_foreign() && order.state.is_open() && !order.want_cancel;
                goes && (degraded || !order.is_ours())
            });
            let Some((at, _)) = found else { break };
            self.withdraw(at, now);
        }
    }

    fn reported(&mut self, report: &OrderReport, now: Now) {
        if self.directory.get(report.market).is_none() {
            self.counters.stale_keys += 1;
            return;
        }
        let known = self.orders.by_id(report.order).or_else(|| match report.owner {
            Owner::Ours(client) => self.orders.by_client(client),
            Owner::Foreign => None,
        });
        match known {
            Some(at) if self.orders.get(at).is_some_and(Order::is_ours) => {
                self.link(at, report.order);
                self.own_reported(at, report, now);
            }
            Some(at) => self.other_reported(at, report, now),
            None if report.status == OrderStatus::Resting && !self.orders.is_gone(report.order) => {
                self.found(report, now);
            }
            None => (),
        }
        self.withdraw_if_degraded(report.market, now);
        self.refresh(report.market, now);
    }

    /// An order nobody followed rests: somebody else's, or one of an earlier run, or a lost one of ours.
    fn found(&mut self, report: &OrderReport, now: Now) {
        let whose = match report.owner {
            Owner::Ours(_) if planted!(RestingForgotten) => Whose::Foreign,
            Owner::Ours(client) => Whose::Earlier(client),
            Owner::Foreign => Whose::Foreign,
        };
        let total = report.filled + report.remaining;
        let mut order = Order::new(whose, report.market, report.side, report.price, total, OrderState::Resting);
        order.id = Some(report.order);
        order.filled = report.filled;
        order.reported = report.filled;
        order.exchange_ms = report.time_ms;
        order.seen_in = self.readings.reading();
        // Fills that came early were of this order, not of one that is being placed.
        let _ = self.early.take(report.order);
        self.notes.is_not_ours(report.order);
        match self.orders.insert(order) {
            Some(_) if whose == Whose::Foreign => self.counters.foreign_orders += 1,
            Some(at) => {
                self.counters.orders_found += 1;
                self.withdraw(at, now);
            }
            None => self.counters.orders_untracked += 1,
        }
    }

    /// An order that this run did not place: the report is all there is to know.
    fn other_reported(&mut self, at: OrderRef, report: &OrderReport, now: Now) {
        let reading = self.readings.reading();
        let conclusive = self.rest_is_settled(at, report, now);
        let order = self.orders.get_mut(at).expect("found by its id");
        if report.status != OrderStatus::Resting {
            order.filled = report.filled;
            order.final_filled = Some(report.filled);
            self.step(at, OrderEvent::SeenEnded, now);
            return self.touch(at, now);
        }
        order.seen_in = reading;
        if report.time_ms >= order.exchange_ms {
            order.exchange_ms = report.time_ms;
            order.filled = report.filled;
            order.reported = report.filled;
            (order.price, order.total) = (report.price, report.filled + report.remaining);
        }
        if conclusive {
            self.step(at, OrderEvent::SeenResting, now);
        }
    }

    fn own_reported(&mut self, at: OrderRef, report: &OrderReport, now: Now) {
        self.accepted(report.market, at);
        let settled = self.rest_is_settled(at, report, now);
        let reading = self.readings.reading();
        let Some(order) = self.orders.get_mut(at) else { return };
        order.reported = order.reported.max(report.filled);
        if report.status != OrderStatus::Resting {
            order.final_filled = Some(report.filled);
            let unasked = order.state.is_open() && !order.want_cancel;
            let over = report.status == OrderStatus::Canceled && order.lease.is_over(report.time_ms);
            self.counters.leases_ended += u64::from(unasked && over);
            self.counters.ended_unasked[report.reason as usize] += u64::from(unasked);
            if order.state == OrderState::UnknownAmend && order.amend.is_some_and(|(price, _)| price == report.price) {
                self.amend_told(at, report.time_ms);
                self.step(at, OrderEvent::AmendedEnded, now);
            }
            self.step(at, OrderEvent::SeenEnded, now);
            return self.touch(at, now);
        }
        if report.time_ms < order.exchange_ms {
            return;
        }
        order.seen_in = reading;
        order.acked_ms = order.acked_ms.or(Some(report.time_ms));
        order.lease.ends_ms = report.expires_ms.unwrap_or(order.lease.ends_ms);
        let terms = (report.price, report.filled + report.remaining);
        let state = order.state;
        if state.is_unknown() && settled && order.amend == Some(terms) {
            self.amend_told(at, report.time_ms);
            if let (Some(order), Some(expires_ms)) = (self.orders.get_mut(at), report.expires_ms) {
                order.lease.ends_ms = expires_ms;
            }
            self.step(at, OrderEvent::AmendedResting, now);
        } else if state.is_unknown() && settled {
            let never = order.amend.is_some();
            (order.price, order.total) = terms;
            order.exchange_ms = report.time_ms;
            self.step(at, if never { OrderEvent::NeverApplied } else { OrderEvent::SeenResting }, now);
            // From any other unknown state a report in the book is what settles it.
            self.step(at, OrderEvent::SeenResting, now);
        } else if matches!(state, OrderState::Creating | OrderState::CreatingSeen | OrderState::Resting) {
            // Of the same millisecond as what is known, it may be from just before our amend.
            if report.time_ms > order.exchange_ms {
                order.exchange_ms = report.time_ms;
                (order.price, order.total) = terms;
            }
            self.step(at, OrderEvent::SeenResting, now);
        }
        self.touch(at, now);
    }

    /// Whether a report that an order rests answers what is unknown about it.
    ///
    /// For a create any report does. For a cancel it takes a read that began after the outcome was lost: an older report
    /// may be from before the cancel. For an amend it takes the new terms, or a read from after the last moment at which
    /// the amend could still have been accepted.
    fn rest_is_settled(&self, at: OrderRef, report: &OrderReport, now: Now) -> bool {
        let Some(order) = self.orders.get(at) else { return false };
        let read_ms = (report.source == Source::Read).then(|| self.readings.asked_ms()).flatten();
        let shows_ms = read_ms.map(|asked_ms| asked_ms.saturating_sub(self.config.read_lag_ms).min(now.session_ms));
        let after = |ms: i64| shows_ms.is_some_and(|shows_ms| shows_ms >= ms);
        let amend_settled = match order.amend {
            None => true,
            Some(terms) => {
                let new = terms == (report.price, report.filled + report.remaining);
                // Every amend asks for another end: where the report tells it, it tells which amend it is from.
                let moved = report
                    .expires_ms
                    .map_or(terms != (order.price, order.total), |expires_ms| expires_ms == order.lease.asked_ms);
                (new && moved) || after(order.sent_ms.saturating_add(self.config.signature_validity_ms))
            }
        };
        match order.state {
            OrderState::UnknownAmend | OrderState::CancelingUnknown => amend_settled,
            OrderState::UnknownRest => amend_settled && after(order.unsure_ms),
            // A create that was reported was accepted; where nothing is unknown, nothing is asked.
            _ => true,
        }
    }

    fn read_began(&mut self, query: u32, kind: QueryKind) {
        let resolve = self.directory.iter().find_map(|market| market.resolve.asked.filter(|asked| asked.0 == query));
        self.readings.began(query, kind, resolve.map(|(_, asked_ms, _)| asked_ms));
    }
}
