//! What a comparison of ledger and exchange comes to.

use serde::{Deserialize, Serialize};

use crate::market::{Count, Money, OrderId, Ticker};

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
    pub(in crate::execute) fn without(reason: NotCompared) -> Self {
        Self { not_compared: Some(reason), ..Self::default() }
    }

    /// Whether ledger and exchange were compared and nothing differs.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.not_compared.is_none() && self.differences.is_empty()
    }
}
