//! What `execute` tells `decide`: the account's state.

use serde::{Deserialize, Serialize};

use super::{OpenOrder, Verdict};
use crate::market::{Count, MarketKey, Money};

/// From `execute` to `decide`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountNote {
    /// The account and one market's part of it.
    Portfolio(PortfolioUpdate),
}

/// The account and one market's part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct PortfolioUpdate {
    /// Grows with every change of the ledger.
    pub version: u64,
    /// Cash that no order has claimed, over all shards that are traded.
    pub available: Money,
    /// Cash promised to open orders.
    pub reserved: Money,
    /// Which market.
    pub market: MarketKey,
    /// Whether a write is in flight there: no intent is expected.
    pub busy: bool,
    /// Whether the market may take new risk; without it only reducing intents are useful.
    pub blocked: bool,
    /// What became of the market's last intent.
    pub verdict: Verdict,
    /// Signed contracts held.
    pub position: Count,
    /// What they cost, fees excluded.
    pub cost: Money,
    /// The market's open order.
    pub open_order: Option<OpenOrder>,
    /// The last intent that got its verdict; 0 before the first.
    pub last_intent: u64,
    /// When the frame or answer that caused this had been read; 0 when none did.
    pub cause_read_ns: u64,
}
