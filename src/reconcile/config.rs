//! What the reconcile stage is told, and what it counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::backoff::BackoffConfig;
use crate::link::LinkConfig;

/// Which markets are traded. Exactly one of the three ways of naming them is expected; `tickers` wins over `series`,
/// `series` over a plain `count`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryConfig {
    /// These markets.
    pub tickers: Vec<String>,
    /// The open markets of this series that close first, and their successors.
    pub series: Option<String>,
    /// How many: of the series (default one at a time), or else the first open ones of the exchange.
    pub count: Option<usize>,
    /// Market indexes are below this.
    pub max_markets: usize,
    /// By series, the makers' multipliers that no fee type tells, in ten-thousandths.
    pub maker_multipliers_e4: BTreeMap<String, u32>,
}

/// The reconcile stage's settings. Times in `_ns` are monotonic, times in `_ms` are session time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileConfig {
    /// Which markets are traded.
    pub directory: DirectoryConfig,
    /// The private connection.
    pub link: LinkConfig,
    /// How long the subscription may wait for its acknowledgements.
    pub ack_timeout_ns: u64,
    /// How long a request may wait for its answer, should the driver say nothing.
    pub answer_timeout_ns: u64,
    /// Pauses after failed requests.
    pub backoff: BackoffConfig,
    /// Pauses while waiting for the next market of a series to open.
    pub successor_backoff: BackoffConfig,
    /// Failures in a row after which a read is given up, where it may be.
    pub attempts: u32,
    /// For so long before a rebuild's reads, and during them, no fill may arrive.
    pub quiet_ns: u64,
    /// Pages of one listing, at most.
    pub pages_max: u32,
    /// Fills remembered for telling duplicates.
    pub fills_remembered: usize,
    /// How far before the newest known fill a catch-up begins to read.
    pub catch_up_ms: i64,
    /// How often delivery to a full ring is retried.
    pub retry_ns: u64,
    /// How long after its close a market's index may go to another, when all are taken.
    pub reuse_after_ms: i64,
    /// Whether order groups are followed.
    pub order_groups: bool,
    /// How often the status of the exchange and the traded markets are read again.
    pub watch_every_ns: u64,
    /// How far reads may lie behind what frames told before.
    pub read_lag_ms: i64,
}

impl ReconcileConfig {
    /// The defaults for these markets.
    #[must_use]
    pub fn new(directory: DirectoryConfig) -> Self {
        Self {
            directory,
            link: LinkConfig::default(),
            ack_timeout_ns: 10_000_000_000,
            answer_timeout_ns: 30_000_000_000,
            backoff: BackoffConfig { first_ns: 200_000_000, cap_ns: 10_000_000_000 },
            successor_backoff: BackoffConfig { first_ns: 1_000_000_000, cap_ns: 15_000_000_000 },
            attempts: 4,
            quiet_ns: 500_000_000,
            pages_max: 1_000,
            fills_remembered: 16_384,
            catch_up_ms: 60_000,
            retry_ns: 1_000_000,
            reuse_after_ms: 3_600_000,
            order_groups: false,
            watch_every_ns: 5_000_000_000,
            read_lag_ms: 1_000,
        }
    }
}

/// What the reconcile stage counted since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileCounters {
    /// Connections opened.
    pub connections: u64,
    /// Connections lost or given up, failed handshakes included.
    pub disconnections: u64,
    /// Connections given up because nothing was heard.
    pub silences: u64,
    /// Frames of the current connection.
    pub frames: u64,
    /// Frames of an earlier connection: not applied; a catch-up reads what they told.
    pub frames_of_old_connections: u64,
    /// Frames that could not be read; each is followed by a catch-up.
    pub malformed: u64,
    /// Error frames.
    pub errors: u64,
    /// Distinct fills.
    pub fills: u64,
    /// Fills that came again.
    pub duplicate_fills: u64,
    /// Fills that only a read told.
    pub fills_from_reads: u64,
    /// Changes of orders.
    pub orders: u64,
    /// Facts that waited for their market to be listed.
    pub held: u64,
    /// Requests sent.
    pub requests: u64,
    /// Requests without a usable answer.
    pub failed_requests: u64,
    /// Answers with status 429.
    pub rate_limited: u64,
    /// Reads finished.
    pub reads: u64,
    /// Reads given up.
    pub incomplete_reads: u64,
    /// Rebuilds begun again because the account changed meanwhile.
    pub unquiet_rebuilds: u64,
    /// Elements of lists that could not be used; each is among the problems.
    pub unusable: u64,
    /// Facts dropped because the exchange does not know their market.
    pub unlisted: u64,
    /// Markets listed.
    pub listings: u64,
    /// Markets refused.
    pub refused_markets: u64,
    /// Times the ring to `execute` was full.
    pub ring_full: u64,
}
