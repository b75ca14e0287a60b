//! The stage itself: events and updates in, decisions out.

use std::sync::Arc;

use thiserror::Error;

use crate::book::{Book, BookError};
use crate::clock::{NEVER_NS, Now, SessionClock};
use crate::market::{BookLevels, Grid, GridBands, MarketKey};
use crate::messages::{
    BookEvent, BookEventKind, DecisionStamps, Listing, OrderIntent, PortfolioUpdate, ResyncReason, ResyncRequest,
};
use crate::ports::DecidePort;
use crate::record::Stage;

use super::account::{Account, Outstanding};
use super::counters::{DecideCounters, Skip};
use super::market::{Market, Resync, Trust};
use super::observation::{ExchangeZone, Holding, LENGTH, ObservationInput, Portfolio, SCHEMA, observe};
use super::policy::{Policy, PolicyInput, PolicyTerms};
use super::record::DecisionRecord;
use super::wanted::{Touch, Wanted};

/// A request that met a full ring is repeated after this.
const RESYNC_RETRY_NS: u64 = 10_000_000;
/// A request that was sent is repeated after this, while no snapshot comes.
const RESYNC_REPEAT_NS: u64 = 5_000_000_000;
/// However short the decision buckets, an event that waited less than this is not late.
const BEHIND_MIN_NS: u64 = 1_000_000;

/// What the stage needs to know before it starts.
#[derive(Clone, Copy, Debug)]
pub struct DecideConfig {
    /// Keys have an index below this.
    pub max_markets: usize,
    /// How session time runs, to tell how much real time a decision bucket is.
    pub clock: SessionClock,
}

/// A policy that expects another observation than this program builds.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the policy expects observation schema `{found}`; this program builds `{SCHEMA}`")]
pub struct SchemaMismatch {
    /// The schema that the policy names.
    pub found: String,
}

/// The decide stage.
///
/// Tables are indexed by [`MarketKey::position`]; what carries a generation other than the current one is counted and
/// ignored. Only listings and removals of markets touch the allocator.
#[derive(Debug)]
pub struct DecideStage<P> {
    policy: P,
    terms: PolicyTerms,
    decide_ms: i64,
    behind_ns: u64,
    markets: Box<[Option<Market>]>,
    accounts: Box<[Account]>,
    /// Markets whose decision was put off because the stage was behind, one bit each.
    due: Box<[u64]>,
    /// Every grid in use, once.
    grids: Vec<Arc<Grid>>,
    portfolio: Portfolio,
    /// The newest version received; none before the first update.
    portfolio_version: Option<u64>,
    zone: ExchangeZone,
    epoch_cleared: u64,
    intents: u64,
    resync_deadline_ns: u64,
    observation: [f32; LENGTH],
    counters: DecideCounters,
}

impl<P: Policy> DecideStage<P> {
    /// A stage that knows no market yet.
    ///
    /// # Errors
    /// When the policy was made for another observation.
    pub fn new(policy: P, config: &DecideConfig) -> Result<Self, SchemaMismatch> {
        let terms = policy.terms().clone();
        if terms.schema != SCHEMA {
            return Err(SchemaMismatch { found: terms.schema });
        }
        Ok(Self {
            policy,
            decide_ms: i64::try_from(terms.decide_ms).unwrap_or(i64::MAX),
            behind_ns: config.clock.duration_ns(terms.decide_ms).max(BEHIND_MIN_NS),
            terms,
            markets: vec![None; config.max_markets].into_boxed_slice(),
            accounts: vec![Account::default(); config.max_markets].into_boxed_slice(),
            due: vec![0; config.max_markets.div_ceil(64)].into_boxed_slice(),
            grids: Vec::new(),
            portfolio: Portfolio::new(config.max_markets),
            portfolio_version: None,
            zone: ExchangeZone::new(),
            epoch_cleared: 0,
            intents: 0,
            resync_deadline_ns: NEVER_NS,
            observation: [0.0; LENGTH],
            counters: DecideCounters::default(),
        })
    }

    /// What happened so far.
    pub fn counters(&self) -> &DecideCounters {
        &self.counters
    }

    /// A market's book, while it is listed and can be trusted.
    pub fn book(&self, key: MarketKey) -> Option<&Book> {
        let market = self.markets.get(key.position())?.as_ref()?;
        (market.key == key && market.trust == Trust::Fresh).then_some(&market.book)
    }

