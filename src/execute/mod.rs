//! The execute stage: the ledger, the risk gate, the life of orders, client order ids and write tokens.
//!
//! It owns the only opinion about what the account has. Facts come in: intents from `decide`, conditions of markets from
//! `feed`, facts about the account from `reconcile`, answers to its own order writes. Out go order writes, portfolio
//! updates, and questions to the exchange. It never waits: whatever an answer is due for is a state of an order.
//!
//! How the parts hang together:
//!
//! * `intents` turns a decision into keep, amend, cancel or place, through the gate in `risk`; `writes` sends. Orders rest
//!   on leases, which `lease` measures out and renews.
//! * `answers` and `account` turn what the exchange says into events of the order table in `orders`.
//! * `groups` keeps an order group for each shard, with which the exchange stops us when we trade too much.
//! * `controls` has the limits that remember something: events, message rates, duplicates, executions, drawdown.
//! * `block` says why a market, or all of them, take no new risk.
//! * `booking` keeps the ledger: fills, settlements, and what each order reserves; `notes` has what `decide` is told of them.
//! * `queries` asks the exchange (rebuild, compare, resolve) and `compare` draws the conclusions; `upkeep` does what time brings.
//!
//! It may not touch sockets, clocks or threads, and allocates nothing on an intent, an answer or a fill once its tables
//! stand. Inputs that come early, late, twice or never are the normal case; the ledger's identities are asserted after
//! every event.

mod account;
mod answers;
mod block;
mod booking;
mod breaker;
mod cash;
mod compare;
mod config;
pub mod controls;
mod counters;
mod directory;
mod exposure;
mod fee_rounding;
mod fills;
mod groups;
mod history;
mod intents;
mod lease;
mod ledger;
mod loss_stop;
mod notes;
mod orders;
mod position;
mod queries;
mod readings;
mod refusals;
mod rehearsal;
mod report;
mod requests;
mod risk;
mod table;
#[cfg(test)]
mod tests;
mod tokens;
mod upkeep;
mod waiting;
mod writes;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

pub use block::{Block, Standstill};
pub use config::{ExecuteConfig, RiskLimits};
pub use counters::ExecuteCounters;
pub use groups::{GroupBlock, GroupConfig, GroupView};
pub use lease::{LeaseConfig, LeasePlan};
pub use ledger::{Ledger, ShardCash};
pub use orders::{Effect, OrderEvent, OrderState, Transition, next, transition};
pub use position::Position;
pub use report::{Agreement, Difference, NotCompared, PositionView};
pub use risk::{Question, check};
pub use table::{Order, Whose};
pub use tokens::WriteBudget;
pub use waiting::Waiting;

use crate::clock::{NEVER_NS, Now, SessionClock};
use crate::market::{MarketKey, Money};
use crate::messages::{
    AccountNote, DayState, DecideToExecute, FeedToExecute, MarketStatus, OrderIntent, Phase, PortfolioUpdate, Verdict,
};
use crate::ports::{ExecuteEffect, ExecuteMessage, ExecutePort};
use crate::seen_fills::SeenFills;
use controls::{EventLosses, MessageRate};
use directory::Directory;
use exposure::Exposure;
use fills::EarlyTable;
use groups::Groups;
use loss_stop::LossStop;
use notes::Notes;
use readings::Readings;
use refusals::Refusals;
use requests::Requests;
use table::{OrderRef, OrderTable};
use tokens::WriteTokens;
use upkeep::Ending;

/// How many orders whose owner is not known yet may have fills waiting.
const EARLY_ORDERS: usize = 1_024;
/// How soon a full ring is tried again.
const FULL_RETRY_NS: u64 = 100_000;

/// The execute stage.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExecuteStage {
    config: ExecuteConfig,
    clock: SessionClock,
    /// Drawn for this start; the mark of this run's orders.
    nonce: u64,
    orders_placed: u32,
    ledger: Ledger,
    directory: Directory,
    orders: OrderTable,
    requests: Requests,
    tokens: WriteTokens,
    groups: Groups,
    /// How long orders may rest, and how many.
    leases: LeasePlan,
    seen: SeenFills,
    early: EarlyTable,
    loss_stop: LossStop,
    events: EventLosses,
    messages: MessageRate,
    unrealized: Money,
    readings: Readings,
    /// Shards that take no orders now.
    #[serde(with = "crate::checkpoint::array")]
    paused: [bool; 256],
    refusals: Refusals,
    ending: Ending,
    counters: ExecuteCounters,
    /// Fills and settlements of ours of which `decide` was not told.
    notes: Notes,
    /// Markets whose newest state `decide` has not got, oldest first.
    dirty: VecDeque<u16>,
    /// The next moment at which time alone changes something.
    due_ns: u64,
    /// The session time at which fees change next, as far as is known.
    fees_change_ms: i64,
    /// When an order that has to go may be tried; never when there is none.
    cancels_due_ns: u64,
    #[serde(skip)]
    body: Vec<u8>,
    #[serde(skip)]
    path: String,
    #[serde(skip)]
    exposures: Vec<Exposure>,
    /// The last intent, for rehearsals.
    #[serde(skip)]
    rehearsed: Option<OrderIntent>,
    /// When the intent in hand was taken up.
    #[serde(skip)]
    begun_ns: u64,
}

