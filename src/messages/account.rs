//! What is said of the account: between `reconcile`, `execute` and `decide`.

use serde::{Deserialize, Serialize};

use super::Listing;
use crate::market::{
    BookSide, ClientOrderId, Count, EndReason, FeeTerms, Liquidity, MarketKey, Money, OrderGroupId, OrderId,
    OrderStatus, Price, TradeId,
};

/// Our open order in a market, as `decide` needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct OpenOrder {
    /// What has not filled yet.
    pub remaining: Count,
    /// The exchange's time of its last acknowledgement in session milliseconds; none before the first.
    pub acked_ms: Option<i64>,
    /// Its limit, as a YES price.
    pub price: Price,
    /// Its side of the YES book.
    pub side: BookSide,
}

/// Where an account fact came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Source {
    /// The private WebSocket.
    Stream = 0,
    /// A REST read.
    Read = 1,
}

/// A fill of the account, de-duplicated by (trade, order).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct Fill {
    /// The exchange's id of the trade.
    pub trade: TradeId,
    /// The order that was filled.
    pub order: OrderId,
    /// Contracts.
    pub count: Count,
    /// The fee booked for this fill.
    pub fee: Money,
    /// The signed position after it, when the exchange said.
    pub post_position: Option<Count>,
    /// The exchange's time of the fill in session milliseconds.
    pub time_ms: i64,
    /// When the frame or body had been read.
    pub read_ns: u64,
    /// Which market.
    pub market: MarketKey,
    /// The trade's YES price.
    pub price: Price,
    /// The order's side of the YES book.
    pub side: BookSide,
    /// Maker or taker.
    pub liquidity: Liquidity,
    /// Stream or read.
    pub source: Source,
}

/// Who placed an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Owner {
    /// Us, in this run or an earlier one.
    Ours(ClientOrderId),
    /// Somebody else with this account: reported and left alone.
    Foreign,
}

/// An order as the exchange has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct OrderReport {
    /// The exchange's id.
    pub order: OrderId,
    /// Who placed it.
    pub owner: Owner,
    /// Filled so far.
    pub filled: Count,
    /// Still in the book.
    pub remaining: Count,
    /// The exchange's time of the last change in session milliseconds.
    pub time_ms: i64,
    /// When it ends by itself, in session milliseconds, if it does and the exchange tells.
    pub expires_ms: Option<i64>,
    /// Which market.
    pub market: MarketKey,
    /// Its limit, as a YES price.
    pub price: Price,
    /// Its side.
    pub side: BookSide,
    /// Its status.
    pub status: OrderStatus,
    /// Why it ended, if it has and the exchange says why.
    pub reason: EndReason,
    /// Stream or read.
    pub source: Source,
}

/// Where an order group is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum GroupState {
    /// It takes orders.
    Active = 0,
    /// It cancelled its orders and takes none.
    Triggered = 1,
    /// It was deleted.
    Gone = 2,
}

/// An order group of the account, whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct GroupReport {
    /// Which.
    pub group: OrderGroupId,
    /// Its limit, where that is told.
    pub limit: Option<Count>,
    /// Its state.
    pub state: GroupState,
    /// Stream or read.
    pub source: Source,
}

/// What a REST read was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum QueryKind {
    /// Everything the ledger is built from: exchange status, limits, markets, balances, positions, resting orders, fills.
    Rebuild = 0,
    /// Balances, positions and resting orders, to be compared with the ledger.
    Compare = 1,
    /// Orders and fills of one market since a time, to find out what became of an order.
    Resolve = 2,
    /// Settlements since a time.
    Settlements = 3,
    /// The market that follows this one in its series.
    Successor = 4,
}

/// From `execute` to `reconcile`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExecuteToReconcile {
    /// Something is to be read from the exchange.
    Query(QueryRequest),
}

