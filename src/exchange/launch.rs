//! Starts an exchange with sockets and keys: what the command `exchange` and a run on the embedded venue need.

use std::io;
use std::num::NonZeroU8;
use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

use super::gateway::GatewaySettings;
use super::keys::{self, IssuedKey};
use super::participants::World;
use super::recordings::Recording;
use super::server::{Server, ServerConfig, ServerError, ServerHandle};
use super::venue::{ClientAccount, Exchange, ExchangeConfig, ExchangeError};
use crate::market::Money;
use crate::wire::sign::{SignError, Verifier};

/// What to launch.
#[derive(Debug)]
pub struct LaunchConfig {
    /// Decides the engine's identifiers.
    pub seed: u64,
    /// The gateway's settings.
    pub settings: GatewaySettings,
    /// The markets and who trades in them.
    pub world: World,
    /// How many accounts there are to trade with, at least one.
    pub accounts: NonZeroU8,
    /// The cash of each account, by shard.
    pub cash: Vec<(u8, Money)>,
    /// Whether the balances of accounts move in steps of $0.0001 instead of cents.
    pub direct_member: bool,
    /// Recorded markets.
    pub recordings: Vec<Recording>,
    /// Sockets and clocks.
    pub server: ServerConfig,
    /// Where the private keys are written.
    pub key_directory: PathBuf,
}

/// What a client needs to know. Printed as one JSON line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The base URL of REST.
    pub rest_url: String,
    /// The WebSocket's URL.
    pub ws_url: String,
    /// The keys of the first account.
    #[serde(flatten)]
    pub first: AccountKeys,
    /// The keys of every account, the first one's again included.
    pub accounts: Vec<AccountKeys>,
}

/// The keys of an account: either signs for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountKeys {
    /// The RSA key's id.
    pub key_id: String,
    /// Where its private key is.
    pub private_key_path: PathBuf,
    /// The Ed25519 key's id.
    pub ed25519_key_id: String,
    /// Where its private key is.
    pub ed25519_private_key_path: PathBuf,
}

/// Why the exchange was not launched.
#[derive(Debug, Error)]
pub enum LaunchError {
    /// A key could not be made.
    #[error("the exchange's keys: {0}")]
    Key(#[from] SignError),
    /// A key could not be written.
    #[error("the exchange's key file {path}: {source}")]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The world is impossible.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The sockets.
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// Writes a key, replacing the file of an earlier launch.
fn write_key(key: &IssuedKey, directory: &Path, name: &str) -> Result<PathBuf, LaunchError> {
    let path = directory.join(name);
    let error = |source| LaunchError::KeyFile { path: path.clone(), source };
    match std::fs::remove_file(&path) {
        Err(reason) if reason.kind() != io::ErrorKind::NotFound => return Err(error(reason)),
        _ => key.write_to(&path).map_err(error)?,
    }
    Ok(path)
}

/// Makes and writes the keys of an account. The first account's files have the plain names.
fn issue_keys(directory: &Path, number: u8) -> Result<(AccountKeys, Vec<(String, Verifier)>), LaunchError> {
    let (rsa, ed25519) = (keys::issue_rsa()?, keys::issue_ed25519()?);
    let name = |kind: &str| match number {
        1 => format!("{kind}.pem"),
        _ => format!("account-{number}-{kind}.pem"),
    };
    let private_key_path = write_key(&rsa, directory, &name("rsa"))?;
    let ed25519_private_key_path = write_key(&ed25519, directory, &name("ed25519"))?;
    let signers = [&rsa, &ed25519].into_iter().map(|key| (key.key_id.clone(), key.verifier.clone())).collect();
    let account =
        AccountKeys { key_id: rsa.key_id, private_key_path, ed25519_key_id: ed25519.key_id, ed25519_private_key_path };
    Ok((account, signers))
}

/// Makes keys for the accounts, writes them, and starts the exchange on its sockets.
///
/// # Errors
/// When a key can't be made or written, the world can't be listed, or the address can't be listened on.
pub fn launch(config: LaunchConfig) -> Result<(ServerHandle, Facts), LaunchError> {
    let directory = &config.key_directory;
    std::fs::create_dir_all(directory).map_err(|source| LaunchError::KeyFile { path: directory.clone(), source })?;
    let (mut accounts, mut clients) = (Vec::new(), Vec::new());
    for number in 1..=config.accounts.get() {
        let (account, signers) = issue_keys(directory, number)?;
        accounts.push(account);
        let mut client = ClientAccount::with_cash(signers, config.cash.clone());
        client.spec.direct_member = config.direct_member;
        clients.push(client);
    }
    let session_ms = config.server.session_ms();
    let exchange = Exchange::new(
        ExchangeConfig {
            seed: config.seed,
            settings: config.settings,
            clients,
            world: config.world,
            recordings: config.recordings,
        },
        session_ms,
    )?;
    let handle = Server::start(exchange, config.server)?;
    let facts = Facts {
        rest_url: handle.rest_url.clone(),
        ws_url: handle.ws_url.clone(),
        first: accounts[0].clone(),
        accounts,
    };
    Ok((handle, facts))
}
