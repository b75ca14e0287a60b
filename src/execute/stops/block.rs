//! Why a market takes no new risk, and why a session as a whole does not, in words: `decide`'s view of a market, the live
//! line and the report all follow it. What a single order is refused for is the gate's business.

use crate::execute::orders::groups::GroupBlock;

/// What keeps a market from taking new risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Block {
    /// The session stops or has tripped.
    Stopping,
    /// The private stream does not deliver.
    StreamDown,
    /// The account was not read completely yet.
    AccountUnread,
    /// After a gap of the private stream the account was not read again yet.
    GapUnread,
    /// The loss of the day, until its end in session milliseconds.
    DailyLoss {
        /// When the day ends.
        until_ms: i64,
    },
    /// The drawdown, until `resume`.
    Drawdown,
    /// Repeated execution, until `resume`.
    Repeated,
    /// No market is listed to be traded.
    NoMarket,
    /// The market is watched only.
    NotTraded,
    /// A shard takes no orders, by the exchange's status.
    ShardPaused {
        /// The shard.
        exchange_index: u8,
    },
    /// The order group of a shard.
    Group {
        /// The shard.
        exchange_index: u8,
        /// What is the matter with it.
        block: GroupBlock,
    },
    /// The configuration forbids orders there.
    Restricted,
    /// Not open yet.
    NotOpen,
    /// Paused by the exchange.
    Paused,
    /// Past its close.
    Closed,
    /// Too near its close.
    Closing,
    /// Its book cannot be trusted.
    Stale,
    /// After rejects in a row, or a refusal that holds for every order, until a session time in milliseconds.
    Breaker {
        /// When it is tried again.
        until_ms: i64,
    },
    /// What became of an order there is not known.
    Uncertain,
    /// Something of ours there could not be read.
    Unread,
}

impl Block {
    /// In words.
    #[must_use]
    pub fn what(self) -> String {
        let text = match self {
            Self::Stopping => "the session stops",
            Self::StreamDown => "the private stream does not deliver",
            Self::AccountUnread => "the account has not been read yet",
            Self::GapUnread => "the account has not been read again since the private stream was interrupted",
            Self::DailyLoss { .. } => "the daily loss stop was hit",
            Self::Drawdown => "the drawdown stop holds",
            Self::Repeated => "the stop on repeated execution holds",
            Self::NoMarket => "no market to trade is listed",
            Self::NotTraded => "the market is only watched",
            Self::ShardPaused { exchange_index } => {
                return format!("the exchange takes no orders on shard {exchange_index}");
            }
            Self::Group { exchange_index, block } => {
                let state = match block {
                    GroupBlock::Unread => "has not been read yet",
                    GroupBlock::Missing => "has not been made yet",
                    GroupBlock::Triggered { .. } => "is triggered",
                };
                return format!("the order group of shard {exchange_index} {state}");
            }
            Self::Restricted => "the markets are restricted",
            Self::NotOpen => "the markets are not open yet",
            Self::Paused => "the markets are paused",
            Self::Closed => "the markets are closed",
            Self::Closing => "the markets are about to close",
            Self::Stale => "there is no book that can be trusted",
            Self::Breaker { .. } => "the exchange refused orders",
            Self::Uncertain => "what became of an order is not known",
            Self::Unread => "an order of ours, a fill or the position could not be read",
        };
        text.to_owned()
    }

    /// What ends it.
    #[must_use]
    pub fn until(self) -> &'static str {
        match self {
            Self::Stopping => "nothing ends it",
            Self::StreamDown => "it is opened again until it does",
            Self::AccountUnread | Self::GapUnread => "it is read until that succeeds",
            Self::DailyLoss { .. } => "ends with the UTC day (risk.daily_loss_stop)",
            Self::Drawdown => "until `kalshi-actor resume` (risk.max_drawdown)",
            Self::Repeated => "until `kalshi-actor resume` (risk.max_executions)",
            Self::NoMarket => "looked for again every orders.compare_every_ms",
            Self::NotTraded => "until it is asked for",
            Self::ShardPaused { .. } => "until its status says otherwise, read every orders.compare_every_ms",
            Self::Group { block: GroupBlock::Unread, .. } => "it is read with the account",
            Self::Group { block: GroupBlock::Missing, .. } => "tried until the exchange makes it",
            Self::Group { block: GroupBlock::Triggered { reset_ms: Some(_) }, .. } => {
                "reset after orders.group_reset_ms"
            }
            Self::Group { block: GroupBlock::Triggered { reset_ms: None }, .. } => {
                "nothing resets it: orders.group_reset_ms is 0"
            }
            Self::Restricted => "until risk.restricted is changed",
            Self::NotOpen | Self::Paused => "until the exchange opens them, asked every orders.compare_every_ms",
            Self::Closed => "until the next ones open, where a series is followed",
            Self::Closing => "no order that opens within risk.stop_before_close_ms of the close",
            Self::Stale => "snapshots are asked for until they come",
            Self::Breaker { .. } => "tried again after a pause, at most risk.breaker_ms",
            Self::Uncertain => "the exchange is asked until it tells",
            Self::Unread => "until a reading without that agrees",
        }
    }

    /// When it ends by itself, in session milliseconds, where that is known.
    #[must_use]
    pub fn ends_ms(self) -> Option<i64> {
        match self {
            Self::DailyLoss { until_ms } | Self::Breaker { until_ms } => Some(until_ms),
            Self::Group { block: GroupBlock::Triggered { reset_ms }, .. } => reset_ms,
            _ => None,
        }
    }
}

/// Why no market at all takes new risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standstill {
    /// What most of the markets are kept from it by.
    pub block: Block,
    /// How many these are.
    pub markets: usize,
    /// How many markets are traded.
    pub traded: usize,
    /// How long it lasts from now on, in milliseconds of session time, where that is known.
    pub left_ms: Option<i64>,
}
