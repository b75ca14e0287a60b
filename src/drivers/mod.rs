<<<<<<< HEAD
//! Drivers: what feeds the stages besides the live pipeline. Each runs the same stage code, wire encoding included.

mod network;
mod wires;

pub mod simulation;
=======
//! Drivers: what feeds the stages besides the live pipeline.

pub mod observe;
>>>>>>> part-b
