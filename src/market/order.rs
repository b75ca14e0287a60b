//! What an order may be and become.

use serde::{Deserialize, Serialize};

/// How long an order may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum TimeInForce {
    /// Rests until filled, cancelled or expired.
    GoodTillCanceled = 0,
    /// Fills what it can at once; the rest is cancelled.
    ImmediateOrCancel = 1,
    /// Fills entirely at once or not at all.
    FillOrKill = 2,
}

impl TimeInForce {
    /// The wire's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GoodTillCanceled => "good_till_canceled",
            Self::ImmediateOrCancel => "immediate_or_cancel",
            Self::FillOrKill => "fill_or_kill",
        }
    }
}

/// The exchange's status of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum OrderStatus {
    /// In the book.
    Resting = 0,
    /// Ended with something unfilled.
    Canceled = 1,
    /// Filled entirely.
    Executed = 2,
}
