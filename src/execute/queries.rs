//! Asks the exchange what is due: one account-wide question at a time, and one for each market with an open end. Owns no
//! state. A question without an answer is asked again, with more patience each time.

use super::directory::Market;
use super::readings::{Question, more_patience};
use super::{ExecuteStage, FULL_RETRY_NS};
use crate::clock::{NEVER_NS, Now};
use crate::market::MarketKey;
use crate::messages::{ExecuteToReconcile, QueryKind, QueryRequest};
use crate::ports::{ExecuteMessage, ExecutePort};

impl ExecuteStage {
    /// Sends the questions that are due, and judges the read whose time has come.
    pub(super) fn send_queries(&mut self, now: Now, port: &mut impl ExecutePort) {
        if self.readings.due_ns() <= now.mono_ns {
            if self.readings.pending.is_some_and(|pending| pending.due_ns <= now.mono_ns) {
                self.judge(now);
            }
            let patience_ns = self.readings.patience_ns;
            let overdue = self.readings.asked.filter(|asked| now.mono_ns - asked.asked_ns >= patience_ns);
            if overdue.is_some() {
                self.readings.asked = None;
                self.readings.patience_ns = more_patience(patience_ns);
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
            QueryKind::Settlements => self.readings.settlements_since_ms(&self.config),
            _ => self.readings.fills_since_ms(&self.config),
        };
        let request = QueryRequest { query, kind, market: MarketKey::default(), since_ms };
        if port.push(ExecuteMessage::Reconcile(ExecuteToReconcile::Query(request))).is_err() {
            self.readings.blocked_until_ns = now.mono_ns.saturating_add(FULL_RETRY_NS);
            return;
        }
        let readings = &mut self.readings;
        readings.asked = Some(Question { query, kind, asked_ms: now.session_ms, asked_ns: now.mono_ns });
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

    pub(super) fn resolve_by(&mut self, key: MarketKey, at_ns: u64) {
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
            let again_ns = asked_ns.saturating_add(market.resolve.patience_ns);
            if now.mono_ns < again_ns {
                return again_ns;
            }
            market.resolve.patience_ns = more_patience(market.resolve.patience_ns);
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
        let request = QueryRequest { query, kind: QueryKind::Resolve, market: key, since_ms };
        if port.push(ExecuteMessage::Reconcile(ExecuteToReconcile::Query(request))).is_err() {
            return now.mono_ns.saturating_add(FULL_RETRY_NS);
        }
        market.resolve.asked = Some((query, now.session_ms, now.mono_ns));
        market.resolve.due_ns = NEVER_NS;
        now.mono_ns.saturating_add(market.resolve.patience_ns)
    }
}
