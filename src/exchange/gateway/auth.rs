//! Authentication: owns the keys, and checks a request's headers as the exchange does: presence, time, key, signature.

use std::collections::{BTreeMap, HashSet, VecDeque};

use super::{ExchangeNow, HttpRequest, Refusal};
use crate::exchange::engine::AccountId;
use crate::wire::sign::Verifier;

/// How many verified signatures are remembered. A client may use a recent signature for several requests.
const REMEMBERED: usize = 1_024;

/// A client's public key and the account that it trades for.
#[derive(Debug)]
pub struct ApiKey {
    /// The key's id, as in the header `KALSHI-ACCESS-KEY`.
    pub key_id: String,
    /// The account that requests signed with this key act on.
    pub account: AccountId,
    /// Verifies signatures of the key.
    pub verifier: Verifier,
}

/// The keys, and the signatures recently found valid.
#[derive(Debug, Default)]
pub(super) struct Keys {
    by_id: BTreeMap<String, (AccountId, Verifier)>,
    checked: HashSet<String>,
    checked_in_order: VecDeque<String>,
}

/// The response to a request that is not authenticated.
pub(super) fn denied(details: &'static str) -> Refusal {
    Refusal::with_details(401, "authentication_error", details).saying("authentication_error")
}

impl Keys {
    pub(super) fn add(&mut self, key: ApiKey) {
        self.by_id.insert(key.key_id, (key.account, key.verifier));
    }

    /// The account of a request whose signature must cover `path`.
    ///
    /// # Errors
    /// 401 with the exchange's body for what is wrong.
    pub(super) fn authenticate(
        &mut self,
        request: &HttpRequest<'_>,
        path: &str,
        clock_skew_ms: i64,
        now: ExchangeNow,
    ) -> Result<AccountId, Refusal> {
        let signature = match (request.signature, request.key_id) {
            (Some(signature), _) => signature,
            (None, Some(_)) => return Err(Refusal::new(401, "signature_is_missing_from_headers")),
            // Production distinguishes a request without any attempt to sign.
            (None, None) => return Err(Refusal::new(401, "token_authentication_failure")),
        };
        let timestamp = request.timestamp.unwrap_or_default();
        let fresh = |sent_ms: i64| sent_ms.saturating_sub(now.wall_ms).saturating_abs() <= clock_skew_ms;
        // Digits only: none of the exchange's forms has a sign.
        let is_number = timestamp.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || !timestamp.parse().is_ok_and(fresh) {
            return Err(Refusal::new(401, "header_timestamp_expired"));
        }
        let key_id = request.key_id.unwrap_or_default();
        let Some((account, verifier)) = self.by_id.get(key_id) else {
            return Err(denied("NOT_FOUND"));
        };
        let account = *account;
        let signed = [key_id, timestamp, request.method, path, signature].join("\n");
        if self.checked.contains(&signed) {
            return Ok(account);
        }
        if verifier.verify(timestamp, request.method, path, signature).is_err() {
            return Err(denied("INCORRECT_API_KEY_SIGNATURE"));
        }
        self.remember(signed);
        Ok(account)
    }

    fn remember(&mut self, signed: String) {
        if self.checked_in_order.len() == REMEMBERED
            && let Some(oldest) = self.checked_in_order.pop_front()
        {
            self.checked.remove(&oldest);
        }
        self.checked_in_order.push_back(signed.clone());
        self.checked.insert(signed);
    }
}
