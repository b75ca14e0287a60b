//! The embedded exchange of a session: started before it, stopped after it, and queried for what really happened.

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

/// Why the embedded exchange could not be started or failed.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// The exchange could not be started.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The exchange has no account for the trader.
    #[error("the embedded exchange has no account; expected one for the trader")]
    NoAccount,
    /// The trader's key is unusable.
    #[error("the embedded exchange's key: {0}")]
    Key(#[from] SignError),
    /// An address of the exchange is unusable.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The thread of the exchange panicked.
    #[error(transparent)]
    Panicked(#[from] ServerPanicked),
    /// The configured tier does not exist.
    #[error("exchange.tier = {0:?}: expected a documented tier such as basic or premier, or unlimited")]
    Tier(String),
}

#[derive(Debug)]
pub struct EmbeddedExchange {
    exchange: RunningExchange,
    /// The addresses of the exchange and the trader's credentials.
    pub venue: Venue,
    /// Session time, shared with the exchange.
    pub session: SessionClock,
    /// The monotonic clock of the session.
    pub clock: Clock,
}

/// Converts the configuration to settings of the exchange.
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
    /// When its world is impossible, its keys can't be generated, or a socket or thread can't be created.
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

    #[cfg(feature = "internals")]
    pub fn faults(&self) -> FaultControl {
        self.exchange.faults()
    }

    /// A handle through which another venue's live feed is played.
    pub fn feed(&self) -> FeedControl {
        self.exchange.feed()
    }

    /// What the trader has done so far, by the exchange's records; `None` if the exchange's thread has ended.
    pub fn activity(&self, orders: u64, amends: u64) -> Option<Activity> {
        let account = self.account();
        self.exchange.look(move |exchange| Activity::of(exchange.engine(), account, orders, amends))
    }

    /// Stops the exchange and returns its final state and the trader's account.
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
