//! A trading actor for Kalshi event contracts.
pub mod backoff;
pub mod clock;
pub mod decide;
pub mod exchange;
pub mod feed;
pub mod link;
pub mod market;
pub mod messages;
pub mod ports;
pub mod reconcile;
pub mod record;
pub mod wire;
