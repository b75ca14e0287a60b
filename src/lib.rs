//! A trading actor for Kalshi event contracts: books from the exchange's WebSocket, a 52-feature observation, an ONNX
//! policy, limit orders, and a ledger that agrees with the exchange to the micro-dollar.
//!
//! # The path of a tick
//!
//! 1. `network::websocket` reads a frame; `wire::frame` parses it.
//! 2. `feed` checks its sequence number and market and sends a `messages::BookEvent` over a ring.
//! 3. `decide` applies it to the `book`, and when the frame's time enters a new decision bucket builds the
//!    observation, asks the policy, forms the wanted price, and sends a `messages::OrderIntent`.
//! 4. `execute` passes it through the risk gate, keeps, amends, cancels or places, reserves the cash, and hands the
//!    body to `network::http`, which writes it with a signature made ahead.
//! 5. The exchange's answer comes back to `execute`; fills come over the private stream through `reconcile`; each
//!    changes the ledger, and a `messages::PortfolioUpdate` tells `decide`.
//!
//! # How it hangs together
//!
//! `market` is the vocabulary and imports nothing of this crate; `wire` is Kalshi's JSON over it. The four stages are
//! plain state machines: they take an input with its time and call a port (`ports`). They never import each other.
//! Drivers feed them: `drivers::live` with pinned threads, rings and sockets, `drivers::simulation` in one thread on
//! virtual time. `exchange` is a whole Kalshi on loopback that shares vocabulary, codecs and the fee formula with the
//! trader and nothing else. `record` keeps the journal, the histograms and the report. `session` puts a
//! session together from start to report, and `kill` is the way out when it cannot cancel by itself. Both stand on
//! `network` (connections and signatures) and `host` (what the operating system provides).
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
#![cfg_attr(not(feature = "internals"), allow(unused))]

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
pub use host::signals::Signals;
#[cfg(feature = "exchange")]
pub use record::journal::{JournalError, JournalReader, Record};
#[cfg(feature = "trader")]
pub use record::summary::Summary;
#[cfg(feature = "trader")]
pub use session::{Session, SessionBuilder, SessionError, SessionReport, Shown, configured_exchange};
pub use wire::sign::Credentials;
