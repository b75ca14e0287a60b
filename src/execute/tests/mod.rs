//! Tests of the stage as a whole, through its inputs and its port.

mod harness;
mod interleavings;
mod random;
mod scenarios;
mod venue;
