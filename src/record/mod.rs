//! The record stage: what a session leaves behind, which is the journal, the latency histograms, `summary.json` and the report.
//! It must not slow down a stage: hot threads only count in memory of their own and push bytes into a ring.

pub mod journal;

#[cfg(feature = "trader")]
pub mod decisions;
#[cfg(feature = "trader")]
pub mod latency;
#[cfg(feature = "trader")]
pub mod live;
#[cfg(feature = "trader")]
pub mod report;
#[cfg(feature = "trader")]
pub mod sessions;
#[cfg(feature = "trader")]
pub mod summary;

#[cfg(feature = "trader")]
pub use latency::{Latencies, Quantiles, Span};
