//! The stage itself: where orders, account, stops and readings meet. Every file is one kind of input, or one thing that
//! takes several parts.
//!
//! * `intents` turns a decision into keep, amend, cancel or place, through the gate; `writes` sends.
//! * `answers` and `facts` turn what the exchange says into events of orders, bookings and readings; `booking` keeps the
//!   account in step with fills, settlements and reservations.
//! * `queries` asks the exchange, `compare` draws the conclusions; `groups` looks after the order groups.
//! * `stops` watches losses and executions, `block` says why a market takes no new risk.
//! * `upkeep` does what time brings, and the end; `report` and `waiting` tell about it, `rehearsal` warms caches.

mod answers;
mod block;
mod booking;
mod compare;
mod facts;
mod groups;
mod intents;
mod queries;
mod rehearsal;
mod report;
mod stops;
mod upkeep;
mod waiting;
mod writes;

use serde::{Deserialize, Serialize};

pub use report::PositionView;
pub use waiting::Waiting;

use super::account::Account;
use super::account::exposure::Exposure;
use super::alarm::Alarm;
use super::config::ExecuteConfig;
use super::counters::ExecuteCounters;
use super::markets::Markets;
use super::orders::Orders;
use super::orders::life::OrderEvent;
use super::orders::table::OrderRef;
use super::readings::Readings;
use super::stops::Stops;
use crate::clock::{Now, SessionClock};
use crate::market::MarketKey;
use crate::messages::{
    AccountNote, DayState, DecideToExecute, FeedToExecute, MarketStatus, OrderIntent, Phase, PortfolioUpdate, Verdict,
};
use crate::ports::{ExecuteMessage, ExecutePort};

/// How soon a full ring is tried again.
const FULL_RETRY_NS: u64 = 100_000;

/// The execute stage.
#[derive(Debug, Serialize, Deserialize)]
pub struct ExecuteStage {
    config: ExecuteConfig,
    markets: Markets,
    orders: Orders,
    account: Account,
    stops: Stops,
    readings: Readings,
    counters: ExecuteCounters,
    /// When time alone changes something next.
    alarm: Alarm,
    /// What the orders of the market in hand may do.
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
    /// (the default for a first run). Nothing is traded until a complete read of the account.
    #[must_use]
    pub fn new(config: ExecuteConfig, clock: SessionClock, nonce: u64, day: DayState) -> Self {
        Self {
            markets: Markets::new(config.markets_max),
            orders: Orders::new(&config, &clock, nonce),
            account: Account::new(config.fills_remembered, config.balance_step),
            stops: Stops::new(&config, day),
            readings: Readings::new(),
            counters: ExecuteCounters::default(),
            alarm: Alarm::new(&clock),
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
        if self.markets.get(status.market).is_some() {
            self.apply_status(status, now);
        } else if !self.markets.keep_early(status) {
            self.counters.stale_keys += 1;
        }
        self.finish(now, port);
    }

    fn apply_status(&mut self, status: &MarketStatus, now: Now) {
        let Some(market) = self.markets.get_mut(status.market) else { return };
        market.learn_status(status);
        if let (Phase::Determined, Some(value)) = (status.phase, status.settlement) {
            market.outcome = Some(value);
            self.determine(status.market, value, now);
        }
        self.after_condition(status.market, now);
    }

    /// Whether a market's book is right, by the newest status.
    #[cfg(test)]
    pub(super) fn is_fresh(&self, key: MarketKey) -> Option<bool> {
        self.markets.get(key).map(|market| market.fresh)
    }

    /// A condition that decides about new risk changed: orders may have to go, `decide` has to know.
    fn after_condition(&mut self, key: MarketKey, now: Now) {
        self.withdraw_if_degraded(key, now);
        self.refresh(key, now);
    }

    /// The end of every input: what has become possible is done now.
    fn finish(&mut self, now: Now, port: &mut impl ExecutePort) {
        self.orders.tokens.forget_late(now.mono_ns);
        self.watch_loss(now, port);
        if self.orders.cancels_due_ns() <= now.mono_ns {
            self.send_cancels(now, port);
        }
        self.send_queries(now, port);
        self.tend_groups(now, port);
        self.send_portfolios(now, port);
    }

    /// When [`ExecuteStage::on_timer`] is due, in monotonic nanoseconds.
    #[must_use]
    pub fn deadline_ns(&self) -> u64 {
        self.alarm.due_ns()
    }

    /// Gives an intent its verdict.
    fn give_verdict(&mut self, key: MarketKey, intent: u64, verdict: Verdict) {
        self.counters.verdicts[verdict as usize] += 1;
        if let Some(market) = self.markets.get_mut(key) {
            market.last_intent = market.last_intent.max(intent);
            market.verdict = verdict;
        }
        self.markets.mark_dirty(key);
    }

    /// Gives the market's waiting intent, if there is one, its verdict.
    fn conclude(&mut self, key: MarketKey, verdict: Verdict) {
        if let Some(intent) = self.markets.get_mut(key).and_then(|market| market.intent.take()) {
            self.give_verdict(key, intent, verdict);
        }
    }

    /// Remembers what caused the next portfolio update: the first cause since the last one.
    fn caused(&mut self, key: MarketKey, read_ns: u64) {
        if let Some(market) = self.markets.get_mut(key)
            && market.cause_read_ns == 0
        {
            market.cause_read_ns = read_ns;
        }
    }

    /// Tells `decide` of fills and settlements, then the newest state of every dirty market, while there is room.
    fn send_portfolios(&mut self, now: Now, port: &mut impl ExecutePort) {
        while let Some(note) = self.account.first_note() {
            if port.push(ExecuteMessage::Decide(note)).is_err() {
                return self.tell_later(now);
            }
            self.account.note_told();
        }
        while let Some(key) = self.markets.first_dirty() {
            let update = self.portfolio_of(key, now);
            if port.push(ExecuteMessage::Decide(AccountNote::Portfolio(update))).is_err() {
                return self.tell_later(now);
            }
            self.markets.told_first();
        }
    }

    fn tell_later(&mut self, now: Now) {
        self.counters.portfolio_delayed += 1;
        self.alarm.at_ns(now.mono_ns.saturating_add(FULL_RETRY_NS));
    }

    fn portfolio_of(&self, key: MarketKey, now: Now) -> PortfolioUpdate {
        let market = self.markets.get(key).expect("only listed markets become dirty");
        let (ledger, position) = (self.account.ledger(), market.holding.position());
        PortfolioUpdate {
            version: ledger.version(),
            available: ledger.available(),
            reserved: ledger.reserved(),
            market: key,
            busy: market.intent.is_some() || market.writes > 0,
            blocked: self.block(key, now).is_some(),
            verdict: market.verdict,
            position: position.contracts,
            cost: position.cost,
            open_order: self.orders.open_order(key),
            last_intent: market.last_intent,
            cause_read_ns: market.cause_read_ns,
        }
    }

    /// Moves an order by an event of its life, and asks the exchange about it when what became of it is unknown now.
    fn step(&mut self, at: OrderRef, event: OrderEvent, now: Now) {
        if let Some(key) = self.orders.step(at, event, now, &mut self.counters, &mut self.alarm) {
            self.resolve_by(key, now.mono_ns);
        }
    }

    /// Draws the conclusions from an order's numbers: what has ended with all its fills leaves.
    fn touch(&mut self, at: OrderRef, now: Now) {
        if let Some((key, side)) = self.orders.touch(at, now, &mut self.counters, &mut self.alarm)
            && !self.orders.is_placing(key, side)
        {
            self.account.disown_side(key, side);
        }
    }
}
