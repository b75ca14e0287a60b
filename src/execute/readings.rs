//! Asks the exchange and draws the conclusions. Owns which reads are due, the one in progress, and whether the ledger
//! stands on a baseline at all.
//!
//! * *Rebuild*: at start it gives the baseline, later it brings missed fills and is compared like any other read.
//! * *Compare*: from time to time. A difference must be there in two reads in a row before it trips, and each read is
//!   judged over a window: the exchange's reads lag, and fills travel.
//! * *Resolve*: one market's orders and fills, until every open end there is settled.

use super::config::ExecuteConfig;
use super::directory::Market;
use super::history::Agreed;
use super::ledger::Ledger;
use super::orders::{OrderEvent, OrderState};
use super::position::Position;
use super::report::{Agreement, Difference};
use super::{ExecuteStage, FULL_RETRY_NS};
use crate::clock::{NEVER_NS, Now};
use crate::market::{Count, MarketKey, Money};
use crate::messages::{QueryKind, QueryRequest};
use crate::ports::ExecutePort;

/// A question without an answer for so long is asked again.
const QUERY_TIMEOUT_NS: u64 = 10_000_000_000;
/// Reads in a row that must differ before the ledger is given up.
const DIFFERENCES_TO_TRIP: u32 = 2;

/// An account-wide question that was asked.
#[derive(Clone, Copy, Debug)]
struct Asked {
    query: u32,
    asked_ms: i64,
    asked_ns: u64,
}

/// The read whose facts are coming in.
#[derive(Clone, Copy, Debug)]
struct Current {
    query: u32,
    /// When it was asked for, if it was: its facts are at least as new, less the read lag.
    asked_ms: Option<i64>,
    account_wide: bool,
}

/// A complete read that is judged once fills on their way have had time to arrive.
#[derive(Clone, Copy, Debug)]
struct Pending {
    asked_ms: i64,
    due_ns: u64,
}

/// What is asked and known.
#[derive(Debug)]
pub(super) struct Readings {
    /// Set when the ledger was built; fills before it are part of it.
    baseline_ms: Option<i64>,
    stream_up_ms: Option<i64>,
    /// When the last read that agreed was asked for: fills well before it are booked.
    agreed_ms: i64,
    rebuilt: bool,
    newest_fill_ms: i64,
    asked: Option<Asked>,
    current: Option<Current>,
    pending: Option<Pending>,
    balances: Vec<(u8, Money)>,
    /// The last complete account-wide read.
    compared: u32,
    differed_in_row: u32,
    next_query: u32,
    rebuild_due_ns: u64,
    compare_due_ns: u64,
    settlements_due_ns: u64,
    /// No market's resolve is due before.
    resolves_due_ns: u64,
    /// The ring was full.
    blocked_until_ns: u64,
    /// Every read from now on is for the last comparison.
    closing: bool,
}

impl Readings {
    pub fn new() -> Self {
        Self {
            baseline_ms: None,
            stream_up_ms: None,
            agreed_ms: 0,
            rebuilt: false,
            newest_fill_ms: i64::MIN,
            asked: None,
            current: None,
            pending: None,
            balances: Vec::with_capacity(8),
            compared: 0,
            differed_in_row: 0,
            next_query: 1,
            rebuild_due_ns: 0,
            compare_due_ns: NEVER_NS,
            settlements_due_ns: NEVER_NS,
            resolves_due_ns: NEVER_NS,
            blocked_until_ns: 0,
            closing: false,
        }
    }

    pub fn is_adopted(&self) -> bool {
        self.baseline_ms.is_some()
    }

    pub fn is_synced(&self) -> bool {
        self.is_adopted() && self.stream_up_ms.is_some() && self.rebuilt
    }

    /// Whether a fill of that time is part of the baseline; before there is one, every fill will be.
    pub fn is_in_baseline(&self, time_ms: i64) -> bool {
        self.baseline_ms.is_none_or(|baseline_ms| time_ms < baseline_ms)
    }

    pub fn fill_seen(&mut self, time_ms: i64) {
        self.newest_fill_ms = self.newest_fill_ms.max(time_ms);
    }

