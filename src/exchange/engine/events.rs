//! The engine's output.

use super::{AccountId, FillRecord, MarketIndex, OrderRecord, PositionRecord, SettlementRecord};
use crate::market::{BookSide, Count, FeeSchedule, OrderGroupId, Outcome, Price, TradeId};

/// The order that caused a change of a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelCause {
    /// Its account.
    pub account: AccountId,
    /// Its subaccount.
    pub subaccount: u32,
    /// Its client order id.
    pub client_order_id: Option<String>,
}

/// A change of an order group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupChange {
    /// It was created, with this limit.
    Created(Count),
    /// It was triggered: its orders are cancelled, and it accepts no new ones.
    Triggered,
    /// It accepts orders again, and counts from zero.
    Reset,
    /// It was deleted, and its orders are cancelled.
    Deleted,
    /// Its limit was changed to this.
    LimitUpdated(Count),
}

/// Something that happened. Events come in the order in which they happened, and are drained by the gateway.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A level of the published book changed.
    Level {
        /// The market of the book.
        market: MarketIndex,
        /// The outcome that the level bids for.
        side: Outcome,
        /// The level's price, on that outcome's scale.
        price: Price,
        /// The change of the level's size.
        change: Count,
        /// The market's clock, which increases with every command that changes its book.
        clock: u64,
        /// The order that caused the change; `None` if it was a recording.
        cause: Option<LevelCause>,
        /// The time of the change, in session milliseconds.
        time_ms: i64,
    },
    /// A trade was printed.
    Trade {
        /// The market of the trade.
        market: MarketIndex,
        /// The id of the trade.
        trade: TradeId,
        /// The YES price.
        price: Price,
        /// The number of contracts.
        count: Count,
        /// The taker's side of the YES book.
        taker: BookSide,
        /// The time of the trade, in session milliseconds.
        time_ms: i64,
    },
    /// One side of a trade was booked. Not sent for unlimited accounts.
    Fill(FillRecord),
    /// An order changed. Not sent for unlimited accounts.
    Order(OrderRecord),
    /// A position changed. Not sent for unlimited accounts.
    Position {
        /// The account of the position.
        account: AccountId,
        /// Its subaccount.
        subaccount: u32,
        /// The market of the position.
        market: MarketIndex,
        /// The position after the change.
        position: PositionRecord,
    },
    /// A market paid a subaccount. Not sent for unlimited accounts.
    Settlement(SettlementRecord),
    /// Cash was added to an account, or moved within it.
    Cash {
        /// The account of the cash.
        account: AccountId,
    },
    /// An order group was created, changed or ended. Not sent for unlimited accounts.
    Group {
        /// The owner of the group.
        account: AccountId,
        /// The id of the group.
        group: OrderGroupId,
        /// What happened to it.
        change: GroupChange,
        /// The time of the change, in session milliseconds.
        time_ms: i64,
    },
    /// A market was listed.
    Created {
        /// The listed market.
        market: MarketIndex,
    },
    /// A market was deactivated or activated by request.
    Activity {
        /// The market concerned.
        market: MarketIndex,
        /// Whether it is active now.
        active: bool,
        /// The time of the change, in session milliseconds.
        time_ms: i64,
    },
    /// A market's close was moved.
    CloseMoved {
        /// The market concerned.
        market: MarketIndex,
        /// The new close, in session milliseconds.
        close_ms: i64,
    },
    /// A market's result became known.
    Determined {
        /// The market concerned.
        market: MarketIndex,
        /// The payout of a YES contract.
        value: Price,
        /// The time of the determination, in session milliseconds.
        time_ms: i64,
    },
    /// An event's override of its series' fees began or ended.
    FeesOverridden {
        /// The ticker of the event.
        event_ticker: String,
        /// The fees of its markets from now on; `None` if the override ended.
        schedule: Option<FeeSchedule>,
    },
    /// A market has paid all positions.
    Settled {
        /// The market concerned.
        market: MarketIndex,
        /// The time of the payment, in session milliseconds.
        time_ms: i64,
    },
}
