//! Tells a fill from its duplicates, within a bound.

use std::collections::{HashSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::market::{OrderId, TradeId};

/// The newest fills by (trade, order). Both parties of a trade may be ours, so the trade alone is no key.
#[derive(Debug, Deserialize)]
#[serde(from = "(usize, VecDeque<(TradeId, OrderId)>)")]
pub(super) struct SeenFills {
    members: HashSet<(TradeId, OrderId)>,
    oldest_first: VecDeque<(TradeId, OrderId)>,
    capacity: usize,
}

impl Serialize for SeenFills {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.capacity, &self.oldest_first).serialize(serializer)
    }
}

impl From<(usize, VecDeque<(TradeId, OrderId)>)> for SeenFills {
    fn from((capacity, oldest_first): (usize, VecDeque<(TradeId, OrderId)>)) -> Self {
        Self { members: oldest_first.iter().copied().collect(), oldest_first, capacity }
    }
}

impl SeenFills {
    pub(super) fn new(capacity: usize) -> Self {
        Self { members: HashSet::new(), oldest_first: VecDeque::new(), capacity: capacity.max(1) }
    }

    /// Whether the fill is new; from now on it is not.
    pub(super) fn insert(&mut self, trade: TradeId, order: OrderId) -> bool {
        if !self.members.insert((trade, order)) {
            return false;
        }
        if self.oldest_first.len() == self.capacity
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.members.remove(&oldest);
        }
        self.oldest_first.push_back((trade, order));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fill_is_new_once_for_each_of_its_orders() {
        let mut seen = SeenFills::new(2);
        let (trade, one, other) = (TradeId::from_bits(1), OrderId::from_bits(1), OrderId::from_bits(2));
        assert!(seen.insert(trade, one));
        assert!(!seen.insert(trade, one));
        assert!(seen.insert(trade, other));
        assert!(seen.insert(TradeId::from_bits(2), one), "the oldest is forgotten");
        assert!(seen.insert(trade, one));
    }
}
