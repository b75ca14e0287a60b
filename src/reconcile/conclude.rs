//! Evaluates a read that has all its answers: lists markets, delivers fills, and sends the facts between begin and end.

use std::collections::{BTreeMap, BTreeSet};

use super::convert;
use super::fetch::Fetch;
use super::job::{Job, Purpose};
use super::reads::{TICKERS_IN_FILTER, markets_named, missing_terms};
use super::stage::ReconcileStage;
use crate::clock::Now;
use crate::market::{MarketKey, OrderId, TradeId};
use crate::messages::{AccountEvent, Owner, QueryKind, Unread, Unsupported};
use crate::wire::account::{Fill, MarketPosition, Order};
use crate::wire::elements::{Element, Unusable};
use crate::wire::markets::{Market, MarketLifeStatus};

/// What an unusable element affects.
enum Concern {
    /// Nothing of ours: it is not our order, or is already known.
    Nobody,
    /// One market.
    Market(MarketKey, Unread),
    /// The whole account, because it does not name its market.
    Account,
}

impl ReconcileStage {
    /// Ends a read, or returns it if more requests are needed or it has to restart.
    pub(super) fn conclude(&mut self, mut job: Job, now: Now) -> Option<Job> {
        self.learn_fee_changes(&mut job, now);
        self.ask_missing_markets(&mut job);
        self.ask_missing_balances(&mut job);
        let chosen = self.choose(&job);
        job.fetches.extend(missing_terms(&self.directory, &chosen));
        if !job.fetches.is_empty() {
            return Some(job);
        }
        let admitted = self.admit(&chosen, job.purpose.lists_traded(), now);
        match job.purpose {
            Purpose::Start => self.conclude_start(job, admitted, now),
            Purpose::Watch => {
                self.push_condition(&mut job);
                self.relist(&job, &chosen, now);
                self.watch_due_ns = now.mono_ns.saturating_add(self.config.watch_every_ns);
                None
            }
            Purpose::CatchUp => {
                self.deliver_read_fills(&mut job, now);
                self.raise_stream();
                None
            }
            Purpose::Fees => None,
            Purpose::Unlisted => (!self.held.is_empty()).then(|| restarted(job, now)),
            Purpose::Follow { .. } => (admitted == 0).then(|| restarted(job, now)),
            Purpose::Query { kind, query, market, .. } => {
                let repeat = match kind {
                    QueryKind::Rebuild => self.is_disturbed(&mut job, now),
                    QueryKind::Successor => admitted == 0 && self.directory.series_of(market).is_some(),
                    QueryKind::Compare | QueryKind::Resolve | QueryKind::Settlements => false,
                };
                if repeat {
                    return Some(restarted(job, now));
                }
                self.outbox.push_back(AccountEvent::ReadBegin { query, kind });
                let complete = self.push_facts(&mut job, kind, now);
                let of_market = matches!(kind, QueryKind::Resolve | QueryKind::Successor);
                let known = !of_market || self.directory.listing(market).is_some();
                let as_of_ms = job.begun.unwrap_or(now).session_ms;
                self.outbox.push_back(AccountEvent::ReadEnd { query, kind, complete: complete && known, as_of_ms });
                None
            }
        }
    }

    /// Applies the fee changes that a read has brought, and reports the markets whose terms they change.
    fn learn_fee_changes(&mut self, job: &mut Job, now: Now) {
        let gathered = &mut job.gathered;
        let (series, events) = (gathered.series_fees.take(), gathered.event_fees.take());
        if series.is_none() && events.is_none() {
            return;
        }
        let changes = &mut self.directory.fee_changes;
        if let Some(read) = series {
            changes.learn_series(read, now.session_ms);
        }
        if let Some(read) = events {
            changes.learn_events(read, now.session_ms);
        }
        let (changed, unclear) = self.directory.renew_fees();
        self.outbox.extend(changed.into_iter().map(|(market, fees)| AccountEvent::Fees { market, fees }));
        for problem in unclear {
            self.problem(problem);
        }
    }

