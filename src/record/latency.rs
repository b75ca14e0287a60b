//! Latency histograms, one per measured span and thread, allocated up front; recording a value takes a nanosecond.

use std::fmt;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The longest latency that can be recorded, in nanoseconds; longer ones count as this.
pub const LATENCY_NS_MAX: u64 = 60_000_000_000;
/// The significant decimal digits kept of a recorded latency.
const DIGITS: u8 = 3;

/// A measured span of time on the path of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Span {
    /// From the bytes read from the kernel to the frame handed to the feed stage: includes the frames before it in the same
    /// read, WebSocket decoding, and the journal's copy.
    Receive = 0,
    /// From the frame handed to the feed stage to the frame parsed.
    Parse,
    /// From the event received to the book updated.
    Book,
    /// From the book updated to the observation complete.
    Observe,
    /// From the observation to the policy's answer.
    Infer,
    /// From the policy's answer to the intent ready.
    Decide,
    /// From the intent received to the risk gate passed.
    Risk,
    /// From the risk gate passed to the order bytes handed to the kernel.
    Write,
    /// From the oldest frame since the market's last decision read to the order bytes handed to the kernel.
    TickToWire,
    /// From the newest frame read to the order bytes handed to the kernel.
    NewestToWire,
    /// From the order bytes written to the response read.
    OrderRoundTrip,
    /// From a fill's frame read to `decide` having handled the portfolio update that carries it.
    FillToPortfolio,
    /// From a decision's newest frame read to `decide` having handled the portfolio update with its verdict.
    BookToPortfolio,
}

impl Span {
    pub const COUNT: usize = Self::BookToPortfolio as usize + 1;
    /// All spans, in the order of a tick's path.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Receive,
        Self::Parse,
        Self::Book,
        Self::Observe,
        Self::Infer,
        Self::Decide,
        Self::Risk,
        Self::Write,
        Self::TickToWire,
        Self::NewestToWire,
        Self::OrderRoundTrip,
        Self::FillToPortfolio,
        Self::BookToPortfolio,
    ];

    /// The key in `summary.json` and the name in the report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receive => "receive",
            Self::Parse => "parse",
            Self::Book => "book",
            Self::Observe => "observe",
            Self::Infer => "infer",
            Self::Decide => "decide",
            Self::Risk => "risk",
            Self::Write => "write",
            Self::TickToWire => "tick_to_wire",
            Self::NewestToWire => "newest_to_wire",
            Self::OrderRoundTrip => "order_round_trip",
            Self::FillToPortfolio => "fill_to_portfolio",
            Self::BookToPortfolio => "book_to_portfolio",
        }
    }
}

/// One thread's histograms. They take about 2.5 MB, all of it allocated at the start.
#[derive(Clone)]
pub struct Latencies {
    histograms: Box<[Histogram<u64>; Span::COUNT]>,
}

impl Default for Latencies {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Latencies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(Span::ALL.map(|span| (span, self.quantiles(span)))).finish()
    }
}

impl Latencies {
    #[must_use]
    pub fn new() -> Self {
        let empty = Histogram::new_with_bounds(1, LATENCY_NS_MAX, DIGITS).expect("the bounds are constants that fit");
        Self { histograms: Box::new(std::array::from_fn(|_| empty.clone())) }
    }

    /// Counts a latency in nanoseconds. Does not allocate; values above [`LATENCY_NS_MAX`] count as that.
    pub fn record(&mut self, span: Span, nanos: u64) {
        self.histograms[span as usize].saturating_record(nanos);
    }

    /// Adds another thread's figures.
    pub fn merge(&mut self, other: &Self) {
        for (ours, theirs) in self.histograms.iter_mut().zip(other.histograms.iter()) {
            ours.add(theirs).expect("all histograms have the same bounds");
        }
    }

    /// The quantiles of one span.
    #[must_use]
    pub fn quantiles(&self, span: Span) -> Quantiles {
        let histogram = &self.histograms[span as usize];
        Quantiles {
            count: histogram.len(),
            p50: histogram.value_at_quantile(0.5),
            p90: histogram.value_at_quantile(0.9),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
            max: histogram.max(),
        }
    }
}

/// The reported quantiles of a histogram, in nanoseconds; zero if nothing was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantiles {
    /// The number of latencies counted.
    pub count: u64,
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_keep_three_digits() {
        let mut latencies = Latencies::new();
        for nanos in 1..=1_000 {
            latencies.record(Span::Parse, nanos * 1_000);
        }
        let figures = latencies.quantiles(Span::Parse);
        assert_eq!(figures.count, 1_000);
        for (figure, exact) in [(figures.p50, 500_000), (figures.p99, 990_000), (figures.max, 1_000_000)] {
            assert!(figure.abs_diff(exact) <= exact / 500, "{figure} for {exact}");
        }
        assert_eq!(latencies.quantiles(Span::Book), Quantiles::default());
    }

    #[test]
    fn a_latency_beyond_the_limit_counts_as_the_longest() {
        let mut latencies = Latencies::new();
        latencies.record(Span::Write, u64::MAX);
        latencies.record(Span::Write, 0);
        let figures = latencies.quantiles(Span::Write);
        assert_eq!(figures.count, 2);
        assert!(figures.max >= LATENCY_NS_MAX && figures.max < 2 * LATENCY_NS_MAX);
    }

    #[test]
    fn merged_figures_are_those_of_all_threads() {
        let (mut feed, mut execute) = (Latencies::new(), Latencies::new());
        feed.record(Span::Parse, 100);
        execute.record(Span::Parse, 300);
        execute.record(Span::Write, 4_000);
        feed.merge(&execute);
        assert_eq!(feed.quantiles(Span::Parse).count, 2);
        assert_eq!(feed.quantiles(Span::Parse).max, 300);
        assert_eq!(feed.quantiles(Span::Write).count, 1);
    }

    #[test]
    fn spans_are_listed_in_the_order_of_their_discriminants() {
        for (number, span) in Span::ALL.into_iter().enumerate() {
            assert_eq!(span as usize, number);
        }
    }
}
