//! The reference's orders and groups.

use super::commands::Ends;
use super::world::MARKETS;
use crate::exchange::engine::{AccountId, MarketIndex};
use crate::market::{OrderGroupId, OrderId};

/// An account and its subaccount.
pub(super) type Owner = (AccountId, u32);

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one rule of the order, as in the command that placed it")]
pub(super) struct Resting {
    pub(super) id: OrderId,
    pub(super) owner: Owner,
    pub(super) market: MarketIndex,
    pub(super) is_bid: bool,
    pub(super) cents: u16,
    pub(super) units: i64,
    pub(super) filled: i64,
    pub(super) post_only: bool,
    pub(super) maker_yields: bool,
    pub(super) on_pause: bool,
    pub(super) ends_ms: Option<i64>,
    pub(super) group: Option<OrderGroupId>,
    pub(super) name: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) id: OrderGroupId,
    pub(super) owner: Owner,
    pub(super) shard: u8,
    pub(super) limit: i64,
    pub(super) triggered: bool,
    pub(super) gone: bool,
    /// The time and size of each fill since the group was created or reset.
    pub(super) traded: Vec<(i64, i64)>,
}

/// The terms of a new order that matter.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) order: Resting,
    pub(super) kills: bool,
    pub(super) rests: bool,
    pub(super) reduces: bool,
}

/// The terms of an amend.
#[derive(Clone, Debug)]
pub(super) struct Amended {
    pub(super) cents: u16,
    pub(super) units: i64,
    pub(super) ends: Ends,
    pub(super) name: Option<String>,
}

impl Group {
    /// What traded within the last fifteen seconds.
    pub(super) fn recent(&self, now_ms: i64) -> i64 {
        self.traded.iter().filter(|(time_ms, _)| now_ms - time_ms < 15_000).map(|(_, units)| units).sum()
    }
}

impl Resting {
    pub(super) fn shard(&self) -> u8 {
        MARKETS[self.market as usize]
    }

    /// Whether this order, when it comes in, can trade with a resting one.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let within = if self.is_bid { other.cents <= self.cents } else { other.cents >= self.cents };
        other.market == self.market && other.is_bid != self.is_bid && within
    }
}
