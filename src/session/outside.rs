//! Sessions on demo and prod, live or on paper: addresses, credentials, and the check that real orders are intended.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::folders::lock_account;
use super::paper::{Paper, PaperError};
use super::preflight::{PreflightError, check_credentials, check_venue};
use super::{SessionError, SessionPlan, SessionReport, draw_nonce, state_dir};
use crate::clock::SessionClock;
use crate::config::{Config, VenueConfig, VenueName};
use crate::host::clock::{Clock, wall_ms};
use crate::host::lock::{FolderLock, LockError};
use crate::network::credentials::{CredentialsConfig, CredentialsError, load_credentials};
use crate::network::endpoint::{Endpoint, EndpointError};
use crate::network::venue::Venue;
use crate::session::clock_watch::ClockWatch;
use crate::session::state::StateDir;
use crate::wire::{REST_PREFIX, WS_PATH};

/// Why a session on demo or prod was refused.
#[derive(Debug, Error)]
pub enum OutsideError {
    /// The venue is the embedded exchange.
    #[error("venue sim is embedded in each session and ends with it; expected --venue demo or --venue prod")]
    Sim,
    /// Live trading was requested on the embedded exchange.
    #[error("--live (venue.live) sends orders to demo or prod; on venue sim there is no other way to trade")]
    LiveOnSim,
    /// Live trading on prod was requested without accepting losses.
    #[error(
        "--venue prod --live trades real money, which you may lose: add --i-accept-losses, or omit --live to \
         trade on paper"
    )]
    LossesNotAccepted,
    /// A configured address is not a usable URL.
    #[error("venue.{key}: {source}")]
    Endpoint {
        /// The key in the section `venue` of the configuration.
        key: &'static str,
        source: EndpointError,
    },
    /// A configured address has a path, although the venue's path is appended to it.
    #[error("venue.{key} = {url}: expected a scheme and a host without a path: {path} is appended")]
    PathGiven {
        /// The key in the section `venue` of the configuration.
        key: &'static str,
        url: String,
        /// The path that is appended.
        path: &'static str,
    },
    /// The credentials are missing or unusable.
    #[error("venue {venue}: {source}")]
    Credentials { venue: &'static str, source: CredentialsError },
    /// A check before the start failed.
    #[error("venue {venue}: {source}")]
    Preflight { venue: &'static str, source: PreflightError },
    /// Another process trades the account.
    #[error("another session trades this account: {0}")]
    Account(LockError),
    /// The exchange of a paper session could not be started.
    #[error(transparent)]
    Paper(#[from] PaperError),
}

/// Refuses live trading on the embedded exchange, and on prod unless losses are accepted.
///
/// # Errors
/// What is refused, and what to do instead.
pub fn check_live(config: &VenueConfig, accepts_losses: bool) -> Result<(), OutsideError> {
    match config.name {
        VenueName::Sim if config.live => Err(OutsideError::LiveOnSim),
        VenueName::Prod if config.live && !accepts_losses => Err(OutsideError::LossesNotAccepted),
        _ => Ok(()),
    }
}

/// The published base addresses of a venue, for REST and WebSocket.
fn own_urls(venue: VenueName) -> Result<[&'static str; 2], OutsideError> {
    match venue {
        VenueName::Sim => Err(OutsideError::Sim),
        VenueName::Demo => Ok(["https://external-api.demo.kalshi.co", "wss://external-api-ws.demo.kalshi.co"]),
        VenueName::Prod => Ok(["https://external-api.kalshi.com", "wss://external-api-ws.kalshi.com"]),
    }
}

/// The configured address or else the venue's, with the common path prefix.
fn endpoint(key: &'static str, configured: &str, own: &str, path: &'static str) -> Result<Endpoint, OutsideError> {
    let url = if configured.is_empty() { own } else { configured };
    let mut base: Endpoint = url.parse().map_err(|source| OutsideError::Endpoint { key, source })?;
    if !base.path.is_empty() {
        return Err(OutsideError::PathGiven { key, url: url.to_owned(), path });
    }
    path.clone_into(&mut base.path);
    Ok(base)
}

/// The addresses of demo or prod, and the credentials for them. `variable` looks up an environment variable.
///
/// # Errors
/// On the venue sim, or when an address or the credentials are unusable.
pub fn outside_venue(config: &VenueConfig, variable: impl Fn(&str) -> Option<String>) -> Result<Venue, OutsideError> {
    let [rest, socket] = own_urls(config.name)?;
    let rest = endpoint("rest_url", &config.rest_url, rest, REST_PREFIX)?;
    let socket = endpoint("ws_url", &config.ws_url, socket, WS_PATH)?;
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let named = CredentialsConfig {
        key_id: given(&config.key_id),
        private_key_path: given(&config.private_key_path).map(PathBuf::from),
    };
    let credentials = load_credentials(&named, variable)
        .map_err(|source| OutsideError::Credentials { venue: config.name.as_str(), source })?;
    let credentials = Arc::new(credentials);
    Ok(Venue { feed: socket.clone(), feed_credentials: Arc::clone(&credentials), account: socket, rest, credentials })
}

/// Demo or prod, ready for a session: the account is locked, the venue's state and clock have been checked, and for
/// paper trading an embedded exchange is running. Session time is wall time.
pub(super) struct Outside {
    name: &'static str,
    state: StateDir,
    paper: Option<Paper>,
    clock: Clock,
    session: SessionClock,
    _account: Option<FolderLock>,
}

impl Outside {
    /// Locks the account and checks the venue, and starts the paper exchange if no orders are to be sent.
    ///
    /// # Errors
    /// When a trip has not been resumed, another session trades the account, the venue refuses or can't be read, or
    /// there is nothing to trade on paper.
    pub(super) fn open(config: &Config, venue: &Venue, folder: &Path) -> Result<Self, SessionError> {
        let (name, live) = (config.venue.name.as_str(), config.venue.live);
        let state = state_dir(config, Some(folder))?;
        state.check_not_tripped()?;
        // Two sessions on one account would cancel each other's orders, whatever folders they use.
        let account = live.then(|| lock_account(venue)).transpose().map_err(OutsideError::Account)?;
        let known = if live { check_venue(venue, clock_error(config)) } else { check_credentials(venue) };
        known.map_err(|source| OutsideError::Preflight { venue: name, source })?;
        let paper = if live { None } else { Some(Paper::start(config, venue).map_err(OutsideError::Paper)?) };
        let (clock, session) = if let Some(paper) = &paper {
            (paper.clock(), paper.session())
        } else {
            let clock = Clock::start();
            let session = SessionClock::new(clock.now_ns(), wall_ms(), 1_000);
            (clock, session)
        };
        Ok(Self { name, state, paper, clock, session, _account: account })
    }

    /// The plan of a session on this venue.
    pub(super) fn plan<P>(&self, config: Config, venue: &Venue, policy: P, folder: PathBuf) -> SessionPlan<P> {
        let watch = || ClockWatch::new(self.clock.clone(), self.session, clock_error(&config));
        SessionPlan {
            state: self.state.clone(),
            label: if self.paper.is_some() { format!("paper:{}", self.name) } else { self.name.to_owned() },
            venue: self.paper.as_ref().map_or_else(|| venue.clone(), |paper| paper.venue(venue)),
            tee: self.paper.as_ref().map(Paper::tee),
            clock_watch: self.paper.is_none().then(watch),
            policy,
            clock: self.clock.clone(),
            session: self.session,
            duration: None,
            folder,
            seed: draw_nonce(),
            nonce: draw_nonce(),
            config,
        }
    }

    /// Stops the paper exchange, and adds what it knows to the report.
    pub(super) fn close(self, report: &mut SessionReport) {
        match self.paper.map(Paper::stop) {
            Some(Ok(notes)) => report.notes.extend(notes),
            Some(Err(error)) => report.failures.push(error.to_string()),
            None => {}
        }
    }
}

/// How far the wall clock may differ from the venue's.
fn clock_error(config: &Config) -> Duration {
    Duration::from_millis(config.venue.max_clock_error_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: VenueName) -> VenueConfig {
        VenueConfig { name, ..VenueConfig::default() }
    }

    #[test]
    fn orders_are_sent_to_prod_only_when_losses_are_accepted() {
        let live = |name| VenueConfig { live: true, ..config(name) };
        assert!(matches!(check_live(&live(VenueName::Prod), false), Err(OutsideError::LossesNotAccepted)));
        assert!(matches!(check_live(&live(VenueName::Sim), true), Err(OutsideError::LiveOnSim)));
        check_live(&live(VenueName::Prod), true).unwrap();
        check_live(&live(VenueName::Demo), false).unwrap();
        check_live(&config(VenueName::Prod), false).unwrap();
    }

    #[test]
    fn a_configuration_for_live_trading_does_not_start_the_embedded_exchange() {
        let venue = VenueConfig { live: true, ..config(VenueName::Sim) };
        let session = crate::Session::builder(Config { venue, ..Config::default() });
        let error = session.run(crate::decide::policy::HoldPolicy::new()).err().expect("it is refused");
        assert!(error.to_string().starts_with("--live (venue.live)"), "{error}");
    }

    #[test]
    fn each_venue_has_its_own_addresses_with_the_paths_appended() {
        let [rest, socket] = own_urls(VenueName::Demo).unwrap();
        let rest = endpoint("rest_url", "", rest, REST_PREFIX).unwrap();
        assert_eq!(rest.to_string(), "https://external-api.demo.kalshi.co/trade-api/v2");
        let socket = endpoint("ws_url", "", socket, WS_PATH).unwrap();
        assert_eq!(socket.to_string(), "wss://external-api-ws.demo.kalshi.co/trade-api/ws/v2");
        let given = endpoint("ws_url", "ws://127.0.0.1:8080/", "", WS_PATH).unwrap();
        assert_eq!(given.to_string(), "ws://127.0.0.1:8080/trade-api/ws/v2");
        let text = endpoint("rest_url", "https://host/trade-api/v2", "", REST_PREFIX).unwrap_err().to_string();
        assert!(text.contains("venue.rest_url") && text.contains("without a path"), "{text}");
    }

    #[test]
    fn sim_is_not_outside_and_missing_credentials_name_the_venue() {
        assert!(matches!(outside_venue(&config(VenueName::Sim), |_| None), Err(OutsideError::Sim)));
        let text = outside_venue(&config(VenueName::Demo), |_| None).unwrap_err().to_string();
        assert!(text.contains("venue demo") && text.contains("KALSHI_API_KEY_ID"), "{text}");
    }
}
