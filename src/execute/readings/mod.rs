//! The readings of the exchange: which are due, the one in progress, whether the ledger stands on a baseline at all, and
//! what differs from it. Knows no orders: the stage asks the questions, and draws the conclusions.
//!
//! * *Rebuild*: at start it gives the baseline, later it brings missed fills and is compared like any other read.
//! * *Compare*: from time to time.
//! * *Resolve*: one market's orders and fills, until every open end there is settled.

pub(super) mod agreement;
pub(super) mod market;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::account::history::Agreed;
use super::account::holding::Holding;
use super::account::ledger::{Ledger, ShardCash};
use super::config::ExecuteConfig;
use crate::clock::{NEVER_NS, Now};
use crate::market::{Count, MarketKey, Money, Ticker};
use crate::messages::{QueryKind, QueryRequest};
use agreement::Difference;
use market::MarketReading;

/// A question without an answer for so long is asked again. Asking again drops what has been read so far, so each time
/// the next answer gets twice as long: otherwise a machine or an exchange that needs longer would never finish one.
pub(super) const PATIENCE_NS: u64 = 30_000_000_000;
/// The longest that an answer is waited for.
const PATIENCE_MAX_NS: u64 = 600_000_000_000;

/// How long the next answer is waited for when this one did not come in time.
pub(super) fn more_patience(patience_ns: u64) -> u64 {
    patience_ns.saturating_mul(2).min(PATIENCE_MAX_NS)
}

/// An account-wide question that was asked.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Question {
    pub query: u32,
    pub kind: QueryKind,
    pub asked_ms: i64,
    pub asked_ns: u64,
}

/// The read whose facts are coming in.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Current {
    query: u32,
    /// When it was asked for, if it was: its facts are at least as new, less the read lag.
    asked_ms: Option<i64>,
    account_wide: bool,
}

/// A complete read that is judged once fills on their way have had time to arrive.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    pub asked_ms: i64,
    pub due_ns: u64,
}

