//! The facts of a session, as stored in `summary.json`. This module owns the names, which other programs read.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::latency::{Latencies, Quantiles, Span};

/// The facts of a session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// `sim`, `demo`, `prod`, or the frames that were played.
    pub venue: String,
    /// How long the session traded, in wall-clock seconds.
    pub duration_s: f64,
    /// The number of markets traded.
    pub markets: u64,
    /// Frames read from the public connection.
    pub frames: u64,
    /// Book events handled by `decide`.
    pub book_events: u64,
    /// Irregularities of the books.
    #[serde(default)]
    pub book: BookSummary,
    /// Decisions taken, holds included.
    pub decisions: u64,
    /// Due decisions that were not taken, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Order writes by outcome.
    pub orders: Orders,
    /// How long orders may rest without being renewed.
    #[serde(default)]
    pub leases: Leases,
    /// The order groups of the shards that were traded.
    #[serde(default)]
    pub groups: Vec<GroupSummary>,
    /// How often an order group was triggered.
    #[serde(default)]
    pub groups_triggered: u64,
    /// What kept the session from trading for more than a few seconds, longest first.
    #[serde(default)]
    pub standstills: Vec<StandstillSummary>,
    /// Orders that ended without a request of this program, by the exchange's reason.
    pub orders_ended_unasked: BTreeMap<String, u64>,
    /// The number of fills of this session's orders.
    pub fills: u64,
    /// Fills that left part of their order open.
    pub partial_fills: u64,
    /// Profit after fees in micro-dollars, with open positions at their mark.
    pub pnl_micros: i64,
    /// Fees paid, in micro-dollars.
    pub fees_micros: i64,
    /// The last comparison of the ledger with the exchange.
    pub ledger: LedgerSummary,
    /// Messages that found a full ring, by ring.
    pub drops: BTreeMap<String, u64>,
    /// The size and completeness of the journal.
    pub journal: JournalSummary,
    /// Latency quantiles in nanoseconds, by [`Span`].
    pub latency_ns: BTreeMap<String, Quantiles>,
}

/// Irregularities of the books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookSummary {
    /// States in which a book was crossed or locked. No decision was taken on them.
    pub crossed_states: u64,
    /// The number of instants, by market and exchange time, with such a state.
    pub crossed_steps: u64,
    /// Books that became stale because of an invalid change or because they stayed crossed.
    pub errors: u64,
}

/// Order writes by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// Requests handed to the kernel.
    pub sent: u64,
    /// New orders accepted.
    pub acked: u64,
    /// Requests rejected by the exchange.
    pub rejected: u64,
    /// Requests whose outcome was unknown when their answer was due.
    pub unknown: u64,
    /// Cancels accepted.
    pub cancelled: u64,
    /// Amends accepted.
    pub amended: u64,
}

/// Leases: resting orders expire unless they are renewed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leases {
    /// The longest time that an order rests after its last write, in session milliseconds.
    pub lease_ms: i64,
    /// The largest number of orders open at once.
    pub open_orders_max: u64,
    /// Write tokens per second, from which, with `write_capacity`, the two limits above follow.
    pub write_refill: u32,
    /// The largest number of write tokens the bucket holds.
    pub write_capacity: u32,
    /// The number of leases renewed.
    pub renewed: u64,
    /// The number of orders that expired with their lease.
    pub ended: u64,
}

/// A shard's order group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// The index of the shard.
    pub exchange_index: u8,
    /// The exchange's id of the group; empty if there was none.
    pub group: String,
    /// The number of contracts that may trade within 15 seconds.
    pub limit: f64,
    /// Whether it accepted orders at the end.
    pub active: bool,
}

/// A period in which, for one reason, no market accepted new risk or every order was refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StandstillSummary {
    /// The reason, in words.
    pub reason: String,
    /// What ends it, in words.
    pub until: String,
    /// Its total length in wall-clock seconds.
    pub seconds: f64,
    /// Whether it still lasted when the session was stopped.
    pub at_end: bool,
}

/// The last comparison of the ledger with the exchange.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LedgerSummary {
    /// Whether everything is equal. This is the result of the comparison, and decides the exit status; don't infer it from
    /// the other fields, since cash and positions may legitimately differ, as between a market's result and its payment.
    pub agrees: bool,
    /// Why ledger and exchange were not compared, if so.
    #[serde(default)]
    pub not_compared: Option<String>,
    /// What differs, in words.
    #[serde(default)]
    pub differences: Vec<String>,
    /// Available and reserved cash by the ledger, in micro-dollars.
    pub cash_micros: i64,
    /// Cash by the exchange, in micro-dollars; `None` if the last comparison was not made.
    pub exchange_cash_micros: Option<i64>,
    /// The positions that either of the two knows.
    pub positions: Vec<PositionSummary>,
}

/// A position by the ledger and by the exchange, in signed contracts. These numbers are for other programs to read; whether
/// they are equal was decided on integers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PositionSummary {
    /// The market's ticker.
    pub market: String,
    /// Signed contracts by the ledger.
    pub contracts: f64,
    /// Signed contracts by the exchange.
    pub exchange_contracts: f64,
    /// What the exchange still has to pay for it after the result, in micro-dollars.
    #[serde(default)]
    pub awaiting_micros: i64,
}

/// The size and completeness of the journal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JournalSummary {
    /// The number of bytes written.
    pub bytes: u64,
    /// The number of records lost; the session can be replayed only if it is zero.
    pub lost: u64,
    /// Segments begun, including deleted ones.
    pub segments: u64,
    /// Segments deleted to stay within the size limit.
    pub segments_dropped: u64,
    /// Whether what was kept can be replayed.
    pub replayable: bool,
    /// How fast the journal grew.
    pub rate: JournalRate,
    /// The checkpoints requested because of full segments, by stage.
    pub checkpoints: BTreeMap<String, CheckpointSummary>,
}

/// A stage's checkpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointSummary {
    /// The number of checkpoints.
    pub count: u64,
    /// The longest time that one took on the stage's thread, in nanoseconds.
    pub longest_ns: u64,
}

/// How fast a journal grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JournalRate {
    /// Megabytes (10^6 bytes) per minute.
    pub mb_per_minute: f64,
    /// Hours from the start until the oldest segments are deleted; `None` if unknown.
    pub hours_to_bound: Option<f64>,
}

impl JournalRate {
    /// The rate for `bytes` written in `seconds`, with at most `bytes_max` kept; zero if unknown.
    #[must_use]
    pub fn new(bytes: u64, seconds: f64, bytes_max: u64) -> Self {
        if bytes == 0 || seconds <= 0.0 {
            return Self::default();
        }
        // Three decimals survive a round trip through JSON text; longer ones are parsed only approximately.
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
    /// Takes over the quantiles of every span, including those without a measurement.
    pub fn set_latencies(&mut self, latencies: &Latencies) {
        self.latency_ns =
            Span::ALL.map(|span| (span.as_str().to_owned(), latencies.quantiles(span))).into_iter().collect();
    }

    /// Writes `summary.json` to a folder, which is created if needed.
    ///
    /// # Errors
    /// If writing fails.
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
    fn the_file_has_the_documented_names() {
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
