//! What `decide` reports to the journal: each decision taken, and each that was due but skipped.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Action, Wanted};
use crate::market::{MarketKey, Price};

/// Why a policy's answer was replaced by a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum PolicyFault {
    /// A logit was infinite or NaN.
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

/// Why a due decision was not taken, or why a decision led to no intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Skip {
    /// The book cannot be trusted.
    Stale = 0,
    /// An overflow epoch was raised and is not cleared: the book may have missed an event.
    Epoch,
    /// An intent is waiting for its verdict, or a write is in flight.
    Busy,
    /// A later decision in the same market replaced it because the stage had fallen behind.
    Behind,
    /// No account state was received for this market yet, so `execute` may not know it.
    NotReady,
    /// The market is past its close.
    Closed,
    /// The market accepts no new risk, and the order would add some.
    Blocked,
    /// A price that the pricing needs does not exist.
    NoPrice,
    /// The order may only reduce, and there is no position.
    NothingToReduce,
    /// The ring to `execute` was full, and the intent was dropped.
    RingFull,
    /// The price is not on the market's grid.
    OffGrid,
    /// The count is not one that an order can have.
    BadCount,
    /// A resting quote is at or through the other side's best price, where the exchange would reject it as post-only.
    WouldTake,
    /// The wanted bid is at or above the wanted ask.
    CrossedQuotes,
}

impl Skip {
    /// The number of reasons.
    pub const COUNT: usize = Self::CrossedQuotes as usize + 1;
    /// All reasons, in the order of their discriminants.
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

/// A decision as the journal stores it: what the policy saw, what it chose, and the outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord<'a> {
    pub market: MarketKey,
    /// The time of the frame on which it was taken.
    pub time_ms: i64,
    /// The version of the portfolio on which it was taken.
    pub portfolio_version: u64,
    /// Which of the five actions the policy chose, if it chooses among them.
    pub action: Option<Action>,
    /// The wanted orders; `None` if everything may stay as it is.
    pub wanted: Option<Wanted>,
    /// Why the policy's answer was replaced by a hold.
    pub fault: Option<PolicyFault>,
    /// Why a wanted order led to no intent; the first reason if there are two.
    pub withheld: Option<Skip>,
    /// The limit of the order that was honoured, as a YES price.
    pub price: Option<Price>,
    /// The id of the intent that was sent, or 0.
    pub intent: u64,
    /// The policy's logits, if it has any.
    pub logits: Option<[f32; Action::COUNT]>,
    /// The observation; empty for a policy without one.
    pub observation: Cow<'a, [f32]>,
}

impl DecisionRecord<'_> {
    /// Copies the observation, so that the record borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> DecisionRecord<'static> {
        let Self { market, time_ms, portfolio_version, action, wanted, fault, withheld, price, intent, logits, .. } =
            self;
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
