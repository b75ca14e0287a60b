//! The code that the fuzz targets and the regression test run on an input: one file per target, each with a function
//! `run` that panics if the input breaks a rule. Only the library's public interface is used.

pub mod answers;
pub mod configs;
pub mod exchange;
pub mod frames;
pub mod http;
pub mod journals;
pub mod scenarios;