    fn conclude_start(&mut self, mut job: Job, admitted: usize, now: Now) -> Option<Job> {
        self.push_condition(&mut job);
        self.started = true;
        self.watch_due_ns = now.mono_ns.saturating_add(self.config.watch_every_ns);
        let directory = &self.config.directory;
        let missing: Vec<_> =
            directory.tickers.iter().filter(|ticker| self.directory.key(ticker).is_none()).cloned().collect();
        if admitted == 0 && directory.tickers.is_empty() {
            match directory.series.clone() {
                Some(series) => {
                    self.problem(format!("series {series} has no open market that can be traded; waiting for one"));
                    self.begin(Purpose::Follow { closed: None }, now);
                }
                None => {
                    self.problem("the exchange has no open market that can be traded; waiting for one".to_owned());
                }
            }
        }
        for ticker in missing {
            self.problem(format!("market {ticker} was asked for and is not listed"));
        }
        None
    }

    /// Sends the new listings of markets to `feed`, and changed ends of fee waivers to `execute`.
    fn relist(&mut self, job: &Job, admitted: &[Market], now: Now) {
        let begun_ms = job.begun.unwrap_or(now).session_ms;
        let age_ms = now.session_ms.saturating_sub(begun_ms).saturating_add(self.config.read_lag_ms);
        let age_ms = u32::try_from(age_ms).unwrap_or(u32::MAX);
        let again = |market: &&Market| !admitted.iter().any(|admitted| admitted.ticker == market.ticker);
        for market in job.gathered.markets.iter().filter(again) {
            self.listings.extend(self.directory.refresh(market, age_ms));
            let fees = self.directory.learn_waiver(market, begun_ms);
            self.outbox.extend(fees.map(|(market, fees)| AccountEvent::Fees { market, fees }));
        }
    }

    /// Requests the markets of facts that are not listed, since they have to be listed first.
    fn ask_missing_markets(&mut self, job: &mut Job) {
        let gathered = &job.gathered;
        let positions = gathered.positions.iter().filter(|position| !position.position_fp.is_zero());
        let tickers = positions.map(|position| &position.ticker);
        let tickers = tickers.chain(gathered.orders.iter().map(|order| &order.ticker)).cloned();
        let mut missing: BTreeSet<String> =
            tickers.chain(gathered.fills.iter().map(|fill| fill.market().to_owned())).collect();
        let unusable = gathered.unusable.iter().filter(|unusable| self.is_of_the_account(unusable));
        missing.extend(unusable.filter_map(|unusable| unusable.ticker.clone()));
        if job.purpose == Purpose::Unlisted {
            missing.extend(self.held.iter().map(|(ticker, _)| ticker.clone()));
        }
        missing.retain(|ticker| self.directory.key(ticker).is_none());
        // A settlement gives a scalar result in whole cents, the market gives it to $0.0001.
        let scalar = gathered.settlements.iter().filter(|settlement| convert::is_scalar(settlement));
        missing.extend(scalar.map(|settlement| settlement.ticker.clone()));
        missing.retain(|ticker| !job.named.contains(ticker));
        let missing: Vec<String> = missing.into_iter().collect();
        job.fetches.extend(missing.chunks(TICKERS_IN_FILTER).map(markets_named));
        job.named.extend(missing);
    }

    /// Requests the balance of each shard in use that the breakdown leaves out.
    fn ask_missing_balances(&mut self, job: &mut Job) {
        if !(job.purpose.is(QueryKind::Rebuild) || job.purpose.is(QueryKind::Compare)) {
            return;
        }
        for shard in self.directory.shards() {
            let told = job.gathered.balances.iter().any(|&(told, _)| told == shard);
            if !told && job.named.insert(format!("balance of shard {shard}")) {
                job.fetches.push_back(Fetch::Balance { shard: Some(shard) });
            }
        }
    }

