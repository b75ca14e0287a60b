//! The feed stage's settings and counters.

use serde::{Deserialize, Serialize};

use crate::link::LinkConfig;

/// The feed stage's settings. Times in `_ns` are monotonic, times in `_ms` are session time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedConfig {
    /// The number of market slots: every market index is below this.
    pub max_markets: usize,
    /// The most snapshots requested and not yet received; also the number of level buffers in the pool.
    pub snapshots_in_flight: usize,
    pub link: LinkConfig,
    /// How long to wait for the acknowledgement of a command before reconnecting.
    pub ack_timeout_ns: u64,
    /// How long to wait for a snapshot before the next, stronger remedy.
    pub snapshot_timeout_ns: u64,
    /// How often delivery to a full ring is retried.
    pub retry_ns: u64,
    /// How long a determined market stays listed for late frames and requests.
    pub determined_linger_ms: i64,
    /// How long a closed market's book stays subscribed while its result is unknown.
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

/// Counters of the feed stage, since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedCounters {
    /// Connections opened.
    pub connections: u64,
    /// Connections lost or given up, including failed handshakes.
    pub disconnections: u64,
    /// Handshakes that the exchange answered with an HTTP error.
    pub refused_handshakes: u64,
    /// Connections given up because of silence.
    pub silences: u64,
    /// Frames that came on the connection that was current.
    pub frames: u64,
    /// Frames of an earlier connection, which were not applied.
    pub frames_of_old_connections: u64,
    /// Frames that could not be parsed, or lacked fields that their type needs.
    pub malformed: u64,
    /// Frames other than book frames that lacked fields that their type needs, which were ignored.
    pub unusable: u64,
    /// Frames of a subscription that has ended, which were not applied.
    pub unknown_sids: u64,
    /// Book frames of a market that was not subscribed.
    pub unknown_markets: u64,
    /// Sequence gaps on the book subscription.
    pub seq_gaps: u64,
    /// Sequence gaps on the other subscriptions.
    pub seq_gaps_other: u64,
    /// Snapshots delivered to `decide`.
    pub snapshots: u64,
    /// Deltas delivered to `decide`.
    pub deltas: u64,
    /// Deltas of stale books, which were dropped since a later snapshot contains them.
    pub deltas_while_stale: u64,
    /// Trades delivered to `decide`.
    pub trades: u64,
    /// Trades not delivered, because the ring was full or the market unknown.
    pub trades_lost: u64,
    /// Life-cycle frames of listed markets.
    pub lifecycle: u64,
    /// Books that became stale.
    pub stale: u64,
    /// Overflow epochs raised.
    pub overflow_epochs: u64,
    /// Snapshots requested.
    pub snapshots_asked: u64,
    /// Snapshots that did not come in time.
    pub snapshot_timeouts: u64,
    /// Snapshots for which no level buffer was free.
    pub snapshots_without_buffer: u64,
    /// Commands not acknowledged in time.
    pub ack_timeouts: u64,
    /// How often the book subscription was ended and reopened.
    pub resubscriptions: u64,
    /// Error frames.
    pub errors: u64,
    /// Requests for a snapshot from `decide`.
    pub resync_requests: u64,
    /// Listings refused because their index is out of range.
    pub refused_listings: u64,
    /// Tick grids that could not be represented, whose markets were paused.
    pub bad_grids: u64,
}
