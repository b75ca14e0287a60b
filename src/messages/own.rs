//! What `execute` tells `decide`: the account's state, and the fate of this program's own orders.

use serde::{Deserialize, Serialize};

use super::{OpenOrder, Verdict};
use crate::market::{BookSide, Count, Liquidity, MarketKey, Money, OrderId, Price, TradeId};

/// Messages from `execute` to `decide`. A portfolio update carries the whole state, so the newest one suffices. Fills and
/// settlements are sent one by one, in order, each before the update that includes it, and a full ring loses none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountNote {
    /// The account, and one market's share of it.
    Portfolio(PortfolioUpdate),
    /// A fill of an order of this run.
    Fill(OwnFill),
    /// A position was settled.
    Settlement(OwnSettlement),
}

/// The account, and one market's share of it. From `execute` to `decide`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct PortfolioUpdate {
    /// Increases with every change of the ledger.
    pub version: u64,
    /// Cash not reserved for orders, over all shards that are traded.
    pub available: Money,
    /// Cash reserved for open orders.
    pub reserved: Money,
    pub market: MarketKey,
    /// Whether a write is in flight in the market; no intent is expected meanwhile.
    pub busy: bool,
    /// Whether the market accepts no new risk, so that only reducing intents make sense.
    pub blocked: bool,
    /// The outcome of the market's last intent.
    pub verdict: Verdict,
    /// The position in signed contracts.
    pub position: Count,
    /// The position's cost, without fees.
    pub cost: Money,
    /// The market's open order.
    pub open_order: Option<OpenOrder>,
    /// The last intent that got its verdict; 0 before the first.
    pub last_intent: u64,
    /// When the frame or response that caused this was read; 0 if there was none.
    pub cause_read_ns: u64,
}

/// A fill of an order that this run placed. Fills of other orders only change the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct OwnFill {
    /// The exchange's id of the trade.
    pub trade: TradeId,
    /// The exchange's id of the order.
    pub order: OrderId,
    /// The number of contracts, above zero.
    pub count: Count,
    /// The fee booked for this fill.
    pub fee: Money,
    /// The exchange's time of the fill, in session milliseconds.
    pub time_ms: i64,
    /// The market of the order.
    pub market: MarketKey,
    /// The trade's YES price.
    pub price: Price,
    /// The order's side of the YES book.
    pub side: BookSide,
    /// Whether the order was maker or taker.
    pub liquidity: Liquidity,
}

/// A settled position. If contracts turn out later to have filled before the market's end, they are reported in a
/// settlement of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct OwnSettlement {
    /// The settled position in signed contracts.
    pub contracts: Count,
    /// The position's cost, without fees.
    pub cost: Money,
    /// What the exchange pays for the position.
    pub pays: Money,
    /// When the settlement was booked, in session milliseconds.
    pub time_ms: i64,
    /// The settled market.
    pub market: MarketKey,
    /// The payout of a YES contract.
    pub value: Price,
}
