//! What the feed stage is told, and what it counts.

use serde::{Deserialize, Serialize};

use crate::link::LinkConfig;

/// The feed stage's settings. Times in `_ns` are monotonic, times in `_ms` are session time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedConfig {
    /// Market indexes are below this.
    pub max_markets: usize,
    /// Snapshots asked for and not yet received, at most: as many as the pool has level buffers.
    pub snapshots_in_flight: usize,
    /// The public connection.
    pub link: LinkConfig,
    /// How long a command may wait for its acknowledgement before the connection is given up.
    pub ack_timeout_ns: u64,
    /// How long a snapshot may take before the next, stronger remedy is tried.
    pub snapshot_timeout_ns: u64,
    /// How often delivery to a full ring is retried.
    pub retry_ns: u64,
    /// How long a determined market stays listed, so that late frames and questions still find it.
    pub determined_linger_ms: i64,
    /// How long a closed market's book stays subscribed while its result is not known.
    pub closed_linger_ms: i64,
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self {
            max_markets: 1_024,
            snapshots_in_flight: 64,
            link: LinkConfig::default(),
            ack_timeout_ns: 10_000_000_000,
            snapshot_timeout_ns: 5_000_000_000,
            retry_ns: 1_000_000,
            determined_linger_ms: 60_000,
            closed_linger_ms: 600_000,
        }
    }
}

/// What the feed stage counted since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedCounters {
    /// Connections opened.
    pub connections: u64,
    /// Connections lost or given up, failed handshakes included.
    pub disconnections: u64,
    /// Handshakes that the exchange answered with an HTTP error.
    pub refused_handshakes: u64,
    /// Connections given up because nothing was heard.
    pub silences: u64,
    /// Frames of the current connection.
    pub frames: u64,
    /// Frames of an earlier connection: not applied.
    pub frames_of_old_connections: u64,
    /// Frames that could not be parsed, or lacked what their type needs.
    pub malformed: u64,
    /// Frames of no book that lacked what their type needs: left alone.
    pub unusable: u64,
    /// Frames of a subscription that has ended: not applied.
    pub unknown_sids: u64,
    /// Book frames of a market that was not subscribed.
    pub unknown_markets: u64,
    /// Jumps of a sequence number on the book subscription.
    pub seq_gaps: u64,
    /// Jumps of a sequence number on the other subscriptions.
    pub seq_gaps_other: u64,
    /// Snapshots handed to `decide`.
    pub snapshots: u64,
    /// Deltas handed to `decide`.
    pub deltas: u64,
    /// Deltas of books that were stale: dropped, a later snapshot contains them.
    pub deltas_while_stale: u64,
    /// Trades handed to `decide`.
    pub trades: u64,
    /// Trades that `decide` did not get because its ring was full or the market unknown.
    pub trades_lost: u64,
    /// Life-cycle frames of listed markets.
    pub lifecycle: u64,
    /// Books that became stale.
    pub stale: u64,
    /// Overflow epochs raised.
    pub overflow_epochs: u64,
    /// Snapshots asked for.
    pub snapshots_asked: u64,
    /// Snapshots that did not come in time.
    pub snapshot_timeouts: u64,
    /// Snapshots that found no free level buffer.
    pub snapshots_without_buffer: u64,
    /// Commands not acknowledged in time.
    pub ack_timeouts: u64,
    /// The book subscription was ended and opened again.
    pub resubscriptions: u64,
    /// Error frames.
    pub errors: u64,
    /// Requests of `decide` for a snapshot.
    pub resync_requests: u64,
    /// Listings refused: index out of range.
    pub refused_listings: u64,
    /// Tick grids that could not be represented; the market is paused.
    pub bad_grids: u64,
}
