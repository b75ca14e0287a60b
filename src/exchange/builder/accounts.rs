//! The accounts of an exchange's clients: what is asked for, and what a client gets.

use std::path::{Path, PathBuf};

use super::BuildError;
use crate::exchange::engine::AccountId;
use crate::exchange::keys::{IssuedKey, issue_ed25519, issue_rsa};
use crate::market::Money;
use crate::wire::sign::{Algorithm, Credentials, SignError};

/// An account to open.
#[derive(Clone, Debug, Default)]
pub struct AccountPlan {
    /// Its cash by shard; without it what [`Builder::cash`](super::Builder::cash) gives every account.
    pub cash: Option<Vec<(u8, Money)>>,
    /// The keys that sign for it; without any it is issued new ones.
    pub keys: Vec<IssuedKey>,
}

/// An account of a client, and the keys that sign for it.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its number in the engine.
    pub id: AccountId,
    /// Its keys: those that it was given, or the Ed25519 one that it was issued and, where asked for, an RSA one.
    pub keys: Vec<IssuedKey>,
}

impl Account {
    /// The first of its keys, to sign with.
    ///
    /// # Errors
    /// When that is no key.
    pub fn credentials(&self) -> Result<Credentials, SignError> {
        self.keys.first().expect("an account has the keys it was given, or new ones").credentials()
    }

    /// Its key of a kind.
    #[must_use]
    pub fn key(&self, algorithm: Algorithm) -> Option<&IssuedKey> {
        self.keys.iter().find(|key| key.algorithm == algorithm)
    }
}

/// Which keys are issued, and where their private halves go besides memory.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyIssue {
    pub(super) rsa: bool,
    pub(super) folder: Option<PathBuf>,
}

impl KeyIssue {
    /// New keys of the account with this number, counted from 1.
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

/// Writes the keys of an account. The first account's files have the plain names.
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
