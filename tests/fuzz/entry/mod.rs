//! What the fuzz targets and the regression test run on an input: one file a target, each with `run`, which panics when
//! the input breaks a rule. They use the library's public interface alone.

pub mod answers;
pub mod configs;
pub mod exchange;
pub mod frames;
pub mod http;
pub mod journals;
pub mod scenarios;
