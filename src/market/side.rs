//! Sides of the book, and outcomes of a contract.

use serde::{Deserialize, Serialize};

/// A side of the unified YES book: a bid buys YES (or closes NO), an ask buys NO (or closes YES).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum BookSide {
    /// Buys YES.
    Bid = 0,
    /// Sells YES, which is the same as buying NO at the complement.
    Ask = 1,
}

impl BookSide {
    /// The opposite side.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Bid => Self::Ask,
            Self::Ask => Self::Bid,
        }
    }

    /// The outcome that an order on this side profits from.
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        match self {
            Self::Bid => Outcome::Yes,
            Self::Ask => Outcome::No,
        }
    }

    /// `+1` for a bid and `-1` for an ask: the sign by which a fill changes the position.
    #[must_use]
    pub const fn sign(self) -> i64 {
        match self {
            Self::Bid => 1,
            Self::Ask => -1,
        }
    }

    /// The word used on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Ask => "ask",
        }
    }
}

/// One of a market's two outcomes. Book levels on the wire are bids for one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Outcome {
    /// The contract resolves to YES.
    Yes = 0,
    /// The contract resolves to NO.
    No = 1,
}

impl Outcome {
    /// The opposite outcome.
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

    /// The word used on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
        }
    }
}
