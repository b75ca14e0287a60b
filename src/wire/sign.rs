//! Request signatures: RSA-PSS-SHA256 and Ed25519 over timestamp + method + path. The client signs with a [`Signer`]; the
//! embedded exchange verifies with a [`Verifier`] and hands out keys that it generated. Key material never appears in a `Debug`
//! output or an error of this module.

mod headers;
mod pem;

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey, RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

pub use headers::{KEY_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER, signed_headers};

/// The longest text that is signed, in bytes: timestamp, method and path. The longest path of the protocol has about 100 bytes.
const MAX_SIGNED: usize = 512;
/// The size of the largest signature: RSA with 4096 bits.
const MAX_SIGNATURE: usize = 512;
/// The size of its base64 form.
const MAX_TEXT: usize = MAX_SIGNATURE.div_ceil(3) * 4;

/// Why a key was rejected or a signature could not be made. Never contains key material.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SignError {
    /// The text is not a PEM of a supported kind.
    #[error("{0}")]
    NotPem(String),
    /// The PEM is well-formed, but the key in it cannot be used.
    #[error("the key in `{label}` is refused: expected {expected}")]
    BadKey { label: &'static str, expected: &'static str },
    /// Timestamp, method and path are too long together.
    #[error("timestamp, method and path are {length} bytes; expected at most {MAX_SIGNED}")]
    TooLong {
        /// Their length in bytes.
        length: usize,
    },
    /// The signature does not match: made with another key, or for another timestamp, method or path.
    #[error("the signature does not match the key, timestamp, method and path")]
    Mismatch,
    /// The cryptographic library failed.
    #[error("the cryptographic library failed to {0}")]
    Library(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PSS with SHA-256, MGF1-SHA-256 and a salt of 32 bytes.
    Rsa,
    /// Ed25519 (RFC 8032).
    Ed25519,
}

/// A signature in standard base64, in a fixed buffer that its owner reuses.
#[derive(Clone)]
pub struct SignatureText {
    bytes: [u8; MAX_TEXT],
    length: usize,
}

impl SignatureText {
    /// An empty text.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: [0; MAX_TEXT], length: 0 }
    }

    /// The value of the signature header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).expect("base64 is ASCII")
    }

    fn set(&mut self, signature: &[u8]) {
        self.length =
            STANDARD.encode_slice(signature, &mut self.bytes).expect("the buffer holds the largest signature's base64");
    }
}

impl Default for SignatureText {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for SignatureText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignatureText({} characters)", self.length)
    }
}

enum PrivateKey {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// A private key that signs requests.
pub struct Signer {
    key: PrivateKey,
}

impl Signer {
    /// Parses a PEM: `RSA PRIVATE KEY` (PKCS#1), or `PRIVATE KEY` (PKCS#8) with an RSA or an Ed25519 key. Text around the block
    /// is ignored. RSA keys must have 2048 to 4096 bits.
    ///
    /// # Errors
    /// If there is no such block, it is encrypted or damaged, or the key is of another kind.
    pub fn from_pem(text: &str) -> Result<Self, SignError> {
        let block = pem::private_key(text)?;
        let key = match block.label {
            pem::PKCS1 => RsaKeyPair::from_der(&block.der).ok().map(PrivateKey::Rsa),
            _ => Ed25519KeyPair::from_pkcs8(&block.der)
                .map(PrivateKey::Ed25519)
                .or_else(|_| RsaKeyPair::from_pkcs8(&block.der).map(PrivateKey::Rsa))
                .ok(),
        };
        match key {
            Some(PrivateKey::Rsa(key)) if !(256..=MAX_SIGNATURE).contains(&key.public_modulus_len()) => {
                Err(SignError::BadKey { label: block.label, expected: "an RSA key of 2048 to 4096 bits" })
            }
            Some(key) => Ok(Self { key }),
            None if block.label == pem::PKCS1 => {
                Err(SignError::BadKey { label: block.label, expected: "an RSA private key (PKCS#1)" })
            }
            None => Err(SignError::BadKey { label: block.label, expected: "an RSA or Ed25519 private key (PKCS#8)" }),
        }
    }

