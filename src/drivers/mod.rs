//! Drivers: what feeds the stages besides the live pipeline.

pub mod observe;
