//! A trading actor for Kalshi event contracts.
pub mod clock;
pub mod decide;
pub mod exchange;
pub mod market;
pub mod messages;
pub mod pipeline;
pub mod ports;
pub mod record;
pub mod wire;