    /// The kind of key.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.key {
            PrivateKey::Rsa(_) => Algorithm::Rsa,
            PrivateKey::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// Signs `timestamp_ms` + `method` + `path` into `out`. The method is in upper case; the path starts at the root, without
    /// host and query. An RSA signature takes about a millisecond, an Ed25519 signature some tens of microseconds.
    ///
    /// # Errors
    /// If the three together are longer than 512 bytes, or the library fails.
    pub fn sign(&self, timestamp_ms: i64, method: &str, path: &str, out: &mut SignatureText) -> Result<(), SignError> {
        let mut timestamp = [0u8; 20];
        let timestamp = decimal(timestamp_ms, &mut timestamp);
        let message = SignedBytes::new([timestamp, method.as_bytes(), path.as_bytes()])?;
        match &self.key {
            PrivateKey::Rsa(key) => {
                let mut signature = [0u8; MAX_SIGNATURE];
                let signature = &mut signature[..key.public_modulus_len()];
                key.sign(&RSA_PSS_SHA256, &SystemRandom::new(), message.as_bytes(), signature)
                    .map_err(|_| SignError::Library("sign with RSA-PSS"))?;
                out.set(signature);
            }
            PrivateKey::Ed25519(key) => {
                let signature =
                    key.try_sign(message.as_bytes()).map_err(|_| SignError::Library("sign with Ed25519"))?;
                out.set(signature.as_ref());
            }
        }
        Ok(())
    }

    /// The verifier for this key's signatures.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        let public = match &self.key {
            PrivateKey::Rsa(key) => ParsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key.public_key()),
            PrivateKey::Ed25519(key) => ParsedPublicKey::new(&ED25519, key.public_key()),
        };
        Verifier { key: public.expect("the public half of an accepted key is valid") }
    }

    /// The public key as SPKI PEM (`BEGIN PUBLIC KEY`).
    ///
    /// # Errors
    /// If the library cannot encode it.
    pub fn public_key_pem(&self) -> Result<String, SignError> {
        let der: Result<PublicKeyX509Der<'_>, _> = match &self.key {
            PrivateKey::Rsa(key) => key.public_key().as_der(),
            PrivateKey::Ed25519(key) => key.public_key().as_der(),
        };
        let der = der.map_err(|_| SignError::Library("encode a public key"))?;
        Ok(pem::encode(pem::PUBLIC, der.as_ref()))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({:?})", self.algorithm())
    }
}

/// A public key that verifies signatures.
#[derive(Clone)]
pub struct Verifier {
    key: ParsedPublicKey,
}

impl Verifier {
    /// Parses an SPKI PEM (`BEGIN PUBLIC KEY`) with an RSA or an Ed25519 key.
    ///
    /// # Errors
    /// If there is no such block, it is damaged, or the key is of another kind.
    pub fn from_pem(text: &str) -> Result<Self, SignError> {
        let der = pem::public_key(text)?;
        ParsedPublicKey::new(&ED25519, &der)
            .or_else(|_| ParsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, &der))
            .map(|key| Self { key })
            .map_err(|_| SignError::BadKey { label: pem::PUBLIC, expected: "an RSA or Ed25519 public key (SPKI)" })
    }

    /// Verifies a request's signature. `timestamp` is the text of the header, since that is what was signed.
    ///
    /// # Errors
    /// [`SignError::Mismatch`] if the signature is not base64, or not by this key over these three.
    pub fn verify(&self, timestamp: &str, method: &str, path: &str, signature: &str) -> Result<(), SignError> {
        // Not limited to MAX_SIGNED: a client may send more than this program ever signs, such as a path with escapes.
        let parts = [timestamp.as_bytes(), method.as_bytes(), path.as_bytes()];
        let message = parts.concat();
        let mut bytes = [0u8; MAX_SIGNATURE + 3];
        let length = STANDARD.decode_slice(signature, &mut bytes).map_err(|_| SignError::Mismatch)?;
        self.key.verify_sig(&message, &bytes[..length]).map_err(|_| SignError::Mismatch)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

/// A key id and its private key: the identity of a client on the exchange.
pub struct Credentials {
    /// The exchange's id of the key, sent in the `KALSHI-ACCESS-KEY` header.
    pub key_id: String,
    /// The private key.
    pub signer: Signer,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({:?})", self.signer.algorithm())
    }
}