    /// A market was listed, or what is known of a listed one changed. Its grid may become finer; a book that does not
    /// fit the new grid is asked for again.
    pub fn on_listing(&mut self, listing: &Listing, now: Now) {
        let position = listing.market.position();
        if position >= self.markets.len() {
            self.counters.unknown_market += 1;
            return;
        }
        let grid = self.grid(&listing.bands);
        if let Some(market) = self.markets[position].as_mut().filter(|market| market.key == listing.market) {
            market.traded = listing.traded;
            market.phase = listing.phase;
            if market.book.grid().bands() != grid.bands()
                && let Err(error) = market.book.regrid(grid)
            {
                market.distrust(now);
                market.resync = Some(Resync { reason: error.reason(), due_ns: now.mono_ns });
                self.resync_deadline_ns = self.resync_deadline_ns.min(now.mono_ns);
            }
            return;
        }
        if !self.accounts[position].belongs_to(listing.market) {
            // The account already knows a later market of this index: this listing is late news.
            self.counters.unknown_market += 1;
            return;
        }
        let holding = *self.portfolio.holding(position);
        let position_held = self.accounts[position].position;
        if holding.position != position_held {
            self.portfolio.set(position, Holding::default());
        }
        self.set_due(position, false);
        self.markets[position] = Some(Market::new(listing, Book::new(grid), self.terms.point_ms));
    }

    fn grid(&mut self, bands: &GridBands) -> Arc<Grid> {
        if let Some(grid) = self.grids.iter().find(|grid| grid.bands() == bands) {
            return Arc::clone(grid);
        }
        let grid = Grid::new(*bands);
        self.grids.push(Arc::clone(&grid));
        grid
    }

    /// An event from `feed`. A snapshot comes with its levels, whose buffer goes back through the port.
    #[inline]
    pub fn on_book(
        &mut self,
        event: &BookEvent,
        levels: Option<Box<BookLevels>>,
        now: Now,
        port: &mut impl DecidePort,
    ) {
        self.counters.book_events += 1;
        let changed = self.apply(event, levels.as_deref(), now, port);
        if let Some(levels) = levels {
            port.return_levels(levels);
        }
        if changed {
            let applied_ns = port.stamp_ns();
            self.consider(event, applied_ns, now, port);
            // Figures are recorded when the intent is on its way.
            port.latency(Stage::Book, applied_ns.saturating_sub(now.mono_ns));
        }
    }

    /// Applies an event. Returns whether it is a frame at which a decision may be due.
    #[inline]
    fn apply(&mut self, event: &BookEvent, levels: Option<&BookLevels>, now: Now, port: &mut impl DecidePort) -> bool {
        if event.kind == BookEventKind::EpochCleared {
            self.epoch_cleared = self.epoch_cleared.max(event.clock);
            return false;
        }
        let position = event.market.position();
        let Some(market) =
            self.markets.get_mut(position).and_then(Option::as_mut).filter(|market| market.key == event.market)
        else {
            self.counters.unknown_market += 1;
            return false;
        };
        let result = match event.kind {
            BookEventKind::Delta if market.trust == Trust::Fresh => {
                self.counters.deltas += 1;
                market.book.apply_delta(event.side, event.price, event.change).map_err(|error| error.reason())
            }
            BookEventKind::Delta => {
                self.counters.unusable_deltas += 1;
                if market.trust == Trust::Awaiting && market.resync.is_none() {
                    self.request_resync(position, ResyncReason::NoSnapshot, now, port);
                }
                return true;
            }
            BookEventKind::Snapshot => {
                self.counters.snapshots += 1;
                // A snapshot without its levels tells nothing about the book.
                let applied = levels.map(|levels| market.book.apply_snapshot(levels));
                let applied = applied
                    .map_or(Err(ResyncReason::NoSnapshot), |result| result.map_err(|error: BookError| error.reason()));
                if applied.is_ok() {
                    market.refresh(now);
                }
                applied
            }
            BookEventKind::Trade => {
                self.counters.trades += 1;
                return false;
            }
            BookEventKind::Stale => {
                market.distrust(now);
                // `feed` knows, so there is no need to tell it.
                market.resync = None;
                return false;
            }
            BookEventKind::Delisted => {
                self.markets[position] = None;
                self.set_due(position, false);
                return false;
            }
            BookEventKind::Listed | BookEventKind::EpochCleared => return false,
        };
        match result {
            Ok(()) => {
                market.record(event);
                let mid2 = market.book.mid2();
                self.portfolio.set_mid(position, mid2);
                true
            }
            Err(reason) => {
                market.distrust(now);
                self.counters.book_errors += 1;
                self.request_resync(position, reason, now, port);
                true
            }
        }
    }

