//! A read: its requests, their results, and how it handles failures.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::fetch::{Fetch, Gathered};
use crate::backoff::{Backoff, BackoffConfig};
use crate::clock::Now;
use crate::market::MarketKey;
use crate::messages::QueryKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// At the start: status, costs and the traded markets.
    Start,
    /// Periodically: status and the traded markets again, so that nothing depends on the first read alone.
    Watch,
    /// After an interruption of the stream: fills that it may have missed.
    CatchUp,
    /// Announced fee changes.
    Fees,
    /// The markets of facts that are being held.
    Unlisted,
    /// A query from `execute`.
    Query { kind: QueryKind, query: u32, market: MarketKey, since_ms: i64 },
    /// The successors of closed markets of the followed series.
    Follow { closed: Option<MarketKey> },
}

impl Purpose {
    /// Whether the read is repeated until it succeeds. Others are given up, and whoever asked may ask again.
    pub(super) fn never_ends(self) -> bool {
        match self {
            Self::Start | Self::CatchUp | Self::Unlisted | Self::Follow { .. } => true,
            Self::Watch | Self::Fees => false,
            Self::Query { kind, .. } => matches!(kind, QueryKind::Rebuild | QueryKind::Successor),
        }
    }

    /// Consecutive failures after which one request of the read is skipped: the next such read repeats it, and the
    /// other requests must not wait.
    pub(super) fn skips_after(self) -> Option<u32> {
        (self == Self::Watch).then_some(1)
    }

    /// Whether the markets that it lists are to be traded rather than merely watched.
    pub(super) fn lists_traded(self) -> bool {
        matches!(self, Self::Start | Self::Watch | Self::Follow { .. }) || self.is(QueryKind::Successor)
    }

    pub(super) fn is(self, wanted: QueryKind) -> bool {
        matches!(self, Self::Query { kind, .. } if kind == wanted)
    }

    /// Whether a newer read makes this one redundant, because it asks the same.
    pub(super) fn is_replaced_by(self, newer: Self) -> bool {
        match (self, newer) {
            (Self::Query { kind: a, market: x, .. }, Self::Query { kind: b, market: y, .. }) => {
                a == b && (x == y || !matches!(a, QueryKind::Resolve | QueryKind::Successor))
            }
            (Self::Follow { closed: a }, Self::Follow { closed: b }) => a == b,
            (Self::Start, Self::Start)
            | (Self::Watch, Self::Watch)
            | (Self::CatchUp, Self::CatchUp)
            | (Self::Fees, Self::Fees)
            | (Self::Unlisted, Self::Unlisted) => true,
            _ => false,
        }
    }
}

/// A read in progress or waiting.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) serial: u32,
    pub(super) purpose: Purpose,
    /// Requests still to be sent, next first.
    pub(super) fetches: VecDeque<Fetch>,
    #[serde(with = "crate::checkpoint::json")]
    pub(super) gathered: Gathered,
    /// Tickers requested by name, so that one the exchange does not know is not requested again.
    pub(super) named: BTreeSet<String>,
    /// When the first request of this round was sent.
    pub(super) begun: Option<Now>,
    /// When its latest answer was read, in monotonic nanoseconds.
    pub(super) read_ns: u64,
    pub(super) not_before_ns: u64,
    pub(super) pages: u32,
    /// One of its lists did not end: the read restarts after a failure, and a single answer is not a success.
    pub(super) endless: bool,
    /// Consecutive failures.
    pub(super) failures: u32,
    /// Whether the account changed during this round.
    pub(super) disturbed: bool,
    pub(super) backoff: Backoff,
}

impl Job {
    pub(super) fn new(serial: u32, purpose: Purpose, backoff: BackoffConfig, seed: u64) -> Self {
        Self {
            serial,
            purpose,
            fetches: VecDeque::new(),
            gathered: Gathered::default(),
            named: BTreeSet::new(),
            begun: None,
            read_ns: 0,
            not_before_ns: 0,
            pages: 0,
            endless: false,
            failures: 0,
            disturbed: false,
            backoff: Backoff::new(backoff, seed ^ u64::from(serial)),
        }
    }

    /// Restarts from scratch, not before a given time.
    pub(super) fn restart(&mut self, not_before_ns: u64) {
        self.fetches.clear();
        self.gathered = Gathered::default();
        self.named.clear();
        self.begun = None;
        self.not_before_ns = not_before_ns;
        self.pages = 0;
        self.disturbed = false;
    }
}