    /// The private stream came up or went down. Returns whether that is news.
    pub fn stream(&mut self, up: bool, now: Now) -> bool {
        if up == self.stream_up_ms.is_some() {
            return false;
        }
        self.rebuilt = false;
        if up {
            self.stream_up_ms = Some(now.session_ms);
            self.rebuild_due_ns = now.mono_ns;
        } else {
            self.stream_up_ms = None;
        }
        true
    }

    pub fn rebuild_soon(&mut self) {
        self.rebuild_due_ns = 0;
    }

    pub fn compare_soon(&mut self) {
        self.compare_due_ns = 0;
    }

    pub fn settlements_soon(&mut self) {
        self.settlements_due_ns = 0;
    }

    /// The last comparison: everything is read once more.
    pub fn close(&mut self, at_ns: u64) {
        self.closing = true;
        self.rebuild_due_ns = at_ns;
    }

    pub fn began(&mut self, query: u32, kind: QueryKind, resolve_asked_ms: Option<i64>) {
        let asked = self.asked.filter(|asked| asked.query == query);
        let account_wide = asked.is_some() && matches!(kind, QueryKind::Rebuild | QueryKind::Compare);
        if account_wide {
            self.balances.clear();
            self.pending = None;
        }
        let asked_ms = asked.map(|asked| asked.asked_ms).or(resolve_asked_ms);
        self.current = Some(Current { query, asked_ms, account_wide });
    }

    pub fn balance_read(&mut self, exchange_index: u8, cash: Money) {
        if self.current.is_some_and(|current| current.account_wide) {
            self.balances.push((exchange_index, cash));
        }
    }

    /// The number of the account-wide read in progress, zero when there is none.
    pub fn reading(&self) -> u32 {
        self.current.filter(|current| current.account_wide).map_or(0, |current| current.query)
    }

    /// When the read in progress was asked for.
    pub fn asked_ms(&self) -> Option<i64> {
        self.current.and_then(|current| current.asked_ms)
    }

    pub fn exchange_position(&self, market: &Market) -> Count {
        if market.read_position.0 == self.compared { market.read_position.1 } else { Count::ZERO }
    }

    pub fn cash_differences(&self, ledger: &Ledger, from_ms: i64) -> Vec<Difference> {
        let differs = |&(exchange_index, exchange): &(u8, Money)| {
            let shard = ledger.shard(exchange_index);
            let agreed = shard.map_or(Agreed::No, |shard| shard.held(exchange, from_ms));
            let ours = shard.map_or(Money::ZERO, super::ShardCash::cash);
            let differs = agreed == Agreed::No && ours != exchange;
            differs.then_some(Difference::Cash { exchange_index, ours, exchange })
        };
        self.balances.iter().filter_map(differs).collect()
    }

    pub fn position_difference(&self, market: &Market, from_ms: i64) -> Option<Difference> {
        let exchange = self.exchange_position(market);
        let (ours, agrees) = if market.settled.is_some() {
            // Until the exchange has paid it lists what it paid for, then nothing.
            (market.settled_position, exchange == market.settled_position || exchange.is_zero())
        } else {
            (market.position.contracts, market.positions.held(exchange, from_ms) != Agreed::No)
        };
        (!agrees).then_some(Difference::Position { ticker: market.ticker, ours, exchange })
    }

    /// The next account-wide question, if one is due.
    fn next_kind(&self, mono_ns: u64) -> Option<QueryKind> {
        if self.asked.is_some() || self.pending.is_some() {
            None
        } else if self.settlements_due_ns <= mono_ns && self.is_adopted() {
            Some(QueryKind::Settlements)
        } else if self.rebuild_due_ns <= mono_ns {
            Some(QueryKind::Rebuild)
        } else if self.compare_due_ns <= mono_ns && self.is_synced() && !self.closing {
            Some(QueryKind::Compare)
        } else {
            None
        }
    }

