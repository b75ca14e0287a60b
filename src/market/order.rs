//! An order's time in force, its status, and why it ended.

use serde::{Deserialize, Serialize};

/// Time in force: how long an order stays open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum TimeInForce {
    /// Rests until filled, cancelled or expired.
    GoodTillCanceled = 0,
    /// Fills what it can at once; the remainder is cancelled.
    ImmediateOrCancel = 1,
    /// Fills completely at once or not at all.
    FillOrKill = 2,
}

impl TimeInForce {
    /// The word used on the wire.
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
    /// Open, with some or all of its count in the book.
    Resting = 0,
    /// Cancelled before it was completely filled.
    Canceled = 1,
    /// Completely filled.
    Executed = 2,
}

/// Why an order ended, as the private stream reports it (protocol page, 3: `last_update_reason`). REST reads do not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum EndReason {
    /// The order has not ended, or the reason was not reported.
    #[default]
    Unsaid = 0,
    /// Completely filled.
    Filled,
    /// Cancelled by its owner, through this program or otherwise, or by its order group: the exchange uses one word for all.
    Owner,
    /// It would have traded against an order of the same owner.
    SelfTrade,
    /// It reached its expiration time.
    Expired,
    /// Its market closed.
    Close,
    /// Its market or the exchange was paused, and the order asked to be cancelled in that case.
    Halt,
    /// The account ran out of collateral.
    Margin,
    /// It was post-only and would have crossed.
    PostOnlyCross,
    /// It was reduce-only, and no position was left to reduce.
    ReduceOnly,
    /// A settlement rule of the exchange ended it.
    SettlementBounds,
    /// An undocumented word.
    Other,
}

impl EndReason {
    /// The number of reasons.
    pub const COUNT: usize = Self::Other as usize + 1;
    /// All reasons, in the order of their discriminants.
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

    /// Maps an order's status, and the stream's `last_update_reason` if there was one, to a reason.
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

    /// The exchange's word for this reason, if it has one to itself.
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
    fn every_documented_reason_is_distinguished_and_an_unknown_word_is_accepted() {
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