    /// Chooses which of the markets that were read are to be listed.
    fn choose(&mut self, job: &Job) -> Vec<Market> {
        let chosen = self.chosen(job);
        let by_name = !self.config.directory.tickers.is_empty();
        if !by_name && job.purpose.lists_traded() {
            let open = job.gathered.markets.iter().filter(|market| market.status == Some(MarketLifeStatus::Active));
            for market in open {
                if let Err(problem) = market.check_terms() {
                    self.problem(format!("market {} cannot be traded: {problem}", market.ticker));
                }
            }
        }
        chosen
    }

    fn chosen(&self, job: &Job) -> Vec<Market> {
        let watches = job.purpose == Purpose::Watch;
        let unlisted = job.gathered.markets.iter().filter(|market| {
            // A market listed because we hold a position may also be wanted for trading.
            let merely_held = watches && !self.directory.is_traded(&market.ticker);
            merely_held || self.directory.key(&market.ticker).is_none()
        });
        let active = unlisted.clone().filter(|market| market.status == Some(MarketLifeStatus::Active));
        let mut open: Vec<&Market> = active.filter(|market| market.check_terms().is_ok()).collect();
        let by_close = |market: &&Market| (market.close_time, market.ticker.clone());
        let wanted = &self.config.directory;
        let closed = match job.purpose {
            Purpose::Start | Purpose::Watch if !wanted.tickers.is_empty() => {
                let by_ticker: BTreeMap<_, _> = unlisted.map(|market| (market.ticker.as_str(), market)).collect();
                let named = wanted.tickers.iter().filter_map(|ticker| by_ticker.get(ticker.as_str()));
                return named.map(|&market| market.clone()).collect();
            }
            Purpose::Watch if wanted.series.is_some() || !self.directory.has_no_traded() => return Vec::new(),
            Purpose::Start | Purpose::Watch => {
                if wanted.series.is_some() {
                    open.sort_by_key(by_close);
                }
                return open.into_iter().take(wanted.count.unwrap_or(1)).cloned().collect();
            }
            Purpose::Follow { closed } => closed,
            Purpose::Query { kind: QueryKind::Successor, market, .. } => Some(market),
            // Markets that were not asked for are ignored, even if the list has them.
            _ => return unlisted.filter(|market| job.named.contains(&market.ticker)).cloned().collect(),
        };
        let after_ms = closed.and_then(|closed| self.directory.listing(closed)).map(|listing| listing.close_time_ms);
        open.retain(|market| after_ms.is_none_or(|after_ms| market.close_ms() > Some(after_ms)));
        open.into_iter().min_by_key(by_close).cloned().into_iter().collect()
    }

    /// Lists markets and releases the facts that waited for them. Returns the number of markets listed.
    fn admit(&mut self, markets: &[Market], traded: bool, now: Now) -> usize {
        let mut admitted = 0;
        for market in markets {
            match self.directory.admit(market, traded, now.session_ms) {
                Ok(listing) => {
                    if market.status.is_none() {
                        self.problem(format!("market {}: its status is not known; it counts as paused", market.ticker));
                    }
                    admitted += 1;
                    self.counters.listings += 1;
                    self.listings.push_back(listing);
                    self.outbox.push_back(AccountEvent::Listing(listing));
                    let fees = self.directory.fees_of(listing.market);
                    self.outbox.extend(fees.map(|fees| AccountEvent::Fees { market: listing.market, fees }));
                    self.release(&market.ticker);
                }
                Err(problem) => {
                    self.counters.refused_markets += 1;
                    self.problem(problem);
                    // Terms that are missing now may be present when the market is next requested.
                    self.directory.forget_unknown_terms(market.event());
                }
            }
        }
        admitted
    }

