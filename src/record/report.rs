//! The report at the end of a session, for people. Owns its layout; the facts are those of [`Summary`].

use std::collections::BTreeMap;
use std::fmt;

use super::latency::{Quantiles, Stage};
use super::summary::{LedgerSummary, Summary};
use crate::market::Money;

/// A duration in nanoseconds, printed with three digits and the unit that fits.
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

/// The report.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The facts.
    pub summary: &'a Summary,
    /// What a reader of the figures has to know: the limits of a model, why a run ended early.
    pub notes: &'a [String],
    /// Differences between ledger and exchange beyond cash and positions.
    pub differences: &'a [String],
}

impl Report<'_> {
    /// What differs between our ledger and the exchange, in words; empty when they agree.
    #[must_use]
    pub fn all_differences(&self) -> Vec<String> {
        let ledger = &self.summary.ledger;
        let mut differences = ledger_differences(ledger);
        differences.extend_from_slice(self.differences);
        if differences.is_empty() && !ledger.agrees {
            differences.push("the last comparison was not made".to_owned());
        }
        differences
    }
}

fn ledger_differences(ledger: &LedgerSummary) -> Vec<String> {
    let mut differences = Vec::new();
    let Some(exchange_cash_micros) = ledger.exchange_cash_micros else { return differences };
    if ledger.cash_micros != exchange_cash_micros {
        let [ours, theirs] = [ledger.cash_micros, exchange_cash_micros].map(Money::from_micros);
        differences.push(format!("cash: ledger ${ours}, exchange ${theirs}"));
    }
    let unequal = ledger
        .positions
        .iter()
        .filter(|position| position.contracts.to_bits() != position.exchange_contracts.to_bits());
    differences.extend(unequal.map(|position| {
        format!(
            "{}: ledger {} contracts, exchange {}",
            position.market, position.contracts, position.exchange_contracts
        )
    }));
    differences
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
        let differences = self.all_differences();
        match (differences.is_empty(), summary.ledger.exchange_cash_micros) {
            (true, _) => writeln!(f, "ledger agrees with the exchange"),
            (false, Some(_)) => writeln!(f, "LEDGER DIFFERS FROM THE EXCHANGE: {}", differences.join("; ")),
            (false, None) => writeln!(f, "LEDGER NOT COMPARED WITH THE EXCHANGE: {}", differences.join("; ")),
        }
    }
}

fn write_latencies(f: &mut fmt::Formatter<'_>, latencies: &BTreeMap<String, Quantiles>) -> fmt::Result {
    writeln!(f, "{:<18}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}", "stage", "count", "p50", "p90", "p99", "p99.9", "max")?;
    for stage in Stage::ALL {
        let Some(row) = latencies.get(stage.as_str()) else { continue };
        write!(f, "{:<18}{:>10}", stage.as_str(), row.count)?;
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

/// Only what happened; most reasons never do.
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
        summary.ledger =
            LedgerSummary { agrees: true, cash_micros: 5, exchange_cash_micros: Some(5), positions: Vec::new() };
        summary
    }

    fn print(summary: &Summary, differences: &[String]) -> String {
        Report { summary, notes: &[], differences }.to_string()
    }

    #[test]
    fn durations_have_three_digits_and_a_unit_that_fits() {
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
    fn the_last_line_says_that_the_ledger_agrees() {
        assert_eq!(print(&agreeing(), &[]).lines().last(), Some("ledger agrees with the exchange"));
    }

    #[test]
    fn the_last_line_names_what_differs() {
        let mut summary = agreeing();
        summary.ledger.agrees = false;
        summary.ledger.exchange_cash_micros = Some(1_000_005);
        summary.ledger.positions = vec![
            PositionSummary { market: "A".to_owned(), contracts: 1.0, exchange_contracts: 1.0 },
            PositionSummary { market: "B".to_owned(), contracts: -2.5, exchange_contracts: 0.0 },
        ];
        let text = print(&summary, &["order 7: unknown".to_owned()]);
        assert_eq!(
            text.lines().last().unwrap(),
            "LEDGER DIFFERS FROM THE EXCHANGE: cash: ledger $0.000005, exchange $1.000005; \
             B: ledger -2.5 contracts, exchange 0; order 7: unknown"
        );
    }

    #[test]
    fn a_ledger_that_was_never_compared_neither_agrees_nor_differs() {
        let text = print(&Summary::default(), &[]);
        let last = text.lines().last().unwrap();
        assert_eq!(last, "LEDGER NOT COMPARED WITH THE EXCHANGE: the last comparison was not made");
    }

    #[test]
    fn the_table_has_a_row_for_each_stage_and_dashes_where_nothing_was_measured() {
        let mut latencies = Latencies::new();
        latencies.record(Stage::Parse, 120);
        let mut summary = agreeing();
        summary.set_latencies(&latencies);
        summary.skipped.insert("busy".to_owned(), 4);
        summary.skipped.insert("behind".to_owned(), 0);
        summary.journal.lost = 2;
        let text = print(&summary, &[]);
        let row = text.lines().find(|line| line.starts_with("parse")).unwrap();
        assert_eq!(row.split_whitespace().nth(1), Some("1"));
        assert!(row.contains("120 ns"), "{row}");
        let row = text.lines().find(|line| line.starts_with("order_round_trip")).unwrap();
        assert_eq!(row.matches('-').count(), 5);
        assert!(text.contains("skipped: busy 4\n") && text.contains("NOT REPLAYABLE"), "{text}");
    }
}
