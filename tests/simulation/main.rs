//! The whole trader and the exchange in one thread on virtual time.

mod campaign;
mod faults;
mod generated;
mod memory;
mod observed;
mod own_strategy;
mod recorded;
mod replayed;
mod scenarios;
mod support;
mod tampered;
mod watch;
