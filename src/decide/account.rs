//! The account in one market, as last reported by `execute`, and the intent that is waiting for its verdict.

use serde::{Deserialize, Serialize};

use crate::market::{Count, MarketKey};
use crate::messages::{OpenOrder, PortfolioUpdate};

/// An intent that is waiting for its verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outstanding {
    pub(super) intent: u64,
    /// When the newest frame it was decided on was read, in monotonic nanoseconds.
    pub(super) newest_read_ns: u64,
}

/// The account in one market. This is kept apart from the market, since updates may come before the listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    /// The key of the market, once known.
    key: Option<MarketKey>,
    pub(super) position: Count,
    pub(super) open_order: Option<OpenOrder>,
    pub(super) blocked: bool,
    /// Whether `execute` has reported the market. Before that, the market may be unknown there and an intent would get
    /// no verdict.
    pub(super) reported: bool,
    write_in_flight: bool,
    outstanding: Option<Outstanding>,
}

/// What an update changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Learned {
    /// Whether the position changed.
    pub(super) position_changed: bool,
    /// The intent that got its verdict, if one did.
    pub(super) answered: Option<Outstanding>,
}

impl Account {
    /// Whether this is the account in that market. A later generation replaces the state of an earlier one.
    pub(super) fn belongs_to(&mut self, key: MarketKey) -> bool {
        // Generations wrap, so the later one is the one less than half the range ahead.
        let later = self.key.is_none_or(|known| (1..0x8000).contains(&key.generation.wrapping_sub(known.generation)));
        if later {
            *self = Self { key: Some(key), ..Self::default() };
        }
        self.key == Some(key)
    }

    /// Whether no intent may be sent: one is waiting for its verdict, or a write is in flight.
    pub(super) fn busy(&self) -> bool {
        self.write_in_flight || self.outstanding.is_some()
    }

    pub(super) fn sent(&mut self, outstanding: Outstanding) {
        self.outstanding = Some(outstanding);
    }

    pub(super) fn update(&mut self, update: &PortfolioUpdate) -> Learned {
        let answered = self.outstanding.filter(|outstanding| update.last_intent >= outstanding.intent);
        if answered.is_some() {
            self.outstanding = None;
        }
        let position_changed = self.position != update.position;
        self.position = update.position;
        self.open_order = update.open_order;
        self.blocked = update.blocked;
        self.reported = true;
        self.write_in_flight = update.busy;
        Learned { position_changed, answered }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(generation: u16) -> MarketKey {
        MarketKey { index: 3, generation }
    }

    #[test]
    fn a_later_generation_starts_afresh_and_an_earlier_one_is_refused() {
        let mut account = Account::default();
        assert!(account.belongs_to(key(7)));
        account.position = Count::from_contracts(1);
        assert!(account.belongs_to(key(7)));
        assert_eq!(account.position, Count::from_contracts(1));
        assert!(account.belongs_to(key(8)));
        assert_eq!(account.position, Count::ZERO);
        assert!(!account.belongs_to(key(7)));
        assert!(account.belongs_to(key(8)));
    }

    #[test]
    fn generations_may_wrap() {
        let mut account = Account::default();
        assert!(account.belongs_to(key(u16::MAX)));
        assert!(account.belongs_to(key(0)));
        assert!(!account.belongs_to(key(u16::MAX)));
    }
}
