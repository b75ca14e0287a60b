//! The matching engine: a plain state machine over commands with a time. It owns books, orders, accounts and the life
//! of markets; it knows no socket, no JSON and no clock.

mod types;

pub use types::*;
