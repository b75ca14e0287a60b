//! Tests of the stage as a whole, through its inputs and its port.

mod account;
mod harness;
mod interleavings;
mod life;
mod orders;
mod random;
mod venue;