    fn release(&mut self, ticker: &str) {
        let Some(market) = self.directory.key(ticker) else { return };
        let outbox = &mut self.outbox;
        self.held.retain(|(held, fact)| {
            let released = held == ticker;
            if released {
                outbox.push_back(convert::with_market(*fact, market));
            }
            !released
        });
    }

    /// Delivers the fills of a read that have not been delivered yet, oldest first. Returns their number.
    fn deliver_read_fills(&mut self, job: &mut Job, now: Now) -> usize {
        let mut delivered = 0;
        if planted!(ReadFillsDropped) {
            return 0;
        }
        for fill in std::mem::take(&mut job.gathered.fills).iter().rev() {
            if self.directory.key(fill.market()).is_none() {
                self.unlisted("fill", fill.market());
                continue;
            }
            if let Some(fact) = convert::read_fill(fill, job.read_ns) {
                delivered += usize::from(self.deliver_fill(fact, fill.market(), now));
            }
        }
        self.counters.fills_from_reads += delivered as u64;
        delivered
    }

    /// Whether the account changed while it was being read.
    fn is_disturbed(&mut self, job: &mut Job, now: Now) -> bool {
        let disturbed = self.deliver_read_fills(job, now) > 0 || job.disturbed;
        self.counters.unquiet_rebuilds += u64::from(disturbed);
        disturbed
    }

    /// Sends the facts about the account as a whole.
    fn push_condition(&mut self, job: &mut Job) {
        let gathered = &mut job.gathered;
        if let Some(active) = gathered.trading_elsewhere.take() {
            let listed = |shard: &u8| gathered.trading.iter().any(|(listed, _)| listed == shard);
            let others: Vec<u8> = self.directory.shards().into_iter().filter(|shard| !listed(shard)).collect();
            gathered.trading.extend(others.into_iter().map(|shard| (shard, active)));
        }
        for (exchange_index, active) in gathered.trading.drain(..) {
            match self.trading.iter_mut().find(|(told, _)| *told == exchange_index) {
                Some((_, told)) if *told == active || planted!(FirstStatusKept) => continue,
                Some((_, told)) => *told = active,
                None => self.trading.push((exchange_index, active)),
            }
            self.outbox.push_back(AccountEvent::Trading { exchange_index, active });
        }
        if let Some(write) = gathered.write.take() {
            let (refill, capacity) = (write.refill_rate, write.bucket_capacity);
            self.outbox.push_back(AccountEvent::WriteLimit { refill, capacity });
        }
        if let Some([create, amend, cancel]) = gathered.costs.take() {
            self.outbox.push_back(AccountEvent::WriteCosts { create, amend, cancel });
        }
        if gathered.nets {
            self.outbox.push_back(AccountEvent::Unsupported(Unsupported::Netting));
            self.problem("the account nets positions across markets; turn netting off".to_owned());
        }
    }

