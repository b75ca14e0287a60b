//! A trading actor for Kalshi event contracts: order books from the exchange's WebSocket, a policy that decides, limit
//! orders, and a ledger that agrees with the exchange to the micro-dollar. An exchange that behaves as Kalshi does is
//! included.
//!
//! # A strategy of your own
//!
//! Implement [`strategy::Policy`], and trade: on the embedded exchange, on recorded markets, on paper, or for real. The
//! ledger, risk gate, leases, kill line, journal and report are the same for every strategy.
//!
//! ```
//! # use std::time::Duration;
//! use kalshi_actor::market::Count;
//! use kalshi_actor::strategy::{Answer, Policy, PolicyIdentity, PolicyTerms, View};
//! use kalshi_actor::{Config, Session};
//!
//! /// Always bids for one contract at the touch.
//! struct Bidder(PolicyTerms);
//!
//! impl Policy for Bidder {
//!     fn identity(&self) -> PolicyIdentity {
//!         PolicyIdentity::named("bidder/1")
//!     }
//!
//!     fn terms(&self) -> &PolicyTerms {
//!         &self.0
//!     }
//!
//!     fn decide(&mut self, view: &View<'_>) -> Answer {
//!         view.touch.bid.map_or(Answer::leave(), |bid| Answer::bid(bid, Count::from_contracts(1)))
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Two seconds on the generated markets of an embedded exchange.
//! # let folder = tempfile::tempdir()?;
//! let session = Session::builder(Config::default()).duration(Duration::from_secs(2));
//! # let session = session.folder(folder.path());
//! let report = session.run(Bidder(PolicyTerms::unobserved()))?;
//! println!("{}", report.report());
//! assert!(report.is_success());
//! # Ok(())
//! # }
//! ```
//!
//! # Reading a session's journal
//!
//! ```
//! use std::path::Path;
//!
//! use kalshi_actor::JournalReader;
//!
//! /// Counts the records of a journal by kind.
//! fn count(folder: &Path) -> Result<std::collections::BTreeMap<String, u64>, kalshi_actor::JournalError> {
//!     let mut reader = JournalReader::open(&folder.join("journal"))?;
//!     let mut counts = std::collections::BTreeMap::new();
//!     while let Some(record) = reader.next_record()? {
//!         *counts.entry(format!("{:?}", record.kind)).or_default() += 1;
//!     }
//!     Ok(counts)
//! }
//!
//! let error = count(Path::new("no-session")).unwrap_err();
//! assert!(error.to_string().contains("no-session"));
//! ```
//!
//! [`replay`] runs a recorded session through the same stages again, [`Campaign`] runs a strategy under faults, and
//! [`exchange::Exchange::builder`] starts an exchange in a test of your own.
//!
//! `docs/architecture.md` describes how the parts fit together; each module describes itself at the top of its file.
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | none | the vocabulary: [`market`], [`book`], `wire`, `messages` |
//! | `exchange` | the embedded exchange, and readers for the recordings and journals that it plays |
//! | `trader` | stages, drivers, sessions, campaigns and replay; includes `exchange` |
//! | `cli` (default) | the command `kalshi-actor`; includes `trader` |

// Re-exports may be there for tests alone. Code that only tests call is dead code, unless an attribute gives a reason.
#![cfg_attr(not(feature = "internals"), allow(unused_imports))]
// Documentation is required of what users can reach, which is checked in builds without the feature.
#![cfg_attr(feature = "internals", allow(missing_docs))]
// Without the trader, parts of the vocabulary are unused.
#![cfg_attr(not(feature = "trader"), allow(unused))]

#[macro_use]
#[doc(hidden)]
pub mod planted;

pub mod book;
#[cfg(feature = "exchange")]
pub mod exchange;
pub mod market;

// The public API is re-exported below. These modules are open only to this repository's own tests and benches, through the
// feature `internals`. Each is declared twice, and not by a macro, since rustfmt does not look into macros.

#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod clock;
#[cfg(not(feature = "internals"))]
mod clock;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod files;
#[cfg(not(feature = "internals"))]
mod files;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod messages;
#[cfg(not(feature = "internals"))]
mod messages;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod wire;
#[cfg(not(feature = "internals"))]
mod wire;

#[cfg(all(feature = "exchange", feature = "internals"))]
#[doc(hidden)]
pub mod record;
#[cfg(all(feature = "exchange", not(feature = "internals")))]
mod record;

