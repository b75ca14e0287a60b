//! What the stage tells about itself: counts, the ledger, and whether it agrees with the exchange.

use super::ExecuteStage;
use crate::execute::account::ledger::Ledger;
use crate::execute::counters::ExecuteCounters;
use crate::execute::orders::lease::LeasePlan;
use crate::execute::orders::life::OrderState;
use crate::execute::orders::order::Order;
use crate::execute::readings::agreement::{Agreement, Difference};
use crate::market::{Count, FeeSchedule, MarketKey, Money, Ticker};

/// A market's part of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionView {
    /// Which market.
    pub market: MarketKey,
    /// Its name.
    pub ticker: Ticker,
    /// Signed contracts held.
    pub contracts: Count,
    /// What they cost, fees excluded.
    pub cost: Money,
    /// What they would win or lose at their last known exit price.
    pub unrealized: Money,
    /// What the exchange owes for it after its determination.
    pub awaiting: Money,
    /// The exchange's position at the last complete read; zero when it showed none.
    pub exchange_contracts: Count,
}

impl ExecuteStage {
    /// Leases and open orders as the write tokens allow them now.
    #[must_use]
    pub fn lease_plan(&self) -> LeasePlan {
        self.orders.leases
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> &ExecuteCounters {
        &self.counters
    }

    /// The account's money.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        self.account.ledger()
    }

    /// Profit after fees, open positions at their last known exit prices.
    #[must_use]
    pub fn pnl(&self) -> Money {
        self.account.result() + self.account.unrealized()
    }

    /// Open positions at their last known exit prices, less their cost.
    #[must_use]
    pub fn unrealized(&self) -> Money {
        self.account.unrealized()
    }

    /// The markets in the directory, in the order of their keys.
    pub fn positions(&self) -> impl Iterator<Item = PositionView> {
        self.markets.iter().map(|market| PositionView {
            market: market.key,
            ticker: market.ticker,
            contracts: market.holding.position().contracts,
            cost: market.holding.position().cost,
            unrealized: market.holding.unrealized(),
            awaiting: market.holding.awaiting(),
            exchange_contracts: self.readings.exchange_position(&market.reading),
        })
    }

    /// Every order that is followed, others' included.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.table.iter().map(|(_, order)| order)
    }

    /// The mark of this start's orders.
    #[must_use]
    pub fn nonce(&self) -> u64 {
        self.orders.nonce()
    }

    /// From when on fills change the ledger, in the exchange's time: earlier ones are in what was read at the start. None
    /// until the account was read.
    #[must_use]
    pub fn baseline_ms(&self) -> Option<i64> {
        self.readings.baseline_ms
    }

    /// What a listed market's fills are charged by at a time, and what they may be charged by from then on at most.
    #[must_use]
    pub fn fees(&self, market: MarketKey, time_ms: i64) -> Option<(FeeSchedule, FeeSchedule)> {
        let market = self.markets.get(market)?;
        Some((market.fees_at(time_ms), market.fees_ahead(time_ms)))
    }

    /// Why the stage tripped, if it has.
    #[must_use]
    pub fn tripped(&self) -> Option<&str> {
        self.stops.ending.tripped()
    }

    /// Stopped, and nothing of ours is open, unknown or on its way.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.stops.ending.is_stopping() && self.orders.requests.is_empty() && self.open_orders() == 0
    }

    /// The last comparison, once the stage has stopped, is quiet, and has made it.
    #[must_use]
    pub fn agreement(&self) -> Option<&Agreement> {
        self.stops.ending.agreement()
    }

    /// Whether the account has been read and the private stream delivers.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.readings.is_synced()
    }

    /// Orders of ours that are open or unknown.
    #[must_use]
    pub fn open_orders(&self) -> usize {
        self.orders.open().count()
    }

    /// Everything on which the ledger and the reading differ. The ledger's values since `from_ms` count as agreeing.
    pub(super) fn differences(&self, from_ms: i64) -> Vec<Difference> {
        let mut differences = self.readings.cash_differences(self.account.ledger(), from_ms);
        differences.retain(|difference| !self.is_payment(difference));
        let positions = self.markets.iter().filter_map(|market| {
            self.readings.position_difference(market.ticker, &market.holding, &market.reading, from_ms)
        });
        differences.extend(positions);
        if self.readings.closing {
            let unread = self.markets.iter().filter(|market| self.readings.is_unread(&market.reading));
            differences.extend(unread.map(|market| Difference::Unusable { ticker: market.ticker }));
        }
        differences
    }

    /// Whether a difference in cash is what the exchange owed for one market or for all: it has paid, and the read that
    /// tells so is on its way. The last comparison does not take that for an answer.
    fn is_payment(&self, difference: &Difference) -> bool {
        let Difference::Cash { exchange_index, ours, exchange } = *difference else { return false };
        let more = exchange - ours;
        let owed = self.account.ledger().shard(exchange_index).map_or(Money::ZERO, |shard| shard.awaiting);
        let mut markets = self.markets.iter().filter(|market| market.exchange_index() == exchange_index);
        more > Money::ZERO
            && !self.readings.closing
            && (more == owed || markets.any(|market| market.holding.awaiting() == more))
    }

    /// Orders of ours that have not ended with all their fills.
    pub(super) fn order_differences(&self) -> impl Iterator<Item = Difference> {
        self.orders.unfinished().filter_map(|order| self.open_end(order))
    }

    fn open_end(&self, order: &Order) -> Option<Difference> {
        let market = self.markets.get(order.market)?;
        let told = order.final_filled.filter(|_| order.state == OrderState::Ended);
        Some(Difference::Order { ticker: market.ticker, order: order.id, filled: order.filled, exchange_filled: told })
    }

    /// Checks every sum against its parts: for tests and simulations, as it looks at every order.
    ///
    /// # Errors
    /// In words, when the ledger is wrong.
    pub fn audit(&self) -> Result<(), String> {
        self.account.ledger().audit()?;
        let same = |what: &str, sum: Money, kept: Money| {
            if sum == kept { Ok(()) } else { Err(format!("{what}: the parts sum to {sum}, the ledger keeps {kept}")) }
        };
        same(
            "reserved by open orders",
            self.orders.table.iter().map(|(_, order)| order.reserved).sum(),
            self.account.ledger().reserved(),
        )?;
        same(
            "cost of the positions",
            self.markets.iter().map(|market| market.holding.position().cost).sum(),
            self.account.ledger().cost(),
        )?;
        same(
            "unrealised",
            self.markets.iter().map(|market| market.holding.unrealized()).sum(),
            self.account.unrealized(),
        )?;
        for market in self.markets.iter() {
            let in_market = self.orders.table.in_market(market.key.position());
            let open = in_market.filter(|(_, order)| order.is_ours() && order.state.is_open()).count();
            if open > 1 {
                return Err(format!("{open} open orders of ours in {}: expected at most one", market.ticker));
            }
        }
        Ok(())
    }
}
