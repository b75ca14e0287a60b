//! What comes out of the engine.

use super::{AccountId, FillRecord, MarketIndex, OrderRecord, PositionRecord, SettlementRecord};
use crate::market::{BookSide, Count, FeeSchedule, OrderGroupId, Outcome, Price, TradeId};

/// The order behind a change of a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelCause {
    /// Whose.
    pub account: AccountId,
    /// Its subaccount.
    pub subaccount: u32,
    /// Its client's id.
    pub client_order_id: Option<String>,
}

/// What happened to an order group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupChange {
    /// It was made, with this limit.
    Created(Count),
    /// It was triggered: its orders are cancelled and it takes no new ones.
    Triggered,
    /// It takes orders again, and counts from zero.
    Reset,
    /// It is gone, and its orders are cancelled.
    Deleted,
    /// It has this limit now.
    LimitUpdated(Count),
}

/// What happened, in the order in which it happened. Drained by the gateway.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A level of the published book changed.
    Level {
        /// Where.
        market: MarketIndex,
        /// The outcome on which the level is a bid.
        side: Outcome,
        /// Its price on that outcome's scale.
        price: Price,
        /// By how much.
        change: Count,
        /// The market's clock: grows with every command that changes its book.
        clock: u64,
        /// The order that caused it; none when a recording did.
        cause: Option<LevelCause>,
        /// When.
        time_ms: i64,
    },
    /// A trade.
    Trade {
        /// Where.
        market: MarketIndex,
        /// The trade.
        trade: TradeId,
        /// YES price.
        price: Price,
        /// Contracts.
        count: Count,
        /// The taker's side.
        taker: BookSide,
        /// When.
        time_ms: i64,
    },
    /// One side of a trade. Not sent for unlimited accounts.
    Fill(FillRecord),
    /// An order changed. Not sent for unlimited accounts.
    Order(OrderRecord),
    /// A position changed. Not sent for unlimited accounts.
    Position {
        /// Whose.
        account: AccountId,
        /// Of which subaccount.
        subaccount: u32,
        /// Where.
        market: MarketIndex,
        /// What it is now.
        position: PositionRecord,
    },
    /// A market paid a subaccount. Not sent for unlimited accounts.
    Settlement(SettlementRecord),
    /// Cash was added to an account, or moved within it.
    Cash {
        /// Whose.
        account: AccountId,
    },
    /// An order group was made, changed or ended. Not sent for unlimited accounts.
    Group {
        /// Whose.
        account: AccountId,
        /// Which.
        group: OrderGroupId,
        /// What happened to it.
        change: GroupChange,
        /// When.
        time_ms: i64,
    },
    /// A market was listed.
    Created {
        /// Which.
        market: MarketIndex,
    },
    /// A market was deactivated or activated by hand.
    Activity {
        /// Which.
        market: MarketIndex,
        /// Whether it is active now.
        active: bool,
        /// When.
        time_ms: i64,
    },
    /// A market's close moved.
    CloseMoved {
        /// Which.
        market: MarketIndex,
        /// To when.
        close_ms: i64,
    },
    /// A market's result is known.
    Determined {
        /// Which.
        market: MarketIndex,
        /// What YES pays.
        value: Price,
        /// When.
        time_ms: i64,
    },
    /// An event's override of its series' fees began or ended.
    FeesOverridden {
        /// Which event.
        event_ticker: String,
        /// What its markets are charged by now; none when the override ended.
        schedule: Option<FeeSchedule>,
    },
    /// A market has paid everyone.
    Settled {
        /// Which.
        market: MarketIndex,
        /// When.
        time_ms: i64,
    },
}
