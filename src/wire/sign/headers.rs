//! The three headers that authenticate a request.

use super::{Credentials, SignError, SignatureText};

/// The header with the key's id.
pub const KEY_HEADER: &str = "KALSHI-ACCESS-KEY";
/// The header with the time of the signature, in milliseconds since the Unix epoch.
pub const TIMESTAMP_HEADER: &str = "KALSHI-ACCESS-TIMESTAMP";
/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "KALSHI-ACCESS-SIGNATURE";

/// The names and values of the headers for an existing signature.
#[must_use]
pub fn signed_headers(key_id: &str, timestamp_ms: i64, signature: &SignatureText) -> [(&'static str, String); 3] {
    [
        (KEY_HEADER, key_id.to_owned()),
        (TIMESTAMP_HEADER, timestamp_ms.to_string()),
        (SIGNATURE_HEADER, signature.as_str().to_owned()),
    ]
}

impl Credentials {
    /// Signs a request that is sent at `timestamp_ms` (wall time, milliseconds since the Unix epoch), and returns its headers.
    /// The path starts at the root, without host and query.
    ///
    /// # Errors
    /// See [`Signer::sign`](super::Signer::sign).
    pub fn headers(
        &self,
        timestamp_ms: i64,
        method: &str,
        path: &str,
    ) -> Result<[(&'static str, String); 3], SignError> {
        let mut signature = SignatureText::new();
        self.signer.sign(timestamp_ms, method, path, &mut signature)?;
        Ok(signed_headers(&self.key_id, timestamp_ms, &signature))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Signer, generate_ed25519};
    use super::*;

    #[test]
    fn the_headers_of_a_request_verify_with_its_key() {
        let signer = Signer::from_pem(&generate_ed25519().unwrap()).unwrap();
        let verifier = signer.verifier();
        let credentials = Credentials { key_id: "an-id".to_owned(), signer };
        let path = "/trade-api/v2/portfolio/balance";
        let [key, timestamp, signature] = credentials.headers(1_790_000_000_123, "GET", path).unwrap();
        assert_eq!((key.0, key.1.as_str()), ("KALSHI-ACCESS-KEY", "an-id"));
        assert_eq!((timestamp.0, timestamp.1.as_str()), ("KALSHI-ACCESS-TIMESTAMP", "1790000000123"));
        assert_eq!(signature.0, "KALSHI-ACCESS-SIGNATURE");
        verifier.verify(&timestamp.1, "GET", path, &signature.1).unwrap();
        assert_eq!(verifier.verify(&timestamp.1, "POST", path, &signature.1), Err(SignError::Mismatch));
    }
}
