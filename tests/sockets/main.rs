//! Whole sessions over real loopback sockets: the four threads against the embedded exchange, and the program itself.
//! No test asserts a duration; they wait for conditions.

mod common;
mod drill;
mod endings;
mod fault_runs;
mod faults;
mod full_disks;
mod kept;
mod ledger;
mod program;
mod series;
mod session;
mod storm;
