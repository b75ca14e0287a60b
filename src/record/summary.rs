//! The facts of a session as `summary.json` has them. Owns the names, which other programs read.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::latency::{Latencies, Quantiles, Span};

/// What a session did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// `sim`, `demo`, `prod`, or the frames that were played.
    pub venue: String,
    /// How long it traded, in seconds of the wall clock.
    pub duration_s: f64,
    /// Markets that were traded.
    pub markets: u64,
    /// Frames read from the public connection.
    pub frames: u64,
    /// Book events handled by `decide`.
    pub book_events: u64,
    /// What was odd about the books.
    #[serde(default)]
    pub book: BookSummary,
    /// Decisions taken, holds included.
    pub decisions: u64,
    /// Decisions not taken, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Order writes.
    pub orders: Orders,
    /// How long orders may rest by themselves.
    #[serde(default)]
    pub leases: Leases,
    /// The order groups of the shards that were traded.
    #[serde(default)]
    pub groups: Vec<GroupSummary>,
    /// How often one was triggered.
    #[serde(default)]
    pub groups_triggered: u64,
    /// What kept the session from trading for more than a few seconds, the longest first.
    #[serde(default)]
    pub standstills: Vec<StandstillSummary>,
    /// Orders that ended without being asked to, by the exchange's reason.
    pub orders_ended_unasked: BTreeMap<String, u64>,
    /// Fills.
    pub fills: u64,
    /// Fills that left part of their order open.
    pub partial_fills: u64,
    /// Profit after fees, open positions at their mark, in micro-dollars.
    pub pnl_micros: i64,
    /// Fees paid, in micro-dollars.
    pub fees_micros: i64,
    /// Whether our books are the exchange's.
    pub ledger: LedgerSummary,
    /// Messages that found a full ring, by ring.
    pub drops: BTreeMap<String, u64>,
    /// The journal.
    pub journal: JournalSummary,
    /// Latencies in nanoseconds, by [`Span`].
    pub latency_ns: BTreeMap<String, Quantiles>,
}

/// What was odd about the books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookSummary {
    /// States in which a book was crossed or locked. Nothing was decided on them.
    pub crossed_states: u64,
    /// Instants of a market, by the exchange's time, that had such a state.
    pub crossed_steps: u64,
    /// Books that were given up for a change that could not be, or because they stayed crossed.
    pub errors: u64,
}

/// Order writes by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// Handed to the kernel.
    pub sent: u64,
    /// New orders accepted.
    pub acked: u64,
    /// Refused by the exchange.
    pub rejected: u64,
    /// Without a known outcome when their answer was due.
    pub unknown: u64,
    /// Cancels accepted.
    pub cancelled: u64,
    /// Amends accepted.
    pub amended: u64,
}

/// Resting orders end by themselves unless they are renewed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leases {
    /// The longest that an order rests after its last write, in session milliseconds.
    pub lease_ms: i64,
    /// Orders that may be open at once.
    pub open_orders_max: u64,
    /// Write tokens a second, which both follow from.
    pub write_refill: u32,
    /// Write tokens at most.
    pub write_capacity: u32,
    /// Renewals applied.
    pub renewed: u64,
    /// Orders that ended with their lease.
    pub ended: u64,
}

/// A shard's order group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// The shard.
    pub exchange_index: u8,
    /// The exchange's id of the group; empty when there was none.
    pub group: String,
    /// Contracts that may trade within 15 seconds.
    pub limit: f64,
    /// Whether it took orders at the end.
    pub active: bool,
}

/// Time in which no market took new risk, or every order was refused, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StandstillSummary {
    /// Why.
    pub reason: String,
    /// What ends it.
    pub until: String,
    /// For how long altogether, in seconds of the wall clock.
    pub seconds: f64,
    /// Whether it was so when the session was stopped.
    pub at_end: bool,
}

/// The last comparison of the ledger with the exchange.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LedgerSummary {
    /// Whether everything is equal: what the last comparison came to, and what the exit status follows. Nothing else here
    /// says so; cash and positions below may differ and be right, as between a market's result and its payment.
    pub agrees: bool,
    /// Why ledger and exchange were not compared, if so.
    #[serde(default)]
    pub not_compared: Option<String>,
    /// What differs, in words.
    #[serde(default)]
    pub differences: Vec<String>,
    /// Available and reserved cash by our ledger, in micro-dollars.
    pub cash_micros: i64,
    /// Cash by the exchange, in micro-dollars; none when the last comparison was not made.
    pub exchange_cash_micros: Option<i64>,
    /// Positions that one of the two knows.
    pub positions: Vec<PositionSummary>,
}

/// A position by both books, in signed contracts. Numbers for other programs to read; whether they are equal was decided
/// on integers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PositionSummary {
    /// The market's ticker.
    pub market: String,
    /// By our ledger.
    pub contracts: f64,
    /// By the exchange.
    pub exchange_contracts: f64,
    /// What the exchange has still to pay for it after its result, in micro-dollars.
    #[serde(default)]
    pub awaiting_micros: i64,
}

