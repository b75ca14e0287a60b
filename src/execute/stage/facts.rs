//! Facts about the account, from the private stream and from reads: they become bookings, events of orders, and parts of the
//! reading in progress.

use super::ExecuteStage;
use crate::clock::Now;
use crate::execute::markets::Market;
use crate::execute::orders::life::{OrderEvent, OrderState};
use crate::execute::orders::order::{Order, Whose};
use crate::execute::orders::table::OrderRef;
use crate::execute::orders::tokens::WriteBudget;
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
                match self.markets.get_mut(market) {
                    Some(market) if reading != 0 => market.reading.show(reading, position, cost),
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
                self.budget(WriteBudget { refill, capacity, ..self.orders.tokens.budget() }, now);
            }
            AccountEvent::Group(ref report) => self.group_reported(report, now),
            AccountEvent::WriteCosts { create, amend, cancel } => {
                self.budget(WriteBudget { create, amend, cancel, ..self.orders.tokens.budget() }, now);
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
                    self.stops.refusals.let_in();
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
        let Some(market) = self.markets.get_mut(key) else {
            self.counters.stale_keys += 1;
            return;
        };
        if market.reading.miss(reading, what != Unread::Fill) {
            self.counters.markets_withheld += 1;
            self.withdraw_if_degraded(key, now);
            self.refresh(key, now);
        }
    }

    /// A market's fees were read. Only others than those that are known change anything.
    fn fees_read(&mut self, key: MarketKey, fees: FeeTerms, now: Now) {
        let Some(market) = self.markets.get_mut(key) else {
            self.counters.stale_keys += 1;
            return;
        };
        if market.read_fees(fees) {
            self.refresh(key, now);
        }
    }

    fn budget(&mut self, budget: WriteBudget, now: Now) {
        if budget != self.orders.tokens.budget() {
            self.orders.tokens.set_budget(budget, now.mono_ns);
            self.plan_leases();
        }
    }

    fn listed(&mut self, listing: &Listing, now: Now) {
        if let Some(market) = self.markets.get_mut(listing.market) {
            // The same market again: its terms may have changed, its position has not. `feed` knows whether this or a
            // life-cycle frame is the newest about its close, its phase and its grid, and tells.
            market.read_fees(listing.fees.into());
            market.traded = listing.traded;
            let seat = market.stops.seat;
            self.stops.events.set_exclusive(seat, listing.exclusive || planted!(ExclusiveAssumed));
            self.traded_markets_changed(listing);
            return self.refresh(listing.market, now);
        }
        let position = listing.market.position();
        if let Some(former) = self.markets.at(position) {
            let followed = self.orders.table.in_market(position).next().is_some();
            if followed || !former.holding.is_empty() {
                let reason = format!("market {} left the directory with a position or an order", former.ticker);
                return self.trip_now(reason, now);
            }
        }
        if position >= self.markets.len() {
            self.counters.stale_keys += 1;
            return;
        }
        if let Some(former) = self.markets.at(position) {
            self.stops.events.leave(former.stops.seat);
        }
        let seat = self.stops.events.join(listing.event, listing.exclusive || planted!(ExclusiveAssumed));
        let restricted = self.config.restricted.iter().any(|pattern| pattern.matches(listing.ticker.as_str()));
        let market = Market::new(listing, seat, restricted, self.config.limits.executions_window_ms);
        let _ = self.markets.insert(market);
        self.counters.markets_traded += u64::from(listing.traded);
        self.traded_markets_changed(listing);
        self.markets.mark_dirty(listing.market);
        if let Some(status) = self.markets.take_early(listing.market) {
            self.apply_status(&status, now);
        }
    }

    fn traded_markets_changed(&mut self, listing: &Listing) {
        self.plan_leases();
        if listing.traded {
            self.orders.groups.trade(listing.exchange_index);
        }
        self.orders.groups.wake();
    }

    fn trading(&mut self, exchange_index: u8, active: bool, now: Now) {
        if self.stops.set_trading(exchange_index, active) {
            self.all_conditions_changed(now);
        }
    }

    fn reported(&mut self, report: &OrderReport, now: Now) {
        if self.markets.get(report.market).is_none() {
            self.counters.stale_keys += 1;
            return;
        }
        let known = self.orders.table.by_id(report.order).or_else(|| match report.owner {
            Owner::Ours(client) => self.orders.table.by_client(client),
            Owner::Foreign => None,
        });
        match known {
            Some(at) if self.orders.table.get(at).is_some_and(Order::is_ours) => {
                self.link(at, report.order);
                self.own_reported(at, report, now);
            }
            Some(at) => self.other_reported(at, report, now),
            None if report.status == OrderStatus::Resting && !self.orders.table.is_gone(report.order) => {
                self.found(report, now);
            }
            None => (),
        }
        self.withdraw_if_degraded(report.market, now);
        self.refresh(report.market, now);
    }

    /// An order that is not followed rests: somebody else's, one of an earlier run, or a lost one of ours.
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
        self.account.disown_fills(report.order);
        match self.orders.table.insert(order) {
            Some(_) if whose == Whose::Foreign => self.counters.foreign_orders += 1,
            Some(at) => {
                self.counters.orders_found += 1;
                self.orders.withdraw(at, now, &mut self.alarm);
            }
            None => self.counters.orders_untracked += 1,
        }
    }

    /// An order that this run did not place: the report is all there is to know.
    fn other_reported(&mut self, at: OrderRef, report: &OrderReport, now: Now) {
        let reading = self.readings.reading();
        let conclusive = self.rest_is_settled(at, report, now);
        let order = self.orders.table.get_mut(at).expect("found by its id");
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
        let Some(order) = self.orders.table.get_mut(at) else { return };
        order.reported = order.reported.max(report.filled);
        if report.status != OrderStatus::Resting {
            order.final_filled = Some(report.filled);
            let unasked = order.state.is_open() && !order.want_cancel;
            let over = report.status == OrderStatus::Canceled && order.lease.is_over(report.time_ms);
            self.counters.leases_ended += u64::from(unasked && over);
            self.counters.ended_unasked[report.reason as usize] += u64::from(unasked);
            if order.state == OrderState::UnknownAmend && order.amend.is_some_and(|(price, _)| price == report.price) {
                self.orders.amend_told(at, report.time_ms);
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
            self.orders.amend_told(at, report.time_ms);
            if let (Some(order), Some(expires_ms)) = (self.orders.table.get_mut(at), report.expires_ms) {
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
        let Some(order) = self.orders.table.get(at) else { return false };
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
        let resolve_ms = self.markets.iter().find_map(|market| market.reading.resolve.asked_ms(query));
        self.readings.began(query, kind, resolve_ms);
    }
}