impl ExecuteStage {
    /// A stage that knows nothing yet. `nonce` is drawn once for each start, at random; `day` is what the last run left
    /// (the default when there is none). Nothing is traded until a complete read of the account.
    #[must_use]
    pub fn new(config: ExecuteConfig, clock: SessionClock, nonce: u64, day: DayState) -> Self {
        let budget = WriteBudget::documented(config.write_refill, config.write_capacity);
        let wanted = config.limits.open_orders_max;
        Self {
            clock,
            nonce: if planted!(NonceTooCoarse) { nonce >> 8 } else { nonce },
            orders_placed: 0,
            ledger: Ledger::new(),
            directory: Directory::new(config.markets_max),
            orders: OrderTable::new(config.orders_max, config.markets_max),
            requests: Requests::new(config.requests_max),
            tokens: WriteTokens::new(budget, &clock, config.signature_validity_ms),
            groups: Groups::new(config.groups),
            leases: LeasePlan::new(budget, config.leases, config.order_ttl_ms, wanted, 0),
            seen: SeenFills::new(config.fills_remembered),
            early: EarlyTable::new(EARLY_ORDERS),
            loss_stop: LossStop::new(config.limits.daily_loss_max, config.limits.drawdown_max, day),
            events: EventLosses::default(),
            messages: MessageRate::new(config.limits.messages_per_second_max, config.limits.messages_per_minute_max),
            unrealized: Money::ZERO,
            readings: Readings::new(),
            paused: [false; 256],
            refusals: Refusals::default(),
            ending: Ending::default(),
            counters: ExecuteCounters::default(),
            notes: Notes::new(),
            dirty: VecDeque::with_capacity(config.markets_max),
            due_ns: 0,
            fees_change_ms: i64::MAX,
            cancels_due_ns: NEVER_NS,
            body: Vec::with_capacity(8 * 1_024),
            path: String::with_capacity(256),
            exposures: Vec::with_capacity(config.orders_max + 2),
            rehearsed: None,
            begun_ns: 0,
            config,
        }
    }

    /// `feed` says something.
    #[inline]
    pub fn on_feed(&mut self, message: &FeedToExecute, now: Now, port: &mut impl ExecutePort) {
        match message {
            FeedToExecute::Status(status) => self.on_status(status, now, port),
        }
    }

    /// `decide` says something.
    #[inline]
    pub fn on_decide(&mut self, message: &DecideToExecute, now: Now, port: &mut impl ExecutePort) {
        match message {
            DecideToExecute::Intent(intent) => self.on_intent(intent, now, port),
        }
    }

    /// A market's condition changed.
    pub fn on_status(&mut self, status: &MarketStatus, now: Now, port: &mut impl ExecutePort) {
        if self.directory.get(status.market).is_some() {
            self.apply_status(status, now);
        } else if !self.directory.keep_early(status) {
            self.counters.stale_keys += 1;
        }
        self.finish(now, port);
    }

    fn apply_status(&mut self, status: &MarketStatus, now: Now) {
        let Some(market) = self.directory.get_mut(status.market) else { return };
        market.phase = status.phase;
        market.fresh = status.fresh;
        market.close_time_ms = status.close_time_ms;
        market.bands = status.bands;
        if status.fee_override.is_some() && status.fee_override != market.fee_override {
            market.learn_fees(market.fees, status.fee_override);
        }
        if let (Phase::Determined, Some(value)) = (status.phase, status.settlement) {
            market.outcome = Some(value);
            self.determine(status.market, value, now);
        }
        self.after_condition(status.market, now);
    }

    /// A condition that decides about new risk changed: orders may have to go, `decide` has to know.
    fn after_condition(&mut self, key: MarketKey, now: Now) {
        self.withdraw_if_degraded(key, now);
        self.refresh(key, now);
    }

    /// The end of every input: what has become possible is done now.
    fn finish(&mut self, now: Now, port: &mut impl ExecutePort) {
        self.tokens.forget_late(now.mono_ns);
        self.watch_loss(now, port);
        if self.cancels_due_ns <= now.mono_ns {
            self.send_cancels(now, port);
        }
        self.send_queries(now, port);
        self.tend_groups(now, port);
        self.send_portfolios(now, port);
    }

    /// Makes sure that `on_timer` is called then.
    fn arm(&mut self, at_ns: u64) {
        self.due_ns = self.due_ns.min(at_ns);
    }

    fn arm_session(&mut self, session_ms: i64) {
        self.arm(self.clock.mono_ns(session_ms));
    }

    /// When [`ExecuteStage::on_timer`] is due, in monotonic nanoseconds.
    #[must_use]
    pub fn deadline_ns(&self) -> u64 {
        self.due_ns
    }

