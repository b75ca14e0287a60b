//! The line that a running session shows. Owns its layout; whoever prints it reads the figures from the threads' rings.

use std::fmt;

use super::latency::Span;
use super::report::Nanos;
use crate::market::{Count, Money};

/// What the line shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveFigures {
    /// Since the session began, in milliseconds of the wall clock.
    pub elapsed_ms: u64,
    /// Frames read in the second before.
    pub frames_per_s: u64,
    /// Decisions taken in the second before.
    pub decisions_per_s: u64,
    /// New orders written so far.
    pub orders: u64,
    /// Amends so far that changed price or size; not shown.
    pub amends: u64,
    /// Fills so far.
    pub fills: u64,
    /// Contracts held, all markets together, by their signs.
    pub position: Count,
    /// Profit after fees so far.
    pub pnl: Money,
    /// The stretch of a tick's path that takes longest, by its p99, once anything was measured.
    pub worst: Option<(Span, u64)>,
}

impl LiveFigures {
}

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
