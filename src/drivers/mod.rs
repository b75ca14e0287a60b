//! Drivers run the stages. All use the same stage code, including the wire encoding: [`live`] on threads and sockets,
//! [`simulation`] in one thread on virtual time, [`replay`] from a journal.

pub mod campaign;
pub mod live;
pub mod observe;
pub mod replay;
pub mod simulation;
pub mod stages;
pub mod statistics;
