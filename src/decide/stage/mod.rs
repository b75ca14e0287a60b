//! The state of the stage, and the effect of each input.

mod checkpoint;
mod crossed;
mod decision;
mod rehearsal;
mod resync;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::book::{Book, BookError, CROSSED_GRACE_MS};
use crate::clock::{NEVER_NS, Now, SessionClock};
use crate::market::{BookLevels, Grid, GridBands, MarketKey};
use crate::messages::{
    AccountNote, BookEvent, BookEventKind, FeedToDecide, Listing, OwnFill, OwnSettlement, PortfolioUpdate, ResyncReason,
};
use crate::ports::DecidePort;
use crate::record::Span;

use super::account::Account;
use super::counters::DecideCounters;
use super::market::{Market, Resync, Trust};
use super::observation::{ExchangeZone, Holding, PointHistory, Portfolio};
use super::policy::{OwnRefusal, Policy, PolicyRecord, PolicyTerms, RefusalReason, UnusableTerms};
use super::queue::LevelChange;
use super::trades::TradePrint;
pub use checkpoint::{RestoreError, recorded_policy};
use checkpoint::{grids, record};

/// An event that waited for less than this is never late, however short the decision buckets are.
const BEHIND_MIN_NS: u64 = 1_000_000;

/// What the stage needs to know before it starts.
#[derive(Clone, Copy, Debug)]
pub struct DecideConfig {
    /// The number of market slots: every market index is below this.
    pub max_markets: usize,
    /// The session clock, to convert a decision bucket and the grace for a crossed book to real time.
    pub clock: SessionClock,
}

/// The decide stage.
///
/// Only listings and removals of markets allocate or free memory.
#[derive(Serialize, Deserialize)]
#[serde(bound(serialize = "P: Policy", deserialize = "P: Deserialize<'de>"))]
pub struct DecideStage<P> {
    // The policy comes first, so that it can be read from a checkpoint without reading the rest.
    #[serde(serialize_with = "record")]
    policy: P,
    state: State,
    #[serde(skip)]
    seen: Seen,
}

/// The policy as a checkpoint has it.
impl<P: Policy> std::fmt::Debug for DecideStage<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { policy, state, seen } = self;
        let policy = PolicyRecord::of(policy);
        f.debug_struct("DecideStage").field("policy", &policy).field("state", state).field("seen", seen).finish()
    }
}

/// The buffer for an observation, with one number per feature of the schema.
#[derive(Debug, Default)]
struct Seen {
    observation: Box<[f32]>,
    rehearsal: Box<[f32]>,
}

impl Seen {
    fn new(terms: &PolicyTerms) -> Result<Self, UnusableTerms> {
        terms.check()?;
        let width = terms.schema.map_or(0, |schema| schema.width());
        Ok(Self { observation: vec![0.0; width].into_boxed_slice(), rehearsal: vec![0.0; width].into_boxed_slice() })
    }
}

/// The state of the stage apart from its policy.
///
/// Tables are indexed by [`MarketKey::position`]. Inputs with a generation other than the current one are counted and
/// ignored.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// The policy's terms, which are not part of a checkpoint since the policy brings them.
    #[serde(skip, default = "PolicyTerms::unobserved")]
    terms: PolicyTerms,
    decide_ms: i64,
    behind_ns: u64,
    markets: Box<[Option<Market>]>,
    accounts: Box<[Account]>,
    /// Markets whose decision was postponed because the stage was behind, one bit each.
    due: Box<[u64]>,
    /// Markets whose book was found crossed, one bit each. A bit may remain set after the crossing has ended.
    crossed: Box<[u64]>,
    /// When the grace of the first of them ends, in monotonic nanoseconds.
    crossed_deadline_ns: u64,
    /// How long a book may stay crossed without a further frame, in monotonic nanoseconds.
    crossed_grace_ns: u64,
    /// Whether events have come since [`DecideStage::on_drained`] was last called.
    undrained: bool,
    /// The distinct grids in use.
    #[serde(with = "grids")]
    grids: Vec<Arc<Grid>>,
    portfolio: Portfolio,
    /// The newest version received, once there is one.
    portfolio_version: Option<u64>,
    #[serde(skip)]
    zone: ExchangeZone,
    epoch_cleared: u64,
    intents: u64,
    resync_deadline_ns: u64,
    /// The market of the last rehearsal.
    #[serde(skip)]
    rehearsed: usize,
    counters: DecideCounters,
}

