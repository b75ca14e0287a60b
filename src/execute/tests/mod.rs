//! Tests of the stage as a whole, through its inputs and its port.

mod account;
mod blocks;
mod controls;
mod groups;
mod harness;
mod interleavings;
mod leases;
mod life;
mod notes;
mod orders;
mod random;
mod unread;
mod venue;
