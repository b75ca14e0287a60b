//! What a policy is told beside what it sees when it decides: that something it wanted is refused. Its own fills and
//! settlements are messages of `execute`.

use crate::market::MarketKey;
use crate::messages::{Skip, Verdict};

/// Something that a policy wanted and that is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnRefusal {
    /// In which market.
    pub market: MarketKey,
    /// When, in session milliseconds.
    pub time_ms: i64,
    /// Why.
    pub reason: RefusalReason,
}

/// Why something that a policy wanted is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// It was not sent to `execute`: it cannot be an order, or the market takes no new risk.
    Withheld(Skip),
    /// `execute` or the exchange refused it.
    Refused(Verdict),
}

impl RefusalReason {
    /// The word used in files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Withheld(skip) => skip.as_str(),
            Self::Refused(verdict) => verdict.as_str(),
        }
    }
}
