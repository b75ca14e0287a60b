//! The record stage: what a session leaves behind. Owns the journal, the latency histograms, `summary.json` and the
//! report. May not slow a stage: hot threads only count into memory of their own and push bytes into a ring.

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
