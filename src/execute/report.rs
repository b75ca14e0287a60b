//! What the stage tells about itself: counts, the ledger, and whether it agrees with the exchange.

use serde::{Deserialize, Serialize};

use super::ExecuteStage;
use super::counters::ExecuteCounters;
use super::ledger::Ledger;
use super::orders::OrderState;
use super::table::Order;
use crate::market::{Count, FeeSchedule, MarketKey, Money, OrderId, Ticker};
use crate::messages::OpenOrder;

/// One thing on which ledger and exchange differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Difference {
    /// A shard's cash.
    Cash {
        /// Which shard.
        exchange_index: u8,
        /// What the ledger has: available and reserved.
        ours: Money,
        /// What the exchange says.
        exchange: Money,
    },
    /// A position.
    Position {
        /// Which market.
        ticker: Ticker,
        /// What the ledger has.
        ours: Count,
        /// What the exchange says.
        exchange: Count,
    },
    /// An order of ours whose end is not known.
    Order {
        /// Which market.
        ticker: Ticker,
        /// The exchange's id, if it ever told.
        order: Option<OrderId>,
        /// Fills that were booked.
        filled: Count,
        /// What the exchange says it filled, if it has told.
        exchange_filled: Option<Count>,
    },
    /// Something of the account in a market could not be read: our order there, or the position.
    Unusable {
        /// Which market.
        ticker: Ticker,
    },
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cash { exchange_index, ours, exchange } => {
                write!(f, "cash of shard {exchange_index}: the ledger has {ours}, the exchange {exchange}")
            }
            Self::Position { ticker, ours, exchange } => {
                write!(f, "position in {ticker}: the ledger has {ours} contracts, the exchange {exchange}")
            }
            Self::Order { ticker, order, filled, exchange_filled } => {
                write!(f, "order ")?;
                match order {
                    Some(id) => write!(f, "{id}")?,
                    None => write!(f, "of unknown id")?,
                }
                write!(f, " in {ticker}: fills of {filled} contracts were booked, the exchange ")?;
                match exchange_filled {
                    Some(count) => write!(f, "filled {count}"),
                    None => write!(f, "has not told how it ended"),
                }
            }
            Self::Unusable { ticker } => {
                write!(f, "{ticker}: an order of ours or the position could not be read, so nothing is known of them")
            }
        }
    }
}

/// Why ledger and exchange could not be compared at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotCompared {
    /// The account was never read completely, so there is no ledger to compare.
    NeverRead,
    /// The exchange could not be read for the last comparison.
    Unreadable,
}

impl std::fmt::Display for NotCompared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NeverRead => "the account was never read completely",
            Self::Unreadable => "the exchange could not be read for the last comparison",
        })
    }
}

/// The last comparison of ledger and exchange: the verdict on a session, which nothing else decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Why there was nothing to compare, if so.
    pub not_compared: Option<NotCompared>,
    /// What differs: cash by shard, positions, orders.
    pub differences: Vec<Difference>,
    /// Each shard's cash as the exchange told it last.
    pub exchange_cash: Vec<(u8, Money)>,
}

impl Agreement {
    /// Nothing was compared.
    pub(super) fn without(reason: NotCompared) -> Self {
        Self { not_compared: Some(reason), ..Self::default() }
    }

