//! A trading actor for Kalshi event contracts.
pub mod book;
pub mod clock;
pub mod decide;
pub mod drivers;
pub mod exchange;
pub mod market;
pub mod messages;
pub mod ports;
pub mod record;
pub mod wire;
