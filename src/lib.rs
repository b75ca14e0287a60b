//! A trading actor for Kalshi event contracts: books from the exchange's WebSocket, a policy that decides, limit orders,
//! and a ledger that agrees with the exchange to the micro-dollar. With it comes the exchange itself, embedded.
//!
//! # A strategy of your own
//!
//! Implement [`strategy::Policy`], and trade: on the embedded exchange, on recorded markets, on paper, or for real. Ledger,
//! risk gate, leases, kill line, journal and report are the same for every strategy.
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
//! // Two seconds on generated markets of an exchange of its own.
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
//! /// How many records of every kind a journal has.
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
//! [`replay`] runs a recorded session through the same stages again, and [`Campaign`] runs a strategy under faults;
//! [`exchange::Exchange::builder`] starts an exchange in a test of your own.
//!
//! How it all hangs together is told in `docs/architecture.md`, and at the top of every module's file.
//!
//! # Features
//!
//! | feature | what it has |
//! |---|---|
//! | none | the vocabulary: [`market`], [`book`], `wire`, `messages` |
//! | `exchange` | the exchange, and the reading of the recordings and journals that it plays |
//! | `trader` | stages, drivers, sessions, campaigns and replay, over `exchange` |
//! | `cli` (default) | the command `kalshi-actor`, over `trader` |

// Re-exports that only tests name are no rubbish; code that only tests call is, unless it says so.
#![cfg_attr(not(feature = "internals"), allow(unused_imports))]
// Documentation is required of what users can reach, which is checked in builds without the feature.
#![cfg_attr(feature = "internals", allow(missing_docs))]
// The exchange alone leaves parts of the vocabulary unused that the trader speaks.
#![cfg_attr(not(feature = "trader"), allow(unused))]

/// Declares the rooms of the crate. What users may rely on is re-exported below; the rest is only open to this
/// repository's own tests and benches, through the feature `internals`.
macro_rules! rooms {
    ($($room:ident)*) => {$(
        #[cfg(feature = "internals")]
        #[doc(hidden)]
        pub mod $room;
        #[cfg(not(feature = "internals"))]
        pub(crate) mod $room;
    )*};
}

#[macro_use]
#[doc(hidden)]
pub mod planted;

pub mod book;
#[cfg(feature = "exchange")]
pub mod exchange;
pub mod market;

rooms! {
    clock
    files
    messages
    wire
}

#[cfg(feature = "exchange")]
rooms! {
    record
}

#[cfg(feature = "trader")]
rooms! {
    backoff
    checkpoint
    config
    decide
    drivers
    execute
    feed
    host
    kill
    link
    network
    ports
    reconcile
    seen_fills
    session
    tape
}

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;

/// What a strategy of one's own is made of: it implements [`Policy`](strategy::Policy), and sessions, campaigns and replays
/// take it. `docs/strategies.md` says how to write one.
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
pub use drivers::simulation::{Simulation, SimulationConfig};
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
