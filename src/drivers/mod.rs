//! Drivers: what feeds the stages besides the live pipeline. Each runs the same stage code, wire encoding included.

pub mod campaign;
mod network;
mod network_faults;
pub mod observe;
pub mod replay;
pub mod simulation;
pub mod statistics;
mod wires;
