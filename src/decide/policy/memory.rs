//! Which policy it is, and what it remembers: what a checkpoint keeps of one. Model weights stay in their files and are
//! named by a digest, so that a recorded session is only ever replayed with the numbers it ran on.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::PolicyTerms;
use crate::market::MarketKey;

/// The identity and the memory of a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyMemory {
    /// Which policy: `onnx`, `maker`, `hold`, `script`, or the name of one that only a program's own code has.
    pub name: String,
    /// Where its file was read; none for what is in the binary.
    pub file: Option<String>,
    /// The SHA-256 of that file, or of the model in the binary, in hexadecimal; empty for a policy without numbers.
    pub digest: String,
    /// Its terms, in words.
    pub terms: String,
    /// Decisions so far, by market index and key: all that any policy remembers.
    pub decisions: Vec<(MarketKey, u64)>,
}

impl PolicyMemory {
    /// A policy of that name on these terms, without numbers and memory.
    #[must_use]
    pub fn of(name: &str, terms: &PolicyTerms) -> Self {
        Self {
            name: name.to_owned(),
            file: None,
            digest: String::new(),
            terms: terms.to_string(),
            decisions: Vec::new(),
        }
    }

    /// Whether both are the same policy, with the same numbers and on the same terms. Where the file lies says nothing.
    #[must_use]
    pub fn is_same_policy(&self, other: &Self) -> bool {
        (&self.name, &self.digest, &self.terms) == (&other.name, &other.digest, &other.terms)
    }
}

impl std::fmt::Display for PolicyMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "policy {}", self.name)?;
        if let Some(file) = &self.file {
            write!(f, " from {file}")?;
        }
        if !self.digest.is_empty() {
            write!(f, " (SHA-256 {})", self.digest)?;
        }
        write!(f, ", {}", self.terms)
    }
}

/// The SHA-256 of a file's bytes in hexadecimal.
#[must_use]
pub(super) fn digest_of(bytes: &[u8]) -> String {
    use std::fmt::Write;
    digest(&SHA256, bytes).as_ref().iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_told_from_another_by_name_numbers_and_terms_and_not_by_its_place() {
        let one = PolicyMemory { digest: digest_of(b"model"), ..PolicyMemory::of("onnx", &PolicyTerms::standard()) };
        assert!(one.is_same_policy(&PolicyMemory { file: Some("elsewhere.onnx".to_owned()), ..one.clone() }));
        assert!(!one.is_same_policy(&PolicyMemory { digest: digest_of(b"other"), ..one.clone() }));
        assert!(!one.is_same_policy(&PolicyMemory { name: "maker".to_owned(), ..one.clone() }));
        let terms = PolicyTerms { decide_ms: 1, ..PolicyTerms::standard() }.to_string();
        assert!(!one.is_same_policy(&PolicyMemory { terms, ..one.clone() }));
    }

    #[test]
    fn a_digest_is_that_of_every_other_program() {
        assert_eq!(digest_of(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
