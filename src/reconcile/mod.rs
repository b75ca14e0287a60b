//! The reconcile stage: turns the private WebSocket and REST reads into facts for `execute`.
//!
//! It owns the directory of markets, the state of the private connection, the reads, and the recognition of duplicate
//! fills. It must neither drop a fill nor block: requests go to a cold helper, one at a time, and while a fact waits
//! for room in the ring to `execute`, [`ReconcileStage::wants_input`] is false and the driver stops reading the socket.
//!
//! # What a fact means
//! * A fill is delivered once, whether it came from the stream or a read first, and always applies at its delivery.
//! * All facts of a read come together between `ReadBegin` and `ReadEnd`, without any facts of the stream between them.
//! * A *rebuild* is a picture of one quiet moment: its balances, positions and orders contain every fill delivered
//!   before its `ReadBegin` and none delivered after its `ReadEnd`. To get that, its reads (balances, positions,
//!   resting orders, then fills) start only after `quiet_ns` without a fill or an order update. They are repeated after
//!   a growing pause if one arrived during the reads, or if the fills that were read include a new one, which is
//!   delivered. None of our orders is placed during a rebuild, so this terminates.
//! * A *comparison* is read in the same order but not repeated: `execute` judges it over a window. `as_of_ms` is the
//!   session time of its first request.
//! * `complete: false` says that pages are missing, so nothing follows from the absence of an element. Rebuilds and the
//!   search for a successor are repeated until they succeed; other reads are given up after a few attempts.
//!
//! # The stream
//! The private channels are subscribed before any of the account is read. When the connection is lost, `Stream{up:
//! false}` is sent. After the next subscription the fills since the newest known one are read and delivered, and only
//! then is `Stream{up: true}` sent. A frame that cannot be parsed may have been a fill, so it leads to the same read.
//! Facts about a market that is not listed wait in order until it is; the market is then listed as watched, not traded.
//!
//! # Watching
//! Nothing depends on the first read alone: the exchange's status and every traded market are read again each
//! `watch_every_ns`, whether or not the account could be read. `feed` gets the listing of each market with its age, so
//! it learns at the latest then that a market has opened on time, that a pause has ended without a frame, or that a
//! close has moved. Markets that were asked for and are not listed, and those whose fees were missing, are requested
//! again at the same time. If a request of such a read fails, it is skipped, and the next read repeats it.
//!
//! # Fees
//! The fee changes that the exchange has announced are read at the start and with every comparison. `execute` is told
//! of every market whose fees they change, and of every fee waiver whose end has moved according to a later read of its
//! market.
//!
//! # Markets
//! A traded market whose fee type or tick grid cannot be represented is refused by name ([`ReconcileStage::problems`]).
//! When a market of a followed series closes, its successor is looked for until one opens: the open market of the
//! series that closes next and is not listed yet.

mod answers;
mod catalog;
mod conclude;
mod config;
mod convert;
mod directory;
mod fees;
mod fetch;
mod job;
mod reads;
mod stage;
mod stream;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unusable_tests;

pub use catalog::{Catalog, CatalogMarket};
pub use config::{DirectoryConfig, ReconcileConfig, ReconcileCounters};
pub use stage::ReconcileStage;
