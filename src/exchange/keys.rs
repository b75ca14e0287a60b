//! Keys handed out by the embedded exchange, as the real one does on its website: an id, and a private key as PEM.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::wire::sign::{self, Algorithm, Credentials, SignError, Signer, Verifier};

/// A key handed out by the exchange.
#[derive(Clone)]
pub struct IssuedKey {
    /// The key's id, for the header `KALSHI-ACCESS-KEY`.
    pub key_id: String,
    /// The private key as PEM. Secret.
    pub private_key_pem: String,
    /// Verifies signatures made with the key.
    pub verifier: Verifier,
    /// The kind of key.
    pub algorithm: Algorithm,
    /// The file to which the private key was written, if any.
    pub path: Option<PathBuf>,
}

impl std::fmt::Debug for IssuedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IssuedKey({})", self.key_id)
    }
}

fn issue(private_key_pem: String) -> Result<IssuedKey, SignError> {
    // The key is random, and so is its hash: an id that cannot be guessed, in the form of a version-4 UUID (RFC 9562).
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, private_key_pem.as_bytes());
    let (bytes, _) = hash.as_ref().split_first_chunk::<16>().expect("a SHA-256 hash has 32 bytes");
    let bits = u128::from_be_bytes(*bytes) & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    IssuedKey::from_pem(crate::market::OrderId::from_bits(bits).to_string(), private_key_pem)
}

/// Generates an RSA key of 2048 bits (PKCS#1 PEM), which takes some tenths of a second.
///
/// # Errors
/// If the cryptographic library fails.
pub fn issue_rsa() -> Result<IssuedKey, SignError> {
    issue(sign::generate_rsa_2048()?)
}

/// Generates an Ed25519 key (PKCS#8 PEM).
///
/// # Errors
/// If the cryptographic library fails.
pub fn issue_ed25519() -> Result<IssuedKey, SignError> {
    issue(sign::generate_ed25519()?)
}

impl IssuedKey {
    /// A key supplied by the caller, under an id of the caller's choice.
    ///
    /// # Errors
    /// If the PEM does not contain a key that [`Signer::from_pem`] accepts.
    pub fn from_pem(key_id: String, private_key_pem: String) -> Result<Self, SignError> {
        let signer = Signer::from_pem(&private_key_pem)?;
        let (verifier, algorithm) = (signer.verifier(), signer.algorithm());
        Ok(Self { key_id, private_key_pem, verifier, algorithm, path: None })
    }

    /// The client's credentials, for signing requests.
    ///
    /// # Errors
    /// If `private_key_pem` was changed to something that is not a key.
    pub fn credentials(&self) -> Result<Credentials, SignError> {
        Ok(Credentials { key_id: self.key_id.clone(), signer: Signer::from_pem(&self.private_key_pem)? })
    }

    /// Writes the private key to a file that only its owner can read, replacing an existing file.
    ///
    /// # Errors
    /// If the file can't be replaced or written.
    pub(super) fn write_to(&mut self, path: PathBuf) -> io::Result<()> {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => create(&path)?.write_all(self.private_key_pem.as_bytes())?,
        }
        self.path = Some(path);
        Ok(())
    }
}

/// Creates a new file that only its owner can read.
fn create(path: &Path) -> io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}