    /// When something of this is due.
    fn due_ns(&self) -> u64 {
        let account = match (self.asked, self.pending) {
            (Some(asked), _) => asked.asked_ns.saturating_add(QUERY_TIMEOUT_NS),
            (None, Some(pending)) => pending.due_ns,
            (None, None) => {
                let settlements_ns = if self.is_adopted() { self.settlements_due_ns } else { NEVER_NS };
                let compare_ns = if self.is_synced() && !self.closing { self.compare_due_ns } else { NEVER_NS };
                self.rebuild_due_ns.min(compare_ns).min(settlements_ns)
            }
        };
        account.min(self.resolves_due_ns).max(self.blocked_until_ns)
    }

    fn number(&mut self) -> u32 {
        let query = self.next_query;
        self.next_query = self.next_query.wrapping_add(1).max(1);
        query
    }

    /// From when on a rebuild reads fills: with room to spare before the last read that agreed.
    fn fills_since_ms(&self, config: &ExecuteConfig) -> i64 {
        let known_ms = self.baseline_ms.map_or(i64::MAX, |baseline_ms| baseline_ms.max(self.agreed_ms));
        known_ms.saturating_sub(config.read_lag_ms).saturating_sub(config.signature_validity_ms)
    }
}

impl ExecuteStage {
    /// Sends the questions that are due, and judges the read whose time has come.
    pub(super) fn send_queries(&mut self, now: Now, port: &mut impl ExecutePort) {
        if self.readings.due_ns() <= now.mono_ns {
            if self.readings.pending.is_some_and(|pending| pending.due_ns <= now.mono_ns) {
                self.judge(now);
            }
            let overdue = self.readings.asked.filter(|asked| now.mono_ns - asked.asked_ns >= QUERY_TIMEOUT_NS);
            if overdue.is_some() {
                self.readings.asked = None;
                self.reading_failed(now);
            }
            if let Some(kind) = self.readings.next_kind(now.mono_ns) {
                self.ask(kind, now, port);
            }
            if self.readings.resolves_due_ns <= now.mono_ns {
                self.ask_resolves(now, port);
            }
        }
        let due_ns = self.readings.due_ns();
        self.arm(due_ns);
    }

    fn ask(&mut self, kind: QueryKind, now: Now, port: &mut impl ExecutePort) {
        let query = self.readings.number();
        let since_ms = match kind {
            QueryKind::Rebuild if !self.readings.is_adopted() => {
                now.session_ms.saturating_sub(2 * self.config.read_lag_ms)
            }
            _ => self.readings.fills_since_ms(&self.config),
        };
        let request = QueryRequest { query, kind, market: MarketKey::default(), since_ms };
        if port.query(&request).is_err() {
            self.readings.blocked_until_ns = now.mono_ns.saturating_add(FULL_RETRY_NS);
            return;
        }
        let readings = &mut self.readings;
        readings.asked = Some(Asked { query, asked_ms: now.session_ms, asked_ns: now.mono_ns });
        match kind {
            QueryKind::Settlements => readings.settlements_due_ns = NEVER_NS,
            QueryKind::Rebuild => readings.rebuild_due_ns = NEVER_NS,
            _ => readings.compare_due_ns = NEVER_NS,
        }
    }

    /// Schedules asking about a market's open ends: at once when something new became unknown.
    pub(super) fn resolve_now(&mut self, key: MarketKey, now: Now) {
        self.resolve_by(key, now.mono_ns);
    }

    /// Schedules asking about a market's open ends unless that is scheduled.
    pub(super) fn resolve_later(&mut self, key: MarketKey, now: Now) {
        let first_ns = self.config.retry_first_ns;
        let Some(market) = self.directory.get(key) else { return };
        if market.resolve.due_ns == NEVER_NS && market.resolve.asked.is_none() {
            self.resolve_by(key, now.mono_ns.saturating_add(market.resolve.wait_ns.max(first_ns)));
        }
    }

    fn resolve_by(&mut self, key: MarketKey, at_ns: u64) {
        let Some(market) = self.directory.get_mut(key) else { return };
        market.resolve.due_ns = market.resolve.due_ns.min(at_ns);
        self.readings.resolves_due_ns = self.readings.resolves_due_ns.min(at_ns);
        self.arm(at_ns);
    }

