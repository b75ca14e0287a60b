//! Refusals of our credentials. An order that is refused says something about the order; a key that is refused says that
//! nothing will be taken any more, cancels included, so the session trips. Owns the count of refusals since the last request
//! that the exchange let in.

use serde::{Deserialize, Serialize};

use crate::messages::Refusal;

/// Refusals in a row of a key that the exchange does not know, or of its signature. One may be a mishap of the exchange's.
const KEY_MAX: u32 = 3;
/// Refusals in a row of something that the key may not do. One market may be closed to an account; not everything.
const SCOPE_MAX: u32 = 10;
/// How long refusals without another reason than the time may go on, in session milliseconds: a clock comes back.
const UNCLEAR_MS: i64 = 60_000;

/// What was refused since something was let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::execute) struct Refusals {
    key: u32,
    scope: u32,
    unclear: u32,
    since_ms: i64,
}

impl Refusals {
    /// The exchange let a request in, whatever it made of it.
    pub fn let_in(&mut self) {
        *self = Self::default();
    }

    /// It refused one. Returns why the session has to trip, if it has to.
    pub fn refused(&mut self, refusal: Refusal, session_ms: i64) -> Option<String> {
        let Self { key, scope, unclear, since_ms } = self;
        if *key + *scope + *unclear == 0 {
            *since_ms = session_ms;
        }
        let (count, what) = match refusal {
            Refusal::Key => (key, "the key or its signature (HTTP 401)"),
            Refusal::Scope => (scope, "what the key is used for (HTTP 403)"),
            Refusal::Unclear => (unclear, "our requests (HTTP 401)"),
        };
        *count = count.saturating_add(1);
        let count = *count;
        let due = match refusal {
            Refusal::Key => count >= KEY_MAX,
            Refusal::Scope => count >= SCOPE_MAX,
            Refusal::Unclear => session_ms.saturating_sub(*since_ms) >= UNCLEAR_MS,
        };
        let for_s = session_ms.saturating_sub(*since_ms) / 1_000;
        due.then(|| {
            format!(
                "credentials refused: the exchange refuses {what}, {count} times within {for_s} s and nothing else was let \
                 in; cancels are refused as well, so orders may rest until their leases end"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_refused_three_times_in_a_row_is_one_that_is_gone() {
        let mut refusals = Refusals::default();
        for _ in 0..2 {
            assert_eq!(refusals.refused(Refusal::Key, 0), None);
            assert_eq!(refusals.refused(Refusal::Key, 1), None);
            refusals.let_in();
        }
        assert_eq!(refusals.refused(Refusal::Key, 2_000), None);
        assert_eq!(refusals.refused(Refusal::Unclear, 2_500), None);
        assert_eq!(refusals.refused(Refusal::Key, 3_000), None);
        let reason = refusals.refused(Refusal::Key, 5_000).unwrap();
        assert!(reason.contains("the key or its signature") && reason.contains("3 times within 3 s"), "{reason}");
    }

    #[test]
    fn a_clock_may_come_back_within_a_minute() {
        let mut refusals = Refusals::default();
        for at_ms in (0..60_000).step_by(500) {
            assert_eq!(refusals.refused(Refusal::Unclear, at_ms), None);
        }
        assert!(refusals.refused(Refusal::Unclear, 60_000).is_some());
        refusals.let_in();
        assert_eq!(refusals.refused(Refusal::Unclear, 60_001), None);
    }

    #[test]
    fn some_requests_that_the_key_may_not_make_are_borne() {
        let mut refusals = Refusals::default();
        for _ in 0..9 {
            assert_eq!(refusals.refused(Refusal::Scope, 0), None);
        }
        assert!(refusals.refused(Refusal::Scope, 0).unwrap().contains("HTTP 403"));
    }
}