/// What the journal took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JournalSummary {
    /// Bytes written.
    pub bytes: u64,
    /// Records lost; with one lost the session cannot be replayed.
    pub lost: u64,
    /// Segments begun, deleted ones included.
    pub segments: u64,
    /// Segments deleted to stay within the limit.
    pub segments_dropped: u64,
    /// Whether what was kept can be replayed.
    pub replayable: bool,
    /// How fast it grew.
    pub rate: JournalRate,
    /// Checkpoints asked for by full segments, by stage: how many, and how long the longest kept its thread.
    pub checkpoints: BTreeMap<String, CheckpointSummary>,
}

/// A stage's checkpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointSummary {
    /// How many.
    pub count: u64,
    /// The longest, in nanoseconds.
    pub longest_ns: u64,
}

/// How fast a journal grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JournalRate {
    /// Megabytes (10^6 bytes) a minute.
    pub mb_per_minute: f64,
    /// Hours from the start until the oldest segments are deleted; none when that is not known.
    pub hours_to_bound: Option<f64>,
}

impl JournalRate {
    /// Of that many bytes in that many seconds, where `bytes_max` are kept; zero when that is not known.
    #[must_use]
    pub fn new(bytes: u64, seconds: f64, bytes_max: u64) -> Self {
        if bytes == 0 || seconds <= 0.0 {
            return Self::default();
        }
        // Three decimals survive a round trip through JSON text, which parses longer ones only nearly.
        let thousandths = |value: f64| (value * 1e3).round() / 1e3;
        let bytes_per_s = bytes as f64 / seconds;
        let hours = thousandths(bytes_max as f64 / bytes_per_s / 3_600.0);
        Self { mb_per_minute: thousandths(bytes_per_s * 60.0 / 1e6), hours_to_bound: (bytes_max > 0).then_some(hours) }
    }
}

impl std::fmt::Display for JournalRate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} MB a minute", self.mb_per_minute)?;
        match self.hours_to_bound {
            Some(hours) => write!(f, ", {hours:.1} h until the oldest part gives way"),
            None => Ok(()),
        }
    }
}

impl Summary {
    /// Takes over the figures of every stretch, those without a measurement included.
    pub fn set_latencies(&mut self, latencies: &Latencies) {
        self.latency_ns =
            Span::ALL.map(|span| (span.as_str().to_owned(), latencies.quantiles(span))).into_iter().collect();
    }

    /// Writes `summary.json` into a folder, which is made if needed.
    ///
    /// # Errors
    /// What the disk said.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let mut text = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        text.push('\n');
        std::fs::write(folder.join("summary.json"), text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_the_names_that_other_programs_read() {
        let mut summary = Summary::default();
        summary.set_latencies(&Latencies::new());
        summary.ledger.positions.push(PositionSummary::default());
        let folder = tempfile::tempdir().unwrap();
        summary.write(folder.path()).unwrap();
        let text = std::fs::read_to_string(folder.path().join("summary.json")).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        for pointer in [
            "/venue",
            "/duration_s",
            "/markets",
            "/frames",
            "/book_events",
            "/book/crossed_states",
            "/book/crossed_steps",
            "/book/errors",
            "/decisions",
            "/skipped",
            "/orders/sent",
            "/orders/acked",
            "/orders/rejected",
            "/orders/unknown",
            "/orders/cancelled",
            "/orders/amended",
            "/leases/lease_ms",
            "/leases/open_orders_max",
            "/leases/renewed",
            "/orders_ended_unasked",
            "/fills",
            "/partial_fills",
            "/pnl_micros",
            "/fees_micros",
            "/ledger/agrees",
            "/ledger/cash_micros",
            "/ledger/exchange_cash_micros",
            "/ledger/positions/0/market",
            "/ledger/positions/0/contracts",
            "/ledger/positions/0/exchange_contracts",
            "/drops",
            "/journal/bytes",
            "/journal/lost",
            "/journal/replayable",
            "/journal/rate/mb_per_minute",
            "/journal/rate/hours_to_bound",
        ] {
            assert!(value.pointer(pointer).is_some(), "{pointer} is missing");
        }
        for name in [
            "receive",
            "parse",
            "book",
            "observe",
            "infer",
            "decide",
            "risk",
            "write",
            "tick_to_wire",
            "newest_to_wire",
            "order_round_trip",
            "fill_to_portfolio",
            "book_to_portfolio",
        ] {
            for figure in ["count", "p50", "p90", "p99", "p999", "max"] {
                assert!(value.pointer(&format!("/latency_ns/{name}/{figure}")).is_some(), "{name}/{figure} is missing");
            }
        }
        assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
    }
}
