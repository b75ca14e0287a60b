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

/// Why an order ended, as the private stream says it (protocol page, 3: `last_update_reason`). Reads do not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum EndReason {
    /// Not said, or not ended.
    #[default]
    Unsaid = 0,
    /// Filled entirely.
    Filled,
    /// Cancelled by its owner, from here or by hand, or by its order group: the exchange has one word for them.
    Owner,
    /// It would have traded with an order of the same owner.
    SelfTrade,
    /// Its expiration came.
    Expired,
    /// Its market closed.
    Close,
    /// Its market or the exchange paused, and it was to be cancelled then.
    Halt,
    /// Collateral ran out.
    Margin,
    /// A post-only order would have traded at once.
    PostOnlyCross,
    /// A reduce-only order had nothing left to reduce.
    ReduceOnly,
    /// A settlement rule of the exchange.
    SettlementBounds,
    /// A word that is not documented.
    Other,
}

impl EndReason {
    /// How many there are.
    pub const COUNT: usize = Self::Other as usize + 1;
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Unsaid,
        Self::Filled,
        Self::Owner,
        Self::SelfTrade,
        Self::Expired,
        Self::Close,
        Self::Halt,
        Self::Margin,
        Self::PostOnlyCross,
        Self::ReduceOnly,
        Self::SettlementBounds,
        Self::Other,
    ];

    /// Of an order with that status and, from the stream, that `last_update_reason`.
    #[must_use]
    pub fn of(status: OrderStatus, reason: Option<&str>) -> Self {
        match (status, reason) {
            (OrderStatus::Resting, _) | (OrderStatus::Canceled, None) => Self::Unsaid,
            (OrderStatus::Executed, _) => Self::Filled,
            (OrderStatus::Canceled, Some(word)) => {
                Self::ALL.into_iter().find(|reason| reason.wire_word() == Some(word)).unwrap_or(Self::Other)
            }
        }
    }

    /// The exchange's word for it, where it has one of its own.
    #[must_use]
    pub const fn wire_word(self) -> Option<&'static str> {
        match self {
            Self::Owner => Some("Decrease"),
            Self::SelfTrade => Some("SelfTradeCancel"),
            Self::Expired => Some("ExpiryCancel"),
            Self::Close => Some("CloseCancel"),
            Self::Halt => Some("HaltCancel"),
            Self::Margin => Some("MarginCancel"),
            Self::PostOnlyCross => Some("PostOnlyCrossCancel"),
            Self::ReduceOnly => Some("ReduceOnlyCancel"),
            Self::SettlementBounds => Some("SettlementBoundsCancel"),
            Self::Unsaid | Self::Filled | Self::Other => None,
        }
    }

    /// The word used in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unsaid => "unsaid",
            Self::Filled => "filled",
            Self::Owner => "owner",
            Self::SelfTrade => "self_trade",
            Self::Expired => "expired",
            Self::Close => "close",
            Self::Halt => "halt",
            Self::Margin => "margin",
            Self::PostOnlyCross => "post_only_cross",
            Self::ReduceOnly => "reduce_only",
            Self::SettlementBounds => "settlement_bounds",
            Self::Other => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_of_the_protocol_page_is_told_apart_and_an_unknown_word_is_no_error() {
        for (position, reason) in EndReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, position);
            if let Some(word) = reason.wire_word() {
                assert_eq!(EndReason::of(OrderStatus::Canceled, Some(word)), reason);
            }
        }
        assert_eq!(EndReason::of(OrderStatus::Canceled, Some("MoonCancel")), EndReason::Other);
        assert_eq!(EndReason::of(OrderStatus::Canceled, None), EndReason::Unsaid);
        assert_eq!(EndReason::of(OrderStatus::Executed, Some("Trade")), EndReason::Filled);
        assert_eq!(EndReason::of(OrderStatus::Resting, Some("Decrease")), EndReason::Unsaid);
    }
}
