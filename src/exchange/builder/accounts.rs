//! The accounts of an exchange's clients: the plan for one, and what the client gets.

use std::path::{Path, PathBuf};

use super::BuildError;
use crate::exchange::engine::AccountId;
use crate::exchange::keys::{IssuedKey, issue_ed25519, issue_rsa};
use crate::market::Money;
use crate::wire::sign::{Algorithm, Credentials, SignError};

/// An account to open.
#[derive(Clone, Debug, Default)]
pub struct AccountPlan {
    /// Cash by shard; if absent, the amount of [`Builder::cash`](super::Builder::cash) on every shard.
    pub cash: Option<Vec<(u8, Money)>>,
    /// The keys that sign for it. If empty, new ones are issued.
    pub keys: Vec<IssuedKey>,
}

/// A client's account, and the keys that sign for it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account's number in the engine.
    pub id: AccountId,
    /// Its keys: those of its plan, or else a new Ed25519 key and, where asked for, an RSA key.
    pub keys: Vec<IssuedKey>,
}

impl Account {
    /// Credentials from the first of its keys.
    ///
    /// # Errors
    /// If the first key cannot be parsed.
    pub fn credentials(&self) -> Result<Credentials, SignError> {
        self.keys.first().expect("an account has the keys it was given, or new ones").credentials()
    }

    /// The first of its keys of a kind.
    #[must_use]
    pub fn key(&self, algorithm: Algorithm) -> Option<&IssuedKey> {
        self.keys.iter().find(|key| key.algorithm == algorithm)
    }
}

/// Which keys are issued, and the folder to which their private halves are also written.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyIssue {
    pub(super) rsa: bool,
    pub(super) folder: Option<PathBuf>,
}

impl KeyIssue {
    /// New keys for the account with this number, counted from 1.
    pub(super) fn issue(&self, number: usize) -> Result<Vec<IssuedKey>, BuildError> {
        let mut keys = vec![issue_ed25519()?];
        if self.rsa {
            keys.push(issue_rsa()?);
        }
        if let Some(folder) = &self.folder {
            write(&mut keys, folder, number)?;
        }
        Ok(keys)
    }
}

/// Writes the keys of an account to files. Those of the first account have no number in their names.
fn write(keys: &mut [IssuedKey], folder: &Path, number: usize) -> Result<(), BuildError> {
    std::fs::create_dir_all(folder).map_err(|source| BuildError::KeyFile { path: folder.to_owned(), source })?;
    for key in keys {
        let kind = match key.algorithm {
            Algorithm::Rsa => "rsa",
            Algorithm::Ed25519 => "ed25519",
        };
        let path = folder.join(match number {
            1 => format!("{kind}.pem"),
            _ => format!("account-{number}-{kind}.pem"),
        });
        key.write_to(path.clone()).map_err(|source| BuildError::KeyFile { path, source })?;
    }
    Ok(())
}