    /// Sends the facts of a read. Returns whether all of them were usable.
    fn push_facts(&mut self, job: &mut Job, kind: QueryKind, now: Now) -> bool {
        self.push_condition(job);
        let problems = self.counters.unlisted;
        if kind == QueryKind::Resolve {
            self.deliver_read_fills(job, now);
        }
        for (exchange_index, cash) in job.gathered.balances.drain(..) {
            self.outbox.push_back(AccountEvent::Balance { exchange_index, cash });
        }
        for group in job.gathered.groups.drain(..) {
            self.outbox.push_back(AccountEvent::Group(convert::read_group(&group)));
        }
        for position in std::mem::take(&mut job.gathered.positions) {
            match self.directory.key(&position.ticker) {
                Some(market) => self.outbox.push_back(convert::position(&position, market)),
                None if position.position_fp.is_zero() => {}
                None => self.unlisted("position", &position.ticker),
            }
        }
        let all_rest = kind != QueryKind::Resolve;
        for (place, order) in std::mem::take(&mut job.gathered.orders).into_iter().enumerate() {
            match (self.directory.key(&order.ticker), convert::read_order(&order, all_rest, now.session_ms)) {
                (Some(market), Ok(fact)) => {
                    self.outbox.push_back(convert::with_market(AccountEvent::Order(fact), market));
                }
                (None, _) => self.unlisted("order", &order.ticker),
                (_, Err(reason)) => {
                    let unusable = Unusable {
                        what: Order::WHAT.to_owned(),
                        place: place + 1,
                        id: Some(order.order_id),
                        ticker: Some(order.ticker),
                        client_order_id: Some(order.client_order_id),
                        is_object: true,
                        reason,
                        ..Unusable::default()
                    };
                    self.counters.unusable += 1;
                    self.problem(unusable.to_string());
                    job.gathered.unusable.push(unusable);
                }
            }
        }
        for settlement in std::mem::take(&mut job.gathered.settlements).iter().rev() {
            let Some(market) = self.directory.key(&settlement.ticker) else { continue };
            let told = job.gathered.markets.iter().find(|market| market.ticker == settlement.ticker);
            let exact = told.and_then(|market| market.settlement_value_dollars);
            match convert::settlement(settlement, exact, market) {
                Ok(fact) => self.outbox.push_back(fact),
                Err(problem) => {
                    self.counters.unusable += 1;
                    self.problem(problem);
                }
            }
        }
        let told = self.push_unusable(&job.gathered.unusable, kind);
        told && self.counters.unlisted == problems
    }

    /// Reports elements that could not be read. Returns whether the rest may count as complete: an element whose market
    /// is unknown could belong to any market, and a market's orders are complete only with all of them.
    fn push_unusable(&mut self, unusable: &[Unusable], kind: QueryKind) -> bool {
        let mut complete = true;
        for element in unusable {
            match self.concern(element) {
                Concern::Nobody => {}
                Concern::Market(market, what) if kind != QueryKind::Resolve => {
                    self.outbox.push_back(AccountEvent::Unusable { market, what });
                }
                Concern::Market(..) | Concern::Account => complete = false,
            }
        }
        complete
    }

    fn concern(&self, unusable: &Unusable) -> Concern {
        if !self.is_of_the_account(unusable) {
            return Concern::Nobody;
        }
        let what = match unusable.what.as_str() {
            Order::WHAT => Unread::Order,
            Fill::WHAT => Unread::Fill,
            _ => Unread::Position,
        };
        let market = unusable.ticker.as_deref().and_then(|ticker| self.directory.key(ticker));
        market.map_or(Concern::Account, |market| Concern::Market(market, what))
    }

    /// Whether an unusable element may matter: it is neither an order that is not ours nor a fill that was already
    /// delivered. An element that is not a JSON object may be anything.
    fn is_of_the_account(&self, unusable: &Unusable) -> bool {
        let seen = || {
            let trade = unusable.id.as_deref().and_then(|id| TradeId::parse(id).ok());
            let order = unusable.order_id.as_deref().and_then(|id| OrderId::parse(id).ok());
            trade.zip(order).is_some_and(|(trade, order)| self.seen.contains(trade, order))
        };
        match unusable.what.as_str() {
            Order::WHAT => {
                let client = unusable.client_order_id.as_deref().unwrap_or_default();
                !unusable.is_object || convert::owner(client) != Owner::Foreign
            }
            Fill::WHAT => !seen(),
            what => what == MarketPosition::WHAT,
        }
    }

    fn unlisted(&mut self, what: &str, ticker: &str) {
        self.counters.unlisted += 1;
        let ticker: String = ticker.chars().take(64).collect();
        self.problem(format!("{what} in market {ticker}, which the exchange does not list"));
    }
}

/// Restarts the read after a pause.
fn restarted(mut job: Job, now: Now) -> Job {
    let pause_ns = job.backoff.next_ns();
    job.restart(now.mono_ns.saturating_add(pause_ns));
    job
}
