//! Asks the exchange what is due: one account-wide question at a time, and one for each market with an open end. A question
//! without an answer is asked again, with more patience each time.

use super::{ExecuteStage, FULL_RETRY_NS};
use crate::clock::{NEVER_NS, Now};
use crate::execute::readings::market::AskAbout;
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
            if self.readings.give_up_overdue(now.mono_ns) {
                self.reading_failed(now);
            }
            if let Some(kind) = self.readings.next_kind(now.mono_ns) {
                self.ask(kind, now, port);
            }
            if self.readings.resolves_due_ns <= now.mono_ns {
                self.ask_resolves(now, port);
            }
        }
        self.alarm.at_ns(self.readings.due_ns());
    }

    fn ask(&mut self, kind: QueryKind, now: Now, port: &mut impl ExecutePort) {
        let request = self.readings.request(kind, &self.config, now);
        if port.push(ExecuteMessage::Reconcile(ExecuteToReconcile::Query(request))).is_err() {
            self.readings.blocked_until_ns = now.mono_ns.saturating_add(FULL_RETRY_NS);
            return;
        }
        self.readings.await_answer(request.query, kind, now);
    }

    /// Schedules asking about a market's open ends unless that is scheduled.
    pub(super) fn resolve_later(&mut self, key: MarketKey, now: Now) {
        let Some(market) = self.markets.get(key) else { return };
        if let Some(at_ns) = market.reading.resolve.later_ns(self.config.retry_first_ns, now.mono_ns) {
            self.resolve_by(key, at_ns);
        }
    }

    /// Schedules asking about a market's open ends by that time.
    pub(super) fn resolve_by(&mut self, key: MarketKey, at_ns: u64) {
        let Some(market) = self.markets.get_mut(key) else { return };
        market.reading.resolve.by(at_ns);
        self.readings.resolves_due_ns = self.readings.resolves_due_ns.min(at_ns);
        self.alarm.at_ns(at_ns);
    }

    fn ask_resolves(&mut self, now: Now, port: &mut impl ExecutePort) {
        self.readings.resolves_due_ns = NEVER_NS;
        for position in 0..self.markets.len() {
            let Some(key) = self.markets.at(position).map(|market| market.key) else { continue };
            let next_ns = self.ask_resolve(key, now, port);
            self.readings.resolves_due_ns = self.readings.resolves_due_ns.min(next_ns);
        }
    }

    /// Asks about one market if that is due. Returns when to look again.
    fn ask_resolve(&mut self, key: MarketKey, now: Now, port: &mut impl ExecutePort) -> u64 {
        let market = self.markets.get_mut(key).expect("looked up by the caller");
        let open_end = self.orders.has_open_end(key, market.is_over());
        if let AskAbout::At(at_ns) = market.reading.resolve.next(open_end, now.mono_ns) {
            return at_ns;
        }
        let placed_ms = self.orders.first_placed_ms(key).unwrap_or(now.session_ms);
        let since_ms = placed_ms.saturating_sub(self.config.read_lag_ms).saturating_sub(1_000);
        let query = self.readings.number();
        let request = QueryRequest { query, kind: QueryKind::Resolve, market: key, since_ms };
        if port.push(ExecuteMessage::Reconcile(ExecuteToReconcile::Query(request))).is_err() {
            return now.mono_ns.saturating_add(FULL_RETRY_NS);
        }
        market.reading.resolve.ask(query, now)
    }
}
