//! A trading actor for Kalshi event contracts.
pub mod clock;
pub mod market;
pub mod messages;
