//! The refusals that a policy is told of. Its fills and settlements are messages from `execute`.

use crate::market::MarketKey;
use crate::messages::{Skip, Verdict};

/// A wanted order that was withheld, refused or rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnRefusal {
    /// The market of the order.
    pub market: MarketKey,
    /// When it was refused, in session milliseconds.
    pub time_ms: i64,
    /// Why it was refused.
    pub reason: RefusalReason,
}

/// Why a wanted order was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// It was not sent to `execute`, because it cannot be an order or the market takes no new risk.
    Withheld(Skip),
    /// `execute` or the exchange refused it.
    Refused(Verdict),
}

impl RefusalReason {
    /// The name used in files and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Withheld(skip) => skip.as_str(),
            Self::Refused(verdict) => verdict.as_str(),
        }
    }
}
