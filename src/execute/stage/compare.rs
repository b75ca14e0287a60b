//! Draws the conclusions from what was read: the baseline, differences between ledger and exchange, orders that are gone
//! or never were.
//!
//! A difference must be there in two reads in a row before it trips, and each read is judged over a window: the exchange's
//! reads lag, and fills travel. The last comparison allows neither window nor doubt.

use super::ExecuteStage;
use crate::clock::{NEVER_NS, Now};
use crate::execute::orders::life::{OrderEvent, OrderState};
use crate::execute::readings::agreement::{Agreement, Difference, NotCompared};
use crate::execute::readings::{PATIENCE_NS, Pending, Question};
use crate::market::{MarketKey, Money};
use crate::messages::QueryKind;

/// Reads in a row that must differ before the ledger is given up.
const DIFFERENCES_TO_TRIP: u32 = 2;

impl ExecuteStage {
    pub(super) fn read_ended(&mut self, query: u32, kind: QueryKind, complete: bool, as_of_ms: i64, now: Now) {
        self.readings.current = None;
        self.counters.reads_incomplete += u64::from(!complete);
        if kind == QueryKind::Resolve {
            return self.resolve_ended(query, complete, as_of_ms, now);
        }
        let Some(asked) = self.readings.asked.filter(|asked| asked.query == query) else { return };
        self.readings.asked = None;
        self.readings.patience_ns = PATIENCE_NS;
        if !complete {
            return self.reading_failed(now);
        }
        match kind {
            QueryKind::Settlements => {
                let again_ns = now.mono_ns.saturating_add(self.config.compare_every_ns);
                let awaiting = self.account.ledger().awaiting() != Money::ZERO && !self.readings.closing;
                self.readings.settlements_due_ns = if awaiting { again_ns } else { NEVER_NS };
            }
            QueryKind::Rebuild | QueryKind::Compare => self.account_read(asked, kind, now),
            QueryKind::Resolve | QueryKind::Successor => (),
        }
    }

    /// A complete reading of balances, positions and resting orders.
    fn account_read(&mut self, asked: Question, kind: QueryKind, now: Now) {
        self.readings.compared = asked.query;
        self.miss_orders(asked, now);
        self.groups_read(asked.query, asked.asked_ms, now);
        let since_up = self.readings.stream_up_ms.is_some_and(|up_ms| asked.asked_ms >= up_ms);
        if kind == QueryKind::Rebuild && since_up && self.readings.is_adopted() && !self.readings.rebuilt {
            self.readings.rebuilt = true;
            self.all_conditions_changed(now);
        }
        let due_ns = now.mono_ns.saturating_add(self.config.compare_grace_ns);
        self.readings.pending = Some(Pending { asked_ms: asked.asked_ms, due_ns });
        let from_ms = self.readings.window_start(asked.asked_ms, self.config.read_lag_ms);
        if self.readings.is_adopted() && self.differences(from_ms).is_empty() && !self.has_open_ends() {
            self.agreed(asked.asked_ms, now);
        }
    }

    fn has_open_ends(&self) -> bool {
        self.readings.closing && self.orders.unfinished().next().is_some()
    }

    /// Orders that should rest and were not in the reading.
    fn miss_orders(&mut self, asked: Question, now: Now) {
        let shows_ms = asked.asked_ms.saturating_sub(self.config.read_lag_ms);
        for slot in 0..self.orders.table.slots() {
            let Some(at) = self.orders.table.at(slot) else { continue };
            let order = self.orders.table.get(at).expect("listed just now");
            let told_ms = order.exchange_ms.max(order.sent_ms);
            if order.state != OrderState::Resting || order.seen_in == asked.query || told_ms >= shows_ms {
                continue;
            }
            let key = order.market;
            // It may be the one that could not be read.
            if self.markets.get(key).is_some_and(|market| market.reading.lacks(asked.query)) {
                continue;
            }
            if order.is_foreign() {
                self.orders.table.remove(at);
            } else {
                self.step(at, OrderEvent::Missing, now);
            }
            self.refresh(key, now);
        }
    }

    /// The grace is over: what differs now, differs.
    pub(super) fn judge(&mut self, now: Now) {
        let Some(pending) = self.readings.pending.take() else { return };
        if !self.readings.is_adopted() {
            return self.adopt(pending, now);
        }
        let from_ms = self.readings.window_start(pending.asked_ms, self.config.read_lag_ms);
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
        // The second look is a rebuild: it reads fills too, and brings the ones that a slow stream still owes. No mere
        // comparison comes before it.
        let again_ns = now.mono_ns.saturating_add(self.config.retry_first_ns);
        self.readings.rebuild_due_ns = self.readings.rebuild_due_ns.min(again_ns);
        self.readings.compare_due_ns = self.readings.compare_due_ns.max(again_ns);
        self.ask_for_payments(&differences);
    }