    /// Whether an order of the market has an end that only the exchange can tell.
    pub(super) fn has_open_end(&self, key: MarketKey) -> bool {
        let over = self.directory.get(key).is_some_and(Market::is_over);
        self.orders.in_market(key.position()).any(|(_, order)| {
            let open_end = order.state.is_unknown() || order.awaits_fills() || (over && order.state.is_open());
            open_end && !order.is_foreign()
        })
    }

    fn ask_resolves(&mut self, now: Now, port: &mut impl ExecutePort) {
        self.readings.resolves_due_ns = NEVER_NS;
        for position in 0..self.directory.len() {
            let Some(key) = self.directory.at(position).map(|market| market.key) else { continue };
            let next_ns = self.ask_resolve(key, now, port);
            self.readings.resolves_due_ns = self.readings.resolves_due_ns.min(next_ns);
        }
    }

    /// Asks about one market if that is due. Returns when to look again.
    fn ask_resolve(&mut self, key: MarketKey, now: Now, port: &mut impl ExecutePort) -> u64 {
        let open_end = self.has_open_end(key);
        let placed = self.orders.in_market(key.position()).filter(|(_, order)| !order.is_foreign());
        let placed_ms = placed.map(|(_, order)| order.placed_ms).min().unwrap_or(now.session_ms);
        let since_ms = placed_ms.saturating_sub(self.config.read_lag_ms).saturating_sub(1_000);
        let market = self.directory.get_mut(key).expect("looked up by the caller");
        if let Some((_, _, asked_ns)) = market.resolve.asked {
            let again_ns = asked_ns.saturating_add(QUERY_TIMEOUT_NS);
            if now.mono_ns < again_ns {
                return again_ns;
            }
            market.resolve.asked = None;
            market.resolve.due_ns = now.mono_ns;
        }
        if !open_end {
            market.resolve.due_ns = NEVER_NS;
            market.resolve.wait_ns = 0;
            return NEVER_NS;
        }
        if market.resolve.due_ns > now.mono_ns {
            return market.resolve.due_ns;
        }
        let query = self.readings.number();
        if port.query(&QueryRequest { query, kind: QueryKind::Resolve, market: key, since_ms }).is_err() {
            return now.mono_ns.saturating_add(FULL_RETRY_NS);
        }
        market.resolve.asked = Some((query, now.session_ms, now.mono_ns));
        market.resolve.due_ns = NEVER_NS;
        now.mono_ns.saturating_add(QUERY_TIMEOUT_NS)
    }

    pub(super) fn read_ended(&mut self, query: u32, kind: QueryKind, complete: bool, as_of_ms: i64, now: Now) {
        self.readings.current = None;
        self.counters.reads_incomplete += u64::from(!complete);
        if kind == QueryKind::Resolve {
            return self.resolve_ended(query, complete, as_of_ms, now);
        }
        let Some(asked) = self.readings.asked.filter(|asked| asked.query == query) else { return };
        self.readings.asked = None;
        if !complete {
            return self.reading_failed(now);
        }
        match kind {
            QueryKind::Settlements => {
                let again_ns = now.mono_ns.saturating_add(self.config.compare_every_ns);
                let awaiting = self.ledger.awaiting() != Money::ZERO && !self.readings.closing;
                self.readings.settlements_due_ns = if awaiting { again_ns } else { NEVER_NS };
            }
            QueryKind::Rebuild | QueryKind::Compare => self.account_read(asked, kind, now),
            QueryKind::Resolve | QueryKind::Successor => (),
        }
    }

    /// A complete reading of balances, positions and resting orders.
    fn account_read(&mut self, asked: Asked, kind: QueryKind, now: Now) {
        self.readings.compared = asked.query;
        self.miss_orders(asked, now);
        let since_up = self.readings.stream_up_ms.is_some_and(|up_ms| asked.asked_ms >= up_ms);
        if kind == QueryKind::Rebuild && since_up && self.readings.is_adopted() && !self.readings.rebuilt {
            self.readings.rebuilt = true;
            self.all_conditions_changed(now);
        }
        let due_ns = now.mono_ns.saturating_add(self.config.compare_grace_ns);
        self.readings.pending = Some(Pending { asked_ms: asked.asked_ms, due_ns });
        let from_ms = self.window_start(asked.asked_ms);
        if self.readings.is_adopted() && self.differences(from_ms).is_empty() && !self.has_open_ends() {
            self.agreed(asked.asked_ms, now);
        }
    }

