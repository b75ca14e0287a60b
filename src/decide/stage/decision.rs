//! When a decision is due, and the decision itself: observation, policy, honoured quote, intent.

use std::borrow::Cow;

use crate::clock::Now;
use crate::market::MarketKey;
use crate::messages::{BookEvent, DecideToExecute, DecisionRecord, DecisionStamps, OrderIntent, Skip, Wanted};
use crate::ports::{DecideEffect, DecideMessage, DecidePort};
use crate::record::Span;

use super::super::account::{Account, Outstanding};
use super::super::market::{Market, Trust};
use super::super::observation::ObservationInput;
use super::super::policy::{AccountSums, OwnOrders, OwnRefusal, Policy, RefusalReason, Touch, View};
use super::super::wanted::{Honoured, honour, opens};
use super::{DecideStage, State};

impl<P: Policy> DecideStage<P> {
    /// Takes the decision that is due at a frame, or postpones it while the stage is behind.
    #[inline]
    pub(super) fn consider(&mut self, event: &BookEvent, applied_ns: u64, now: Now, port: &mut impl DecidePort) {
        let position = event.market.position();
        let Some(market) = self.state.markets[position].as_mut() else {
            return;
        };
        let entered = market.enter_bucket(event.time_ms, self.state.decide_ms);
        let was_due = self.state.due[position / 64] >> (position % 64) & 1 == 1;
        if !market.traded || !(entered || was_due) {
            return;
        }
        let key = market.key;
        let time_ms = market.time_ms;
        if entered && was_due {
            self.state.skip(key, time_ms, Skip::Behind, port);
        }
        let behind = now.mono_ns.saturating_sub(event.read_ns) > self.state.behind_ns;
        self.state.set_due(position, behind);
        if !behind {
            self.decide(position, applied_ns, port);
        }
    }

    /// The ring has been drained: takes the decisions that were postponed. A market whose book is crossed now stays due.
    pub fn on_drained(&mut self, port: &mut impl DecidePort) {
        self.state.undrained = false;
        for word in 0..self.state.due.len() {
            let mut bits = self.state.due[word];
            while bits != 0 {
                let position = word * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                if self.state.markets[position].as_ref().is_some_and(|market| market.crossing.is_open()) {
                    continue;
                }
                self.state.set_due(position, false);
                let applied_ns = port.stamp_ns();
                self.decide(position, applied_ns, port);
            }
        }
    }