/// A question to the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct QueryRequest {
    /// The asker's number for it, returned in [`AccountEvent::ReadBegin`] and [`AccountEvent::ReadEnd`].
    pub query: u32,
    /// What to read.
    pub kind: QueryKind,
    /// The market it concerns; ignored by kinds that concern the account.
    pub market: MarketKey,
    /// Only what happened at or after this session time, where the kind has a beginning.
    pub since_ms: i64,
}

/// From `reconcile` to `execute`: a fact about the account. A read's facts stand between its `ReadBegin` and `ReadEnd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountEvent {
    /// A market entered the directory.
    Listing(Listing),
    /// What a market's fills are charged by, now and as far as it is settled: behind its listing, and when that changes.
    Fees {
        /// Which market.
        market: MarketKey,
        /// Its fees.
        fees: FeeTerms,
    },
    /// A fill.
    Fill(Fill),
    /// An order changed, or was read.
    Order(OrderReport),
    /// A shard's cash: fills, settlements and transfers move it, resting orders don't.
    Balance {
        /// Which shard.
        exchange_index: u8,
        /// Its cash.
        cash: Money,
    },
    /// A position as the exchange has it.
    Position {
        /// Which market.
        market: MarketKey,
        /// Signed contracts.
        position: Count,
        /// What the exchange says they cost.
        cost: Money,
    },
    /// Something of the account in a market could not be read: our order there, a fill, or the position. Only within a
    /// read, which says nothing else of that market then.
    Unusable {
        /// Which market.
        market: MarketKey,
        /// What it was.
        what: Unread,
    },
    /// A market settled.
    Settlement {
        /// Which market.
        market: MarketKey,
        /// What a YES contract paid.
        value: Price,
        /// What the settlement itself cost.
        fee: Money,
    },
    /// The write bucket of the account's tier.
    WriteLimit {
        /// Tokens a second.
        refill: u32,
        /// Tokens at most.
        capacity: u32,
    },
    /// What an order group of the account is like.
    Group(GroupReport),
    /// What order writes cost, in tokens.
    WriteCosts {
        /// A create.
        create: u32,
        /// An amend.
        amend: u32,
        /// Each order of a batched cancel.
        cancel: u32,
    },
    /// Whether a shard trades.
    Trading {
        /// Which shard.
        exchange_index: u8,
        /// Whether orders are taken.
        active: bool,
    },
    /// Whether the private stream delivers: after a gap a rebuild is due.
    Stream {
        /// Connected and subscribed.
        up: bool,
    },
    /// A read begins.
    ReadBegin {
        /// The asker's number.
        query: u32,
        /// What is read.
        kind: QueryKind,
    },
    /// A read ended.
    ReadEnd {
        /// The asker's number.
        query: u32,
        /// What was read.
        kind: QueryKind,
        /// Whether every page was read; if not, nothing may be concluded from absence.
        complete: bool,
        /// The session time at which the first request of the read was sent: it shows at least what was true then,
        /// less the exchange's read lag.
        as_of_ms: i64,
    },
    /// The account is one that the ledger cannot model.
    Unsupported(Unsupported),
    /// A read or a handshake was refused for its credentials.
    Refused(Refusal),
}

/// How the exchange refuses credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Refusal {
    /// It does not know the key, or its signature is wrong.
    Key = 0,
    /// The key may not do this.
    Scope = 1,
    /// It says that the time is wrong, or does not say what is.
    Unclear = 2,
}

impl Refusal {
    /// What a status and the exchange's error code say (protocol page, 1); none when they are about something else.
    #[must_use]
    pub fn of(http_status: u16, code: &str) -> Option<Self> {
        match (http_status, code) {
            (401, "" | "header_timestamp_expired") => Some(Self::Unclear),
            (401, _) => Some(Self::Key),
            (403, _) => Some(Self::Scope),
            _ => None,
        }
    }
}

/// What of the account could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Unread {
    /// An order of ours.
    Order = 0,
    /// A fill that was not delivered before.
    Fill = 1,
    /// The position.
    Position = 2,
}

/// Why an account is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Unsupported {
    /// Netting across markets is enabled.
    Netting = 0,
}
