//! The feed stage: turns the frames of the public WebSocket into [`BookEvent`](crate::messages::BookEvent)s for
//! `decide` and [`MarketStatus`](crate::messages::MarketStatus)es for `execute`.
//!
//! It owns the state of the public connection, the subscriptions and their sequence numbers, the table of markets, and
//! each market's phase. It must not wait for another stage, keep books, or apply a frame of an earlier connection.
//!
//! # When a book is fresh
//! A book is fresh once its snapshot has come, and stale as soon as anything is in doubt. A gap in the book
//! subscription's seq, a frame that cannot be read, a book frame of an unknown market, and a level that `decide`
//! reports as impossible each make *every* book of the subscription stale, because all share one sequence. Deltas of a
//! stale book are dropped: the snapshot that will be requested has a later number in the same sequence and contains
//! them. A snapshot that had already been requested is still good, since it comes later in the sequence.
//!
//! The remedies escalate: first `get_snapshot`; if no snapshot comes in time, the subscription is ended and reopened;
//! then the connection is replaced. A market whose snapshots still fail, or whose fresh snapshot is itself impossible,
//! is requested alone with growing pauses and no longer affects the others.
//!
//! # How many snapshots at a time
//! A snapshot is requested only when an empty level buffer is available, so at most `snapshots_in_flight` are in flight
//! and none is discarded for lack of a buffer. Markets are added to the book subscription in chunks of that size.
//!
//! # A full ring
//! When `decide` cannot take an event, its market is recorded as one that `decide` must be told is stale, and the
//! overflow epoch is raised, which `decide` reads before each decision. Once there is room again, those markets are
//! marked `Stale` and `EpochCleared` follows; only then are snapshots requested again. Life cycle and freshness go to
//! `execute` as complete statuses, market by market, until delivered.
//!
//! # Life cycle
//! No frame announces that a market opens or closes on time: a market closes at its close time on the session clock,
//! and one that was listed before its opening counts as open with its first delta or trade. A new tick grid is
//! announced to `decide` by listing the market again with the same key. Some time after its determination a market is
//! unsubscribed and delisted. A gap on the trade subscription loses only trades; one on the life-cycle subscription may
//! lose a determination, which the settlements that `reconcile` reads also bring. Both are counted.

mod channels;
mod config;
mod deliver;
mod frames;
mod lifecycle;
mod market_set;
mod markets;
mod rehearsal;
mod replies;
mod resync;
mod stage;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use config::{FeedConfig, FeedCounters};
pub use stage::FeedStage;
