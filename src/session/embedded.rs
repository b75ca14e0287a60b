//! The embedded exchange beside a session: started before it, stopped after it, and asked for the truth at the end.

use std::sync::Arc;

use thiserror::Error;

use super::activity::Activity;
use crate::clock::SessionClock;
use crate::exchange::engine::AccountId;
use crate::exchange::gateway::{GatewaySettings, Tier};
use crate::exchange::server::{FaultControl, FeedControl, ServerPanicked};
use crate::exchange::{BuildError, Builder, Exchange, RunningExchange};
use crate::host::clock::Clock;
use crate::network::endpoint::{Endpoint, EndpointError};
use crate::network::venue::Venue;
use crate::wire::sign::SignError;

/// Why the embedded exchange is not there.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// It did not start.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// It has no account for the trader.
    #[error("the embedded exchange has no account; expected one for the trader")]
    NoAccount,
    /// The trader's key.
    #[error("the embedded exchange's key: {0}")]
    Key(#[from] SignError),
    /// Its addresses.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// It ended by a panic.
    #[error(transparent)]
    Panicked(#[from] ServerPanicked),
    /// A tier that no account has.
    #[error("exchange.tier = {0:?}: expected a documented tier such as basic or premier, or unlimited")]
    Tier(String),
}

/// A running embedded exchange and the way to it.
#[derive(Debug)]
pub struct EmbeddedExchange {
    exchange: RunningExchange,
    /// Where and as whom to trade.
    pub venue: Venue,
    /// Session time, shared with the exchange.
    pub session: SessionClock,
    /// The monotonic clock of the session.
    pub clock: Clock,
}

/// The settings of an exchange from the configuration.
///
/// # Errors
/// When the tier is unknown.
pub fn settings(config: &crate::config::ExchangeConfig) -> Result<GatewaySettings, EmbeddedError> {
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    Ok(GatewaySettings {
        order_latency_ms: signed(config.order_latency_ms),
        read_lag_ms: signed(config.read_lag_ms),
        tier: Tier::from_name(&config.tier).ok_or_else(|| EmbeddedError::Tier(config.tier.clone()))?,
        ..GatewaySettings::default()
    })
}

impl EmbeddedExchange {
    /// Starts an exchange whose first account is the trader's. Its keys stay in memory.
    ///
    /// # Errors
    /// When its world is impossible, its keys can't be made, or the system refuses a socket or thread.
    pub fn start(exchange: Builder) -> Result<Self, EmbeddedError> {
        let clock = Clock::start();
        let exchange = exchange.origin(clock.origin()).start()?;
        let account = exchange.accounts.first().ok_or(EmbeddedError::NoAccount)?;
        let credentials = Arc::new(account.credentials()?);
        let socket: Endpoint = exchange.ws_url.parse()?;
        let venue = Venue {
            feed: socket.clone(),
            feed_credentials: Arc::clone(&credentials),
            account: socket,
            rest: exchange.rest_url.parse()?,
            credentials,
        };
        Ok(Self { session: exchange.clock, exchange, venue, clock })
    }

    /// The control of faults.
    #[cfg(feature = "internals")]
    pub fn faults(&self) -> FaultControl {
        self.exchange.faults()
    }

    /// The way in for another venue's live feed.
    pub fn feed(&self) -> FeedControl {
        self.exchange.feed()
    }

    /// What the trader has done so far, by the exchange's records; none of an exchange whose thread has ended.
    pub fn activity(&self, orders: u64, amends: u64) -> Option<Activity> {
        let account = self.account();
        self.exchange.look(move |exchange| Activity::of(exchange.engine(), account, orders, amends))
    }

    /// Stops it and returns its final state, and the trader's account in it.
    ///
    /// # Errors
    /// When its thread panicked.
    pub fn stop(self) -> Result<(Exchange, AccountId), EmbeddedError> {
        let account = self.account();
        Ok((self.exchange.stop()?, account))
    }

    fn account(&self) -> AccountId {
        self.exchange.accounts[0].id
    }
}