impl<P: Policy> DecideStage<P> {
    /// Creates a stage without markets.
    ///
    /// # Errors
    /// When the policy cannot run on its terms.
    pub fn new(policy: P, config: &DecideConfig) -> Result<Self, UnusableTerms> {
        let terms = policy.terms().clone();
        let state = State {
            decide_ms: i64::try_from(terms.decide_ms).unwrap_or(i64::MAX),
            behind_ns: config.clock.duration_ns(terms.decide_ms).max(BEHIND_MIN_NS),
            terms: terms.clone(),
            markets: vec![None; config.max_markets].into_boxed_slice(),
            accounts: vec![Account::default(); config.max_markets].into_boxed_slice(),
            due: vec![0; config.max_markets.div_ceil(64)].into_boxed_slice(),
            crossed: vec![0; config.max_markets.div_ceil(64)].into_boxed_slice(),
            crossed_deadline_ns: NEVER_NS,
            crossed_grace_ns: config.clock.duration_ns(CROSSED_GRACE_MS),
            undrained: false,
            grids: Vec::new(),
            portfolio: Portfolio::new(config.max_markets),
            portfolio_version: None,
            zone: ExchangeZone::new(),
            epoch_cleared: 0,
            intents: 0,
            resync_deadline_ns: NEVER_NS,
            rehearsed: 0,
            counters: DecideCounters::default(),
        };
        let seen = Seen::new(&terms)?;
        Ok(Self { policy, state, seen })
    }

    /// The policy.
    pub fn policy(&self) -> &P {
        &self.policy
    }

    pub fn counters(&self) -> &DecideCounters {
        &self.state.counters
    }

    /// A market's book, if the market is listed and the book fresh. It may be crossed for an instant.
    pub fn book(&self, key: MarketKey) -> Option<&Book> {
        let market = self.state.markets.get(key.position())?.as_ref()?;
        (market.key == key && market.trust == Trust::Fresh).then_some(&market.book)
    }

    /// The latest overflow epoch whose markets have all been marked stale. While a later one has been raised, books may
    /// be wrong.
    pub fn epoch_cleared(&self) -> u64 {
        self.state.epoch_cleared
    }

    /// A market was listed, or its listing changed. If the book does not fit a new grid, a snapshot is requested.
    pub fn on_listing(&mut self, listing: &Listing, now: Now) {
        let state = &mut self.state;
        let position = listing.market.position();
        if position >= state.markets.len() {
            state.counters.unknown_market += 1;
            return;
        }
        let grid = state.grid(&listing.bands);
        if let Some(market) = state.markets[position].as_mut().filter(|market| market.key == listing.market) {
            market.traded = listing.traded;
            market.phase = listing.phase;
            market.close_time_ms = listing.close_time_ms;
            if market.book.grid().bands() != grid.bands()
                && let Err(error) = market.book.regrid(grid)
            {
                market.distrust(now);
                market.resync = Some(Resync { reason: error.reason(), due_ns: now.mono_ns });
                state.resync_deadline_ns = state.resync_deadline_ns.min(now.mono_ns);
            }
            return;
        }
        if !state.accounts[position].belongs_to(listing.market) {
            // The account already belongs to a later market with this index, so this listing is out of date.
            state.counters.unknown_market += 1;
            return;
        }
        let holding = *state.portfolio.holding(position);
        let position_held = state.accounts[position].position;
        if holding.position != position_held {
            state.portfolio.set(position, Holding::default());
        }
        state.set_due(position, false);
        let points = PointHistory::new(state.terms.point_ms, state.terms.schema.map_or(0, |schema| schema.points()));
        let mut market = Market::new(listing, Book::new(grid), points);
        market.place.follow(state.accounts[position].open_order, None);
        state.markets[position] = Some(market);
    }

    /// An event from `feed`. A snapshot comes with its levels, whose buffer is returned through the port.
    #[inline]
    pub fn on_book(
        &mut self,
        event: &BookEvent,
        levels: Option<Box<BookLevels>>,
        now: Now,
        port: &mut impl DecidePort,
    ) {
        self.state.counters.book_events += 1;
        self.state.undrained = true;
        let begun_ns = port.stamp_ns();
        let changed = self.state.apply(event, levels.as_deref(), now, port);
        if let Some(levels) = levels {
            port.return_levels(levels);
        }
        if changed {
            let applied_ns = port.stamp_ns();
            self.consider(event, applied_ns, now, port);
            // Recorded only after the intent has been sent.
            port.latency(Span::Book, applied_ns.saturating_sub(begun_ns));
        }
    }

    #[inline]
    pub fn on_feed(&mut self, message: FeedToDecide, now: Now, port: &mut impl DecidePort) {
        match message {
            FeedToDecide::Event(event) => self.on_book(&event, None, now, port),
            FeedToDecide::Snapshot(event, levels) => self.on_book(&event, Some(levels), now, port),
            FeedToDecide::Listed(_, listing) => self.on_listing(&listing, now),
        }
    }

    #[inline]
    pub fn on_execute(&mut self, note: &AccountNote, now: Now, port: &mut impl DecidePort) {
        match note {
            AccountNote::Portfolio(update) => self.on_portfolio(update, now, port),
            AccountNote::Fill(fill) => self.on_own_fill(fill),
            AccountNote::Settlement(settlement) => self.on_own_settlement(settlement),
        }
    }

