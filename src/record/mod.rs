//! The record stage: what a session leaves behind. Owns the journal, the latency histograms, `summary.json` and the
//! report. May not slow a stage: hot threads only count into memory of their own and push bytes into a ring.

pub mod decisions;
pub mod journal;
pub mod latency;
pub mod live;
pub mod report;
pub mod sessions;
pub mod summary;

pub use latency::{Latencies, Quantiles, Span};
