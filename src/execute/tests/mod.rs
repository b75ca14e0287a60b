//! Tests of the stage as a whole, through its inputs and its port.

mod account;
mod controls;
mod harness;
mod interleavings;
mod life;
mod orders;
mod random;
mod venue;