/// What is asked and known.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Readings {
    /// Set when the ledger was built; fills before it are part of it.
    pub baseline_ms: Option<i64>,
    pub stream_up_ms: Option<i64>,
    /// When the last read that agreed was asked for: fills well before it are booked.
    pub agreed_ms: i64,
    pub rebuilt: bool,
    pub newest_fill_ms: i64,
    pub asked: Option<Question>,
    /// How long an answer is waited for.
    pub patience_ns: u64,
    pub current: Option<Current>,
    pub pending: Option<Pending>,
    pub balances: Vec<(u8, Money)>,
    /// The last complete account-wide read.
    pub compared: u32,
    pub differed_in_row: u32,
    pub next_query: u32,
    pub rebuild_due_ns: u64,
    pub compare_due_ns: u64,
    pub settlements_due_ns: u64,
    /// Since when a payment that is awaited may have been made.
    pub payments_since_ms: Option<i64>,
    /// No market's resolve is due before.
    pub resolves_due_ns: u64,
    /// The ring was full.
    pub blocked_until_ns: u64,
    /// Every read from now on is for the last comparison.
    pub closing: bool,
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
            patience_ns: PATIENCE_NS,
            current: None,
            pending: None,
            balances: Vec::with_capacity(8),
            compared: 0,
            differed_in_row: 0,
            next_query: 1,
            rebuild_due_ns: 0,
            compare_due_ns: NEVER_NS,
            settlements_due_ns: NEVER_NS,
            payments_since_ms: None,
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
            // One that was asked before would not do: its answer may lack what the stream did not tell.
            self.asked = self.asked.filter(|asked| asked.kind != QueryKind::Rebuild);
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

    /// A payment is awaited from now on. Comparisons agree with it made or not, so it is looked for from where the last
    /// one that knew nothing of it began, however many agree after this.
    pub fn await_payment(&mut self, config: &ExecuteConfig) {
        let since_ms = self.fills_since_ms(config);
        self.payments_since_ms = Some(self.payments_since_ms.map_or(since_ms, |earlier_ms| earlier_ms.min(since_ms)));
        self.settlements_soon();
    }

    /// From when on settlements are read.
    pub fn settlements_since_ms(&self, config: &ExecuteConfig) -> i64 {
        let since_ms = self.fills_since_ms(config);
        self.payments_since_ms.map_or(since_ms, |awaited_ms| awaited_ms.min(since_ms))
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

    /// The number of the account-wide read in progress, zero between reads.
    pub fn reading(&self) -> u32 {
        self.current.filter(|current| current.account_wide).map_or(0, |current| current.query)
    }

    /// When the read in progress was asked for.
    pub fn asked_ms(&self) -> Option<i64> {
        self.current.and_then(|current| current.asked_ms)
    }

    /// The position that the last complete read showed in a market.
    pub fn exchange_position(&self, market: &MarketReading) -> Count {
        market.position_in(self.compared).unwrap_or(Count::ZERO)
    }

    /// What differs in cash. The ledger's values since `from_ms` count as agreeing.
    pub fn cash_differences(&self, ledger: &Ledger, from_ms: i64) -> Vec<Difference> {
        let differs = |&(exchange_index, exchange): &(u8, Money)| {
            let shard = ledger.shard(exchange_index);
            let agreed = shard.map_or(Agreed::No, |shard| shard.held(exchange, from_ms));
            let ours = shard.map_or(Money::ZERO, ShardCash::cash);
            let differs = agreed == Agreed::No && ours != exchange;
            differs.then_some(Difference::Cash { exchange_index, ours, exchange })
        };
        self.balances.iter().filter_map(differs).collect()
    }

    /// Whether something of the market but a fill could not be read in the last complete read, or its position never could.
    pub fn is_unread(&self, market: &MarketReading) -> bool {
        market.lacks(self.compared) || market.unadopted
    }

    /// What differs in a market's position. Our positions since `from_ms` count as agreeing.
    pub fn position_difference(
        &self,
        ticker: Ticker,
        holding: &Holding,
        market: &MarketReading,
        from_ms: i64,
    ) -> Option<Difference> {
        let read = market.position_in(self.compared);
        if market.unadopted || (read.is_none() && market.lacks(self.compared)) {
            return None;
        }
        let exchange = read.unwrap_or(Count::ZERO);
        let (ours, agrees) = holding.compare(exchange, from_ms);
        (!agrees).then_some(Difference::Position { ticker, ours, exchange })
    }

    /// When a read that was asked for at that time shows things at the earliest: for the last comparison only as they are.
    pub fn window_start(&self, asked_ms: i64, read_lag_ms: i64) -> i64 {
        if self.closing { i64::MAX } else { asked_ms.saturating_sub(read_lag_ms) }
    }

    /// Gives a question up whose answer is overdue, and waits longer for the next. Returns whether there was one.
    pub fn give_up_overdue(&mut self, mono_ns: u64) -> bool {
        let patience_ns = self.patience_ns;
        if self.asked.take_if(|asked| mono_ns - asked.asked_ns >= patience_ns).is_none() {
            return false;
        }
        self.patience_ns = more_patience(patience_ns);
        true
    }

    /// The request for a kind of read.
    pub fn request(&mut self, kind: QueryKind, config: &ExecuteConfig, now: Now) -> QueryRequest {
        let since_ms = match kind {
            QueryKind::Rebuild if !self.is_adopted() => now.session_ms.saturating_sub(2 * config.read_lag_ms),
            QueryKind::Settlements => self.settlements_since_ms(config),
            _ => self.fills_since_ms(config),
        };
        QueryRequest { query: self.number(), kind, market: MarketKey::default(), since_ms }
    }

    /// An account-wide question was asked.
    pub fn await_answer(&mut self, query: u32, kind: QueryKind, now: Now) {
        self.asked = Some(Question { query, kind, asked_ms: now.session_ms, asked_ns: now.mono_ns });
        match kind {
            QueryKind::Settlements => self.settlements_due_ns = NEVER_NS,
            QueryKind::Rebuild => self.rebuild_due_ns = NEVER_NS,
            _ => self.compare_due_ns = NEVER_NS,
        }
    }

    /// The next account-wide question, if one is due.
    pub fn next_kind(&self, mono_ns: u64) -> Option<QueryKind> {
        if self.asked.is_some() || self.pending.is_some() {
            None
        } else if self.settlements_due_ns <= mono_ns && self.is_adopted() {
            Some(QueryKind::Settlements)
        } else if self.rebuild_due_ns() <= mono_ns {
            Some(QueryKind::Rebuild)
        } else if self.compare_due_ns <= mono_ns && self.is_synced() && !self.closing {
            Some(QueryKind::Compare)
        } else {
            None
        }
    }

    /// When something of this is due.
    pub fn due_ns(&self) -> u64 {
        let account = match (self.asked, self.pending) {
            (Some(asked), _) => asked.asked_ns.saturating_add(self.patience_ns),
            (None, Some(pending)) => pending.due_ns,
            (None, None) => {
                let settlements_ns = if self.is_adopted() { self.settlements_due_ns } else { NEVER_NS };
                let compare_ns = if self.is_synced() && !self.closing { self.compare_due_ns } else { NEVER_NS };
                self.rebuild_due_ns().min(compare_ns).min(settlements_ns)
            }
        };
        account.min(self.resolves_due_ns).max(self.blocked_until_ns)
    }

    /// When everything is to be read. Before the stream delivers that would be for nothing: what is read then is no
    /// baseline and makes up for no gap.
    fn rebuild_due_ns(&self) -> u64 {
        if self.stream_up_ms.is_some() || self.closing { self.rebuild_due_ns } else { NEVER_NS }
    }

    pub fn number(&mut self) -> u32 {
        let query = self.next_query;
        self.next_query = self.next_query.wrapping_add(1).max(1);
        query
    }

    /// From when on a rebuild reads fills: with room to spare before the last read that agreed.
    pub fn fills_since_ms(&self, config: &ExecuteConfig) -> i64 {
        let known_ms = self.baseline_ms.map_or(i64::MAX, |baseline_ms| baseline_ms.max(self.agreed_ms));
        known_ms.saturating_sub(config.read_lag_ms).saturating_sub(config.signature_validity_ms)
    }
}