    /// Takes the decision that a frame makes due, or puts it off while the stage is behind.
    #[inline]
    fn consider(&mut self, event: &BookEvent, applied_ns: u64, now: Now, port: &mut impl DecidePort) {
        let position = event.market.position();
        let Some(market) = self.markets[position].as_mut() else {
            return;
        };
        let entered = market.enter_bucket(event.time_ms, self.decide_ms);
        let was_due = self.due[position / 64] >> (position % 64) & 1 == 1;
        if !market.traded || !(entered || was_due) {
            return;
        }
        let key = market.key;
        let time_ms = market.time_ms;
        if entered && was_due {
            self.skip(key, time_ms, Skip::Behind, port);
        }
        let behind = now.mono_ns.saturating_sub(event.read_ns) > self.behind_ns;
        self.set_due(position, behind);
        if !behind {
            self.decide(position, applied_ns, port);
        }
    }

    /// Everything that had waited has been handled: takes the decisions that were put off.
    pub fn on_drained(&mut self, port: &mut impl DecidePort) {
        for word in 0..self.due.len() {
            while self.due[word] != 0 {
                let position = word * 64 + self.due[word].trailing_zeros() as usize;
                self.set_due(position, false);
                let applied_ns = port.stamp_ns();
                self.decide(position, applied_ns, port);
            }
        }
    }

    fn set_due(&mut self, position: usize, due: bool) {
        let bit = 1 << (position % 64);
        if due {
            self.due[position / 64] |= bit;
        } else {
            self.due[position / 64] &= !bit;
        }
    }

    fn skip(&mut self, market: MarketKey, time_ms: i64, reason: Skip, port: &mut impl DecidePort) {
        self.counters.skipped[reason as usize] += 1;
        port.skipped(market, time_ms, reason);
    }

    /// Why no decision can be taken on a market now.
    fn obstacle(&self, market: &Market, account: &Account, port: &impl DecidePort) -> Option<Skip> {
        if market.closed() {
            Some(Skip::Closed)
        } else if market.trust != Trust::Fresh {
            Some(Skip::Stale)
        } else if port.overflow_epoch() != self.epoch_cleared {
            Some(Skip::Epoch)
        } else if self.portfolio_version.is_none() {
            Some(Skip::NotReady)
        } else if account.busy() {
            Some(Skip::Busy)
        } else {
            None
        }
    }

    /// One pass: observation, policy, wanted order, intent.
    fn decide(&mut self, position: usize, applied_ns: u64, port: &mut impl DecidePort) {
        let Some(market) = self.markets[position].as_ref() else {
            return;
        };
        let account = &self.accounts[position];
        let (key, time_ms) = (market.key, market.time_ms);
        if let Some(reason) = self.obstacle(market, account, port) {
            self.skip(key, time_ms, reason, port);
            return;
        }
        let input = ObservationInput {
            time_ms,
            hour: self.zone.hour(time_ms),
            book: &market.book,
            points: &market.points,
            portfolio: &self.portfolio,
            orders: account.open_order.into(),
        };
        observe(&input, &mut self.observation);
        let observed_ns = port.stamp_ns();
        let output = self.policy.act(&PolicyInput {
            market: key,
            time_ms,
            observation: &self.observation,
            book: &market.book,
            position: account.position,
            open_order: account.open_order,
        });
        let inferred_ns = port.stamp_ns();
        self.counters.decisions += 1;
        self.counters.actions[output.action as usize] += 1;
        self.counters.faults += u64::from(output.fault.is_some());

        let touch = Touch::without_own(&market.book, account.open_order);
        let terms = &self.terms;
        let wanted =
            Wanted::form(output.action, account.position, terms.contracts, terms.pricing, touch, market.book.grid());
        let mut record = DecisionRecord {
            market: key,
            time_ms,
            portfolio_version: self.portfolio_version.unwrap_or(0),
            action: output.action,
            fault: output.fault,
            withheld: wanted.err(),
            price: None,
            intent: 0,
            logits: output.logits,
            observation: self.observation,
        };
        if let Ok(Some(wanted)) = wanted {
            record.price = Some(wanted.price);
            let intent = OrderIntent {
                id: self.intents + 1,
                market: key,
                action: output.action,
                pricing: terms.pricing,
                price: wanted.price,
                best_bid: touch.bid,
                best_ask: touch.ask,
                count: wanted.count,
                time_ms,
                portfolio_version: record.portfolio_version,
                stamps: DecisionStamps {
                    oldest_read_ns: market.oldest_read_ns,
                    newest_read_ns: market.newest_read_ns,
                    applied_ns,
                    observed_ns,
                    inferred_ns,
                    decided_ns: 0,
                },
            };
            if account.blocked && wanted.opens(account.position) {
                record.withheld = Some(Skip::Blocked);
            } else {
                match self.send(intent, port) {
                    Ok(id) => record.intent = id,
                    Err(reason) => record.withheld = Some(reason),
                }
            }
        }
        if let Some(reason) = record.withheld {
            self.counters.skipped[reason as usize] += 1;
        }
        port.latency(Stage::Observe, observed_ns.saturating_sub(applied_ns));
        port.latency(Stage::Infer, inferred_ns.saturating_sub(observed_ns));
        port.decided(&record);
        if let Some(market) = self.markets[position].as_mut() {
            market.oldest_read_ns = 0;
        }
    }

