//! The reconcile stage: the private WebSocket and the reads of REST become facts for `execute`.
//!
//! It owns the directory of markets, the private connection's decisions, the reads, and telling fills from their
//! duplicates. It may neither drop a fill nor block: requests go to a cold helper, one at a time, and while a fact
//! waits for room in the ring to `execute`, [`ReconcileStage::wants_input`] is false and the driver stops reading the
//! socket.
//!
//! # What a fact means
//! * A fill is delivered once, whether the stream or a read told first, and always applies when it is delivered.
//! * All facts of a read stand together between `ReadBegin` and `ReadEnd`, with nothing of the stream between them.
//! * A *rebuild* is a picture of one quiet moment: every fill delivered before its `ReadBegin` is contained in its
//!   balances, positions and orders, and no fill delivered after its `ReadEnd` is. To get it, its reads (balances,
//!   positions, resting orders, then fills) begin only after `quiet_ns` without a fill or a change of an order, and are
//!   repeated after a growing pause when one arrived meanwhile or the fills that were read hold one not seen before,
//!   which is delivered. Nothing of ours is placed while the ledger is being rebuilt, so this ends.
//! * A *comparison* is read in the same order but not repeated: `execute` judges it over a window. `as_of_ms` is the
//!   session time of its first request.
//! * `complete: false` says that pages are missing, so that nothing follows from what is absent. A rebuild and the search
//!   for a successor go on for ever; the others are left to the asker after a few attempts.
//!
//! # The stream
//! The private channels are subscribed before anything of the account is read. When the connection is lost `Stream{up:
//! false}` says so; after the next subscription the fills since the newest known one are read and delivered, and only
//! then `Stream{up: true}`. A frame that cannot be read may have been a fill: it leads to the same reading. Facts of a
//! market that is not listed wait until it is, in their order, and the market is listed as watched, not traded.
//!
//! # Watching
//! Whatever the start read, a later reading lifts: the exchange's status and every traded market are read again each
//! `watch_every_ns`, whether the account could be read or not. `feed` gets the listing of each market, with its age: a market
//! that opens by time, a pause whose end no frame told, and a close that was moved are known then at the latest. Markets that were
//! asked for and are not listed, and those whose fees were not told, are asked for again at the same time. A request of such a
//! reading that fails is left out: the next one repeats it.
//!
//! # Fees
//! The changes of fees that the exchange has settled are read at the start and with every comparison. `execute` is told of
//! every market whose fees they change, and of every waiver that ends at another time by a later reading of its market.
//!
//! # Markets
//! A traded market whose fee type or tick grid cannot be represented is refused by name ([`ReconcileStage::problems`]).
//! When a market of a followed series closes, its successor is looked for until one opens: the open market of the series
//! that closes next and is not listed yet.

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