    /// Asks for settlements before the next look: a market may have paid, and the frame that tells its result was lost.
    /// A slow read may show that in the cash alone, when it read the positions before the payment and the cash after it.
    fn ask_for_payments(&mut self, differences: &[Difference]) {
        let paid =
            |difference: &Difference| matches!(difference, Difference::Cash { .. } | Difference::Position { .. });
        if self.account.ledger().awaiting() != Money::ZERO || differences.iter().any(paid) {
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
        self.read_again(asked_ms, now);
        if self.readings.closing {
            self.stops
                .ending
                .agree(Agreement { exchange_cash: self.readings.balances.clone(), ..Agreement::default() });
        }
    }

    fn last_reading_differed(&mut self, differences: Vec<Difference>, now: Now) {
        self.ask_for_payments(&differences);
        let exchange_cash = self.readings.balances.clone();
        self.compare_again_or(Agreement { differences, exchange_cash, ..Agreement::default() }, now);
    }

    /// The last comparison is made once more, or this is what it came to.
    fn compare_again_or(&mut self, agreement: Agreement, now: Now) {
        if self.stops.ending.may_try_again(self.config.final_attempts) {
            self.readings.rebuild_due_ns = now.mono_ns.saturating_add(2 * self.config.retry_first_ns);
        } else {
            self.stops.ending.agree(agreement);
        }
    }

    /// An account-wide read failed: it is due again.
    pub(super) fn reading_failed(&mut self, now: Now) {
        let again_ns = now.mono_ns.saturating_add(self.config.retry_first_ns);
        let readings = &mut self.readings;
        if readings.closing {
            return self.compare_again_or(Agreement::without(NotCompared::Unreadable), now);
        }
        // A second look without fills would take a fill that was lost with its stream for a contradiction.
        if !readings.is_adopted() || !readings.rebuilt || readings.differed_in_row > 0 {
            readings.rebuild_due_ns = readings.rebuild_due_ns.min(again_ns);
        }
        readings.compare_due_ns = readings.compare_due_ns.min(again_ns);
        if self.account.ledger().awaiting() != Money::ZERO {
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
            self.account.adopt_cash(exchange_index, cash);
        }
        for position in 0..self.markets.len() {
            let Some(key) = self.markets.at(position).map(|market| market.key) else { continue };
            self.adopt_market(key, now);
        }
        self.agreed(pending.asked_ms, now);
        self.all_conditions_changed(now);
    }

    /// A reading agrees: what could not be read before and can be now is taken for what it is.
    fn read_again(&mut self, asked_ms: i64, now: Now) {
        let still = self.readings.newest_fill_ms < asked_ms.saturating_sub(self.config.read_lag_ms);
        for position in 0..self.markets.len() {
            let Some(key) = self.markets.at(position).map(|market| market.key) else { continue };
            let market = self.markets.get_mut(key).expect("looked up just now");
            if !market.reading.withheld
                || market.reading.misses(self.readings.compared)
                || (market.reading.unadopted && !still)
            {
                continue;
            }
            market.reading.withheld = false;
            if std::mem::take(&mut market.reading.unadopted) {
                self.adopt_market(key, now);
            }
            self.refresh(key, now);
        }
    }

    fn adopt_market(&mut self, key: MarketKey, now: Now) {
        let market = self.markets.get_mut(key).expect("looked up by the caller");
        let (compared, reading) = (self.readings.compared, &mut market.reading);
        let read = reading.position_in(compared);
        reading.unadopted = reading.lacks(compared) && read.is_none();
        if let Some(contracts) = read {
            self.account.adopt_position(&mut market.holding, contracts, reading.cost());
        }
        if let Some(value) = market.outcome {
            self.determine(key, value, now);
        }
        self.refresh(key, now);
    }

    /// A market's orders and fills were read.
    fn resolve_ended(&mut self, query: u32, complete: bool, as_of_ms: i64, now: Now) {
        let found = self.markets.iter().find(|market| market.reading.resolve.asked_ms(query).is_some());
        let Some(key) = found.map(|market| market.key) else { return };
        if complete {
            self.conclude_never_accepted(key, as_of_ms, now);
        }
        let market = self.markets.get_mut(key).expect("found just now");
        let open_end = self.orders.has_open_end(key, market.is_over());
        let again_ns = market.reading.resolve.answered(open_end, self.config.retry_ns(), now.mono_ns);
        if let Some(again_ns) = again_ns {
            self.resolve_by(key, again_ns);
        }
        self.refresh(key, now);
    }

    /// Creates that a complete read does not show, though it is newer than the last moment at which they could have been
    /// accepted, never were.
    fn conclude_never_accepted(&mut self, key: MarketKey, as_of_ms: i64, now: Now) {
        let shows_ms = as_of_ms.saturating_sub(self.config.read_lag_ms);
        let before_ms = shows_ms.saturating_sub(self.config.signature_validity_ms);
        while let Some(at) = self.orders.unknown_create(key, before_ms) {
            self.step(at, OrderEvent::NeverApplied, now);
            self.touch(at, now);
        }
    }
}
