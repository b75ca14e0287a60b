//! The feed stage: from the frames of the public WebSocket to [`BookEvent`](crate::messages::BookEvent)s for `decide`
//! and [`MarketStatus`](crate::messages::MarketStatus)es for `execute`.
//!
//! It owns the public connection's decisions, the subscriptions, the sequence number of each, the table from ticker to
//! market, and each market's phase of life. It may not wait for another stage, keep books, or apply a frame of an
//! earlier connection.
//!
//! # When a book is right
//! A book is fresh from its snapshot on and stale again as soon as anything is in doubt. A jump of the book
//! subscription's seq, a frame that cannot be read, a book frame of an unknown market, and a level that `decide`
//! reports as impossible put *every* book of the subscription in doubt, because they share one sequence. Deltas of a
//! stale book are dropped: the snapshot that will be asked for is numbered in the same stream and contains them. A
//! snapshot that was already asked for when the doubt arose is still good, since it comes later in the stream.
//!
//! The remedies grow: `get_snapshot`; if it does not come in time, ending the subscription and opening it again; then a
//! new connection. A market whose snapshots fail even so, or whose fresh snapshot is itself impossible, is asked for
//! alone with growing pauses and no longer disturbs the others.
//!
//! # How many snapshots at a time
//! A snapshot is asked for only with an empty level buffer in hand, so at most `snapshots_in_flight` are under way and
//! none is thrown away for want of a buffer. Markets enter the book subscription in chunks of that size.
//!
//! # A full ring
//! An event that `decide` cannot take puts its market among those it must be told are stale, and raises the overflow
//! epoch, which `decide` reads before each decision. As there is room again those markets are marked `Stale`, then
//! `EpochCleared` follows; only then are snapshots asked for again. Life cycle and freshness go to `execute` as whole
//! conditions, market by market, until delivered.
//!
//! # Life cycle
//! Opening and closing by time send no frame: a market closes at its close time on the session clock, and one that was
//! listed before its opening counts as open with its first delta or trade. A new tick grid is announced to `decide` by
//! listing the market again with the same key. Some time after its determination a market is unsubscribed and
//! delisted. A gap on the trade subscription loses trades only; one on the life-cycle subscription may lose a
//! determination, which the settlements that `reconcile` reads bring as well. Both are counted.

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
