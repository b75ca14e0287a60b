//! A read: the requests it consists of, what they brought, and how it deals with failure.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::fetch::{Fetch, Gathered};
use crate::backoff::{Backoff, BackoffConfig};
use crate::clock::Now;
use crate::market::MarketKey;
use crate::messages::QueryKind;

/// What a read is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// Status, costs and the traded markets, at the start.
    Start,
    /// Status and the traded markets again, from time to time: whatever the first reading said, a later one lifts it.
    Watch,
    /// Fills that the stream may not have told, after it was interrupted.
    CatchUp,
    /// The changes of fees that were settled.
    Fees,
    /// Markets of facts that are being held.
    Unlisted,
    /// A question of `execute`.
    Query { kind: QueryKind, query: u32, market: MarketKey, since_ms: i64 },
    /// The markets of the configured series that follow those that closed.
    Follow { closed: Option<MarketKey> },
}

impl Purpose {
    /// Whether the read goes on until it succeeds. The others are given up and left to their asker.
    pub(super) fn never_ends(self) -> bool {
        match self {
            Self::Start | Self::CatchUp | Self::Unlisted | Self::Follow { .. } => true,
            Self::Watch | Self::Fees => false,
            Self::Query { kind, .. } => matches!(kind, QueryKind::Rebuild | QueryKind::Successor),
        }
    }

    /// Failures in a row after which one request of the read is left out: the next such read will ask again, and what else
    /// it asks for must not wait.
    pub(super) fn skips_after(self) -> Option<u32> {
        (self == Self::Watch).then_some(1)
    }

    /// Whether the markets that it lists are to be traded. Others are merely watched.
    pub(super) fn lists_traded(self) -> bool {
        matches!(self, Self::Start | Self::Watch | Self::Follow { .. }) || self.is(QueryKind::Successor)
    }

    pub(super) fn is(self, wanted: QueryKind) -> bool {
        matches!(self, Self::Query { kind, .. } if kind == wanted)
    }

    /// Whether a newer read makes this one needless: it asks the same.
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

/// A read under way or waiting.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) serial: u32,
    pub(super) purpose: Purpose,
    /// Requests still to be sent, next first.
    pub(super) fetches: VecDeque<Fetch>,
    #[serde(with = "crate::checkpoint::json")]
    pub(super) gathered: Gathered,
    /// Tickers that were asked for by name, so that one the exchange does not know is not asked for again.
    pub(super) named: BTreeSet<String>,
    /// When the first request of this round was sent.
    pub(super) begun: Option<Now>,
    /// When its newest answer had been read.
    pub(super) read_ns: u64,
    pub(super) not_before_ns: u64,
    pub(super) pages: u32,
    /// A list of it had no end: it begins again after a failure, and an answer in between is no success.
    pub(super) endless: bool,
    /// Failures in a row.
    pub(super) failures: u32,
    /// The account changed during this round.
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

    /// Begins again from nothing, not before a time.
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