/// Generates an RSA key of 2048 bits as PKCS#1 PEM, the form in which the exchange hands out keys.
///
/// # Errors
/// If the library fails.
pub fn generate_rsa_2048() -> Result<String, SignError> {
    let failed = |_| SignError::Library("make an RSA key");
    let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
    let pkcs8: Pkcs8V1Der<'_> = key.as_der().map_err(failed)?;
    let pkcs1 = pem::pkcs1_of_pkcs8(pkcs8.as_ref()).ok_or(SignError::Library("encode an RSA key"))?;
    Ok(pem::encode(pem::PKCS1, pkcs1))
}

/// Generates an Ed25519 key as PKCS#8 PEM, the form in which the exchange hands out keys.
///
/// # Errors
/// If the library fails.
pub fn generate_ed25519() -> Result<String, SignError> {
    let failed = |_| SignError::Library("make an Ed25519 key");
    let key = Ed25519KeyPair::generate().map_err(failed)?;
    let pkcs8 = key.to_pkcs8v1().map_err(failed)?;
    Ok(pem::encode(pem::PKCS8, pkcs8.as_ref()))
}

/// The three signed parts, concatenated on the stack.
struct SignedBytes {
    bytes: [u8; MAX_SIGNED],
    length: usize,
}

impl SignedBytes {
    fn new(parts: [&[u8]; 3]) -> Result<Self, SignError> {
        let length = parts.iter().map(|part| part.len()).sum();
        let mut bytes = [0; MAX_SIGNED];
        if length > MAX_SIGNED {
            return Err(SignError::TooLong { length });
        }
        let mut at = 0;
        for part in parts {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        Ok(Self { bytes, length })
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The decimal text of an integer.
fn decimal(value: i64, buffer: &mut [u8; 20]) -> &[u8] {
    use std::io::Write;
    let mut rest = &mut buffer[..];
    write!(rest, "{value}").expect("twenty bytes hold any i64");
    let unused = rest.len();
    &buffer[..20 - unused]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const PATH: &str = "/trade-api/v2/portfolio/events/orders";

    fn signed(signer: &Signer) -> SignatureText {
        let mut text = SignatureText::new();
        signer.sign(1_703_123_456_789, "GET", PATH, &mut text).unwrap();
        text
    }

    #[test]
    fn signatures_of_a_generated_key_verify_with_its_public_key() {
        for (pem, algorithm, characters) in
            [(generate_rsa_2048().unwrap(), Algorithm::Rsa, 344), (generate_ed25519().unwrap(), Algorithm::Ed25519, 88)]
        {
            let signer = Signer::from_pem(&pem).unwrap();
            assert_eq!(signer.algorithm(), algorithm);
            let text = signed(&signer);
            assert_eq!(text.as_str().len(), characters);
            let from_pem = Verifier::from_pem(&signer.public_key_pem().unwrap()).unwrap();
            for verifier in [signer.verifier(), from_pem] {
                assert_eq!(verifier.verify("1703123456789", "GET", PATH, text.as_str()), Ok(()));
            }
        }
    }

    #[test]
    fn a_signature_of_anything_else_is_rejected() {
        for pem in [generate_rsa_2048().unwrap(), generate_ed25519().unwrap()] {
            let signer = Signer::from_pem(&pem).unwrap();
            let verifier = signer.verifier();
            let good = signed(&signer);
            for (timestamp, method, path) in [
                ("1703123456788", "GET", PATH),
                ("1703123456789", "POST", PATH),
                ("1703123456789", "GET", "/trade-api/v2/portfolio/events/order"),
            ] {
                assert_eq!(verifier.verify(timestamp, method, path, good.as_str()), Err(SignError::Mismatch));
            }
            for tampered in ["", "not base64!", &good.as_str()[4..], &"A".repeat(good.as_str().len())] {
                assert_eq!(verifier.verify("1703123456789", "GET", PATH, tampered), Err(SignError::Mismatch));
            }
            let other = Signer::from_pem(&generate_ed25519().unwrap()).unwrap().verifier();
            assert!(other.verify("1703123456789", "GET", PATH, good.as_str()).is_err());
        }
    }

    #[test]
    fn invalid_private_keys_are_rejected_with_what_was_expected() {
        let rsa = generate_rsa_2048().unwrap();
        let bare: String = rsa.lines().filter(|line| !line.starts_with("-----")).collect();
        let public = Signer::from_pem(&rsa).unwrap().public_key_pem().unwrap();
        let truncated = rsa.replace("-----END RSA PRIVATE KEY-----", "");
        let mislabelled = rsa.replace("RSA PRIVATE KEY", "PRIVATE KEY");
        let encrypted = rsa.replace("RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        for (text, expected) in [
            ("", "BEGIN RSA PRIVATE KEY"),
            (&*bare, "BEGIN RSA PRIVATE KEY"),
            (&*public, "PUBLIC KEY"),
            (&*truncated, "END RSA PRIVATE KEY"),
            (&*mislabelled, "PKCS#8"),
            (&*encrypted, "encrypted"),
            ("-----BEGIN PRIVATE KEY-----\n!!\n-----END PRIVATE KEY-----", "base64"),
            ("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----", "EC PRIVATE KEY"),
        ] {
            let message = Signer::from_pem(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        let pem = generate_ed25519().unwrap();
        let credentials = Credentials { key_id: "id".into(), signer: Signer::from_pem(&pem).unwrap() };
        assert_eq!(format!("{credentials:?}"), "Credentials(Ed25519)");
    }

    #[test]
    fn a_path_too_long_to_sign_is_an_error() {
        let signer = Signer::from_pem(&generate_ed25519().unwrap()).unwrap();
        let path = "/".repeat(500);
        let outcome = signer.sign(1_703_123_456_789, "GET", &path, &mut SignatureText::new());
        assert_eq!(outcome, Err(SignError::TooLong { length: 516 }));
    }

    #[test]
    fn a_signature_over_a_path_of_any_length_is_checked() {
        let pem = generate_ed25519().unwrap();
        let key = Ed25519KeyPair::from_pkcs8(&pem::private_key(&pem).unwrap().der).unwrap();
        let path = format!("/trade-api/v2/markets/{}", "%4B".repeat(300));
        let signature = STANDARD.encode(key.sign(format!("1703123456789GET{path}").as_bytes()));
        let verifier = Signer::from_pem(&pem).unwrap().verifier();
        assert_eq!(verifier.verify("1703123456789", "GET", &path, &signature), Ok(()));
        assert_eq!(verifier.verify("1703123456789", "GET", &path[1..], &signature), Err(SignError::Mismatch));
    }

    #[test]
    fn keys_of_openssl_are_accepted_and_it_verifies_the_signatures() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
        let openssl = |arguments: &[&str]| Command::new("openssl").args(arguments).output();
        let (pkcs8, pkcs1, public) = (file("pkcs8.pem"), file("pkcs1.pem"), file("public.pem"));
        match openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", &pkcs8]) {
            Ok(output) if output.status.success() => {}
            _ => {
                println!("skipped: no openssl command that makes keys");
                return;
            }
        }
        assert!(openssl(&["rsa", "-in", &pkcs8, "-traditional", "-out", &pkcs1]).unwrap().status.success());
        assert!(openssl(&["pkey", "-in", &pkcs8, "-pubout", "-out", &public]).unwrap().status.success());
        let verifier = Verifier::from_pem(&std::fs::read_to_string(&public).unwrap()).unwrap();
        for key in [&pkcs8, &pkcs1] {
            let signer = Signer::from_pem(&std::fs::read_to_string(key).unwrap()).unwrap();
            let text = signed(&signer);
            verifier.verify("1703123456789", "GET", PATH, text.as_str()).unwrap();
            let (message, signature) = (file("message"), file("signature"));
            std::fs::write(&message, format!("1703123456789GET{PATH}")).unwrap();
            std::fs::write(&signature, STANDARD.decode(text.as_str()).unwrap()).unwrap();
            let checked = openssl(&[
                "dgst",
                "-sha256",
                "-sigopt",
                "rsa_padding_mode:pss",
                "-sigopt",
                "rsa_pss_saltlen:32",
                "-verify",
                &public,
                "-signature",
                &signature,
                &message,
            ]);
            assert!(checked.unwrap().status.success());
        }
        let ed25519 = file("ed25519.pem");
        assert!(openssl(&["genpkey", "-algorithm", "ED25519", "-out", &ed25519]).unwrap().status.success());
        let signer = Signer::from_pem(&std::fs::read_to_string(&ed25519).unwrap()).unwrap();
        assert_eq!(signer.algorithm(), Algorithm::Ed25519);
    }
}