    /// Sends an intent, after which its market is busy until the verdict.
    fn send(&mut self, mut intent: OrderIntent, port: &mut impl DecidePort) -> Result<u64, Skip> {
        intent.stamps.decided_ns = port.stamp_ns();
        port.intent(&intent).map_err(|_| Skip::RingFull)?;
        port.latency(Stage::Decide, intent.stamps.decided_ns.saturating_sub(intent.stamps.inferred_ns));
        self.intents = intent.id;
        self.counters.intents += 1;
        self.accounts[intent.market.position()]
            .sent(Outstanding { intent: intent.id, newest_read_ns: intent.stamps.newest_read_ns });
        Ok(intent.id)
    }

    /// The account's state from `execute`. Kept even for a market that is not listed here yet.
    pub fn on_portfolio(&mut self, update: &PortfolioUpdate, now: Now, port: &mut impl DecidePort) {
        self.counters.portfolio_updates += 1;
        self.portfolio.set_cash(update.available, update.reserved);
        self.portfolio_version = Some(update.version);
        let position = update.market.position();
        let Some(account) = self.accounts.get_mut(position) else {
            self.counters.unknown_market += 1;
            return;
        };
        if !account.belongs_to(update.market) {
            self.counters.unknown_market += 1;
            return;
        }
        let learned = account.update(update);
        let fresh = self.markets[position]
            .as_ref()
            .filter(|market| market.key == update.market && market.trust == Trust::Fresh);
        let mid2 = fresh.map_or(self.portfolio.holding(position).mid2, |market| market.book.mid2());
        self.portfolio.set(position, Holding { position: update.position, cost: update.cost, mid2 });
        if learned.position_changed && update.cause_read_ns != 0 {
            port.latency(Stage::FillToPortfolio, now.mono_ns.saturating_sub(update.cause_read_ns));
        }
        if let Some(outstanding) = learned.answered {
            port.latency(Stage::BookToPortfolio, now.mono_ns.saturating_sub(outstanding.newest_read_ns));
        }
    }

    fn request_resync(&mut self, position: usize, reason: ResyncReason, now: Now, port: &mut impl DecidePort) {
        let Some(market) = self.markets[position].as_mut() else {
            return;
        };
        let wait_ns = match port.resync(&ResyncRequest { market: market.key, reason }) {
            Ok(()) => {
                self.counters.resync_requests += 1;
                RESYNC_REPEAT_NS
            }
            Err(_) => RESYNC_RETRY_NS,
        };
        let due_ns = now.mono_ns.saturating_add(wait_ns);
        market.resync = Some(Resync { reason, due_ns });
        self.resync_deadline_ns = self.resync_deadline_ns.min(due_ns);
    }

    /// When [`on_timer`](Self::on_timer) is due, on the monotonic clock.
    pub fn deadline_ns(&self) -> u64 {
        self.resync_deadline_ns
    }

    /// Repeats the requests for snapshots that are due. Harmless when called early.
    pub fn on_timer(&mut self, now: Now, port: &mut impl DecidePort) {
        if now.mono_ns < self.resync_deadline_ns {
            return;
        }
        self.resync_deadline_ns = NEVER_NS;
        for position in 0..self.markets.len() {
            let Some(resync) = self.markets[position].as_ref().and_then(|market| market.resync) else {
                continue;
            };
            if resync.due_ns <= now.mono_ns {
                self.request_resync(position, resync.reason, now, port);
            } else {
                self.resync_deadline_ns = self.resync_deadline_ns.min(resync.due_ns);
            }
        }
    }
}

#[cfg(test)]
mod tests;