    /// Whether ledger and exchange were compared and nothing differs.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.not_compared.is_none() && self.differences.is_empty()
    }
}

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
    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> &ExecuteCounters {
        &self.counters
    }

    /// The account's money.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Profit after fees, open positions at their last known exit prices.
    #[must_use]
    pub fn pnl(&self) -> Money {
        self.ledger.realized() - self.ledger.fees() + self.unrealized
    }

    /// Open positions at their last known exit prices, less their cost.
    #[must_use]
    pub fn unrealized(&self) -> Money {
        self.unrealized
    }

    /// The markets in the directory, in the order of their keys.
    pub fn positions(&self) -> impl Iterator<Item = PositionView> {
        self.directory.iter().map(|market| PositionView {
            market: market.key,
            ticker: market.ticker,
            contracts: market.position.contracts,
            cost: market.position.cost,
            unrealized: market.unrealized,
            awaiting: market.awaiting,
            exchange_contracts: self.readings.exchange_position(market),
        })
    }

    /// Every order that is followed, others' included.
    pub fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().map(|(_, order)| order)
    }

    /// The mark of this start's orders.
    #[must_use]
    pub fn nonce(&self) -> u64 {
        self.nonce
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
        let market = self.directory.get(market)?;
        Some((market.fees_at(time_ms), market.fees_ahead(time_ms)))
    }

    /// Why the stage tripped, if it has.
    #[must_use]
    pub fn tripped(&self) -> Option<&str> {
        self.ending.tripped()
    }

    /// Stopped, and nothing of ours is open, unknown or on its way.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let open = self.orders.iter().any(|(_, order)| !order.is_foreign() && order.state.is_open());
        self.ending.is_stopping() && self.requests.is_empty() && !open
    }

    /// The last comparison, once the stage has stopped, is quiet, and has made it.
    #[must_use]
    pub fn agreement(&self) -> Option<&Agreement> {
        self.ending.agreement()
    }

    /// Whether the account has been read and the private stream delivers.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.readings.is_synced()
    }

    /// Orders of ours that are open or unknown.
    #[must_use]
    pub fn open_orders(&self) -> usize {
        self.orders.iter().filter(|(_, order)| !order.is_foreign() && order.state.is_open()).count()
    }

    pub(super) fn open_order(&self, key: MarketKey) -> Option<OpenOrder> {
        let order = self.own_order(key).and_then(|at| self.orders.get(at))?;
        Some(OpenOrder {
            remaining: order.terms()[0].pending,
            acked_ms: order.acked_ms,
            price: order.price,
            side: order.side,
        })
    }

    /// Everything on which the ledger and the reading differ. The ledger's values since `from_ms` count as agreeing.
    pub(super) fn differences(&self, from_ms: i64) -> Vec<Difference> {
        let mut differences = self.readings.cash_differences(&self.ledger, from_ms);
        differences.retain(|difference| !self.is_payment(difference));
        differences
            .extend(self.directory.iter().filter_map(|market| self.readings.position_difference(market, from_ms)));
        if self.readings.closing {
            let unread = self.directory.iter().filter(|market| self.readings.is_unread(market));
            differences.extend(unread.map(|market| Difference::Unusable { ticker: market.ticker }));
        }
        differences
    }

    /// Whether a difference in cash is what the exchange owed for one market or for all: it has paid, and the read that
    /// tells so is on its way. The last comparison does not take that for an answer.
    fn is_payment(&self, difference: &Difference) -> bool {
        let Difference::Cash { exchange_index, ours, exchange } = *difference else { return false };
        let more = exchange - ours;
        let owed = self.ledger.shard(exchange_index).map_or(Money::ZERO, |shard| shard.awaiting);
        let mut markets = self.directory.iter().filter(|market| market.exchange_index == exchange_index);
        more > Money::ZERO && !self.readings.closing && (more == owed || markets.any(|market| market.awaiting == more))
    }

    /// Orders of ours that have not ended with all their fills.
    pub(super) fn order_differences(&self) -> impl Iterator<Item = Difference> {
        self.orders.iter().filter(|(_, order)| !order.is_foreign()).filter_map(|(_, order)| self.open_end(order))
    }

    fn open_end(&self, order: &Order) -> Option<Difference> {
        let market = self.directory.get(order.market)?;
        let told = order.final_filled.filter(|_| order.state == OrderState::Ended);
        Some(Difference::Order { ticker: market.ticker, order: order.id, filled: order.filled, exchange_filled: told })
    }

    /// Checks every sum against its parts: for tests and simulations, as it looks at every order.
    ///
    /// # Errors
    /// In words, when the ledger is wrong.
    pub fn audit(&self) -> Result<(), String> {
        self.ledger.audit()?;
        let same = |what: &str, sum: Money, kept: Money| {
            if sum == kept { Ok(()) } else { Err(format!("{what}: the parts sum to {sum}, the ledger keeps {kept}")) }
        };
        same(
            "reserved by open orders",
            self.orders.iter().map(|(_, order)| order.reserved).sum(),
            self.ledger.reserved(),
        )?;
        same(
            "cost of the positions",
            self.directory.iter().map(|market| market.position.cost).sum(),
            self.ledger.cost(),
        )?;
        same("unrealised", self.directory.iter().map(|market| market.unrealized).sum(), self.unrealized)?;
        for market in self.directory.iter() {
            let in_market = self.orders.in_market(market.key.position());
            let open = in_market.filter(|(_, order)| order.is_ours() && order.state.is_open()).count();
            if open > 1 {
                return Err(format!("{open} open orders of ours in {}: expected at most one", market.ticker));
            }
        }
        Ok(())
    }
}
