//! The whole trader and the exchange in one thread on virtual time.

mod generated;
mod observed;
mod recorded;
mod support;
mod tampered;
