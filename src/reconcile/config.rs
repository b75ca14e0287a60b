//! The reconcile stage's settings and counters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::backoff::BackoffConfig;
use crate::link::LinkConfig;

/// Which markets are traded. Only one of the three ways of naming them should be used; `tickers` takes precedence over
/// `series`, and `series` over `count` alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryConfig {
    /// The markets with these tickers.
    pub tickers: Vec<String>,
    /// The open markets of this series that close first, and their successors.
    pub series: Option<String>,
    /// How many markets of the series to trade at a time (default 1), or how many of the exchange's first open markets.
    pub count: Option<usize>,
    /// The number of market slots: every market index is below this.
    pub max_markets: usize,
    /// Maker fee multipliers by series, where the fee type does not imply them, in ten-thousandths.
    pub maker_multipliers_e4: BTreeMap<String, u32>,
}

/// The reconcile stage's settings. Times in `_ns` are monotonic, times in `_ms` are session time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileConfig {
    pub directory: DirectoryConfig,
    pub link: LinkConfig,
    /// How long to wait for the acknowledgements of the subscription.
    pub ack_timeout_ns: u64,
    /// How long to wait for the answer to a request, in case the driver does not report a failure.
    pub answer_timeout_ns: u64,
    /// Pauses after failed requests.
    pub backoff: BackoffConfig,
    /// Pauses while waiting for the next market of a series to open.
    pub successor_backoff: BackoffConfig,
    /// Consecutive failures after which a read is given up, if its purpose allows that.
    pub attempts: u32,
    /// How long before a rebuild's reads no fill may have arrived; none may arrive during them either.
    pub quiet_ns: u64,
    /// The most pages of one listing that are read.
    pub pages_max: u32,
    /// How many fills are remembered to recognise duplicates.
    pub fills_remembered: usize,
    /// How far before the newest known fill a catch-up starts to read.
    pub catch_up_ms: i64,
    /// How often delivery to a full ring is retried.
    pub retry_ns: u64,
    /// How long after its close a market's slot may be reused when all are taken.
    pub reuse_after_ms: i64,
    /// Whether order groups are read and subscribed.
    pub order_groups: bool,
    /// How often the status of the exchange and the traded markets are read again.
    pub watch_every_ns: u64,
    /// How far reads may lag the frames.
    pub read_lag_ms: i64,
}

impl ReconcileConfig {
    /// The default settings for these markets.
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

/// Counters of the reconcile stage, since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconcileCounters {
    /// Connections opened.
    pub connections: u64,
    /// Connections lost or given up, including failed handshakes.
    pub disconnections: u64,
    /// Connections given up because of silence.
    pub silences: u64,
    /// Frames that came on the connection that was current.
    pub frames: u64,
    /// Frames of an earlier connection, which were not applied; a catch-up reads what they contained.
    pub frames_of_old_connections: u64,
    /// Frames that could not be parsed, each of which leads to a catch-up.
    pub malformed: u64,
    /// Error frames.
    pub errors: u64,
    /// Distinct fills received.
    pub fills: u64,
    /// Duplicate fills received.
    pub duplicate_fills: u64,
    /// Fills that came from a read first.
    pub fills_from_reads: u64,
    /// Order updates.
    pub orders: u64,
    /// Facts that had to wait for their market to be listed.
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
    /// Rebuilds restarted because the account changed during the read.
    pub unquiet_rebuilds: u64,
    /// Elements of lists that could not be used; each is also among the problems.
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
