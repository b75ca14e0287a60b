//! Sides of a book and of a contract.

use serde::{Deserialize, Serialize};

/// A side of the single YES book: a bid buys YES (or closes NO), an ask buys NO (or closes YES).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum BookSide {
    /// Buys YES.
    Bid = 0,
    /// Sells YES, which is buying NO at the complement.
    Ask = 1,
}

impl BookSide {
    /// The other side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Bid => Self::Ask,
            Self::Ask => Self::Bid,
        }
    }

    /// The outcome that the side bets on.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Bid => Outcome::Yes,
            Self::Ask => Outcome::No,
        }
    }

    /// `+1` for a bid and `-1` for an ask: the sign of the position change of a fill.
    #[must_use]
    pub const fn sign(self) -> i64 {
        match self {
            Self::Bid => 1,
            Self::Ask => -1,
        }
    }

    /// The wire's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Ask => "ask",
        }
    }
}

/// One of a market's two outcomes. The wire's book levels are bids on one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Outcome {
    /// The event happens.
    Yes = 0,
    /// It does not.
    No = 1,
}

impl Outcome {
    /// The other outcome.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
        }
    }

    /// The side of the YES book on which a bid for this outcome rests.
    #[must_use]
    pub const fn book_side(self) -> BookSide {
        match self {
            Self::Yes => BookSide::Bid,
            Self::No => BookSide::Ask,
        }
    }

    /// The wire's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
        }
    }
}