#[cfg(all(feature = "trader", feature = "internals"))]
#[doc(hidden)]
pub mod backoff;
#[cfg(all(feature = "trader", not(feature = "internals")))]
mod backoff;
#[cfg(all(feature = "trader", feature = "internals"))]
#[doc(hidden)]
pub mod checkpoint;
#[cfg(all(feature = "trader", not(feature = "internals")))]
mod checkpoint;
#[cfg(all(feature = "trader", feature = "internals"))]
#[doc(hidden)]
pub mod config;
#[cfg(all(feature = "trader", not(feature = "internals")))]
mod config;
#[cfg(all(feature = "trader", feature = "internals"))]
#[doc(hidden)]
pub mod decide;
#[cfg(all(feature = "trader", not(feature = "internals")))]
mod decide;
#[cfg(all(feature = "trader", feature = "internals"))]
#[doc(hidden)]
pub mod drivers;
#[cfg(all(feature = "trader", not(feature = "internals")))]
mod drivers;
#[cfg(all(feature = "trader", feature = "internals"))]
#[doc(hidden)]
pub mod execute;
#[cfg(all(feature = "trader", not(feature = "internals")))]
mod execute;
#[cfg(all(feature = "trader", feature = "internals"))]
#[doc(hidden)]
pub mod feed;
#[cfg(all(feature = "trader", not(feature = "internals")))]
mod feed;
#[cfg(all(feature = "trader", feature = "internals"))]
#[doc(hidden)]
pub mod host;
#[cfg(all(feature = "trader", not(feature = "internals")))]
mod host;
#[cfg(all(feature = "trader", feature = "internals"))]
#[doc(hidden)]
pub mod kill;
#[cfg(all(feature = "trader", not(feature = "internals")))]
mod kill;
#[cfg(all(feature = "trader", feature = "internals"))]
#[doc(hidden)]
pub mod link;
#[cfg(all(feature = "trader", not(feature = "internals")))]
mod link;
#[cfg(all(feature = "trader", feature = "internals"))]
#[doc(hidden)]
pub mod network;
#[cfg(all(feature = "trader", not(feature = "internals")))]
mod network;
#[cfg(all(feature = "trader", feature = "internals"))]
#[doc(hidden)]
pub mod ports;
#[cfg(all(feature = "trader", not(feature = "internals")))]
mod ports;
#[cfg(all(feature = "trader", feature = "internals"))]
#[doc(hidden)]
pub mod reconcile;
#[cfg(all(feature = "trader", not(feature = "internals")))]
mod reconcile;
#[cfg(all(feature = "trader", feature = "internals"))]
#[doc(hidden)]
pub mod seen_fills;
#[cfg(all(feature = "trader", not(feature = "internals")))]
mod seen_fills;
#[cfg(all(feature = "trader", feature = "internals"))]
#[doc(hidden)]
pub mod session;
#[cfg(all(feature = "trader", not(feature = "internals")))]
mod session;
#[cfg(all(feature = "trader", feature = "internals"))]
#[doc(hidden)]
pub mod tape;
#[cfg(all(feature = "trader", not(feature = "internals")))]
mod tape;

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;

/// Everything that a strategy of your own needs. A strategy implements [`Policy`](strategy::Policy), and sessions,
/// campaigns and replays take it. `docs/strategies.md` describes how to write one.
#[cfg(feature = "trader")]
pub mod strategy {
    pub use crate::decide::observation::{
        CivilHour, OBS52, ObservationInput, OpenOrders, Point, PointHistory, Portfolio, Schema, SchemaError, TOUCH8,
    };
    pub use crate::decide::policy::{
        AccountSums, ActionTerms, Answer, AnyPolicy, Choice, HoldPolicy, MakerPolicy, MemoryError, OnnxPolicy,
        OwnOrder, OwnOrders, OwnRefusal, Policy, PolicyError, PolicyIdentity, PolicyRecord, PolicySpec, PolicyTerms,
        RefusalReason, ScriptPolicy, Settings, SettingsError, TermsError, Touch, UnusableTerms, View, restore_memory,
        save_memory,
    };
    pub use crate::decide::{TRADES_KEPT, TradePrint, Trades};
    pub use crate::messages::{
        Action, OwnFill, OwnSettlement, PolicyFault, Pricing, Quote, QuoteLife, Skip, Verdict, Wanted,
    };
}

#[cfg(feature = "trader")]
pub use config::{Config, ConfigError};
#[cfg(feature = "trader")]
pub use drivers::campaign::{Campaign, Faults, SeedReport, Violation};
#[cfg(feature = "trader")]
pub use drivers::replay::{Difference, Replay, ReplayError, replay};
#[cfg(feature = "trader")]
pub use drivers::simulation::{
    FaultRates, History, Instruments, Observer, Ring, SentRequest, Simulation, SimulationConfig, Trouble, Turn,
};
#[cfg(feature = "trader")]
pub use drivers::stages::{Stages, Start, build_stages};
#[cfg(feature = "trader")]
pub use host::signals::Signals;
#[cfg(feature = "exchange")]
pub use record::journal::{JournalError, JournalReader, Record};
#[cfg(feature = "trader")]
pub use record::summary::Summary;
#[cfg(feature = "trader")]
pub use session::{Session, SessionBuilder, SessionError, SessionReport, Shown, configured_exchange};
pub use wire::sign::Credentials;
