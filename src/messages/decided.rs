//! What `decide` tells the journal: each decision, and each that was due and not taken.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Action, Wanted};
use crate::market::{MarketKey, Price};

/// Why a policy held instead of choosing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum PolicyFault {
    /// A logit was infinite or not a number.
    NonFinite = 0,
}

impl PolicyFault {
    /// The word used in files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NonFinite => "non_finite_logit",
        }
    }
}

/// Why a due decision was not taken, or a decision led to no intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Skip {
    /// The book cannot be trusted.
    Stale = 0,
    /// An overflow was raised and not cleared: the book may have missed an event.
    Epoch,
    /// An intent without verdict, or a write in flight.
    Busy,
    /// A later decision of the same market replaced it, because this stage was behind.
    Behind,
    /// No state of this market's account was ever received: `execute` may not know the market yet.
    NotReady,
    /// The market is past its close.
    Closed,
    /// The market takes no new risk, and the order would add some.
    Blocked,
    /// The price that the pricing strategy needs does not exist.
    NoPrice,
    /// An order that may only reduce, without a position to reduce.
    NothingToReduce,
    /// The ring to `execute` was full: the intent was dropped.
    RingFull,
    /// A price that is not on the market's grid.
    OffGrid,
    /// A number of contracts that no order can have.
    BadCount,
    /// A resting quote at or through the other side's best price: the exchange would refuse it as post-only.
    WouldTake,
    /// A bid at or above the ask that is wanted with it.
    CrossedQuotes,
}

impl Skip {
    /// How many reasons there are.
    pub const COUNT: usize = Self::CrossedQuotes as usize + 1;
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Stale,
        Self::Epoch,
        Self::Busy,
        Self::Behind,
        Self::NotReady,
        Self::Closed,
        Self::Blocked,
        Self::NoPrice,
        Self::NothingToReduce,
        Self::RingFull,
        Self::OffGrid,
        Self::BadCount,
        Self::WouldTake,
        Self::CrossedQuotes,
    ];

    /// The word used in files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Epoch => "epoch",
            Self::Busy => "busy",
            Self::Behind => "behind",
            Self::NotReady => "not_ready",
            Self::Closed => "closed",
            Self::Blocked => "blocked",
            Self::NoPrice => "no_price",
            Self::NothingToReduce => "nothing_to_reduce",
            Self::RingFull => "ring_full",
            Self::OffGrid => "off_grid",
            Self::BadCount => "bad_count",
            Self::WouldTake => "would_take",
            Self::CrossedQuotes => "crossed_quotes",
        }
    }
}

/// A decision as the journal keeps it: what was seen, what was chosen, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord<'a> {
    /// Which market.
    pub market: MarketKey,
    /// The time of the frame it was taken on.
    pub time_ms: i64,
    /// The portfolio version it was taken on.
    pub portfolio_version: u64,
    /// Which of the five actions the policy chose, if it chooses among them.
    pub action: Option<Action>,
    /// The orders that it wants; none when everything may stay as it is.
    pub wanted: Option<Wanted>,
    /// Why the policy held instead of choosing.
    pub fault: Option<PolicyFault>,
    /// Why something that it wants led to no intent: the first reason, where there are two.
    pub withheld: Option<Skip>,
    /// The limit of the order that is honoured, as a YES price.
    pub price: Option<Price>,
    /// The intent that was sent, 0 for none.
    pub intent: u64,
    /// What the policy answered, when it has logits.
    pub logits: Option<[f32; Action::COUNT]>,
    /// What it saw: empty for a policy without an observation.
    pub observation: Cow<'a, [f32]>,
}

impl DecisionRecord<'_> {
    /// The same record, with an observation of its own.
    #[must_use]
    pub fn into_owned(self) -> DecisionRecord<'static> {
        let Self { market, time_ms, portfolio_version, action, wanted, fault, withheld, price, intent, logits, .. } = self;
        let observation = Cow::Owned(self.observation.into_owned());
        DecisionRecord {
            market,
            time_ms,
            portfolio_version,
            action,
            wanted,
            fault,
            withheld,
            price,
            intent,
            logits,
            observation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_number_and_word() {
        for (number, reason) in Skip::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number);
            assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{}\"", reason.as_str()));
        }
    }
}
