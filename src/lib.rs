//! A trading actor for Kalshi event contracts.
pub mod backoff;
pub mod book;
pub mod clock;
pub mod config;
pub mod decide;
pub mod drivers;
pub mod exchange;
pub mod execute;
pub mod feed;
pub mod link;
pub mod market;
pub mod messages;
pub mod pipeline;
pub mod ports;
pub mod reconcile;
pub mod record;
pub mod wire;