    /// The ledger's values since then may be what the read shows; for the last comparison only the present ones.
    fn window_start(&self, asked_ms: i64) -> i64 {
        if self.readings.closing { i64::MAX } else { asked_ms.saturating_sub(self.config.read_lag_ms) }
    }

    fn has_open_ends(&self) -> bool {
        self.readings.closing && self.order_differences().next().is_some()
    }

    /// Orders that should rest and were not in the reading.
    fn miss_orders(&mut self, asked: Asked, now: Now) {
        let shows_ms = asked.asked_ms.saturating_sub(self.config.read_lag_ms);
        for slot in 0..self.orders.slots() {
            let Some(at) = self.orders.at(slot) else { continue };
            let order = self.orders.get(at).expect("listed just now");
            let told_ms = order.exchange_ms.max(order.sent_ms);
            if order.state != OrderState::Resting || order.seen_in == asked.query || told_ms >= shows_ms {
                continue;
            }
            let key = order.market;
            if order.is_foreign() {
                self.orders.remove(at);
            } else {
                self.step(at, OrderEvent::Missing, now);
            }
            self.refresh(key, now);
        }
    }

    /// The grace is over: what differs now, differs.
    fn judge(&mut self, now: Now) {
        let Some(pending) = self.readings.pending.take() else { return };
        if !self.readings.is_adopted() {
            return self.adopt(pending, now);
        }
        let from_ms = self.window_start(pending.asked_ms);
        let mut differences = self.differences(from_ms);
        if self.readings.closing {
            differences.extend(self.order_differences());
        }
        if differences.is_empty() {
            return self.agreed(pending.asked_ms, now);
        }
        self.counters.compares_differed += 1;
        if self.readings.closing {
            return self.last_reading_differed(differences, now);
        }
        self.readings.differed_in_row += 1;
        if self.readings.differed_in_row >= DIFFERENCES_TO_TRIP {
            let text: Vec<String> = differences.iter().map(ToString::to_string).collect();
            self.trip_now(format!("the ledger differs from the exchange in two reads: {}", text.join("; ")), now);
        }
        // The second look is a rebuild: it reads fills too, and brings the ones that a slow stream still owes.
        let again_ns = now.mono_ns.saturating_add(self.config.retry_first_ns);
        self.readings.rebuild_due_ns = self.readings.rebuild_due_ns.min(again_ns);
        if self.ledger.awaiting() != Money::ZERO {
            self.readings.settlements_soon();
        }
    }

    fn agreed(&mut self, asked_ms: i64, now: Now) {
        self.readings.pending = None;
        self.readings.agreed_ms = asked_ms;
        self.readings.differed_in_row = 0;
        self.counters.compares_agreed += 1;
        let next_ns = now.mono_ns.saturating_add(self.config.compare_every_ns);
        self.readings.compare_due_ns = next_ns;
        if self.readings.closing {
            self.ending.agree(Agreement {
                agrees: true,
                differences: Vec::new(),
                exchange_cash: self.readings.balances.clone(),
            });
        }
    }

    fn last_reading_differed(&mut self, differences: Vec<Difference>, now: Now) {
        if self.ending.may_try_again(self.config.final_attempts) {
            if self.ledger.awaiting() != Money::ZERO {
                self.readings.settlements_soon();
            }
            self.readings.rebuild_due_ns = now.mono_ns.saturating_add(2 * self.config.retry_first_ns);
        } else {
            let exchange_cash = self.readings.balances.clone();
            self.ending.agree(Agreement { agrees: false, differences, exchange_cash });
        }
    }

