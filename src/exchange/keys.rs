//! Keys that the embedded exchange hands out, as the real one does on its website: an id, and a private key as PEM.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::wire::sign::{self, SignError, Signer, Verifier};

/// A key handed out.
pub struct IssuedKey {
    /// What `KALSHI-ACCESS-KEY` must name.
    pub key_id: String,
    /// The private key as PEM. Secret.
    pub private_key_pem: String,
    /// Checks its signatures.
    pub verifier: Verifier,
}

impl std::fmt::Debug for IssuedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IssuedKey({})", self.key_id)
    }
}

fn issue(private_key_pem: String) -> Result<IssuedKey, SignError> {
    let verifier = Signer::from_pem(&private_key_pem)?.verifier();
    // The key is random, and so is its hash: an id that nobody can guess, in the form of a version-4 UUID (RFC 9562).
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, private_key_pem.as_bytes());
    let (bytes, _) = hash.as_ref().split_first_chunk::<16>().expect("a SHA-256 hash has 32 bytes");
    let bits = u128::from_be_bytes(*bytes) & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let key_id = crate::market::OrderId::from_bits(bits).to_string();
    Ok(IssuedKey { key_id, private_key_pem, verifier })
}

/// Makes an RSA key of 2048 bits (PKCS#1 PEM). Takes some tenths of a second.
///
/// # Errors
/// When the cryptographic library fails.
pub fn issue_rsa() -> Result<IssuedKey, SignError> {
    issue(sign::generate_rsa_2048()?)
}

/// Makes an Ed25519 key (PKCS#8 PEM).
///
/// # Errors
/// When the cryptographic library fails.
pub fn issue_ed25519() -> Result<IssuedKey, SignError> {
    issue(sign::generate_ed25519()?)
}

impl IssuedKey {
    /// Writes the private key to a new file that only its owner can read.
    ///
    /// # Errors
    /// When the file exists or can't be written.
    pub fn write_to(&self, path: &Path) -> io::Result<()> {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(self.private_key_pem.as_bytes())
    }
}
