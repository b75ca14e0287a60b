//! How far the end of the stage has come: stopping, tripped, quiet, compared for the last time.

use serde::{Deserialize, Serialize};

use crate::execute::readings::agreement::Agreement;

/// How far the end has come.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(in crate::execute) struct Ending {
    stopping: bool,
    tripped: Option<String>,
    quiet_since_ns: Option<u64>,
    closing: bool,
    attempts: u32,
    agreement: Option<Agreement>,
}

impl Ending {
    pub fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Why the stage tripped, if it has.
    pub fn tripped(&self) -> Option<&str> {
        self.tripped.as_deref()
    }

    pub fn agreement(&self) -> Option<&Agreement> {
        self.agreement.as_ref()
    }

    /// The stage stops. Returns whether that is news.
    pub fn stop(&mut self) -> bool {
        !std::mem::replace(&mut self.stopping, true)
    }

    /// The stage trips. The first reason stays.
    pub fn trip(&mut self, reason: String) {
        self.tripped.get_or_insert(reason);
    }

    /// Since when everything has been quiet, which it is now.
    pub fn quiet_since_ns(&mut self, mono_ns: u64) -> u64 {
        *self.quiet_since_ns.get_or_insert(mono_ns)
    }

    /// Whether the last comparison has begun, or there is nothing left to compare.
    pub fn is_closing(&self) -> bool {
        self.closing || self.agreement.is_some()
    }

    /// The last comparison begins.
    pub fn close(&mut self) {
        self.closing = true;
    }

    /// The last comparison was made.
    pub fn agree(&mut self, agreement: Agreement) {
        self.agreement.get_or_insert(agreement);
    }

    /// Whether the last comparison may be tried once more.
    pub fn may_try_again(&mut self, attempts_max: u32) -> bool {
        self.attempts += 1;
        self.attempts < attempts_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execute::readings::agreement::NotCompared;

    #[test]
    fn the_first_reason_and_the_first_agreement_stay() {
        let mut ending = Ending::default();
        assert!(ending.stop() && !ending.stop());
        ending.trip("one".to_owned());
        ending.trip("two".to_owned());
        assert_eq!(ending.tripped(), Some("one"));
        assert_eq!((ending.quiet_since_ns(7), ending.quiet_since_ns(9)), (7, 7));
        assert!(ending.may_try_again(2) && !ending.may_try_again(2));
        ending.agree(Agreement::without(NotCompared::Unreadable));
        ending.agree(Agreement::default());
        assert!(ending.is_closing() && !ending.agreement().unwrap().agrees());
    }
}