    /// The account's state from `execute`. It is kept even for a market that is not listed here yet.
    pub fn on_portfolio(&mut self, update: &PortfolioUpdate, now: Now, port: &mut impl DecidePort) {
        let state = &mut self.state;
        state.counters.portfolio_updates += 1;
        state.portfolio.set_cash(update.available, update.reserved);
        state.portfolio_version = Some(update.version);
        let position = update.market.position();
        let Some(account) = state.accounts.get_mut(position) else {
            state.counters.unknown_market += 1;
            return;
        };
        if !account.belongs_to(update.market) {
            state.counters.unknown_market += 1;
            return;
        }
        let held = !account.position.is_zero();
        let learned = account.update(update);
        if let Some(market) = state.markets[position].as_mut().filter(|market| market.key == update.market) {
            let book = (market.trust == Trust::Fresh).then_some(&market.book);
            market.place.follow(update.open_order, book);
        }
        // While the book is stale or the market not listed, a position is valued at its last known mid.
        let last = state.portfolio.holding(position).mid2.filter(|_| held);
        let mid2 = match &state.markets[position] {
            Some(market) if market.key == update.market && market.trust == Trust::Fresh => market.mid2(),
            Some(market) if market.key == update.market => last.or(market.mid2()),
            _ => last,
        };
        state.portfolio.set(position, Holding { position: update.position, cost: update.cost, mid2 });
        if learned.position_changed && update.cause_read_ns != 0 {
            port.latency(Span::FillToPortfolio, now.mono_ns.saturating_sub(update.cause_read_ns));
        }
        if learned.answered.is_some() && update.verdict.is_refusal() {
            let reason = RefusalReason::Refused(update.verdict);
            self.policy.on_refusal(&OwnRefusal { market: update.market, time_ms: now.session_ms, reason });
        }
        if let Some(outstanding) = learned.answered {
            port.latency(Span::BookToPortfolio, now.mono_ns.saturating_sub(outstanding.newest_read_ns));
        }
    }
}

impl<P: Policy> DecideStage<P> {
    pub fn on_own_fill(&mut self, fill: &OwnFill) {
        self.state.counters.own_fills += 1;
        self.policy.on_fill(fill);
    }

    pub fn on_own_settlement(&mut self, settlement: &OwnSettlement) {
        self.state.counters.own_settlements += 1;
        self.policy.on_settlement(settlement);
    }
}

impl State {
    fn grid(&mut self, bands: &GridBands) -> Arc<Grid> {
        if let Some(grid) = self.grids.iter().find(|grid| grid.bands() == bands) {
            return Arc::clone(grid);
        }
        let grid = Grid::new(*bands);
        self.grids.push(Arc::clone(&grid));
        grid
    }

    /// Applies an event. Returns whether a decision may be due at its frame; if the frame leaves the book crossed, the
    /// decision waits for the next one.
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
                let applied = if market.crossing.outlasts(event.exchange_time_ms()) {
                    Err(market.book.stays_crossed())
                } else {
                    market.book.apply_delta(event.side, event.price, event.change)
                };
                applied.map_err(|error| error.reason())
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
                // A snapshot without its levels says nothing about the book.
                let applied = levels.map(|levels| market.book.apply_snapshot(levels));
                let applied = applied
                    .map_or(Err(ResyncReason::NoSnapshot), |result| result.map_err(|error: BookError| error.reason()));
                if applied.is_ok() {
                    market.refresh(now);
                    market.crossing.replace(event.exchange_time_ms());
                }
                applied
            }
            BookEventKind::Trade => {
                self.counters.trades += 1;
                let trade = TradePrint::of(event);
                market.place.on_trade(&trade, event.exchange_time_ms());
                market.trades.push(trade);
                return false;
            }
            BookEventKind::Stale => {
                market.distrust(now);
                // `feed` knows already, so no request is needed.
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
        let is_crossed = market.book.is_crossed();
        match result {
            Ok(()) if is_crossed && planted!(CrossingIsAnError) => {
                self.give_up(position, ResyncReason::Crossed, now, port);
                true
            }
            Ok(()) => {
                let is_crossed = is_crossed && !planted!(CrossedBookUsed);
                let until_ns = now.mono_ns.saturating_add(self.crossed_grace_ns);
                let is_first = market.crossing.follow(is_crossed, event.exchange_time_ms(), until_ns);
                market.record(event);
                let (outcome, price, change) = (event.side, event.price, event.change);
                let change = (event.kind == BookEventKind::Delta).then_some(LevelChange { outcome, price, change });
                market.place.on_book(event.exchange_time_ms(), change, &market.book);
                if is_crossed {
                    self.note_crossed(position, is_first, until_ns);
                } else {
                    let mid2 = market.book.mid2();
                    self.portfolio.set_mid(position, mid2);
                }
                !is_crossed
            }
            Err(reason) => {
                self.give_up(position, reason, now, port);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests;
