//! The embedded exchange beside a session: started before it, stopped after it, and asked for the truth at the end.

use std::num::NonZeroU8;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use thiserror::Error;

use super::activity::Activity;
use crate::clock::{Break, SessionClock};
use crate::exchange::engine::AccountId;
use crate::exchange::gateway::{GatewaySettings, Tier};
use crate::exchange::launch::{LaunchConfig, LaunchError, launch};
use crate::exchange::participants::World;
use crate::exchange::recordings::Recording;
use crate::exchange::server::{FaultControl, FeedControl, ServerConfig, ServerHandle, ServerPanicked};
use crate::exchange::venue::Exchange;
use crate::host::clock::Clock;
use crate::market::Money;
use crate::network::credentials::{CredentialsConfig, CredentialsError, load_credentials};
use crate::network::endpoint::{Endpoint, EndpointError};
use crate::network::venue::Venue;

/// What to start.
#[derive(Debug)]
pub struct EmbeddedPlan {
    /// Decides the exchange's identifiers.
    pub seed: u64,
    /// Its settings.
    pub settings: GatewaySettings,
    /// Its markets and who trades in them.
    pub world: World,
    /// The trader's cash, by shard.
    pub cash: Vec<(u8, Money)>,
    /// Whether the trader's balances move in steps of $0.0001 instead of cents.
    pub direct_member: bool,
    /// Recorded markets to play.
    pub recordings: Vec<Recording>,
    /// Session time at the start, in milliseconds since the Unix epoch.
    pub session_ms: i64,
    /// How fast session time runs, in thousandths of the wall clock.
    pub speed_milli: u32,
    /// Stretches of session time that pass in a second: see [`SessionClock::with_breaks`].
    pub breaks: Vec<Break>,
    /// Its thread yields instead of sleeping: see [`ServerConfig::yields`].
    pub yields: bool,
}

/// Why the embedded exchange is not there.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// It did not start.
    #[error(transparent)]
    Launch(#[from] LaunchError),
    /// Its keys.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Its addresses.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A folder for its keys.
    #[error("a temporary folder for the exchange's keys: {0}")]
    Folder(#[from] std::io::Error),
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
    handle: ServerHandle,
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

/// The shards of the embedded exchange's own markets.
pub const SHARDS: [u8; 2] = [0, 2];

/// The same cash on each of these shards.
pub fn cash(config: &crate::config::ExchangeConfig, shards: impl IntoIterator<Item = u8>) -> Vec<(u8, Money)> {
    shards.into_iter().map(|shard| (shard, config.cash)).collect()
}

/// A folder that is gone when this is.
struct KeyFolder(PathBuf);

impl KeyFolder {
    fn new() -> Self {
        let name = format!("kalshi-actor-keys-{:016x}", super::draw_nonce());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for KeyFolder {
    fn drop(&mut self) {
        // Nothing depends on it: the keys in it die with the exchange.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl EmbeddedExchange {
    /// Starts it on a free loopback port.
    ///
    /// # Errors
    /// When its world is impossible, its keys can't be made, or the system refuses a socket or thread.
    pub fn start(plan: EmbeddedPlan) -> Result<Self, EmbeddedError> {
        let keys = KeyFolder::new();
        let clock = Clock::start();
        let origin = Instant::now();
        let session = SessionClock::new(clock.now_ns(), plan.session_ms, plan.speed_milli).with_breaks(&plan.breaks);
        let server = ServerConfig {
            clock: SessionClock::new(0, plan.session_ms, plan.speed_milli).with_breaks(&plan.breaks),
            origin,
            yields: plan.yields,
            ..ServerConfig::local()
        };
        let (handle, facts) = launch(LaunchConfig {
            seed: plan.seed,
            settings: plan.settings,
            world: plan.world,
            accounts: NonZeroU8::MIN,
            cash: plan.cash,
            direct_member: plan.direct_member,
            recordings: plan.recordings,
            server,
            key_directory: keys.0.clone(),
        })?;
        // Ed25519: the same signatures at a twentieth of the cost.
        let credentials = CredentialsConfig {
            key_id: Some(facts.first.ed25519_key_id),
            private_key_path: Some(facts.first.ed25519_private_key_path),
        };
        let credentials = Arc::new(load_credentials(&credentials, |_| None)?);
        let socket: Endpoint = facts.ws_url.parse()?;
        let venue = Venue {
            feed: socket.clone(),
            feed_credentials: Arc::clone(&credentials),
            account: socket,
            rest: facts.rest_url.parse()?,
            credentials,
        };
        Ok(Self { handle, venue, session, clock })
    }

    /// The control of faults.
    pub fn faults(&self) -> FaultControl {
        self.handle.faults()
    }

    /// The way in for another venue's live feed.
    pub fn feed(&self) -> FeedControl {
        self.handle.feed()
    }

    /// What the trader has done so far, by the exchange's records; none of an exchange whose thread has ended.
    pub fn activity(&self, orders: u64, amends: u64) -> Option<Activity> {
        self.handle.look(move |exchange| {
            let account = exchange.clients().first().copied().unwrap_or_default();
            Activity::of(exchange.engine(), account, orders, amends)
        })
    }

    /// Stops it and returns its final state, and the trader's account in it.
    ///
    /// # Errors
    /// When its thread panicked.
    pub fn stop(self) -> Result<(Exchange, AccountId), EmbeddedError> {
        let exchange = self.handle.stop()?;
        let account = exchange.clients().first().copied().unwrap_or_default();
        Ok((exchange, account))
    }
}
