//! The status line of a running session. This module owns its layout; the caller gathers the figures from the threads' rings.

use std::fmt;

use super::latency::Span;
use super::report::Nanos;
use crate::market::{Count, Money};

/// The figures in the status line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveFigures {
    /// The time since the session began, in wall-clock milliseconds.
    pub elapsed_ms: u64,
    /// Frames read in the last second.
    pub frames_per_s: u64,
    /// Decisions taken in the last second.
    pub decisions_per_s: u64,
    pub orders: u64,
    /// Amends so far that changed price or size; not shown.
    pub amends: u64,
    pub fills: u64,
    /// Signed contracts held, summed over all markets.
    pub position: Count,
    /// Profit so far, after fees.
    pub pnl: Money,
    /// The slowest span of a tick's path by its p99, and that p99 in nanoseconds, once anything was measured.
    pub worst: Option<(Span, u64)>,
}

impl LiveFigures {}

impl fmt::Display for LiveFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.elapsed_ms / 1_000;
        write!(
            f,
            "{:>3}:{:02}  {} frames/s  {} decisions/s  {} orders  {} fills  position {}  P&L {:+.2}",
            seconds / 60,
            seconds % 60,
            self.frames_per_s,
            self.decisions_per_s,
            self.orders,
            self.fills,
            self.position,
            self.pnl.dollars(),
        )?;
        match self.worst {
            Some((span, p99_ns)) => write!(f, "  slowest: {} p99 {}", span.as_str(), Nanos(p99_ns)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shows_all_figures_at_a_glance() {
        let figures = LiveFigures {
            elapsed_ms: 65_400,
            frames_per_s: 1_234,
            decisions_per_s: 40,
            orders: 7,
            amends: 2,
            fills: 3,
            position: Count::from_contracts(-20),
            pnl: Money::from_cents(-123),
            worst: Some((Span::Write, 4_210)),
        };
        assert_eq!(
            figures.to_string(),
            "  1:05  1234 frames/s  40 decisions/s  7 orders  3 fills  position -20.00  P&L -1.23  \
             slowest: write p99 4.21 us"
        );
    }
}