    /// An account-wide read failed: it is due again.
    fn reading_failed(&mut self, now: Now) {
        let again_ns = now.mono_ns.saturating_add(self.config.retry_first_ns);
        let readings = &mut self.readings;
        if readings.closing {
            return self.last_reading_differed(vec![Difference::Unreadable], now);
        }
        if !readings.is_adopted() || !readings.rebuilt {
            readings.rebuild_due_ns = readings.rebuild_due_ns.min(again_ns);
        }
        readings.compare_due_ns = readings.compare_due_ns.min(again_ns);
        if self.ledger.awaiting() != Money::ZERO {
            self.readings.settlements_due_ns = self.readings.settlements_due_ns.min(again_ns);
        }
    }

    /// Makes a reading the baseline, if the account stood still while it was read and the stream was up to say so.
    fn adopt(&mut self, pending: Pending, now: Now) {
        let baseline_ms = pending.asked_ms.saturating_sub(self.config.read_lag_ms);
        let watched = self.readings.stream_up_ms.is_some_and(|up_ms| up_ms <= pending.asked_ms);
        if !watched || self.readings.newest_fill_ms >= baseline_ms {
            self.readings.rebuild_due_ns = now.mono_ns.saturating_add(self.config.retry_first_ns);
            return;
        }
        self.readings.baseline_ms = Some(baseline_ms);
        self.readings.rebuilt = true;
        for (exchange_index, cash) in self.readings.balances.clone() {
            self.ledger.adopt_cash(exchange_index, cash);
        }
        for position in 0..self.directory.len() {
            let Some(key) = self.directory.at(position).map(|market| market.key) else { continue };
            self.adopt_market(key, now);
        }
        self.agreed(pending.asked_ms, now);
        self.all_conditions_changed(now);
    }

    fn adopt_market(&mut self, key: MarketKey, now: Now) {
        let market = self.directory.get_mut(key).expect("looked up by the caller");
        if market.read_position.0 == self.readings.compared {
            let contracts = market.read_position.1;
            let cost = if contracts.is_zero() { Money::ZERO } else { market.read_cost.max(Money::ZERO) };
            self.ledger.adopt_cost(market.position.cost, cost);
            market.position = Position { contracts, cost };
            market.positions = super::history::History::new(contracts, super::directory::POSITION_HISTORY);
            self.unrealized += market.mark();
        }
        if let Some(value) = market.outcome {
            self.determine(key, value);
        }
        self.refresh(key, now);
    }

    /// A market's orders and fills were read.
    fn resolve_ended(&mut self, query: u32, complete: bool, as_of_ms: i64, now: Now) {
        let found = self.directory.iter().find(|market| market.resolve.asked.is_some_and(|asked| asked.0 == query));
        let Some(key) = found.map(|market| market.key) else { return };
        if complete {
            self.conclude_never_accepted(key, as_of_ms, now);
        }
        let open_end = self.has_open_end(key);
        let (first_ns, max_ns) = (self.config.retry_first_ns, self.config.retry_max_ns);
        let market = self.directory.get_mut(key).expect("found just now");
        market.resolve.asked = None;
        market.resolve.wait_ns = if open_end { (market.resolve.wait_ns * 2).clamp(first_ns, max_ns) } else { 0 };
        market.resolve.due_ns = NEVER_NS;
        if open_end {
            let again_ns = now.mono_ns.saturating_add(market.resolve.wait_ns);
            self.resolve_by(key, again_ns);
        }
        self.refresh(key, now);
    }

    /// Creates that a complete read does not show, though it is newer than the last moment at which they could have been
    /// accepted, never were.
    fn conclude_never_accepted(&mut self, key: MarketKey, as_of_ms: i64, now: Now) {
        let shows_ms = as_of_ms.saturating_sub(self.config.read_lag_ms);
        let validity_ms = self.config.signature_validity_ms;
        loop {
            let found = self.orders.in_market(key.position()).find(|(_, order)| {
                order.state == OrderState::UnknownCreate && shows_ms >= order.sent_ms.saturating_add(validity_ms)
            });
            let Some((at, _)) = found else { break };
            if let Some(order) = self.orders.get_mut(at) {
                order.final_filled = Some(order.filled);
            }
            self.step(at, OrderEvent::NeverApplied, now);
            self.touch(at, now);
        }
    }
}