    /// Updates the stops on losses and trips on them.
    fn watch_loss(&mut self, now: Now, port: &mut impl ExecutePort) {
        let was_drawn_down = self.loss_stop.sticky().drawn_down;
        let was_stopped = self.loss_stop.is_stopped(now.session_ms);
        let held = self.loss_stop.ends_ms().is_some();
        let realized = self.ledger.realized() - self.ledger.fees();
        if let Some(state) = self.loss_stop.update(now.session_ms, realized, self.unrealized) {
            port.tell(ExecuteEffect::Day(&state));
        }
        if !was_stopped && self.loss_stop.is_stopped(now.session_ms) {
            let state = self.loss_stop.state();
            self.trip_now(
                format!(
                    "daily loss stop: {} realised today and {} marked, the limit is a loss of {}",
                    state.realized, self.unrealized, self.config.limits.daily_loss_max
                ),
                now,
            );
        }
        self.watch_drawdown(was_drawn_down, now);
        match self.loss_stop.ends_ms() {
            Some(ends_ms) => self.arm_session(ends_ms),
            // Its day is over: what was blocked is not any more.
            None if held => self.all_conditions_changed(now),
            None => (),
        }
    }

    /// Whether the account, the market's shard or its group is in such doubt that it takes no order at all.
    fn is_degraded(&self, key: MarketKey) -> bool {
        self.outage(key).is_some()
    }

    /// Gives an intent its verdict.
    fn give_verdict(&mut self, key: MarketKey, intent: u64, verdict: Verdict) {
        self.counters.verdicts[verdict as usize] += 1;
        if let Some(market) = self.directory.get_mut(key) {
            market.last_intent = market.last_intent.max(intent);
            market.verdict = verdict;
        }
        self.mark_dirty(key);
    }

    /// Gives the market's waiting intent, if there is one, its verdict.
    fn conclude(&mut self, key: MarketKey, verdict: Verdict) {
        if let Some(intent) = self.directory.get_mut(key).and_then(|market| market.intent.take()) {
            self.give_verdict(key, intent, verdict);
        }
    }

    fn mark_dirty(&mut self, key: MarketKey) {
        if let Some(market) = self.directory.get_mut(key)
            && !market.dirty
        {
            market.dirty = true;
            self.dirty.push_back(key.index);
        }
    }

    fn mark_all_dirty(&mut self) {
        for position in 0..self.directory.len() {
            if let Some(key) = self.directory.at(position).map(|market| market.key) {
                self.mark_dirty(key);
            }
        }
    }

    /// Remembers what caused the next portfolio update: the first cause since the last one.
    fn caused(&mut self, key: MarketKey, read_ns: u64) {
        if let Some(market) = self.directory.get_mut(key)
            && market.cause_read_ns == 0
        {
            market.cause_read_ns = read_ns;
        }
    }

    /// Tells `decide` of fills and settlements, then the newest state of every dirty market, while there is room.
    fn send_portfolios(&mut self, now: Now, port: &mut impl ExecutePort) {
        while let Some(note) = self.notes.first() {
            if port.push(ExecuteMessage::Decide(note)).is_err() {
                return self.tell_later(now);
            }
            self.notes.told();
        }
        while let Some(&index) = self.dirty.front() {
            let Some(key) = self.directory.at(usize::from(index)).map(|market| market.key) else {
                self.dirty.pop_front();
                continue;
            };
            let update = self.portfolio_of(key, now);
            if port.push(ExecuteMessage::Decide(AccountNote::Portfolio(update))).is_err() {
                return self.tell_later(now);
            }
            self.dirty.pop_front();
            if let Some(market) = self.directory.get_mut(key) {
                market.dirty = false;
                market.cause_read_ns = 0;
            }
        }
    }

    fn tell_later(&mut self, now: Now) {
        self.counters.portfolio_delayed += 1;
        self.arm(now.mono_ns.saturating_add(FULL_RETRY_NS));
    }

    fn portfolio_of(&self, key: MarketKey, now: Now) -> PortfolioUpdate {
        let market = self.directory.get(key).expect("only listed markets become dirty");
        PortfolioUpdate {
            version: self.ledger.version(),
            available: self.ledger.available(),
            reserved: self.ledger.reserved(),
            market: key,
            busy: market.intent.is_some() || market.writes > 0,
            blocked: self.block(key, now).is_some(),
            verdict: market.verdict,
            position: market.position.contracts,
            cost: market.position.cost,
            open_order: self.open_order(key),
            last_intent: market.last_intent,
            cause_read_ns: market.cause_read_ns,
        }
    }

    /// The order of this run that is open in a market.
    fn own_order(&self, key: MarketKey) -> Option<OrderRef> {
        let mut orders = self.orders.in_market(key.position());
        orders.find(|(_, order)| order.is_ours() && order.state.is_open()).map(|(at, _)| at)
    }
}
