//! The report at the end of a session, for people. This module owns its layout; the facts come from [`Summary`].

use std::collections::BTreeMap;
use std::fmt;

use super::latency::{Quantiles, Span};
use super::summary::{BookSummary, StandstillSummary, Summary};
use crate::market::Money;

/// A duration in nanoseconds, printed with three digits and a suitable unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nanos(pub u64);

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit_ns, unit) = match self.0 {
            0..1_000 => return f.pad(&format!("{} ns", self.0)),
            1_000..1_000_000 => (1_000, "us"),
            1_000_000..1_000_000_000 => (1_000_000, "ms"),
            _ => (1_000_000_000, "s"),
        };
        let (whole, rest) = (self.0 / unit_ns, self.0 % unit_ns);
        let text = match whole {
            0..10 => format!("{whole}.{:02} {unit}", rest * 100 / unit_ns),
            10..100 => format!("{whole}.{} {unit}", rest * 10 / unit_ns),
            _ => format!("{whole} {unit}"),
        };
        f.pad(&text)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    pub summary: &'a Summary,
    /// What to know when reading the figures: the limits of a model, or why a run ended early.
    pub notes: &'a [String],
    /// Why the session failed, apart from its ledger.
    pub failures: &'a [String],
}

impl Report<'_> {
    /// Whether all is well, which decides the last line of the report and the exit status.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.summary.ledger.agrees && self.failures.is_empty()
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = self.summary;
        write_latencies(f, &summary.latency_ns)?;
        writeln!(f)?;
        writeln!(
            f,
            "{} in {:.1} s: {} markets, {} frames, {} book events, {} decisions",
            summary.venue, summary.duration_s, summary.markets, summary.frames, summary.book_events, summary.decisions
        )?;
        let book = &summary.book;
        if *book != BookSummary::default() {
            writeln!(
                f,
                "books: {} crossed states within {} instants, none decided on; {} given up",
                book.crossed_states, book.crossed_steps, book.errors
            )?;
        }
        let orders = &summary.orders;
        writeln!(
            f,
            "orders: {} sent, {} acked, {} amended, {} cancelled, {} rejected, {} unknown",
            orders.sent, orders.acked, orders.amended, orders.cancelled, orders.rejected, orders.unknown
        )?;
        let leases = &summary.leases;
        writeln!(
            f,
            "leases: {} each, at most {} open orders ({} write tokens a second, {} at most); {} renewed, {} ended",
            Nanos(u64::try_from(leases.lease_ms).unwrap_or(0).saturating_mul(1_000_000)),
            leases.open_orders_max,
            leases.write_refill,
            leases.write_capacity,
            leases.renewed,
            leases.ended
        )?;
        for group in &summary.groups {
            let state = if group.active { "" } else { ", closed at the end" };
            writeln!(
                f,
                "order group of shard {}: at most {} contracts in 15 s{state}",
                group.exchange_index, group.limit
            )?;
        }
        writeln!(f, "fills: {}, of which {} partial", summary.fills, summary.partial_fills)?;
        let [pnl, fees] = [summary.pnl_micros, summary.fees_micros].map(|micros| Money::from_micros(micros).dollars());
        writeln!(f, "P&L after fees: ${pnl:+.4} (fees ${fees:.4})")?;
        writeln!(f, "dropped: {}", counts(&summary.drops))?;
        writeln!(f, "skipped: {}", counts(&summary.skipped))?;
        let journal = &summary.journal;
        match journal.lost {
            0 => writeln!(f, "journal: {} bytes, nothing lost; {}", journal.bytes, journal.rate)?,
            lost => writeln!(f, "journal: {} bytes, {lost} records lost: NOT REPLAYABLE", journal.bytes)?,
        }
        for note in self.notes {
            writeln!(f, "note: {note}")?;
        }
        write_standstills(f, summary)?;
        // The last line is the verdict: failures are printed below a ledger that agrees, and above one that does not.
        let ledger = &summary.ledger;
        if ledger.agrees {
            writeln!(f, "ledger agrees with the exchange")?;
        }
        for failure in self.failures {
            writeln!(f, "FAILED: {failure}")?;
        }
        match &ledger.not_compared {
            _ if ledger.agrees => Ok(()),
            Some(reason) => writeln!(f, "LEDGER NOT COMPARED WITH THE EXCHANGE: {reason}"),
            None => writeln!(f, "LEDGER DIFFERS FROM THE EXCHANGE: {}", ledger.differences.join("; ")),
        }
    }
}

/// Writes what kept the session from trading, and if it sent no order at all, why.
fn write_standstills(f: &mut fmt::Formatter<'_>, summary: &Summary) -> fmt::Result {
    for standstill in &summary.standstills {
        let StandstillSummary { reason, until, seconds, at_end } = standstill;
        let still = if *at_end { ", to the end" } else { "" };
        writeln!(f, "not trading for {seconds:.1} s{still}: {reason} ({until})")?;
    }
    if summary.orders.sent > 0 {
        return Ok(());
    }
    let refused = summary.skipped.iter().filter(|(_, count)| **count > 0).max_by_key(|(_, count)| **count);
    match (summary.standstills.first(), refused) {
        (Some(standstill), _) => writeln!(f, "NO ORDER WAS SENT: {}", standstill.reason),
        (None, Some((reason, count))) if summary.decisions > 0 => {
            let decisions = summary.decisions;
            writeln!(
                f,
                "NO ORDER WAS SENT: of {decisions} decisions none led to one; skipped: {reason} {count}, and others"
            )
        }
        (None, _) if summary.decisions > 0 => {
            writeln!(f, "NO ORDER WAS SENT: none of {} decisions asked for one", summary.decisions)
        }
        (None, _) => writeln!(f, "NO ORDER WAS SENT: no decision was taken in {} frames", summary.frames),
    }
}

