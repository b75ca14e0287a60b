//! The identity and memory of a policy, as a checkpoint keeps them. Model weights stay in their files and are
//! identified by a digest, so that a recorded session is only replayed with the same weights.

use aws_lc_rs::digest::{SHA256, digest};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Policy;

/// Which policy it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyIdentity {
    /// The name. If a strategy changes how it decides, its name must change, for example by a version in it.
    pub name: String,
    /// Where its file was read, unless it is in the binary.
    pub file: Option<String>,
    /// The SHA-256 of that file or of the built-in model, in hexadecimal; empty if there is neither.
    pub digest: String,
    /// The settings as TOML; empty for a policy without settings.
    pub settings: String,
}

impl PolicyIdentity {
    /// The identity of a policy without a file and without settings.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

/// A policy as recorded in a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// Name, file and settings.
    pub identity: PolicyIdentity,
    /// The terms as text.
    pub terms: String,
    /// The memory in the policy's own encoding.
    pub memory: Vec<u8>,
}

impl PolicyRecord {
    /// Records a policy in its current state.
    #[must_use]
    pub fn of(policy: &impl Policy) -> Self {
        let mut memory = Vec::new();
        policy.save(&mut memory);
        Self { identity: policy.identity(), terms: policy.terms().to_string(), memory }
    }

    /// Whether both are the same policy, with the same file contents, settings and terms. The path of the file does not
    /// matter.
    #[must_use]
    pub fn is_same_policy(&self, other: &Self) -> bool {
        fn all(record: &PolicyRecord) -> (&str, &str, &str, &str) {
            let PolicyIdentity { name, digest, settings, .. } = &record.identity;
            (name, digest, settings, &record.terms)
        }
        all(self) == all(other)
    }
}

impl std::fmt::Display for PolicyRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let PolicyIdentity { name, file, digest, settings } = &self.identity;
        write!(f, "policy {name}")?;
        if let Some(file) = file {
            write!(f, " from {file}")?;
        }
        if !digest.is_empty() {
            write!(f, " (SHA-256 {digest})")?;
        }
        if !settings.is_empty() {
            write!(f, " with {}", settings.trim_end().replace('\n', ", "))?;
        }
        write!(f, ", {}", self.terms)
    }
}

/// A memory that a policy cannot restore.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("its memory of {bytes} bytes cannot be restored: {reason}")]
pub struct MemoryError {
    /// The length of the memory.
    pub bytes: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl MemoryError {
    /// Refuses a memory for this reason.
    #[must_use]
    pub fn new(memory: &[u8], reason: impl std::fmt::Display) -> Self {
        Self { bytes: memory.len(), reason: reason.to_string() }
    }
}

/// Appends a value to a policy's memory, for [`Policy::save`].
///
/// # Panics
/// When the value cannot be encoded with postcard, such as a sequence of unknown length.
pub fn save_memory(value: &impl Serialize, memory: &mut Vec<u8>) {
    *memory = postcard::to_extend(value, std::mem::take(memory)).expect("a policy's memory has a binary form");
}

/// Reads back what [`save_memory`] wrote, for [`Policy::restore`].
///
/// # Errors
/// When the bytes are not a value of this type.
pub fn restore_memory<T: DeserializeOwned>(memory: &[u8]) -> Result<T, MemoryError> {
    match postcard::take_from_bytes(memory) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(MemoryError::new(memory, format_args!("{} bytes too many", rest.len()))),
        Err(error) => Err(MemoryError::new(memory, error)),
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
    fn a_policy_is_told_from_another_by_name_numbers_settings_and_terms_and_not_by_its_place() {
        let identity = PolicyIdentity { digest: digest_of(b"model"), ..PolicyIdentity::named("onnx") };
        let one = PolicyRecord { identity, terms: "obs52/1".to_owned(), memory: vec![1] };
        let with = |change: &dyn Fn(&mut PolicyRecord)| {
            let mut other = one.clone();
            change(&mut other);
            other
        };
        assert!(one.is_same_policy(&with(&|other| other.identity.file = Some("elsewhere.onnx".to_owned()))));
        assert!(one.is_same_policy(&with(&|other| other.memory.clear())));
        assert!(!one.is_same_policy(&with(&|other| other.identity.digest = digest_of(b"other"))));
        assert!(!one.is_same_policy(&with(&|other| "maker".clone_into(&mut other.identity.name))));
        assert!(!one.is_same_policy(&with(&|other| "edge = 2\n".clone_into(&mut other.identity.settings))));
        assert!(!one.is_same_policy(&with(&|other| "touch8/1".clone_into(&mut other.terms))));
    }

    #[test]
    fn a_memory_comes_back_and_another_is_refused_with_its_length() {
        let mut memory = Vec::new();
        save_memory(&(7u64, "seen".to_owned()), &mut memory);
        assert_eq!(restore_memory(&memory), Ok((7u64, "seen".to_owned())));
        let error = restore_memory::<u8>(&memory).unwrap_err().to_string();
        assert_eq!(error, "its memory of 6 bytes cannot be restored: 5 bytes too many");
        assert!(restore_memory::<(u64, String)>(&memory[..3]).is_err());
    }

    #[test]
    fn a_digest_is_that_of_every_other_program() {
        assert_eq!(digest_of(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
