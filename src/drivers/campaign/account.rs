//! Checks fills, payments, cash and positions: what the exchange's engine has booked, compared with what the ledger was
//! given and has booked.

use std::collections::{BTreeMap, BTreeSet};

use super::instruments::Tried;
use super::invariants::{Checked, hold};
use super::probe::Handed;
use super::stops::FillKey;
use crate::decide::policy::Policy;
use crate::exchange::engine::{Engine, MarketState};
use crate::execute::ExecuteStage;
use crate::market::{Money, OrderId};

/// A payment from just before the baseline may or may not be included in it. It is left out of the comparison for this
/// long, or until it was given to the ledger.
const AMBIGUOUS_MS: i64 = 30_000;

/// What the exchange has booked and the ledger has not been told.
#[derive(Debug, Default)]
pub(super) struct Account {
    newest_fill: Option<FillKey>,
    settlements_seen: usize,
    /// Fills that were not given to the ledger of this start, and their times.
    owed: BTreeMap<FillKey, i64>,
    /// Markets whose payment was not given to the ledger, and when it was made.
    unpaid: BTreeMap<String, i64>,
    handed: BTreeSet<FillKey>,
    /// Fills of the last step that the ledger must have booked.
    pub(super) booked: Vec<FillKey>,
    /// Number of fills that the ledger of this start must have booked.
    to_book: u64,
    /// Whether the ledger of this start had its baseline at the last check.
    adopted: bool,
    /// How often cash and positions were compared.
    pub(super) compared: u64,
}

impl Account {
    /// Another trader starts. What the last one was given no longer counts.
    pub(super) fn restart(&mut self, engine: &Engine, account: u32) {
        self.owed = engine.fills_of(account).map(|fill| ((fill.trade, fill.order), fill.time_ms)).collect();
        let paid = engine.settlements_of(account).filter(|payment| payment.revenue != Money::ZERO);
        self.unpaid = paid.map(|payment| (ticker(engine, payment.market), payment.time_ms)).collect();
        self.handed.clear();
        self.booked.clear();
        self.to_book = 0;
        self.adopted = false;
    }

    /// After every step.
    pub(super) fn step<P: Policy>(&mut self, simulation: &mut Tried<P>) -> Checked {
        self.booked.clear();
        let handed = simulation.instruments_mut().probe.take_handed();
        self.see_exchange(simulation);
        let now_ms = simulation.session_ms();
        let execute = &simulation.stages().execute;
        let baseline_ms = execute.baseline_ms();
        for fact in handed {
            match fact {
                Handed::Fill { trade, order, time_ms } => {
                    self.owed.remove(&(trade, order));
                    let first = self.handed.insert((trade, order));
                    let after = self.adopted && baseline_ms.is_some_and(|baseline_ms| time_ms >= baseline_ms);
                    if first && after {
                        self.to_book += 1;
                        self.booked.push((trade, order));
                    }
                }
                Handed::Payment { market } => {
                    let view = execute.positions().find(|view| view.market == market);
                    view.map(|view| self.unpaid.remove(view.ticker.as_str()));
                }
            }
        }
        let Some(baseline_ms) = baseline_ms else { return Ok(()) };
        if !std::mem::replace(&mut self.adopted, true) {
            self.owed.retain(|_, time_ms| *time_ms >= baseline_ms);
        }
        self.unpaid.retain(|_, time_ms| *time_ms >= baseline_ms || now_ms - *time_ms < AMBIGUOUS_MS);
        let booked = execute.counters().fills;
        hold("fills_once", booked == self.to_book, || {
            format!("{} fills came since the baseline, {booked} were booked", self.to_book)
        })?;
        if self.owed.is_empty() && self.unpaid.is_empty() { self.compare(simulation) } else { Ok(()) }
    }

    fn see_exchange<P: Policy>(&mut self, simulation: &Tried<P>) {
        let exchange = simulation.exchange();
        let (engine, account) = (exchange.engine(), exchange.clients()[0]);
        let mut fills = engine.fills_of(account).take_while(|fill| Some((fill.trade, fill.order)) != self.newest_fill);
        if let Some(newest) = fills.next() {
            let key = (newest.trade, newest.order);
            self.owed.insert(key, newest.time_ms);
            self.owed.extend(fills.map(|fill| ((fill.trade, fill.order), fill.time_ms)));
            self.newest_fill = Some(key);
        }
        let paid = engine.settlements_of(account);
        let new = paid.take(engine.settlement_count(account) - self.settlements_seen);
        for payment in new.filter(|payment| payment.revenue != Money::ZERO) {
            self.unpaid.insert(ticker(engine, payment.market), payment.time_ms);
        }
        self.settlements_seen = engine.settlement_count(account);
    }

    /// Compares cash and positions once the ledger has been told everything: they must agree with the exchange to the
    /// micro-dollar and the contract.
    fn compare<P: Policy>(&mut self, simulation: &Tried<P>) -> Checked {
        self.compared += 1;
        let execute = &simulation.stages().execute;
        let exchange = simulation.exchange();
        let (engine, account) = (exchange.engine(), exchange.clients()[0]);
        positions_agree(execute, engine, account)?;
        for shard in execute.ledger().shards() {
            let (ours, theirs) = (shard.cash(), engine.balance(account, shard.exchange_index));
            hold("cash_to_the_micro_dollar", ours == theirs, || {
                format!("shard {}: the ledger has {ours}, the exchange {theirs}", shard.exchange_index)
            })?;
        }
        Ok(())
    }

    /// Checks at the end, when everything has had time to arrive.
    pub(super) fn at_the_end(&self) -> Checked {
        hold("no_fill_lost", self.owed.is_empty(), || format!("fills that never came: {:?}", self.owed))
    }

    /// Whether a fill of this order has not reached the ledger yet.
    pub(super) fn owes(&self, order: OrderId) -> bool {
        self.owed.keys().any(|(_, of)| *of == order)
    }
}

/// Checks that every position of the ledger equals the exchange's, except in markets that are being settled.
pub(super) fn positions_agree(execute: &ExecuteStage, engine: &Engine, account: u32) -> Checked {
    for view in execute.positions() {
        let Some(market) = engine.market_by_ticker(view.ticker.as_str()) else { continue };
        // A determined market leaves the ledger's position before the exchange pays.
        let over = matches!(engine.market(market).state(), MarketState::Determined(_) | MarketState::Finalized(_));
        let held = engine.position(account, market).contracts;
        hold("positions_to_the_contract", over || view.contracts == held, || {
            format!("{}: the ledger has {}, the exchange {held}", view.ticker, view.contracts)
        })?;
    }
    Ok(())
}

fn ticker(engine: &Engine, market: u32) -> String {
    engine.market(market).spec().ticker.clone()
}
