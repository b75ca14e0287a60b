//! Messages about the account, between `reconcile`, `execute` and `decide`.

use serde::{Deserialize, Serialize};

use super::Listing;
use crate::market::{
    BookSide, ClientOrderId, Count, EndReason, FeeTerms, Liquidity, MarketKey, Money, OrderGroupId, OrderId,
    OrderStatus, Price, TradeId,
};

/// An open order of this run in a market, as `decide` needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct OpenOrder {
    /// The unfilled count.
    pub remaining: Count,
    /// The exchange's time of the last acknowledgement, in session milliseconds; `None` before the first.
    pub acked_ms: Option<i64>,
    /// The limit price, as a YES price.
    pub price: Price,
    pub side: BookSide,
}

/// Where a fact about the account came from.
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
    pub trade: TradeId,
    pub order: OrderId,
    pub count: Count,
    pub fee: Money,
    /// The signed position after the fill, if the exchange reported it.
    pub post_position: Option<Count>,
    /// The exchange's time of the fill in session milliseconds.
    pub time_ms: i64,
    /// When the frame or body was read.
    pub read_ns: u64,
    pub market: MarketKey,
    /// The trade's YES price.
    pub price: Price,
    pub side: BookSide,
    pub liquidity: Liquidity,
    pub source: Source,
}

/// The origin of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Owner {
    /// This program, in this run or an earlier one.
    Ours(ClientOrderId),
    /// Anything else that uses the account. Such orders are reported and left alone.
    Foreign,
}

/// An order as the exchange reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct OrderReport {
    pub order: OrderId,
    pub owner: Owner,
    pub filled: Count,
    pub remaining: Count,
    /// The exchange's time of the last change, in session milliseconds.
    pub time_ms: i64,
    /// When the order expires, in session milliseconds, if it does and the exchange says so.
    pub expires_ms: Option<i64>,
    pub market: MarketKey,
    /// The limit price, as a YES price.
    pub price: Price,
    pub side: BookSide,
    pub status: OrderStatus,
    /// Why the order ended, if it has and the exchange says why.
    pub reason: EndReason,
    pub source: Source,
}

/// The state of an order group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum GroupState {
    /// It accepts orders.
    Active = 0,
    /// It has cancelled its orders and accepts no new ones.
    Triggered = 1,
    /// It was deleted.
    Gone = 2,
}

/// An order group of the account, no matter what created it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct GroupReport {
    pub group: OrderGroupId,
    /// The group's limit, where it is reported.
    pub limit: Option<Count>,
    pub state: GroupState,
    pub source: Source,
}

/// The purpose of a REST read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum QueryKind {
    /// Everything that the ledger is built from: exchange status, limits, markets, balances, positions, resting orders, fills.
    Rebuild = 0,
    /// Balances, positions and resting orders, to be compared with the ledger.
    Compare = 1,
    /// The orders and fills of one market since a time, to find out what became of an order.
    Resolve = 2,
    /// Settlements since a time.
    Settlements = 3,
    /// The market that follows this one in its series.
    Successor = 4,
}

/// Messages from `execute` to `reconcile`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExecuteToReconcile {
    /// Asks for a REST read.
    Query(QueryRequest),
}

/// A request to read something from the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(C)]
pub struct QueryRequest {
    /// Chosen by `execute`, and returned in [`AccountEvent::ReadBegin`] and [`AccountEvent::ReadEnd`].
    pub query: u32,
    pub kind: QueryKind,
    /// The market to read; ignored by kinds that concern the whole account.
    pub market: MarketKey,
    /// Read only what happened at or after this session time, for kinds that have a start time.
    pub since_ms: i64,
}

/// Messages from `reconcile` to `execute`: facts about the account. The facts of a read come between its `ReadBegin` and its
/// `ReadEnd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountEvent {
    /// A market was added to the directory.
    Listing(Listing),
    /// A market's present and announced fees. Sent after its listing, and whenever they change.
    Fees {
        market: MarketKey,
        fees: FeeTerms,
    },
    Fill(Fill),
    Order(OrderReport),
    /// A shard's cash. Fills, settlements and transfers change it, resting orders don't.
    Balance {
        exchange_index: u8,
        cash: Money,
    },
    /// A position as the exchange reports it.
    Position {
        market: MarketKey,
        /// The position in signed contracts.
        position: Count,
        /// The position's cost as the exchange reports it.
        cost: Money,
    },
    /// Part of what the account has in a market could not be parsed: an order of this program, a fill, or the position. Occurs
    /// only within a read, which then says nothing else about that market.
    Unusable {
        market: MarketKey,
        what: Unread,
    },
    Settlement {
        market: MarketKey,
        /// The payout of a YES contract.
        value: Price,
        /// The fee of the settlement itself.
        fee: Money,
    },
    /// The write rate limit of the account's tier: a token bucket.
    WriteLimit {
        /// Tokens per second.
        refill: u32,
        /// The largest number of tokens the bucket holds.
        capacity: u32,
    },
    /// The state of an order group of the account.
    Group(GroupReport),
    /// The cost of order writes in tokens.
    WriteCosts {
        create: u32,
        amend: u32,
        /// Per order of a batched cancel.
        cancel: u32,
    },
    /// Whether a shard is trading.
    Trading {
        exchange_index: u8,
        /// Whether the shard accepts orders.
        active: bool,
    },
    /// Whether the private stream delivers. After an interruption the ledger has to be rebuilt.
    Stream {
        /// Connected and subscribed.
        up: bool,
    },
    ReadBegin {
        /// The number from the [`QueryRequest`].
        query: u32,
        kind: QueryKind,
    },
    ReadEnd {
        /// The number from the [`QueryRequest`].
        query: u32,
        kind: QueryKind,
        /// Whether every page was read; if not, the absence of something proves nothing.
        complete: bool,
        /// The session time at which the read's first request was sent: the result is at least as recent as that, less the
        /// exchange's read lag.
        as_of_ms: i64,
    },
    /// The account has a property that the ledger cannot model.
    Unsupported(Unsupported),
    /// The exchange rejected the credentials of a read or a handshake.
    Refused(Refusal),
}

/// How the exchange rejected credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Refusal {
    /// The key is unknown or the signature is wrong.
    Key = 0,
    /// The key lacks the permission.
    Scope = 1,
    /// The exchange reports a wrong time, or no reason at all.
    Unclear = 2,
}

impl Refusal {
    /// Classifies a response's status and error code (protocol page, 1). `None` if it is not about credentials.
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

/// What could not be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Unread {
    /// An order of this program.
    Order = 0,
    /// A fill that was not delivered before.
    Fill = 1,
    Position = 2,
}

/// Why an account is not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Unsupported {
    /// Netting across markets is enabled.
    Netting = 0,
}