fn write_latencies(f: &mut fmt::Formatter<'_>, latencies: &BTreeMap<String, Quantiles>) -> fmt::Result {
    writeln!(f, "{:<18}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}", "stage", "count", "p50", "p90", "p99", "p99.9", "max")?;
    for span in Span::ALL {
        let Some(row) = latencies.get(span.as_str()) else { continue };
        write!(f, "{:<18}{:>10}", span.as_str(), row.count)?;
        for figure in [row.p50, row.p90, row.p99, row.p999, row.max] {
            if row.count == 0 {
                write!(f, "{:>10}", "-")?;
            } else {
                write!(f, "{:>10}", Nanos(figure))?;
            }
        }
        writeln!(f)?;
    }
    Ok(())
}

/// Only the reasons that occurred, since most never do.
fn counts(by_name: &BTreeMap<String, u64>) -> String {
    let happened: Vec<String> =
        by_name.iter().filter(|(_, count)| **count > 0).map(|(name, count)| format!("{name} {count}")).collect();
    if happened.is_empty() { "nothing".to_owned() } else { happened.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::Latencies;
    use super::super::summary::PositionSummary;
    use super::*;

    fn agreeing() -> Summary {
        let mut summary = Summary { venue: "sim".to_owned(), ..Summary::default() };
        summary.ledger.agrees = true;
        summary
    }

    fn last_line(summary: &Summary, failures: &[&str]) -> (String, bool) {
        let failures: Vec<String> = failures.iter().map(|&failure| failure.to_owned()).collect();
        let report = Report { summary, notes: &[], failures: &failures };
        (report.to_string().lines().last().unwrap_or_default().to_owned(), report.is_success())
    }

    #[test]
    fn durations_have_three_digits_and_a_suitable_unit() {
        for (nanos, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 us"),
            (12_345, "12.3 us"),
            (123_456, "123 us"),
            (9_999_999, "9.99 ms"),
            (60_000_000_000, "60.0 s"),
        ] {
            assert_eq!(Nanos(nanos).to_string(), text);
        }
    }

    #[test]
    fn the_last_line_is_the_verdict_and_the_exit_status_follows_it() {
        let agrees = agreeing();
        let mut differs = Summary::default();
        differs.ledger.differences = vec!["cash of shard 0".to_owned(), "order 7".to_owned()];
        let mut unread = Summary::default();
        unread.ledger.not_compared = Some("the account was never read completely".to_owned());
        let line = |text: &str, success: bool| (text.to_owned(), success);
        assert_eq!(last_line(&agrees, &[]), line("ledger agrees with the exchange", true));
        assert_eq!(last_line(&agrees, &["tripped", "too slow"]), line("FAILED: too slow", false));
        let text = "LEDGER DIFFERS FROM THE EXCHANGE: cash of shard 0; order 7";
        assert_eq!(last_line(&differs, &[]), line(text, false));
        assert_eq!(last_line(&differs, &["tripped"]), line(text, false));
        let text = "LEDGER NOT COMPARED WITH THE EXCHANGE: the account was never read completely";
        assert_eq!(last_line(&unread, &["tripped"]), line(text, false));
    }

    #[test]
    fn positions_and_cash_that_differ_temporarily_do_not_decide_the_verdict() {
        let mut summary = agreeing();
        summary.ledger.exchange_cash_micros = Some(7);
        // The market is determined but not paid yet.
        summary.ledger.positions = vec![PositionSummary {
            market: "A".to_owned(),
            contracts: 0.0,
            exchange_contracts: 10.0,
            awaiting_micros: 10_000_000,
        }];
        assert_eq!(last_line(&summary, &[]), ("ledger agrees with the exchange".to_owned(), true));
    }

    #[test]
    fn the_table_has_a_row_for_each_stage_and_dashes_where_nothing_was_measured() {
        let mut latencies = Latencies::new();
        latencies.record(Span::Parse, 120);
        let mut summary = agreeing();
        summary.set_latencies(&latencies);
        summary.skipped.insert("busy".to_owned(), 4);
        summary.skipped.insert("behind".to_owned(), 0);
        summary.journal.lost = 2;
        let text = Report { summary: &summary, notes: &[], failures: &[] }.to_string();
        let row = text.lines().find(|line| line.starts_with("parse")).unwrap();
        assert_eq!(row.split_whitespace().nth(1), Some("1"));
        assert!(row.contains("120 ns"), "{row}");
        let row = text.lines().find(|line| line.starts_with("order_round_trip")).unwrap();
        assert_eq!(row.matches('-').count(), 5);
        assert!(text.contains("skipped: busy 4\n") && text.contains("NOT REPLAYABLE"), "{text}");
    }
}
