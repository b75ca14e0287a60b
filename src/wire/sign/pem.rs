//! PEM in and out: finding the wanted block, or naming what is there instead, and the little DER that turns an RSA key's PKCS#8
//! into the PKCS#1 that the exchange hands out. Decoded private keys are overwritten when dropped.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::SignError;

/// The label of an RSA private key.
pub(super) const PKCS1: &str = "RSA PRIVATE KEY";
/// The label of a private key of any kind.
pub(super) const PKCS8: &str = "PRIVATE KEY";
/// The label of a public key of any kind.
pub(super) const PUBLIC: &str = "PUBLIC KEY";

pub(super) struct PrivateBlock {
    /// [`PKCS1`] or [`PKCS8`].
    pub(super) label: &'static str,
    pub(super) der: Vec<u8>,
}

impl Drop for PrivateBlock {
    fn drop(&mut self) {
        self.der.fill(0);
        // Keeps the overwriting from being optimised away as a dead store.
        std::hint::black_box(&self.der);
    }
}

/// Finds the private key in a text.
pub(super) fn private_key(text: &str) -> Result<PrivateBlock, SignError> {
    for label in [PKCS1, PKCS8] {
        if let Some(der) = block(text, label)? {
            return Ok(PrivateBlock { label, der });
        }
    }
    Err(absent(text, "`-----BEGIN RSA PRIVATE KEY-----` or `-----BEGIN PRIVATE KEY-----`"))
}

/// Finds the public key in a text.
pub(super) fn public_key(text: &str) -> Result<Vec<u8>, SignError> {
    block(text, PUBLIC)?.ok_or_else(|| absent(text, "`-----BEGIN PUBLIC KEY-----`"))
}

/// The error for a text without the wanted block. Names the label that was found, but never quotes the text itself.
fn absent(text: &str, expected: &str) -> SignError {
    let found = text.lines().find_map(|line| line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----"));
    SignError::NotPem(match found {
        Some(label) if label.starts_with("ENCRYPTED") => {
            format!("the key is encrypted; expected an unencrypted PEM that begins with {expected}")
        }
        Some(label) if label.len() <= 40 => format!("expected a PEM that begins with {expected}, found `{label}`"),
        _ => format!("expected a PEM that begins with {expected}; key text without these lines is not read"),
    })
}

/// The DER of the first block with this label.
fn block(text: &str, label: &str) -> Result<Option<Vec<u8>>, SignError> {
    let Some((_, rest)) = text.split_once(&format!("-----BEGIN {label}-----")) else { return Ok(None) };
    let Some((body, _)) = rest.split_once(&format!("-----END {label}-----")) else {
        return Err(SignError::NotPem(format!("expected `-----END {label}-----` after the key, found none")));
    };
    if body.contains("ENCRYPTED") {
        return Err(SignError::NotPem("the key is encrypted; expected an unencrypted PEM".to_owned()));
    }
    let mut base64: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let der = STANDARD.decode(&base64);
    base64.fill(0);
    std::hint::black_box(&base64);
    match der {
        Ok(der) if !der.is_empty() => Ok(Some(der)),
        _ => Err(SignError::NotPem(format!("expected base64 between the lines of `{label}`"))),
    }
}

/// Encodes DER as PEM with lines of 64 characters.
pub(super) fn encode(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut text = format!("-----BEGIN {label}-----\n");
    for line in base64.as_bytes().chunks(64) {
        text.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
        text.push('\n');
    }
    for part in ["-----END ", label, "-----\n"] {
        text.push_str(part);
    }
    text
}

/// The PKCS#1 key inside a PKCS#8 key: `SEQUENCE { version INTEGER, algorithm SEQUENCE, key OCTET STRING }` (RFC 5208).
pub(super) fn pkcs1_of_pkcs8(der: &[u8]) -> Option<&[u8]> {
    let (outer, _) = element(der, 0x30)?;
    let (_version, rest) = element(outer, 0x02)?;
    let (_algorithm, rest) = element(rest, 0x30)?;
    Some(element(rest, 0x04)?.0)
}

/// The contents of one DER element with this tag, and the bytes after it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk()?;
    if found != tag {
        return None;
    }
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |length, &digit| length << 8 | usize::from(digit)), rest)
    };
    rest.split_at_checked(length)
}
