//! What `execute` tells `decide`: the account's state, and what became of our own orders.

use serde::{Deserialize, Serialize};

use super::{OpenOrder, Verdict};
use crate::market::{BookSide, Count, Liquidity, MarketKey, Money, OrderId, Price, TradeId};

/// From `execute` to `decide`. Updates of the portfolio say the whole state, and the newest is enough; fills and settlements
/// are told one by one, in order, each before the update that has it, and none is lost to a full ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountNote {
    /// The account and one market's part of it.
    Portfolio(PortfolioUpdate),
    /// A fill of an order of this run.
    Fill(OwnFill),
    /// A position was settled.
    Settlement(OwnSettlement),
}

/// From `execute` to `decide`: the account and one market's part of it.
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

/// A fill of an order that this run placed. Those of earlier runs and of others only move the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct OwnFill {
    /// The exchange's id of the trade.
    pub trade: TradeId,
    /// The order that was filled.
    pub order: OrderId,
    /// Contracts.
    pub count: Count,
    /// The fee booked for this fill.
    pub fee: Money,
    /// The exchange's time of the fill in session milliseconds.
    pub time_ms: i64,
    /// Which market.
    pub market: MarketKey,
    /// The trade's YES price.
    pub price: Price,
    /// The order's side of the YES book.
    pub side: BookSide,
    /// Maker or taker.
    pub liquidity: Liquidity,
}

/// A position whose market's result is known. Contracts that are found to have filled before the end are told of once more,
/// by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct OwnSettlement {
    /// Signed contracts that were settled.
    pub contracts: Count,
    /// What they had cost, fees excluded.
    pub cost: Money,
    /// What the exchange pays for them.
    pub pays: Money,
    /// When it was booked, in session milliseconds.
    pub time_ms: i64,
    /// Which market.
    pub market: MarketKey,
    /// What a YES contract pays.
    pub value: Price,
}
