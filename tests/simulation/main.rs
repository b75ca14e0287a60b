//! The whole trader and the exchange in one thread on virtual time.

mod campaign;
mod generated;
mod observed;
mod recorded;
mod support;
mod tampered;