    /// Takes one decision: observation, policy, honoured quote, intent.
    fn decide(&mut self, position: usize, applied_ns: u64, port: &mut impl DecidePort) {
        let Self { policy, state, seen } = self;
        let Some(market) = state.markets[position].as_ref() else {
            return;
        };
        let account = &state.accounts[position];
        let (key, time_ms) = (market.key, market.time_ms);
        if let Some(reason) = state.obstacle(market, account, port) {
            state.skip(key, time_ms, reason, port);
            return;
        }
        let input = ObservationInput {
            time_ms,
            hour: state.zone.hour(time_ms),
            book: &market.book,
            points: &market.points,
            portfolio: &state.portfolio,
            position: account.position,
            orders: account.open_order.into(),
            close_time_ms: Some(market.close_time_ms),
        };
        if let Some(schema) = state.terms.schema {
            schema.observe(&input, &mut seen.observation);
        }
        let view = view(state, market, account, &seen.observation);
        let observed_ns = port.stamp_ns();
        let answer = policy.decide(&view);
        let inferred_ns = port.stamp_ns();
        state.counters.decisions += 1;
        if let Some(action) = answer.action {
            state.counters.actions[action as usize] += 1;
        }
        state.counters.faults += u64::from(answer.fault.is_some());

        let (position_held, open_order, blocked) = (account.position, account.open_order, account.blocked);
        let touch = view.touch;
        let honoured = answer.wanted.map_or(Honoured { order: None, refused: None }, |wanted| {
            let open = open_order.map(|order| order.side);
            honour(&wanted, position_held, open, touch, market.book.grid())
        });
        let mut record = DecisionRecord {
            market: key,
            time_ms,
            portfolio_version: state.portfolio_version.unwrap_or(0),
            action: answer.action,
            wanted: answer.wanted,
            fault: answer.fault,
            withheld: answer.unformed.or(honoured.refused),
            price: honoured.order.map(|(_, quote)| quote.price),
            intent: 0,
            logits: answer.logits,
            observation: Cow::Borrowed(&seen.observation),
        };
        // Without any quote, an open order is unwanted.
        let unwanted = open_order.filter(|_| answer.wanted == Some(Wanted::default()));
        let order = honoured.order.map(|(side, quote)| (side, Some(quote)));
        if let Some((side, quote)) = order.or(unwanted.map(|order| (order.side, None))) {
            let intent = OrderIntent {
                id: state.intents + 1,
                market: key,
                side,
                quote,
                best_bid: touch.bid,
                best_ask: touch.ask,
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
            if blocked && quote.is_some_and(|quote| opens(side, quote.count, position_held)) {
                record.withheld = Some(Skip::Blocked);
            } else {
                match state.send(intent, port) {
                    Ok(id) => record.intent = id,
                    Err(reason) => record.withheld = Some(reason),
                }
            }
        }
        if let Some(reason) = record.withheld {
            state.counters.skipped[reason as usize] += 1;
            policy.on_refusal(&OwnRefusal { market: key, time_ms, reason: RefusalReason::Withheld(reason) });
        }
        port.latency(Span::Observe, observed_ns.saturating_sub(applied_ns));
        port.latency(Span::Infer, inferred_ns.saturating_sub(observed_ns));
        port.tell(DecideEffect::Decided(&record));
        if let Some(market) = state.markets[position].as_mut() {
            market.oldest_read_ns = 0;
            market.trades.clear();
        }
    }
}

/// What a policy sees of a market.
#[inline]
pub(super) fn view<'a>(state: &State, market: &'a Market, account: &Account, observation: &'a [f32]) -> View<'a> {
    let portfolio = &state.portfolio;
    View {
        market: market.key,
        ticker: &market.ticker,
        time_ms: market.time_ms,
        close_time_ms: market.close_time_ms,
        book: &market.book,
        touch: Touch::without_own(&market.book, account.open_order),
        trades: &market.trades,
        observation,
        position: account.position,
        cost: portfolio.holding(market.key.position()).cost,
        orders: OwnOrders::of(account.open_order, market.place.ahead()),
        blocked: account.blocked,
        account: AccountSums {
            available: portfolio.available(),
            reserved: portfolio.reserved(),
            equity: portfolio.equity(),
        },
    }
}

impl State {
    pub(super) fn set_due(&mut self, position: usize, due: bool) {
        let bit = 1 << (position % 64);
        if due {
            self.due[position / 64] |= bit;
        } else {
            self.due[position / 64] &= !bit;
        }
    }

    /// Why no decision can be taken on a market now, if so.
    fn obstacle(&self, market: &Market, account: &Account, port: &mut impl DecidePort) -> Option<Skip> {
        if market.closed() {
            Some(Skip::Closed)
        } else if market.trust != Trust::Fresh && !planted!(StaleBookUsed) {
            Some(Skip::Stale)
        } else if port.overflow_epoch() != self.epoch_cleared && !planted!(OverflowIgnored) {
            Some(Skip::Epoch)
        } else if self.portfolio_version.is_none() || !account.reported {
            Some(Skip::NotReady)
        } else if account.busy() {
            Some(Skip::Busy)
        } else {
            None
        }
    }

    fn skip(&mut self, market: MarketKey, time_ms: i64, reason: Skip, port: &mut impl DecidePort) {
        self.counters.skipped[reason as usize] += 1;
        port.tell(DecideEffect::Skipped(market, time_ms, reason));
    }

    /// Sends an intent. Its market is then busy until the verdict.
    fn send(&mut self, mut intent: OrderIntent, port: &mut impl DecidePort) -> Result<u64, Skip> {
        intent.stamps.decided_ns = port.stamp_ns();
        port.push(DecideMessage::Execute(DecideToExecute::Intent(intent))).map_err(|_| Skip::RingFull)?;
        port.latency(Span::Decide, intent.stamps.decided_ns.saturating_sub(intent.stamps.inferred_ns));
        self.intents = intent.id;
        self.counters.intents += 1;
        self.accounts[intent.market.position()]
            .sent(Outstanding { intent: intent.id, newest_read_ns: intent.stamps.newest_read_ns });
        Ok(intent.id)
    }
}
